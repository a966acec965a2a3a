"""What a denial is, however a zone proves it: by NSEC or by NSEC3."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.model import RRset


class Denial(enum.Enum):
    """How an RRset, or a name, was proved absent."""

    NODATA = "the name exists without such records"
    EMPTY_NON_TERMINAL = "the name has no records, only names below it"
    NO_NAME = "neither the name nor a wildcard for it exists"
    WILDCARD_NODATA = "the name does not exist, and the wildcard for it has no such records"
    NO_CLOSER_NAME = "nothing exists at the name or below it that would keep a wildcard from it"
    OPT_OUT = "nothing signed exists there, though an unsigned delegation may"


@dataclass(frozen=True, slots=True)
class Denied:
    """A proof of absence. ``records``: the NSEC or NSEC3 RRsets that it rests on, each once.

    ``opt_out``: the next closer name lies in an opt-out span, so that only *signed* data are denied: then the absence
    is insecure, never secure (RFC 5155 §9.2).
    """

    how: Denial
    records: tuple[RRset, ...]
    opt_out: bool = False


class Delegation(enum.Enum):
    """What begins at a name that has no DS (RFC 4035 §5.2, RFC 6840 §4.4, RFC 5155 §8.9)."""

    INSECURE_CUT = "an unsigned zone"
    OPT_OUT = "an unsigned zone, perhaps"
    NO_CUT = "no zone: the name exists and is no delegation"
    NOTHING_BELOW = "no zone, here or below: there is no such name"


def is_ancestor_delegation(owner: Name, zone: Name, types: Collection[int]) -> bool:
    """Whether a record with these types, of ``owner`` in ``zone``, is the parent's side of a cut (RFC 6840 §4.1)."""
    return T.NS in types and T.SOA not in types and owner != zone


def hides_names_below(owner: Name, zone: Name, types: Collection[int]) -> bool:
    """Whether the record speaks of no name below its owner: a zone cut or a DNAME is there (RFC 6840 §4.1)."""
    return T.DNAME in types or is_ancestor_delegation(owner, zone, types)


def lacks(owner: Name, zone: Name, types: Collection[int], type: int) -> bool:
    """Whether ``owner``, with these types in ``zone``, has neither ``type`` nor a CNAME in its place (RFC 6840 §4.3).

    At a zone cut the parent's side speaks of the DS alone, and the child's of all but the DS (RFC 6840 §4.1, §4.4);
    only the root has no parent. A query for ANY is answered by whatever there is (RFC 6840 §4.2).
    """
    if type in types or T.CNAME in types:
        return False
    if type == T.ANY:
        return not types
    if type == T.DS:
        return (owner != zone and T.SOA not in types) or owner == dns.name.root
    return not is_ancestor_delegation(owner, zone, types)


def once(*rrsets: RRset) -> tuple[RRset, ...]:
    """The RRsets in their order, each once."""
    return tuple(dict.fromkeys(rrsets))
