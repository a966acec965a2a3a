"""The small worlds that are explored: a few in every test run, all of them in ``make prove``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from danelaw.core.rollover.succession import Strategy
from danelaw.worlds.sim.explorer.faults import (
    ALL_FAULTS,
    ASKED_AGAIN,
    DELAY,
    DELAYED_SWITCH,
    FAILING_PROBES,
    FOREIGN,
    FOREIGN_EDIT,
    FOREIGN_RENEWAL,
    FOREIGN_RESTART,
    IDLE,
    LAG,
    LOST_REPLY,
    LOST_STORE,
    OLD_STORE,
    RESTORE,
    RETARGET,
    SILENCE,
    SLEEP,
    Faults,
)
from danelaw.worlds.sim.explorer.scene import Scene
from danelaw.worlds.sim.explorer.search import SmallWorld

OF_AUTHORITIES: Final = frozenset({LAG, SILENCE, RESTORE, LOST_REPLY, DELAY})
OF_STORES: Final = frozenset({SLEEP, LOST_STORE, OLD_STORE, ASKED_AGAIN, FOREIGN_EDIT})
OF_SERVERS: Final = frozenset({IDLE, DELAYED_SWITCH, FAILING_PROBES, FOREIGN_RENEWAL, FOREIGN_RESTART})
NAMES: Final = {
    ALL_FAULTS: "any faults",
    ALL_FAULTS - FOREIGN: "no foreign hands",
    OF_AUTHORITIES: "authorities' faults",
    OF_STORES: "stores' faults",
    OF_SERVERS: "servers' faults",
}

TIGHT: Final = Scene(retention=2, lookup=0)
"""A world that forgets soon, so that more may befall it."""


def small_world(scene: Scene, budget: int, kinds: frozenset[str] = ALL_FAULTS, longest: int = 3) -> SmallWorld:
    faults = f"{budget} of {NAMES.get(kinds) or ', '.join(sorted(kinds))}" if budget else "no faults"
    others = f"gap {scene.gap}, " * (scene.gap > 1) + "a server elsewhere, " * scene.elsewhere
    name = (
        f"{scene.strategy.value} {scene.roll}, {scene.tlsa}, {scene.authorities} authorities, {scene.servers} servers, "
        f"{others}hold {scene.hold}, retention {scene.retention}, {faults}"
    )
    return SmallWorld(name, scene, Faults(kinds, longest), budget)


def quick() -> Iterator[SmallWorld]:
    """Each strategy with any one fault: seconds each."""
    yield small_world(Scene(strategy=Strategy.STAGED), 1)
    yield small_world(Scene(strategy=Strategy.STANDBY), 1)
    yield small_world(Scene(roll="renewal", strategy=Strategy.PINNED), 1)
    yield small_world(Scene(elsewhere=True), 1, frozenset({RETARGET}))


def deep() -> Iterator[SmallWorld]:
    """Those of one fault take seconds each; those of more may not come to an end in the time that they have."""
    yield small_world(Scene(servers=2), 1)
    yield small_world(Scene(authorities=3), 1)
    yield small_world(Scene(ttl=2, lookup=2, retention=6, in_flight=2), 1, longest=8)
    yield small_world(Scene(tlsa="3 1 1,2 1 1"), 1)
    yield small_world(Scene(strategy=Strategy.PINNED), 1)
    yield small_world(Scene(gap=3), 1)
    yield small_world(Scene(elsewhere=True), 1)
    yield small_world(TIGHT, 2, frozenset({LOST_REPLY, DELAY, LAG}))
    yield small_world(TIGHT, 2, frozenset({IDLE, DELAYED_SWITCH, FAILING_PROBES}))
    yield small_world(TIGHT, 2, frozenset({LAG, SILENCE}))
    yield small_world(TIGHT, 2, OF_SERVERS)
    yield small_world(TIGHT, 2)
    yield small_world(replace(TIGHT, strategy=Strategy.STANDBY), 2)
    yield small_world(Scene(), 2, OF_AUTHORITIES)
    yield small_world(Scene(), 2, OF_STORES)
    yield small_world(Scene(), 2, OF_SERVERS)
    yield small_world(replace(TIGHT, servers=2), 2, OF_SERVERS)
    yield small_world(replace(TIGHT, authorities=3), 2, OF_AUTHORITIES)
    yield small_world(replace(TIGHT, elsewhere=True), 2, OF_SERVERS | {RETARGET})
    yield small_world(TIGHT, 5, frozenset({FAILING_PROBES, DELAYED_SWITCH}))
