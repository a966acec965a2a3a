"""What a certificate says of itself, as far as advice needs it, read from its DER without any library.

Nothing is verified here, and nobody's trust rests on it: ``danelaw.core.tlsa.x509`` is what judges. A record for a
certificate is made before that could even be imported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dns.name import Name

from danelaw.core.model import Instant
from danelaw.core.tlsa.der import MalformedDER, children, content

_BOOLEAN: Final = 0x01
_UTC_TIME: Final = 0x17
_EXPLICIT_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_DNS_NAME: Final = 0x82

_SUBJECT_ALTERNATIVE_NAME: Final = bytes.fromhex("0603551d11")
_BASIC_CONSTRAINTS: Final = bytes.fromhex("0603551d13")
_RSA: Final = (bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d01010a"))  # the second: PSS
_DATE: Final = re.compile(rb"(\d\d\d?\d?)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")


@dataclass(frozen=True, slots=True)
class Outline:
    """``first`` and ``last``: the dates of validity (RFC 5280 §4.1.2.5), None where they cannot be read.

    ``names``: the dNSNames of the subject alternative name, in lower case. ``ca``: the flag of the basic constraints.
    """

    names: tuple[str, ...]
    first: Instant | None
    last: Instant | None
    ca: bool
    self_issued: bool

    def covers(self, host: Name) -> bool:
        """Whether one of the names is the host's, or a wildcard for its left-most label (RFC 9525 §6.3)."""
        wanted = host.to_text(omit_final_dot=True).lower()
        _, _, above = wanted.partition(".")
        return wanted in self.names or (not wanted.startswith("*.") and f"*.{above}" in self.names)


def outline(der: bytes) -> Outline:
    """Read a certificate. Raises ``MalformedDER`` for what does not have the structure of one."""
    parts = _fields(der)
    if len(parts) < 6:
        raise MalformedDER("a certificate's fields are missing")
    issuer, validity, subject = (parts[at][1] for at in (2, 3, 4))
    names: tuple[str, ...] = ()
    ca = False
    for oid, value in _extensions(parts):
        if oid == _SUBJECT_ALTERNATIVE_NAME:
            names = _dns_names(value)
        elif oid == _BASIC_CONSTRAINTS:
            ca = any(tag == _BOOLEAN and content(part) != b"\0" for tag, part in children(value))
    dates = [_instant(tag, content(part)) for tag, part in children(validity)]
    first, last = dates if len(dates) == 2 else (None, None)
    return Outline(names, first, last, ca, issuer == subject)


def requested_names(extension_request: bytes) -> tuple[str, ...]:
    """The dNSNames that a SEQUENCE of extensions asks for. Raises ``MalformedDER``."""
    return next((_dns_names(value) for oid, value in _read(extension_request) if oid == _SUBJECT_ALTERNATIVE_NAME), ())


def rsa_bits(spki: bytes) -> int | None:
    """The size of an RSA key; None for a key of another algorithm, or one that cannot be read."""
    try:
        (_, algorithm), (_, bits) = children(spki)
        if children(algorithm)[0][1] not in _RSA:
            return None
        modulus = content(children(content(bits)[1:])[0][1])
    except (MalformedDER, IndexError, ValueError):
        return None
    return int.from_bytes(modulus, "big").bit_length()


def _fields(der: bytes) -> list[tuple[int, bytes]]:
    outer = children(der)
    if not outer:
        raise MalformedDER("an empty element")
    parts = children(outer[0][1])
    return parts[1:] if parts and parts[0][0] == _EXPLICIT_VERSION else parts


def _extensions(parts: list[tuple[int, bytes]]) -> list[tuple[bytes, bytes]]:
    wrapped = next((part for tag, part in parts if tag == _EXTENSIONS), None)
    return _read(content(wrapped)) if wrapped is not None else []


def _read(extensions: bytes) -> list[tuple[bytes, bytes]]:
    """The object identifier and the value of each (RFC 5280 §4.2); one without a value is left out."""
    found = []
    for _, extension in children(extensions):
        pieces = children(extension)
        if len(pieces) >= 2:
            found.append((pieces[0][1], content(pieces[-1][1])))
    return found


def _dns_names(value: bytes) -> tuple[str, ...]:
    return tuple(content(part).decode("ascii", "replace").lower() for tag, part in children(value) if tag == _DNS_NAME)


def _instant(tag: int, text: bytes) -> Instant | None:
    """A date of a certificate: two digits of a year are 1950 to 2049 (RFC 5280 §4.1.2.5)."""
    read = _DATE.fullmatch(text)
    if read is None or len(read[1]) != (2 if tag == _UTC_TIME else 4):
        return None
    year = int(read[1]) + (0 if tag != _UTC_TIME else 2000 if int(read[1]) < 50 else 1900)
    try:
        month, day, hour, minute, second = map(int, read.groups()[1:])
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
