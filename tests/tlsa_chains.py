"""Hand-made certificates for the TLSA tests: a root, an intermediate, a leaf, and their spoilt brothers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def spki(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def issue(
    name: str,
    by: Issued | None = None,
    *,
    names: tuple[str, ...] = (),
    ca: bool = False,
    path_length: int | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
    start: datetime = NOW - 30 * DAY,
    end: datetime = NOW + 60 * DAY,
    permitted: tuple[str, ...] = (),
    client_only: bool = False,
    signs: bool | None = None,
    key_usage: bool = True,
    critical: str = "",
    signer: ec.EllipticCurvePrivateKey | None = None,
) -> Issued:
    """A certificate of ``name``; self-signed without ``by``. ``signer`` overrides the key that signs it.

    ``signs``: whether its key usage allows signing certificates; None: as ``ca`` says. ``critical``: the OID of a
    critical extension that nobody knows.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    signing = signer or (by.key if by else key)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client_only else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((by.key if by else key).public_key()), critical=False
        )
    )
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    if key_usage:
        may = ca if signs is None else signs
        usage = x509.KeyUsage(not ca, False, False, False, False, may, ca, False, False)
        builder = builder.add_extension(usage, critical=True)
    if names:
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(san, critical=False)
    if permitted:
        trees = [x509.DNSName(tree) for tree in permitted]
        builder = builder.add_extension(x509.NameConstraints(trees, None), critical=True)
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return Issued(name, key, builder.sign(signing, hashes.SHA256()))


ROOT: Final = issue("Root", ca=True)
INTERMEDIATE: Final = issue("Intermediate", ROOT, ca=True, path_length=0)
LEAF: Final = issue("leaf", INTERMEDIATE, names=("www.example.net",))
RENEWED: Final = issue("leaf", INTERMEDIATE, names=("www.example.net",))
