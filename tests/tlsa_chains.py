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
    others: tuple[x509.GeneralName, ...] = (),
    constraints: x509.NameConstraints | None = None,
    purposes: tuple[x509.ObjectIdentifier, ...] | None = None,
    basic: bool = True,
    usage: x509.KeyUsage | None = None,
    subject: x509.Name | None = None,
    issuer: x509.Name | None = None,
    key_ids: bool = True,
) -> Issued:
    """A certificate of ``name``; self-signed without ``by``. ``signer`` overrides the key that signs it.

    ``signs``: whether its key usage allows signing certificates; None: as ``ca`` says. ``critical``: the OID of a
    critical extension that nobody knows. ``others``: further names. ``purposes``: None for what ``client_only`` and
    ``ca`` say. ``basic``: whether it says what it is; ``key_ids``: and which keys are its own
    and its issuer's. ``usage``, ``subject`` and ``issuer`` stand for themselves.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    signing = signer or (by.key if by else key)
    if subject is None:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or (by.certificate.subject if by else subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if key_ids:
        above = (by.key if by else key).public_key()
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
    if basic:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    if usage is not None or key_usage:
        may = ca if signs is None else signs
        builder = builder.add_extension(
            usage or x509.KeyUsage(not ca, False, False, False, False, may, ca, False, False), critical=True
        )
    if names or others:
        san = x509.SubjectAlternativeName([*(x509.DNSName(name) for name in names), *others])
        builder = builder.add_extension(san, critical=False)
    if permitted:
        constraints = x509.NameConstraints([x509.DNSName(tree) for tree in permitted], None)
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    if purposes is None:
        server = ExtendedKeyUsageOID.CLIENT_AUTH if client_only else ExtendedKeyUsageOID.SERVER_AUTH
        purposes = () if ca else (server,)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return Issued(name, key, builder.sign(signing, hashes.SHA256()))


def of_version_1(issued: Issued, signer: ec.EllipticCurvePrivateKey | None = None) -> Issued:
    """The same without version and extensions, signed anew: such as old roots are."""
    _, *parts = _children(_content(issued.certificate.tbs_certificate_bytes))
    return _signed_anew(issued, parts[:6], parts[1], signer or issued.key)


def over_sha_1(issued: Issued) -> Issued:
    """The same, and it says that its signature is over SHA-1, which libraries don't make any more."""
    ecdsa_with_sha_1 = bytes.fromhex("300906072a8648ce3d0401")
    version, serial, _, *parts = _children(_content(issued.certificate.tbs_certificate_bytes))
    return _signed_anew(issued, [version, serial, ecdsa_with_sha_1, *parts], ecdsa_with_sha_1, issued.key)


def _signed_anew(issued: Issued, parts: list[bytes], algorithm: bytes, key: ec.EllipticCurvePrivateKey) -> Issued:
    tbs = _tagged(0x30, b"".join(parts))
    signature = key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    der = _tagged(0x30, tbs + algorithm + _tagged(0x03, b"\0" + signature))
    return Issued(issued.name, issued.key, x509.load_der_x509_certificate(der))


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    octets = size.to_bytes(1 if size < 256 else 2)
    return bytes([tag]) + (octets if size < 128 else bytes([0x80 + len(octets)]) + octets) + content


def _content(der: bytes) -> bytes:
    return der[_header(der) :]


def _header(der: bytes) -> int:
    return 2 if der[1] < 128 else 2 + (der[1] & 0x7F)


def _children(content: bytes) -> list[bytes]:
    found = []
    while content:
        header = _header(content)
        size = content[1] if header == 2 else int.from_bytes(content[2:header])
        found.append(content[: header + size])
        content = content[header + size :]
    return found


ROOT: Final = issue("Root", ca=True)
INTERMEDIATE: Final = issue("Intermediate", ROOT, ca=True, path_length=0)
LEAF: Final = issue("leaf", INTERMEDIATE, names=("www.example.net",))
RENEWED: Final = issue("leaf", INTERMEDIATE, names=("www.example.net",))
