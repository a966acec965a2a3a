"""A pass that cannot look at everything says why, acts on nothing, and holds up nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from virtual import SERVICE, ZONE_SUBJECT, Runner, engine

from danelaw.app.toolbox import Toolbox
from danelaw.core.model import CredentialFacts, DanelawError, Lineage
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.worlds.sim.service import SimCredentials
from danelaw.worlds.sim.world import LINEAGE, SimWorld


class Unreadable(SimCredentials):
    """A credential store whose disk does not answer until it is mended."""

    broken = True

    async def list(self, lineage: Lineage) -> Sequence[CredentialFacts]:
        if self.broken:
            raise DanelawError("CREDENTIALS_UNREADABLE", "the disk does not answer")
        return await super().list(lineage)


def test_an_unreadable_store_stops_one_service_and_not_its_zone() -> None:
    world = SimWorld()
    store = Unreadable(world.clock, world.servers)

    def wrap(tools: Toolbox) -> Toolbox:
        return replace(tools, credentials={LINEAGE: store})

    runner = Runner(world, engine(world, wrap=wrap))
    runner.run(lambda: any(p.subject == ZONE_SUBJECT and isinstance(p.plan, Settled) for p in runner.passes))
    plan = runner.latest(SERVICE).plan
    assert isinstance(plan, Wait)
    assert plan.code == "CREDENTIALS_UNREADABLE"
    assert "MakeKey" not in runner.actions
    store.broken = False
    runner.settle()
    assert "Switch" in runner.actions
