"""Who looks at zones while their keys are rolled: resolvers with warm caches, one with none, delv and drill.

Every answer must be secure: NOERROR or NXDOMAIN with the AD bit (RFC 4035 §3.2.3), a fully validated answer of delv, a
chase of drill's that ends in the trust anchor. SERVFAIL and an answer without AD are failures of the zone.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import dns.flags
import dns.message
import dns.rcode
from dns.rcode import Rcode

from danelaw.core.model import IP
from danelaw.ports import Commands
from danelaw.worlds.lab.dns_exchange import exchange

PAUSE: Final = 0.25
"""Seconds between two rounds of one resolver over one zone."""
WITHIN: Final = 5.0
LIMIT: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Question:
    """``owner`` is relative to the zone, and has a place for a number where each answer is to be another one.
    ``there``: whether there is an answer.
    """

    what: str
    owner: str
    type: str
    rcode: Rcode = dns.rcode.NOERROR
    there: bool = True

    def name(self, zone: str, number: int) -> str:
        owner = self.owner.format(number=number)
        return f"{owner}.{zone}" if owner else zone


QUESTIONS: Final = (
    Question("address", "www", "A"),
    Question("TLSA", "_443._tcp.www", "TLSA"),
    Question("keys", "", "DNSKEY"),
    Question("SOA", "", "SOA"),
    Question("wildcard", "n{number}.wild", "A"),
    Question("no such name", "nobody{number}", "A", dns.rcode.NXDOMAIN, there=False),
    Question("no such type", "www", "TXT", there=False),
    Question("no such type at a wildcard", "n{number}.wild", "TXT", there=False),
)
NUMBERS: Final = 4
"""Names told apart by number come again after so many: they are in caches, too."""
KINDS: Final = frozenset(question.what for question in QUESTIONS)


@dataclass(slots=True)
class Seen:
    """``polls`` counts by (zone, who looked, what); ``failures`` are told in words, by zone."""

    polls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def note(self, zone: str, who: str, what: str, fault: str | None) -> None:
        self.polls[zone, who, what] += 1
        if fault is not None:
            self.failures.setdefault(zone, []).append(f"{who}, {what}: {fault}")


def judged(reply: bytes, question: Question) -> str | None:
    """What is wrong with a resolver's answer, from its head alone; None: it is secure."""
    rcode, ad, answers = Rcode(reply[3] & 0x0F), bool(reply[3] & 0x20), int.from_bytes(reply[6:8])
    if rcode != question.rcode:
        return rcode.name
    if not ad:
        return f"{rcode.name} and not secure"
    if question.there != (answers > 0):
        return f"{rcode.name}, {answers} records"
    return None


@dataclass(slots=True)
class Eyes:
    """``warm`` hold what they have got; ``fresh`` is told to forget all before each round: ``forget``."""

    zones: Sequence[str]
    warm: Mapping[str, IP]
    fresh: IP
    forget: tuple[str, ...]
    tools: IP
    anchor: Path
    bind_keys: Path
    programs: Mapping[str, str]
    commands: Commands
    seen: Seen = field(default_factory=Seen)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Seen]:
        """All of them, all the time."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._resolver(who, ip, zone)) for who, ip in self.warm.items() for zone in self.zones
            ]
            tasks.append(group.create_task(self._fresh()))
            tasks += [group.create_task(self._delv(zone)) for zone in self.zones]
            tasks += [group.create_task(self._drill(zone)) for zone in self.zones]
            yield self.seen
            for task in tasks:
                task.cancel()

    async def warmed(self) -> None:
        """Until everybody has looked at everything, more than once."""
        lookers = len(self.warm) + 1
        while len(self.seen.polls) < len(self.zones) * (len(KINDS) * lookers + 2):  # noqa: ASYNC110  # eyes tell nobody
            await asyncio.sleep(PAUSE)
        await self.rounds(2)

    async def rounds(self, count: int) -> None:
        """Until everybody has looked so often again."""
        wanted = {key: polls + count for key, polls in self.seen.polls.items()}
        while any(self.seen.polls[key] < polls for key, polls in wanted.items()):  # noqa: ASYNC110  # eyes tell nobody
            await asyncio.sleep(PAUSE)

    async def _resolver(self, who: str, ip: IP, zone: str) -> None:
        for number in itertools.cycle(range(NUMBERS)):
            await self._round(who, ip, zone, number)
            await asyncio.sleep(PAUSE)

    async def _fresh(self) -> None:
        for number in itertools.count():
            done = await self.commands.run(self.forget, LIMIT)
            assert done.status == 0, done
            for zone in self.zones:
                await self._round("fresh", self.fresh, zone, number)
            await asyncio.sleep(PAUSE)

    async def _round(self, who: str, ip: IP, zone: str, number: int) -> None:
        for question in QUESTIONS:
            query = dns.message.make_query(question.name(zone, number), question.type, want_dnssec=True)
            query.flags |= dns.flags.AD
            reply = await exchange((str(ip), 53), query.to_wire(), WITHIN)
            fault = "no answer" if reply is None else judged(reply, question)
            self.seen.note(zone, who, question.what, fault)

    async def _delv(self, zone: str) -> None:
        """It validates by itself what a resolver holds, whatever that one thinks of it."""
        for question, number in _in_turn(QUESTIONS):
            argv = (self.programs["delv"], f"@{self.tools}", "-a", str(self.bind_keys), "+nomtrace", "+root=.")
            said = await self.commands.run((*argv, question.name(zone, number), question.type), LIMIT)
            told = "; fully validated" in said.output or "; negative response, fully validated" in said.output
            self.seen.note(zone, "delv", question.what, None if told else said.output)
            await asyncio.sleep(PAUSE)

    async def _drill(self, zone: str) -> None:
        """It chases signatures from the answer up to the anchor; of denials it does not say whether they are proven."""
        asked = [one for one in QUESTIONS if one.there and one.what != "wildcard"]
        for question, number in _in_turn(asked):
            argv = (self.programs["drill"], "-S", "-k", str(self.anchor), f"@{self.tools}")
            said = await self.commands.run((*argv, question.name(zone, number), question.type), LIMIT)
            told = said.status == 0 and ";; Chase successful" in said.output
            self.seen.note(zone, "drill", question.what, None if told else said.output)
            await asyncio.sleep(PAUSE)


def _in_turn(questions: Sequence[Question]) -> Iterator[tuple[Question, int]]:
    for number in itertools.cycle(range(NUMBERS)):
        for question in questions:
            yield question, number
