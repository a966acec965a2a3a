"""Who hears of it: after each pass it is worked out what there is to tell, and told.

It goes on beside the passes, and holds up none of them. A way that fails is tried again after the next pass.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from dns.name import Name

from danelaw import __version__
from danelaw.app.concerns import of_error, of_pass, of_repair, of_standing
from danelaw.app.known import Known
from danelaw.app.metrics import counter, metrics
from danelaw.app.metrics import of_standing as lines_of
from danelaw.app.standing import Standing, standing
from danelaw.app.toolbox import Subjects
from danelaw.core.exposition import Lines
from danelaw.core.model import DanelawError, Instant, Limits, SubjectName
from danelaw.core.notify.concern import Concern, Severity, merged
from danelaw.core.notify.record import Notice, Record, Wants, due, failed, seen, tidied, told
from danelaw.core.notify.texts import trial
from danelaw.core.rollover.actions import Failure
from danelaw.core.rollover.facts import Done
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.progress import Pass
from danelaw.core.rollover.reach import Reach
from danelaw.ports import Clock, LastingStore, NoticeBook, TextFile, Way

PARTING: Final = timedelta(seconds=15)
"""How long whoever ends waits for what is being told."""

REST: Final = 4
LONGEST_REST: Final = timedelta(minutes=1)
"""After a round it rests so many times as long as that took, and not longer than this."""

SILENT: Final = 3
"""So many pass intervals without the end of any pass, and a runner is not well."""


RUNNER: Final = SubjectName("danelaw run")
"""What troubles concern that keep every subject from being looked at."""


@dataclass(frozen=True, slots=True)
class UnusableWay:
    """``ports.Way`` of one that cannot be set up: whoever needs it is told why."""

    error: DanelawError

    async def tell(self, notices: Sequence[Notice], at: Instant) -> None:
        raise self.error


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where it goes. ``ways``: by name, with what each wants to be told."""

    book: NoticeBook
    ways: Mapping[str, tuple[Wants, Way]] = field(default_factory=dict)
    textfile: TextFile | None = None

    @property
    def wants(self) -> tuple[Wants, ...]:
        return tuple(wants for wants, _ in self.ways.values())

    @property
    def unusable(self) -> tuple[DanelawError, ...]:
        """Why some of the ways cannot be gone."""
        return tuple(way.error for _, way in self.ways.values() if isinstance(way, UnusableWay))


@dataclass(frozen=True, slots=True)
class Ground:
    """What there is to tell of. ``known``: what is recorded of it. ``by_hand``: the zones that a person changes."""

    clock: Clock
    store: LastingStore
    subjects: Subjects
    known: Known
    limits: Limits
    by_hand: frozenset[Name] = frozenset()


@dataclass(frozen=True, slots=True)
class Face:
    """What whoever faces the operator adds. ``todo``: what to type next. ``complain``: tells him of an error."""

    todo: Callable[[Standing, Instant], Sequence[str]]
    complain: Callable[[DanelawError], None]


async def try_out(outlets: Outlets, host: str, now: Instant) -> Mapping[str, DanelawError | None]:
    """A test through every way: the error of each, None where it took the notice."""
    found: dict[str, DanelawError | None] = {}
    for name, (_, way) in outlets.ways.items():
        try:
            await way.tell((trial(host, now),), now)
            found[name] = None
        except DanelawError as error:
            found[name] = error
    return found


class Herald:
    """Tells of passes, as they end. ``stays``: it lives as long as a daemon, and not for one run alone."""

    def __init__(self, ground: Ground, outlets: Outlets, face: Face, *, stays: bool) -> None:
        self._ground = ground
        self._outlets = outlets
        self._face = face
        self._stays = stays
        self._fresh: dict[SubjectName, Pass] = {}
        self._mended: list[Concern] = []
        self._counted: dict[str, int] = {}
        self._record: Record | None = None
        self._written: Record | None = None
        self._standings: dict[str, Lines] = {}
        self._every = frozenset((*ground.subjects.desired, RUNNER))
        self._woken = asyncio.Event()
        self._parting = asyncio.Event()
        self._ending = False
        self._said: set[str] = set()
        self._alive = ground.clock.monotonic()
        self.text: str | None = None
        """For Prometheus, as of the last round; None: there was none yet."""

    def heard(self, ended: Pass) -> None:
        """A pass has ended: it is told of when there is time."""
        self._alive = self._ground.clock.monotonic()
        self._fresh[ended.subject] = ended
        if ended.mended:
            self._mended.append(of_repair(ended.subject, ended.mended, ended.at))
        self._count("danelaw_passes_total", subject=ended.subject)
        if ended.refused is not None:
            self._count("danelaw_refused_actions_total", subject=ended.subject)
        if isinstance(ended.outcome, Failure):
            self._count("danelaw_failures_total", subject=ended.subject, code=ended.outcome.code)
        self._woken.set()

    def ailing(self) -> str:
        """Why the runner is not well; empty: it is."""
        quiet = self._ground.clock.monotonic() - self._alive
        most = SILENT * self._ground.limits.pass_interval.total_seconds()
        return f"no pass has ended for {quiet:.0f} seconds" if quiet > most else ""

    async def live(self) -> None:
        """One round after each pass, or after several that ended meanwhile, until ``close``.

        What is told is made anew of all that is remembered: with very many subjects it rests longer than it works.
        """
        while not self._ending:
            await self._woken.wait()
            self._woken.clear()
            begun = self._ground.clock.monotonic()
            await self.round()
            rest = min(REST * (self._ground.clock.monotonic() - begun), LONGEST_REST.total_seconds())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._parting.wait(), rest)

    async def close(self, living: asyncio.Task[None] | None = None) -> None:
        """Tells of what has not been told of. ``living``: the task of ``live``, which gets some time to end."""
        if living is None:
            await self.round()
            return
        self._ending = True
        self._parting.set()
        self._woken.set()
        await asyncio.wait({living}, timeout=PARTING.total_seconds())
        if not living.done():
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
        elif not living.cancelled():
            living.result()

    async def stuck(self, error: DanelawError) -> None:
        """Nothing can be looked at: a round of this alone."""
        now = self._ground.clock.now()
        concerns = (of_error(RUNNER, error),)
        await self._told(seen(await self._remembered(), concerns, (), self._every, now), now)

    async def round(self) -> None:
        """Tells of the passes that have ended since the last one."""
        fresh, self._fresh = self._fresh, {}
        if not fresh:
            return
        now = self._ground.clock.now()
        record = await self._remembered()
        concerns, looked_at = await self._look(fresh, now)
        record = seen(record, concerns, {*looked_at, RUNNER}, self._every, now)
        ailing = {one.subject for one in concerns if one.severity is not Severity.NOTE}
        well = {str(subject): now for subject in fresh if subject not in ailing}
        kept = {subject: at for subject, at in record.succeeded.items() if subject in self._every}
        counts = dict(record.counts)
        for key, by in self._counted.items():
            counts[key] = counts.get(key, 0) + by
        self._counted = {}
        await self._told(replace(record, succeeded=kept | well, counts=counts), now)
        await self._publish()

    async def _told(self, record: Record, now: Instant) -> None:
        self._record = tidied(record, self._outlets.wants, now)
        # Where it cannot be recorded, a run that ends with this round would be followed by others that tell it again.
        if await self._write() or self._stays:
            for name, (wants, way) in self._outlets.ways.items():
                await self._tell(name, wants, way, now)
            await self._write()

    async def _look(self, fresh: Mapping[SubjectName, Pass], now: Instant) -> tuple[tuple[Concern, ...], set[str]]:
        """What there is to tell of these subjects, and of which of them that is all."""
        ground, looked_at = self._ground, set[str]()
        found, self._mended = self._mended, []
        try:
            for first in fresh:
                if first in looked_at:
                    continue
                facts, group = await ground.known.around(first)
                for subject in (one for one in group.subjects if one in fresh):
                    one = await self._standing(subject, facts, group.reach, now)
                    self._standings[subject] = lines_of(one, now)
                    found += of_standing(one, self._face.todo(one, now), ground.by_hand, now)
                    found += of_pass(fresh[subject])
                    looked_at.add(subject)
        except DanelawError as error:
            found += (of_error(subject, error) for subject in fresh if subject not in looked_at)
        return merged(found), looked_at

    async def _standing(self, subject: SubjectName, facts: Facts, reach: Reach, now: Instant) -> Standing:
        ground = self._ground
        last = await ground.store.history(subject, limit=1, kinds=(Done,))
        done = last[0].fact if last and isinstance(last[0].fact, Done) else None
        return standing(ground.subjects.desired[subject], facts, reach, now, ground.limits, done)

    async def _tell(self, name: str, wants: Wants, way: Way, now: Instant) -> None:
        record = self._record or Record()
        notices = due(record, wants, now)
        if not notices:
            return
        try:
            await way.tell(notices, now)
        except DanelawError as error:
            self._record, say = failed(record, name, error.code, str(error), wants.again, now)
            if say:
                says = f"nobody is told by [notify.{name}]: {error.message}"
                self._face.complain(DanelawError(error.code, says, evidence=error.evidence, hint=error.hint))
            return
        record = told(record, name, notices, now)
        key = counter("danelaw_notices_total", way=name)
        self._record = replace(record, counts={**record.counts, key: record.counts.get(key, 0) + len(notices)})

    async def _remembered(self) -> Record:
        """What cannot be read is begun anew: to tell something twice is better than not to tell it."""
        if self._record is not None:
            return self._record
        try:
            self._written = await self._outlets.book.read()
        except DanelawError as error:
            self._complain_once(error)
            return Record()
        return self._written

    async def _write(self) -> bool:
        """Whether it is recorded."""
        if self._record is None or self._record == self._written:
            return True
        try:
            await self._outlets.book.write(self._record)
        except DanelawError as error:
            self._complain_once(error)
            return False
        self._written = self._record
        self._said.discard("NOTICES_UNWRITABLE")
        return True

    async def _publish(self) -> None:
        self.text = metrics(__version__, self._standings.values(), self._record or Record(), tuple(self._outlets.ways))
        if self._outlets.textfile is None:
            return
        try:
            await self._outlets.textfile.write(self.text)
            self._said.discard("METRICS_UNWRITABLE")
        except DanelawError as error:
            self._complain_once(error)

    def _complain_once(self, error: DanelawError) -> None:
        """Until it is over."""
        if error.code not in self._said:
            self._said.add(error.code)
            self._face.complain(error)

    def _count(self, family: str, **labels: str) -> None:
        key = counter(family, **labels)
        self._counted[key] = self._counted.get(key, 0) + 1
