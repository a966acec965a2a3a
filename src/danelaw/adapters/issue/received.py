"""What a CA gave, against what was asked for: before anybody serves it."""

from __future__ import annotations

from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from dns.name import Name


def read_chain(pem: bytes) -> list[x509.Certificate]:
    """The certificates of an ``application/pem-certificate-chain``; raises ``ValueError``.

    A file with anything else in it, such as a key, is rejected whole (RFC 8555 §11.4).
    """
    if pem.count(b"-----BEGIN") != pem.count(b"-----BEGIN CERTIFICATE-----"):
        raise ValueError("there is more than certificates in it")
    return x509.load_pem_x509_certificates(pem)


def unlike(
    certificates: list[x509.Certificate], csr: x509.CertificateSigningRequest, names: tuple[Name, ...]
) -> str | None:
    """How the chain differs from what was asked for: key, names, order of the chain. None: it is right."""
    leaf = certificates[0]
    if leaf.public_key() != csr.public_key():
        return "its key is not the request's"
    try:
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "it has no names"
    got = {name.lower() for name in san.get_values_for_type(x509.DNSName)}
    if got != {acme_text(name) for name in names}:
        return f"it is for {', '.join(sorted(got))}"
    for below, above in pairwise(certificates):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            return f"{below.subject.rfc4514_string()!r} is not issued by {above.subject.rfc4514_string()!r}"
    return None


def acme_text(name: Name) -> str:
    """As ACME writes it: lower case, without the final dot (RFC 8555 §7.1.3)."""
    return name.to_text(omit_final_dot=True).lower()
