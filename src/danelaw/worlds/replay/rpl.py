"""Reads scenarios in the form that Unbound's testbound and Knot's Deckard know, called "rpl".

Settings come first, up to CONFIG_END; then, in lines of one directive each, what servers say (RANGE_BEGIN) and what
happens (STEP). Comments begin with ``;``, in settings also with ``#``. Three things are added to the form, all in the
MATCH line of a CHECK_ANSWER: ``reason=CODE``, a code that must be among those of the verdict; ``state=STATE``, where
the flags do not tell it; and ``nodata``, to hold where RCODEs do not tell a name without data from none.

Whatever is not known is an ``UnsupportedError`` with its line: nothing is passed over that might matter. Passed over
are settings that change how servers are asked and not what is true (``_NO_MATTER``), and in a CHECK_ANSWER what only
concerns the message to the client: TTLs, extended errors, the authority and additional sections.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, NoReturn

import dns.name
import dns.rcode
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from danelaw.core.model import IP, Message, Question, Record, Security
from danelaw.worlds.replay.records import (
    DEFAULT_TTL,
    UnreadableRecordError,
    open_parentheses,
    read_name,
    read_question,
    read_record,
    uncommented,
)
from danelaw.worlds.replay.rpl_settings import SettingsReader
from danelaw.worlds.replay.scenario import (
    Aspect,
    Check,
    Conversation,
    Entry,
    Query,
    Range,
    Scenario,
    Step,
    TimePasses,
)
from danelaw.worlds.replay.unsupported import UnsupportedError

__all__ = ["UnsupportedError", "read_scenario"]

_FLAGS: Final = {"QR": 0x8000, "AA": 0x0400, "TC": 0x0200, "RD": 0x0100, "RA": 0x0080, "AD": 0x0020, "CD": 0x0010}
_RD: Final = 0x0100
_AD: Final = 0x0020
_CD: Final = 0x0010
_MATCH: Final = frozenset({"opcode", "qtype", "qname", "question", "subdomain", "udp", "tcp"})
_CHECKED: Final = {
    "all": frozenset(Aspect),
    "answer": frozenset({Aspect.ANSWER}),
    "rcode": frozenset({Aspect.RCODE, Aspect.STATE}),
    "flags": frozenset({Aspect.STATE}),
    **dict.fromkeys(("opcode", "qtype", "qname", "question", "authority", "additional", "ttl", "edns"), frozenset()),
}
_SECTIONS: Final = ("QUESTION", "ANSWER", "AUTHORITY", "ADDITIONAL")
_NO_DATA: Final = (RdataType.ANY, RdataType.RRSIG)
_UNDECIDED: Final = frozenset({Security.BOGUS, Security.INDETERMINATE})
_UNSIGNED: Final = frozenset({Security.INSECURE, Security.INDETERMINATE})


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()

    def refuse(self, why: str) -> NoReturn:
        raise UnsupportedError(self.number, f"{why}: {self.text.strip()}")


@dataclass(slots=True)
class _Raw:
    """An entry as it stands in the file."""

    line: int
    match: list[str] = field(default_factory=list)
    adjust: list[str] = field(default_factory=list)
    flags: int = 0
    dnssec_ok: bool = False
    rcode: int = Rcode.NOERROR
    question: list[Question] = field(default_factory=list)
    sections: dict[str, list[Record]] = field(default_factory=lambda: {name: [] for name in _SECTIONS})

    def message(self) -> Message:
        return Message(
            id=0,
            flags=self.flags,
            rcode=self.rcode,
            question=tuple(self.question),
            answer=tuple(self.sections["ANSWER"]),
            authority=tuple(self.sections["AUTHORITY"]),
            additional=tuple(self.sections["ADDITIONAL"]),
        )


def read_scenario(text: str) -> Scenario:
    """The scenario in ``text``. Raises ``UnsupportedError``."""
    return _Reader(text).scenario()


class _Reader:
    def __init__(self, text: str) -> None:
        lines = [_Line(number, line) for number, line in enumerate(text.splitlines(), 1)]
        end = next((at for at, line in enumerate(lines) if line.words[:1] == ["CONFIG_END"]), None)
        if end is None:
            raise UnsupportedError(len(lines), "there is no CONFIG_END")
        self._settings = SettingsReader((line.number, line.text) for line in lines[:end])
        self._dnssec_ok = False
        self._origin: Name = dns.name.root
        self._ttl = DEFAULT_TTL
        self._lines = self._folded(lines[end + 1 :])

    def _folded(self, lines: Sequence[_Line]) -> Iterator[_Line]:
        """Lines without comments, those between parentheses as one."""
        waiting: _Line | None = None
        for line in lines:
            text = uncommented(line.text)
            if waiting is not None:
                text = f"{waiting.text} {text}"
            folded = _Line(waiting.number if waiting else line.number, text)
            waiting = folded if open_parentheses(text) > 0 else None
            if waiting is None and folded.words:
                yield folded
        if waiting is not None:
            waiting.refuse("a parenthesis is never closed")

    def scenario(self) -> Scenario:
        title, ended = "", False
        ranges: list[Range] = []
        steps: list[Step] = []
        for line in self._lines:
            word, *rest = line.words
            if word == "SCENARIO_BEGIN":
                title = " ".join(rest)
            elif word == "SCENARIO_END":
                ended = True
                break
            elif word == "RANGE_BEGIN" and len(rest) == 2:
                ranges.append(self._range(_number(line, rest[0]), _number(line, rest[1])))
            elif word == "STEP" and len(rest) >= 2:
                steps.extend(self._step(line, _number(line, rest[0]), rest[1], rest[2:]))
            else:
                line.refuse("not known here")
        if not ended:
            raise UnsupportedError(0, "there is no SCENARIO_END")
        records = [record for span in ranges for entry in span.entries for record in entry.reply.answer]
        return Scenario(title, self._settings.settings(records), Conversation(tuple(ranges)), tuple(steps))

    def _range(self, first: int, last: int) -> Range:
        addresses: set[IP] = set()
        entries: list[Entry] = []
        for line in self._lines:
            word, *rest = line.words
            if word == "RANGE_END":
                return Range(first, last, frozenset(addresses), tuple(entries))
            if word == "ADDRESS" and len(rest) == 1:
                addresses.add(_address(line, rest[0]))
            elif word.startswith("ENTRY_BEGIN"):
                entries.append(self._said(line))
            else:
                line.refuse("not known in a RANGE")
        raise UnsupportedError(0, "a RANGE never ends")

    def _said(self, line: _Line) -> Entry:
        raw = self._entry(line)
        adjust = {word.split("=")[0] for word in raw.adjust}
        if unknown := adjust - {"copy_id", "copy_query", "do_not_answer"}:
            raise UnsupportedError(raw.line, f"ADJUST {' '.join(sorted(unknown))}")
        match = frozenset(word.lower() for word in raw.match)
        if strange := match - _MATCH:
            raise UnsupportedError(raw.line, f"MATCH {' '.join(sorted(strange))} in a RANGE")
        return Entry(line.number, match, raw.message(), "copy_query" in adjust, "do_not_answer" in adjust)

    def _step(self, line: _Line, number: int, kind: str, rest: Sequence[str]) -> Iterator[Step]:
        match kind, *rest:
            case ["QUERY"]:
                raw = self._entry(self._begin(line))
                if len(raw.question) != 1 or raw.question[0].klass != 1:
                    raise UnsupportedError(raw.line, "a QUERY asks one question of class IN")
                if not raw.flags & _RD:
                    raise UnsupportedError(raw.line, "a QUERY without RD asks for what a cache holds")
                if raw.question[0].type in _NO_DATA:
                    raise UnsupportedError(raw.line, "a QUERY of a type that names no RRset")
                self._dnssec_ok = raw.dnssec_ok or bool(raw.flags & _AD)
                yield Query(number, line.number, raw.question[0], checking=not raw.flags & _CD)
            case ["CHECK_ANSWER"]:
                yield self._check(number, self._entry(self._begin(line)))
            case ["TIME_PASSES", "ELAPSE", seconds]:
                yield TimePasses(number, line.number, _number(line, seconds))
            case ["TRAFFIC"]:  # no query is ever under way here when a step begins
                return
            case _:
                line.refuse("a step that is not known here")

    def _check(self, number: int, raw: _Raw) -> Check:
        reasons: list[str] = []
        aspects: set[Aspect] = set()
        states: frozenset[Security] | None = None
        for word in raw.match:
            key, _, value = word.partition("=")
            if key == "reason":
                reasons.append(value)
            elif key == "state" and value in (state.value for state in Security):
                states = frozenset({Security(value)})
            elif key == "ede":
                continue
            elif word.lower() in _CHECKED:
                aspects |= _CHECKED[word.lower()]
            else:
                raise UnsupportedError(raw.line, f"MATCH {word} in a CHECK_ANSWER")
        silence = states is not None
        if states is None:
            told = self._dnssec_ok and bool({"all", "flags"} & {word.lower() for word in raw.match})
            states = _states(raw, told=told)
        return Check(number, raw.line, states, silence, raw.message(), frozenset(aspects), tuple(reasons))

    def _begin(self, line: _Line) -> _Line:
        begin = next(self._lines, None)
        if begin is None or not begin.text.split()[0].startswith("ENTRY_BEGIN"):
            line.refuse("a step without its ENTRY_BEGIN")
        return begin

    def _entry(self, begin: _Line) -> _Raw:
        raw = _Raw(begin.number)
        section = ""
        for line in self._lines:
            word, *rest = line.words
            if word == "ENTRY_END":
                return raw
            if word == "MATCH":
                raw.match.extend(rest)
            elif word == "ADJUST":
                raw.adjust.extend(rest)
            elif word == "REPLY":
                self._flags(raw, line, rest)
            elif word == "SECTION" and len(rest) == 1 and rest[0] in _SECTIONS:
                section = rest[0]
            elif word in ("$ORIGIN", "$TTL") and len(rest) == 1:
                self._directive(line, word, rest[0])
            elif section == "QUESTION":
                raw.question.append(self._question(line))
            elif section:
                raw.sections[section].append(self._record(line))
            else:
                line.refuse("not known in an ENTRY")
        raise UnsupportedError(begin.number, "an ENTRY never ends")

    def _flags(self, raw: _Raw, line: _Line, words: Sequence[str]) -> None:
        for word in words:
            if word in _FLAGS:
                raw.flags |= _FLAGS[word]
            elif word == "DO":  # in the OPT record, which is not kept
                raw.dnssec_ok = True
            elif word in Rcode.__members__:
                raw.rcode = Rcode[word]
            elif word != "QUERY":
                line.refuse(f"REPLY {word} is not known here")

    def _directive(self, line: _Line, word: str, value: str) -> None:
        if word == "$ORIGIN":
            try:
                self._origin = read_name(value)
            except UnreadableRecordError as error:
                line.refuse(str(error))
        else:
            self._ttl = _number(line, value)

    def _question(self, line: _Line) -> Question:
        try:
            return read_question(line.text, self._origin)
        except UnreadableRecordError as error:
            raise UnsupportedError(line.number, str(error)) from error

    def _record(self, line: _Line) -> Record:
        try:
            return read_record(line.text, self._origin, self._ttl)
        except UnreadableRecordError as error:
            raise UnsupportedError(line.number, str(error)) from error


def _states(raw: _Raw, *, told: bool) -> frozenset[Security]:
    """What flags and RCODE tell of the state (RFC 4035 §3.2.3, §5.5).

    ``told``: whether a missing AD says anything; not where the query had neither DO nor AD, or flags do not count.
    """
    if raw.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return _UNDECIDED
    if raw.flags & _AD:
        return frozenset({Security.SECURE})
    return _UNSIGNED if told else _UNSIGNED | {Security.SECURE}


def _number(line: _Line, word: str) -> int:
    if not word.isdecimal() or len(word) > 10:
        line.refuse("not a number")
    return int(word)


def _address(line: _Line, word: str) -> IP:
    try:
        return ip_address(word.partition("@")[0])
    except ValueError:
        line.refuse("not an address")
