"""The engine in virtual time: what every scenario starts from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

import pytest
from dns.name import Name

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.engine import Engine, Gate
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.model import ChallengeType, Instant, Limits, RRset, SubjectName
from danelaw.core.rollover import plans
from danelaw.core.rollover.actions import Action
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, Judgement, judge
from danelaw.core.rollover.planner import DesiredService, DesiredZone, Settled, Wait
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination
from danelaw.ports import Store
from danelaw.worlds.sim.world import HOST, LINEAGE, LOCAL, PARENT, TLSA, TLSA_OWNER, ZONE, SimWorld

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
    clock_step=timedelta(milliseconds=20),
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
        solvers={LINEAGE: world.solver},
    )


def engine(
    world: SimWorld,
    store: Store | None = None,
    gate: Gate = judge,
    tlsa: str = "3 1 1",
    limits: Limits = LAB_LIMITS,
    challenge: ChallengeType = ChallengeType.HTTP_01,
    parent: Name | None = PARENT,
    strategy: Strategy = Strategy.STAGED,
    wrap: Callable[[Toolbox], Toolbox] = lambda tools: tools,
) -> Engine:
    """A runner of the real engine on this world. Without a ``store`` it remembers nothing. ``wrap``: the ports."""
    zone = DesiredZone(ZONE_SUBJECT, ZONE, parent, ds_ttl=1)
    combinations = tuple(Combination.from_text(text) for text in tlsa.split(","))
    service = DesiredService(SERVICE, (LINEAGE,), ZONE, (HOST,), combinations, world.ttl, (LOCAL,), challenge)
    service = replace(service, strategy=strategy)
    tools = wrap(toolbox(world, store or MemoryStore(limits.max_gap)))
    return Engine(tools, Subjects({ZONE_SUBJECT: zone, SERVICE: service}, world.reach()), limits, gate)


class Runner:
    """Runs an engine until something holds, and keeps what it reported."""

    def __init__(self, world: SimWorld, under: Engine) -> None:
        self.world = world
        self.engine = under
        self.told: list[Progress] = []
        self._hooks: list[tuple[type[Action], Callable[[], None]]] = []

    @property
    def passes(self) -> list[Pass]:
        return [p.ended for p in self.told if p.ended is not None]

    @property
    def actions(self) -> list[str]:
        return [type(p.acting).__name__ for p in self.told if p.acting is not None]

    def latest(self, subject: SubjectName = SERVICE) -> Pass:
        """The latest pass over a subject."""
        return next(p for p in reversed(self.passes) if p.subject == subject)

    @property
    def waits(self) -> list[str]:
        """The codes of what the service waited for, in order, each once where it lasted."""
        codes = [p.plan.code for p in self.passes if p.subject == SERVICE and isinstance(p.plan, Wait)]
        return [code for code, _ in groupby(codes)]

    def before(self, action: type[Action], event: Callable[[], None]) -> None:
        """Let something happen right before the next action of a kind."""
        self._hooks.append((action, event))

    def run(self, until: Callable[[], bool], seconds: float = 120) -> None:
        """Watch until the condition holds; fail if it does not within so much virtual time."""
        deadline = self.world.clock.now() + timedelta(seconds=seconds)
        stop = asyncio.Event()

        def report(progress: Progress) -> None:
            self.told.append(progress)
            for hook in [h for h in self._hooks if isinstance(progress.acting, h[0])]:
                self._hooks.remove(hook)
                hook[1]()
            if until() or self.world.clock.now() >= deadline:
                stop.set()

        asyncio.run(self.engine.watch(stop, report))
        if not until():
            last = {p.subject: p.plan for p in self.passes}
            raise AssertionError(f"not within {seconds} s of virtual time; last: {last}")

    def run_for(self, seconds: float) -> None:
        """Watch for so much virtual time."""
        end = self.world.clock.now() + timedelta(seconds=seconds)
        self.run(lambda: self.world.clock.now() >= end, seconds + 60)

    def run_until_waiting(self, code: str) -> Wait:
        """Watch until the service waits for ``code``."""
        found: list[Wait] = []

        def waiting() -> bool:
            ended = self.told[-1].ended
            if (
                ended is not None
                and isinstance(ended.plan, Wait)
                and (ended.subject, ended.plan.code) == (SERVICE, code)
            ):
                found.append(ended.plan)
            return bool(found)

        self.run(waiting)
        return found[0]

    def settle(self, seconds: float = 120) -> None:
        """Until both subjects have been found settled in their latest pass."""
        begun = len(self.told)

        def settled() -> bool:
            latest = {p.ended.subject: p.ended.plan for p in self.told[begun:] if p.ended is not None}
            return len(latest) == len(self.engine.subjects) and all(isinstance(p, Settled) for p in latest.values())

        self.run(settled, seconds)

    def renew(self, seconds: float = 120) -> None:
        """The CA wants a renewal; until that is over and all is settled."""
        self.start_renewal()
        self.settle(seconds)

    def start_renewal(self) -> None:
        """The CA wants a renewal; until its key is about to be made."""
        before = self.actions.count("MakeKey")
        self.world.ca.suggest_renewal()
        self.run(lambda: self.actions.count("MakeKey") > before)

    def facts(self) -> Facts:
        return asyncio.run(self.engine.facts())

    def judge(self, action: Action) -> Judgement:
        """What the real gate says to an action, now, on what this runner knows."""
        return judge(action, self.facts(), self.world.reach(), self.world.clock.now(), self.engine.limits)


def settled_world(
    lag: float = 2.0, seed: int = 0, ttl: int = 2, tlsa: str = "3 1 1", most_delay: float = 0.5
) -> tuple[SimWorld, Runner]:
    """Signed, delegated, certified and published everywhere, watched by the crowd since before.

    ``most_delay``: how long its clients may take between look-up and handshake.
    """
    world = SimWorld(lag=lag, seed=seed, ttl=ttl)
    world.crowd.most_delay = most_delay
    world.crowd.start()
    runner = Runner(world, engine(world, tlsa=tlsa))
    runner.settle()
    runner.run(lambda: all(served_tlsa(world, i) for i, _ in enumerate(world.zone.authorities)))
    runner.run_for(2 * ttl)
    return world, runner


def served_rrset(world: SimWorld, server: int = 0) -> RRset | None:
    """The TLSA RRset at one authority; the first is the primary."""
    return world.zone.authorities[server].content.rrsets.get((TLSA_OWNER, TLSA))


def served_tlsa(world: SimWorld, server: int = 0) -> frozenset[bytes]:
    found = served_rrset(world, server)
    return found.rdatas if found else frozenset()


def reasons(world: SimWorld) -> set[str]:
    """Why clients were refused."""
    return {connection.reason for connection in world.crowd.refused()}


def allowing(*kinds: type[Action]) -> Gate:
    """A gate that lets some kinds of action through unseen, and asks the real one about all others."""

    def gate(action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
        return Allowed() if isinstance(action, kinds) else judge(action, facts, reach, now, limits)

    return gate


def corrupt(world: SimWorld, monkeypatch: pytest.MonkeyPatch, *kinds: type[Action]) -> Runner:
    """A runner whose gate lets these kinds of action through, and whose planner believes it."""
    gate = allowing(*kinds)
    monkeypatch.setattr(plans, "judge", gate)
    return Runner(world, engine(world, gate=gate))
