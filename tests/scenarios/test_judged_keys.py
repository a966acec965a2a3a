"""What the gate judged is what is done, also where the world changes between the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dns.name import Name
from virtual import Runner, engine

from danelaw.app.toolbox import Toolbox
from danelaw.core.model import Instant
from danelaw.core.rollover.actions import Receipt, SignZone
from danelaw.ports import ZoneKeyFacts, Zones
from danelaw.worlds.sim.world import ZONE, SimWorld


@dataclass
class Listening:
    """Notes by which keys the zone is to be signed, and leaves it at that."""

    zones: Zones
    heard: list[frozenset[bytes]] = field(default_factory=list)

    async def keys(self, zone: Name) -> Sequence[ZoneKeyFacts]:
        return await self.zones.keys(zone)

    async def edited(self, zone: Name) -> bool:
        return await self.zones.edited(zone)

    async def due(self, zone: Name) -> Instant | None:
        return await self.zones.due(zone)

    async def longest_ttl(self, zone: Name) -> int:
        return await self.zones.longest_ttl(zone)

    async def make_keys(self, zone: Name, algorithm: int | None = None) -> Sequence[ZoneKeyFacts]:
        return await self.zones.make_keys(zone, algorithm)

    async def make_key(self, zone: Name, sep: bool, algorithm: int) -> ZoneKeyFacts:
        return await self.zones.make_key(zone, sep, algorithm)

    async def sign(
        self, zone: Name, keys: frozenset[bytes], now: Instant, signing: frozenset[bytes] | None = None
    ) -> Receipt:
        self.heard.append(keys)
        return Receipt()

    async def destroy_key(self, zone: Name, key: bytes) -> None:
        await self.zones.destroy_key(zone, key)


def test_a_zone_is_to_be_signed_by_the_keys_that_were_judged_whatever_lies_in_the_directory_by_then() -> None:
    world = SimWorld()
    listening = Listening(world.publisher)

    def wrap(tools: Toolbox) -> Toolbox:
        return replace(tools, zones={ZONE: listening})

    runner = Runner(world, engine(world, wrap=wrap))
    runner.before(SignZone, world.zone.keys.clear)
    runner.run(lambda: bool(listening.heard))
    (judged,) = [p.acting for p in runner.told if isinstance(p.acting, SignZone)]
    assert listening.heard == [judged.keys]
    assert len(judged.keys) == 2
