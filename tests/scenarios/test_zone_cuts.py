"""Zone cuts as they are seen from outside: records are changed in no zone but that which they lie in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dns.name import Name
from virtual import SERVICE, Runner, engine

from danelaw.core.rollover.actions import Publish
from danelaw.worlds.sim.world import HOST, PARENT, TLSA, ZONE, SimWorld


class Cuts:
    """``ports.ZoneCuts`` that can be moved. ``asked``: how often."""

    def __init__(self, zone: Name | None) -> None:
        self.zone, self.asked = zone, 0

    async def zone_of(self, name: Name) -> Name | None:
        self.asked += 1
        return self.zone


def begun(cuts: Cuts) -> Runner:
    world = SimWorld()
    return Runner(world, engine(world, wrap=lambda tools: replace(tools, cuts=cuts)))


@pytest.mark.parametrize(("found", "hint"), [(HOST, f"configure a publisher for {HOST}"), (PARENT, f"delegate {ZONE}")])
def test_a_zone_that_begins_elsewhere_is_told_by_both_names(found: Name, hint: str) -> None:
    runner = begun(Cuts(found))
    because = runner.run_until_waiting("ZONE_ELSEWHERE").because
    assert f"lies in the zone {found}, and its publisher is configured for {ZONE}: {hint}" in because
    assert not any(isinstance(p.acting, Publish) and p.acting.replace.type == TLSA for p in runner.told)


@pytest.mark.parametrize("found", [ZONE, None])
def test_a_zone_that_begins_where_it_should_or_is_not_told_holds_nothing_up(found: Name | None) -> None:
    cuts = Cuts(found)
    runner = begun(cuts)
    runner.settle()
    passes = sum(one.subject == SERVICE for one in runner.passes)
    assert cuts.asked == 1 if found is not None else cuts.asked >= passes
