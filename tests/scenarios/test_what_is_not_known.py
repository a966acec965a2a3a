"""Where too little is known, or something stands in the way that is not handled yet, the runner waits and says why."""

from __future__ import annotations

from virtual import Runner, engine

from danelaw.core.model import RRset
from danelaw.worlds.sim.world import HOST, TLSA, TLSA_OWNER, SimWorld
from danelaw.worlds.sim.zone import CNAME, Content


def test_a_host_without_an_address_is_neither_switched_nor_published() -> None:
    world = SimWorld()
    empty = Content(world.zone.source.serial, {})
    world.zone.source = empty
    for authority in world.zone.authorities:
        authority.content = empty
    runner = Runner(world, engine(world))
    runner.run_until_waiting("NO_ADDRESS")
    assert "Switch" not in runner.actions
    assert (TLSA_OWNER, TLSA) not in world.zone.source.rrsets


def test_a_tlsa_owner_that_is_an_alias_is_left_alone() -> None:
    world = SimWorld()
    world.zone.write(TLSA_OWNER, CNAME, RRset(TLSA_OWNER, CNAME, 2, frozenset({HOST.to_digestable()})))
    world.zone.catch_up()
    runner = Runner(world, engine(world))
    runner.run_until_waiting("TLSA_IS_ALIAS")
    assert (TLSA_OWNER, TLSA) not in world.zone.source.rrsets
    assert (TLSA_OWNER, CNAME) in world.zone.source.rrsets
