"""Plugs a simulated world into the real engine, as ``wiring`` plugs a configuration into the network."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
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

    def copy(self, store: Store) -> Callable[[], Store]:
        kept = deepcopy(store)
        return lambda: deepcopy(kept)

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
        world, beset = self.world, self.world.hazards.beset
        dns, zone, servers = beset(world.dns), beset(world.publisher), beset(world.servers)
        return Toolbox(
            clock=self.clock,
            store=beset(store),
            resolver=dns,
            authorities=dns,
            prober=servers,
            zones={ZONE: zone},
            publishers={ZONE: zone},
            parents={ZONE: beset(world.registry)},
            credentials={LINEAGE: beset(world.credentials)},
            deployers={(LINEAGE, LOCAL): servers},
            issuers={LINEAGE: beset(world.ca)},
            solvers={LINEAGE: beset(world.solver)},
        )
