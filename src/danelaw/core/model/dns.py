"""RRsets and their absence, as every room sees them: raw rdata, so that a malformed record is still a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from dns.name import Name

SERIAL_HALF: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class RRset:
    """Records of one owner and type (RFC 9499 §5), class IN.

    ``rdatas`` are uncompressed wire rdata; ``rrsigs`` are the rdata of the RRSIGs that cover them.
    """

    owner: Name
    type: int
    ttl: int
    rdatas: frozenset[bytes]
    rrsigs: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Absence:
    """An RRset that is not there: NODATA or NXDOMAIN.

    ``ttl`` is how long, in seconds, a cache may hold the denial: ``max(min(SOA TTL, SOA MINIMUM), NSEC TTL)``
    (RFC 2308 §5, RFC 9077 §3, RFC 8198). ``proof`` holds the SOA and NSEC or NSEC3 RRsets that came with it.
    """

    owner: Name
    type: int
    ttl: int
    proof: frozenset[RRset] = frozenset()


Answer: TypeAlias = RRset | Absence


def serial_gt(left: int, right: int) -> bool:
    """Whether SOA serial ``left`` is after ``right`` in serial number arithmetic (RFC 1982 §3.2)."""
    return left != right and ((left - right) & 0xFFFFFFFF) < SERIAL_HALF


def same_content(left: Answer, right: Answer) -> bool:
    """Whether two answers say the same to a client: same rdata, or both absent. TTLs and signatures aside."""
    if isinstance(left, RRset) and isinstance(right, RRset):
        return left.type == right.type and left.owner == right.owner and left.rdatas == right.rdatas
    return isinstance(left, Absence) and isinstance(right, Absence)
