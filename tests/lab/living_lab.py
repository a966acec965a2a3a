"""The lab without its play: a world, a configuration that is plugged in, and the crowd, for a test to act on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import RRset
from danelaw.core.rollover.actions import Action
from danelaw.core.rollover.answers import newest
from danelaw.core.rollover.planner import Settled
from danelaw.core.rollover.progress import Progress
from danelaw.faces.cli.lab import Stage, crowd, wire
from danelaw.worlds.lab.crowd import Connection, Crowd, Outcome, Reason
from danelaw.worlds.lab.embedded import EmbeddedWorld
from danelaw.worlds.lab.operator_files import HOST, ZONE

TLSA = int(dns.rdatatype.TLSA)
OWNER = Name((b"_443", b"_tcp", *HOST.labels))
CLIENTS = 20

_scenes = count(1)


@dataclass(slots=True)
class LivingLab:
    """``stage`` may be replaced by the stage of another runner on the same world."""

    world: EmbeddedWorld
    stage: Stage
    witnesses: Crowd

    # -- the runner ---------------------------------------------------------------------------------------------

    async def settle(
        self, report: Callable[[Progress], None] = lambda _: None, after: type[Action] | None = None
    ) -> None:
        """Let the runner go until all is settled, once it has taken an action of kind ``after``."""
        stop = asyncio.Event()
        settled = {self.stage.zone: False, self.stage.service: False}
        seen = after is None

        def listen(progress: Progress) -> None:
            nonlocal seen
            report(progress)
            if progress.ended is not None:
                settled[progress.subject] = isinstance(progress.ended.plan, Settled)
                seen = seen or (after is not None and isinstance(progress.ended.plan, after))
            if seen and all(settled.values()):
                stop.set()

        async with asyncio.timeout(240):
            await self.stage.wired.engine.watch(stop, listen)

    async def published(self) -> RRset:
        """The TLSA records that the runner saw last."""
        found = newest(await self.stage.wired.engine.facts(), ZONE, OWNER, TLSA)
        assert isinstance(found, RRset)
        return found

    # -- the crowd ----------------------------------------------------------------------------------------------

    async def enter(self) -> str:
        """A new scene, in which no connection began yet."""
        scene = f"scene {next(_scenes)}"
        await self.witnesses.enter(scene)
        return scene

    def connections(self, scene: str, *outcomes: Outcome) -> list[Connection]:
        return [c for c in self.witnesses.connections if c.scene == scene and c.outcome in (outcomes or Outcome)]

    async def until_each_client(self, scene: str, *outcomes: Outcome, reasons: Collection[Reason] = ()) -> None:
        """Until every client has met one of these outcomes in this scene, for one of these reasons if any are given."""
        async with asyncio.timeout(120):
            while True:
                met = {c.client for c in self.connections(scene, *outcomes) if not reasons or c.reason in reasons}
                if len(met) == CLIENTS:
                    return
                await self.witnesses.rounds(1)

    async def healed(self) -> None:
        """Until every client has connected twice and none was refused."""
        async with asyncio.timeout(120):
            while True:
                scene = await self.enter()
                await self.witnesses.rounds(2)
                if not self.connections(scene, Outcome.REFUSED, Outcome.NO_SERVICE):
                    return


@contextlib.asynccontextmanager
async def living_lab(
    directory: Path, *, tlsa: tuple[str, ...] = ("3 1 1",), challenge: str = "http-01", lag: float = 2.0
) -> AsyncIterator[LivingLab]:
    """A lab on its first day. The crowd is there from the start."""
    async with EmbeddedWorld(directory, lag=lag) as world, crowd(world, size=CLIENTS) as witnesses:
        yield LivingLab(world, wire(world, tlsa=tlsa, challenge=challenge), witnesses)
