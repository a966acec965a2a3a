"""What goes wrong around a roll without anybody's ill will: Danelaw waits, goes on, and nobody is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from virtual import LAB_LIMITS, Runner, engine, served_tlsa, settled_world

from danelaw.adapters.store.memory import MemoryStore
from danelaw.core.model import Absence, ChallengeType
from danelaw.core.rollover.actions import Publish, Switch
from danelaw.core.rollover.planner import Wait
from danelaw.worlds.sim.world import TLSA, TLSA_OWNER, SimWorld

pytestmark = pytest.mark.slow

SEEDS = range(2)


def rolled(world: SimWorld, runner: Runner, first: frozenset[bytes]) -> None:
    """The roll came to its end, and nobody was refused."""
    runner.settle()
    assert len(served_tlsa(world)) == 1
    assert served_tlsa(world) != first
    assert served_tlsa(world, 1) == served_tlsa(world)
    assert world.credentials.destroyed == {1}
    assert world.crowd.refused() == []


def begun(seed: int, lag: float = 1.0) -> tuple[SimWorld, Runner, frozenset[bytes]]:
    """A renewal has begun: its key is about to be made."""
    world, runner = settled_world(lag, seed)
    first = served_tlsa(world)
    runner.start_renewal()
    return world, runner, first


@pytest.mark.parametrize("seed", SEEDS)
def test_a_frozen_secondary_is_waited_for(seed: int) -> None:
    world, runner, first = begun(seed)
    secondary = world.zone.authorities[1]
    secondary.frozen = True
    runner.run_for(20)
    assert runner.waits[-1] == "ANSWER_HELD"
    assert str(secondary.ip) in str(runner.latest().plan)
    secondary.frozen = False
    world.zone.catch_up()
    rolled(world, runner, first)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_silent_secondary_that_comes_back_with_an_older_zone_is_waited_for(seed: int) -> None:
    world, runner, first = begun(seed)
    secondary = world.zone.authorities[1]
    older = secondary.content
    runner.run(lambda: len(served_tlsa(world, 1)) == 2)
    secondary.silent = True
    runner.run_for(8)
    assert isinstance(runner.latest().plan, Wait)
    secondary.silent, secondary.content, secondary.frozen = False, older, True
    runner.run_for(8)
    assert "Switch" not in runner.actions[runner.actions.index("MakeKey", 3) :]
    secondary.frozen = False
    world.zone.catch_up()
    rolled(world, runner, first)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_secondary_restored_after_the_switch_holds_the_withdrawal_back_from_nobody(seed: int) -> None:
    world, runner, first = begun(seed)
    runner.run(lambda: isinstance(runner.latest().plan, Switch))
    secondary = world.zone.authorities[1]
    secondary.silent = True
    runner.run_for(6)
    secondary.silent = False
    rolled(world, runner, first)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_lost_reply_to_a_publication_is_found_out(seed: int) -> None:
    world, runner, first = begun(seed)
    runner.before(Publish, lambda: setattr(world.zone, "lose_reply", True))
    rolled(world, runner, first)
    assert runner.actions[-5:] == ["AdvanceOrder", "Publish", "Switch", "Publish", "DestroyKey"]


@pytest.mark.parametrize("late", [1.0, 3.0])
def test_an_update_that_lands_late_is_counted_with(late: float) -> None:
    """Also when it lands after it was given up: its precondition no longer holds then."""
    world, runner, first = begun(0)
    runner.before(Publish, lambda: setattr(world.zone, "delay", late))
    rolled(world, runner, first)


@pytest.mark.parametrize("late", [1.0, 3.0])
def test_a_withdrawal_that_lands_late_is_counted_with(late: float) -> None:
    world, runner, first = begun(0)
    runner.run(lambda: isinstance(runner.latest().plan, Switch))
    runner.before(Publish, lambda: setattr(world.zone, "delay", late))
    rolled(world, runner, first)


@pytest.mark.parametrize("late", [1.0, 3.0])
def test_a_switch_that_takes_effect_late_is_counted_with(late: float) -> None:
    world, runner, first = begun(0)
    runner.before(Switch, lambda: setattr(world.servers, "delay", late))
    rolled(world, runner, first)


def test_a_zone_server_that_ignores_reloads_is_waited_for() -> None:
    world, runner, first = begun(0)
    runner.before(Publish, lambda: setattr(world.zone, "idle_reload", True))
    before = len(runner.passes)
    runner.run_for(15)
    assert "NOT_LOADED" in runner.waits
    assert len(runner.passes) - before < 2 * 15 / LAB_LIMITS.pass_interval.total_seconds() + 10
    assert served_tlsa(world) == first
    world.zone.idle_reload = False
    world.zone.reload()
    rolled(world, runner, first)


def test_a_web_server_that_ignores_reloads_keeps_its_records() -> None:
    world, runner, first = begun(0)
    runner.before(Switch, lambda: setattr(world.servers, "idle_reload", True))
    runner.run(lambda: world.servers.path is not None and world.servers.path.generation == 2)
    runner.run_for(15)
    assert len(served_tlsa(world)) == 2
    world.servers.idle_reload = False
    rolled(world, runner, first)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_address_stuck_on_the_old_chain_keeps_the_old_record_until_it_is_healed(seed: int) -> None:
    world, runner, first = begun(seed)
    world.servers.addresses[1].stuck = True
    runner.run_for(25)
    assert first < served_tlsa(world)
    assert world.servers.addresses[0].chain != world.servers.addresses[1].chain
    world.servers.addresses[1].stuck = False
    rolled(world, runner, first)


def test_a_ca_that_does_not_answer_holds_up_nothing_but_the_renewal() -> None:
    world, runner, first = begun(0)
    world.ca.refusing = True
    runner.run_for(20)
    assert "CA_FAILED" in runner.waits
    assert served_tlsa(world) == first
    world.ca.refusing = False
    rolled(world, runner, first)


def test_a_parent_that_takes_its_time_is_not_pestered() -> None:
    world = SimWorld()
    world.crowd.start()
    world.registry.delay = 20.0
    runner = Runner(world, engine(world))
    runner.settle()
    assert runner.actions.count("SubmitDS") <= 20 / LAB_LIMITS.in_flight.total_seconds() + 1
    assert world.crowd.refused() == []


def test_a_challenge_that_cannot_be_taken_away_holds_nothing_up() -> None:
    world = SimWorld()
    world.ca.challenges, world.solver.stuck = ChallengeType.HTTP_01, True
    runner = Runner(world, engine(world))
    runner.run(lambda: len(served_tlsa(world)) == 1)
    runner.start_renewal()
    runner.run(lambda: len(served_tlsa(world)) == 2)
    world.solver.stuck = False
    runner.settle()
    assert world.solver.placed == {}


def test_a_ca_that_does_not_answer_holds_up_no_repair() -> None:
    """Somebody removes the records while an order is under way."""
    world, runner, first = begun(0)
    world.ca.refusing = True
    runner.run_for(3)
    world.clock.after(1.75, lambda: world.zone.write(TLSA_OWNER, TLSA, Absence(TLSA_OWNER, TLSA, 1)))
    serial = world.zone.source.serial
    runner.run(lambda: world.zone.source.serial == serial + 2, 10)
    assert served_tlsa(world) == first
    assert runner.actions.count("AdvanceOrder") > 2
    world.ca.refusing = False
    runner.settle()
    assert world.crowd.refused() == []


def test_a_silent_secondary_does_not_keep_a_renewal_from_being_ordered() -> None:
    world, runner = settled_world()
    world.zone.authorities[1].silent = True
    runner.run_for(5)
    runner.start_renewal()
    runner.run(lambda: any(g.generation == 2 and g.chain for g in world.credentials.generations.values()))


def test_a_key_that_has_to_be_kept_does_not_keep_a_renewal_from_being_ordered() -> None:
    world, runner, _ = begun(0)
    runner.before(Switch, lambda: runner.before(Publish, lambda: setattr(world.zone.authorities[1], "silent", True)))
    runner.run_until_waiting("SETTLING")
    runner.run_for(5)
    assert world.credentials.destroyed == set()
    runner.start_renewal()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_secondary_restored_while_the_runner_slept_is_counted_with(seed: int) -> None:
    """The runner never saw it: what its gap does not vouch for is held from the next sight on."""
    world, runner, first = begun(seed)
    secondary = world.zone.authorities[1]
    older = secondary.content
    runner.run(lambda: len(served_tlsa(world, 1)) == 2)
    runner.run_for(1)
    restored_while_asleep(world, older)
    rolled(world, runner, first)


def restored_while_asleep(world: SimWorld, older: object) -> None:
    """The secondary serves an older zone until shortly before the runner looks again."""
    secondary = world.zone.authorities[1]
    current = secondary.content
    world.clock.after(1.0, lambda: setattr(secondary, "content", older))
    world.clock.after(5.8, lambda: setattr(secondary, "content", current))
    world.clock.advance(world.clock.now() + timedelta(seconds=6))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("lag", [0.5, 6.0])
def test_a_store_lost_in_the_middle_of_a_roll_costs_time_alone(seed: int, lag: float) -> None:
    world, runner, first = begun(seed, lag)
    runner.run(lambda: len(served_tlsa(world)) == 2)
    rolled(world, Runner(world, engine(world, MemoryStore(LAB_LIMITS.max_gap))), first)


def test_an_old_store_is_recognised_by_its_gap() -> None:
    """A store that was put back from before the renewal, a while ago."""
    world, runner, first = begun(0)
    old = MemoryStore(LAB_LIMITS.max_gap)
    Runner(world, engine(world, old)).run_for(1)
    runner.run(lambda: isinstance(runner.latest().plan, Switch))
    rolled(world, Runner(world, engine(world, old)), first)


@pytest.mark.parametrize(("lag", "ttl"), [(0.0, 5), (0.3, 1), (9.0, 1)])
def test_three_rolls_in_a_row(lag: float, ttl: int) -> None:
    world, runner = settled_world(lag, ttl=ttl)
    for _ in range(3):
        first = served_tlsa(world)
        runner.renew()
        assert len(served_tlsa(world)) == 1
        assert served_tlsa(world) != first
    assert world.credentials.destroyed == {1, 2, 3}
    assert world.crowd.refused() == []
