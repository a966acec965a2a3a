"""A lab in which somebody does not answer. It says ``stalled`` when somebody waits because of it, and goes on."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import click

from danelaw.core.rollover.actions import AdvanceOrder
from danelaw.core.rollover.progress import Progress
from danelaw.faces import cli
from danelaw.faces.cli import interruption
from danelaw.faces.cli.lab import crowd, wire
from danelaw.worlds.lab.embedded import EmbeddedWorld


async def stall(world: EmbeddedWorld, trouble: str, ordering: asyncio.Event) -> None:
    """Make the trouble, and return when somebody waits because of it."""
    if trouble == "the CA hangs":
        await ordering.wait()
        world.ca.hang = True
        await world.ca.hanging.wait()
    else:
        world.primary.silent = world.secondary.silent = True
        before = world.secondary.queries
        while world.secondary.queries == before:  # noqa: ASYNC110  # a count has no event
            await asyncio.sleep(0.01)


async def live(trouble: str) -> None:
    with tempfile.TemporaryDirectory(prefix="danelaw-world-") as scratch:
        async with EmbeddedWorld(Path(scratch)) as world, crowd(world):
            ordering = asyncio.Event()

            def report(progress: Progress) -> None:
                if isinstance(progress.acting, AdvanceOrder):
                    ordering.set()

            runner = asyncio.create_task(wire(world).wired.engine.watch(asyncio.Event(), report))
            await stall(world, trouble, ordering)
            click.echo("stalled", err=True)
            await runner


@click.command()
@click.argument("trouble")
def stalled(trouble: str) -> None:
    interruption.run(live(trouble))


if __name__ == "__main__":
    cli.COMMANDS["stalled"] = "one subcommand more, which is found where subcommands are found"
    sys.modules["danelaw.faces.cli.stalled"] = sys.modules[__name__]
    sys.argv[1:1] = ["stalled"]
    cli.main()
