"""The credentials of the servers in the mail world: a root and an intermediate CA, and what they issue."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

DAY: Final = timedelta(days=1)
KEY, CHAIN, LEAF = "privkey.pem", "fullchain.pem", "cert.pem"


@dataclass(frozen=True)
class Credential:
    """A key with its chain, leaf first, as the server presents it: the root is not in it."""

    key: Key
    chain: tuple[x509.Certificate, ...]

    @property
    def spki(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def ee(self) -> str:
        """The rdata of a TLSA record for the leaf's key: DANE-EE(3) SPKI(1) SHA2-256(1)."""
        return f"3 1 1 {hashlib.sha256(self.spki).hexdigest()}"

    def save(self, folder: Path) -> None:
        """Every file may be read by everybody: the servers are different users, and nobody else is in the world."""
        folder.mkdir(parents=True)
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        certificates = [certificate.public_bytes(Encoding.PEM) for certificate in self.chain]
        (folder / KEY).write_bytes(key)
        (folder / CHAIN).write_bytes(b"".join(certificates))
        (folder / LEAF).write_bytes(certificates[0])


class Authority:
    """A CA whose root no server sends, and whose intermediate every server sends."""

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC).replace(microsecond=0)
        self._key = _ecdsa()
        top, name = _ecdsa(), _named("Mail World Root")
        self.root = self._certify("Mail World Root", top, (top, name))
        self._intermediate = self._certify("Mail World Intermediate", self._key, (top, name))

    @property
    def ta(self) -> str:
        """The rdata of a TLSA record for the intermediate's key: DANE-TA(2) SPKI(1) SHA2-256(1)."""
        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"2 1 1 {hashlib.sha256(public).hexdigest()}"

    def issue(self, *names: str, rsa_key: bool = False, until: timedelta = 60 * DAY) -> Credential:
        """For ``names``, the first of which is the subject too; valid from 90 days ago, ``until`` from now."""
        key = rsa.generate_private_key(65537, 2048) if rsa_key else _ecdsa()
        leaf = self._certify(names[0], key, (self._key, self._intermediate.subject), names, until)
        return Credential(key, (leaf, self._intermediate))

    def _certify(
        self,
        subject: str,
        key: Key,
        issuer: tuple[ec.EllipticCurvePrivateKey, x509.Name],
        names: tuple[str, ...] = (),
        until: timedelta = 365 * DAY,
    ) -> x509.Certificate:
        signer, issuer_name = issuer
        ca = not names
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(subject))
            .issuer_name(issuer_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - 90 * DAY)
            .not_valid_after(self._now + until)
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
            .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if names:
            alternative = x509.SubjectAlternativeName([x509.DNSName(text) for text in names])
            builder = builder.add_extension(alternative, critical=False)
        return builder.sign(signer, hashes.SHA256())


def _ecdsa() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
