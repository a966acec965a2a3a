"""A signed zone in virtual time, watched by validators, whose keys are rolled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from virtual import LAB_LIMITS, ZONE_SUBJECT, Runner, toolbox

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.engine import Engine, Gate
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.rollover.facts import RequestedZoneRoll
from danelaw.core.rollover.gate import judge
from danelaw.core.rollover.planner import DesiredZone, Settled
from danelaw.core.rollover.reach import Reach
from danelaw.ports import Store
from danelaw.worlds.sim.validators import Validators
from danelaw.worlds.sim.world import HOST, PARENT, ZONE, SimWorld
from danelaw.worlds.sim.zone import SignedInternet

P256, P384 = Algorithm.ECDSAP256SHA256, Algorithm.ECDSAP384SHA384
KINDS = ("zsk", "ksk", "csk", "algorithm", "csk algorithm")


def same(tools: Toolbox) -> Toolbox:
    return tools


@dataclass
class Rolling:
    """A zone with its DS in place, whose keys are to be rolled: which, and how, says ``kind``."""

    kind: str
    lag: float = 2.0
    seed: int = 0
    gate: Gate = judge
    world: SimWorld = field(init=False)
    validators: Validators = field(init=False)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.world = SimWorld(lag=self.lag, clients=0, seed=self.seed)
        self.store = MemoryStore(LAB_LIMITS.max_gap)
        internet = SignedInternet(self.world.zone, self.world.parent)
        self.validators = Validators(self.world.clock, internet, ZONE, HOST, 1, size=12, seed=self.seed)
        if self.kind.startswith("csk"):
            asyncio.run(self.world.publisher.make_key(ZONE, True, P256))
        runner = self._hire(None, same)
        self.validators.start()
        runner.settle()
        runner.run_for(6)
        self.before = self.world.zone.source.dnskeys

    def begin(self, wrap: Callable[[Toolbox], Toolbox] = same) -> Runner:
        """What is asked for, and a runner that is to do it."""
        if self.kind.endswith("algorithm"):
            return self._hire(P384, wrap)
        self.world.clock.tick(1)
        role = KeyRole.ZSK if self.kind == "zsk" else KeyRole.KSK
        asked = RequestedZoneRoll(self.world.clock.now(), ZONE, role, "operator")

        async def put() -> None:
            await self.store.append(ZONE_SUBJECT, await self.store.lease(ZONE_SUBJECT), asked)

        asyncio.run(put())
        return self._hire(None, wrap)

    def again(self, wrap: Callable[[Toolbox], Toolbox] = same) -> Runner:
        """Another runner, on the same store, that knows of nothing else."""
        return self._hire(P384 if self.kind.endswith("algorithm") else None, wrap)

    def _hire(self, algorithm: int | None, wrap: Callable[[Toolbox], Toolbox]) -> Runner:
        zone = DesiredZone(ZONE_SUBJECT, ZONE, PARENT, ds_ttl=1, algorithm=algorithm)
        tools = wrap(toolbox(self.world, self.store))
        return Runner(self.world, Engine(tools, Subjects({ZONE_SUBJECT: zone}, Reach()), LAB_LIMITS, self.gate))

    @property
    def rolled(self) -> int:
        """How many keys the roll replaces."""
        return 2 if self.kind == "algorithm" else 1

    def finish(self, runner: Runner, seconds: float = 300) -> None:
        """Until the old keys are destroyed and nothing is left to do, and for a while after."""

        def done() -> bool:
            ended = next((p.ended for p in reversed(runner.told) if p.ended is not None), None)
            gone = len(self.world.zone.destroyed) >= self.rolled
            return gone and ended is not None and isinstance(ended.plan, Settled)

        runner.run(done, seconds)
        runner.run_for(10)

    def replaced(self) -> bool:
        """Whether the new keys, and they alone, do what the old ones did."""
        source = self.world.zone.source
        new = len(source.dnskeys - self.before), len(self.before - source.dnskeys)
        return new == (self.rolled, self.rolled) and source.signing == source.dnskeys

    def reasons(self) -> set[str]:
        """Why validators found the zone bogus."""
        return {validation.reason for validation in self.validators.bogus()}
