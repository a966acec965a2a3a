"""What a run does for those who are told of it, and for Prometheus; and a trial of the ways to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from danelaw import wiring
from danelaw.app.config import Config
from danelaw.app.known import Known
from danelaw.app.notify import Face, Ground, Herald, try_out
from danelaw.app.notify_sections import MetricsConfig
from danelaw.app.toolbox import Subjects
from danelaw.app.zone_sections import ManualZoneConfig
from danelaw.core.model import DanelawError
from danelaw.core.rollover.progress import Pass
from danelaw.faces.cli import terminal
from danelaw.faces.cli.status_telling import commands
from danelaw.faces.cli.terminal import Ink
from danelaw.ports import Clock, LastingStore


@asynccontextmanager
async def heralded(
    config: Config, subjects: Subjects, known: Known, store: LastingStore, clock: Clock, *, stays: bool
) -> AsyncIterator[Callable[[Pass], None]]:
    """While it is entered, what it gives is to be called with each pass that ends.

    Where it is left because nothing can be looked at, that is told too; where it is left in a hurry, nothing is.
    """
    if not config.notify and config.metrics == MetricsConfig():
        yield _nobody
        return
    outlets = wiring.outlets(config)
    for error in outlets.unusable:
        terminal.error(error)
    by_hand = frozenset(zone.zone for zone in config.zones if isinstance(zone, ManualZoneConfig))
    ground = Ground(clock, store, subjects, known, config.limits, by_hand)
    herald = Herald(ground, outlets, Face(commands, terminal.error), stays=stays)
    async with AsyncExitStack() as stack:
        if stays and config.metrics.listen is not None:
            try:
                pages = wiring.metrics_server(config.metrics.listen, lambda: herald.text, herald.ailing)
                await stack.enter_async_context(pages)
            except DanelawError as error:
                terminal.error(error)
        living = asyncio.create_task(herald.live()) if stays else None
        in_order = False
        try:
            yield herald.heard
            in_order = True
        except DanelawError as error:
            await herald.stuck(error)
            raise
        finally:
            if in_order:
                await herald.close(living)
            elif living is not None:
                living.cancel()
                await asyncio.gather(living, return_exceptions=True)


async def tried(config: Config) -> int:
    """Sends a test by every way, and tells what came of it. The exit status."""
    if not config.notify:
        raise DanelawError(
            "NOBODY_TOLD",
            "the configuration names nobody who is told of anything",
            hint="docs/how-to/be-told.md says how to name somebody",
        )
    found = await try_out(wiring.outlets(config), wiring.host_name(), wiring.clock().now())
    for name, error in found.items():
        if error is None:
            terminal.show(Ink(name, bold=True), ": has taken a test; look whether it has arrived")
        else:
            terminal.say(Ink(name, bold=True, fg="red"), ": has not taken a test")
            terminal.error(error)
    return 1 if any(found.values()) else 0


def _nobody(ended: Pass) -> None:
    del ended
