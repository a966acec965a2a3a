"""The registry of ``net.`` before a real server: what it takes over is signed, loaded, and seen to be served."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final

from danelaw.core.model import IP, DanelawError
from danelaw.core.rollover.actions import Conflict, Receipt, SubmitDS
from danelaw.ports import Commands
from danelaw.worlds.lab.real.asking import LOOK_EVERY, serial
from danelaw.worlds.lab.registry import LabRegistry, ParentZone

WITHIN: Final = timedelta(seconds=30)


class RealRegistry:
    """``ports.Parent``: the lab's registry, whose zone ``server`` loads from ``file`` when ``reload`` says so."""

    def __init__(
        self, registry: LabRegistry, zone: ParentZone, file: Path, server: IP, reload: tuple[str, ...], run: Commands
    ) -> None:
        self._registry = registry
        self._zone = zone
        self._file = file
        self._server = server
        self._reload = reload
        self._run = run

    async def submit_ds(self, change: SubmitDS) -> Receipt | Conflict:
        """As ``LabRegistry.submit_ds``; and REGISTRY_FAILED: it is taken, but not served."""
        taken = await self._registry.submit_ds(change)
        if isinstance(taken, Receipt):
            await self._serve(taken.serial)
        return taken

    async def _serve(self, wanted: int | None) -> None:
        self._file.write_text(self._zone.text(), encoding="utf-8")
        done = await self._run.run(self._reload, WITHIN)
        evidence = done.output
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                while done.status == 0:
                    if (served := await serial(self._server, self._zone.origin)) == wanted:
                        return
                    evidence = f"{self._server} serves {served}, not {wanted}"
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            pass
        raise DanelawError("REGISTRY_FAILED", f"{self._zone.origin} is not served as it is", evidence=evidence)
