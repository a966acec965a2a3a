"""A thousand days of the engine: what it knows does not grow, and it does what it would have done knowing all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from virtual import LAB_LIMITS, Runner, engine

from danelaw.adapters.store import MemoryStore, memory
from danelaw.core.model import ChallengeType
from danelaw.core.rollover.actions import Action
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.succession import Strategy
from danelaw.worlds.sim.world import SimWorld

pytestmark = pytest.mark.slow

LIMITS = replace(
    LAB_LIMITS,
    pass_interval=timedelta(days=1),
    retention=timedelta(days=4),
    assumed_past_ttl=timedelta(hours=1),
    linger=timedelta(days=2),
    standby_settle=timedelta(days=7),
    key_lifetime=timedelta(days=100),
    renewal_check=timedelta(days=1),
)


def size(facts: Facts) -> int:
    """Everything of which there may be ever more."""
    spans = sum(len(seen) for servers in facts._spans.values() for seen in servers.values())
    presented = sum(len(seen) for hellos in facts._presented.values() for seen in hellos.values())
    rosters = sum(map(len, facts._rosters.values()))
    return spans + presented + rosters + len(facts.deeds) + len(facts._renewals)


def lived(store: MemoryStore, strategy: Strategy, days: int) -> tuple[list[Action], list[int]]:
    """What was done, and how much was known after each quarter of the time."""
    world = SimWorld(lag=1.0)
    world.ca.challenges = ChallengeType.HTTP_01
    runner = Runner(world, engine(world, store, limits=LIMITS, strategy=strategy))
    sizes: list[int] = []
    for _ in range(4):
        runner.run_for(days / 4 * 86400)
        sizes.append(size(runner.facts()))
    return [p.acting for p in runner.told if p.acting is not None], sizes


@pytest.mark.parametrize(("strategy", "days"), [(Strategy.STAGED, 400), (Strategy.STANDBY, 1000)])
def test_what_is_known_does_not_grow_and_the_same_is_done(
    strategy: Strategy, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "OFTEN", 500)
    forgetful = MemoryStore(LIMITS.max_gap, LIMITS)
    done, sizes = lived(forgetful, strategy, days)
    assert max(sizes) <= 150
    assert sum(len(log.entries) for log in forgetful._logs.values()) <= 3 * 500
    assert done == lived(MemoryStore(LIMITS.max_gap), strategy, days)[0]
