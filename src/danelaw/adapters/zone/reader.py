"""What the entries of a master file say, one after another (RFC 1035 §5.1, RFC 2308 §4)."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.entries import ENCODING, Entry, EntryError, split_entries, split_words
from danelaw.adapters.zone.faults import MOST_FAULTS, Fault, FaultError
from danelaw.adapters.zone.fields import string_octets, ttl_seconds, type_number
from danelaw.adapters.zone.generate import GenerateError, Numbers, generated
from danelaw.adapters.zone.names import MisreadError, Names
from danelaw.adapters.zone.rdata_text import RdataTextError, quoted, read_rdata
from danelaw.core.model import DanelawError

_MOST_INCLUDES: Final = 16
_UTF_16: Final = ("\xff\xfe", "\xfe\xff")
_IN: Final = re.compile("IN|CLASS1")
_OTHER_CLASS: Final = re.compile(r"CH|CHAOS|HS|HESIOD|CS|NONE|ANY|CLASS\d+")
_SOA_NUMBERS: Final = 20
"""Octets of the five numbers that end the rdata of a SOA record (RFC 1035 §3.3.13)."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A record and where it is written. ``rdata_at``: which of the entry's tokens is the first of the rdata.

    ``generated``: it is one of several that a ``$GENERATE`` makes.
    """

    owner: Name
    type: int
    ttl: int
    rdata: bytes
    path: Path
    entry: Entry
    rdata_at: int
    generated: bool = False


@dataclass(frozen=True, slots=True)
class _Start:
    """How a record begins: where its type stands among the words, and what is said before it."""

    owner: Name
    ttl: int | None
    type: int
    type_at: int


def text_of(path: Path) -> str:
    """ISO 8859-1 of the file's bytes. Raises ``ZONE_UNREADABLE``."""
    try:
        return _bytes_of(path).decode(ENCODING)
    except (OSError, ValueError) as error:
        raise DanelawError("ZONE_UNREADABLE", f"cannot read {path}", evidence=_reason(error)) from error


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):  # some give octets without end
            raise ValueError("it is a device")
        return file.read()


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class Reader:
    """What a master file says depends on what stood before: the origin, the last owner, the default TTL.

    ``records``, ``faults`` and ``included``, the files that were included with their texts, grow with ``read``.
    """

    def __init__(self, apex: Name) -> None:
        self.records: list[SourceRecord] = []
        self.faults: list[Fault] = []
        self.included: list[tuple[Path, str]] = []
        self._names = Names(apex)
        self._owner: Name | None = None
        self._stated_default: int | None = None
        self._last_ttl: int | None = None
        self._reading: list[Path] = []

    @property
    def default_ttl(self) -> int:
        return self._stated_default if self._stated_default is not None else self._last_ttl or 0

    def read(self, text: str, path: Path) -> None:
        """Reads on after a fault, until there are many."""
        if text.startswith(_UTF_16):
            hint = "save it as UTF-8, or in ASCII"
            self.faults.append(Fault("ZONE_SYNTAX", path, text, 0, "the file is in UTF-16", hint))
            return
        self._reading.append(path)
        try:
            for entry, words in split_entries(text):
                try:
                    self._entry(entry, words, path)
                except FaultError as found:
                    self.faults.append(found.fault)
                if len(self.faults) >= MOST_FAULTS:
                    break
        except EntryError as error:
            self.faults.append(Fault("ZONE_SYNTAX", path, text, error.at, str(error)))
        self._reading.pop()

    def _entry(self, entry: Entry, words: list[str], path: Path) -> None:
        if words[0].startswith("$") and not entry.continues:
            self._control(entry, words, path)
            return
        start = self._start(entry, words, path)
        rdata = self._rdata(start, words[start.type_at + 1 :], entry, path, start.type_at + 1)
        self._add(start, start.owner, rdata, entry, path)

    # -- control entries ----------------------------------------------------------------------------------------

    def _control(self, entry: Entry, words: list[str], path: Path) -> None:
        match words[0].upper(), words[1:]:
            case "$ORIGIN", [origin]:
                self._names = Names(self._name(origin, entry, path, 1))
            case "$TTL", [ttl]:
                self._stated_default = self._ttl(ttl, entry, path, 1)
            case "$INCLUDE", [file]:
                self._include(file, self._names.origin, entry, path)
            case "$INCLUDE", [file, origin]:
                self._include(file, self._name(origin, entry, path, 2), entry, path)
            case "$GENERATE", [_, _, _, _, *_]:
                self._generate(entry, words, path)
            case "$ORIGIN" | "$TTL" | "$INCLUDE" | "$GENERATE", _:
                usage = {
                    "$ORIGIN": "one domain name",
                    "$TTL": "one TTL",
                    "$INCLUDE": "a file, and an origin or none",
                    "$GENERATE": "a range, an owner, a type and data",
                }[words[0].upper()]
                raise _fault(path, entry, 0, f"expected {usage} after {words[0]}")
            case _:
                known = "$ORIGIN, $TTL, $INCLUDE and $GENERATE"
                raise _fault(path, entry, 0, f'the control entry "{words[0]}" is not understood: {known} are')

    def _include(self, file: str, origin: Name, entry: Entry, path: Path) -> None:
        """Origin and owner are afterwards what they were (RFC 1035 §5.1)."""
        try:
            included = path.parent / os.fsdecode(string_octets(file))
        except MisreadError as error:
            raise _fault(path, entry, 1, f"the file's name is not understood: {error}") from error
        if any(_same_file(included, opened) for opened in self._reading):
            chain = " includes ".join(map(str, [*self._reading, included]))
            raise _fault(path, entry, 1, f"a file includes itself: {chain}", code="ZONE_INCLUDE_LOOP")
        if len(self._reading) > _MOST_INCLUDES:
            raise _fault(path, entry, 1, f"more than {_MOST_INCLUDES} files include one another")
        try:
            text = _bytes_of(included).decode(ENCODING)
        except (OSError, ValueError) as error:
            said = f"cannot read {included}: {_reason(error)}"
            hint = f"the names of included files are relative to {path.parent}, where this file is"
            raise _fault(path, entry, 1, said, code="ZONE_UNREADABLE", hint=hint) from error
        self.included.append((included, text))
        before = self._names, self._owner
        self._names = Names(origin)
        self.read(text, included)
        self._names, self._owner = before

    def _generate(self, entry: Entry, words: list[str], path: Path) -> None:
        """As in BIND: the owner that was stated last stays that."""
        try:
            numbers = Numbers.from_text(words[1])
            start = self._start_after(3, self._names.origin, entry, words, path)
            data = words[start.type_at + 1 :]
            for owner, made in generated(numbers, words[2], data):
                rdata = self._rdata(start, split_words(" ".join(made)), entry, path, None)
                self._add(start, self._name(owner, entry, path, 2), rdata, entry, path, generated=True)
        except GenerateError as error:
            raise _fault(path, entry, error.at + 1, str(error)) from error

    # -- records ------------------------------------------------------------------------------------------------

    def _start(self, entry: Entry, words: list[str], path: Path) -> _Start:
        if entry.continues:
            if self._owner is None:
                hint = "the line begins with blanks, and no name stands before it: write @ for the zone's own"
                raise _fault(path, entry, 0, "the first record has no owner name", hint=hint)
            return self._start_after(0, self._owner, entry, words, path)
        self._owner = self._name(words[0], entry, path, 0)
        return self._start_after(1, self._owner, entry, words, path)

    def _start_after(self, at: int, owner: Name, entry: Entry, words: list[str], path: Path) -> _Start:
        """TTL and class in either order, and the type."""
        ttl, stated_class = None, False
        while at < len(words):
            word = words[at].upper()
            if ttl is None and word[0].isdigit():
                ttl = self._ttl(words[at], entry, path, at)
            elif not stated_class and _IN.fullmatch(word):
                stated_class = True
            else:
                break
            at += 1
        if at == len(words):
            raise _fault(path, entry, at, "expected a record type, found the end of the record")
        if _OTHER_CLASS.fullmatch(word):
            raise _fault(
                path,
                entry,
                at,
                f"expected class IN, found {quoted(words[at])}",
                hint="zones of class IN alone are kept",
            )
        try:
            type = type_number(word)
        except MisreadError as error:
            hint = "a type that is not known by name here can be written as TYPE65280 \\# 2 abcd (RFC 3597 §5)"
            raise _fault(path, entry, at, f"expected a record type, found {quoted(words[at])}", hint=hint) from error
        if type in (0, RdataType.OPT) or 128 <= type <= 255:  # RFC 6895 §3.1
            raise _fault(path, entry, at, f'"{words[at]}" is no type of records that zones hold')
        return _Start(owner, ttl, type, at)

    def _rdata(self, start: _Start, words: list[str], entry: Entry, path: Path, at: int | None) -> bytes:
        """``at``: which token of the entry the first of ``words`` is; None where they do not stand there."""
        try:
            rdata = read_rdata(start.type, words, self._names)
        except RdataTextError as error:
            raise _fault(path, entry, 0 if at is None else at + error.at, str(error)) from error
        if start.type == RdataType.SOA and len(rdata) < _SOA_NUMBERS + 2:
            raise _fault(path, entry, at or 0, "the SOA record is too short to hold two names and five numbers")
        return rdata

    def _add(
        self, start: _Start, owner: Name, rdata: bytes, entry: Entry, path: Path, *, generated: bool = False
    ) -> None:
        ttl = start.ttl if start.ttl is not None else self._unstated_ttl(start.type, rdata)
        if ttl is None:
            hint = "write a line such as $TTL 1h before it"
            raise _fault(path, entry, start.type_at, "the record has no TTL, and no $TTL stands before it", hint=hint)
        self._last_ttl = ttl
        self.records.append(SourceRecord(owner, start.type, ttl, rdata, path, entry, start.type_at + 1, generated))

    def _unstated_ttl(self, type: int, rdata: bytes) -> int | None:
        """$TTL (RFC 2308 §4), else the last stated one (RFC 1035 §5.1), else for the SOA its MINIMUM, as BIND does."""
        if self._stated_default is not None:
            return self._stated_default
        if self._last_ttl is None and type == RdataType.SOA:
            self._stated_default = int.from_bytes(rdata[-4:])
            return self._stated_default
        return self._last_ttl

    def _name(self, word: str, entry: Entry, path: Path, at: int) -> Name:
        try:
            return self._names.name(word)
        except MisreadError as error:
            raise _fault(path, entry, at, f'expected a domain name, found "{word[:60]}" ({error})') from error

    def _ttl(self, word: str, entry: Entry, path: Path, at: int) -> int:
        try:
            return ttl_seconds(word)
        except MisreadError as error:
            said = f'expected a TTL such as 3600 or 1h30m, found "{word}"'
            raise _fault(path, entry, at, f"{said} ({error})" if str(error) else said) from error


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one == other or one.samefile(other)
    except (OSError, ValueError):
        return False


def _fault(path: Path, entry: Entry, at: int, message: str, *, code: str = "ZONE_SYNTAX", hint: str = "") -> FaultError:
    """At the token ``at``, or where the entry's last one ends if it has not so many."""
    tokens = entry.tokens
    offset = tokens[at].at if at < len(tokens) else tokens[-1].at + len(tokens[-1].text)
    return FaultError(Fault(code, path, entry.text, offset, message, hint))
