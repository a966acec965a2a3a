"""P11: what a hoster's many domains cost beside their passes. Goal: 60 seconds and 1.5 GB, of 100,000.

A process begins, a hundred domains are due, and metrics and notices are made of these; commands are given about one of
them. Each domain is a zone with one service, of which a store on disk has passes, hour by hour. Nobody answers in this
world: a pass costs what it costs the runner.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from danelaw import wiring
from danelaw.app.config import load
from danelaw.app.engine import Engine
from danelaw.app.notify import Face, Ground, Herald
from danelaw.core.rollover.progress import Progress
from danelaw.worlds.sim.world import SimWorld
from hosting import configure, record
from p10_tick import Nobody

DANELAW = Path(sys.executable).with_name("danelaw")
ONE = "www.customer000007.test:443"
COMMANDS = (("status", ONE), ("history", ONE), ("records", ONE))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--passes", type=int, default=24, help="so many of each domain are recorded")
    parser.add_argument("--due", type=int, default=100)
    parser.add_argument("--in", dest="folder", type=Path, help="where it lies already, or is to stay")
    parser.add_argument("--run", action="store_true", help="only the run, in this process")
    options = parser.parse_args()
    if options.run:
        asyncio.run(run(options.folder / "danelaw.toml", options.due))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch) / "many"
        if not folder.exists():
            configure(folder, options.domains, 9)
            record(folder, options.domains, options.passes)
        told = (folder / "store.sqlite").stat().st_size / options.domains
        print(f"P11 {options.domains} domains, {told / 1000:.0f} kB of each in the store      CPU     wall   memory")
        environment = os.environ | {"P11": "1"}
        work = [sys.executable, __file__, "--run", "--in", str(folder), "--due", str(options.due)]
        measured(f"a run, {options.due} due", work, environment)
        for command in COMMANDS:
            argv = [str(DANELAW), *command, "--config", str(folder / "danelaw.toml")]
            measured(f"danelaw {command[0]} of one", argv, environment, silent=True)
    return 0


def measured(what: str, argv: list[str], environment: dict[str, str], *, silent: bool = False) -> None:
    begun = time.perf_counter()
    out = subprocess.DEVNULL if silent else None
    process = subprocess.Popen(argv, stdout=out, stderr=out, env=environment)  # noqa: S603 - programs of ours
    _, _, used = os.wait4(process.pid, 0)
    spent = used.ru_utime + used.ru_stime
    wall = time.perf_counter() - begun
    print(f"  {what:<44}{spent:9.1f} s{wall:7.1f} s{used.ru_maxrss / 1024:6.0f} MB", flush=True)


async def run(path: Path, due: int) -> None:
    """As ``danelaw run`` does it, but for the network, and for those that are not due."""
    with phase("the configuration"):
        config = load(path)
    with phase("the ports, and what is desired"):
        world = wiring.open_world({})
        store = wiring.lasting_store(config, wiring.blocking())
        wired = wiring.build(config, world, store)
        nobody = SimWorld(clients=0, addresses=()).servers
        tools = replace(wired.tools, resolver=Nobody(), authorities=Nobody(), prober=nobody, cuts=None)
        engine = Engine(tools, wired.subjects, config.limits, at_once=8)
    with phase("who has to do with whom"):
        await engine.begin()
    ground = Ground(world.clock, store, wired.subjects, engine.known, config.limits)
    herald = Herald(ground, wiring.outlets(config), Face(lambda one, now: (), lambda error: None), stays=False)
    chosen = list(wired.subjects.desired)[-due:]
    stop, left = asyncio.Event(), {*chosen}

    def heard(progress: Progress) -> None:
        if progress.ended is not None:
            herald.heard(progress.ended)
            left.discard(progress.ended.subject)
            if not left:
                stop.set()

    with phase(f"{due} passes"):
        await engine.watch(stop, heard, chosen)
    with phase("metrics and notices"):
        await herald.close()
    with phase("the store put in order"):
        await store.tend(world.clock.now(), engine.known.together)
    await store.close()


@contextmanager
def phase(what: str) -> Iterator[None]:
    spent, begun = time.process_time(), time.perf_counter()
    yield
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall = time.perf_counter() - begun
    print(f"    {what:<42}{time.process_time() - spent:9.1f} s{wall:7.1f} s{memory:6.0f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
