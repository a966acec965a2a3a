"""P10: a tick of the engine in which 100 of many services are due, against one in which they are all there are of few.

The same hundred passes over services of which nothing is heard, each in a zone of its own, in virtual time and on a
store in memory; once among ``--few`` services, once among ``--many``. Goal: not more than 1.2 times the CPU time.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Sequence

from dns.name import Name

from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.model import (
    IP,
    ChallengeType,
    DanelawError,
    Endpoint,
    HostName,
    Lineage,
    Message,
    Security,
    Silence,
    SubjectName,
    Validated,
)
from danelaw.core.model.names import hashed
from danelaw.core.rollover.planner import DesiredService
from danelaw.core.rollover.progress import Progress
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.tlsa import Combination, Reference
from danelaw.wiring import memory_store
from danelaw.worlds.sim.scenario import LIMITS
from danelaw.worlds.sim.service import SimCredentials
from danelaw.worlds.sim.world import SimWorld

GOAL = 1.2
LOCAL = HostName("local")


def services(count: int) -> tuple[dict[SubjectName, DesiredService], Reach]:
    """Each with a zone, a host and a credential of its own."""
    found: dict[SubjectName, DesiredService] = {}
    reached: list[Reached] = []
    combinations = (Combination.from_text("3 1 1"),)
    for number in range(count):
        apex = hashed(Name((f"zone{number}".encode(), b"test", b"")))
        host = hashed(Name((b"www", *apex.labels)))
        endpoint = Endpoint(host, 443)
        lineage = Lineage(SubjectName(str(endpoint)))
        found[lineage.service] = DesiredService(
            lineage.service, (lineage,), apex, (host,), combinations, 60, (LOCAL,), ChallengeType.HTTP_01
        )
        reached.append(Reached(lineage.service, (lineage,), (LOCAL,), endpoint, apex, (host,), Reference((host,), ())))
    return found, Reach(tuple(reached))


class Nobody:
    """``Authorities`` and ``Resolver`` of a world in which nobody answers: what a pass costs is the engine's own."""

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        raise DanelawError("NOBODY", f"nobody knows {zone}")

    async def ask(self, server: IP, name: Name, type: int) -> Message | Silence:
        return Silence("TIMEOUT")

    async def resolve(self, name: Name, type: int) -> Validated:
        return Validated(name, type, Security.INDETERMINATE)


def tick(count: int, due: int, rounds: int) -> float:
    """CPU seconds of one tick."""
    world = SimWorld(clients=0)
    desired, reach = services(count)
    lineages = [line for service in desired.values() for line in service.lineages]
    tools = Toolbox(
        clock=world.clock,
        store=memory_store(LIMITS),
        resolver=Nobody(),
        authorities=Nobody(),
        prober=world.servers,
        credentials={line: SimCredentials(world.clock, world.servers) for line in lineages},
        deployers={(line, LOCAL): world.servers for line in lineages},
        issuers=dict.fromkeys(lineages, world.ca),
    )
    engine = Engine(tools, Subjects(desired, reach), LIMITS)
    chosen = list(desired)[:due]

    async def passes(over: list[SubjectName]) -> None:
        stop, left = asyncio.Event(), len(over)

        def count_down(progress: Progress) -> None:
            nonlocal left
            left -= progress.ended is not None
            if left <= 0:
                stop.set()

        await engine.watch(stop, count_down, over)

    asyncio.run(passes(list(desired)))  # something is known of everybody; the first look is not what is measured
    spent = []
    for _ in range(rounds):
        gc.collect()
        begun = time.process_time()
        asyncio.run(passes(chosen))
        spent.append(time.process_time() - begun)
    return statistics.median(spent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--due", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    few, many = (tick(count, options.due, options.rounds) for count in (options.few, options.many))
    print(f"P10 a tick, {options.due} due      of {options.few}      of {options.many}    ratio    goal")
    print(f"  CPU{1000 * few:26.0f} ms{1000 * many:14.0f} ms{many / few:8.1f}x{GOAL:8.1f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
