"""Whatever is given for a certificate, a key or a request: a record comes of it, or an error with a code."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from danelaw.core.model import DanelawError
from danelaw.core.tlsa import Combination
from danelaw.core.tlsa.advice import Place, advise
from danelaw.core.tlsa.material import Material, read_certificates, read_key, read_request, record_for
from signed_tree import name
from tlsa_chains import NOW, issue

CA: Final = issue("CA", ca=True)
LEAF: Final = issue("www", CA, names=("www.example.net", "*.example.net"))
REQUEST: Final = (
    x509.CertificateSigningRequestBuilder(x509.Name([]))
    .add_extension(x509.SubjectAlternativeName([x509.DNSName("www.example.net")]), critical=False)
    .sign(LEAF.key, hashes.SHA256())
)

GOOD: Final = {
    "certificate": LEAF.der,
    "request": REQUEST.public_bytes(Encoding.DER),
    "key": LEAF.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    "old key": LEAF.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
}
READERS: Final = (read_certificates, read_key, read_request)
COMBINATIONS: Final = [Combination(u, s, m) for u in range(4) for s in range(2) for m in range(3)]

damages = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=3)


def used(read: Callable[[bytes, str], Material], data: bytes) -> None:
    """All that the command does with what it reads."""
    try:
        material = read(data, "FILE")
    except DanelawError:
        return
    for combination in COMBINATIONS:
        try:
            record = record_for(combination, material)
        except DanelawError:
            continue
        assert record.combination == combination
        assert record.data
    advise(COMBINATIONS, material, [Place(name("www"), 443)], NOW)


@pytest.mark.parametrize("read", READERS)
@given(data=st.binary(max_size=300))
def test_any_octets(read: Callable[[bytes, str], Material], data: bytes) -> None:
    used(read, data)


@pytest.mark.parametrize("read", READERS)
@given(text=st.text(max_size=60), label=st.text(max_size=20), body=st.binary(max_size=90))
def test_any_armour(read: Callable[[bytes, str], Material], text: str, label: str, body: bytes) -> None:
    armoured = f"{text}\n-----BEGIN {label}-----\n{base64.b64encode(body).decode()}\n-----END {label}-----\n{text}"
    used(read, armoured.encode())


@pytest.mark.parametrize("kind", GOOD)
@given(damage=damages, cut=st.integers(0, 2000))
def test_any_damage(kind: str, damage: list[tuple[int, int]], cut: int) -> None:
    octets = bytearray(GOOD[kind][: cut or None])
    for at, value in damage:
        if octets:
            octets[at % len(octets)] = value
    for read in READERS:
        used(read, bytes(octets))
