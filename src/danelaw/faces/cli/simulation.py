"""Plugs a simulated world into the real engine, as ``wiring`` plugs a configuration into the network."""

from __future__ import annotations

from dataclasses import dataclass

from danelaw import wiring
from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.model import ChallengeType, SubjectName
from danelaw.core.rollover.planner import DesiredService, DesiredZone
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination
from danelaw.ports import Clock, Runner, Store
from danelaw.worlds.sim.scenario import Scenario
from danelaw.worlds.sim.world import HOST, LINEAGE, LOCAL, PARENT, ZONE, SimWorld


@dataclass(frozen=True, slots=True)
class SimulatedCompany:
    """``scenario_play.Company``. Where the naive operator plays, the first deployment is staged for him."""

    world: SimWorld
    clock: Clock
    scenario: Scenario

    def store(self) -> Store:
        return wiring.memory_store(self.scenario.bounds)

    def runner(self, store: Store) -> Runner:
        return Engine(self._toolbox(store), self._subjects(), self.scenario.bounds)

    def _subjects(self) -> Subjects:
        given = self.scenario
        zone = DesiredZone(SubjectName(ZONE.to_text()), ZONE, PARENT, ds_ttl=1)
        challenge = ChallengeType.HTTP_01 if given.world.challenge == "none" else ChallengeType(given.world.challenge)
        service = DesiredService(
            subject=LINEAGE.service,
            lineages=(LINEAGE,),
            zone=ZONE,
            names=(HOST,),
            combinations=tuple(map(Combination.from_text, given.tlsa)),
            tlsa_ttl=given.world.ttl,
            hosts=(LOCAL,),
            challenge=challenge,
            strategy=Strategy.STAGED if given.strategy == "naive" else Strategy(given.strategy),
        )
        return Subjects({zone.subject: zone, service.subject: service}, self.world.reach())

    def _toolbox(self, store: Store) -> Toolbox:
        world = self.world
        return Toolbox(
            clock=self.clock,
            store=store,
            resolver=world.dns,
            authorities=world.dns,
            prober=world.servers,
            zones={ZONE: world.publisher},
            publishers={ZONE: world.publisher},
            parents={ZONE: world.registry},
            credentials={LINEAGE: world.credentials},
            deployers={(LINEAGE, LOCAL): world.servers},
            issuers={LINEAGE: world.ca},
            solvers={LINEAGE: world.solver},
        )
