"""What the records of a zone must be together, and what is odd about them (RFC 1035 §5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.faults import MOST_FAULTS, Fault
from danelaw.adapters.zone.reader import SourceRecord
from danelaw.core.dnssec.canonical import CanonicalKey, canonical_key, canonical_rdata

_BESIDE_CNAME: Final = frozenset({RdataType.CNAME, RdataType.RRSIG, RdataType.NSEC, RdataType.KEY})
"""RFC 2181 §10.1, RFC 4035 §2.5."""

_AT_CUT: Final = frozenset({RdataType.NS, RdataType.DS, RdataType.RRSIG, RdataType.NSEC})
_GLUE: Final = frozenset({RdataType.A, RdataType.AAAA})

_Named = dict[CanonicalKey, list[SourceRecord]]


@dataclass(frozen=True, slots=True)
class Remark:
    """What is odd about a zone but no error. ``text`` says where."""

    code: str
    text: str


def faults_of(apex: Name, path: Path, text: str, records: Iterable[SourceRecord]) -> list[Fault]:
    """What forbids every name server to load the zone, not more than are told at once."""
    named = _by_name(records)
    top = canonical_key(apex)
    return list(islice(_faults(apex, top, path, text, named), MOST_FAULTS))


def _faults(apex: Name, top: CanonicalKey, path: Path, text: str, named: _Named) -> Iterator[Fault]:
    for key, records in named.items():
        if key[: len(top)] != top:
            yield _out_of_zone(apex, records[0])
    soas = [record for there in named.values() for record in there if record.type == RdataType.SOA]
    different = {canonical_rdata(soa.type, soa.rdata): soa for soa in soas}
    if not soas:
        hint = "the zone's name and the file may not belong together"
        yield Fault("ZONE_NO_SOA", path, text, 0, f"there is no SOA record of {apex}", hint)
    elif misplaced := next((soa for soa in soas if canonical_key(soa.owner) != top), None):
        hint = "the zone's name and the file may not belong together"
        yield _at(misplaced, "ZONE_NO_SOA", f"a SOA record of {misplaced.owner}, and the zone is {apex}", hint)
    elif len(different) > 1:
        yield _at(soas[-1], "ZONE_NO_SOA", f"a second SOA record of {apex}", "leave one, that with the later serial")
    for key, there in named.items():
        yield from _clashes(there, is_top=key == top)


def loading_faults(apex: Name, records: Iterable[SourceRecord]) -> list[Fault]:
    """What else forbids it to some: no NS record of the zone, or data below a DNAME (RFC 6672 §2.4)."""
    named, top = _by_name(records), canonical_key(apex)
    return list(islice(_loading_faults(apex, top, named), MOST_FAULTS))


def _loading_faults(apex: Name, top: CanonicalKey, named: _Named) -> Iterator[Fault]:
    types = {key: {record.type for record in there} for key, there in named.items()}
    if RdataType.NS not in types[top]:
        soa = next(record for record in named[top] if record.type == RdataType.SOA)
        hint = f"name its servers, as in: {apex} NS ns1.{apex}"
        yield _at(soa, "ZONE_NO_NS", f"the zone {apex} has no NS records of its own", hint)
    dnames = {key for key in named if RdataType.DNAME in types[key]}
    if dnames:
        for key, there in named.items():
            if (above := _above(key, len(top), dnames)) is not None:
                said = f"{there[0].owner} is below {named[above][0].owner}, which has a DNAME"
                hint = "all names below it are redirected: remove them, or the DNAME"
                yield _at(there[0], "ZONE_DNAME_CLASH", said, hint)


def _by_name(records: Iterable[SourceRecord]) -> _Named:
    named: _Named = {}
    last: Name | None = None
    there: list[SourceRecord] = []
    for record in records:
        if record.owner is not last:
            last, there = record.owner, named.setdefault(canonical_key(record.owner), [])
        there.append(record)
    return named


def _out_of_zone(apex: Name, record: SourceRecord) -> Fault:
    hint = "a name that ends in a dot is complete, any other is continued by the zone's name or by $ORIGIN"
    return _at(record, "ZONE_OUT_OF_ZONE", f"{record.owner} is not in the zone {apex}", hint)


def _clashes(records: list[SourceRecord], *, is_top: bool) -> Iterator[Fault]:
    """A CNAME stands alone (RFC 1034 §3.6.2), and is one, as a DNAME is (RFC 6672 §2.3, §2.4)."""
    if len(records) == 1:
        return
    types = {record.type for record in records}
    owner = records[0].owner
    if RdataType.CNAME in types:
        if types - _BESIDE_CNAME:
            said = f"{owner} has a CNAME, so it can have nothing else"
            hint = "keep the CNAME, or the other records"
            yield _at(_second_kind(records), "ZONE_CNAME_CLASH", said, hint)
        elif second := _second(records, RdataType.CNAME):
            yield _at(second, "ZONE_CNAME_CLASH", f"a second CNAME of {owner}", "a name is an alias of one name only")
    if RdataType.DNAME in types:
        if second := _second(records, RdataType.DNAME):
            yield _at(second, "ZONE_DNAME_CLASH", f"a second DNAME of {owner}", "names are redirected to one name only")
        if RdataType.NS in types and not is_top:
            said, hint = f"{owner} has a DNAME and is delegated", "write the DNAME into the child's zone"
            yield _at(next(r for r in records if r.type == RdataType.DNAME), "ZONE_DNAME_CLASH", said, hint)


def _second(records: list[SourceRecord], type: int) -> SourceRecord | None:
    """One that is not the same as the first (RFC 2181 §5)."""
    those = [record for record in records if record.type == type]
    first = canonical_rdata(type, those[0].rdata)
    return next((record for record in those if canonical_rdata(type, record.rdata) != first), None)


def _second_kind(records: list[SourceRecord]) -> SourceRecord:
    """The record with which the clash begins: the CNAME after others, or the other after the CNAME."""
    telling = [record for record in records if record.type == RdataType.CNAME or record.type not in _BESIDE_CNAME]
    return next(r for r in telling if (r.type == RdataType.CNAME) != (telling[0].type == RdataType.CNAME))


def _above(key: CanonicalKey, top: int, among: set[CanonicalKey]) -> CanonicalKey | None:
    """The highest name of ``among`` that ``key`` is truly below; ``top``: how many labels the apex has."""
    return next((key[:length] for length in range(top, len(key)) if key[:length] in among), None)


def _at(record: SourceRecord, code: str, message: str, hint: str = "") -> Fault:
    return Fault(code, record.path, record.entry.text, record.entry.tokens[0].at, message, hint)


def remarks(apex: Name, records: Iterable[SourceRecord]) -> Iterator[Remark]:
    """What a zone may be and hardly should.

    ``ZONE_TTLS_DIFFER``: within an RRset, where the least counts (RFC 2181 §5.2). ``ZONE_DUPLICATE``: a record that
    stands there twice counts once (§5). ``ZONE_OCCLUDED``: it is at or below a delegation and not part of it, so
    that nobody sees it. ``ZONE_NAME_DOUBLED``: a name that goes on with the zone's own, which lacks its last dot.
    """
    named = _by_name(records)
    top = canonical_key(apex)
    cuts = {key for key, there in named.items() if key != top and any(record.type == RdataType.NS for record in there)}
    for key, there in named.items():
        if key[len(top) : 2 * len(top) - 1] == top[1:] and len(top) > 1:
            said = f"{there[0].owner} holds the zone's name twice: is a dot missing?"
            yield _remark(there[0], "ZONE_NAME_DOUBLED", said)
        if cuts and (above := _above(key, len(top), cuts) or (key if key in cuts else None)) is not None:
            visible = _AT_CUT | _GLUE if above == key else _GLUE
            for record in there:
                if record.type not in visible:
                    said = f"{_shown(record)} is not seen, for {named[above][0].owner} is delegated"
                    yield _remark(record, "ZONE_OCCLUDED", said)
        yield from _oddities(there)


def _oddities(there: list[SourceRecord]) -> Iterator[Remark]:
    seen: dict[int, tuple[int, set[bytes]]] = {}
    for record in there:
        rdata = canonical_rdata(record.type, record.rdata)
        if record.type not in seen:
            seen[record.type] = record.ttl, {rdata}
            continue
        ttl, rdatas = seen[record.type]
        if record.ttl != ttl and record.type != RdataType.RRSIG:
            said = f"{_shown(record)} has a TTL of {record.ttl} s, and of {ttl} s before: the least counts for all"
            yield _remark(record, "ZONE_TTLS_DIFFER", said)
        if rdata in rdatas:
            yield _remark(record, "ZONE_DUPLICATE", f"{_shown(record)} stands there twice with the same data")
        rdatas.add(rdata)


def _remark(record: SourceRecord, code: str, text: str) -> Remark:
    return Remark(code, f"{record.path}:{record.entry.line}: {text}")


def _shown(record: SourceRecord) -> str:
    return f"{record.owner} {dns.rdatatype.to_text(RdataType.make(record.type))}"
