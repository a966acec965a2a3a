"""Certificates of a simulated CA: real ones, from keys that are derived from numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from dns.name import Name

from danelaw.core.model import Chain, Instant
from danelaw.worlds.sim.rsa_keys import rsa_key

RSA_KEYS: Final = 1 << 24


@lru_cache(maxsize=256)
def private_key(number: int) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """The key of this number: RSA from ``RSA_KEYS`` on."""
    return rsa_key(number) if number >= RSA_KEYS else ec.derive_private_key(number, ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class _Authority:
    """Who signs certificates. ``below``: how many other CAs may stand below it."""

    name: str
    number: int
    below: int = 0

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        return _ca_key(self.number)

    @property
    def subject(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])


@lru_cache(maxsize=16)
def _ca_key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, ec.SECP256R1())


ROOT: Final = _Authority("Simulated Root", 999_999)
HIGH_ROOT: Final = _Authority("Simulated Root of Intermediates", 999_998, 1)
_FOUNDED: Final = dt.datetime(2016, 1, 1, tzinfo=dt.UTC)


@lru_cache(maxsize=1)
def root_certificate() -> bytes:
    """The root that simulated clients trust, in DER."""
    return _of_a_ca(ROOT, ROOT)


@lru_cache(maxsize=1)
def high_root() -> bytes:
    """That above the intermediates, in DER, which is presented by nobody."""
    return _of_a_ca(HIGH_ROOT, HIGH_ROOT)


@lru_cache(maxsize=16)
def intermediate(name: str) -> bytes:
    """The certificate of an intermediate CA, in DER."""
    return _of_a_ca(_intermediate(name), HIGH_ROOT)


def _intermediate(name: str) -> _Authority:
    return _Authority(name, 1_000_000 + int.from_bytes(name.encode()))


def _of_a_ca(of: _Authority, by: _Authority) -> bytes:
    builder = _builder(of.subject, of.key, by, 1, _FOUNDED, timedelta(days=7300))
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=of.below), critical=True)
    return _signed(builder.add_extension(usage, critical=True), by)


@lru_cache(maxsize=256)
def trusted(chain: tuple[bytes, ...]) -> bool:
    """Whether a chain leads to a root that simulated clients trust: they look at nothing else here."""
    if root_certificate() in chain:
        return True
    above = x509.load_der_x509_certificate(high_root())
    return any(_issued_by(x509.load_der_x509_certificate(der), above) for der in chain[1:])


def _issued_by(certificate: x509.Certificate, above: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(above)
    except (ValueError, InvalidSignature):
        return False
    return True


@lru_cache(maxsize=256)
def _dates(certificate: bytes) -> tuple[Instant, Instant]:
    read = x509.load_der_x509_certificate(certificate)
    return read.not_valid_before_utc, read.not_valid_after_utc


def valid(certificate: bytes, now: Instant) -> bool:
    """Whether a certificate's dates hold."""
    begin, end = _dates(certificate)
    return begin <= now <= end


def issue(
    number: int, names: Sequence[Name], now: Instant, lifetime: timedelta, by: str | None = None, nth: int = 0
) -> Chain:
    """A certificate for the key of this number, two hours old, by the root, or by the intermediate of this name.
    ``nth``: no two of the same key, made in the same second, are the same."""
    subject, ca = x509.Name([]), ROOT if by is None else _intermediate(by)
    serial = number + 1 + (nth << 64)
    builder = _builder(subject, private_key(number), ca, serial, now - timedelta(hours=2), lifetime)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name.to_text(omit_final_dot=True)) for name in names]),
        critical=True,
    ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return Chain((_signed(builder, ca), root_certificate() if by is None else intermediate(by)))


def _builder(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    by: _Authority,
    serial: int,
    begin: Instant,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(begin + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, by: _Authority) -> bytes:
    return builder.sign(by.key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
