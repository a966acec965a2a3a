"""The small worlds that are explored: a few in every test run, all of them in ``make prove``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from danelaw.core.rollover.succession import Strategy
from danelaw.worlds.sim.explorer.faults import ALL_FAULTS, FOREIGN, Faults
from danelaw.worlds.sim.explorer.scene import Scene
from danelaw.worlds.sim.explorer.search import SmallWorld

OWN: Final = ALL_FAULTS - FOREIGN


def small_world(scene: Scene, budget: int, kinds: frozenset[str] = ALL_FAULTS, longest: int = 3) -> SmallWorld:
    faults = "any faults" if kinds == ALL_FAULTS else "no foreign hands" if kinds == OWN else ", ".join(sorted(kinds))
    name = (
        f"{scene.strategy.value} {scene.roll}, {scene.tlsa}, {scene.authorities} authorities, {scene.servers} servers, "
        f"hold {scene.hold}, {budget} of {faults}"
    )
    return SmallWorld(name, scene, Faults(kinds, longest), budget)


def quick() -> Iterator[SmallWorld]:
    """Each strategy with any one fault: seconds each."""
    yield small_world(Scene(strategy=Strategy.STAGED), 1)
    yield small_world(Scene(strategy=Strategy.STANDBY), 1)
    yield small_world(Scene(roll="renewal", strategy=Strategy.PINNED), 1)


def deep() -> Iterator[SmallWorld]:
    """Minutes each."""
    yield small_world(Scene(servers=2), 1)
    yield small_world(Scene(authorities=3), 1)
    yield small_world(Scene(ttl=2, lookup=2, retention=6, in_flight=2), 1, longest=8)
    yield small_world(Scene(tlsa="3 1 1,2 1 1"), 1)
    yield small_world(Scene(strategy=Strategy.PINNED), 1)
    yield small_world(Scene(strategy=Strategy.STAGED), 2)
    yield small_world(Scene(strategy=Strategy.STANDBY), 2)
    yield small_world(Scene(servers=2), 2, OWN)
    yield small_world(Scene(authorities=3), 2, OWN)
    yield small_world(Scene(), 3, OWN)
