"""Keys, requests and certificates as the credential store writes and checks them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ssl import DER_cert_to_PEM_cert, PEM_cert_to_DER_cert

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from dns.name import Name

from danelaw.core.model import Chain, DanelawError, KeyAlgorithm

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

RSA_BITS = 3072

_BEGIN = "-----BEGIN CERTIFICATE-----"


def make_key(algorithm: KeyAlgorithm) -> PrivateKey:
    """Raises ``ValueError`` for a kind of key that certificates are not asked for."""
    if algorithm is KeyAlgorithm.RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    if algorithm is KeyAlgorithm.ECDSA:
        return ec.generate_private_key(ec.SECP256R1())
    raise ValueError(f"no {algorithm.name} keys are made here")


def key_to_pem(key: PrivateKey) -> bytes:
    """PKCS #8, unencrypted: what every server reads."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_key_to_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_from_pem(pem: bytes) -> PrivateKey:
    """Raises ``ValueError`` on anything that is no EC or RSA private key."""
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise ValueError(f"{type(key).__name__} is of no kind that is made here")
    return key


def algorithm_of(key: PrivateKey) -> KeyAlgorithm:
    return KeyAlgorithm.RSA if isinstance(key, rsa.RSAPrivateKey) else KeyAlgorithm.ECDSA


def spki_of_key(key: PrivateKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def make_csr(key: PrivateKey, names: Sequence[Name]) -> bytes:
    """A PKCS #10 request in DER with an empty subject: names are in the subjectAltName alone."""
    if not names:
        raise DanelawError("NO_NAMES", "a certificate for no name at all cannot be asked for")
    dns_names = [x509.DNSName(name.to_text(omit_final_dot=True)) for name in names]
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName(dns_names), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def spki_of_request(csr: bytes) -> bytes:
    """DER SubjectPublicKeyInfo of a PKCS #10 request."""
    return (
        x509.load_der_x509_csr(csr)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def self_sign(key: PrivateKey, csr: bytes, begin: datetime, end: datetime) -> Chain:
    """A certificate of the key, for the names of its request. Raises ``ValueError`` for the request of another key."""
    request = x509.load_der_x509_csr(csr)
    if request.public_key() != key.public_key():
        raise ValueError("the request is for another key")
    san = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    subject = x509.Name([])  # so that no name is too long for it: the names are in the SAN
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(san), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Chain((certificate.public_bytes(serialization.Encoding.DER),))


def spki_of_leaf(chain: Chain) -> bytes:
    """The DER SubjectPublicKeyInfo of the first certificate.

    Raises ``DanelawError("BAD_CHAIN")`` unless there is one and every certificate can be read.
    """
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain.ders]
        spkis = [
            certificate.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            for certificate in certificates[:1]
        ]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DanelawError("BAD_CHAIN", "the chain holds what is no certificate", evidence=str(error)) from error
    if not spkis:
        raise DanelawError("BAD_CHAIN", "the chain is empty")
    return spkis[0]


def chain_to_pem(chain: Chain) -> tuple[bytes, bytes]:
    """(The leaf, all the others in their order), octet for octet what the CA gave."""
    pems = [DER_cert_to_PEM_cert(der).encode() for der in chain.ders]
    return pems[0], b"".join(pems[1:])


def chain_from_pem(pem: bytes) -> Chain:
    """The inverse, for what this module wrote. Raises ``ValueError`` on anything unreadable."""
    blocks = [block for block in pem.decode("ascii").partition(_BEGIN)[2].split(_BEGIN) if block]
    if not blocks:
        raise ValueError("there is no certificate in it")
    return Chain(tuple(PEM_cert_to_DER_cert(_BEGIN + block) for block in blocks))
