"""Publishing by a program of the operator's, which knows the place that keeps the zone.

It is started once for each step, without a shell, gets one JSON document on its standard input, and answers with one on
its standard output: see ``docs/how-to/publishers.md``. What it says to standard error is shown if it fails.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypeVar

import msgspec
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.publish.compared import Found
from danelaw.adapters.publish.presentation import rdata_of, rdata_text, type_text
from danelaw.core.model import Absence, Answer, DanelawError, RRset
from danelaw.ports import LONGEST_ANSWER, Programs

SCHEMA: Final = "danelaw/publish/1"
PATIENCE: Final = timedelta(seconds=60)
_SHOWN: Final = 400


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the program gets. ``expect``: the records that are there; ``records`` and ``ttl``: those that shall be."""

    schema: str
    action: str
    zone: str
    name: str
    type: str
    expect: tuple[str, ...] | None = None
    ttl: int | None = None
    records: tuple[str, ...] | None = None


class Reading(msgspec.Struct, frozen=True):
    """The answer to ``read``. ``alias``: the target of a CNAME that is there instead. ``serial``: as it is served."""

    records: tuple[str, ...] = ()
    ttl: int = 0
    alias: str | None = None
    serial: int | None = None


class Writing(msgspec.Struct, frozen=True):
    """The answer to ``replace``: false if something else than ``expect`` was there, and nothing was changed."""

    done: bool


A = TypeVar("A", Reading, Writing)


class ProgramZone:
    """Implements ``compared.Place``. ``argv``: the program and its arguments, which everybody on this machine can read.

    Raises ``COMMAND_NOT_FOUND``; ``PROGRAM_FAILED``, ``PROGRAM_ANSWER_UNREADABLE`` and ``TimeoutError``, after which a
    change may have been made or not. At the limit, and when cancelled, it is killed with all that it started.
    """

    def __init__(self, argv: Sequence[str], zone: Name, programs: Programs, patience: timedelta = PATIENCE) -> None:
        self._argv = tuple(argv)
        self._programs = programs
        self._zone = zone
        self._patience = patience

    @property
    def zone(self) -> Name:
        return self._zone

    async def read(self, owner: Name, type: int) -> Found:
        reading = await self._ask("read", owner, type, Reading)
        kind, texts = type, reading.records
        if reading.alias is not None:
            kind, texts = RdataType.CNAME, (reading.alias,)
        if not texts:
            return Found(Absence(owner, type, 0), reading.serial)
        try:
            rdatas = frozenset(rdata_of(kind, text) for text in texts)
        except ValueError as error:
            raise self._unreadable(str(error)) from error
        return Found(RRset(owner, kind, reading.ttl, rdatas), reading.serial, texts)

    async def write(self, wanted: Answer, before: Found) -> bool:
        ttl = wanted.ttl if isinstance(wanted, RRset) else 0
        writing = await self._ask("replace", wanted.owner, wanted.type, Writing, before.texts, ttl, _texts(wanted))
        return writing.done

    async def _ask(
        self,
        action: str,
        owner: Name,
        type: int,
        shape: type[A],
        expect: tuple[str, ...] | None = None,
        ttl: int | None = None,
        records: tuple[str, ...] | None = None,
    ) -> A:
        request = Request(
            schema=SCHEMA,
            action=action,
            zone=self._zone.to_text(),
            name=owner.to_text(),
            type=type_text(type),
            expect=expect,
            ttl=ttl,
            records=records,
        )
        answer = await self._run(msgspec.json.encode(request))
        try:
            return msgspec.json.decode(answer, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._unreadable(f"{error}: {_line(answer)}") from error

    async def _run(self, document: bytes) -> bytes:
        ended = await self._programs.ask(self._argv, document, self._patience)
        if ended.status:
            raise DanelawError(
                "PROGRAM_FAILED",
                f"{self._name} ended with status {ended.status}",
                evidence=ended.said,
                hint="run it by hand, with the same document on its standard input",
            )
        if len(ended.answer) > LONGEST_ANSWER:
            raise self._unreadable(f"it is longer than {LONGEST_ANSWER} octets")
        return ended.answer

    @property
    def _name(self) -> str:
        return shlex.quote(self._argv[0])

    def _unreadable(self, evidence: str) -> DanelawError:
        return DanelawError(
            "PROGRAM_ANSWER_UNREADABLE",
            f"what {self._name} answers cannot be read",
            evidence=evidence,
            hint='it is one JSON document: {"records": […], "ttl": 3600} to read, {"done": true} to replace',
        )


def _texts(answer: Answer) -> tuple[str, ...]:
    if isinstance(answer, Absence):
        return ()
    return tuple(sorted(rdata_text(answer.type, rdata) for rdata in answer.rdatas))


def _line(octets: bytes) -> str:
    text = octets[:_SHOWN].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
