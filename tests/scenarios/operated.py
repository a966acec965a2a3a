"""A service with an operator who speaks: waives, accepts, adopts, withdraws; watched by the crowd all along."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from strategic import HASTE
from virtual import SERVICE, ZONE_SUBJECT, Runner, engine, toolbox

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects
from danelaw.core.model import IP, Chain, Limits, RRset
from danelaw.core.rollover.planner import DesiredService
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.succession import Strategy
from danelaw.core.rollover.words import Accepted, Adopted, Disowned, RequestedRemoval, Waived, Word
from danelaw.core.tlsa import Combination, associate
from danelaw.worlds.sim.service import issue
from danelaw.worlds.sim.world import HOST, LINEAGE, TLSA, TLSA_OWNER, ZONE, SimWorld

LONG = 100_000


class Operated(Runner):
    """A runner whose store outlives its configuration. ``enrolled``: what the configuration says from the beginning."""

    def __init__(
        self,
        world: SimWorld,
        strategy: Strategy = Strategy.STAGED,
        limits: Limits = HASTE,
        reach: Reach | None = None,
        tlsa: str = "3 1 1",
    ) -> None:
        self.store = MemoryStore(limits.max_gap)
        self.reached = reach or world.reach()
        first = engine(world, self.store, strategy=strategy, limits=limits, tlsa=tlsa)
        super().__init__(world, first)
        self.configure()

    def configure(self, **changes: Any) -> None:
        """The operator edits the service's configuration; the daemon starts again."""
        desired = dict(self.engine.subjects)
        service = desired[SERVICE]
        assert isinstance(service, DesiredService)
        desired[SERVICE] = replace(service, **changes)
        self.engine = Engine(toolbox(self.world, self.store), Subjects(desired, self.reached), self.engine.limits)

    # -- what the operator says ---------------------------------------------------------------------------------

    def say(self, word: Word) -> None:
        subject = ZONE_SUBJECT if isinstance(word, Waived) and word.subject == ZONE_SUBJECT else SERVICE

        async def write() -> None:
            await self.store.append(subject, await self.store.lease(subject), word)

        asyncio.run(write())

    def waive(self, address: IP, seconds: float = LONG, *, authority: bool = False) -> None:
        now = self.world.clock.now()
        self.say(Waived(now, ZONE_SUBJECT if authority else SERVICE, address, now + timedelta(seconds=seconds), "eva"))

    def accept(self, *codes: str, seconds: float = LONG) -> None:
        now = self.world.clock.now()
        self.say(Accepted(now, SERVICE, frozenset(codes), now + timedelta(seconds=seconds), "eva"))

    def adopt(self, records: Iterable[bytes]) -> None:
        self.say(Adopted(self.world.clock.now(), LINEAGE, frozenset(records), "eva"))

    def disown(self, records: Iterable[bytes]) -> None:
        self.say(Disowned(self.world.clock.now(), LINEAGE, frozenset(records), "eva"))

    def remove(self, records: Iterable[bytes]) -> None:
        self.say(RequestedRemoval(self.world.clock.now(), LINEAGE, frozenset(records), "eva"))


def foreign_chain(world: SimWorld, number: int = 5001) -> Chain:
    return issue(number, (HOST,), world.clock.now(), timedelta(days=90))


def records_of(chain: Chain, *combinations: str) -> frozenset[bytes]:
    return frozenset(associate(Combination.from_text(text), chain).to_rdata() for text in combinations)


def run_by_others(combinations: Iterable[str], extra: Iterable[bytes] = ()) -> tuple[SimWorld, Chain, frozenset[bytes]]:
    """A zone that is signed and delegated, and a service that others have run for long: its chain, its records."""
    world = SimWorld(lag=1.0)
    before = Runner(world, _zone_alone(world))
    before.run(lambda: bool(world.parent.source.rrsets) and _settled(before), 300)
    chain = foreign_chain(world)
    for address in world.servers.addresses:
        address.chain = chain
    records = records_of(chain, *combinations) | frozenset(extra)
    if records:
        world.zone.write(TLSA_OWNER, TLSA, RRset(TLSA_OWNER, TLSA, world.ttl, records))
    world.clock.advance(world.clock.now() + timedelta(seconds=30))
    world.crowd.start()
    world.clock.advance(world.clock.now() + timedelta(seconds=10))
    return world, chain, records


def _zone_alone(world: SimWorld) -> Engine:
    whole = engine(world)
    desired = {subject: d for subject, d in whole.subjects.items() if subject == ZONE_SUBJECT}
    return Engine(toolbox(world, MemoryStore(whole.limits.max_gap)), Subjects(desired, world.reach()), whole.limits)


def _settled(runner: Runner) -> bool:
    last = runner.passes[-1].plan if runner.passes else None
    return type(last).__name__ == "Settled"


__all__ = ["LONG", "ZONE", "Operated", "foreign_chain", "records_of", "run_by_others"]
