"""Six zones in files before servers that people run: five are to be given other keys by ``danelaw``, as an operator
types it, and one by a careless hand.

The parent is a registry that takes the DS from CDS records (RFC 7344), before a real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import dns.asyncquery
import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.zonefile
from dns.name import Name
from dns.rdatatype import RdataType as T
from zone_rolls_eyes import Eyes
from zone_rolls_servers import BIND, KNOT, LAGS, MESSENGERS, MORE_PLACES, NSD, SERVERS, Held, Knot, Named, Nsd

from danelaw.adapters.clock import SubprocessCommands
from danelaw.core.model import RRset
from danelaw.core.rollover.actions import SubmitDS
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.above import ServedAbove
from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.apache import Apache, reload_script
from danelaw.worlds.lab.real.registry import RealRegistry
from danelaw.worlds.lab.real.roads import Messenger
from danelaw.worlds.lab.real.supervise import supervision
from danelaw.worlds.lab.real.unbound import FRESH, VALIDATING, Unbound
from danelaw.worlds.lab.registry import ParentZone

WORLD: Final = namespaces.RUN / "world"
DANELAW: Final = (sys.executable, "-m", "danelaw")
LIMIT: Final = timedelta(seconds=60)
PATIENCE: Final = 240.0
WARM: Final = {"warm 1": IPv4Address("127.0.0.2"), "warm 2": IPv4Address("127.0.0.3")}
MORE_PROGRAMS: Final = {"knotd": "knot", "drill": "ldnsutils"}
"""Those that the real world has no use of, with their packages."""
RSA: Final = ("--algorithm", "RSASHA256")

ZONE: Final = """\
$TTL 2
@     SOA ns1 hostmaster 2026112301 4 1 604800 1
      NS  ns1
      NS  ns2
      NS  ns3
ns1   A   {bind}
ns2   A   {nsd}
ns3   A   {knot}
www   A   {web}
*.wild A  192.0.2.81
"""
TLSA: Final = f"_443._tcp.www TLSA 3 1 1 {'ab' * 32}\n"


@dataclass(frozen=True, slots=True)
class Roll:
    """``keys``: what ``danelaw zone keygen`` is told, once for each key. ``words``: what ``danelaw zone roll`` is.

    Without words a service stands there, and ``danelaw run`` rolls the zone and the service's keys at the same time.
    """

    label: str
    primary: Place
    keys: tuple[tuple[str, ...], ...]
    words: tuple[str, ...] = ()
    nsec3: bool = False
    dnskey_ttl: int = 3

    @property
    def zone(self) -> Name:
        return dns.name.from_text(self.label)

    @property
    def folder(self) -> Path:
        return WORLD / "zones" / self.label

    @property
    def held(self) -> Held:
        return Held(self.zone, self.folder / "zone.signed", self.primary)


SPLIT: Final = (("--ksk",), ("--zsk",))
ROLLS: Final = (
    Roll("zsk.net", BIND, SPLIT, ("--zsk",)),
    Roll("ksk.net", BIND, SPLIT, ("--ksk",), nsec3=True),
    Roll("csk.net", NSD, (("--csk",),), ("--csk",)),
    Roll("rsa.net", NSD, (("--ksk", *RSA), ("--zsk", *RSA)), ("--algorithm", "ECDSAP256SHA256"), nsec3=True),
)
BOTH: Final = Roll("both.net", BIND, (("--csk",),), nsec3=True)
NAIVE: Final = Roll("naive.net", BIND, SPLIT, dnskey_ttl=8)
EVERY: Final = (*ROLLS, BOTH, NAIVE)

LIMITS: Final = """
[limits]
pass_interval = 0.5
gap_passes = 12
hold_floor = 1
ttl_factor = 1
lookup_delay = 1
assumed_past_ttl = 2
retention = 600
in_flight = 3
linger = 1.5
renewal_check = 1
clock_skew = 1
renew_fraction = 0.5021
urgent_fraction = 0.9
"""


# -- the operator's files ----------------------------------------------------------------------------------------------


def configuration(roll: Roll, reload: tuple[str, ...], *, algorithm: str | None = None) -> str:
    """``danelaw.toml`` of one zone."""
    return f"""\
[resolver]
forwarders = ["{addresses.FORWARDER.v4}"]
trust_anchor = "{WORLD}/root.key"
[state]
store = "store.sqlite"
credentials = "credentials"
[issuers.own]
type = "selfsigned"
[publishers.zone]
type = "zonefile"
zone = "{roll.label}"
file = "zone"
signed = "zone.signed"
keys = "keys"
reload = {json.dumps(list(reload))}
ds_ttl = 1
cds = true
dnskey_ttl = {roll.dnskey_ttl}
nsec3 = {"true" if roll.nsec3 else "false"}
{f'algorithm = "{algorithm}"' if algorithm else ""}
{LIMITS}"""


def service(reload: Path) -> str:
    return f"""\
endpoints = ["www.{BOTH.label}:443"]
issuer = "own"
publisher = "zone"
strategy = "staged"
tlsa_ttl = 1
deploy = {{ directory = "{BOTH.folder}/live", reload = ["{reload}"] }}
"""


async def run(*argv: str) -> str:
    """A program that must succeed; what it says."""
    done = await SubprocessCommands().run(argv, LIMIT)
    assert done.status == 0, (argv, done)
    return done.output


async def lay_out(roll: Roll, reload: tuple[str, ...]) -> None:
    """The zone of the first day: signed, and as it has been for long."""
    roll.folder.mkdir(parents=True)
    text = ZONE.format(bind=BIND.v4, nsd=NSD.v4, knot=KNOT.v4, web=addresses.WEB[0].v4)
    (roll.folder / "zone").write_text(text if roll is BOTH else text + TLSA)
    (roll.folder / "danelaw.toml").write_text(configuration(roll, ("true",)))
    for words in roll.keys:
        await run(*DANELAW, "zone", "keygen", roll.label, "--keys", str(roll.folder / "keys"), *words)
    await run(*DANELAW, "zone", "sign", roll.label, "--config", str(roll.folder / "danelaw.toml"), "--wait", "0")
    (roll.folder / "danelaw.toml").write_text(configuration(roll, reload))


def first_ds(roll: Roll) -> frozenset[bytes]:
    """Of the keys with the SEP bit, from their files."""
    found = set()
    for file in sorted((roll.folder / "keys").glob("*.key")):
        text = "\n".join(line for line in file.read_text().splitlines() if not line.startswith(";"))
        (rrset,) = dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=1)
        if rrset[0].flags & 1:
            found.add(dns.dnssec.make_ds(roll.zone, rrset[0], "SHA256").to_wire())
    assert None not in found
    return frozenset(wire for wire in found if wire is not None)


# -- the parent --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Registry:
    """Looks for CDS records at each primary again and again, and does as they say. ``followed``: how often, by zone."""

    parent: ParentZone
    port: RealRegistry
    followed: dict[str, int] = field(default_factory=dict)

    async def follow(self, rolls: Sequence[Roll]) -> None:
        while True:
            for roll in rolls:
                wanted, there = await self._asked_for(roll), self.parent.found(roll.zone)
                if wanted and isinstance(there, RRset) and wanted != there.rdatas:
                    await self.port.submit_ds(SubmitDS(roll.zone, there, RRset(roll.zone, T.DS, 1, wanted)))
                    self.followed[roll.label] = self.followed.get(roll.label, 0) + 1
            await asyncio.sleep(0.3)

    async def _asked_for(self, roll: Roll) -> frozenset[bytes]:
        return frozenset(rdata.to_wire() for rdata in await rdatas(roll.primary, roll.zone, T.CDS))


async def rdatas(at: Place, name: Name | str, type: T) -> list[Any]:
    """What a server says; an answer that does not come is none."""
    try:
        reply, _ = await dns.asyncquery.udp_with_fallback(dns.message.make_query(name, type), str(at.v4), timeout=5)
    except dns.exception.Timeout:
        return []
    return [rdata for rrset in reply.answer if rrset.rdtype == type for rdata in rrset]


# -- the world ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class World:
    registry: Registry
    eyes: Eyes
    reloads: Mapping[str, tuple[str, ...]]
    reload_web: Path


@contextlib.asynccontextmanager
async def standing(found: Mapping[str, str]) -> AsyncIterator[World]:
    commands = SubprocessCommands()
    for place in MORE_PLACES:
        await run(found["ip"], "addr", "add", f"{place.v4}/32", "dev", "lo")
    copies = {name: str(WORLD / "bin" / name) for name in programs.CONFINED}
    (WORLD / "bin").mkdir(parents=True)
    for name, copy in copies.items():
        shutil.copy(found[name], copy)
    more = {name: str(shutil.which(name)) for name in MORE_PROGRAMS}
    found = {**found, **more, **copies}

    held = tuple(roll.held for roll in EVERY)
    named, nsd, knot = (
        Named(WORLD / "bind", found, held),
        Nsd(WORLD / "nsd", found, held),
        Knot(WORLD / "knot", found, held),
    )
    reloads = {roll.label: (named if roll.primary == BIND else nsd).reload(roll.label) for roll in EVERY}
    await asyncio.gather(*(lay_out(roll, reloads[roll.label]) for roll in EVERY))

    delegations = {
        roll.zone: {f"ns{number}.{roll.label}.": place.v4 for number, place in enumerate(SERVERS, 1)} for roll in EVERY
    }
    above = ServedAbove(WORLD, found, delegations)
    for roll in EVERY:
        above.net.delegate(roll.zone, first_ds(roll))
    above.write()

    def unbound(ip: IPv4Address, options: tuple[str, ...]) -> Unbound:
        return Unbound(WORLD / f"unbound-{ip}", (ip,), found, above.hints_file, above.anchor_file, options)

    fresh = unbound(IPv4Address("127.0.0.5"), VALIDATING)
    resolvers = [unbound(addresses.FORWARDER.v4, FRESH), fresh, *(unbound(ip, VALIDATING) for ip in WARM.values())]
    web = Apache(WORLD / "web", addresses.WEB[0], found, f"www.{BOTH.label}", WORLD / "webroot", BOTH.folder / "live")
    web.webroot.mkdir()
    reload_web = WORLD / "bin" / "reload-web"
    reload_web.write_text(reload_script((web,), found))
    reload_web.chmod(0o755)

    async with contextlib.AsyncExitStack() as stack:
        supervisor = await stack.enter_async_context(supervision())
        for at in SERVERS:
            await stack.enter_async_context(Messenger(MESSENGERS[at], at, LAGS[at]).carrying())
        first = (
            *(parent.server() for parent in above.servers),
            named.server(),
            nsd.server(),
            knot.server(),
            web.server(),
        )
        await asyncio.gather(*(supervisor.start(server) for server in first))
        await asyncio.gather(*(supervisor.start(resolver.server()) for resolver in resolvers))
        eyes = Eyes(
            [roll.label for roll in EVERY],
            WARM,
            fresh.at[0],
            fresh.control("flush_zone", "."),
            WARM["warm 1"],
            above.anchor_file,
            above.bind_keys_file,
            found,
            commands,
        )
        yield World(Registry(above.net, above.registry(commands)), eyes, reloads, reload_web)
