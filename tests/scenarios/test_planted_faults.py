"""Faults planted in the gate's reasoning: each is caught by a scenario that is fine without it.

The list is the safety model's own; a scenario that misses one is the defect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from dns.name import Name
from killing import Assassin, Death, deeds_of_a_life, life
from virtual import LAB_LIMITS, Runner, engine, served_tlsa, settled_world

from danelaw.adapters.store.memory import MemoryStore
from danelaw.core.model import IP, ChallengeType, GenerationId, Instant, Limits, SubjectName
from danelaw.core.rollover import (
    answers,
    chains,
    comparison,
    gate,
    history,
    lookups,
    ownership,
    publication,
    retirement,
    serving,
    switching,
    versions,
)
from danelaw.core.rollover.actions import Publish, Switch
from danelaw.core.rollover.facts import Fact, Intended
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed
from danelaw.core.rollover.reach import Reached
from danelaw.core.tlsa import ClientKind, Combination, associate, client_kinds
from danelaw.ports import Lease
from danelaw.worlds.sim.world import LINEAGE, LOCAL, TLSA, TLSA_OWNER, TXT, ZONE, SimWorld
from danelaw.worlds.sim.zone import Content

pytestmark = pytest.mark.slow

SEEDS = range(6)

# -- scenarios: is anything wrong? ------------------------------------------------------------------------------------


def refused_in_rolls(lag: float, disturb: Callable[[SimWorld, Runner, Content], Runner]) -> bool:
    """Whether a client is refused in one of several rolls that are disturbed when the primary serves the union.

    Clients take nearly the whole look-up delay. ``disturb`` is told what the secondary served before, and gives the
    runner that goes on.
    """
    for seed in SEEDS:
        world, runner = settled_world(lag, seed, most_delay=0.95 * LAB_LIMITS.lookup_delay.total_seconds())
        before = world.zone.authorities[1].content
        runner.start_renewal()
        serial = world.zone.source.serial
        runner.run(lambda w=world, s=serial: w.zone.source.serial > s)  # type: ignore[misc]  # bound for this round
        disturb(world, runner, before).settle()
        if world.crowd.refused():
            return True
    return False


def in_a_roll() -> bool:
    return refused_in_rolls(0.0, lambda world, runner, before: runner)


def with_a_late_secondary() -> bool:
    return refused_in_rolls(7.0, lambda world, runner, before: runner)


def with_an_address_stuck() -> bool:
    def disturb(world: SimWorld, runner: Runner, before: Content) -> Runner:
        world.servers.addresses[1].stuck = True
        runner.run_for(15)
        world.servers.addresses[1].stuck = False
        return runner

    return refused_in_rolls(0.0, disturb)


def restore(world: SimWorld, before: Content, begin: float, end: float) -> None:
    """The secondary serves an older zone for a while, and then again what it served."""
    secondary = world.zone.authorities[1]
    now = secondary.content
    world.clock.after(begin, lambda: setattr(secondary, "content", before))
    world.clock.after(end, lambda: setattr(secondary, "content", now))


def with_a_secondary_restored() -> bool:
    def disturb(world: SimWorld, runner: Runner, before: Content) -> Runner:
        runner.run_for(1)
        restore(world, before, 0.5, 4.0)
        return runner

    return refused_in_rolls(0.0, disturb)


def with_a_secondary_restored_while_the_runner_slept() -> bool:
    def disturb(world: SimWorld, runner: Runner, before: Content) -> Runner:
        runner.run_for(1)
        restore(world, before, 1.0, 5.8)
        world.clock.advance(world.clock.now() + timedelta(seconds=6))
        return runner

    return refused_in_rolls(0.0, disturb)


def with_the_store_lost() -> bool:
    """When the secondary has just left the old zone: the new runner never saw it."""

    def disturb(world: SimWorld, runner: Runner, before: Content) -> Runner:
        runner.run(lambda: world.zone.authorities[1].content.serial > before.serial)
        return Runner(world, engine(world))

    return refused_in_rolls(3.0, disturb)


def in_a_first_deployment() -> bool:
    world = SimWorld()
    world.crowd.start()
    Runner(world, engine(world)).settle()
    return bool(world.crowd.refused())


def chain_of(world: SimWorld, number: int) -> Switch:
    chain = world.credentials.generations[GenerationId(number)].chain
    assert chain is not None
    return Switch(LINEAGE, LOCAL, GenerationId(number), chain)


def a_switch_back_is_allowed_while_a_withdrawal_may_land() -> bool:
    world, runner = settled_world()
    runner.start_renewal()
    runner.run(lambda: runner.actions[-1] == "Switch")
    runner.before(Publish, lambda: setattr(world.zone, "delay", 1.5))
    runner.run(lambda: runner.actions[-1] == "Publish")
    assert len(served_tlsa(world)) == 2
    return isinstance(runner.judge(chain_of(world, 1)), Allowed)


def a_withdrawal_is_allowed_while_a_switch_may_take_effect() -> bool:
    world, runner = settled_world()
    old = served_tlsa(world)
    runner.start_renewal()
    runner.before(Switch, lambda: setattr(world.servers, "delay", 1.5))
    runner.run(lambda: runner.actions[-1] == "Switch")
    union = world.zone.source.rrsets[TLSA_OWNER, TLSA]
    return isinstance(runner.judge(Publish(ZONE, union, replace(union, rdatas=old))), Allowed)


def a_union_across_combinations_is_allowed() -> bool:
    world, runner = settled_world(tlsa="3 0 2,3 1 1")
    old = served_tlsa(world)
    runner.start_renewal()
    runner.run(lambda: len(served_tlsa(world)) == 4)
    new = associate(Combination.from_text("3 1 1"), chain_of(world, 2).chain).to_rdata()
    served = world.zone.source.rrsets[TLSA_OWNER, TLSA]
    mixed = frozenset({new, *(rdata for rdata in old if rdata[1] == 0)})
    return isinstance(runner.judge(Publish(ZONE, served, replace(served, rdatas=mixed))), Allowed)


def a_challenge_is_forgotten() -> bool:
    """By a runner that was killed after it had published that of the renewal."""
    deeds = deeds_of_a_life(ChallengeType.DNS_01)
    writes = [number for number, deed in enumerate(deeds, 1) if deed == "after publish"]
    number = writes[3]  # after those of the first order, its removal, and the first TLSA record
    world = SimWorld(lag=1.0, ttl=1, clients=0)
    world.ca.challenges = ChallengeType.DNS_01
    life(world, Assassin(number), Death(), ChallengeType.DNS_01)
    return any(type == TXT for _, type in world.zone.source.rrsets)


# -- faults -----------------------------------------------------------------------------------------------------------


def ttl_minus_one(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Limits.hold
    monkeypatch.setattr(Limits, "hold", lambda self, ttl: right(self, ttl - 1))


def look_up_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Limits.hold
    monkeypatch.setattr(Limits, "hold", lambda self, ttl: right(self, ttl) - self.lookup_delay)


def one_ttl(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Limits.hold
    monkeypatch.setattr(Limits, "hold", lambda self, ttl: right(replace(self, ttl_factor=1), ttl))


def secondary_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    right = history.members

    def first(facts: Facts, zone: Name, now: Instant, limits: Limits) -> frozenset[IP]:
        return frozenset(sorted(right(facts, zone, now, limits), key=str)[:1])

    monkeypatch.setattr(history, "members", first)


def one_address_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    right = lookups.service_addresses

    def first(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> frozenset[IP]:
        return frozenset(sorted(right(facts, reached, now, limits), key=str)[:1])

    for room in (comparison, ownership, retirement, serving):
        monkeypatch.setattr(room, "counted_addresses", first)


def gap_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limits, "max_gap", property(lambda self: timedelta(days=1)))


def left_once_is_left_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def left(version: versions.Version, ip: IP, seen: history.Seen) -> tuple[Instant | None, str]:
        spans = seen.spans[ip]
        return next((s.first for s in spans if s.serial is not None and s.serial > version.serial), None), str(ip)

    monkeypatch.setattr(versions, "left_at", left)


def history_presumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_unknown", lambda *_: None)


def in_flight_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_pending", lambda *_: ())


def handed_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "_handed", lambda *_: frozenset())


def epochs_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "blocks_ds", lambda *_: ())


def clients_know_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def able(combinations: frozenset[Combination]) -> Iterable[ClientKind]:
        return frozenset(k for k in client_kinds(combinations) if k.supported == combinations and not k.agility)

    for room in (comparison, publication, switching):
        monkeypatch.setattr(room, "client_kinds", able)


def intents_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    right = MemoryStore.append

    async def append(self: MemoryStore, subject: SubjectName, lease: Lease, *facts: Fact) -> None:
        await right(self, subject, lease, *(fact for fact in facts if not isinstance(fact, Intended)))

    monkeypatch.setattr(MemoryStore, "append", append)


@dataclass(frozen=True, slots=True)
class Case:
    plant: Callable[[pytest.MonkeyPatch], None]
    wrong: Callable[[], bool]


CASES = (
    Case(ttl_minus_one, in_a_roll),
    Case(one_ttl, in_a_roll),
    Case(look_up_forgotten, in_a_roll),
    Case(secondary_skipped, with_a_late_secondary),
    Case(one_address_trusted, with_an_address_stuck),
    Case(gap_ignored, with_a_secondary_restored_while_the_runner_slept),
    Case(left_once_is_left_for_ever, with_a_secondary_restored),
    Case(history_presumed, with_the_store_lost),
    Case(epochs_left_out, in_a_first_deployment),
    Case(in_flight_forgotten, a_switch_back_is_allowed_while_a_withdrawal_may_land),
    Case(handed_forgotten, a_withdrawal_is_allowed_while_a_switch_may_take_effect),
    Case(clients_know_everything, a_union_across_combinations_is_allowed),
    Case(intents_not_stored, a_challenge_is_forgotten),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.plant.__name__)
def test_a_planted_fault_is_caught(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    deeds_of_a_life(ChallengeType.DNS_01)  # counted before anything is planted
    case.plant(monkeypatch)
    assert case.wrong()


@pytest.mark.parametrize("case", {case.wrong: case for case in CASES}.values(), ids=lambda case: case.wrong.__name__)
def test_nothing_is_wrong_without_a_fault(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_planted_faults.SEEDS", range(1))  # other scenarios have seeds enough
    assert not case.wrong()
