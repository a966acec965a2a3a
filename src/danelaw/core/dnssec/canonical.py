"""Canonical form and order of names and records (RFC 4034 §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from dns.name import Name
from dns.rdatatype import RdataType as T

_OCTETS: Final = tuple(bytes((length,)) for length in range(64))
"""What says how long a label is (RFC 1035 §3.1)."""

CanonicalKey: TypeAlias = tuple[bytes, ...]


def name_wire(name: Name) -> bytes:
    """An absolute name as uncompressed wire, its US-ASCII letters in lower case (RFC 4034 §6.2)."""
    return plain_wire(name).lower()  # length octets are below 64 and letters above


def plain_wire(name: Name) -> bytes:
    """An absolute name as uncompressed wire, its case kept (RFC 1035 §3.1)."""
    return b"".join([_OCTETS[len(label)] + label for label in name.labels])


def canonical_key(name: Name) -> CanonicalKey:
    """Sorts names in canonical order: by label from the right, lower-cased, as octets (RFC 4034 §6.1)."""
    return tuple(map(bytes.lower, name.labels[::-1]))


class _MalformedError(Exception):
    """The rdata does not have the form of its type."""


_Step: TypeAlias = Callable[[bytes, int], int]
"""Given rdata and where a field begins, where it ends; raises ``_MalformedError`` if that lies outside."""


def _name_end(data: bytes, at: int) -> int:
    start = at
    while True:
        if at >= len(data) or data[at] > 63:
            raise _MalformedError
        length = data[at]
        at += 1 + length
        if at > len(data) or at - start > 255:
            raise _MalformedError
        if length == 0:
            return at


def _string_end(data: bytes, at: int) -> int:
    if at >= len(data):
        raise _MalformedError
    return _within(data, at + 1 + data[at])


def _fixed(octets: int) -> _Step:
    return lambda data, at: _within(data, at + octets)


def _rest(data: bytes, at: int) -> int:
    return len(data)


def _a6_prefix(data: bytes, at: int) -> int:
    if at >= len(data) or data[at] > 128:
        raise _MalformedError
    return _within(data, at + 1 + (128 - data[at] + 7) // 8)


def _a6_name(data: bytes, at: int) -> int:
    return _name_end(data, at) if data[0] else at


def _within(data: bytes, at: int) -> int:
    if at > len(data):
        raise _MalformedError
    return at


_N, _S = _name_end, _string_end
_NAME_STEPS: Final = (_name_end, _a6_name)
_SIGNATURE: Final = (_fixed(18), _N, _rest)

_LAYOUTS: Final[dict[int, tuple[_Step, ...]]] = {
    T.NS: (_N,),
    T.MD: (_N,),
    T.MF: (_N,),
    T.CNAME: (_N,),
    T.SOA: (_N, _N, _fixed(20)),
    T.MB: (_N,),
    T.MG: (_N,),
    T.MR: (_N,),
    T.PTR: (_N,),
    T.MINFO: (_N, _N),
    T.MX: (_fixed(2), _N),
    T.RP: (_N, _N),
    T.AFSDB: (_fixed(2), _N),
    T.RT: (_fixed(2), _N),
    T.SIG: _SIGNATURE,
    T.PX: (_fixed(2), _N, _N),
    T.NXT: (_N, _rest),
    T.NAPTR: (_fixed(4), _S, _S, _S, _N),
    T.KX: (_fixed(2), _N),
    T.SRV: (_fixed(6), _N),
    T.DNAME: (_N,),
    T.A6: (_a6_prefix, _a6_name),
    T.RRSIG: _SIGNATURE,
}
"""The types whose names are lower-cased (RFC 4034 §6.2 item 3); not NSEC and not HINFO (RFC 6840 §5.1)."""


def canonical_rdata(type: int, rdata: bytes) -> bytes:
    """Rdata in canonical form: the names inside in lower case where the type is one of those (RFC 4034 §6.2).

    ``rdata`` is uncompressed. Malformed rdata and unknown types come back as they are (RFC 3597 §7).
    """
    layout = _LAYOUTS.get(type)
    if layout is None:
        return rdata
    at, parts = 0, []
    try:
        for step in layout:
            end = step(rdata, at)
            part = rdata[at:end]
            # Length octets are below 64 and letters above, so a whole wire name can be lower-cased at once.
            parts.append(part.lower() if step in _NAME_STEPS else part)
            at = end
    except _MalformedError:
        return rdata
    return b"".join(parts) if at == len(rdata) else rdata
