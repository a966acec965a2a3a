"""Oracles: verifiers that are not ours, polling throughout beside the crowd.

``ldns-dane`` (NLnet Labs) takes its resolver's word for what is secure and looks at every address; ``danetool``
(GnuTLS) validates by libunbound; ``openssl s_client`` gets its TLSA records from BIND's ``delv``, which validates from
the root. What each one's answer means is read in ``readings``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from dns.name import Name

from danelaw.core.model import IP, DanelawError
from danelaw.ports import CommandResult, Commands
from danelaw.worlds.lab.real import readings
from danelaw.worlds.lab.real.readings import Answer, Reading

PACE: Final = 1.0
"""Seconds between two polls of one oracle."""
LIMIT: Final = timedelta(seconds=8)
"""As long as a client of the crowd may take. An oracle that hangs is killed then."""
RSA: Final = ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384")
TAIL: Final = 12
"""Lines of an oracle's output that are kept of each poll that did not accept."""


@dataclass(frozen=True, slots=True)
class Poll:
    """One question to one oracle. ``scene`` is the one that it began in; times are aware, in UTC.

    ``status``: the last program's; None if it was killed. ``because``: the line that decided. ``lines``: the last of
    what it said, unless it accepted.
    """

    scene: str
    oracle: str
    started: datetime
    finished: datetime
    answer: Answer
    status: int | None
    because: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OracleTally:
    """What one oracle answered in one scene. ``example``: its first refusal there."""

    oracle: str
    polls: int
    accepted: int
    refused: int
    undecided: int
    example: Poll | None = None


def tallied(scene: str, oracles: Iterable[str], polls: Iterable[Poll]) -> tuple[OracleTally, ...]:
    """One tally for each oracle, of the polls that began in ``scene``."""
    mine = [poll for poll in polls if poll.scene == scene]
    tallies = []
    for oracle in oracles:
        counts = Counter(poll.answer for poll in mine if poll.oracle == oracle)
        refusals = (poll for poll in mine if poll.oracle == oracle and poll.answer is Answer.REFUSED)
        answers = (counts[Answer.ACCEPTED], counts[Answer.REFUSED], counts[Answer.UNDECIDED])
        tallies.append(OracleTally(oracle, counts.total(), *answers, next(refusals, None)))
    return tuple(tallies)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the oracles look at, and what they are told of the world: a resolver, and the root's trust anchor.

    ``anchor``: a file in master form; ``bind_keys``: the same for BIND. ``scratch``: a folder that a program may
    litter. ``programs``: where they are. ``smtp``: TLS begins by STARTTLS, which ldns-dane does not know. ``rsa``: who
    can choose asks for an RSA certificate.
    """

    host: Name
    resolver: IP
    anchor: Path
    bind_keys: Path
    scratch: Path
    programs: Mapping[str, str]
    port: int = 443
    smtp: bool = False
    rsa: bool = False

    @property
    def name(self) -> str:
        return self.host.to_text(omit_final_dot=True)

    @property
    def owner(self) -> str:
        return f"_{self.port}._tcp.{self.host}"


@dataclass(slots=True)
class _Asking:
    """The programs that one poll runs, and what the last of them said."""

    subject: Subject
    commands: Commands
    last: CommandResult | None = None

    async def run(self, program: str, *words: str) -> CommandResult:
        self.last = await self.commands.run((self.subject.programs[program], *words), LIMIT)
        return self.last


async def _ldns_dane(asking: _Asking) -> Reading:
    subject = asking.subject
    said = await asking.run("ldns-dane", "-k", str(subject.anchor), "verify", subject.name, str(subject.port))
    return readings.ldns_dane(said.status, said.output)


async def _danetool(asking: _Asking) -> Reading:
    """Through the resolver and with the anchor of the system, which are this world's; it leaves files where it is."""
    subject = asking.subject
    here = (f"--chdir={subject.scratch}", subject.programs["danetool"])
    how = ("--local-dns", *(("--starttls-proto", "smtp") if subject.smtp else ()))
    said = await asking.run("env", *here, *how, "--check", subject.name, "--port", str(subject.port))
    return readings.danetool(said.status, said.output)


async def _openssl(asking: _Asking) -> Reading:
    subject = asking.subject
    question = (f"@{subject.resolver}", subject.owner, "TLSA")
    looked = await asking.run("delv", "-a", str(subject.bind_keys), "+nosplit", "+nodnssec", *question)
    found = readings.delv(looked.output)
    if isinstance(found, Reading):
        return found
    records = [word for rdata in found.rdatas for word in ("-dane_tlsa_rrdata", rdata)]
    to = ("-connect", f"{subject.name}:{subject.port}", "-servername", subject.name)
    dane = ("-dane_tlsa_domain", subject.name, *records, "-dane_ee_no_namechecks")  # RFC 7671 §5.1
    how = (*(("-starttls", "smtp") if subject.smtp else ()), *(RSA if subject.rsa else ()))
    said = await asking.run("openssl", "s_client", *to, *how, *dane, "-verify_return_error", "-brief")
    return readings.s_client(said.status, said.output)


ORACLES: Final[Mapping[str, Callable[[_Asking], Coroutine[Any, Any, Reading]]]] = {
    "ldns-dane": _ldns_dane,
    "openssl": _openssl,
    "danetool": _danetool,
}


@dataclass(slots=True)
class Oracles:
    """Polling for as long as the context is open. ``pace``: seconds between two polls of one. ``names``: which."""

    subject: Subject
    commands: Commands
    pace: float = PACE
    names: tuple[str, ...] = tuple(ORACLES)
    scene: str = ""
    polls: list[Poll] = field(default_factory=list)
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _pulse: asyncio.Event = field(default_factory=asyncio.Event)
    _in_flight: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Oracles:
        self._open.set()
        self._tasks = [asyncio.create_task(self._live(number, name)) for number, name in enumerate(self.names)]
        for task in self._tasks:
            task.add_done_callback(lambda _: self._pulse.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if error is None:
            self._raise_defects()

    async def enter(self, scene: str) -> None:
        """End one scene and begin the next: polls in flight end first, and no other begins meanwhile."""
        self._open.clear()
        try:
            await self._until(lambda: self._in_flight == 0)
            self.scene = scene
        finally:
            self._open.set()

    async def rounds(self, count: int = 1) -> None:
        """Wait until every oracle has answered ``count`` more times."""
        before = self._answered()
        await self._until(lambda: all(self._answered()[name] - before[name] >= count for name in self.names))

    def tally(self, scene: str) -> tuple[OracleTally, ...]:
        """What they answered to the polls that began in ``scene``."""
        return tallied(scene, self.names, self.polls)

    def last_refusal(self, scene: str) -> datetime | None:
        refusals = [poll.finished for poll in self.polls if poll.scene == scene and poll.answer is Answer.REFUSED]
        return max(refusals, default=None)

    async def ask(self, name: str) -> Poll:
        """One poll, now. Raises ``DanelawError("COMMAND_NOT_FOUND")``."""
        started = _now()
        asking = _Asking(self.subject, self.commands)
        try:
            reading = await ORACLES[name](asking)
        except DanelawError as error:
            if error.code != "COMMAND_TIMEOUT":
                raise
            asking.last = None
            reading = Reading(Answer.REFUSED, str(error))  # nobody waits longer
        status, said = (asking.last.status, asking.last.output) if asking.last else (None, "")
        kept = () if reading.answer is Answer.ACCEPTED else tuple(said.splitlines()[-TAIL:])
        return Poll(self.scene, name, started, _now(), reading.answer, status, reading.because, kept)

    async def _live(self, number: int, name: str) -> None:
        await asyncio.sleep(self.pace * number / len(self.names))
        while True:
            while not self._open.is_set():
                await self._open.wait()
            self._in_flight += 1
            try:
                self.polls.append(await self.ask(name))
            finally:
                self._in_flight -= 1
                self._pulse.set()
            await asyncio.sleep(self.pace)

    async def _until(self, so: Callable[[], bool]) -> None:
        while not so():
            self._pulse.clear()
            await self._pulse.wait()
            self._raise_defects()

    def _answered(self) -> Counter[str]:
        return Counter(poll.oracle for poll in self.polls)

    def _raise_defects(self) -> None:
        """An oracle that cannot be asked at all would be a witness silently missing."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                failure = task.exception()
                if failure is not None:
                    raise failure


def _now() -> datetime:
    return datetime.now(UTC)
