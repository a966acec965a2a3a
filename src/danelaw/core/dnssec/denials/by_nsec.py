"""What NSEC records prove absent (RFC 4035 §5.4 with RFC 6840 §4)."""

from __future__ import annotations

from dataclasses import dataclass

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.denials.proof import Delegation, Denial, Denied, hides_names_below, lacks, once
from danelaw.core.dnssec.nsec import NSEC, MalformedBitmapError
from danelaw.core.dnssec.rrsig import RRSIG, label_count
from danelaw.core.model import Reason, RRset


@dataclass(frozen=True, slots=True)
class ProvenNSEC:
    """One verified NSEC record of ``zone`` (RFC 4034 §4.1), and the RRset that it was read from."""

    zone: Name
    owner: Name
    next: Name
    types: frozenset[int]
    rrset: RRset

    def covers(self, name: Name) -> bool:
        """Whether ``name`` lies in the gap after the owner, so that it owns nothing in the zone.

        The last NSEC of a zone leads back to the apex (RFC 4034 §4.1.1). What lies below a zone cut or a DNAME is not
        spoken of (RFC 6840 §4.1).
        """
        if not name.is_subdomain(self.zone) or not self.owner < name:
            return False
        if name.is_subdomain(self.owner) and hides_names_below(self.owner, self.zone, self.types):
            return False
        return bool(name < self.next or self.next == self.zone)

    def rules_out(self, name: Name) -> bool:
        """Whether neither ``name`` nor anything below it exists: covered, and no empty non-terminal."""
        return self.covers(name) and not self.next.is_subdomain(name)

    def lacks(self, type: int) -> bool:
        return lacks(self.owner, self.zone, self.types, type)


def read_nsec(zone: Name, rrset: RRset, rrsig: RRSIG) -> ProvenNSEC | Reason:
    """The NSEC in an RRset that ``rrsig`` was found to verify, or why it can prove nothing.

    That is: malformed, several records, leading out of the zone, or expanded from a wildcard: then it says nothing of
    its apparent owner (RFC 4035 §5.4; CVE-2017-15105).
    """
    if not rrset.owner.is_subdomain(zone):
        return _unusable(rrset, "RFC 4034 §4", f"not of {zone}")
    if rrsig.labels < label_count(rrset.owner):
        return _unusable(rrset, "RFC 4035 §5.4", "expanded from a wildcard")
    if len(rrset.rdatas) != 1:
        return _unusable(rrset, "RFC 4034 §4", f"{len(rrset.rdatas)} records at one name")
    (rdata,) = rrset.rdatas
    try:
        nsec = NSEC.from_rdata(rdata)
    except MalformedBitmapError as error:
        return _unusable(rrset, "RFC 4034 §4.1", str(error))
    if not nsec.next.is_subdomain(zone):
        return _unusable(rrset, "RFC 4034 §4.1.1", f"leads out of {zone}, to {nsec.next}")
    return ProvenNSEC(zone, rrset.owner, nsec.next, nsec.types, rrset)


@dataclass(frozen=True, slots=True)
class NSECDenials:
    """What some NSEC records of one zone prove together."""

    records: tuple[ProvenNSEC, ...]

    def denies(self, name: Name, type: int) -> Denied | None:
        """How the RRset is proved absent; None if it is not (RFC 4035 §5.4)."""
        for nsec in self.records:
            if nsec.owner == name:
                return Denied(Denial.NODATA, (nsec.rrset,)) if nsec.lacks(type) else None
        for nsec in self.records:
            if nsec.covers(name):
                if nsec.next.is_subdomain(name):
                    return Denied(Denial.EMPTY_NON_TERMINAL, (nsec.rrset,))
                wildcard = Name((b"*", *_closest_encloser(nsec, name).labels))
                return self._wildcard_denied(nsec, wildcard, type)
        return None

    def rules_out_closer_match(self, name: Name, labels: int) -> Denied | None:
        """See ``Denials.rules_out_closer_match`` (RFC 4035 §5.3.4)."""
        next_closer = Name(name.labels[-labels - 2 :])
        for nsec in self.records:
            if nsec.rules_out(next_closer):
                return Denied(Denial.NO_CLOSER_NAME, (nsec.rrset,))
        return None

    def delegation(self, name: Name) -> tuple[Delegation, Denied] | None:
        """See ``Denials.delegation``. Only NS without DS and SOA proves a cut (RFC 6840 §4.4)."""
        for nsec in self.records:
            if nsec.owner == name and nsec.lacks(T.DS):
                what = Delegation.INSECURE_CUT if T.NS in nsec.types else Delegation.NO_CUT
                return what, Denied(Denial.NODATA, (nsec.rrset,))
            if nsec.rules_out(name):
                return Delegation.NOTHING_BELOW, Denied(Denial.NO_CLOSER_NAME, (nsec.rrset,))
            if nsec.covers(name):
                return Delegation.NO_CUT, Denied(Denial.EMPTY_NON_TERMINAL, (nsec.rrset,))
        return None

    def _wildcard_denied(self, covering: ProvenNSEC, wildcard: Name, type: int) -> Denied | None:
        for nsec in self.records:
            records = once(covering.rrset, nsec.rrset)
            if nsec.owner == wildcard:
                return Denied(Denial.WILDCARD_NODATA, records) if nsec.lacks(type) else None
            if nsec.covers(wildcard):
                return Denied(Denial.NO_NAME if nsec.rules_out(wildcard) else Denial.WILDCARD_NODATA, records)
        return None


def _closest_encloser(nsec: ProvenNSEC, name: Name) -> Name:
    """The longest existing ancestor of a name that ``nsec`` covers: it is an ancestor of one end of the gap too."""
    return max((_common(name, end) for end in (nsec.owner, nsec.next)), key=len)


def _common(left: Name, right: Name) -> Name:
    shared = left.fullcompare(right)[2]
    return Name(left.labels[-shared:])


def _unusable(rrset: RRset, section: str, detail: str) -> Reason:
    return Reason("NSEC_UNUSABLE", section, f"{rrset.owner} NSEC", detail)
