"""Plays a scenario in virtual time: the real runner, or the naive operator, against what the scenario lets happen."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from danelaw.core.model import Chain, ChallengeType, Instant, SubjectName
from danelaw.core.rollover.actions import Action
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.progress import Progress
from danelaw.core.tlsa import Combination
from danelaw.ports import Clock, Runner, Store
from danelaw.worlds.naive import NaiveOperator
from danelaw.worlds.sim.adversary import Event, Stage, at_once
from danelaw.worlds.sim.clock import VirtualClock
from danelaw.worlds.sim.ending import Ending, unmet
from danelaw.worlds.sim.habits import ByHand
from danelaw.worlds.sim.hazards import DeathError
from danelaw.worlds.sim.lee import EVERY, Ledger
from danelaw.worlds.sim.scenario import AnyEvent, Roll, Scenario, is_action
from danelaw.worlds.sim.world import HOST, LINEAGE, LOCAL, TLSA, TLSA_OWNER, ZONE, SimWorld

SERVICE: Final = LINEAGE.service
DEPLOYING: Final = 400
"""How many passes a first deployment may take in an untroubled world, beside its waits; at least as many seconds."""


class Company(Protocol):
    """Who plays the runner: stores, and runners of the real engine on them."""

    def store(self) -> Store: ...
    def copy(self, store: Store) -> Callable[[], Store]:
        """A backup: what puts the store back as it is now, however often."""
        ...

    def runner(self, store: Store) -> Runner: ...


Hire: TypeAlias = Callable[[SimWorld, Clock, Scenario], Company]


@dataclass(slots=True)
class HostClock:
    """The clock of the runner's host: it may be set to another time, and the world goes on all the same."""

    world: VirtualClock
    offset: timedelta = timedelta(0)

    def now(self) -> Instant:
        return self.world.now() + self.offset

    def monotonic(self) -> float:
        return self.world.monotonic()

    async def sleep_until(self, when: Instant) -> None:
        self.world.advance(when - self.offset)


def play(scenario: Scenario, hire: Hire) -> Ending:
    """The same scenario always plays the same way. Raises ``DanelawError`` where it asks for what is not there."""
    return _Play(scenario, hire).play()


@dataclass(slots=True)
class _Play:
    scenario: Scenario
    hire: Hire
    world: SimWorld = field(init=False)
    clock: HostClock = field(init=False)
    company: Company = field(init=False)
    stage: Stage = field(init=False)
    ledger: Ledger = field(init=False)
    store: Store = field(init=False)
    spare: Callable[[], Store] | None = None
    began: Instant = field(init=False)
    told: list[tuple[Instant, Progress | Event]] = field(default_factory=list)
    away: float = 0.0
    at_work: bool = False
    """A runner is, and may die. One that sleeps has nothing to lose."""
    again: bool = False
    """The runner that is at work is to be replaced by another."""
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    pending: list[AnyEvent] = field(default_factory=list)
    under_way: int = 0
    """Events that will happen or be undone at an instant that is known."""
    spent: list[float] = field(default_factory=list)
    harmed: list[tuple[Instant, Instant | None]] = field(default_factory=list)
    roll: Roll | None = None
    """That which is under way."""
    before: Chain | None = None
    """What was served when it began."""
    settled: set[SubjectName] = field(default_factory=set)

    def __post_init__(self) -> None:
        given = self.scenario.world
        self.world = SimWorld(
            ttl=given.ttl,
            clients=given.clients,
            seed=given.seed,
            lags=given.lags,
            addresses=given.addresses,
            minimum=given.negative_ttl,
        )
        self.world.ca.lifetime = timedelta(seconds=given.certificate_lifetime)
        self.world.ca.challenges = None if given.challenge == "none" else ChallengeType(given.challenge)
        crowd = self.world.crowd
        crowd.pace, crowd.most_delay, crowd.mandatory = given.pace, given.most_delay, given.deployed
        crowd.least = self.scenario.bounds.hold_floor.total_seconds()
        self.clock = HostClock(self.world.clock)
        self.world.credentials.clock = self.world.publisher.host = self.clock
        self.company = self.hire(self.world, self.clock, self.scenario)
        self.store = self.company.store()
        self.stage = Stage(self.world, self, self._naive())
        combinations = tuple(map(Combination.from_text, self.scenario.tlsa))
        every = EVERY * max(1.0, self.scenario.bounds.pass_interval.total_seconds())
        self.ledger = Ledger(self.world, combinations, every=every)
        self.ledger.look()

    # -- the course of the play ---------------------------------------------------------------------------------

    def play(self) -> Ending:
        if self.scenario.world.deployed:
            self._deploy()
        self.world.crowd.start()
        self.world.clock.advance(self.world.clock.now() + timedelta(seconds=1))
        self.began = self.world.clock.now()
        if any(type(event).__name__ == "RestoreStore" for event in self.scenario.event):
            self.spare = self.company.copy(self.store)
        self.told.clear()
        self.done.clear()
        self.ledger.began = self.began
        self.pending = [event for event in self.scenario.event if event.at is None]
        for event in self.scenario.event:
            if event.at is not None:
                self._schedule(event, event.at + event.later)
        finished = self._naively() if self.scenario.strategy == "naive" else self._rolls()
        took = (self.world.clock.now() - self.began).total_seconds() if finished else None
        rest = self.scenario.bounds.hold(self.scenario.world.ttl)
        self.world.clock.advance(self.world.clock.now() + rest)  # nobody who kept an answer is missed
        ending = Ending(
            self.scenario,
            self.began,
            took,
            tuple(self.told),
            tuple(self.world.crowd.record),
            self.ledger,
            tuple(self.spent),
            (),
            self._harmed(),
        )
        return replace(ending, unmet=tuple(unmet(ending, self.missed(), self.records())))

    def _deploy(self) -> None:
        bounds = self.scenario.bounds
        waits = 10 * bounds.assumed_past_ttl + 2 * (bounds.standby_settle + bounds.linger)
        span = DEPLOYING * max(bounds.pass_interval, timedelta(seconds=1)) + waits
        self._watch(self._at_rest, self.world.clock.now() + span)
        everywhere = 2 * self.scenario.world.ttl + max(self.scenario.world.lags, default=0.0)
        end = self.world.clock.now() + timedelta(seconds=everywhere)
        self._watch(lambda: self.world.clock.now() >= end, end + span)

    def _rolls(self) -> bool:
        deadline = self.began + timedelta(seconds=self.scenario.expect.within)
        for roll in self.scenario.rolls or (None,):
            self.roll, self.before = roll, self._serving()
            if roll is not None:
                self._start(roll)
            self.settled.clear()
            begun = self.world.clock.now()
            if not self._watch(lambda: self._rolled() and self._at_rest(), deadline):
                return False
            self.spent.append((self.world.clock.now() - begun).total_seconds())
        self.settled.clear()
        return self._watch(lambda: self._quiet() and self._at_rest(), deadline)

    def _naively(self) -> bool:
        """Each renewal in its turn, by one habit after the other; the next when the caches have forgotten the last."""
        given, clock = self.scenario, self.world.clock
        held = given.bounds.hold(given.world.ttl)
        hand = ByHand(clock, self.stage.naive, held + timedelta(seconds=max(given.world.lags, default=0.0)))
        deadline = self.began + timedelta(seconds=given.expect.within)
        for number, _ in enumerate(given.rolls):
            begun = clock.now()
            if not hand.roll(given.habits[number % len(given.habits)], lambda: clock.now() > deadline):
                return False
            self.spent.append((clock.now() - begun).total_seconds())
            clock.advance(clock.now() + held + timedelta(seconds=5))
        return True

    def _start(self, roll: Roll) -> None:
        if roll == "renewal":
            self.world.ca.suggest_renewal()
        else:
            self.request(emergency=roll == "emergency")

    def _rolled(self) -> bool:
        return self.roll is None or self._serving() != self.before

    def _say_again(self) -> None:
        """What operators said since is what another store lacks for good (docs/how-to/back-up-and-restore.md)."""
        if self.roll not in (None, "renewal") and not self._rolled():
            self._start(self.roll)

    def _serving(self) -> Chain | None:
        return self.world.servers.path.chain if self.world.servers.path else None

    def _at_rest(self) -> bool:
        return len(self.settled) == 2

    def _quiet(self) -> bool:
        under_way = self.under_way + self.world.servers.coming
        return not under_way and all(event.optional for event in self.pending)

    def _watch(self, until: Callable[[], bool], deadline: Instant) -> bool:
        """Let a runner work until the condition holds; False if that is not so in time."""
        while not until() and self.world.clock.now() < deadline:
            self.again = False
            stop = asyncio.Event()

            def report(progress: Progress, stop: asyncio.Event = stop) -> None:
                self._hear(progress)
                if self.again or until() or self.world.clock.now() >= deadline:
                    stop.set()

            self.world.hazards.begin()
            self.at_work = True
            try:
                asyncio.run(self.company.runner(self.store).watch(stop, report))
            except DeathError:
                self.settled.clear()
            finally:
                self.at_work = False
            if self.away:
                away, self.away = self.away, 0.0
                self.world.clock.advance(self.world.clock.now() + timedelta(seconds=away))
        return until()

    def _hear(self, progress: Progress) -> None:
        self.stage.remember()
        self.told.append((self.world.clock.now(), progress))
        ended = progress.ended
        if ended is None:
            if progress.acting is not None:
                self._around("before", progress.acting)
            return
        if isinstance(ended.plan, Settled):
            self.settled.add(progress.subject)
            if self.harmed and self._at_rest() and self._mended():
                self._healed()
        else:
            self.settled.discard(progress.subject)
        if isinstance(ended.plan, Wait):
            self._due([event for event in self.pending if event.waiting == ended.plan.code])
        elif not isinstance(ended.plan, Settled) and ended.outcome is not None:
            self._around("after", ended.plan)

    def _mended(self) -> bool:
        """A runner that looked just before harm was done, or took effect, finds all well just after it."""
        zone, servers = self.world.zone, self.world.servers
        if zone.unserved or servers.coming:
            return False
        there = [address for address in servers.addresses if not address.left]
        return all(self.stage.matched(one.content, there) for one in zone.authorities)

    def _healed(self) -> None:
        """Nobody is refused any more by what other hands did, once caches have forgotten it."""
        end = self.world.clock.now() + self.scenario.bounds.hold(self.scenario.world.ttl)
        self.harmed = [(since, until or end) for since, until in self.harmed]

    def _harmed(self) -> tuple[tuple[Instant, Instant], ...]:
        now = self.world.clock.now()
        return tuple((since, until or now) for since, until in self.harmed)

    def _around(self, when: str, action: Action) -> None:
        names = {name for event in self.pending if (name := getattr(event, when)) and is_action(action, name)}
        self.done.update((when, name) for name in names)
        self._due([e for e in self.pending if getattr(e, when) in names and e.nth == self.done[when, getattr(e, when)]])

    def _due(self, events: list[AnyEvent]) -> None:
        for event in events:
            self.pending.remove(event)
        for event in events:
            if event.later:
                self._schedule(event, event.later)
            else:
                self._strike(event)

    def _schedule(self, event: AnyEvent, seconds: float) -> None:
        self.under_way += 1

        def strike() -> None:
            self.under_way -= 1
            self._strike(event)

        self.world.clock.after(seconds, strike)

    def _strike(self, event: AnyEvent) -> None:
        self.stage.remember()
        self.told.append((self.world.clock.now(), event))
        self.settled.clear()
        if event.harms:
            self.harmed.append((self.world.clock.now(), None))
        undo = event.strike(self.stage)
        if undo is not None and event.lasts is not None:
            self.under_way += 1

            def end() -> None:
                self.under_way -= 1
                self.settled.clear()
                undo()

            self.world.clock.after(event.lasts, end)

    # -- adversary.Handler --------------------------------------------------------------------------------------

    def die(self) -> None:
        if self.at_work:
            self.world.hazards.dead = True
            raise DeathError

    def sleep(self, seconds: float) -> None:
        self.away, self.again = seconds, True

    def lose_store(self) -> None:
        self.store, self.again = self.company.store(), True
        self._say_again()

    def restore_store(self) -> None:
        assert self.spare is not None  # noqa: S101 - one was kept because this event is to come
        self.store, self.again = self.spare(), True
        self._say_again()

    def step_clock(self, seconds: float) -> None:
        self.clock.offset += timedelta(seconds=seconds)

    def request(self, *, emergency: bool) -> None:
        async def write() -> None:
            lease = await self.store.lease(SERVICE)
            await self.store.append(
                SERVICE, lease, Requested(self.clock.now(), LINEAGE, "the scenario's operator", emergency)
            )

        at_once(write())

    def _naive(self) -> NaiveOperator:
        world = self.world
        return NaiveOperator(
            clock=world.clock,
            credentials=world.credentials,
            issuer=world.ca,
            solver=world.solver,
            deployer=world.servers,
            publisher=world.publisher,
            lineage=LINEAGE,
            host=LOCAL,
            names=(HOST,),
            zone=ZONE,
            owner=TLSA_OWNER,
            combination=Combination.from_text(self.scenario.tlsa[0]),
            ttl=self.scenario.world.ttl,
        )

    def records(self) -> int:
        """How many TLSA records the primary serves."""
        found = self.world.zone.authorities[0].content.led_to(TLSA_OWNER, TLSA)
        return len(found.rdatas) if found else 0

    def missed(self) -> list[str]:
        """Events that never came, though they should have."""
        return [f"'{_when(e)}' never came, and so not '{_what(e)}'" for e in self.pending if not e.optional]


def _when(event: Event) -> str:
    return next(f"{key} {getattr(event, key)}" for key in ("before", "after", "waiting") if getattr(event, key))


def _what(event: Event) -> str:
    return str(event.__struct_config__.tag)
