"""Editing the operator's master file: the serial and Danelaw's own marked block change, every other byte stays.

The block stands at the end of the file unless the operator moves it. Each edit is read back before it is believed.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.master_file import SourceRecord, ZoneSource, parse_zone
from danelaw.adapters.zone.rdata_text import record_text
from danelaw.adapters.zone.serials import next_serial
from danelaw.core.dnssec.canonical import canonical_key
from danelaw.core.model import Absence, Answer, DanelawError, RRset

OPENING: Final = "; >>> danelaw: Danelaw keeps the lines of this block; edit outside of it\n"
CLOSING: Final = "; <<< danelaw\n"
_OPENING: Final = re.compile(r"^; >>> danelaw\b[^\n]*\n", re.MULTILINE)
_CLOSING: Final = re.compile(r"^; <<< danelaw\b[^\n]*(?:\n|\Z)", re.MULTILINE)


def raise_serial(source: ZoneSource, above: tuple[int, ...], now: datetime) -> ZoneSource:
    """The zone with a serial after its own and those ``above``. Raises ``ZONE_EDIT_UNSAFE``."""
    soa = source.soa
    token = soa.entry.tokens[soa.rdata_at + 2] if len(soa.entry.tokens) > soa.rdata_at + 2 else None
    if soa.path != source.path or token is None or token.text != str(source.serial):
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"{soa.path}:{soa.entry.line}: the serial is not written where it can be changed",
            hint=f"write the SOA record in the usual form and in {source.path} itself",
        )
    serial = next_serial(source.serial, above, now)
    text = source.text[: token.at] + str(serial) + source.text[token.at + len(token.text) :]
    return _believe(source, text, soa.owner, RdataType.SOA)


def replace_rrset(source: ZoneSource, answer: Answer) -> ZoneSource:
    """The zone in which ``answer``'s owner and type hold just that: an RRset, in the block, or nothing.

    Whatever the operator wrote of this owner and type outside of the block goes, line by line. Raises
    ``ZONE_EDIT_UNSAFE`` if that cannot be done without touching more, ``ZONE_BLOCK_DAMAGED``.
    """
    block = _block(source)
    kept = []
    text, cuts = source.text, list[tuple[int, int]]()
    for record in source.records:
        in_block = _within(block, source, record)
        concerned = (record.owner, record.type) == (answer.owner, answer.type)
        if in_block and not concerned:
            kept.append((record.owner, record.type, record.ttl, record.rdata))
        elif concerned and not in_block:
            cuts.append(_whole_line(source, record))
    if isinstance(answer, RRset):
        kept += [(answer.owner, answer.type, answer.ttl, rdata) for rdata in answer.rdatas]
    kept.sort(key=lambda record: (canonical_key(record[0]), *record[1:]))

    lines = "".join(f"{owner} {ttl} IN {record_text(type, rdata)}\n" for owner, type, ttl, rdata in kept)
    new_block = f"{OPENING}{lines}{CLOSING}" if kept else ""
    if block is not None:
        pieces = [(*block, new_block)]
    else:
        missing = "\n" if new_block and not text.endswith("\n") else ""
        pieces = [(len(text), len(text), missing + new_block)]
    for start, end, instead in sorted([*pieces, *((*cut, "") for cut in cuts)], reverse=True):
        text = text[:start] + instead + text[end:]
    return _believe(source, text, answer.owner, answer.type, answer)


def held(source: ZoneSource, owner: Name, type: int) -> Answer:
    """What the zone holds of an owner and type; the TTL of an absence is the zone's (RFC 2308 §5)."""
    found = source.rrsets().get((owner, type))
    soa = source.soa
    return found or Absence(owner, type, min(soa.ttl, int.from_bytes(soa.rdata[-4:])))


def in_block(source: ZoneSource) -> frozenset[tuple[Name, int]]:
    """The owners and types of which every record stands in the block. Raises ``ZONE_BLOCK_DAMAGED``."""
    block = _block(source)
    everywhere = frozenset((record.owner, record.type) for record in source.records)
    return everywhere - {(r.owner, r.type) for r in source.records if not _within(block, source, r)}


def _within(block: tuple[int, int] | None, source: ZoneSource, record: SourceRecord) -> bool:
    return block is not None and record.path == source.path and block[0] <= record.entry.start < block[1]


def _block(source: ZoneSource) -> tuple[int, int] | None:
    """Where the block begins and ends, its marks included."""
    openings = list(_OPENING.finditer(source.text))
    closings = list(_CLOSING.finditer(source.text))
    if not openings and not closings:
        return None
    if len(openings) != 1 or len(closings) != 1 or closings[0].start() < openings[0].end():
        raise DanelawError(
            "ZONE_BLOCK_DAMAGED",
            f"the marks of Danelaw's block in {source.path} are not one pair",
            hint="put one line '; >>> danelaw' before the block and one line '; <<< danelaw' after it",
        )
    return openings[0].start(), closings[0].end()


def _whole_line(source: ZoneSource, record: SourceRecord) -> tuple[int, int]:
    entry = record.entry
    if record.path != source.path or "\n" in source.text[entry.start : entry.end - 1]:
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"{record.path}:{entry.line}: this record cannot be replaced, for it is not on one line of {source.path}",
            hint="write it on one line of the zone's main file, or move it into Danelaw's block",
        )
    return entry.start, entry.end


def _believe(source: ZoneSource, text: str, owner: Name, type: int, answer: Answer | None = None) -> ZoneSource:
    """The edited zone, if nothing but the RRset of ``owner`` and ``type`` has become another."""
    edited = parse_zone(text, source.path, source.apex)
    before, after = source.rrsets(), edited.rrsets()
    before.pop((owner, type), None)
    now_there = after.pop((owner, type), None)
    wanted = answer if isinstance(answer, RRset) else None
    if after != before or (answer is not None and _content(now_there) != _content(wanted)):
        kind = dns.rdatatype.to_text(RdataType.make(type))
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"changing {owner} {kind} in {source.path} would change other records",
            hint="state the owner name and TTL of the records beside it",
        )
    return edited


def _content(rrset: RRset | None) -> tuple[int, frozenset[bytes]] | None:
    return None if rrset is None else (rrset.ttl, rrset.rdatas)
