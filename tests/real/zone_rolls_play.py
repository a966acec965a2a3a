"""What happens in ``zone_rolls_world``, start to end. A script: its output is what everybody saw, as JSON."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import dns.asyncquery
import dns.message
from dns.rdatatype import RdataType as T
from zone_rolls_servers import SERVERS
from zone_rolls_world import (
    BOTH,
    DANELAW,
    EVERY,
    NAIVE,
    ROLLS,
    WARM,
    Roll,
    World,
    configuration,
    rdatas,
    run,
    service,
    standing,
)

from danelaw.worlds.lab.real import namespaces, programs

PATIENCE: Final = 240.0
"""Seconds for all rolls together, which take a minute."""
TLSA_OWNER: Final = f"_443._tcp.www.{BOTH.label}."


async def until(what: str, true: Callable[[], Awaitable[bool]], log: Path) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not await true():  # noqa: ASYNC110  # servers tell nobody when they have changed
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"never: {what}\n{log.read_text()}") from None  # noqa: ASYNC240  # all is over


async def algorithms(roll: Roll) -> set[int]:
    """Of the keys that any server gives."""
    return {rdata.algorithm for at in SERVERS for rdata in await rdatas(at, roll.zone, T.DNSKEY)}


async def remaining(cache: IPv4Address) -> int:
    """Seconds for which a cache still holds the naive zone's keys."""
    reply = await dns.asyncquery.udp(dns.message.make_query(NAIVE.zone, T.DNSKEY), str(cache), timeout=5)
    return int(reply.answer[0].ttl)


async def zone_roll(roll: Roll) -> dict[str, Any]:
    """``danelaw zone roll``, as JSON."""
    words = ("zone", "roll", roll.label, *roll.words, "--config", str(roll.folder / "danelaw.toml"), "--json")
    process = await asyncio.create_subprocess_exec(
        *DANELAW, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (roll.label, out, err)
    told: dict[str, Any] = json.loads(out)
    return {"did": [one["did"] for one in told["done"]], "algorithms": sorted(await algorithms(roll))}


class Both:
    """A daemon that has a service under way, hears of another algorithm for the zone, and rolls both side by side."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._config = BOTH.folder / "danelaw.toml"
        self._said = BOTH.folder / "said"
        self._published: list[frozenset[str]] = []

    async def begin(self) -> None:
        """Until every server has the service's first TLSA record."""
        (BOTH.folder / "services.d").mkdir()
        (BOTH.folder / "services.d" / "www.toml").write_text(service(self._world.reload_web))
        words = ("run", "--watch", "--json", "--config", str(self._config))
        with self._said.open("wb") as log:
            self._daemon = await asyncio.create_subprocess_exec(*DANELAW, *words, stdout=log, stderr=log)

        async def published() -> bool:
            return all([await rdatas(at, TLSA_OWNER, T.TLSA) for at in SERVERS])

        await until("the service has TLSA records", published, self._said)

    async def roll(self) -> dict[str, Any]:
        self._config.write_text(configuration(BOTH, self._world.reloads[BOTH.label], algorithm="ED25519"))
        self._daemon.send_signal(signal.SIGHUP)

        async def under_way() -> bool:
            return await algorithms(BOTH) == {13, 15}

        async def rolled() -> bool:
            found = frozenset(rdata.to_text() for rdata in await rdatas(BOTH.primary, TLSA_OWNER, T.TLSA))
            if found not in self._published:
                self._published.append(found)
            return await algorithms(BOTH) == {15} and len(list((BOTH.folder / "keys").glob("*.private"))) == 1

        await until("keys of both algorithms are served", under_way, self._said)
        await run(*DANELAW, "roll", f"www.{BOTH.label}", "--config", str(self._config))
        await until("the zone has keys of the new algorithm alone", rolled, self._said)
        self._daemon.send_signal(signal.SIGTERM)
        said = self._said.read_text()
        assert await self._daemon.wait() == 0, said
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        did = [line["verb"] for line in lines if line["kind"] == "action" and line["subject"] == f"{BOTH.label}."]
        return {"did": did, "algorithms": sorted(await algorithms(BOTH)), "TLSA RRsets meanwhile": len(self._published)}


async def naive() -> None:
    """Another ZSK, and the old one is gone at once; when caches have just got the old one."""

    async def held() -> bool:
        return all([await remaining(ip) > NAIVE.dnskey_ttl - 2 for ip in WARM.values()])

    await until("caches hold the keys for most of their TTL", held, NAIVE.folder / "zone")
    keys = NAIVE.folder / "keys"
    old = [file for file in keys.glob("*.key") if " 256 " in file.read_text()]
    assert len(old) == 1
    await run(*DANELAW, "zone", "keygen", NAIVE.label, "--keys", str(keys), "--zsk")
    for file in (old[0], old[0].with_suffix(".private")):
        file.unlink()
    await run(*DANELAW, "zone", "sign", NAIVE.label, "--config", str(NAIVE.folder / "danelaw.toml"), "--wait", "0")


async def play(world: World) -> dict[str, Any]:
    eyes, daemon = world.eyes, Both(world)
    await daemon.begin()
    async with eyes.looking() as seen, asyncio.TaskGroup() as group:
        following = group.create_task(world.registry.follow([*ROLLS, BOTH]))
        await eyes.warmed()
        rolling = {roll.label: group.create_task(zone_roll(roll)) for roll in ROLLS}
        rolling[BOTH.label] = group.create_task(daemon.roll())
        before = len(seen.failures.get(NAIVE.label, ()))
        await naive()
        done = {label: await task for label, task in rolling.items()}
        await eyes.rounds(2)
        following.cancel()
    return {
        "rolls": done,
        "ds changes": world.registry.followed,
        "polls": {
            roll.label: {
                f"{who}, {what}": n for (zone, who, what), n in sorted(seen.polls.items()) if zone == roll.label
            }
            for roll in EVERY
        },
        "failures": {roll.label: seen.failures.get(roll.label, []) for roll in EVERY},
        "naive failures before": before,
    }


async def _main() -> None:
    async with standing(programs.find()) as world:
        print(json.dumps(await play(world)))


if __name__ == "__main__":
    if not namespaces.inside():
        sys.exit(namespaces.run((sys.executable, *sys.argv), programs.find()))
    namespaces.furnish(programs.find())
    asyncio.run(_main())
