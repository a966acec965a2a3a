"""What a client needs of X.509: the key as it stands in a certificate, and the simplest path to a root there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature


@dataclass(frozen=True, slots=True)
class Certificate:
    der: bytes
    spki: bytes
    names: frozenset[str]
    start: datetime
    end: datetime

    def good(self, at: datetime) -> bool:
        """Within its dates, both ends included (RFC 5280 §4.1.2.5)."""
        return self.start <= at <= self.end


@lru_cache(maxsize=256)
def read(der: bytes) -> Certificate:
    parsed = x509.load_der_x509_certificate(der)
    try:
        san = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = frozenset(san.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = frozenset()
    return Certificate(der, cut_key(der), names, parsed.not_valid_before_utc, parsed.not_valid_after_utc)


def cut_key(der: bytes) -> bytes:
    """The octets of subjectPublicKeyInfo: the seventh element of a version 3 TBSCertificate (RFC 5280 §4.1)."""
    at, _ = _content(der, _content(der, 0)[0])
    for _ in range(6):
        at = _content(der, at)[1]
    return der[at : _content(der, at)[1]]


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at an offset begins, and where the element ends."""
    first = der[at + 1]
    if first < 0x80:
        return at + 2, at + 2 + first
    start = at + 2 + (first & 0x7F)
    return start, start + int.from_bytes(der[at + 2 : start])


@lru_cache(maxsize=1024)
def issued(lower: bytes, upper: bytes) -> bool:
    """Whether the first certificate is issued by the second: names and signature, no more."""
    try:
        x509.load_der_x509_certificate(lower).verify_directly_issued_by(x509.load_der_x509_certificate(upper))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def path(chain: Sequence[bytes], roots: Sequence[bytes] = ()) -> list[bytes]:
    """From the leaf upwards, as far as each presented certificate, then a root, issued the one before it."""
    found = [chain[0]]
    for upper in (*chain[1:], *roots):
        if upper not in found and issued(found[-1], upper):
            found.append(upper)
    return found


def trusted(chain: Sequence[bytes], roots: Sequence[bytes], name: str, at: datetime) -> list[bytes] | None:
    """The path by which the certificates of the world's CAs are trusted, None where they are not."""
    found = path(chain, roots)
    if found[-1] not in roots or name not in read(chain[0]).names:
        return None
    return found if all(read(der).good(at) for der in found) else None
