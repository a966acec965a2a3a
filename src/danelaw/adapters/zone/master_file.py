"""Reading master files (RFC 1035 §5, RFC 2308 §4), with the place of every record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype
import dns.ttl
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.entries import ENCODING, Entry, EntryError, split_entries
from danelaw.adapters.zone.rdata_text import RdataTextError, rdata_from_words, record_text
from danelaw.core.dnssec.canonical import canonical_key
from danelaw.core.model import DanelawError, RRset

_MOST_INCLUDES: Final = 16
_BESIDE_CNAME: Final = frozenset({RdataType.CNAME, RdataType.RRSIG, RdataType.NSEC})


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A record and where it is written. ``rdata_at``: which of the entry's tokens is the first of the rdata."""

    owner: Name
    type: int
    ttl: int
    rdata: bytes
    path: Path
    entry: Entry
    rdata_at: int


@dataclass(frozen=True, slots=True)
class ZoneSource:
    """A master file as read: its text (ISO 8859-1 of its bytes) and the records of it and of what it includes.

    ``default_ttl``, in seconds, is what a record at the end gets that states none.
    """

    apex: Name
    path: Path
    text: str
    records: tuple[SourceRecord, ...]
    default_ttl: int

    @property
    def soa(self) -> SourceRecord:
        return next(record for record in self.records if record.type == RdataType.SOA)

    @property
    def serial(self) -> int:
        return int.from_bytes(self.soa.rdata[-20:-16])

    def rrsets(self) -> dict[tuple[Name, int], RRset]:
        """One RRset for each owner and type; RRSIGs are with what they cover.

        Where the TTLs of an RRset differ the least one counts (RFC 2181 §5.2). Raises ``ZONE_ORPHAN_SIGNATURE``.
        """
        found: dict[tuple[Name, int], RRset] = {}
        signatures = []
        for record in self.records:
            if record.type == RdataType.RRSIG:
                signatures.append(record)
                continue
            key = (record.owner, record.type)
            had = found.get(key) or RRset(record.owner, record.type, record.ttl, frozenset())
            found[key] = replace(had, ttl=min(had.ttl, record.ttl), rdatas=had.rdatas | {record.rdata})
        for record in signatures:
            key = (record.owner, int.from_bytes(record.rdata[:2]))
            if key not in found:
                covered = dns.rdatatype.to_text(RdataType.make(key[1]))
                raise _fault("ZONE_ORPHAN_SIGNATURE", record.path, record.entry, f"it signs no {covered} records")
            found[key] = replace(found[key], rrsigs=found[key].rrsigs | {record.rdata})
        return found


def read_zone(path: Path, apex: Name) -> ZoneSource:
    """The zone in a master file. ``$INCLUDE`` is relative to the file that says it.

    Raises ``DanelawError``: ``ZONE_UNREADABLE``, ``ZONE_SYNTAX``, ``ZONE_NO_SOA``, ``ZONE_OUT_OF_ZONE``,
    ``ZONE_CNAME_CLASH``.
    """
    return parse_zone(_text_of(path), path, apex)


def parse_zone(text: str, path: Path, apex: Name) -> ZoneSource:
    """As ``read_zone``, for a text that stands, or shall stand, at ``path``."""
    reader = _Reader(apex)
    records = tuple(reader.read(text, path, depth=0))
    source = ZoneSource(apex, path, text, records, reader.default_ttl)
    _check(source)
    return source


def zone_text(rrsets: Iterable[RRset], heading: str) -> str:
    """A master file of these RRsets and their RRSIGs, all names absolute, in canonical order with the SOA first."""
    lines = [f"; {heading}\n"]
    for rrset in sorted(rrsets, key=lambda r: (r.type != RdataType.SOA, canonical_key(r.owner), r.type)):
        head = f"{rrset.owner} {rrset.ttl} IN "
        lines += [f"{head}{record_text(rrset.type, rdata)}\n" for rdata in sorted(rrset.rdatas)]
        lines += [f"{head}{record_text(RdataType.RRSIG, rdata)}\n" for rdata in sorted(rrset.rrsigs)]
    return "".join(lines)


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode(ENCODING)
    except OSError as error:
        raise DanelawError("ZONE_UNREADABLE", f"cannot read {path}", evidence=error.strerror or str(error)) from error


def _fault(code: str, path: Path, entry: Entry, message: str) -> DanelawError:
    said = " ".join(token.plain for token in entry.tokens)
    return DanelawError(code, f"{path}:{entry.line}: {message}", evidence=said[:200])


class _Reader:
    """What a master file says depends on what stood before: the origin, the last owner, the default TTL."""

    def __init__(self, apex: Name) -> None:
        self._origin = apex
        self._owner: Name | None = None
        self._default_ttl: int | None = None
        self._last_ttl: int | None = None

    @property
    def default_ttl(self) -> int:
        return self._default_ttl if self._default_ttl is not None else self._last_ttl or 0

    def read(self, text: str, path: Path, depth: int) -> Iterator[SourceRecord]:
        try:
            for entry in split_entries(text):
                if entry.tokens[0].text.startswith("$") and not entry.continues:
                    yield from self._control(entry, path, depth)
                else:
                    yield self._record(entry, path)
        except EntryError as error:
            raise DanelawError("ZONE_SYNTAX", f"{path}:{error.line}: {error}") from error

    def _control(self, entry: Entry, path: Path, depth: int) -> Iterator[SourceRecord]:
        word, *arguments = (token.plain for token in entry.tokens)
        match word.upper(), arguments:
            case "$ORIGIN", [origin]:
                self._origin = self._name(origin, entry, path)
            case "$TTL", [ttl]:
                self._default_ttl = self._ttl(ttl, entry, path)
            case "$INCLUDE", [file, *origins] if len(origins) <= 1:
                if depth == _MOST_INCLUDES:
                    raise _fault("ZONE_SYNTAX", path, entry, "too many files include one another")
                before = self._origin, self._owner
                if origins:
                    self._origin = self._name(origins[0], entry, path)
                included = path.parent / file.strip('"')
                yield from self.read(_text_of(included), included, depth + 1)
                self._origin, self._owner = before  # RFC 1035 §5.1
            case _:
                raise _fault("ZONE_SYNTAX", path, entry, f"the control entry {word} is not understood")

    def _record(self, entry: Entry, path: Path) -> SourceRecord:
        words = [token.plain for token in entry.tokens]
        at = 0
        if not entry.continues:
            self._owner = self._name(words[0], entry, path)
            at = 1
        if self._owner is None:
            raise _fault("ZONE_SYNTAX", path, entry, "the first record has no owner name")
        ttl = None
        while at < len(words) and (words[at][0].isdigit() or words[at].upper() == "IN"):
            if words[at].upper() != "IN":
                ttl = self._ttl(words[at], entry, path)
            at += 1
        if at == len(words):
            raise _fault("ZONE_SYNTAX", path, entry, "the record has no type")
        try:
            type = dns.rdatatype.from_text(words[at])
            rdata = rdata_from_words(type, words[at + 1 :], self._origin)
        except RdataTextError as error:
            raise _fault("ZONE_SYNTAX", path, entry, f"malformed {words[at]} record: {error}") from error
        except (dns.rdatatype.UnknownRdatatype, ValueError) as error:
            raise _fault("ZONE_SYNTAX", path, entry, f"{words[at]} is no record type known here") from error
        if ttl is None:
            ttl = self._unstated_ttl(type, rdata)
        if ttl is None:
            raise _fault("ZONE_SYNTAX", path, entry, "the record has no TTL, and no $TTL stands before it")
        self._last_ttl = ttl
        return SourceRecord(self._owner, type, ttl, rdata, path, entry, at + 1)

    def _unstated_ttl(self, type: int, rdata: bytes) -> int | None:
        """$TTL (RFC 2308 §4), else the last stated one (RFC 1035 §5.1), else for the SOA its MINIMUM, as BIND does."""
        if self._default_ttl is not None:
            return self._default_ttl
        if self._last_ttl is None and type == RdataType.SOA:
            return int.from_bytes(rdata[-4:])
        return self._last_ttl

    def _name(self, word: str, entry: Entry, path: Path) -> Name:
        try:
            return dns.name.from_text(word, self._origin)
        except dns.exception.DNSException as error:
            raise _fault("ZONE_SYNTAX", path, entry, f"{word} is no domain name: {error}") from error

    def _ttl(self, word: str, entry: Entry, path: Path) -> int:
        try:
            return dns.ttl.from_text(word)
        except dns.exception.DNSException as error:
            raise _fault("ZONE_SYNTAX", path, entry, f"{word} is no TTL") from error


def _check(source: ZoneSource) -> None:
    types: dict[Name, set[int]] = {}
    for record in source.records:
        if not record.owner.is_subdomain(source.apex):
            raise _fault(
                "ZONE_OUT_OF_ZONE", record.path, record.entry, f"{record.owner} is not in the zone {source.apex}"
            )
        has = types.setdefault(record.owner, set())
        has.add(record.type)
        if RdataType.CNAME in has and not has <= _BESIDE_CNAME:
            raise _fault("ZONE_CNAME_CLASH", record.path, record.entry, f"{record.owner} is a CNAME and has other data")
    soas = [record for record in source.records if record.type == RdataType.SOA]
    if len({record.rdata for record in soas}) != 1 or any(record.owner != source.apex for record in soas):
        raise DanelawError(
            "ZONE_NO_SOA",
            f"{source.path} does not hold exactly one SOA record at {source.apex}",
            hint="the zone's name and the file may not belong together",
        )
