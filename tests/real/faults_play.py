"""One roll of a service's key in which every step meets a fault first, on real servers; and whether a secret gets out.

``danelaw run`` tells of each fault and leaves things as they are; the fault is healed, and the next run goes on. A
script: prints as JSON what the runs said, and where secrets were found.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dns.rdatatype import RdataType as T
from filled_runner import fill
from killed_play import DANELAW, OWNER, SERVICE, follow_cds, handshake, left_behind, rdatas
from secret_hunt import Hunt
from standing_world import until
from update_road import UpdateRoad

from danelaw.adapters.clock import SubprocessCommands
from danelaw.app.config import load
from danelaw.faces.cli.lab import crowd, real_world
from danelaw.worlds.lab import configuration
from danelaw.worlds.lab.crowd import Connection, Crowd, Outcome, Reason
from danelaw.worlds.lab.operator_files import ZONE
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.world import LIMIT, RealWorld

ROAD: Final = 5353
"""A port of the primary's address, which leads to its port 53."""
SILENT: Final = (Reason.NO_ANSWER, Reason.TOO_SLOW)
FILLED: Final = (sys.executable, str(Path(__file__).with_name("filled_runner.py")))
WRONG: Final = "d3Jvbmcgc2VjcmV0IG9mIGEgdGVzdCwgMzIgb2N0ZXRzIQ=="


@dataclass(slots=True)
class Story:
    world: RealWorld
    hunt: Hunt
    witnesses: Crowd
    told: dict[str, Any] = field(default_factory=dict)
    danelaw: tuple[str, ...] = DANELAW
    patience: str = "8"
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.world.directory / "state"

    @property
    def config(self) -> Path:
        return self.world.directory / "danelaw.toml"

    def configure(self) -> None:
        world = self.world
        text = configuration.write(world).read_text()
        text = text.replace("[state]\n", f'[state]\nstore = "{world.directory}/state/store.sqlite"\n')
        self.config.write_text(text.replace("[resolver]\n", f'[resolver]\ntrust_anchor = "{world.anchor_file}"\n'))
        (service,) = (world.directory / "services.d").iterdir()
        told = f'test = ["{world.directory}/bin/test-web"], reload = '
        service.write_text(service.read_text().replace("reload = ", told))
        self.program("test-web", "exit 0")

    def program(self, name: str, line: str) -> None:
        path = self.world.directory / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    async def run(self, *words: str) -> dict[str, Any]:
        """``danelaw`` to its end: its status, and all codes and hints that it gave."""
        process = await asyncio.create_subprocess_exec(
            *(*self.danelaw, *words, "--config", str(self.config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONFAULTHANDLER": "1"},
        )
        out, err = (part.decode() for part in await process.communicate())
        self.hunt.read(f"danelaw {words[0]}", out + err)
        passes = [json.loads(line) for line in out.splitlines() if line.startswith('{"schema": "danelaw/run')]
        failed = [one["outcome"] for one in passes if one["kind"] == "action" and not one["outcome"]["ok"]]
        return {
            "status": process.returncode,
            "failed": {one["code"]: one["hint"] for one in failed},
            "waits": sorted({one["code"] for one in passes if one["kind"] == "wait"}),
            "codes": re.findall(r"\[([A-Z_]+)\]", err),
            "did": [one["action"] for one in passes if one["kind"] == "action" and one["outcome"]["ok"]],
            "kinds": {one["subject"]: one["kind"] for one in passes},
            "err": err,
            "traceback": "Traceback" in out + err,
        }

    async def settle(self) -> dict[str, Any]:
        """Run after run until all is settled; what the last one said."""
        async with asyncio.timeout(180):
            while True:
                said = await self.run("run", "--json", "--wait", "10")
                if len(said["kinds"]) == 2 and set(said["kinds"].values()) == {"settled"}:
                    return said


def faults(story: Story) -> dict[str, Callable[[], contextlib.AbstractAsyncContextManager[None]]]:
    """In the order in which the steps of a roll come to them."""
    world = story.world
    assert world.update_key is not None
    key, update_text = world.update_key, world.update_key.read_text()

    @contextlib.asynccontextmanager
    async def full_disk() -> AsyncIterator[None]:
        fill(world.credentials)
        yield
        (world.credentials / "filler").unlink()

    @contextlib.asynccontextmanager
    async def full_store() -> AsyncIterator[None]:
        fill(story.state)
        yield
        (story.state / "filler").unlink()

    @contextlib.asynccontextmanager
    async def full_after(action: str, outcome: str) -> AsyncIterator[None]:
        """The store's disk is full once this was done, and before that is recorded."""
        story.danelaw, story.patience = (*FILLED, str(story.state), action, outcome), "4"
        yield
        story.danelaw, story.patience = DANELAW, "8"
        (story.state / "filler").unlink()

    @contextlib.asynccontextmanager
    async def full_live() -> AsyncIterator[None]:
        """There is no room for a link even."""
        left = [world.live.parent / f"filler-{number}" for number in range(os.statvfs(world.live.parent).f_ffree)]
        for file in left:
            file.touch()
        yield
        for file in left:
            file.unlink()

    @contextlib.asynccontextmanager
    async def unreachable_ca() -> AsyncIterator[None]:
        await world.roads.cut(addresses.CA)
        yield
        await world.roads.mend(addresses.CA)

    @contextlib.asynccontextmanager
    async def refusing_ca() -> AsyncIterator[None]:
        await world.roads.cut(addresses.CA_RESOLVER)
        yield
        await world.roads.mend(addresses.CA_RESOLVER)

    @contextlib.asynccontextmanager
    async def wrong_key() -> AsyncIterator[None]:
        key.write_text(update_text.replace(update_text.split('"')[3], WRONG))
        yield
        key.write_text(update_text)

    @contextlib.asynccontextmanager
    async def frozen_zone() -> AsyncIterator[None]:
        await told(*world.primary.rndc("freeze", ZONE.to_text()))
        yield
        await told(*world.primary.rndc("thaw", ZONE.to_text()))

    @contextlib.asynccontextmanager
    async def no_primary() -> AsyncIterator[None]:
        server = world.primary.server()
        await world.supervisor.stop(server.name, at_once=True)
        yield
        await world.supervisor.start(server)

    @contextlib.asynccontextmanager
    async def deaf_primary() -> AsyncIterator[None]:
        """The update has reached it, and it is killed before it has read that."""

        async def stop() -> None:
            await stopped(int((world.primary.folder / "named.pid").read_text()))

        async with dying_at(UpdateRoad(addresses.PRIMARY.v4, ROAD, before=stop, sent=kill)):
            yield

    @contextlib.asynccontextmanager
    async def unheard_primary() -> AsyncIterator[None]:
        """It has made the update and said so, and is killed before the secondary has it."""
        await world.freeze()
        async with dying_at(UpdateRoad(addresses.PRIMARY.v4, ROAD, made=kill)):
            yield
            await world.thaw()

        async def heard() -> bool:
            return len(await rdatas(OWNER, T.TLSA, addresses.SECONDARY.v4)) == 2

        await until("the secondary has what the primary had made before it died", heard)

    async def kill() -> None:
        await world.supervisor.stop(world.primary.server().name, at_once=True)

    @contextlib.asynccontextmanager
    async def dying_at(road: UpdateRoad) -> AsyncIterator[None]:
        text = story.config.read_text()
        direct = f'server = "{world.primary_address}"'
        assert direct in text
        story.config.write_text(text.replace(direct, f'server = "{world.primary_address}@{ROAD}"'))
        async with road.open():
            yield
        story.config.write_text(text)
        await world.supervisor.start(world.primary.server())

    @contextlib.asynccontextmanager
    async def failing_test() -> AsyncIterator[None]:
        story.program("test-web", "echo 'Syntax error on line 7'; exit 1")
        yield
        story.program("test-web", "exit 0")

    @contextlib.asynccontextmanager
    async def failing_reload() -> AsyncIterator[None]:
        script = world.directory / "bin" / "reload-web"
        text = script.read_text()
        story.program("reload-web", "echo 'the server is not up'; exit 1")
        yield
        script.write_text(text)

    return {
        "store full": full_store,
        "disk full": full_disk,
        "store full after the key": functools.partial(full_after, "MakeKey", "Receipt"),
        "CA unreachable": unreachable_ca,
        "CA refuses": refusing_ca,
        "store full after the certificate": functools.partial(full_after, "AdvanceOrder", "Issued"),
        "TSIG wrong": wrong_key,
        "update refused": frozen_zone,
        "primary down": no_primary,
        "primary killed before it reads": deaf_primary,
        "primary killed before it is heard": unheard_primary,
        "live directory full": full_live,
        "test fails": failing_test,
        "reload fails": failing_reload,
        "store full after the switch": functools.partial(full_after, "Switch", "Receipt"),
    }


async def told(*argv: str) -> None:
    done = await SubprocessCommands().run(argv, LIMIT)
    assert done.status == 0, done


async def stopped(process: int) -> None:
    """None of its threads runs any more."""

    async def asleep() -> bool:
        return states(process) == {"T"}

    os.kill(process, signal.SIGSTOP)
    await until("it has stopped", asleep)


def states(process: int) -> set[str]:
    """Of its threads, in proc(5)'s letters."""
    return {thread.read_text().rpartition(") ")[2][0] for thread in Path(f"/proc/{process}/task").glob("*/stat")}


DEAD: Final = ("primary down", "primary killed before it reads", "primary killed before it is heard")
MIDDLE: Final = ("store full after the key", "store full after the certificate", "store full after the switch")
LATE: Final = (*DEAD, "update refused", "live directory full", *MIDDLE)
"""These begin when the roll has come to them: before, nobody could look at the zone, the restart would undo it, or
another program would run."""


async def roll(story: Story) -> None:
    """All faults at once, and each is healed when the roll has met it."""
    entered = {name: contextlib.AsyncExitStack() for name in faults(story)}
    made = {name: fault() for name, fault in faults(story).items()}
    asked = await story.run("roll", SERVICE)
    assert asked["status"] == 0, asked
    for name in made:
        if name not in LATE:
            await entered[name].enter_async_context(made[name])
    for name in made:
        story.witnesses.scene = name
        if name in LATE:
            await entered[name].enter_async_context(made[name])
        async with asyncio.timeout(180):
            said = await story.run("run", "--json", "--wait", story.patience)
            while name in MIDDLE and not (story.state / "filler").exists():  # what it waits for has not been done yet
                said = await story.run("run", "--json", "--wait", story.patience)
        published = await rdatas(OWNER, T.TLSA, addresses.SECONDARY.v4)
        presents = [await handshake(ip) is not None for ip in story.world.service_addresses]
        story.told[name] = said | {"published": len(published), "presents": all(presents)}
        if name == "store full":
            story.status = await story.run("status")
        await entered[name].aclose()
        story.told[name]["kept"] = len(await rdatas(OWNER, T.TLSA))
    story.witnesses.scene = ""


def planted(hunt: Hunt, world: RealWorld) -> dict[str, bool]:
    """Whether leaks of each kind would be noticed."""
    secret = next(octets for name, octets in hunt.secrets.items() if name.endswith("privkey.pem"))
    pem = next(path for path in hunt.secrets if path.endswith("privkey.pem") and Path(path).exists())
    found = {}
    words, pipe = ("sh", "-c", "echo up; read rest"), subprocess.PIPE
    with subprocess.Popen(words, env={"KEY": secret.hex()}, stdin=pipe, stdout=pipe) as process:  # noqa: S603  # any program will do
        assert process.stdout is not None
        process.stdout.readline()  # before that, its environment may not be in place yet
        other = Hunt((), hunt.may_hold, hunt.secrets)
        other.sample()
        found["environ"] = bool(other.leaks())
        process.kill()
    other = Hunt((), hunt.may_hold, hunt.secrets)
    other.read("log", f"error: cannot use {base64.b64encode(b'x' + secret).decode()}")
    found["log"] = bool(other.leaks())
    (world.directory / "state" / "privkey.pem").write_bytes(Path(pem).read_bytes())
    (world.directory / "state" / "privkey.pem").chmod(0o644)
    found["file"] = bool(Hunt((), hunt.may_hold, hunt.secrets).leaks(world.directory / "state"))
    return found


def seen(connections: Sequence[Connection]) -> dict[str, Any]:
    """Where one of two authorities is dead, whom their resolver gives no answer in time cannot tell."""
    refusals = [one for one in connections if one.outcome is Outcome.REFUSED]
    silent = [one for one in refusals if one.scene in DEAD and one.reason in SILENT]
    return {
        "connections": len(connections),
        "undecided": len(silent),
        "refused": [
            f"{one.scene} at {one.finished:%H:%M:%S}, client {one.client}: {one.reason}: {one.detail}; {one.records}"
            for one in refusals
            if one not in silent
        ],
    }


async def play(world: RealWorld) -> dict[str, Any]:
    assert world.update_key is not None
    account = world.directory / "account"
    secret_files = frozenset({"privkey.pem", "combined.pem", "update.key", "key.pem"})
    hunt = Hunt((world.credentials, account), secret_files)
    hunt.secrets["TSIG"] = base64.b64decode(world.update_key.read_text().split('"')[3])
    async with crowd(world) as witnesses, hunt.looking():
        story = Story(world, hunt, witnesses)
        story.configure()
        following = asyncio.create_task(follow_cds(world))
        await story.settle()
        await roll(story)
        last = await story.settle()
        following.cancel()
        hunt.read("history", json.dumps((await story.run("history", "--json"))["err"]))
        hunt.read("configuration", repr(load(story.config)))
        await witnesses.rounds(2)
        await witnesses.drain()
    places = (
        world.directory / "state",
        world.credentials,
        world.live.parent,
        account,
        world.webroot,
        world.zone_file.parent,
    )
    return {
        "faults": story.told,
        "last": last,
        "crowd": seen(witnesses.connections),
        "left": left_behind(world),
        "status": story.status,
        "generations": len(list(world.credentials.glob("**/generations/0*"))),
        "published": len(await rdatas(OWNER, T.TLSA)),
        "secrets": len(hunt.secrets),
        "processes": hunt.processes,
        "leaks": hunt.leaks(*places),
        "planted": planted(hunt, world),
    }


async def _main() -> None:
    found = programs.find()
    async with real_world("rfc2136", lag=0.5) as world:
        for folder, size in (
            (world.credentials, "size=512k,mode=0700"),
            (world.directory / "state", "size=8m,mode=0700"),
            (world.live.parent, "nr_inodes=40,mode=0755"),
        ):
            folder.mkdir(exist_ok=True)
            assert not list(folder.iterdir())
            await told(found["mount"], "-t", "tmpfs", "-o", size, "small", str(folder))
        print(json.dumps(await play(world)))


if __name__ == "__main__":
    if not namespaces.inside():
        sys.exit(namespaces.run((sys.executable, *sys.argv), programs.find()))
    namespaces.furnish(programs.find())
    asyncio.run(_main())
