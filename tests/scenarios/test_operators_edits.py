"""The operator edits the zone's file: the next pass signs it and serves it, under the same keys."""

from __future__ import annotations

from virtual import settled_world

from danelaw.core.rollover.actions import SignZone


def test_an_edit_is_signed_and_served_at_the_next_pass() -> None:
    world, runner = settled_world()
    serial = world.zone.authorities[0].content.serial
    world.zone.edited = True
    runner.told.clear()
    runner.settle()
    assert runner.actions == [SignZone.__name__]
    assert world.zone.authorities[0].content.serial == serial + 1
    assert world.crowd.refused() == []
