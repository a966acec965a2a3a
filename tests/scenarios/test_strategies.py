"""The strategies in virtual time: which key serves, which stands by, and that nobody is refused meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from strategic import HASTE, Living, record
from virtual import served_tlsa

from danelaw.core.rollover.succession import Strategy

pytestmark = pytest.mark.slow

# pinned


def test_pinned_renews_with_the_same_key_and_changes_no_record() -> None:
    life = Living(Strategy.PINNED)
    key, records = life.serving.spki, served_tlsa(life.world)
    begun = len(life.actions)
    life.world.ca.suggest_renewal()
    life.settle()
    assert life.actions[begun:] == ["ReuseKey", "AdvanceOrder", "Switch"]
    assert (life.serving.spki, life.serving.generation) == (key, 2)
    assert served_tlsa(life.world) == records
    assert life.world.crowd.refused() == []


def test_pinned_takes_another_key_when_the_operator_asks_for_one_and_keeps_that() -> None:
    life = Living(Strategy.PINNED)
    key = life.serving.spki
    life.ask()
    life.settle()
    rolled = life.serving.spki
    assert rolled != key
    assert served_tlsa(life.world) == {record(life.serving)}
    life.world.ca.suggest_renewal()
    life.settle()
    assert life.serving.spki == rolled
    assert life.world.crowd.refused() == []


# standby


def test_standby_publishes_the_next_key_and_orders_no_certificate_for_it() -> None:
    life = Living(Strategy.STANDBY)
    (standby,) = [g for g in life.world.credentials.generations.values() if g.spki != life.serving.spki]
    assert standby.chain is None
    assert served_tlsa(life.world) == {record(life.serving), record(standby)}
    assert life.world.crowd.refused() == []


def test_standby_renews_with_the_same_key_and_changes_no_record() -> None:
    life = Living(Strategy.STANDBY)
    key, records = life.serving.spki, served_tlsa(life.world)
    begun = len(life.actions)
    life.world.ca.suggest_renewal()
    life.settle()
    assert life.actions[begun:] == ["ReuseKey", "AdvanceOrder", "Switch"]
    assert (life.serving.spki, served_tlsa(life.world)) == (key, records)
    assert life.world.crowd.refused() == []


def test_a_standby_takes_over_when_the_operator_asks_for_it_and_another_takes_its_place() -> None:
    life = Living(Strategy.STANDBY)
    old, (standby,) = life.serving, served_tlsa(life.world) - {record(life.serving)}
    life.ask()
    life.settle()
    assert record(life.serving) == standby
    assert record(old) not in served_tlsa(life.world)
    assert len(served_tlsa(life.world)) == 2
    assert life.world.credentials.destroyed == {old.generation}
    assert life.world.crowd.refused() == []


def test_a_key_that_has_lived_its_time_gives_way_to_its_standby() -> None:
    life = Living(Strategy.STANDBY, replace(HASTE, key_lifetime=timedelta(seconds=200)))
    first, begun = life.serving, life.world.clock.now()
    life.run(lambda: life.serving.spki != first.spki, 400)
    lived = life.world.clock.now() - first.created
    assert timedelta(seconds=180) <= lived <= timedelta(seconds=210)
    assert life.world.clock.now() > begun
    assert life.world.crowd.refused() == []


def test_a_key_serves_its_whole_time_however_long_it_stood_by() -> None:
    life = Living(Strategy.STANDBY, replace(HASTE, key_lifetime=timedelta(seconds=200)))
    first = life.serving
    life.run(lambda: life.serving.spki != first.spki, 400)
    second, since = life.serving, life.world.clock.now()
    life.run(lambda: life.serving.spki != second.spki, 400)
    assert timedelta(seconds=180) <= life.world.clock.now() - since <= timedelta(seconds=210)
    assert life.world.crowd.refused() == []


def test_a_standby_that_was_published_just_now_does_not_take_over_by_the_calendar() -> None:
    """The new key after a roll stands by for the time that is desired of one, though its predecessor is old."""
    limits = replace(HASTE, key_lifetime=timedelta(seconds=30), standby_settle=timedelta(seconds=60))
    life = Living(Strategy.STANDBY, limits)
    first, published = life.serving, life.world.clock.now()
    life.run(lambda: life.serving.spki != first.spki, 300)
    assert life.world.clock.now() - published >= timedelta(seconds=50)
    assert life.world.crowd.refused() == []


def test_in_an_emergency_the_standby_serves_at_once_and_the_lost_key_is_withdrawn_at_once() -> None:
    slow = replace(HASTE, linger=timedelta(days=7), standby_settle=timedelta(days=7))
    life = Living(Strategy.STANDBY, slow)
    lost, asked = life.serving, life.world.clock.now()
    life.ask(emergency=True)
    life.run(lambda: life.serving.spki != lost.spki)
    assert life.world.clock.now() - asked <= timedelta(seconds=10)
    life.run(lambda: record(lost) not in served_tlsa(life.world))
    assert life.world.clock.now() - asked <= timedelta(seconds=20)
    assert life.world.crowd.refused() == []


def test_an_ordinary_roll_after_an_emergency_lingers_again() -> None:
    limits = replace(HASTE, linger=timedelta(seconds=30))
    life = Living(Strategy.STANDBY, limits)
    life.ask(emergency=True)
    life.settle()
    second = life.serving
    life.run_for(10)
    life.ask()
    life.run(lambda: life.serving.spki != second.spki)
    left = life.world.clock.now()
    life.run(lambda: record(second) not in served_tlsa(life.world))
    assert life.world.clock.now() - left >= timedelta(seconds=30)
