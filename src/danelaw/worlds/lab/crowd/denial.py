"""What NSEC records prove (RFC 4034 §4, RFC 4035 §5.4, RFC 6840 §4). Their signatures are verified before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import dns.name
from dns.name import Name
from dns.rdatatype import CNAME, DNAME, DS, NS, SOA
from dns.rdtypes.ANY.NSEC import NSEC as NsecRdata  # noqa: N811  # the rdata's class; the type's number has its name

WILDCARD: Final = dns.name.Name([b"*"])


@dataclass(frozen=True, slots=True)
class Nsec:
    """One NSEC record: nothing lies between ``owner`` and ``next``, and ``owner`` has exactly ``types``."""

    owner: Name
    next: Name
    types: frozenset[int]

    @classmethod
    def of(cls, owner: Name, rdata: NsecRdata) -> Nsec:
        """The bit maps of RFC 4034 §4.1.2, read."""
        types = frozenset(
            window * 256 + position * 8 + bit
            for window, bitmap in rdata.windows
            for position, byte in enumerate(bitmap)
            for bit in range(8)
            if byte & 0x80 >> bit
        )
        return cls(owner, rdata.next, types)

    def covers(self, name: Name, zone: Name) -> bool:
        """Whether ``name`` is proven not to exist: it sorts into the gap, and the gap is this zone's to describe.

        An NSEC from above a zone cut or a DNAME says nothing about what lies below (RFC 6840 §4.1).
        """
        if not (self.next.is_subdomain(zone) and self.owner.is_subdomain(zone)):
            return False
        below = name != self.owner and name.is_subdomain(self.owner)
        if below and (DNAME in self.types or (NS in self.types and SOA not in self.types)):
            return False
        return bool(self.owner < name and (name < self.next or self.next == zone))

    def encloser(self, name: Name) -> Name:
        """The closest encloser of a ``name`` that this record covers: its longest ancestor known to exist."""
        return max(_shared(name, self.owner), _shared(name, self.next), key=len)


def _shared(name: Name, other: Name) -> Name:
    while not other.is_subdomain(name):
        name = name.parent()
    return name


def proves_no_name(name: Name, nsecs: Sequence[Nsec], zone: Name) -> bool:
    """NXDOMAIN: neither the name nor a wildcard that could stand for it exists (RFC 4035 §5.4)."""
    for nsec in nsecs:
        if nsec.covers(name, zone) and not nsec.next.is_subdomain(name):
            wildcard = WILDCARD.concatenate(nsec.encloser(name))
            return any(other.covers(wildcard, zone) for other in nsecs)
    return False


def proves_no_type(name: Name, type: int, nsecs: Sequence[Nsec], zone: Name) -> bool:
    """NODATA: the name is there without the type, or is an empty non-terminal, or a wildcard stands for it
    without the type."""
    for nsec in nsecs:
        if nsec.owner == name:
            return _lacks(nsec, type)
    for nsec in nsecs:
        if nsec.covers(name, zone):
            if nsec.next.is_subdomain(name):
                return True
            wildcard = WILDCARD.concatenate(nsec.encloser(name))
            return any(other.owner == wildcard and _lacks(other, type) for other in nsecs)
    return False


def _lacks(nsec: Nsec, type: int) -> bool:
    if type in nsec.types or CNAME in nsec.types:
        return False
    parents_side = NS in nsec.types and SOA not in nsec.types
    # RFC 6840 §4.1: a delegation's NSEC speaks of the DS alone. §4.4: the child's apex does not speak of its DS.
    return SOA not in nsec.types if type == DS else not parents_side


def proves_insecure_delegation(child: Name, nsecs: Iterable[Nsec]) -> bool:
    """No DS at a zone cut: the NSEC at the cut itself has the NS bit, and neither DS nor SOA (RFC 6840 §4.4)."""
    return any(
        nsec.owner == child and NS in nsec.types and DS not in nsec.types and SOA not in nsec.types for nsec in nsecs
    )


def proves_expansion(name: Name, labels: int, nsecs: Iterable[Nsec], zone: Name) -> bool:
    """That a wildcard answer is rightly one: nothing closer to ``name`` exists (RFC 4035 §5.3.4).

    ``labels`` is the RRSIG's count: the wildcard's, without its asterisk (RFC 4034 §3.1.3).
    """
    parent = dns.name.Name(name.labels[-(labels + 1) :])
    return any(nsec.covers(name, zone) and nsec.encloser(name) == parent for nsec in nsecs)
