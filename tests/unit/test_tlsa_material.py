"""What records are made of: told apart by content, cut out without re-encoding, refused by a stable code."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from dns.name import from_text

from danelaw.core.model import Chain, DanelawError
from danelaw.core.tlsa import Combination, from_spki
from danelaw.core.tlsa.der import certificate_fields, children
from danelaw.core.tlsa.material import (
    Material,
    certificates,
    demand_same_key,
    read_certificates,
    read_key,
    read_request,
    record_for,
)
from danelaw.core.tlsa.outline import Outline, outline, rsa_bits
from danelaw.core.tlsa.x509 import parse
from tlsa_chains import DAY, NOW, Issued, issue

ROOT: Final = issue("Root", ca=True)
CA: Final = issue("CA", ROOT, ca=True)
LEAF: Final = issue("www", CA, names=("www.example.net", "*.Example.NET"))
RSA: Final = rsa.generate_private_key(65537, 2048)
ALL: Final = [Combination(u, s, m) for u in range(4) for s in range(2) for m in range(3)]


def pem(*issued: Issued) -> bytes:
    return b"".join(one.certificate.public_bytes(Encoding.PEM) for one in issued)


def request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, *names: str) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www")])
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
    return builder.sign(key, hashes.SHA256())


def private(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encoding: Encoding = Encoding.PEM,
    password: bytes | None = None,
) -> bytes:
    hidden: serialization.KeySerializationEncryption = NoEncryption()
    if password is not None:
        hidden = serialization.BestAvailableEncryption(password)
    return key.private_bytes(encoding, form, hidden)


def compressed(issued: Issued) -> bytes:
    """The SubjectPublicKeyInfo with its point in the compressed form (RFC 5480 §2.2)."""
    point = issued.key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    algorithm = children(issued.spki)[0][1]
    bits = bytes((0x03, len(point) + 1, 0)) + point
    return bytes((0x30, len(algorithm) + len(bits))) + algorithm + bits


def refusal(read: Callable[[bytes, str], Material], data: bytes) -> DanelawError:
    with pytest.raises(DanelawError) as caught:
        read(data, "FILE")
    return caught.value


# -- certificates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        LEAF.der,
        pem(LEAF),
        pem(LEAF).replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + pem(LEAF),
        b"subject=CN=www\nsome words\n\n" + pem(LEAF) + b"and more\n",
        b"Bag Attributes\n    friendlyName: -----\n" + pem(LEAF),
        pem(LEAF).rstrip(b"\n"),
        pem(LEAF).replace(b"BEGIN CERTIFICATE", b"BEGIN X509 CERTIFICATE").replace(b"END CERT", b"END X509 CERT"),
        private(LEAF.key) + pem(LEAF),
        pem(LEAF) + private(LEAF.key, PrivateFormat.TraditionalOpenSSL),
        b"   " + pem(LEAF).replace(b"\n", b"\n   "),
    ],
    ids=[
        *("DER", "PEM", "CRLF", "byte order mark", "text around", "marks in text", "no last newline", "old label"),
        *("key before", "key behind", "indented"),
    ],
)
def test_a_certificate_is_read_in_every_form_that_it_is_kept_in(data: bytes) -> None:
    read = read_certificates(data, "FILE")
    assert (read.chain, read.spki) == (Chain((LEAF.der,)), LEAF.spki)


def test_the_octets_behind_a_trusted_certificate_of_openssl_are_no_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "leaf.pem"
    file.write_bytes(pem(LEAF))
    trusted = subprocess.run(  # noqa: S603 - our own words
        ["openssl", "x509", "-in", file, "-trustout", "-addtrust", "serverAuth"],  # noqa: S607 - any that is there
        capture_output=True,
        check=True,
    ).stdout
    assert b"BEGIN TRUSTED CERTIFICATE" in trusted
    assert read_certificates(trusted, "FILE").chain == Chain((LEAF.der,))


def test_a_chain_keeps_its_order() -> None:
    assert read_certificates(pem(LEAF, CA, ROOT), "FILE").chain == Chain((LEAF.der, CA.der, ROOT.der))


@pytest.mark.parametrize("chain", [(CA, LEAF), (ROOT, CA, LEAF)], ids=["CA first", "root first"])
def test_a_chain_that_does_not_begin_with_the_server_is_refused(chain: tuple[Issued, ...]) -> None:
    problem = refusal(read_certificates, pem(*chain))
    assert problem.code == "CHAIN_ORDER"
    assert f"number {len(chain)}" in problem.evidence


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"", "EMPTY_INPUT", "empty"),
        (b" \n\n", "EMPTY_INPUT", "empty"),
        (b"hello", "NOT_A_CERTIFICATE", "neither PEM nor DER"),
        (b"0123456789", "NOT_A_CERTIFICATE", "neither PEM nor DER"),
        (b"\x00" * 100, "NOT_A_CERTIFICATE", "neither PEM nor DER"),
        (LEAF.der[:-1], "NOT_A_CERTIFICATE", "neither PEM nor DER"),
        (LEAF.der + b"\n", "NOT_A_CERTIFICATE", "neither PEM nor DER"),
        (pem(LEAF)[:-30], "NOT_A_CERTIFICATE", "cut off"),
        (pem(LEAF).replace(b"M", b"!", 1), "NOT_A_CERTIFICATE", "not base64"),
        (
            b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(b"hello") + b"\n-----END CERTIFICATE-----\n",
            "NOT_A_CERTIFICATE",
            "damaged",
        ),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "NOT_A_CERTIFICATE", "damaged"),
        (private(LEAF.key), "NOT_A_CERTIFICATE", "a private key"),
        (private(LEAF.key, password=b"secret"), "NOT_A_CERTIFICATE", "an encrypted private key"),
        (request(LEAF.key).public_bytes(Encoding.PEM), "NOT_A_CERTIFICATE", "a certificate signing request"),
        (b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n", "NOT_A_CERTIFICATE", "'X509 CRL'"),
        (pkcs7.serialize_certificates([LEAF.certificate], Encoding.PEM), "NOT_A_CERTIFICATE", "a PKCS #7 bundle"),
        (
            pkcs12.serialize_key_and_certificates(b"w", LEAF.key, LEAF.certificate, None, NoEncryption()),
            "NOT_A_CERTIFICATE",
            "a PKCS #12 store",
        ),
    ],
)
def test_what_is_no_certificate_is_told_by_what_it_is(data: bytes, code: str, said: str) -> None:
    problem = refusal(read_certificates, data)
    assert problem.code == code
    assert said in str(problem)
    assert problem.hint


def test_a_file_full_of_beginnings_is_read_in_one_go() -> None:
    """A reader that looks for each end anew would take hours for this."""
    assert refusal(read_certificates, b"-----BEGIN CERTIFICATE-----\n" * 37_000).code == "NOT_A_CERTIFICATE"


# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [LEAF.key, RSA], ids=["EC", "RSA"])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_of_a_private_key_the_public_half_is_kept(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: PrivateFormat, encoding: Encoding
) -> None:
    read = read_key(private(key, form, encoding), "FILE")
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert read == Material(spki)


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()])
def test_keys_of_edwards_curves_are_read(key: ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) -> None:
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert read_key(text, "FILE").spki == key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
def test_a_public_key_is_enough(encoding: Encoding, form: PublicFormat) -> None:
    spki = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert read_key(RSA.public_key().public_bytes(encoding, form), "FILE").spki == spki


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("RSA-PSS", ["rsa_keygen_bits:2048"]),
        ("RSA-PSS", ["rsa_keygen_bits:2048", "rsa_pss_keygen_md:sha256", "rsa_pss_keygen_mgf1_md:sha256"]),
        ("EC", ["ec_paramgen_curve:P-384"]),
        ("RSA", ["rsa_keygen_bits:2048"]),
    ],
    ids=["PSS", "PSS with parameters", "EC", "RSA"],
)
def test_a_key_is_written_as_openssl_writes_it_into_certificates(algorithm: str, options: list[str]) -> None:
    """The identifier of RSASSA-PSS is part of the key that a record is about."""
    arguments = [word for option in options for word in ("-pkeyopt", option)]
    made = subprocess.run(  # noqa: S603 - our own words
        ["openssl", "genpkey", "-algorithm", algorithm, *arguments],  # noqa: S607 - whichever is installed
        capture_output=True,
        check=True,
    ).stdout
    public = subprocess.run(
        ["openssl", "pkey", "-pubout", "-outform", "DER"],  # noqa: S607 - whichever is installed
        input=made,
        capture_output=True,
        check=True,
    ).stdout
    assert read_key(made, "FILE").spki == public


@pytest.mark.parametrize(
    "data",
    [
        private(LEAF.key, password=b"secret"),
        private(LEAF.key, PrivateFormat.TraditionalOpenSSL, password=b"secret"),
        private(RSA, PrivateFormat.TraditionalOpenSSL, password=b"secret"),
        private(LEAF.key, encoding=Encoding.DER, password=b"secret"),
    ],
    ids=["PKCS #8", "of OpenSSL, EC", "of OpenSSL, RSA", "DER"],
)
def test_an_encrypted_key_is_refused_with_the_command_that_helps(data: bytes) -> None:
    problem = refusal(read_key, data)
    assert problem.code == "KEY_ENCRYPTED"
    assert "openssl pkey -in FILE -pubout" in problem.hint


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_INPUT"),
        (pem(LEAF), "NOT_A_KEY"),
        (private(LEAF.key) + private(RSA), "SEVERAL_KEYS"),
        (private(LEAF.key)[:60], "NOT_A_KEY"),
        (private(LEAF.key, encoding=Encoding.DER)[:-9] + b"\0" * 9, "NOT_A_KEY"),
        (b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "NOT_A_KEY"),
        (
            ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
            "NOT_A_KEY",
        ),
    ],
    ids=["empty", "certificate", "two", "cut off", "damaged", "nothing in it", "OpenSSH's"],
)
def test_what_is_no_single_key_is_refused(data: bytes, code: str) -> None:
    assert refusal(read_key, data).code == code


def test_no_error_quotes_a_key() -> None:
    text = private(LEAF.key)
    body = b"".join(text.splitlines()[1:-1])
    for data in (text, text[:80], text.replace(b"B", b"!"), private(LEAF.key, encoding=Encoding.DER)):
        problem = refusal(read_certificates, data)
        told = f"{problem} {problem.hint} {problem.__cause__}".encode()
        assert not any(body[at : at + 12] in told for at in range(0, len(body) - 12, 4))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (LEAF.spki, LEAF.spki, True),
        (LEAF.spki, CA.spki, False),
        (LEAF.spki, b"", False),
        (LEAF.spki, compressed(LEAF), True),  # another way to write the same point
    ],
)
def test_a_key_belongs_to_a_certificate_or_not(one: bytes, other: bytes, same: bool) -> None:
    if same:
        demand_same_key(Material(one, Chain((LEAF.der,))), Material(other), "FILE")
        return
    with pytest.raises(DanelawError) as caught:
        demand_same_key(Material(one, Chain((LEAF.der,))), Material(other), "FILE")
    assert caught.value.code == "KEY_MISMATCH"


# -- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [LEAF.key, RSA], ids=["EC", "RSA"])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_request_gives_its_key_and_the_names_that_it_asks_for(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, encoding: Encoding
) -> None:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    read = read_request(request(key, "a.example.net", "B.example.net").public_bytes(encoding), "FILE")
    assert read == Material(spki, None, ("a.example.net", "b.example.net"))
    assert read_request(request(key).public_bytes(encoding), "FILE").names is None


def test_a_request_that_its_key_did_not_sign_is_refused() -> None:
    der = request(LEAF.key, "www.example.net").public_bytes(Encoding.DER)
    other = request(CA.key, "www.example.net").public_bytes(Encoding.DER)
    assert len(LEAF.spki) == len(CA.spki)
    forged = der.replace(LEAF.spki, CA.spki)
    assert refusal(read_request, forged).code == "NOT_A_REQUEST"
    assert read_request(other, "FILE").spki == CA.spki


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_INPUT"),
        (pem(LEAF), "NOT_A_REQUEST"),
        (request(LEAF.key).public_bytes(Encoding.PEM) * 2, "NOT_A_REQUEST"),
        (request(LEAF.key).public_bytes(Encoding.DER)[:-1], "NOT_A_REQUEST"),
        (request(LEAF.key).public_bytes(Encoding.DER).replace(b"\2\1\0", b"\2\1\4", 1), "NOT_A_REQUEST"),
    ],
    ids=["empty", "certificate", "two", "cut off", "of a version that there is not"],
)
def test_what_is_no_single_request_is_refused(data: bytes, code: str) -> None:
    assert refusal(read_request, data).code == code


# -- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("combination", ALL, ids=str)
def test_a_record_names_the_leaf_or_the_ca_that_issued_it(combination: Combination) -> None:
    material = read_certificates(pem(LEAF, CA, ROOT), "FILE")
    named = LEAF if combination.usage in (1, 3) else CA
    content = named.spki if combination.selector else named.der
    digest = {
        0: lambda: content,
        1: lambda: _digest(hashes.SHA256(), content),
        2: lambda: _digest(hashes.SHA512(), content),
    }
    assert record_for(combination, material).data == digest[combination.mtype]()


def _digest(algorithm: hashes.HashAlgorithm, content: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


@pytest.mark.parametrize("combination", ALL, ids=str)
def test_of_a_ca_alone_every_usage_names_the_ca(combination: Combination) -> None:
    content = CA.spki if combination.selector else CA.der
    record = record_for(combination, read_certificates(pem(CA), "FILE"))
    assert record.combination == combination
    assert (
        record.data
        == {0: content, 1: _digest(hashes.SHA256(), content), 2: _digest(hashes.SHA512(), content)}[combination.mtype]
    )


@pytest.mark.parametrize("combination", [c for c in ALL if c.usage in (0, 2)], ids=str)
def test_where_no_ca_is_given_usages_0_and_2_have_nothing_to_name(combination: Combination) -> None:
    with pytest.raises(DanelawError) as caught:
        record_for(combination, read_certificates(pem(LEAF), "FILE"))
    assert caught.value.code == "NO_ISSUER_PRESENTED"


@pytest.mark.parametrize("combination", ALL, ids=str)
def test_a_bare_key_has_records_of_selector_1(combination: Combination) -> None:
    material = Material(LEAF.spki)
    if combination.selector == 1:
        assert record_for(combination, material) == from_spki(combination, LEAF.spki)
        return
    with pytest.raises(DanelawError) as caught:
        record_for(combination, material)
    assert caught.value.code == "SELECTOR_NEEDS_CERTIFICATE"


def test_a_record_that_the_dns_cannot_hold_is_not_made() -> None:
    large = issue("large", CA, names=tuple(f"{'x' * 60}.{number}.example.net" for number in range(900)))
    material = read_certificates(pem(large), "FILE")
    with pytest.raises(DanelawError) as caught:
        record_for(Combination(3, 0, 0), material)
    assert caught.value.code == "RECORD_TOO_LARGE"
    assert len(record_for(Combination(3, 0, 1), material).data) == 32


def test_a_server_that_presents_nothing_has_no_record() -> None:
    with pytest.raises(DanelawError) as caught:
        certificates(Chain(()), "www.example.net:443")
    assert caught.value.code == "NOT_A_CERTIFICATE"


# -- what a certificate says ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "issued",
    [
        *(ROOT, CA, LEAF),
        issue("nothing", CA),
        issue("basic", CA, basic=False, key_usage=False),
        issue("late", CA, names=("a.example",), start=NOW + 9000 * DAY, end=NOW + 9001 * DAY),
        issue("old", CA, start=NOW - 20000 * DAY, end=NOW - timedelta(seconds=1)),
    ],
    ids=lambda issued: issued.name,
)
def test_the_outline_says_what_the_library_reads(issued: Issued) -> None:
    read, known = outline(issued.der), parse(issued.der)
    assert known is not None
    assert read == Outline(
        names=known.names,
        first=issued.certificate.not_valid_before_utc,
        last=issued.certificate.not_valid_after_utc,
        ca=known.ca,
        self_issued=issued.certificate.issuer == issued.certificate.subject,
    )


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        *(("www.example.net", True), ("WWW.example.NET", True), ("mail.example.net", True), ("*.example.net", True)),
        *(("example.net", False), ("a.b.example.net", False), ("*.b.example.net", False), ("www.example.com", False)),
    ],
)
def test_a_name_covers_a_host_as_clients_see_it(host: str, covered: bool) -> None:
    assert outline(LEAF.der).covers(from_text(host)) is covered


@pytest.mark.parametrize(
    ("spki", "bits"),
    [
        (RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), 2048),
        (LEAF.spki, None),
        (b"", None),
        (b"\x30\x00", None),
    ],
)
def test_the_size_of_an_rsa_key_is_read(spki: bytes, bits: int | None) -> None:
    assert rsa_bits(spki) == bits


def test_the_key_is_cut_out_and_not_encoded_anew() -> None:
    assert read_certificates(LEAF.der, "FILE").spki == certificate_fields(LEAF.der).spki


@pytest.mark.parametrize("label", ["EC PRIVATE KEY", "PRIVATE KEY", "CERTIFICATE"])
def test_lines_that_are_run_together_are_told_of_and_not_shown(label: str) -> None:
    """A label would seem to end only at the end of the file, and errors tell of labels."""
    with pytest.raises(DanelawError) as caught:
        read_key(f"-----BEGIN {label}-----c2VjcmV0-----END {label}-----\n".encode(), "FILE")
    assert caught.value.code == "NOT_A_KEY"
    assert "c2Vj" not in f"{caught.value} {caught.value.evidence} {caught.value.hint}"
