"""The engine on the store that outlives it: as on the one in memory, in one process, in many, and on an older copy."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from virtual import LAB_LIMITS, SERVICE, Runner, engine, served_tlsa

from danelaw.adapters.store.memory import MemoryStore
from danelaw.adapters.store.sql import SQLStore
from danelaw.core.rollover.fold import Facts
from danelaw.worlds.sim.world import SimWorld
from inline_blocking import Inline

pytestmark = pytest.mark.slow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def store(path: Path) -> SQLStore:
    return SQLStore(path, LAB_LIMITS, Inline(), beside=path.parent / "credentials")


def known(runner: Runner) -> Facts:
    return asyncio.run(runner.engine.facts())


def rolled(world: SimWorld, runner: Runner) -> None:
    """Once more a new key, and nobody refused."""
    first = served_tlsa(world)
    runner.renew()
    assert len(served_tlsa(world)) == 1
    assert served_tlsa(world) != first
    assert world.crowd.refused() == []


def test_a_roll_takes_the_same_course_on_either_store(path: Path) -> None:
    runners = []
    for kept in (MemoryStore(LAB_LIMITS.max_gap), store(path)):
        world = SimWorld(lag=2.0, seed=1)
        world.crowd.start()
        runner = Runner(world, engine(world, kept))
        runner.settle()
        rolled(world, runner)
        runners.append(runner)
    on_memory, on_sqlite = runners
    assert on_sqlite.told == on_memory.told
    assert known(on_sqlite).deeds == known(on_memory).deeds


def test_a_process_for_each_pass_brings_a_roll_to_its_end(path: Path) -> None:
    """As cron does it. What the last one knew is read from the file."""
    world = SimWorld(lag=2.0, seed=2)
    world.crowd.start()
    Runner(world, engine(world, store(path))).settle()
    first = served_tlsa(world)
    world.ca.suggest_renewal()
    actions: list[str] = []
    for _ in range(400):
        runner = Runner(world, engine(world, store(path)))
        runner.run_for(LAB_LIMITS.pass_interval.total_seconds() / 2)
        actions.extend(runner.actions)
        if "DestroyKey" in actions:
            break
    assert actions == ["MakeKey", "AdvanceOrder", "Publish", "Switch", "Publish", "DestroyKey"]
    assert served_tlsa(world) != first
    assert world.crowd.refused() == []


@pytest.mark.parametrize("published", [1, 2])
def test_an_older_copy_of_the_store_costs_time_alone(path: Path, published: int) -> None:
    """It is put back in the middle of a roll, with no gap that would tell: the mark beside the credentials does.

    The copy is of before the union was published, or of before the old record was withdrawn.
    """
    world = SimWorld(lag=2.0, seed=3)
    world.crowd.start()
    kept = store(path)
    runner = Runner(world, engine(world, kept))
    runner.settle()
    world.ca.suggest_renewal()
    runner.run(lambda: len(served_tlsa(world)) == published)
    asyncio.run(kept.copy(path.with_name("copy")))
    runner.run(lambda: runner.actions.count("Switch") == 2)
    asyncio.run(kept.close())
    for file in path.parent.glob("store.sqlite-*"):
        file.unlink()
    path.with_name("copy").rename(path)
    again = Runner(world, engine(world, store(path)))
    again.settle()
    assert known(again).began(SERVICE) is not None
    rolled(world, again)
