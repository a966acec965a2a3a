"""``danelaw zone roll`` where there is a whole Internet: the DS goes over by a person, or by CDS records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from dns.rdatatype import RdataType as T

from danelaw import wiring
from danelaw.app.config import Config, load
from danelaw.app.zone_roll import read_wish
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.dnssec.keys import make_ds
from danelaw.core.model import RRset
from danelaw.core.rollover.actions import Receipt, SubmitDS
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.progress import Progress
from danelaw.faces.cli.zone.roll import carry_out
from danelaw.ports import Surroundings
from danelaw.worlds.lab import configuration
from danelaw.worlds.lab.embedded import EmbeddedWorld

pytestmark = pytest.mark.slow


@dataclass
class Registrar:
    """``ports.Parent``: is told, and has the DS only when the runner is seen to wait for it; or looks for CDS records
    whenever the runner says anything."""

    world: EmbeddedWorld
    zone: FileZoneConfig
    told: SubmitDS | None = None
    followed: list[frozenset[bytes]] = field(default_factory=list)

    async def submit_ds(self, change: SubmitDS) -> Receipt:
        self.told = change
        return Receipt()

    def hear(self, progress: Progress) -> None:
        waits = progress.ended is not None and isinstance(progress.ended.plan, Wait)
        wanted: frozenset[bytes] = frozenset()
        if self.zone.cds:
            records = wiring.zone_records(self.zone.signed, self.zone.zone)
            wanted = frozenset(record.rdata for record in records if record.type == T.CDS)
        elif waits and self.told is not None and isinstance(self.told.replace, RRset):
            wanted = self.told.replace.rdatas
        if wanted and (not self.followed or self.followed[-1] != wanted):
            self.followed.append(wanted)
            self.world.net.delegate(self.zone.zone, wanted)


async def settled(wired: wiring.Wired, hear: Callable[[Progress], None]) -> None:
    stop = asyncio.Event()

    def heard(progress: Progress) -> None:
        hear(progress)
        if progress.ended is not None and isinstance(progress.ended.plan, Settled):
            stop.set()

    await wired.engine.watch(stop, heard)


def test_a_ksk_is_replaced_and_the_parent_hears_of_it_when_it_may(tmp_path: Path) -> None:
    """By hand, and by CDS records: two worlds at once, since both wait for the most part."""

    async def play(cds: bool) -> None:
        async with EmbeddedWorld(tmp_path / f"world {cds}") as world:
            config, zone = configured(world, cds)
            registrar = Registrar(world, zone)

            def runner() -> wiring.Wired:
                surroundings = Surroundings(
                    wiring.clock(),
                    world.dialer,
                    wiring.blocking(),
                    world.commands,
                    wiring.programs(),
                    {zone.zone: registrar},
                    world.trust_anchors,
                )
                return wiring.zone_runner(zone, config, surroundings, as_before=False)

            await settled(runner(), registrar.hear)  # the zone is signed, and has its first DS
            files = wiring.key_files(zone.keys)
            (old,) = (key for key, _ in files.keys(zone.zone) if key.dnskey.is_sep)
            wish = read_wish(zone.zone, files.keys(zone.zone), KeyRole.KSK, None, wiring.clock().now())
            assert wish.old == (old,)
            await carry_out(runner(), zone, wish, registrar.hear)
            (new,) = (key for key, _ in files.keys(zone.zone) if key.dnskey.is_sep)
            assert new != old
            assert registrar.followed == [{make_ds(zone.zone, key.dnskey).to_rdata()} for key in (old, new)]

    async def both() -> None:
        await asyncio.gather(play(cds=False), play(cds=True))

    asyncio.run(both())


def configured(world: EmbeddedWorld, cds: bool) -> tuple[Config, FileZoneConfig]:
    config = load(configuration.write(world))
    (zone,) = config.zones
    assert isinstance(zone, FileZoneConfig)
    limits = replace(config.limits, lookup_delay=timedelta(seconds=0.5), pass_interval=timedelta(seconds=0.3))
    return msgspec.structs.replace(config, limits=limits), msgspec.structs.replace(zone, cds=cds)
