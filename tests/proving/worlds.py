"""The worlds of a proof: each is played by itself, in whatever process."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from danelaw.faces.cli.simulation import SimulatedCompany
from danelaw.worlds.sim.adversary_host import Crash
from danelaw.worlds.sim.campaign import draw, failed, tally
from danelaw.worlds.sim.ending import Ending
from danelaw.worlds.sim.scenario import Expect, Scenario, StrategyName, World, write
from danelaw.worlds.sim.scenario_play import play
from danelaw.worlds.sim.world import SimWorld
from proving.on_files import on_files

OURS: Final[tuple[StrategyName, ...]] = ("standby", "staged", "pinned")


class Played(msgspec.Struct, frozen=True):
    """One world, and its scenario where it failed."""

    tally: dict[str, int | float]
    culprit: str | None = None


def _told(ending: Ending) -> Played:
    return Played(tally(ending).as_json(), write(ending.scenario) if failed(ending) else None)


def in_memory(strategy: StrategyName, seed: int) -> Played:
    return _told(play(draw(seed, strategy), SimulatedCompany))


def in_files(folder: Path, strategy: StrategyName, seed: int) -> Played:
    with on_files(folder / f"danelaw-proof-{os.getpid()}-{strategy}-{seed}") as hire:
        return _told(play(draw(seed, strategy), hire))


def room() -> Path:
    """A file system in memory where there is one: its files are as real, and nobody waits for a disk."""
    shared = Path("/dev/shm")  # noqa: S108  # what lies there lies in a folder that only its maker may read
    return shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())


def with_a_death(strategy: StrategyName, call: int) -> Played:
    return _told(play(story(strategy, Crash(at=0.0, calls=call)), SimulatedCompany))


def story(strategy: StrategyName, *deaths: Crash) -> Scenario:
    """One rollover to another key, with a secondary that is late and a challenge to be answered."""
    return Scenario(
        title=f"one rollover ({strategy})",
        strategy=strategy,
        rolls=("request",),
        limits={"pass_interval": 1.0},
        world=World(lags=(0.7,), ttl=1, clients=8, pace=0.5, challenge="dns-01"),
        event=deaths,
        expect=Expect(within=240),
    )


def calls(strategy: StrategyName) -> int:
    """How many calls to the outside that rollover takes where nobody dies."""
    worlds: list[SimWorld] = []

    def hire(world: SimWorld, clock: object, scenario: Scenario) -> SimulatedCompany:
        worlds.append(world)
        return SimulatedCompany(world, world.clock, scenario)

    deployed = play(msgspec.structs.replace(story(strategy), rolls=()), hire)
    whole = play(story(strategy), hire)
    if deployed.unmet or whole.unmet:
        raise AssertionError(f"{strategy}: {deployed.unmet} {whole.unmet}")
    return worlds[1].hazards.calls - worlds[0].hazards.calls
