"""The loop: what it does where there is nothing to do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import pytest

from danelaw.adapters.store import MemoryStore
from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.model import SubjectName
from danelaw.core.rollover.planner import DesiredZone
from danelaw.core.rollover.reach import Reach
from danelaw.ports import Authorities, Prober, Resolver
from rollover_history import LIMITS, ZONE, at


@dataclass
class StoppedClock:
    """It is always the same instant, and nobody is ever woken."""

    def now(self) -> datetime:
        return at(0)

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, when: datetime) -> None:
        del when
        await asyncio.Event().wait()


def engine(*zones: DesiredZone) -> Engine:
    none = object()  # nothing is looked at in these tests
    tools = Toolbox(
        StoppedClock(),
        MemoryStore(LIMITS.max_gap),
        cast(Resolver, none),
        cast(Authorities, none),
        cast(Prober, none),
    )
    return Engine(tools, Subjects({zone.subject: zone for zone in zones}, Reach()), LIMITS)


@pytest.mark.parametrize("subjects", [None, [SubjectName("nobody.example.")]])
def test_without_subjects_the_loop_waits_to_be_stopped(subjects: list[SubjectName] | None) -> None:
    async def story() -> None:
        stop = asyncio.Event()
        watching = asyncio.ensure_future(engine().watch(stop, subjects=subjects))
        for _ in range(5):
            await asyncio.sleep(0)  # a turn of the loop, no time
        assert not watching.done()
        stop.set()
        await asyncio.wait_for(watching, 10)

    asyncio.run(story())


def test_a_loop_that_is_stopped_already_looks_at_nothing() -> None:
    async def story() -> None:
        stop = asyncio.Event()
        stop.set()
        zone = DesiredZone(SubjectName(ZONE.to_text()), ZONE, None)
        await asyncio.wait_for(engine(zone).watch(stop), 10)

    asyncio.run(story())


def test_the_engine_tells_what_it_looks_after_and_by_which_limits() -> None:
    zone = DesiredZone(SubjectName(ZONE.to_text()), ZONE, None)
    under = engine(zone)
    assert under.subjects == {zone.subject: zone}
    assert under.limits == LIMITS
    assert asyncio.run(under.facts()).rosters(ZONE) == ()
