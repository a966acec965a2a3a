"""A service of one strategy, in virtual time, and its operator."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from virtual import LAB_LIMITS, SERVICE, Runner, engine

from danelaw.adapters.store.memory import MemoryStore
from danelaw.core.model import CredentialFacts, Limits
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination, from_spki
from danelaw.worlds.sim.world import LINEAGE, SimWorld

HASTE = replace(LAB_LIMITS, standby_settle=timedelta(seconds=20), key_lifetime=timedelta(days=3650))
SPKI = Combination(3, 1, 1)


class Living(Runner):
    """A runner of one strategy, watched by the crowd, and its store."""

    def __init__(self, strategy: Strategy, limits: Limits = HASTE, lifetime: timedelta = timedelta(days=90)) -> None:
        world = SimWorld(lag=1.0)
        world.ca.lifetime = lifetime
        world.crowd.start()
        self.store = MemoryStore(limits.max_gap)
        super().__init__(world, engine(world, self.store, strategy=strategy, limits=limits))
        self.settle()

    def ask(self, *, emergency: bool = False) -> None:
        """The operator wants another key."""

        async def write() -> None:
            lease = await self.store.lease(SERVICE)
            now = self.world.clock.now()
            await self.store.append(SERVICE, lease, Requested(now, LINEAGE, "the operator", emergency))

        asyncio.run(write())

    @property
    def serving(self) -> CredentialFacts:
        path = self.world.servers.path
        assert path is not None
        return self.world.credentials.generations[path.generation]


def record(generation: CredentialFacts) -> bytes:
    return from_spki(SPKI, generation.spki).to_rdata()
