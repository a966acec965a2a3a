"""What NSEC records prove absent (RFC 4035 §5.4 with RFC 6840 §4).

Only records whose signatures were verified with the zone's keys may be given to these functions.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.nsec import NSEC, MalformedBitmapError
from danelaw.core.dnssec.rrsig import RRSIG, label_count
from danelaw.core.model import RRset


@dataclass(frozen=True, slots=True)
class ProvenNSEC:
    """One verified NSEC record of ``zone`` (RFC 4034 §4.1), and the RRset that it was read from."""

    zone: Name
    owner: Name
    next: Name
    types: frozenset[int]
    rrset: RRset

    @property
    def is_ancestor_delegation(self) -> bool:
        """The parent's side of a zone cut (RFC 6840 §4.1)."""
        return T.NS in self.types and T.SOA not in self.types and self.owner != self.zone

    def covers(self, name: Name) -> bool:
        """Whether ``name`` lies in the gap after the owner, so that it owns nothing in the zone.

        The last NSEC of a zone leads back to the apex (RFC 4034 §4.1.1). What lies below a zone cut or a DNAME is not
        spoken of (RFC 6840 §4.1).
        """
        if not name.is_subdomain(self.zone) or not self.owner < name:
            return False
        if name.is_subdomain(self.owner) and (self.is_ancestor_delegation or T.DNAME in self.types):
            return False
        return bool(name < self.next or self.next == self.zone)

    def rules_out(self, name: Name) -> bool:
        """Whether neither ``name`` nor anything below it exists: covered, and no empty non-terminal."""
        return self.covers(name) and not self.next.is_subdomain(name)

    def lacks(self, type: int) -> bool:
        """Whether the owner has neither this type nor a CNAME in its place (RFC 6840 §4.3).

        At a zone cut the parent's side speaks of the DS alone, and the child's of all but the DS (RFC 6840 §4.1, §4.4).
        """
        if type in self.types or (T.CNAME in self.types and type != T.CNAME):
            return False
        if type == T.DS:
            return T.SOA not in self.types or len(self.owner) == 1
        return not self.is_ancestor_delegation


class Denial(enum.Enum):
    """How an RRset was proved absent."""

    NODATA = "the name exists without such records"
    EMPTY_NON_TERMINAL = "the name has no records, only names below it"
    NO_NAME = "neither the name nor a wildcard for it exists"
    WILDCARD_NODATA = "the name does not exist, and the wildcard for it has no such records"


def nsec_of(rrset: RRset, rrsig: RRSIG) -> ProvenNSEC | None:
    """The NSEC in an RRset that ``rrsig`` was found to verify; None if it can prove nothing.

    That is: malformed, several records, leading out of the zone, or expanded from a wildcard: then it says nothing of
    its apparent owner (RFC 4035 §5.4; CVE-2017-15105).
    """
    zone = rrsig.signer
    if len(rrset.rdatas) != 1 or not rrset.owner.is_subdomain(zone) or rrsig.labels < label_count(rrset.owner):
        return None
    (rdata,) = rrset.rdatas
    try:
        nsec = NSEC.from_rdata(rdata)
    except MalformedBitmapError:
        return None
    if not nsec.next.is_subdomain(zone):
        return None
    return ProvenNSEC(zone, rrset.owner, nsec.next, nsec.types, rrset)


def denies(nsecs: Iterable[ProvenNSEC], name: Name, type: int) -> Denial | None:
    """How these records prove that the RRset is absent; None if they do not (RFC 4035 §5.4)."""
    nsecs = tuple(nsecs)
    for nsec in nsecs:
        if nsec.owner == name:
            return Denial.NODATA if nsec.lacks(type) else None
    for nsec in nsecs:
        if nsec.covers(name):
            if nsec.next.is_subdomain(name):
                return Denial.EMPTY_NON_TERMINAL
            wildcard = Name((b"*", *_closest_encloser(nsec, name).labels))
            return _wildcard_denial(nsecs, wildcard, type)
    return None


def rules_out_closer_match(nsecs: Sequence[ProvenNSEC], name: Name, labels: int) -> bool:
    """Whether an answer expanded from the wildcard under the last ``labels`` labels was right to be (RFC 4035 §5.3.4).

    That takes a proof that the next closer name, and with it ``name``, does not exist.
    """
    next_closer = Name(name.labels[-labels - 2 :])
    return any(nsec.rules_out(next_closer) for nsec in nsecs)


def is_delegation(nsecs: Iterable[ProvenNSEC], name: Name) -> bool | None:
    """After a proof that ``name`` has no DS: whether it is delegated, insecurely; None if that is not known.

    Only the parent's NSEC at the name, with the NS bit and without DS and SOA, proves a delegation (RFC 6840 §4.4). A
    name that owns nothing is none.
    """
    for nsec in nsecs:
        if nsec.owner == name and nsec.lacks(T.DS):
            return T.NS in nsec.types
        if nsec.covers(name):
            return False
    return None


def _wildcard_denial(nsecs: Sequence[ProvenNSEC], wildcard: Name, type: int) -> Denial | None:
    for nsec in nsecs:
        if nsec.owner == wildcard:
            return Denial.WILDCARD_NODATA if nsec.lacks(type) else None
        if nsec.covers(wildcard):
            return Denial.NO_NAME if nsec.rules_out(wildcard) else Denial.WILDCARD_NODATA
    return None


def _closest_encloser(nsec: ProvenNSEC, name: Name) -> Name:
    """The longest existing ancestor of a name that ``nsec`` covers: it is an ancestor of one end of the gap too."""
    return max((_common(name, end) for end in (nsec.owner, nsec.next)), key=len)


def _common(left: Name, right: Name) -> Name:
    shared = left.fullcompare(right)[2]
    return Name(left.labels[-shared:])
