"""Editing the operator's master file: the serial and Danelaw's own marked block change, every other byte stays.

The block stands at the end of the file unless the operator moves it. Each edit is read back before it is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.faults import told
from danelaw.adapters.zone.master_file import SourceRecord, ZoneSource, parse_zone
from danelaw.adapters.zone.rdata_text import record_text
from danelaw.adapters.zone.serials import next_serial
from danelaw.adapters.zone.zone_rules import loading_faults
from danelaw.core.dnssec.canonical import canonical_key, canonical_rdata
from danelaw.core.model import Absence, Answer, DanelawError, RRset

OPENING: Final = "; >>> danelaw: Danelaw keeps the lines of this block; edit outside of it\n"
CLOSING: Final = "; <<< danelaw\n"
_OPENING: Final = re.compile(r"^; >>> danelaw\b[^\n]*\n", re.MULTILINE)
_CLOSING: Final = re.compile(r"^; <<< danelaw\b[^\n]*(?:\n|\Z)", re.MULTILINE)

_STATE_THEM: Final = "state the owner name and TTL of these records: they have them from the records before them"


def raise_serial(source: ZoneSource, above: tuple[int, ...], now: datetime) -> ZoneSource:
    """The zone with a serial after its own and those ``above``. Raises ``ZONE_EDIT_UNSAFE``."""
    soa = source.soa
    if soa.path != source.path:
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"{_place(soa)}: the SOA record, whose serial must rise, is not in {source.path} itself",
            hint=f"move the SOA record into {source.path}; other zones that include {soa.path} keep their own serials",
        )
    serial = next_serial(source.serial, above, now)
    tokens = soa.entry.tokens
    token = tokens[soa.rdata_at + 2] if len(tokens) > soa.rdata_at + 2 else None
    if not soa.generated and token is not None and token.text.isdigit() and int(token.text) == source.serial:
        text = source.text[: token.at] + str(serial) + source.text[token.at + len(token.text) :]
        raised = _believe(source, text, soa.owner, RdataType.SOA)
        if raised.soa.rdata == soa.rdata[:-20] + serial.to_bytes(4) + soa.rdata[-16:]:
            return raised
    raise DanelawError(
        "ZONE_EDIT_UNSAFE",
        f"{_place(soa)}: the serial is not written where it can be changed",
        hint="write the SOA record in the usual form: two names, then serial, refresh, retry, expire, minimum",
    )


def replace_rrset(source: ZoneSource, answer: Answer) -> ZoneSource:
    """The zone in which ``answer``'s owner and type hold just that: an RRset, in the block, or nothing.

    Whatever the operator wrote of this owner and type outside of the block goes, entry by entry. Raises
    ``ZONE_EDIT_UNSAFE`` if that cannot be done without touching more, ``ZONE_BLOCK_DAMAGED``.
    """
    block = _block(source)
    concerned = _of(source, answer.owner, answer.type)
    outside = [record for record in concerned if not _within(block, source, record)]
    wanted = [(answer.ttl, rdata) for rdata in answer.rdatas] if isinstance(answer, RRset) else []
    return _edited(source, block, answer, outside, wanted)


def add_record(source: ZoneSource, owner: Name, type: int, ttl: int | None, rdata: bytes) -> ZoneSource:
    """The zone with this record too, put into the block; ``source`` itself if it is there already.

    No ``ttl``: that of the records it joins, else the zone's own for records that state none. All records of an RRset
    have one TTL (RFC 2181 §5.2), so those in the block get it from the new one, and those that the operator wrote must
    have it. Raises ``ZONE_EDIT_UNSAFE``, ``ZONE_BLOCK_DAMAGED``, and what ``parse_zone`` says of such a zone.
    """
    block = _block(source)
    beside = _of(source, owner, type)
    theirs = [record for record in beside if not _within(block, source, record)]
    if ttl is None:
        ttl = min((record.ttl for record in beside), default=source.default_ttl)
    elif any(record.ttl != ttl for record in theirs):
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"{_place(theirs[0])}: {_shown(owner, type)} has a TTL of {theirs[0].ttl} s already, and not of {ttl} s",
            hint="leave the TTL out, or change it there first: all records of one name and type have one TTL",
        )
    new = canonical_rdata(type, rdata)
    same = [record for record in beside if canonical_rdata(type, record.rdata) == new]
    if same and all(record.ttl == ttl for record in beside):
        return source
    ours = {record.rdata for record in beside if _within(block, source, record)}
    if not same:
        ours.add(rdata)
    return _edited(
        source,
        block,
        RRset(owner, type, ttl, frozenset(record.rdata for record in beside) | ours),
        [],
        [(ttl, data) for data in ours],
    )


def remove_records(source: ZoneSource, owner: Name, type: int, rdata: bytes | None) -> ZoneSource:
    """The zone without this record, or without all of the owner and type; ``source`` itself if none is there.

    A record goes from the block, or with the whole of the operator's entry: its lines, and the remarks in them. Raises
    ``ZONE_EDIT_UNSAFE`` if that cannot be done without touching more, ``ZONE_BLOCK_DAMAGED``, and what ``parse_zone``
    says of what is left.
    """
    block = _block(source)
    there = _of(source, owner, type)
    old = None if rdata is None else canonical_rdata(type, rdata)
    going = [record for record in there if old is None or canonical_rdata(type, record.rdata) == old]
    if not going:
        return source
    staying = [record for record in there if record not in going]
    answer: Answer = Absence(owner, type, 0)
    if staying:
        answer = RRset(owner, type, min(r.ttl for r in staying), frozenset(r.rdata for r in staying))
    outside = [record for record in going if not _within(block, source, record)]
    wanted = [(record.ttl, record.rdata) for record in staying if _within(block, source, record)]
    return _edited(source, block, answer, outside, wanted)


def _edited(
    source: ZoneSource,
    block: tuple[int, int] | None,
    answer: Answer,
    going: Iterable[SourceRecord],
    wanted: Iterable[tuple[int, bytes]],
) -> ZoneSource:
    """The zone without the entries of ``going``, and with ``wanted``, TTLs and rdata, as what the block holds of
    ``answer``'s owner and type; believed only if ``answer`` is what the zone then says.
    """
    key = (answer.owner, answer.type)
    kept = [
        (record.owner, record.type, record.ttl, record.rdata)
        for record in source.records
        if _within(block, source, record) and (record.owner, record.type) != key
    ]
    kept += [(*key, ttl, rdata) for ttl, rdata in wanted]
    kept.sort(key=lambda record: (canonical_key(record[0]), *record[1:]))

    text = source.text
    lines = "".join(f"{owner} {ttl} IN {record_text(type, rdata)}\n" for owner, type, ttl, rdata in kept)
    new_block = f"{OPENING}{lines}{CLOSING}" if kept else ""
    new_block = new_block.replace("\n", _line_end(text))
    if block is not None:
        pieces = {(*block, new_block)}
    else:
        missing = _line_end(text) if new_block and text and not text.endswith("\n") else ""
        pieces = {(len(text), len(text), missing + new_block)}
    pieces |= {(*_lines(source, record), "") for record in going}
    for start, end, instead in sorted(pieces, reverse=True):
        text = text[:start] + instead + text[end:]
    return _believe(source, text, answer.owner, answer.type, answer)


def _of(source: ZoneSource, owner: Name, type: int) -> list[SourceRecord]:
    return [record for record in source.records if record.type == type and record.owner == owner]


def _line_end(text: str) -> str:
    """As the file's last line ends, where the block begins."""
    return "\r\n" if text[: text.rfind("\n") + 1].endswith("\r\n") else "\n"


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


def _lines(source: ZoneSource, record: SourceRecord) -> tuple[int, int]:
    """Where the lines of the record's entry begin and end, if they are the zone file's and the record's alone."""
    if record.path != source.path:
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"{_place(record)}: this record cannot be replaced or removed, for it is not in {source.path} itself",
            hint=f"change {record.path} by hand, or move the record into the zone's main file",
        )
    if record.generated:
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"{_place(record)}: this record cannot be replaced or removed alone, for a $GENERATE makes it with others",
            hint="leave its number out of the range by hand",
        )
    return record.entry.start, record.entry.end


def _believe(source: ZoneSource, text: str, owner: Name, type: int, answer: Answer | None = None) -> ZoneSource:
    """The edited zone, if nothing but the RRset of ``owner`` and ``type`` has become another."""
    try:
        edited = parse_zone(text, source.path, source.apex)
    except DanelawError as error:
        if error.code != "ZONE_SYNTAX":
            raise
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"changing {_shown(owner, type)} in {source.path} would leave others without owner name or TTL",
            evidence=str(error),
            hint=_STATE_THEM,
        ) from error
    before, after = source.rrsets(), edited.rrsets()
    before.pop((owner, type), None)
    now_there = after.pop((owner, type), None)
    if after != before:
        others = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"changing {_shown(owner, type)} in {source.path} would change other records",
            evidence=", ".join(_shown(*key) for key in others[:5]),
            hint=_STATE_THEM,
        )
    wanted = answer if isinstance(answer, RRset) else None
    if answer is not None and _content(now_there) != _content(wanted):
        raise DanelawError(
            "ZONE_EDIT_UNSAFE",
            f"{_shown(owner, type)} in {source.path} would not become what it shall be",
            hint=_STATE_THEM,
        )
    faults = loading_faults(edited.apex, edited.records)
    if faults and not loading_faults(source.apex, source.records):
        raise told(faults)
    return edited


def _content(rrset: RRset | None) -> tuple[int, frozenset[bytes]] | None:
    return None if rrset is None else (rrset.ttl, rrset.rdatas)


def _place(record: SourceRecord) -> str:
    return f"{record.path}:{record.entry.line}"


def _shown(owner: Name, type: int) -> str:
    return f"{owner} {dns.rdatatype.to_text(RdataType.make(type))}"
