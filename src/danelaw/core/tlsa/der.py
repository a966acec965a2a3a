"""Just enough DER (X.690) to cut a certificate apart without re-encoding anything.

A TLSA record with selector SPKI(1) is about the very octets of the SubjectPublicKeyInfo, and those are there even when
the key's algorithm or an extension is one that the cryptographic library does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from danelaw.core.tlsa.kept import kept

_INTEGER: Final = 0x02
_BIT_STRING: Final = 0x03
_OBJECT_IDENTIFIER: Final = 0x06
_SEQUENCE: Final = 0x30
_EXPLICIT_VERSION: Final = 0xA0
_LONG_FORM: Final = 0x80
_LONGEST_LENGTH: Final = 4  # octets: 4 GiB is more than any certificate


class MalformedDER(ValueError):  # noqa: N818 - says what the octets are
    """The octets are not the DER structure that they should be."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The parts of a certificate's TBSCertificate (RFC 5280 §4.1), each with its tag and length."""

    issuer: bytes
    subject: bytes
    spki: bytes


def _element(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """(tag, where the content begins, where it ends) of the element at ``at``."""
    if end - at < 2:
        raise MalformedDER(f"an element is cut off at octet {at}")
    tag, length, start = data[at], data[at + 1], at + 2
    if length & _LONG_FORM:
        octets = length & 0x7F
        if not 0 < octets <= _LONGEST_LENGTH or start + octets > end:
            raise MalformedDER(f"bad length at octet {at + 1}")
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if start + length > end:
        raise MalformedDER(f"the element at octet {at} is longer than what holds it")
    return tag, start, start + length


def _children(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    at = start
    while at < end:
        tag, _, after = _element(data, at, end)
        yield tag, data[at:after]
        at = after


def _sequence(data: bytes) -> list[tuple[int, bytes]]:
    tag, start, end = _element(data, 0, len(data))
    if tag != _SEQUENCE or end != len(data):
        raise MalformedDER("not one whole SEQUENCE")
    return list(_children(data, start, end))


def children(element: bytes) -> list[tuple[int, bytes]]:
    """What a constructed element holds: each part's tag, and the part with its tag and length.

    Raises ``MalformedDER`` unless ``element`` is one whole element of whole elements.
    """
    _, start, end = _whole(element)
    return list(_children(element, start, end))


def content(element: bytes) -> bytes:
    """What stands behind the tag and length of one whole element. Raises ``MalformedDER``."""
    _, start, end = _whole(element)
    return element[start:end]


def _whole(element: bytes) -> tuple[int, int, int]:
    tag, start, end = _element(element, 0, len(element))
    if end != len(element):
        raise MalformedDER(f"{len(element) - end} octets follow the element")
    return tag, start, end


@kept(2048)
def certificate_fields(der: bytes) -> Fields:
    """Issuer, subject and SubjectPublicKeyInfo of a certificate.

    Raises ``MalformedDER`` for anything that does not have a certificate's structure.
    """
    outer = _sequence(der)
    if len(outer) != 3:
        raise MalformedDER("a certificate has three parts")
    parts = _sequence(outer[0][1])
    if parts and parts[0][0] == _EXPLICIT_VERSION:
        parts = parts[1:]
    tags = [tag for tag, _ in parts[:6]]
    if tags != [_INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE]:
        raise MalformedDER("not a TBSCertificate")
    spki = parts[5][1]
    if not is_spki(spki):
        raise MalformedDER("the certificate's key is not a SubjectPublicKeyInfo")
    return Fields(parts[2][1], parts[4][1], spki)


@kept(2048)
def is_certificate(data: bytes) -> bool:
    """Whether these octets have the structure of one certificate."""
    try:
        certificate_fields(data)
    except MalformedDER:
        return False
    return True


@kept(2048)
def is_spki(data: bytes) -> bool:
    """Whether these octets have the structure of a SubjectPublicKeyInfo (RFC 5280 §4.1)."""
    try:
        parts = _sequence(data)
        return [tag for tag, _ in parts] == [_SEQUENCE, _BIT_STRING] and (
            _sequence(parts[0][1])[0][0] == _OBJECT_IDENTIFIER
        )
    except (MalformedDER, IndexError):
        return False
