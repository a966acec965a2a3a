"""The clock of the runner's host is set, forward and back, at every stage of a roll; and nobody is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from virtual import LAB_LIMITS, SERVICE, Runner, engine, reasons, served_tlsa

from danelaw.adapters.store import MemoryStore
from danelaw.app.engine import Gate
from danelaw.core.model import Instant, Limits, SubjectName
from danelaw.core.rollover import clock
from danelaw.core.rollover.actions import Action, MakeKey, Publish, ReuseKey, Switch
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Judgement, judge
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.succession import Strategy
from danelaw.worlds.sim.adversary import by_hand
from danelaw.worlds.sim.clock import VirtualClock
from danelaw.worlds.sim.world import SimWorld

pytestmark = pytest.mark.slow

HOUR, DAY = 3600.0, 86400.0
LIMITS: Final = replace(LAB_LIMITS, gap_passes=6)
WITHIN_A_GAP: Final = 2.2
"""With what a pass takes, sights before it and after it are not further apart than they vouch for."""
STEPS: Final = (WITHIN_A_GAP, HOUR / 2, -WITHIN_A_GAP, -HOUR / 2)
"""So far a clock may be off; signatures begin an hour before they are made."""


@dataclass
class HostClock:
    """What a host takes for the time. ``booted``: how long the world had been there when it was started."""

    world: VirtualClock
    offset: timedelta = timedelta(0)
    booted: float = 0.0

    def now(self) -> datetime:
        return self.world.now() + self.offset

    def monotonic(self) -> float:
        return self.world.monotonic() - self.booted

    async def sleep_until(self, when: datetime) -> None:
        self.world.advance(when - self.offset)


@dataclass
class Host:
    """A settled world, and a runner whose host has a clock of its own. ``dated``: whether its CA tells the time."""

    dated: bool = False
    strategy: Strategy = Strategy.STAGED
    gate: Gate = judge
    clients: int = 20
    store: MemoryStore = field(default_factory=lambda: MemoryStore(LIMITS.max_gap, LIMITS))
    world: SimWorld = field(init=False)
    clock: HostClock = field(init=False)
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        self.world = SimWorld(lag=2.0, ttl=1, clients=self.clients)
        self.world.ca.dated = self.dated
        self.world.crowd.most_delay = 0.95
        self.world.crowd.start()
        self.clock = HostClock(self.world.clock)
        self.start("the first")
        self.runner.settle()
        self.runner.run(lambda: all(served_tlsa(self.world, i) for i in range(2)))
        self.runner.run_for(4)

    def start(self, boot: str) -> None:
        """A runner on the store of the one before."""
        self.runner = Runner(
            self.world,
            engine(
                self.world,
                self.store,
                gate=self.gate,
                limits=LIMITS,
                strategy=self.strategy,
                wrap=lambda tools: replace(tools, clock=self.clock, boot=boot),
            ),
        )

    def set_by(self, seconds: float) -> None:
        self.clock.offset += timedelta(seconds=seconds)

    def roll_until(self, action: type[Action]) -> None:
        """A renewal, until this is about to be done."""
        self.world.ca.suggest_renewal()
        self.until_next(action)

    def until_next(self, action: type[Action]) -> None:
        before = self.runner.actions.count(action.__name__)
        self.runner.run(lambda: self.runner.actions.count(action.__name__) > before)

    def ends_well(self, seconds: float = 120) -> None:
        self.runner.settle(seconds)
        self.world.clock.advance(self.world.clock.now() + timedelta(seconds=10))
        assert reasons(self.world) == set()
        assert len(served_tlsa(self.world)) == 1


def acted(runner: Runner, begun: int) -> set[str]:
    return {type(p.acting).__name__ for p in runner.told[begun:] if p.acting is not None}


# -- at every stage of a roll ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", STEPS)
@pytest.mark.parametrize("stage", ["settling", "switched", "withdrawn"])
def test_a_clock_that_is_set_during_a_roll_refuses_nobody(stage: str, seconds: float) -> None:
    host = Host(clients=60)
    host.roll_until(Publish)
    if stage == "settling":
        host.runner.run_for(2.5)  # every authority serves the union, and caches do not
    else:
        host.until_next(Switch)
    if stage == "withdrawn":
        host.until_next(Publish)
    host.set_by(seconds)
    host.ends_well()


def test_without_the_comparison_of_clocks_clients_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would prove nothing."""
    monkeypatch.setattr(clock, "compared", lambda *_: None)
    host = Host(clients=60)
    host.roll_until(Publish)
    host.runner.run_for(2.5)
    host.set_by(WITHIN_A_GAP)
    host.runner.settle()
    assert reasons(host.world) == {"TLSA_MISMATCH"}


@pytest.mark.parametrize("seconds", [0.0, WITHIN_A_GAP, -WITHIN_A_GAP, -HOUR / 2])
def test_a_step_that_no_sight_can_have_missed_makes_no_roll_last_longer(seconds: float) -> None:
    host = Host()
    begun = host.world.clock.now()
    host.roll_until(Publish)
    host.runner.run_for(2.5)
    host.set_by(seconds)
    host.ends_well()
    assert host.world.clock.now() - begun < timedelta(seconds=40)


@pytest.mark.parametrize("seconds", STEPS)
def test_a_step_between_what_the_gate_saw_and_the_act_lets_nothing_be_done(seconds: float) -> None:
    hosts: list[Host] = []

    def gate(action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
        if isinstance(action, Switch) and hosts:
            hosts.pop().set_by(seconds)
        return judge(action, facts, reach, now, limits)

    host = Host(gate=gate)
    host.roll_until(Publish)
    hosts.append(host)
    wait = host.runner.run_until_waiting("CLOCK_STEPPED")
    assert wait.until is None
    assert host.runner.actions[-1] != "Switch"
    host.ends_well()


def test_a_step_while_an_action_is_under_way_is_told_before_its_outcome() -> None:
    host = Host()
    host.runner.before(Switch, lambda: host.set_by(-HOUR / 2))
    host.roll_until(Switch)
    host.runner.run_for(1)
    deed = next(d for d in reversed(host.runner.facts().deeds) if isinstance(d.action, Switch))
    assert deed.done is not None
    assert deed.intended <= deed.done <= host.clock.now()
    host.ends_well()


def test_renewals_wait_no_longer_than_a_clock_was_set_back() -> None:
    host = Host(strategy=Strategy.PINNED)
    begun = host.world.clock.now()
    host.set_by(-60)
    host.world.ca.suggest_renewal()  # from now on, by its own clock
    host.until_next(ReuseKey)
    host.ends_well()
    assert host.world.clock.now() - begun < timedelta(seconds=60 + 30)


# -- by the CA's clock -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [Publish, Switch])
@pytest.mark.parametrize("seconds", [30 * DAY, -5 * HOUR])
def test_a_roll_goes_on_when_a_clock_that_was_days_or_hours_wrong_is_put_right(
    stage: type[Action], seconds: float
) -> None:
    host = Host(dated=True)
    host.roll_until(stage)
    host.runner.run_for(2.5)
    host.set_by(seconds)
    host.runner.run_until_waiting("CLOCK_WRONG")
    host.runner.run_for(10)
    host.set_by(-seconds)
    host.ends_well()


@pytest.mark.parametrize("seconds", [2 * HOUR, -30 * DAY])
def test_where_the_ca_has_another_time_nothing_that_dates_matter_to_is_done(seconds: float) -> None:
    host = Host(dated=True)
    host.roll_until(MakeKey)
    host.set_by(seconds)
    begun = len(host.runner.told)
    wait = host.runner.run_until_waiting("CLOCK_WRONG")
    host.runner.run_for(30)
    assert f"{host.world.clock.now():%Y-%m-%d}" in wait.because
    assert acted(host.runner, begun) <= {"MakeKey", "AdvanceOrder"}
    host.set_by(-seconds)
    host.ends_well()


def test_a_wrong_clock_is_told_also_where_nothing_is_to_be_done() -> None:
    host = Host(dated=True)
    host.set_by(2 * HOUR)
    host.runner.run_until_waiting("CLOCK_WRONG")
    host.set_by(-2 * HOUR)
    host.runner.run(lambda: isinstance(host.runner.latest(SERVICE).plan, Settled))


def test_a_certificate_for_the_key_that_serves_is_renewed_by_a_wrong_clock_too() -> None:
    host = Host(dated=True, strategy=Strategy.PINNED)
    serving = host.world.servers.path
    host.set_by(2 * HOUR)
    host.roll_until(ReuseKey)
    host.until_next(Switch)
    host.runner.run_until_waiting("CLOCK_WRONG")
    assert host.world.servers.path != serving
    assert reasons(host.world) == set()


def test_a_clock_that_is_put_right_is_believed_again() -> None:
    """The host began with a clock that was two days slow, and was told."""
    host = Host(dated=True)
    host.set_by(-2 * DAY)
    host.runner.run_until_waiting("CLOCK_WRONG")
    host.set_by(2 * DAY)
    host.roll_until(Publish)
    host.ends_well()


# -- from one start of the machine to the next -----------------------------------------------------------------------


@pytest.mark.parametrize("seconds", STEPS)
def test_a_machine_that_comes_up_with_another_time_refuses_nobody(seconds: float) -> None:
    host = Host()
    host.roll_until(Publish)
    host.runner.run_for(2.5)
    host.set_by(seconds)
    host.clock.booted = host.world.clock.monotonic()
    host.start("the second")
    host.ends_well()


def test_a_long_reboot_begins_the_history_anew() -> None:
    host = Host()
    host.roll_until(Publish)
    host.runner.run_for(2.5)
    host.set_by(2 * WITHIN_A_GAP)
    host.clock.booted = host.world.clock.monotonic()
    host.start("the second")
    host.runner.run_until_waiting("HISTORY_UNKNOWN")
    host.ends_well()


def test_a_short_reboot_holds_nothing_up() -> None:
    host = Host()
    host.roll_until(Publish)
    host.runner.run_for(2.5)
    host.clock.booted = host.world.clock.monotonic()
    host.start("the second")
    host.ends_well()
    codes = {p.ended.plan.code for p in host.runner.told if p.ended and isinstance(p.ended.plan, Wait)}
    assert "HISTORY_UNKNOWN" not in codes


def test_another_process_of_the_same_boot_goes_on_where_the_first_was() -> None:
    """Cron starts one for each pass; the clock is set between two of them."""
    host = Host()
    host.roll_until(Publish)
    host.runner.run_for(2.5)
    host.set_by(WITHIN_A_GAP)
    host.start("the first")
    host.ends_well()
    codes = {p.ended.plan.code for p in host.runner.told if p.ended and isinstance(p.ended.plan, Wait)}
    assert "HISTORY_UNKNOWN" not in codes


# -- several processes -----------------------------------------------------------------------------------------------


class Shared(MemoryStore):
    """A store of which somebody else makes use right after facts were asked of it, once."""

    def __init__(self) -> None:
        super().__init__(LIMITS.max_gap, LIMITS)
        self.then: Callable[[], None] | None = None

    async def facts(self, *subjects: SubjectName) -> Facts:
        found = await super().facts(*subjects)
        then, self.then = self.then, None
        if then is not None:
            then()
        return found


def told_by_another_process(host: Host) -> None:
    """It runs on the same machine, with the same store, and looks at the clocks now."""

    async def compare() -> None:
        facts = await host.store.facts(clock.CLOCK)
        read = clock.compared(facts, host.clock.now(), "the first", host.clock.monotonic(), LIMITS)
        assert read is not None
        await host.store.append(clock.CLOCK, await host.store.lease(clock.CLOCK), read)

    by_hand(compare())


def test_a_step_that_two_processes_notice_at_once_is_told_once() -> None:
    """Else all would be moved twice as far, and after a step back each wait would end early by as much."""
    store = Shared()
    host = Host(store=store)
    before = host.runner.facts()
    host.set_by(-HOUR / 2)
    store.then = lambda: told_by_another_process(host)
    host.runner.run_for(3)
    after = host.runner.facts()
    begun = [facts.deeds[0].intended for facts in (before, after)]
    assert begun[1] - begun[0] == timedelta(seconds=-HOUR / 2)
    host.ends_well()


@pytest.mark.parametrize("seconds", STEPS)
def test_what_was_looked_at_before_a_step_is_thrown_away_whoever_tells_of_the_step(seconds: float) -> None:
    hosts: list[Host] = []

    def gate(action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
        if isinstance(action, Switch) and hosts:
            host = hosts.pop()
            host.set_by(seconds)
            told_by_another_process(host)
        return judge(action, facts, reach, now, limits)

    host = Host(gate=gate)
    host.roll_until(Publish)
    hosts.append(host)
    host.runner.run_until_waiting("CLOCK_STEPPED")
    assert host.runner.actions[-1] != "Switch"
    host.ends_well()
