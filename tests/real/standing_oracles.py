"""What the oracles say of the world on real servers. Run as a script, like ``standing_world``."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from typing import Final

from dns.name import Name
from dns.rdatatype import TLSA
from standing_world import does, until

from danelaw.core.model import DanelawError, SubjectName
from danelaw.core.rollover.planner import Settled
from danelaw.core.rollover.progress import Progress
from danelaw.faces.cli.lab import Stage, real_world, wire
from danelaw.worlds.lab.crowd.cache import Cache
from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError
from danelaw.worlds.lab.crowd.stub import Stub
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.oracles import ORACLES, Oracles, Poll
from danelaw.worlds.lab.real.readings import Answer
from danelaw.worlds.lab.real.world import RealWorld

SETTLES_WITHIN: Final = 180.0


async def everybody_says(oracles: Oracles, answer: Answer, *words: str) -> None:
    """Until each oracle gives this answer; then one of the words is in the line that decided."""
    polls: dict[str, Poll] = {}

    async def so() -> bool:
        polls.update({name: await oracles.ask(name) for name in ORACLES})
        return all(poll.answer is answer for poll in polls.values())

    try:
        await until(f"every oracle says {answer}", so)
    except AssertionError as error:
        raise AssertionError(f"{error}: {polls}") from None
    for name, poll in polls.items():
        assert any(word in poll.because for word in words), poll
        assert (poll.status == 0) == (answer is Answer.ACCEPTED) or name == "openssl", poll


async def settled(stage: Stage) -> None:
    stop = asyncio.Event()
    so: dict[SubjectName, bool] = {stage.zone: False, stage.service: False}

    def listen(progress: Progress) -> None:
        if progress.ended is not None:
            so[progress.subject] = isinstance(progress.ended.plan, Settled)
        if all(so.values()):
            stop.set()

    async with asyncio.timeout(SETTLES_WITHIN):
        await stage.wired.engine.watch(stop, listen)


async def damage(world: RealWorld) -> None:
    """The primary serves TLSA records that their signature does not fit, and nobody else serves anything."""
    await world.roads.cut(addresses.SECONDARY)
    text, count = re.subn(r"(TLSA\s+3\s+1\s+1\s+)[0-9a-f]{4}", r"\1dead", world.served_zone_file.read_text("utf-8"))
    assert count
    world.served_zone_file.write_text(text, "utf-8")
    await does(world, *world.reload_zone)


async def they_say(world: RealWorld) -> None:
    oracles, stage = world.oracles(), wire(world)
    operator = stage.naive()
    await everybody_says(oracles, Answer.UNDECIDED, "No TLSA records", "unsigned answer", "Could not connect")
    await settled(stage)
    await everybody_says(oracles, Answer.ACCEPTED, "dane-validated", "matched EE", "Certificate matches")
    await operator.renew()
    await everybody_says(oracles, Answer.REFUSED, "no matching DANE TLSA records", "The certificate differs")
    await operator.append_record()
    await everybody_says(oracles, Answer.ACCEPTED, "dane-validated", "matched EE", "Certificate matches")
    await damage(world)
    await everybody_says(oracles, Answer.REFUSED, "bogus", "resolution failed", "The DNSSEC signature is invalid")
    await _so_does_a_client(world)


async def _so_does_a_client(world: RealWorld) -> None:
    stub = Stub(Cache(time.monotonic), str(world.client_resolvers[0]), lambda address, port: (address, port))
    try:
        await stub.resolve(Name((b"_443", b"_tcp", *world.host.labels)), TLSA)
    except RefusedError as error:
        assert error.reason is Reason.BOGUS, error  # noqa: PT017  # a script, without pytest
    else:
        raise AssertionError("a client must not believe what is bogus")


async def _stand() -> None:
    async with real_world() as world:
        await they_say(world)


if __name__ == "__main__":
    found = programs.find()
    if not namespaces.inside():
        sys.exit(namespaces.run((sys.executable, *sys.argv), found))
    namespaces.furnish(found)
    try:
        asyncio.run(_stand())
    except DanelawError as error:
        sys.exit(str(error))
