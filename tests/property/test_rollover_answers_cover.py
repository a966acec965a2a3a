"""Whatever a cache can hold is among the possible answers: against worlds that are played through, fetch by fetch.

Two authorities live for some ticks of ten seconds. Versions come and go; a secondary lags, is restored from an older
version, or is not seen for a while, and so may be the primary, or all of them while the runner sleeps. What the model
assumes is kept to: what is visible at all is seen at every tick, an absence in which anything but standstill happens is
longer than what a sight vouches for, and no secondary serves a version that was last current longer ago than the
retention.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.core.model import IP, Absence, Answer, Limits, RRset
from danelaw.core.rollover.answers import Possible, possible_answers
from danelaw.core.rollover.facts import Roster, Sight
from danelaw.core.rollover.fold import Facts
from rollover_history import NS1, NS2, OWNER, TLSA, ZONE, at

pytestmark = pytest.mark.slow

TICK = 10
LIMITS = Limits(
    pass_interval=timedelta(seconds=TICK),
    hold_floor=timedelta(0),
    lookup_delay=timedelta(seconds=5),
    assumed_past_ttl=timedelta(seconds=20),
    retention=timedelta(seconds=15 * TICK),
)
BEFORE = 8
"""Ticks that nobody watched."""


@dataclass(frozen=True)
class Version:
    serial: int
    answer: Answer


def version(serial: int, content: int, ttl: int) -> Version:
    if content == 0:
        return Version(serial, Absence(OWNER, TLSA, ttl))
    return Version(serial, RRset(OWNER, TLSA, ttl, frozenset({bytes([content])})))


@dataclass(repr=False)
class World:
    """What each authority served at each tick, and whether the runner saw it."""

    served: dict[IP, list[Version]] = field(default_factory=lambda: {NS1: [], NS2: []})
    seen: dict[IP, list[bool]] = field(default_factory=lambda: {NS1: [], NS2: []})

    @property
    def ticks(self) -> int:
        return len(self.served[NS1])

    def told(self, tick: int) -> list[Roster | Sight]:
        """What a runner learns at a tick."""
        now = at((tick - BEFORE) * TICK)
        sights = [
            Sight(now, ZONE, server, it[tick].serial, OWNER, TLSA, it[tick].answer)
            for server, it in self.served.items()
            if self.seen[server][tick]
        ]
        return [Roster(now, ZONE, frozenset({NS1, NS2}), NS1), *sights]

    def judged_at(self, tick: int) -> bool:
        """Not within the time for which a sight vouches although something may have happened."""
        recent = range(max(BEFORE, tick - LIMITS.gap_passes), tick + 1)
        return all(self.seen[ns][tick] or not any(self.seen[ns][t] for t in recent) for ns in (NS1, NS2))

    def __repr__(self) -> str:
        def shown(ns: IP, tick: int) -> str:
            it = self.served[ns][tick]
            name = "-" if isinstance(it.answer, Absence) else f"{min(it.answer.rdatas)[0]}"
            return f"{tick - BEFORE}:{it.serial}/{name}/{it.answer.ttl}{'' if self.seen[ns][tick] else '?'}"

        return "\n".join(f"{ns} " + " ".join(shown(ns, t) for t in range(self.ticks)) for ns in (NS1, NS2))


@st.composite
def absences(draw: st.DrawFn, ticks: int) -> list[int]:
    """For each tick: 0 seen; 1 not seen, and standing still; 2 not seen for long."""
    found: list[int] = []
    while len(found) < ticks:
        found += [0] * draw(st.integers(1, 12))
        kind = draw(st.sampled_from([0, 0, 1, 2, 2]))
        found += [kind] * (draw(st.integers(3, 8)) if kind == 2 else draw(st.integers(1, 2)) if kind else 0)
        found.append(0)
    return found[:ticks]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    ticks = draw(st.integers(BEFORE + 4, BEFORE + 40))
    asleep = draw(absences(ticks)) if draw(st.booleans()) else [0] * ticks
    away = {server: draw(absences(ticks)) for server in (NS1, NS2)}
    world = World()
    current = version(1, 1, 20)
    held = current
    was_current: dict[Version, int] = {}
    for tick in range(ticks):
        gone = {server: max(asleep[tick], away[server][tick]) for server in (NS1, NS2)}
        if gone[NS1] != 1 and draw(st.integers(0, 3)) == 0:
            current = version(current.serial + 1, draw(st.integers(0, 3)), draw(st.sampled_from([0, 5, 20])))
        was_current[current] = tick
        if gone[NS2] != 1:
            old = [v for v, last in was_current.items() if (tick - last + 1) * TICK <= LIMITS.retention.total_seconds()]
            held = draw(
                st.sampled_from([held if held in old else current, current, current, draw(st.sampled_from(old))])
            )
        elif held not in [v for v, last in was_current.items() if (tick - last + 1) * TICK <= 150]:
            held = current
        for server, it in ((NS1, current), (NS2, held)):
            world.served[server].append(it)
            world.seen[server].append(gone[server] == 0)
    return world


def content(answer: Answer) -> frozenset[bytes] | None:
    return answer.rdatas if isinstance(answer, RRset) else None


def uncovered(world: World, last: int, possible: Possible) -> list[str]:
    """What some cache may act on at this tick, or until later than the possible answers say."""
    now = (last - BEFORE) * TICK
    ends = {content(h.answer): None if h.until is None else (h.until - at(0)).total_seconds() for h in possible.held}
    unknown = possible.unknown
    past = 0.0 if unknown is None else None if unknown.until is None else (unknown.until - at(0)).total_seconds()
    missing = []
    for server in (NS1, NS2):
        for tick in range(last + 1):
            answer = world.served[server][tick].answer
            fetched = min((tick - BEFORE + 1) * TICK, now)
            end = fetched + LIMITS.hold(answer.ttl).total_seconds()
            until = ends.get(content(answer), 0.0)
            if end > now and past is not None and past < end and until is not None and until < end:
                missing.append(
                    f"{content(answer)} fetched from {server} until {fetched} is held until {end}, not {until}"
                )
    return missing


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_what_a_cache_can_hold_is_among_the_possible_answers(world: World) -> None:
    facts = Facts(LIMITS.max_gap)
    for last in range(BEFORE, world.ticks):
        facts = facts.add(*world.told(last))
        if world.judged_at(last):
            possible = possible_answers(facts, ZONE, OWNER, TLSA, at((last - BEFORE) * TICK), LIMITS)
            assert not uncovered(world, last, possible), f"at tick {last - BEFORE}"
