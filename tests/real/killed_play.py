"""A service's first day and a roll of its key on real servers, by a runner that is killed at each durable step, and by
the next one. A script: prints as JSON what the deaths left behind, and what the crowd saw.

    killed_play.py SHARE        one step in so many
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import dns.asyncquery
import dns.exception
import dns.message
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from dns.rdatatype import RdataType as T

from danelaw.core.model import IP, RRset
from danelaw.core.rollover.actions import SubmitDS
from danelaw.faces.cli.lab import crowd, real_world
from danelaw.worlds.lab import configuration
from danelaw.worlds.lab.crowd import Crowd
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.world import RealWorld

RUNNER: Final = Path(__file__).with_name("killed_runner.py")
DANELAW: Final = (sys.executable, "-m", "danelaw")
SERVICE: Final = "www.dotnxdomain.net:443/tcp"
OWNER: Final = "_443._tcp.www.dotnxdomain.net."
PATIENCE: Final = 90.0
"""Seconds that a runner may take to its death, or until all is settled."""
KILLED: Final = -9


def public(key: Any) -> bytes:
    return bytes(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def _fits(folder: Path) -> bool:
    """Whether key and certificate in a folder belong together; where one is not there, they do."""
    key, chain, combined = (folder / name for name in ("privkey.pem", "fullchain.pem", "combined.pem"))
    if not (key.exists() and chain.exists()):
        return not chain.exists() or (folder / "destroyed").exists()
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    (leaf, *_) = x509.load_pem_x509_certificates(chain.read_bytes())
    both = public(private.public_key()) == public(leaf.public_key())
    if combined.exists():
        again = serialization.load_pem_private_key(combined.read_bytes(), None)
        both = both and public(again.public_key()) == public(leaf.public_key())
    return both


@dataclass(slots=True)
class Story:
    """``faults``: whatever was not right after a death, in words."""

    world: RealWorld
    share: int
    deaths: int = 0
    faults: list[str] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def remembered(self) -> Path:
        return self.world.directory.with_name("deaths")

    @property
    def config(self) -> Path:
        return self.world.directory / "danelaw.toml"

    @property
    def store(self) -> Path:
        return self.world.directory / "state" / "store.sqlite"

    def configure(self) -> None:
        text = configuration.write(self.world).read_text()
        text = text.replace("[state]\n", f'[state]\nstore = "{self.store}"\n')
        text = text.replace("[resolver]\n", f'[resolver]\ntrust_anchor = "{self.world.anchor_file}"\n')
        self.config.write_text(text.replace('type = "zonefile"\n', 'type = "zonefile"\ncds = true\n'))

    async def live(self, life: str, done: Callable[[], Awaitable[bool]]) -> None:
        """Runner after runner, until one is not killed before it is done."""
        try:
            while True:
                async with asyncio.timeout(PATIENCE):
                    if await self._one_life(life, done):
                        return
                self.deaths += 1
                await self._look()
        except TimeoutError:
            last = self.remembered.read_text().splitlines()[-1]
            asks = await rdatas(self.world.zone.to_text(), T.CDS)
            raise AssertionError(
                f"not settled in {PATIENCE:g} s, {self.deaths} deaths, the last {last}: {self.told}, {asks}"
            ) from None

    async def _one_life(self, life: str, done: Callable[[], Awaitable[bool]]) -> bool:
        words = (str(self.remembered), str(self.world.directory), str(self.share), life)
        self.told = {}
        log = self.remembered.with_name("said")
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(RUNNER), *words, "run", "--watch", "--json", "--config", str(self.config)),
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                limit=2**24,
            )
        assert process.stdout is not None
        asked = False  # a second signal would end it at once
        async for line in process.stdout:
            one = json.loads(line)
            self.told[one["subject"]] = one
            settled = [subject for subject, said in self.told.items() if said["kind"] == "settled"]
            if not asked and len(settled) == 2 and await done():
                process.terminate()
                asked = True
        status = await process.wait()
        assert status in (0, KILLED), (status, log.read_text())
        return status == 0

    async def _look(self) -> None:
        """What is on the disk, and what the servers present."""
        death = self.remembered.read_text().splitlines()[-1]
        keys = set()
        for folder in self.generations():
            if not _fits(folder):
                self.faults.append(f"{death}: {folder.name} holds a key and another key's certificate")
            if (folder / "pubkey.pem").exists():
                loaded = serialization.load_pem_public_key((folder / "pubkey.pem").read_bytes())
                keys.add(public(loaded))
        if self.world.live.is_symlink() and not (
            _fits(self.world.live) and (self.world.live / "fullchain.pem").exists()
        ):
            self.faults.append(f"{death}: the live path does not lead to a whole credential")
        for ip in self.world.service_addresses:
            presented = await handshake(ip)
            if presented is not None and presented not in keys:
                self.faults.append(f"{death}: {ip} presents a key that is not in the store")
        if self.store.exists():
            with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as database:
                said = database.execute("PRAGMA integrity_check").fetchone()
            if said != ("ok",):
                self.faults.append(f"{death}: the store is damaged: {said}")

    def generations(self) -> Iterator[Path]:
        for file in sorted(self.world.credentials.glob("**/generations/*/pubkey.pem")):
            if not file.parent.name.startswith("."):
                yield file.parent


async def handshake(ip: IP) -> bytes | None:
    """The key that a server presents; None: it does not speak TLS yet, or not this instant."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(str(ip), 443, ssl=context, server_hostname="www.dotnxdomain.net")
    except (OSError, TimeoutError):
        return None
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return public(x509.load_der_x509_certificate(certificate).public_key())


async def rdatas(name: str, type: T, at: IP = addresses.PRIMARY.v4) -> list[Any]:
    """As that server has them."""
    try:
        query = dns.message.make_query(name, type)
        reply, _ = await dns.asyncquery.udp_with_fallback(query, str(at), timeout=5)
    except dns.exception.Timeout:
        return []
    return [rdata for rrset in reply.answer if rrset.rdtype == type for rdata in rrset]


async def follow_cds(world: RealWorld) -> None:
    """The registry takes the DS that the zone asks for."""
    while True:
        wanted = frozenset(rdata.to_wire() for rdata in await rdatas(world.zone.to_text(), T.CDS))
        there = world.net.found(world.zone)
        if wanted and not (isinstance(there, RRset) and there.rdatas == wanted):
            await world.registry.submit_ds(SubmitDS(world.zone, there, RRset(world.zone, T.DS, 1, wanted)))
        await asyncio.sleep(0.3)


async def play(world: RealWorld, share: int) -> dict[str, Any]:
    story = Story(world, share)
    story.configure()

    async def published() -> bool:
        return len(await rdatas(OWNER, T.TLSA)) == 1

    async with crowd(world) as witnesses, asyncio.TaskGroup() as beside:
        following = beside.create_task(follow_cds(world))
        await story.live("first", published)
        following.cancel()
        first = {rdata.to_text() for rdata in await rdatas(OWNER, T.TLSA)}
        await witnesses.enter("roll")
        before = story.deaths
        await _rolls(story)

        async def rolled() -> bool:
            return await published() and {rdata.to_text() for rdata in await rdatas(OWNER, T.TLSA)} != first

        await story.live("roll", rolled)
        await witnesses.rounds(2)
        await witnesses.drain()
        return {
            "deaths": {"first": before, "roll": story.deaths - before},
            "steps": story.remembered.read_text().splitlines(),
            "faults": story.faults,
            "crowd": {scene: seen(witnesses, scene) for scene in ("", "roll")},
            "left": left_behind(world),
            "generations": [folder.name for folder in story.generations() if not (folder / "destroyed").exists()],
            "orders": (world.ca.folder / "pebble.log").read_text().count("POST /order-plz"),
            "presented": [str(ip) for ip in world.service_addresses if await handshake(ip) is None],
        }


def seen(witnesses: Crowd, scene: str) -> dict[str, Any]:
    tally = witnesses.tally(scene)
    reasons = {str(reason): count for reason, count in tally.reasons.items()}
    return {"connections": tally.connections, "refused": tally.refused, "reasons": reasons}


async def _rolls(story: Story) -> None:
    process = await asyncio.create_subprocess_exec(
        *DANELAW, "roll", SERVICE, "--config", str(story.config), stdout=sys.stderr
    )
    assert await process.wait() == 0


def left_behind(world: RealWorld) -> list[str]:
    """Temporary files, and proofs for a CA."""
    state = (world.directory / "state", world.directory / "account")
    folders = (world.credentials, world.live.parent, world.zone_file.parent, world.webroot, *state)
    files = [path for folder in folders for path in folder.rglob("*")]
    hidden = [path for path in files if path.name.startswith(".") or path.suffix == ".new"]
    names = [path for path in hidden if path.name != ".well-known" and not path.name.endswith("lock")]
    return [str(path) for path in (*names, *world.webroot.glob(".well-known/acme-challenge/*"))]


async def _main() -> None:
    async with real_world(lag=0.5) as world:
        print(json.dumps(await play(world, int(sys.argv[1]))))


if __name__ == "__main__":
    if not namespaces.inside():
        sys.exit(namespaces.run((sys.executable, *sys.argv), programs.find()))
    namespaces.furnish(programs.find())
    asyncio.run(_main())
