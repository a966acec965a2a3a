"""The engine in virtual time: what every scenario starts from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import dns.name

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.engine import Engine, Gate
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.model import ChallengeType, Limits, SubjectName
from danelaw.core.rollover.gate import judge
from danelaw.core.rollover.planner import DesiredService, DesiredZone, Settled
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.core.tlsa import Combination
from danelaw.ports import Store
from danelaw.worlds.sim.world import HOST, LINEAGE, LOCAL, PARENT, ZONE, SimWorld

ZONE_SUBJECT = SubjectName(ZONE.to_text())
SERVICE = LINEAGE.service

LAB_LIMITS = Limits(
    pass_interval=timedelta(seconds=0.5),
    hold_floor=timedelta(seconds=1),
    lookup_delay=timedelta(seconds=1),
    assumed_past_ttl=timedelta(seconds=2),
    retention=timedelta(seconds=120),
    in_flight=timedelta(seconds=2),
    linger=timedelta(seconds=1),
    renewal_check=timedelta(seconds=1),
)


def toolbox(world: SimWorld, store: Store) -> Toolbox:
    """The ports of this world."""
    return Toolbox(
        clock=world.clock,
        store=store,
        resolver=world.dns,
        authorities=world.dns,
        prober=world.servers,
        zones={ZONE: world.publisher},
        publishers={ZONE: world.publisher},
        parents={ZONE: world.registry},
        credentials={LINEAGE: world.credentials},
        deployers={(LINEAGE, LOCAL): world.servers},
        issuers={LINEAGE: world.ca},
    )


def engine(
    world: SimWorld,
    store: Store | None = None,
    gate: Gate = judge,
    tlsa: str = "3 1 1",
    limits: Limits = LAB_LIMITS,
) -> Engine:
    """A runner of the real engine on this world. A new store: it remembers nothing."""
    zone = DesiredZone(ZONE_SUBJECT, ZONE, PARENT, ds_ttl=1)
    combinations = tuple(Combination.from_text(text) for text in tlsa.split(","))
    service = DesiredService(SERVICE, LINEAGE, ZONE, (HOST,), combinations, world.ttl, LOCAL, ChallengeType.HTTP_01)
    tools = toolbox(world, store or MemoryStore(limits.max_gap))
    return Engine(tools, Subjects({ZONE_SUBJECT: zone, SERVICE: service}, world.reach()), limits, gate)


class Runner:
    """Runs an engine until something holds, and keeps what it reported."""

    def __init__(self, world: SimWorld, under: Engine) -> None:
        self.world = world
        self.engine = under
        self.told: list[Progress] = []

    @property
    def passes(self) -> list[Pass]:
        return [p.ended for p in self.told if p.ended is not None]

    @property
    def actions(self) -> list[str]:
        return [type(p.acting).__name__ for p in self.told if p.acting is not None]

    def run(self, until: Callable[[], bool], seconds: float = 120) -> None:
        """Watch until the condition holds; fail if it does not within so much virtual time."""
        deadline = self.world.clock.now() + timedelta(seconds=seconds)
        stop = asyncio.Event()

        def report(progress: Progress) -> None:
            self.told.append(progress)
            if until() or self.world.clock.now() >= deadline:
                stop.set()

        asyncio.run(self.engine.watch(stop, report))
        if not until():
            last = {p.subject: p.plan for p in self.passes}
            raise AssertionError(f"not within {seconds} s of virtual time; last: {last}")

    def settle(self, seconds: float = 120) -> None:
        """Until both subjects have been found settled in their latest pass."""
        begun = len(self.told)

        def settled() -> bool:
            latest = {p.ended.subject: p.ended.plan for p in self.told[begun:] if p.ended is not None}
            return len(latest) == len(self.engine.subjects) and all(isinstance(p, Settled) for p in latest.values())

        self.run(settled, seconds)


def served_tlsa(world: SimWorld) -> frozenset[bytes]:
    owner = dns.name.from_text("_443._tcp.www.dotnxdomain.net.")
    found = world.zone.authorities[0].content.rrsets.get((owner, 52))
    return found.rdatas if found else frozenset()
