"""What the CA signs with: a root, an intermediate, and the leaves under it; and its own HTTPS certificate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LeafKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

BACKDATED: Final = timedelta(hours=1)
"""How far notBefore lies in the past, for clients whose clocks are slow: as public CAs do."""
_DOMAIN_VALIDATED: Final = x509.ObjectIdentifier("2.23.140.1.2.1")
_LONGEST_CN: Final = 64


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """A certificate that may sign others, with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def root(cls, name: str, now: datetime) -> CertificateAuthority:
        """A new self-signed root, P-256, good for ten years."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = common_name(name)
        builder = _authority(subject, key.public_key(), now, timedelta(days=3650), path_length=None)
        return cls(_sign(builder, subject, key, key.public_key()), key)

    def intermediate(self, name: str, now: datetime) -> CertificateAuthority:
        """A new intermediate under this one, good for three years, for leaves only."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _authority(common_name(name), key.public_key(), now, timedelta(days=1095), path_length=0)
        return CertificateAuthority(self._sign(builder), key)

    def cross_sign(self, other: CertificateAuthority, now: datetime) -> x509.Certificate:
        """A certificate of this one for the name and key of another, good for three years."""
        subject = other.certificate.subject
        builder = _authority(subject, other.key.public_key(), now, timedelta(days=1095), path_length=0)
        return self._sign(builder)

    def leaf(
        self, key: LeafKey, names: list[x509.GeneralName], *, subject: str | None, begin: datetime, end: datetime
    ) -> x509.Certificate:
        """A server certificate. Without a ``subject`` the SAN is critical (RFC 5280 §4.2.1.6)."""
        name = common_name(subject) if subject and len(subject) <= _LONGEST_CN else x509.Name([])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(key_encipherment=isinstance(key, rsa.RSAPublicKey)), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=not list(name))
            .add_extension(x509.CertificatePolicies([x509.PolicyInformation(_DOMAIN_VALIDATED, None)]), critical=False)
        )
        return self._sign(builder)

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return _sign(builder, self.certificate.subject, self.key, self.key.public_key())


def _authority(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta, *, path_length: int | None
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _sign(
    builder: x509.CertificateBuilder, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, of: ec.EllipticCurvePublicKey
) -> x509.Certificate:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(of)
    return builder.issuer_name(issuer).add_extension(identifier, critical=False).sign(key, hashes.SHA256())


def _key_usage(*, key_encipherment: bool = False, authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def weakness(key: object) -> str | None:
    """Why a subject's public key is refused; None when it is good enough."""
    match key:
        case ec.EllipticCurvePublicKey() if key.curve.name in ("secp256r1", "secp384r1"):
            return None
        case ec.EllipticCurvePublicKey():
            return f"curve {key.curve.name} is not accepted"
        case rsa.RSAPublicKey() if key.key_size < 2048:
            return f"RSA of {key.key_size} bits is too short"
        case rsa.RSAPublicKey() if key.public_numbers().e < 65537:
            return "the RSA exponent is too small"
        case rsa.RSAPublicKey():
            return None
        case ed25519.Ed25519PublicKey():
            return "public CAs do not certify Ed25519 keys"
        case _:
            return "this type of key is not certified"


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def https_credential(now: datetime, host: str) -> tuple[bytes, bytes, bytes]:
    """A root, and under it a certificate for ``host``: the PEM of the root, of the certificate, of its key."""
    root = CertificateAuthority.root("Danelaw Lab API Root", now)
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.IPAddress(ip_address(host)), x509.DNSName("localhost")]
    lifetime = timedelta(days=365)
    leaf = root.leaf(key.public_key(), names, subject=None, begin=now - BACKDATED, end=now + lifetime)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem(root.certificate), pem(leaf), secret
