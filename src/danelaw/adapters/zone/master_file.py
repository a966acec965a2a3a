"""Reading master files (RFC 1035 §5, RFC 2308 §4), with the place of every record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.faults import Fault, told
from danelaw.adapters.zone.names import name_text
from danelaw.adapters.zone.rdata_text import record_text
from danelaw.adapters.zone.reader import Reader, SourceRecord, text_of
from danelaw.adapters.zone.zone_rules import faults_of, loading_faults
from danelaw.core.dnssec.canonical import CanonicalKey, canonical_key, canonical_rdata
from danelaw.core.model import RRset

__all__ = ["SourceRecord", "ZoneSource", "parse_zone", "read_zone", "zone_text"]


@dataclass(frozen=True, slots=True)
class ZoneSource:
    """A master file as read: its text (ISO 8859-1 of its bytes) and the records of it and of what it includes.

    ``default_ttl``, in seconds, is what a record at the end gets that states none. ``included``: the files that it
    includes, with their texts, in the order in which they are met.
    """

    apex: Name
    path: Path
    text: str
    records: tuple[SourceRecord, ...]
    default_ttl: int
    included: tuple[tuple[Path, str], ...] = ()
    _rrsets: dict[tuple[Name, int], RRset] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def soa(self) -> SourceRecord:
        return next(record for record in self.records if record.type == RdataType.SOA)

    @property
    def serial(self) -> int:
        return int.from_bytes(self.soa.rdata[-20:-16])

    def rrsets(self) -> dict[tuple[Name, int], RRset]:
        """One RRset for each owner and type; RRSIGs are with what they cover.

        Where the TTLs of an RRset differ the least one counts (RFC 2181 §5.2); of records that are the same one is
        enough (§5). Put together once; the caller may change what it gets. Raises ``ZONE_ORPHAN_SIGNATURE``.
        """
        if not self._rrsets:
            self._rrsets.update(self._gathered())
        return self._rrsets.copy()

    def _gathered(self) -> dict[tuple[Name, int], RRset]:
        gathered: dict[tuple[CanonicalKey, int], list[SourceRecord]] = {}
        signatures: dict[tuple[CanonicalKey, int], list[SourceRecord]] = {}
        last: Name | None = None
        name: CanonicalKey = ()
        for record in self.records:
            if record.owner is not last:
                last, name = record.owner, canonical_key(record.owner)
            if record.type == RdataType.RRSIG:
                signatures.setdefault((name, int.from_bytes(record.rdata[:2])), []).append(record)
            else:
                gathered.setdefault((name, record.type), []).append(record)
        for key, [record, *_] in signatures.items():
            if key not in gathered:
                said = f"it signs no {dns.rdatatype.to_text(RdataType.make(key[1]))} records"
                entry = record.entry
                raise told([Fault("ZONE_ORPHAN_SIGNATURE", record.path, entry.text, entry.tokens[0].at, said)])
        found = {}
        for key, records in gathered.items():
            owner, type, ttl = records[0].owner, records[0].type, records[0].ttl
            rdatas = frozenset((records[0].rdata,))
            if len(records) > 1:
                ttl = min(record.ttl for record in records)
                rdatas = frozenset({canonical_rdata(type, r.rdata): r.rdata for r in reversed(records)}.values())
            rrsigs = frozenset(record.rdata for record in signatures.get(key, ()))
            found[owner, type] = RRset(owner, type, ttl, rdatas, rrsigs)
        return found


def read_zone(path: Path, apex: Name) -> ZoneSource:
    """The zone in a master file. ``$INCLUDE`` is relative to the file that says it.

    Raises ``DanelawError``, for up to ten faults at once: ``ZONE_UNREADABLE``, ``ZONE_SYNTAX``,
    ``ZONE_INCLUDE_LOOP``, ``ZONE_OUT_OF_ZONE``, ``ZONE_NO_SOA``, ``ZONE_NO_NS``, ``ZONE_CNAME_CLASH``,
    ``ZONE_DNAME_CLASH``.
    """
    source = parse_zone(text_of(path), path, apex)
    if faults := loading_faults(source.apex, source.records):
        raise told(faults)
    return source


def parse_zone(text: str, path: Path, apex: Name) -> ZoneSource:
    """As ``read_zone``, for a text that stands, or shall stand, at ``path``.

    It may lack NS records or have data below a DNAME, which name servers refuse.
    """
    reader = Reader(apex)
    reader.read(text, path)
    records = tuple(reader.records)
    faults = reader.faults or faults_of(apex, path, text, records)
    if faults:
        raise told(faults)
    return ZoneSource(apex, path, text, records, reader.default_ttl, tuple(reader.included))


def zone_text(rrsets: Iterable[RRset], heading: str) -> str:
    """A master file of these RRsets and their RRSIGs, all names absolute, in canonical order with the SOA first."""
    lines = [f"; {heading}\n"]
    for rrset in sorted(rrsets, key=lambda r: (r.type != RdataType.SOA, canonical_key(r.owner), r.type)):
        head = f"{name_text(rrset.owner.labels)} {rrset.ttl} IN "
        lines += [f"{head}{record_text(rrset.type, rdata)}\n" for rdata in sorted(rrset.rdatas)]
        lines += [f"{head}{record_text(RdataType.RRSIG, rdata)}\n" for rdata in sorted(rrset.rrsigs)]
    return "".join(lines)
