"""What an operator asks for while a service lives: that nothing is done for a time; that a key is trusted no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from operated import Operated
from operating import ECDSA, RSA, Operation
from strategic import HASTE, Living
from virtual import SERVICE, ZONE_SUBJECT

from danelaw.core.model import Chain
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
