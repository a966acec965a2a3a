"""NSEC records: type bitmaps and the chain of a zone's names (RFC 4034 §4, RFC 4035 §2.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.dnssec.canonical import canonical_key, name_wire, plain_wire
from danelaw.core.model import RRset


class MalformedBitmapError(ValueError):
    """Octets that are not a type bitmap, or rdata that is not an NSEC."""


def encode_bitmap(types: Iterable[int]) -> bytes:
    """The Type Bit Maps field for these type numbers (RFC 4034 §4.1.2)."""
    windows: dict[int, bytearray] = {}
    for number in sorted(set(types)):
        window, low = number >> 8, number & 0xFF
        bits = windows.setdefault(window, bytearray())
        bits.extend(bytes(low // 8 + 1 - len(bits)))
        bits[low // 8] |= 0x80 >> low % 8
    return b"".join(bytes((window, len(bits))) + bits for window, bits in windows.items())


def decode_bitmap(data: bytes) -> frozenset[int]:
    """The type numbers of a Type Bit Maps field. Raises ``MalformedBitmapError``.

    Windows must rise and have 1 to 32 octets (RFC 4034 §4.1.2). Trailing zero octets are let pass: they say nothing.
    """
    types: set[int] = set()
    at, last = 0, -1
    while at < len(data):
        header = data[at : at + 2]
        if len(header) < 2 or header[0] <= last or not 1 <= header[1] <= 32:
            raise MalformedBitmapError("the window blocks are malformed")
        last, bits = header[0], data[at + 2 : at + 2 + header[1]]
        if len(bits) < header[1]:
            raise MalformedBitmapError("the last window block ends early")
        types.update(last << 8 | i * 8 + bit for i, octet in enumerate(bits) for bit in range(8) if octet & 0x80 >> bit)
        at += 2 + header[1]
    return frozenset(types)


@dataclass(frozen=True, slots=True)
class NSEC:
    """An NSEC record's rdata (RFC 4034 §4.1)."""

    next: Name
    types: frozenset[int]

    @classmethod
    def from_rdata(cls, rdata: bytes) -> NSEC:
        """Raises ``MalformedBitmapError`` for a malformed name or bitmap."""
        labels, at = [], 0
        while True:
            length = rdata[at] if at < len(rdata) else 64
            label = rdata[at + 1 : at + 1 + length]
            at += 1 + length
            if length > 63 or len(label) < length or at > 255:
                raise MalformedBitmapError("the next owner name is malformed")
            labels.append(label)
            if not length:
                return cls(Name(labels), decode_bitmap(rdata[at:]))

    def to_rdata(self) -> bytes:
        """Case is kept: the next owner name is not lower-cased for signing (RFC 6840 §5.1)."""
        return plain_wire(self.next) + encode_bitmap(self.types)


def nsec_chain(names: Mapping[Name, Collection[int]], ttl: int) -> tuple[RRset, ...]:
    """One NSEC for each name, in canonical order, the last pointing to the first (RFC 4035 §2.3).

    ``names``: each owner of authoritative data or of a delegation, with the types to list; empty non-terminals are not
    among them. RRSIG and NSEC are added to the types.
    """
    ordered = sorted(names, key=canonical_key)
    chain = []
    for owner, following in zip(ordered, [*ordered[1:], *ordered[:1]], strict=True):
        bitmap = encode_bitmap({*names[owner], RdataType.RRSIG, RdataType.NSEC})
        chain.append(RRset(owner, RdataType.NSEC, ttl, frozenset({name_wire(following) + bitmap})))
    return tuple(chain)
