"""What an operator asks for while a service lives: that nothing is done for a time; that a key is trusted no longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from operated import Operated
from operating import ECDSA, RSA, Operation, two_hosts
from strategic import HASTE, Living
from virtual import SERVICE, ZONE_SUBJECT

from danelaw.core.model import Chain, HostName
from danelaw.core.rollover.actions import DestroyKey, Revoke, Switch
from danelaw.core.rollover.planner import Wait
from danelaw.core.rollover.succession import Strategy
from danelaw.core.rollover.words import Paused
from danelaw.worlds.sim.world import SimWorld

pytestmark = pytest.mark.slow


def wait_of(runner: Operated | Living | Operation) -> str:
    plan = runner.latest().plan
    return plan.code if isinstance(plan, Wait) else type(plan).__name__


# -- a pause ----------------------------------------------------------------------------------------------------------


def paused(runner: Operated, seconds: float) -> None:
    now = runner.world.clock.now()
    runner.say(Paused(now, SERVICE, now + timedelta(seconds=seconds), "eva"))


def test_nothing_is_done_in_a_pause_and_all_goes_on_after_it() -> None:
    """It is looked at meanwhile: what was seen vouches for what comes, and no wait begins anew."""
    runner = Operated(SimWorld(lag=1.0), limits=HASTE)
    runner.settle()
    runner.world.crowd.start()
    first, done = runner.world.servers.path, len(runner.facts().deeds)
    runner.start_renewal()
    done = len(runner.facts().deeds)
    paused(runner, 60)
    runner.run_for(50)
    assert wait_of(runner) == "PAUSED"
    plan = runner.latest().plan
    assert isinstance(plan, Wait)
    assert plan.held is not None
    assert type(plan.held).__name__ == "AdvanceOrder", "the operator is told what waits for him"
    assert len([deed for deed in runner.facts().deeds[done:] if deed.action not in _of_zone(runner)]) == 0
    assert runner.facts().began(SERVICE) is None
    assert runner.world.servers.path == first
    runner.run(lambda: runner.world.servers.path != first, 100)
    runner.settle()
    assert runner.world.crowd.refused() == []


def _of_zone(runner: Operated) -> list[object]:
    """What was done to the zone, which is not paused."""
    return [p.plan for p in runner.passes if p.subject == ZONE_SUBJECT]


def test_a_pause_ends_by_a_word_too() -> None:
    runner = Operated(SimWorld(lag=1.0), limits=HASTE)
    runner.settle()
    first = runner.world.servers.path
    paused(runner, 10_000)
    runner.world.ca.suggest_renewal()
    runner.run_for(20)
    assert runner.world.servers.path == first
    paused(runner, 0)
    runner.run(lambda: runner.world.servers.path != first, 100)


# -- a key that is trusted no longer ----------------------------------------------------------------------------------


def presented(life: Living | Operation) -> set[Chain | None]:
    return {chain for address in life.world.servers.addresses for chain in (address.chain, address.rsa)}


@pytest.mark.parametrize("strategy", Strategy)
def test_an_emergency_ends_with_the_old_certificate_revoked_and_then_its_key_destroyed(strategy: Strategy) -> None:
    life = Living(strategy)
    life.run_for(30)
    old = life.serving
    shown: list[set[Chain | None]] = []
    life.before(Revoke, lambda: shown.append(presented(life)))
    life.ask(emergency=True)
    life.run(lambda: bool(life.world.ca.revoked))
    life.settle(300)
    assert life.world.ca.revoked == [old.chain]
    assert all(old.chain not in chains for chains in shown)
    kinds = [type(deed.action) for deed in life.facts().deeds]
    revoked = kinds.index(Revoke)
    assert kinds.count(Revoke) == 1
    assert kinds.index(Switch, kinds.index(Switch) + 1) < revoked < kinds.index(DestroyKey, revoked)
    assert old.generation in life.world.credentials.destroyed
    assert life.world.crowd.refused() == []


@pytest.mark.parametrize("strategy", Strategy)
def test_whoever_wants_another_key_without_haste_has_nothing_revoked(strategy: Strategy) -> None:
    life = Living(strategy)
    old = life.serving
    life.ask()
    life.run(lambda: life.serving != old)
    life.settle(300)
    assert life.world.ca.revoked == []


def test_nothing_is_revoked_while_an_address_presents_it() -> None:
    life = Living(Strategy.STAGED)
    old, address = life.serving, life.world.servers.addresses[1]
    address.stuck = True
    life.ask(emergency=True)
    life.run(lambda: life.serving != old)
    life.run_for(60)
    assert life.world.ca.revoked == []
    address.stuck = False
    life.run(lambda: life.world.ca.revoked == [old.chain], 300)
    life.settle(300)
    assert life.world.crowd.refused() == []


def test_a_ca_that_is_away_is_asked_again_and_the_key_is_kept_until_it_has_revoked() -> None:
    life = Living(Strategy.STAGED)
    old = life.serving
    life.before(Revoke, lambda: setattr(life.world.ca, "refusing", True))
    life.ask(emergency=True)
    life.run(lambda: wait_of(life) == "REVOCATION_FAILED")
    life.run_for(60)
    assert wait_of(life) == "REVOCATION_FAILED"
    assert old.generation not in life.world.credentials.destroyed
    life.world.ca.refusing = False
    life.run(lambda: old.generation in life.world.credentials.destroyed, 600)
    assert life.world.ca.revoked == [old.chain]
    assert life.world.crowd.refused() == []


def test_a_ca_that_does_not_revoke_holds_no_renewal_up() -> None:
    life = Living(Strategy.STAGED)
    life.world.ca.unwilling = True
    life.ask(emergency=True)
    life.run(lambda: wait_of(life) == "REVOCATION_FAILED")
    second = life.serving
    life.world.ca.suggest_renewal()
    life.run(lambda: life.serving != second, 300)
    assert life.world.ca.revoked == []
    assert life.world.crowd.refused() == []


@pytest.mark.parametrize("emergency", [True, False])
def test_an_emergency_is_not_forgotten_when_another_key_is_asked_for(emergency: bool) -> None:
    life = Living(Strategy.STAGED)
    first = life.serving
    life.world.ca.unwilling = True
    life.ask(emergency=True)
    life.run(lambda: wait_of(life) == "REVOCATION_FAILED")
    second = life.serving
    life.ask(emergency=emergency)
    life.run(lambda: life.serving != second)
    life.run_for(30)
    assert life.world.credentials.destroyed.isdisjoint({first.generation})
    life.world.ca.unwilling = False
    life.settle(1200)
    assert len(life.world.ca.revoked) == (2 if emergency else 1)
    assert {*life.world.ca.revoked} == {first.chain, *([second.chain] if emergency else [])}
    assert life.world.credentials.destroyed == {first.generation, second.generation}
    assert life.world.crowd.refused() == []


def test_of_older_keys_the_one_that_served_is_left_behind_and_no_other() -> None:
    life = Living(Strategy.STANDBY, limits=replace(HASTE, linger=timedelta(seconds=300)))
    life.run_for(30)
    before = life.serving
    life.ask()
    life.run(lambda: life.serving != before)
    old = life.serving
    life.run_for(30)
    life.ask(emergency=True)
    life.run(lambda: life.serving != old)
    life.settle(1200)
    assert life.world.ca.revoked == [old.chain]


def test_the_key_that_served_is_known_also_where_no_reply_to_the_switch_came() -> None:
    life = Living(Strategy.STANDBY)
    life.run_for(30)
    old, delay = life.serving, 0.2
    life.before(Switch, lambda: setattr(life.world.servers, "delay", delay))
    life.ask(emergency=True)
    life.run(lambda: life.serving != old)
    second = life.serving
    life.settle(300)
    assert life.serving == second
    assert life.world.ca.revoked == [old.chain]


@pytest.mark.parametrize("strategy", [Strategy.STAGED, Strategy.PINNED])
def test_a_host_that_is_away_holds_up_no_emergency_on_another(strategy: Strategy) -> None:
    web1 = HostName("web1")
    life = Operation(ECDSA, hosts=two_hosts(), strategy=strategy)
    life.settle()
    first, away = life.serving(host=web1), life.world.servers.addresses[1]
    away.stuck = True
    life.ask()
    life.run(lambda: life.serving(host=web1) != first)
    second = life.serving(host=web1)
    life.run_for(10)
    life.ask(emergency=True)
    life.run(lambda: life.serving(host=web1) != second, 60)
    away.stuck = False
    life.settle(1200)
    assert life.world.ca.revoked == [second.chain]
    assert life.refused == []


# -- two keys ---------------------------------------------------------------------------------------------------------


def test_of_a_pair_the_key_that_is_trusted_no_longer_is_left_and_the_other_goes_on() -> None:
    life = Operation(ECDSA, RSA, strategy=Strategy.STAGED)
    life.world.servers.offer(RSA.algorithm)
    life.settle()
    before = {line: life.serving(line) for line in (ECDSA, RSA)}
    life.ask(RSA, emergency=True)
    life.run(lambda: bool(life.world.ca.revoked), 300)
    life.settle(300)
    assert life.world.ca.revoked == [before[RSA].chain]
    assert life.serving(ECDSA) == before[ECDSA]
    life.ask(ECDSA)
    life.ask(RSA)
    life.run(lambda: life.serving(ECDSA) != before[ECDSA], 300)
    life.settle(300)
    assert len(life.world.ca.revoked) == 1
    assert life.refused == []


def test_a_key_that_is_desired_no_longer_is_revoked_before_it_is_destroyed() -> None:
    life = Operation(ECDSA, RSA, strategy=Strategy.STAGED)
    life.world.servers.offer(RSA.algorithm)
    life.settle()
    old = life.serving(RSA)
    life.world.ca.unwilling = True
    life.ask(RSA, emergency=True)
    life.run(lambda: wait_of(life) == "REVOCATION_FAILED", 300)
    life.configure(ECDSA)
    life.world.servers.withhold(RSA.algorithm)
    life.run_for(60)
    life.world.ca.unwilling = False
    life.settle(1200)
    assert life.world.ca.revoked == [old.chain]
    assert old.generation in life.world.credentials.destroyed
    assert life.refused == []
