"""Certificates of any make, right or wrong, around a given time; the keys are the same in every run but for RSA's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

SERVERS: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENTS: Final = ExtendedKeyUsageOID.CLIENT_AUTH
ANY: Final = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


@lru_cache
def key_of(name: str) -> Key:
    """A key of P-256 that is always the same; of RSA where the name begins so, for as long as the process lives."""
    if name.startswith("RSA"):
        return rsa.generate_private_key(65537, 2048)
    secret = int.from_bytes(hashlib.sha256(name.encode()).digest()) % (_ORDER - 1) + 1
    return ec.derive_private_key(secret, ec.SECP256R1())


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key."""

    name: str
    key: Key
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def spki(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def private_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


@dataclass(frozen=True)
class Issuer:
    """Who makes certificates, at a time that counts as the present."""

    now: datetime

    def days(self, days: float) -> datetime:
        return self.now + timedelta(days=days)

    def issue(
        self,
        name: str,
        by: Issued | None = None,
        *,
        key: str | None = None,
        names: Sequence[str] = (),
        other_names: Sequence[x509.GeneralName] = (),
        ca: bool | None = False,
        path_length: int | None = None,
        signs: bool | None = None,
        digital_signature: bool = True,
        key_usage: bool = True,
        purposes: Sequence[ObjectIdentifier] | None = None,
        since: float = -30,
        until: float = 60,
        permitted: Sequence[str] = (),
        excluded: Sequence[str] = (),
        critical: str = "",
        key_identifiers: bool = True,
        issuer_key: str | None = None,
        issuer_serial: int | None = None,
        signer: str | None = None,
        digest: hashes.SHA256 | hashes.SHA384 | None = None,
    ) -> Issued:
        """A certificate; self-signed without ``by``. ``since`` and ``until`` are days from now.

        ``key``, ``signer`` (whose key signs) and ``issuer_key`` (whose is said to) are names for ``key_of``; ``ca``
        None: no basic constraints. ``signs``: whether its key usage lets it sign certificates; None: if it is a CA.
        ``issuer_serial``: the number by which it tells of its issuer's certificate, said to be self-signed.
        ``purposes`` None: servers for what is no CA, and none said for a CA. ``critical``: the OID of a critical
        extension that nobody knows.
        """
        own = key_of(key or name)
        above = by.key if by else own
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by.certificate.subject if by else subject)
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.days(since))
            .not_valid_after(self.days(until))
        )
        if key_identifiers:
            named = key_of(issuer_key) if issuer_key else above
            identifier = x509.SubjectKeyIdentifier.from_public_key(own.public_key())
            authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(named.public_key())
            if issuer_serial is not None and by is not None:
                itself = [x509.DirectoryName(by.certificate.subject)]
                authority = x509.AuthorityKeyIdentifier(authority.key_identifier, itself, issuer_serial)
            builder = builder.add_extension(identifier, critical=False).add_extension(authority, critical=False)
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        if key_usage:
            may = bool(ca) if signs is None else signs
            usage = x509.KeyUsage(digital_signature, False, False, False, not digital_signature, may, may, False, False)
            builder = builder.add_extension(usage, critical=True)
        if names or other_names:
            san = x509.SubjectAlternativeName([*map(x509.DNSName, names), *other_names])
            builder = builder.add_extension(san, critical=False)
        if permitted or excluded:
            trees = ([x509.DNSName(tree) for tree in given] or None for given in (permitted, excluded))
            builder = builder.add_extension(x509.NameConstraints(*trees), critical=True)
        if critical:
            unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00")
            builder = builder.add_extension(unknown, critical=True)
        wanted = ((SERVERS,) if not ca else ()) if purposes is None else tuple(purposes)
        if wanted:
            builder = builder.add_extension(x509.ExtendedKeyUsage(wanted), critical=False)
        signing = key_of(signer) if signer else above
        return Issued(name, own, builder.sign(signing, digest or hashes.SHA256()))
