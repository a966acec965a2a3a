"""What certificates say by themselves: names, dates, keys, who issued whom, and paths to the lab's roots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from dns.name import Name

from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError


@lru_cache(maxsize=64)
def read_certificate(der: bytes) -> x509.Certificate:
    """A certificate from DER. Raises ValueError."""
    return x509.load_der_x509_certificate(der)


@lru_cache(maxsize=64)
def spki(der: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate in DER, in DER (RFC 6698 §2.1.2)."""
    return read_certificate(der).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def names_host(certificate: x509.Certificate, host: Name) -> bool:
    """Whether a DNS-ID of the certificate matches; a wildcard is a whole left-most label (RFC 9525 §6.3)."""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    wanted = host.to_text(omit_final_dot=True).lower()
    _, _, parent = wanted.partition(".")
    said = {name.lower().rstrip(".") for name in alternative.value.get_values_for_type(x509.DNSName)}
    return wanted in said or f"*.{parent}" in said


def in_dates(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``issuer`` is a CA whose name and key stand behind ``certificate``."""
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    return constraints.value.ca


def path(leaf: x509.Certificate, pool: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The leaf, who issued it, who issued that…, as far as ``pool`` leads."""
    found = [leaf]
    while True:
        above = next((one for one in pool if one not in found and issued(found[-1], one)), None)
        if above is None:
            return found
        found.append(above)


def verify(
    chain: Sequence[x509.Certificate], host: Name, roots: Sequence[x509.Certificate], now: datetime
) -> list[x509.Certificate]:
    """The validated path, leaf first and root last (RFC 5280 §6). Raises RefusedError with the reason."""
    leaf = chain[0]
    if not names_host(leaf, host):
        raise RefusedError(Reason.PKIX_NAME, f"the certificate does not name {host}")
    if not in_dates(leaf, now):
        raise RefusedError(Reason.PKIX_EXPIRED, f"valid from {leaf.not_valid_before_utc} to {leaf.not_valid_after_utc}")
    verifier = (
        PolicyBuilder()
        .store(Store(list(roots)))
        .time(now)
        .build_server_verifier(x509.DNSName(host.to_text(omit_final_dot=True)))
    )
    try:
        return verifier.verify(leaf, list(chain[1:]))
    except VerificationError as error:
        raise RefusedError(Reason.PKIX_UNTRUSTED, f"{leaf.issuer.rfc4514_string()}: {error}") from error
