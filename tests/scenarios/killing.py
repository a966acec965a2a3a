"""A runner that is killed: ports and a store that end it, before or after what they were asked to do."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, TypeVar

from virtual import LAB_LIMITS, Runner, engine

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.toolbox import Toolbox
from danelaw.core.model import ChallengeType, SubjectName
from danelaw.core.rollover.facts import Done, Fact
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.leads import Overview
from danelaw.ports import Lease, Store
from danelaw.worlds.sim.world import SimWorld

T = TypeVar("T")

DEEDS: Final = (
    "make_keys", "sign", "publish", "submit_ds", "make_key", "reuse_key", "complete", "destroy", "destroy_key",
    "advance", "switch", "place", "clear",
)  # fmt: skip
"""The calls of ports that change something."""


HASTE: Final = replace(
    LAB_LIMITS,
    lookup_delay=timedelta(seconds=0.5),
    assumed_past_ttl=timedelta(seconds=1),
    in_flight=timedelta(seconds=1),
    linger=timedelta(seconds=0.5),
    renewal_check=timedelta(seconds=0.5),
)
"""Shorter waits, for many lives: clients of such a world take less than half a second to look up."""


class Killed(BaseException):
    """The process has ended."""


class Assassin:
    """Kills at the ``number``-th deed, counted from 1: every deed has an instant before and one after its effect.

    After that it lets go. ``deeds`` are what was seen.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.deeds: list[str] = []

    def strikes(self, deed: str) -> None:
        self.deeds.append(deed)
        if len(self.deeds) == self.number:
            raise Killed(deed)

    def wrap(self, tools: Toolbox) -> Toolbox:
        def all_of(ports: Mapping[T, Any]) -> dict[T, Any]:
            return {key: _Watched(port, self) for key, port in ports.items()}

        return replace(
            tools,
            store=_WatchedStore(tools.store, self),
            zones=all_of(tools.zones),
            publishers=all_of(tools.publishers),
            parents=all_of(tools.parents),
            credentials=all_of(tools.credentials),
            deployers=all_of(tools.deployers),
            issuers=all_of(tools.issuers),
            solvers=all_of(tools.solvers),
        )


class _Watched:
    """A port whose deeds are watched."""

    def __init__(self, port: Any, assassin: Assassin) -> None:
        self._port = port
        self._assassin = assassin

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name not in DEEDS or not inspect.iscoroutinefunction(method):
            return method

        async def watched(*args: Any) -> Any:
            self._assassin.strikes(f"before {name}")
            result = await method(*args)
            self._assassin.strikes(f"after {name}")
            return result

        return watched


class _WatchedStore:
    """A store after whose records of outcomes a runner may die.

    Dying after an intent is dying before the effect, and dying before an outcome is dying after the effect: no two
    instants are the same. What was merely observed is no deed: to lose it is to have looked later.
    """

    def __init__(self, store: Store, assassin: Assassin) -> None:
        self._store = store
        self._assassin = assassin

    async def lease(self, subject: SubjectName) -> Lease:
        return await self._store.lease(subject)

    async def append(self, subject: SubjectName, lease: Lease, *facts: Fact) -> None:
        await self._store.append(subject, lease, *facts)
        for fact in facts:
            if isinstance(fact, Done):
                self._assassin.strikes(f"after append {type(fact.action).__name__}")

    async def facts(self, *subjects: SubjectName) -> Facts:
        return await self._store.facts(*subjects)

    async def overview(self) -> Overview:
        return await self._store.overview()


@dataclass(frozen=True, slots=True)
class Death:
    """``lost``: the store dies with the runner. ``away``: seconds until the next runner starts."""

    lost: bool = False
    away: float = 0.0


def life(world: SimWorld, assassin: Assassin, death: Death, challenge: ChallengeType) -> Runner:
    """A first deployment and one staged roll, with a new runner after the death; the last runner."""
    store = MemoryStore(HASTE.max_gap)
    while True:
        runner = Runner(world, engine(world, store, limits=HASTE, challenge=challenge, wrap=assassin.wrap))
        try:
            runner.settle()
            if len(world.credentials.generations) == 1:
                runner.renew()
        except Killed:
            world.clock.advance(world.clock.now() + timedelta(seconds=death.away))
            store = MemoryStore(HASTE.max_gap) if death.lost else store
        else:
            return runner


@lru_cache
def deeds_of_a_life(challenge: ChallengeType) -> tuple[str, ...]:
    """Every instant at which a runner can be killed, by what it does."""
    world, assassin = SimWorld(lag=1.0, ttl=1, clients=0), Assassin(0)
    world.ca.challenges = challenge
    life(world, assassin, Death(), challenge)
    return tuple(assassin.deeds)
