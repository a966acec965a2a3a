"""One roll of a service's key while the interfaces that it needs are out of order: the CA's, and that of PowerDNS.

``danelaw run`` tells of each fault and leaves things as they are; the fault is healed, and the next run goes on. A
script, with ``tests`` on its path: prints as JSON what the runs said.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from dns.rdatatype import RdataType as T
from killed_play import OWNER, handshake, rdatas
from life_cycle import find
from life_name_servers import API_PORT, PowerDNSPrimary
from life_runner import Operator, done, failed, settled
from life_services import Nginx
from life_world import FOLDER, LifeWorld, Room, until

from danelaw import wiring
from danelaw.worlds.lab.ca.pki import https_credential
from danelaw.worlds.lab.crowd import Crowd, Outcome
from danelaw.worlds.lab.real import addresses, namespaces
from danelaw.worlds.lab.real.pebble import API_PORT as CA_PORT
from go_between import Fault, GoBetween, lost, says, truncated

PATIENCE: Final = 90.0
"""Seconds, for a fault to be met."""
LIMITED: Final = b'{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many requests"}'
AT_ONCE: Final = "Retry-After: 0"


@dataclass(frozen=True)
class Broken:
    """``code``: what the runner says to it. ``barred``: the server never hears of the request; else it has done what
    was asked. ``once``: the next of these requests alone."""

    what: str
    fault: Fault
    code: str
    barred: bool = False
    once: bool = False


CA: Final[Mapping[str, Broken]] = {
    "500": Broken("order-plz", says(500, b"sorry", AT_ONCE, type="text/plain"), "CA_BUSY", barred=True),
    "429": Broken("my-order", says(429, LIMITED, AT_ONCE), "CA_BUSY", barred=True),
    "truncated directory": Broken("dir", truncated, "CA_MALFORMED"),
    "finalized, and the reply truncated": Broken("finalize-order", truncated, "CA_MALFORMED", once=True),
}
API: Final[Mapping[str, Broken]] = {
    "429": Broken("PATCH", says(429, b"{}", "Retry-After: 1"), "API_BUSY", barred=True),
    "500": Broken("PATCH", says(500, b"sorry", type="text/plain"), "API_FAILED", barred=True),
    "truncated JSON": Broken("GET", truncated, "API_REPLY_UNREADABLE"),
    "500, though it was done": Broken("PATCH", says(500, b"sorry", type="text/plain"), "API_FAILED", once=True),
    "done, and the reply lost": Broken("PATCH", lost, "REPLY_LOST", once=True),
}
"""Both in the order in which the steps of a roll come to them."""


@dataclass(frozen=True)
class Ways:
    """The proxies by which Danelaw reaches both."""

    ca: GoBetween = field(default_factory=lambda: GoBetween(lambda _, path: path.split("/")[1]))
    api: GoBetween = field(default_factory=lambda: GoBetween(lambda method, _: method))


def configure(operator: Operator, ca: int, api: int) -> None:
    """By their ports."""
    world = operator.world
    text = operator.config.read_text()
    for direct, by_proxy in (
        (world.ca.url, f"https://127.0.0.1:{ca}/dir"),
        (f"http://127.0.0.1:{API_PORT}", f"http://127.0.0.1:{api}"),
        (str(world.ca.api_bundle), str(bundle(world.room))),
    ):
        assert text.count(direct) == 1, text
        text = text.replace(direct, by_proxy)
    operator.config.write_text(text)


def bundle(room: Room) -> Path:
    return room.folder / "proxy" / "root.pem"


def credential(room: Room) -> ssl.SSLContext:
    """The proxy's own. Writes ``bundle``."""
    folder = bundle(room).parent
    folder.mkdir()
    paths = bundle(room), folder / "chain.pem", folder / "key.pem"
    for path, content in zip(paths, https_credential(datetime.now(UTC), "127.0.0.1"), strict=True):
        path.touch(0o600)
        path.write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths[1], paths[2])
    return context


async def run(operator: Operator) -> dict[str, Any]:
    said = await operator.said("run", "--json", "--wait", "2")
    passes = [json.loads(line) for line in said.out.splitlines() if line.startswith('{"schema": "danelaw/run')]
    return {
        "status": said.status,
        "failed": {one["outcome"]["code"]: one["outcome"]["hint"] for one in failed(passes)},
        "waits": sorted({one["code"] for one in passes if one["kind"] == "wait"}),
        "did": list(done(passes)),
        "settled": settled(passes),
        "err": said.err,
        "traceback": "Traceback" in said.out + said.err,
    }


async def meets(operator: Operator, way: GoBetween, broken: Broken) -> dict[str, Any]:
    """Run after run until one says so; what that one said."""
    break_it = way.bar if broken.barred else way.next if broken.once else way.always
    break_it(broken.what, broken.fault)
    async with until(f"a run says {broken.code}", PATIENCE):
        said = await run(operator)
        while broken.code not in {*said["failed"], *said["waits"]}:
            said = await run(operator)
    presents = [await handshake(ip) is not None for place in addresses.WEB for ip in place]
    published = len(await rdatas(OWNER, T.TLSA))
    way.heal()
    return said | {"published": published, "presents": all(presents)}


async def rolls(operator: Operator, ways: Ways, crowd: Crowd) -> dict[str, Any]:
    told: dict[str, Any] = {}
    async with operator.running(), until("it is enrolled", PATIENCE):
        await operator.until(settled)
    before = len(ways.ca.said)
    changed = ways.api.said.count(("PATCH", 204))
    crowd.scene = "roll"
    await operator.does("roll", operator.service)
    for of, way, faults in (("CA", ways.ca, CA), ("API", ways.api, API)):
        for name, broken in faults.items():
            crowd.scene = f"{of}: {name}"
            told[crowd.scene] = await meets(operator, way, broken)
    crowd.scene = "healed"
    async with until("all is settled", PATIENCE):
        while not (last := await run(operator))["settled"]:
            pass
    asked = ways.ca.said[before:]
    return {
        "faults": told,
        "last": last | {"published": len(await rdatas(OWNER, T.TLSA))},
        "orders": asked.count(("order-plz", 201)),
        "finalized": asked.count(("finalize-order", 200)),
        "changes": ways.api.said.count(("PATCH", 204)) - changed,
    }


async def play(found: Mapping[str, str]) -> dict[str, Any]:
    room, dialer, ways = Room(FOLDER, found, wiring.commands()), wiring.dialer(), Ways()
    async with LifeWorld(room, dialer, PowerDNSPrimary, Nginx) as world:
        upstream = ssl.create_default_context(cafile=str(world.ca.api_bundle))
        behind = (str(addresses.CA.v4), CA_PORT)
        async with (
            ways.ca.listening(behind, upstream, credential(room)) as ca,
            ways.api.listening(("127.0.0.1", API_PORT)) as api,
        ):
            operator = Operator(world, by_cron=True)
            operator.write()
            configure(operator, ca, api)
            await operator.enrols()
            operator.strategy("staged")
            async with Crowd(
                host=f"{world.service.host}.",
                root_servers=[str(addresses.ROOT.v4)],
                trust_anchor=world.above.anchor,
                roots_pem=world.ca.roots.read_bytes(),
                locate=lambda ip, port: dialer.locate(ip_address(ip), port),
                size=10,
                pace=0.6,
                resolvers=[str(ip) for ip in addresses.CLIENTS],
            ) as crowd:
                told = await rolls(operator, ways, crowd)
                await crowd.rounds()
    there = [one for one in crowd.connections if one.scene]
    refused = [one for one in there if one.outcome is Outcome.REFUSED]
    return told | {"connections": len(there), "refused": [str(one) for one in refused]}


if __name__ == "__main__":
    everything = find()
    if not namespaces.inside():
        sys.exit(namespaces.run((sys.executable, *sys.argv), everything))
    namespaces.furnish(everything)
    print(json.dumps(asyncio.run(play(everything)), indent=1))
