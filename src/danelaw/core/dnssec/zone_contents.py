"""A zone's records put together to RRsets, and what forbids them to be a zone at all (RFC 1034 §4.2.1, RFC 2181 §5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.dnssec.rrsig import type_text
from danelaw.core.dnssec.sign import Place
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.model import Record, RRset

_BESIDE_CNAME: Final = frozenset({T.CNAME, T.NSEC, T.KEY})
"""RFC 4035 §2.5; signatures are with what they cover."""
_GLUE: Final = frozenset({T.A, T.AAAA})
_SOA_OCTETS: Final = 22
"""Of two root names and five numbers (RFC 1035 §3.3.13)."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The RRsets of a zone, by owner and type, and what was wrong with the records that they are made of."""

    rrsets: Mapping[Place, RRset]
    faults: tuple[ZoneFinding, ...]


def gather(apex: Name, records: Iterable[Record]) -> Contents:
    """RRsets with the signatures that cover them. A record that stands there twice counts once (RFC 2181 §5).

    What lies outside the zone and signatures over nothing are left out, and told of. Where TTLs differ, the least one
    counts. Codes: ZONE_OUT_OF_ZONE, ZONE_TTLS_DIFFER, SIGNATURE_TTL, SIGNATURE_UNWANTED.
    """
    piles: dict[Place, _Pile] = defaultdict(_Pile)
    for record in records:
        if record.type == T.RRSIG:
            piles[record.owner, int.from_bytes(record.rdata[:2])].rrsigs.append(record)
        else:
            piles[record.owner, record.type].records.append(record)
    rrsets: dict[Place, RRset] = {}
    faults: list[ZoneFinding] = []
    for (owner, type), pile in piles.items():
        if not owner.is_subdomain(apex):
            faults.append(ZoneFinding("ZONE_OUT_OF_ZONE", "RFC 1035 §5.2", owner, type, f"it is not in {apex}"))
        elif not pile.records:
            said = f"a signature over {type_text(type)} records, which are not there"
            faults.append(ZoneFinding("SIGNATURE_UNWANTED", "RFC 4035 §2.2", owner, type, said))
        else:
            rrsets[owner, type] = rrset = pile.rrset(owner, type)
            faults += pile.faults(rrset)
    return Contents(rrsets, tuple(faults))


@dataclass(slots=True)
class _Pile:
    """The records of one owner and type, and the signatures over them."""

    records: list[Record] = field(default_factory=list)
    rrsigs: list[Record] = field(default_factory=list)

    def rrset(self, owner: Name, type: int) -> RRset:
        """Of records that are the same in canonical form the first counts."""
        if len(self.records) == 1:
            rdatas = frozenset({self.records[0].rdata})
        else:
            rdatas = frozenset({canonical_rdata(type, one.rdata): one.rdata for one in self.records[::-1]}.values())
        return RRset(owner, type, min(one.ttl for one in self.records), rdatas, frozenset(r.rdata for r in self.rrsigs))

    def faults(self, rrset: RRset) -> Iterator[ZoneFinding]:
        ttls, signed = {one.ttl for one in self.records}, {one.ttl for one in self.rrsigs}
        if len(ttls) > 1:
            said = f"its TTLs are {', '.join(map(str, sorted(ttls)))}"
            yield ZoneFinding("ZONE_TTLS_DIFFER", "RFC 2181 §5.2", rrset.owner, rrset.type, said)
        if others := signed - {rrset.ttl}:
            said = f"the RRSIG's own TTL is {min(others)}, and that of the records is {rrset.ttl}"
            yield ZoneFinding("SIGNATURE_TTL", "RFC 4035 §2.2", rrset.owner, rrset.type, said)


def content_faults(apex: Name, rrsets: Mapping[Place, RRset]) -> Iterator[ZoneFinding]:
    """What no zone may hold. Codes: ZONE_NO_SOA, ZONE_NO_NS, ZONE_CNAME_CLASH, ZONE_DNAME_CLASH, DS_MISPLACED,
    CDS_MISPLACED."""
    soa = rrsets.get((apex, int(T.SOA)))
    if soa is None or len(soa.rdatas) != 1 or any(len(rdata) < _SOA_OCTETS for rdata in soa.rdatas):
        said = "there is none" if soa is None else f"{len(soa.rdatas)} SOA records, or one cut short"
        yield ZoneFinding("ZONE_NO_SOA", "RFC 1035 §5.2", apex, T.SOA, said)
    if (apex, int(T.NS)) not in rrsets:
        yield ZoneFinding("ZONE_NO_NS", "RFC 1034 §4.2.1", apex, T.NS, "the zone lists no name servers")
    types: dict[Name, set[int]] = defaultdict(set)
    for owner, type in rrsets:
        types[owner].add(type)
    dnames = {owner for owner, has in types.items() if T.DNAME in has}
    for owner, has in types.items():
        yield from _clashes(apex, owner, has, rrsets)
        if dnames and not has <= {T.NSEC3} and (above := _above(apex, owner, dnames)) is not None:
            said = f"it is below {above}, whose DNAME hides it"
            yield ZoneFinding("ZONE_DNAME_CLASH", "RFC 6672 §2.4", owner, min(has), said)


def _clashes(apex: Name, owner: Name, has: set[int], rrsets: Mapping[Place, RRset]) -> Iterator[ZoneFinding]:
    for type, code, section in (
        (T.CNAME, "ZONE_CNAME_CLASH", "RFC 2181 §10.1"),
        (T.DNAME, "ZONE_DNAME_CLASH", "RFC 6672 §2.4"),
    ):
        if type in has and (count := len(rrsets[owner, int(type)].rdatas)) > 1:
            yield ZoneFinding(code, section, owner, type, f"{count} records of which there can be one")
    if T.CNAME in has and (others := has - _BESIDE_CNAME):
        said = f"beside the CNAME there is {' '.join(map(type_text, sorted(others)))}"
        yield ZoneFinding("ZONE_CNAME_CLASH", "RFC 4035 §2.5", owner, T.CNAME, said)
    if owner == apex:
        if T.DS in has:
            yield ZoneFinding("DS_MISPLACED", "RFC 4035 §2.4", owner, T.DS, "at the apex: it belongs into the parent")
        return
    if T.DS in has and T.NS not in has:
        yield ZoneFinding("DS_MISPLACED", "RFC 4035 §2.4", owner, T.DS, "the name is not delegated: it has no NS")
    if T.DNAME in has and T.NS in has:
        yield ZoneFinding("ZONE_DNAME_CLASH", "RFC 6672 §2.4", owner, T.DNAME, "the name is delegated")
    if T.SOA in has:
        yield ZoneFinding("ZONE_NO_SOA", "RFC 1035 §5.2", owner, T.SOA, f"the zone's apex is {apex}")
    for type in (T.CDS, T.CDNSKEY):
        if type in has:
            yield ZoneFinding("CDS_MISPLACED", "RFC 7344 §4.1", owner, type, f"the zone's apex is {apex}")


def occluded(rrsets: Iterable[RRset], authoritative: Mapping[Name, Collection[int]]) -> Iterator[ZoneFinding]:
    """ZONE_OCCLUDED: records at or below a delegation that are neither part of it nor glue."""
    for rrset in rrsets:
        if rrset.type in _GLUE or rrset.type in (T.NSEC, T.NSEC3):
            continue
        if rrset.type not in authoritative.get(rrset.owner, ()):
            said = "at or below a delegation, and so not seen"
            yield ZoneFinding("ZONE_OCCLUDED", "RFC 2181 §6.1", rrset.owner, rrset.type, said)


def _above(apex: Name, owner: Name, among: set[Name]) -> Name | None:
    while owner != apex:
        owner = owner.parent()
        if owner in among:
            return owner
    return None
