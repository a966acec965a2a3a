"""Subjects that have nothing to do with each other are looked after at the same time; the gate judges one at a time."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import dns.name
import pytest
from virtual import LAB_LIMITS, SERVICE, ZONE_SUBJECT, engine, toolbox

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.engine import Engine
from danelaw.app.groups import Group, Groups
from danelaw.app.toolbox import Subjects
from danelaw.core.model import ChallengeType, Endpoint, HostName, Instant, Limits, Lineage, SubjectName
from danelaw.core.rollover.actions import Action
from danelaw.core.rollover.facts import Fact, Intended
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Judgement, judge
from danelaw.core.rollover.planner import DesiredService, DesiredZone, Settled
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.tlsa import Combination, Reference
from danelaw.ports import Lease
from danelaw.worlds.sim.world import SimWorld

LOCAL = HostName("local")
START = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Waiting:
    """``ports.Clock`` for several who wait: time goes on when nobody has anything else to do."""

    time: Instant = START
    offset: timedelta = timedelta(0)
    sleepers: list[tuple[Instant, int, asyncio.Future[None]]] = field(default_factory=list)
    count: int = 0

    def now(self) -> Instant:
        return self.time + self.offset

    def monotonic(self) -> float:
        return (self.time - START).total_seconds()

    async def sleep_until(self, when: Instant) -> None:
        self.count += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (when - self.offset, self.count, woken))
        await woken

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.now() + timedelta(seconds=seconds))

    async def drive(self, story: Coroutine[Any, Any, object]) -> None:
        """Until the story is over: whoever sleeps is woken in his turn, when all others have come to a wait."""
        told = asyncio.ensure_future(story)
        while not told.done():
            for _ in range(20):  # turns of the loop, until nobody has anything to do
                await asyncio.sleep(0)
            if not told.done() and self.sleepers:
                when, _, woken = heapq.heappop(self.sleepers)
                self.time = max(self.time, when)
                if not woken.done():
                    woken.set_result(None)
        told.result()


def subject(number: int, zone: str | None = None) -> tuple[DesiredService, Reached]:
    """A service in a zone of its own, unless one is named."""
    apex = dns.name.from_text(zone or f"zone{number}.test.")
    host = dns.name.from_text(f"www{number}", apex)
    endpoint = Endpoint(host, 443)
    lineage = Lineage(SubjectName(str(endpoint)))
    combinations = (Combination.from_text("3 1 1"),)
    service = DesiredService(
        lineage.service, (lineage,), apex, (host,), combinations, 60, (LOCAL,), ChallengeType.HTTP_01
    )
    return service, Reached(lineage.service, (lineage,), (LOCAL,), endpoint, apex, (host,), Reference((host,), ()))


class Paced(Engine):
    """An engine whose passes take as long as they are told to; none at all if nothing is said. ``log``: what began and
    ended when, in seconds, and how many were under way."""

    def __init__(self, clock: Waiting, found: Iterable[tuple[DesiredService, Reached]], at_once: int) -> None:
        services, reached = zip(*found, strict=True)
        subjects = Subjects({one.subject: one for one in services}, Reach(reached))
        tools = replace(toolbox(SimWorld(), MemoryStore(LAB_LIMITS.max_gap)), clock=clock)
        super().__init__(tools, subjects, LAB_LIMITS, at_once=at_once)
        self.clock = clock
        self.takes: dict[SubjectName, float] = {}
        self.log: list[tuple[float, str, SubjectName]] = []
        self.under_way: set[SubjectName] = set()
        self.most = 0

    async def reconcile(self, subject: SubjectName, report: Callable[[Progress], None] = lambda told: None) -> Pass:
        self.log.append((self.clock.monotonic(), "begins", subject))
        self.under_way.add(subject)
        self.most = max(self.most, len(self.under_way))
        await self.clock.sleep(self.takes.get(subject, 0.0))
        self.under_way.discard(subject)
        self.log.append((self.clock.monotonic(), "ends", subject))
        now = self.clock.now()
        ended = Pass(subject, now, Settled(None), None, None, (), now + self.limits.pass_interval)
        report(Progress(now, subject, None, ended))
        return ended

    def begun(self, subject: SubjectName) -> list[float]:
        return [at for at, what, which in self.log if (what, which) == ("begins", subject)]


def watched(engine: Paced, seconds: float, meanwhile: Callable[[], object] = lambda: None) -> None:
    """For so long; ``meanwhile`` happens after a quarter of that."""

    async def story() -> None:
        stop = asyncio.Event()
        watching = asyncio.ensure_future(engine.watch(stop))
        await engine.clock.sleep(seconds / 4)
        meanwhile()
        await engine.clock.sleep(3 * seconds / 4)
        stop.set()
        await watching

    asyncio.run(engine.clock.drive(story()))


def names(found: Iterable[tuple[DesiredService, Reached]]) -> list[SubjectName]:
    return [service.subject for service, _ in found]


def test_a_service_that_hangs_delays_no_other() -> None:
    found = [subject(number) for number in range(4)]
    slow, *others = names(found)
    under = Paced(Waiting(), found, at_once=2)
    under.takes[slow] = 30.0
    watched(under, 10.0)
    assert under.begun(slow) == [0.0]
    for other in others:
        assert under.begun(other) == [0.5 * number for number in range(20)]


def test_one_at_a_time_is_held_up() -> None:
    found = [subject(number) for number in range(2)]
    slow, other = names(found)
    under = Paced(Waiting(), found, at_once=1)
    under.takes[slow] = 30.0
    watched(under, 10.0)
    assert under.begun(other) == []


def test_of_those_that_share_a_zone_one_is_looked_at_at_a_time() -> None:
    found = [subject(1, "shared.test."), subject(2, "shared.test."), subject(3)]
    slow, neighbour, other = names(found)
    under = Paced(Waiting(), found, at_once=3)
    under.takes = {slow: 4.0, neighbour: 4.0}
    watched(under, 10.0)
    assert under.begun(slow) == [0.0, 8.0]
    assert under.begun(neighbour) == [4.0]
    assert len(under.begun(other)) == 20
    assert under.most == 2


def test_no_more_are_under_way_than_may_be() -> None:
    found = [subject(number) for number in range(8)]
    under = Paced(Waiting(), found, at_once=3)
    under.takes = dict.fromkeys(names(found), 1.0)
    watched(under, 10.0)
    assert under.most == 3
    assert all(under.begun(name) for name in names(found))


def test_what_is_under_way_is_brought_to_its_end() -> None:
    found = [subject(number) for number in range(2)]
    slow, _ = names(found)
    under = Paced(Waiting(), found, at_once=2)
    under.takes[slow] = 30.0
    watched(under, 4.0)
    assert (30.0, "ends", slow) in under.log
    assert under.under_way == set()


@pytest.mark.parametrize("step", [3600.0, -3600.0])
@pytest.mark.parametrize("takes", [0.0, 1.0])
def test_a_clock_that_is_set_while_a_pass_is_under_way_puts_off_no_pass(step: float, takes: float) -> None:
    """What a pass asks for is told by the new clock already; what others asked for is told by the old one."""
    found = [subject(number) for number in range(2)]
    under = Paced(Waiting(), found, at_once=2)
    under.takes = dict.fromkeys(names(found), takes)
    watched(under, 8.0, lambda: setattr(under.clock, "offset", timedelta(seconds=step)))
    for name in names(found):
        begun = under.begun(name)
        gaps = [after - before for before, after in pairwise(begun)]
        assert max(gaps) == pytest.approx(takes + 0.5)
        assert min(gaps) == pytest.approx(takes + 0.5)


def test_a_pass_that_fails_in_no_way_that_is_known_ends_the_watch() -> None:
    class Failing(Paced):
        async def reconcile(self, subject: SubjectName, report: Callable[[Progress], None] = lambda told: None) -> Pass:
            if subject == broken:
                raise RuntimeError("a defect")
            return await super().reconcile(subject, report)

    found = [subject(number) for number in range(2)]
    broken, slow = names(found)
    under = Failing(Waiting(), found, at_once=2)
    under.takes[slow] = 30.0
    with pytest.raises(RuntimeError, match="a defect"):
        watched(under, 10.0)


# -- groups -----------------------------------------------------------------------------------------------------------


def test_whoever_shares_something_is_in_one_group() -> None:
    first, at_first = subject(1)
    second, at_second = subject(2)
    third, at_third = subject(3)
    zone = DesiredZone(SubjectName("zone1.test."), first.zone, None)
    lending = replace(at_third, bases=(*at_third.bases, at_second.endpoint.host))  # records of another's name
    found = Groups(
        {zone.subject: zone, first.subject: first, second.subject: second, third.subject: third},
        Reach((at_first, at_second, lending)),
    )
    assert found.of(zone.subject) is found.of(first.subject)
    assert found.of(first.subject) == Group((zone.subject, first.subject), Reach((at_first,)))
    assert found.of(second.subject) == Group((second.subject, third.subject), Reach((at_second, lending)))
    assert found.every == [found.of(first.subject), found.of(second.subject)]


# -- judged one after the other ---------------------------------------------------------------------------------------


class Unhurried(MemoryStore):
    """A store that lets others go on, for a pass or so, before it records an intent."""

    async def append(self, subject: SubjectName, lease: Lease, *facts: Fact) -> None:
        if any(isinstance(fact, Intended) for fact in facts):
            for _ in range(500):
                await asyncio.sleep(0)
        await super().append(subject, lease, *facts)


def test_an_intent_is_known_when_the_next_action_is_judged() -> None:
    known: list[tuple[Action, int]] = []

    def gate(action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
        known.append((action, len(facts.deeds)))
        return judge(action, facts, reach, now, limits)

    world = SimWorld()
    store = Unhurried(LAB_LIMITS.max_gap)
    under = engine(world, store, gate)

    async def both() -> tuple[Pass, Pass]:
        return await asyncio.gather(under.reconcile(ZONE_SUBJECT), under.reconcile(SERVICE))

    passes = asyncio.run(both())
    intents = [e[3] for log in store._logs.values() for e in log.entries if isinstance(e[3], Intended)]
    assert len(intents) == len(known) == 2
    assert [intended for _, intended in known] == [0, 1]
    assert all(ended.outcome is not None for ended in passes)
