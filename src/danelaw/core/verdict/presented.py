"""Certificates as a report describes them: who is named, by whom, from when to when."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from danelaw.core.model import Instant
from danelaw.core.tlsa.der import is_spki
from danelaw.core.tlsa.x509 import parse


@dataclass(frozen=True, slots=True)
class Described:
    """``last`` is the last instant of validity. ``names`` are the dNSNames of the subject alternative name."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    first: Instant
    last: Instant


def describe(der: bytes) -> Described | str:
    """What a certificate says of itself, unescaped; or, where it cannot be read, what it is instead."""
    if is_spki(der):
        return "a raw public key (RFC 7250)"
    known = parse(der)
    if known is None:
        return f"{len(der)} octets that cannot be read as a certificate"
    loaded = x509.load_der_x509_certificate(der)
    subject = f"CN: {known.common_name}" if known.common_name else _unnamed(known.names)
    return Described(subject, _issuer(loaded), known.names, loaded.not_valid_before_utc, loaded.not_valid_after_utc)


def _unnamed(names: tuple[str, ...]) -> str:
    return f"dNSName: {names[0]}" if names else "without a name"


def _issuer(certificate: x509.Certificate) -> str:
    try:
        common_names = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
        if common_names:
            return f"CN: {common_names[0].value!s}"
        return certificate.issuer.rfc4514_string() or "without a name"
    except ValueError:
        return "that cannot be read"
