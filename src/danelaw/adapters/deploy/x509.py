"""Keys, requests and certificates as the credential store writes and checks them."""

from __future__ import annotations

from collections.abc import Sequence
from ssl import DER_cert_to_PEM_cert, PEM_cert_to_DER_cert

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
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
