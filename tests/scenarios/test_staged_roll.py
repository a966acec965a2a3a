"""The article in virtual time: zone, certificate, records, and a staged roll, watched by clients with caches."""

from __future__ import annotations

import pytest
from virtual import Runner, engine, served_tlsa

from danelaw.worlds.sim.world import SimWorld


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lag", [0.0, 2.0, 9.0])
def test_a_first_deployment_and_a_staged_roll_refuse_nobody(lag: float, seed: int) -> None:
    world = SimWorld(lag=lag, seed=seed)
    world.crowd.start()
    runner = Runner(world, engine(world))
    runner.settle()
    first = served_tlsa(world)
    world.ca.suggest_renewal()
    runner.settle()
    assert runner.actions == [
        "MakeZoneKeys", "MakeKey", "SignZone", "AdvanceOrder", "Switch", "SubmitDS", "Publish",
        "MakeKey", "AdvanceOrder", "Publish", "Switch", "Publish", "DestroyKey",
    ]  # fmt: skip
    assert len(served_tlsa(world)) == 1
    assert served_tlsa(world) != first
    assert world.crowd.refused() == []
    assert len(world.crowd.record) > 500
