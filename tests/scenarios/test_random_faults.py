"""An adversary with dice: faults at random instants through several rolls; each ends, and nobody is refused.

It keeps to what the safety model assumes: what is restored is seen by a pass, or its absence exceeds what a sight
vouches for; and it restores nothing that refuses clients by itself, or between the gate and an effect.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from virtual import LAB_LIMITS, Runner, engine, served_tlsa

from danelaw.adapters.store.memory import MemoryStore
from danelaw.core.model import Chain, Instant
from danelaw.core.tlsa import Combination, associate
from danelaw.worlds.sim.clock import START
from danelaw.worlds.sim.world import TLSA, TLSA_OWNER, SimWorld
from danelaw.worlds.sim.zone import Content

pytestmark = pytest.mark.slow

LEAST, MOST = 2.0, 9.0
"""How long a fault lasts, in seconds: longer than a sight vouches."""


@dataclass
class Adversary:
    """Does harm for a while and then undoes it. ``told``: what it did, and when."""

    world: SimWorld
    rng: random.Random
    versions: list[Content] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    switching: Instant = START

    def harm(self) -> None:
        """One fault now, its end in a while."""
        faults: list[Callable[[], Callable[[], object]]] = [
            self.freeze, self.silence, self.restore, self.deafen_zone, self.deafen_web, self.stick, self.refuse,
            self.lose_reply, self.delay_update, self.delay_switch,
        ]  # fmt: skip
        fault = self.rng.choice(faults)
        self.told.append(f"{self.world.clock.now():%H:%M:%S.%f} {fault.__name__}")
        end = fault()
        self.world.clock.after(self.rng.uniform(LEAST, MOST), end)

    def freeze(self) -> Callable[[], object]:
        self.world.zone.authorities[1].frozen = True
        return self.thaw

    def silence(self) -> Callable[[], object]:
        self.world.zone.authorities[1].silent = True
        return lambda: setattr(self.world.zone.authorities[1], "silent", False)

    def restore(self) -> Callable[[], object]:
        secondary = self.world.zone.authorities[1]
        secondary.content, secondary.frozen = self.rng.choice([*self._harmless(), secondary.content]), True
        return self.thaw

    def _harmless(self) -> list[Content]:
        """Older versions under which nobody is refused as things stand."""
        if self.world.clock.now() < self.switching:
            return []
        presented = [address.chain for address in self.world.servers.addresses]
        return [version for version in self.versions if all(accepted(version, chain) for chain in presented)]

    def thaw(self) -> None:
        self.world.zone.authorities[1].frozen = False
        self.world.zone.catch_up()

    def deafen_zone(self) -> Callable[[], object]:
        self.world.zone.idle_reload = True

        def hear() -> None:
            self.world.zone.idle_reload = False
            self.world.zone.reload()

        return hear

    def deafen_web(self) -> Callable[[], object]:
        self.world.servers.idle_reload = True
        return lambda: setattr(self.world.servers, "idle_reload", False)

    def stick(self) -> Callable[[], object]:
        address = self.rng.choice(self.world.servers.addresses)
        address.stuck = True
        return lambda: setattr(address, "stuck", False)

    def refuse(self) -> Callable[[], object]:
        self.world.ca.refusing = True
        return lambda: setattr(self.world.ca, "refusing", False)

    def lose_reply(self) -> Callable[[], object]:
        self.world.zone.lose_reply = True
        return lambda: setattr(self.world.zone, "lose_reply", False)

    def delay_update(self) -> Callable[[], object]:
        self.world.zone.delay = self.rng.uniform(0.1, 0.9 * LAB_LIMITS.in_flight.total_seconds())
        return lambda: setattr(self.world.zone, "delay", 0.0)

    def delay_switch(self) -> Callable[[], object]:
        self.switching = self.world.clock.now() + timedelta(seconds=MOST) + LAB_LIMITS.in_flight
        self.world.servers.delay = self.rng.uniform(0.1, 0.9 * LAB_LIMITS.in_flight.total_seconds())
        return lambda: setattr(self.world.servers, "delay", 0.0)

    def remember(self) -> None:
        if self.world.zone.source not in self.versions:
            self.versions.append(self.world.zone.source)


def accepted(version: Content, chain: Chain | None) -> bool:
    records = version.rrsets.get((TLSA_OWNER, TLSA))
    if not version.dnskeys or records is None or chain is None:
        return bool(version.dnskeys)
    return associate(Combination.from_text("3 1 1"), chain).to_rdata() in records.rdatas


def play(seed: int, rolls: int = 2) -> tuple[SimWorld, list[str]]:
    """A first deployment and some rolls, with faults all along and runners that die, sleep, and lose their store."""
    rng = random.Random(seed)  # noqa: S311  # a scenario wants to be repeated
    world = SimWorld(lag=rng.choice([0.0, 0.7, 3.0]), ttl=rng.choice([1, 2, 3]), seed=seed)
    adversary = Adversary(world, rng)
    world.crowd.start()
    store = MemoryStore(LAB_LIMITS.max_gap)
    for number in range(1, rolls + 2):
        for _ in range(rng.randint(1, 4)):
            runner = Runner(world, engine(world, store))
            for _ in range(rng.randint(1, 3)):
                runner.run_for(rng.uniform(0.1, 4.0))
                adversary.remember()
                adversary.harm()
            if rng.random() < 0.3:
                adversary.told.append(f"{world.clock.now():%H:%M:%S.%f} sleep")
                world.clock.advance(world.clock.now() + timedelta(seconds=rng.uniform(0.1, 8.0)))
            if rng.random() < 0.2:
                adversary.told.append(f"{world.clock.now():%H:%M:%S.%f} lost store")
                store = MemoryStore(LAB_LIMITS.max_gap)
        world.clock.advance(world.clock.now() + timedelta(seconds=MOST))
        runner = Runner(world, engine(world, store))
        if number == 1:
            runner.settle(400)
        if number <= rolls:
            world.ca.suggest_renewal()
            runner.run_for(2.0)
    runner.settle(400)
    return world, adversary.told


@pytest.mark.parametrize("seed", range(8))
def test_faults_at_random_instants_refuse_nobody(seed: int) -> None:
    world, told = play(seed)
    assert [f"{c.at:%H:%M:%S.%f} {c.reason}" for c in world.crowd.refused()] == [], told
    assert len(served_tlsa(world)) == 1
    assert len(world.credentials.generations) >= 2
