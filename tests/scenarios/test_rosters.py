"""The list of a zone's authorities: every pass finds the same, whatever subject it is over."""

from __future__ import annotations

from virtual import settled_world

from danelaw.worlds.sim.world import PARENT, ZONE


def test_passes_over_a_zone_and_over_its_service_find_the_same_authorities_and_primary() -> None:
    """Else every pass would add to the history, which is to grow only with what changes."""
    world, runner = settled_world()
    (roster,) = runner.facts().rosters(ZONE)
    assert roster.primary == world.zone.authorities[0].ip
    assert len(runner.facts().rosters(PARENT)) == 1
