"""A publisher of each kind with the zone that it changes, kept by a real server, or by a stand-in if there is none."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dns.message
import dns.name
import dns.query
import dns.rdata
import dns.rdatatype
from api_stand_ins import TOKEN, Cloudflare, Desec, serving
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T
from loading_servers import SERVERS, Loading
from pdns_server import PowerDNS, powerdns
from update_servers import LOOPBACK, RECORDS, SECRET, ZONE, Server, bind, knot, until

from danelaw.adapters.clock import DirectDialer, SubprocessCommands, SubprocessPrograms, SystemClock, ThreadBlocking
from danelaw.adapters.publish import tsig
from danelaw.adapters.publish.compared import ComparedPublisher, Place
from danelaw.adapters.publish.desec import DesecZone
from danelaw.adapters.publish.exec import ProgramZone
from danelaw.adapters.publish.octodns import OctoDNSZone
from danelaw.adapters.publish.powerdns import PowerDNSZone
from danelaw.adapters.publish.rfc2136 import Primary, Rfc2136Publisher
from danelaw.adapters.publish.secret import Secret
from danelaw.adapters.publish.web import Site, WebApi
from danelaw.adapters.publish.zonefile import ZonefilePublisher
from danelaw.adapters.zone.file_zones import FileZones, ZoneFile
from danelaw.core.model import Answer
from danelaw.core.rollover.actions import Conflict, Publish, Receipt
from danelaw.ports import Publisher

Require = Callable[..., str]
Records = tuple[int, frozenset[str]] | None
"""TTL and records as text; None: there are none."""

NAMES: Final = ("", "ns1", "www", "_25._tcp.www", "alias")
TYPES: Final = (T.NS, T.MX, T.A, T.TLSA, T.CNAME)
PROGRAM: Final = Path(__file__).with_name("publishing_program.py")


@dataclass(frozen=True)
class Bench:
    """``look``: what is there, as somebody else sees it. ``serial``: of the zone, or what else counts its changes."""

    publisher: Publisher
    look: Callable[[Name, int], Records]
    serial: Callable[[], int]
    tells_serial: bool = True

    def publish(self, expect: Answer, replace: Answer, zone: Name = ZONE) -> Receipt | Conflict:
        return asyncio.run(self.publisher.publish(Publish(zone, expect, replace)))

    def rest(self) -> dict[tuple[str, T], Records]:
        """What no test changes."""
        return {(name, type): self.look(dns.name.from_text(name, ZONE), type) for name in NAMES for type in TYPES}


@dataclass
class Benches:
    """Makes what is asked for, and keeps it until ``stack`` is closed: a server serves many tests."""

    folder: Path
    require: Require
    stack: ExitStack
    made: dict[str, Any] = field(default_factory=dict)

    def bench(self, kind: str) -> Bench:
        if kind not in self.made:
            self.made[kind] = getattr(self, f"_{kind}")()
        bench = self.made[kind]
        assert isinstance(bench, Bench)
        return bench

    def _room(self, name: str) -> Path:
        """There is one already where a test was skipped for want of a program."""
        room = self.folder / name
        room.mkdir(exist_ok=True)
        return room

    def named(self) -> Server:
        if "named" not in self.made:
            room = self._room("named")
            (room / "named").mkdir(exist_ok=True)
            self.made["named"] = self.stack.enter_context(bind(self.require("named", package="bind9"), room))
        server = self.made["named"]
        assert isinstance(server, Server)
        return server

    def pdns(self) -> PowerDNS:
        if "pdns" not in self.made:
            program = self.require("pdns_server", package="pdns-server")
            self.require("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql", package="pdns-backend-sqlite3")
            self.made["pdns"] = self.stack.enter_context(powerdns(program, self._room("pdns")))
        server = self.made["pdns"]
        assert isinstance(server, PowerDNS)
        return server

    # -- by dynamic update --------------------------------------------------------------------------------------------

    def _updated(self, server: Server) -> Bench:
        primary = Primary(LOOPBACK, server.port, ZONE, tsig.read_key(server.key_file))
        return by_dns(Rfc2136Publisher(primary, DirectDialer(), SystemClock()), server.port)

    def _rfc2136_bind(self) -> Bench:
        return self._updated(self.named())

    def _rfc2136_knot(self) -> Bench:
        return self._updated(self.stack.enter_context(knot(self.require("knotd", package="knot"), self._room("knotd"))))

    # -- in files -----------------------------------------------------------------------------------------------------

    def _filed(self, program: str) -> Bench:
        room = self._room(f"filed-{program}")
        (room / "zone").write_text(f"$ORIGIN {ZONE}\n$TTL 300\n{RECORDS}")
        signed = room / "zone.signed"

        def zones(reload: tuple[str, ...]) -> FileZones:
            files = ZoneFile(room / "zone", room / "keys", signed, reload)
            return FileZones({ZONE: files}, SystemClock(), ThreadBlocking(), SubprocessCommands())

        before = zones(("true",))
        keys = asyncio.run(before.make_keys(ZONE))
        asyncio.run(before.sign(ZONE, frozenset(key.dnskey for key in keys), datetime.now(UTC)))

        def find(name: str, package: str) -> str:
            return self.require(name, package=package)

        loading = self.stack.enter_context(SERVERS[program](find, room, ZONE, signed))
        publisher = LoadedPublisher(ZonefilePublisher(zones(loading.reload), SystemClock()), loading)
        return by_dns(publisher, loading.server.port)

    def _zonefile_bind(self) -> Bench:
        return self._filed("BIND")

    def _zonefile_nsd(self) -> Bench:
        return self._filed("NSD")

    def _zonefile_knot(self) -> Bench:
        return self._filed("Knot")

    # -- by interfaces of their own -----------------------------------------------------------------------------------

    def _powerdns(self) -> Bench:
        return by_dns(ComparedPublisher(self.powerdns_zone()), self.pdns().server.port)

    def powerdns_zone(self, zone: Name = ZONE, key: str | None = None) -> PowerDNSZone:
        pdns = self.pdns()
        site = Site(pdns.url, "X-API-Key", Secret(key or pdns.key, "a test"))
        return PowerDNSZone(WebApi(site, SystemClock()), zone)

    def _desec(self) -> Bench:
        stand_in = Desec()
        self.stack.enter_context(serving(stand_in))
        site = Site(f"{stand_in.url}/api/v1", "Authorization", Secret(TOKEN, "a test"), "Token")

        def look(name: Name, type: int) -> Records:
            relative = name.relativize(ZONE).to_text()
            return stated(stand_in.rrsets.get(("" if relative == "@" else relative, dns.rdatatype.to_text(T(type)))))

        return unserialled(DesecZone(WebApi(site, SystemClock()), ZONE), look, lambda: stand_in.writes)

    def _octodns(self, provider: str, options: dict[str, object], **secrets: str) -> OctoDNSZone:
        hidden = {key: Secret(value, "a test") for key, value in secrets.items()}
        return OctoDNSZone(ZONE, provider, options, hidden, ThreadBlocking())

    def _octodns_bind(self) -> Bench:
        port = self.named().port
        options: dict[str, object] = {"host": str(LOOPBACK), "port": port, "key_name": "ddns."}
        options["key_algorithm"] = "hmac-sha256"
        place = self._octodns("octodns_bind.Rfc2136Provider", options, key_secret=SECRET)
        return by_dns(ComparedPublisher(place), port, tells_serial=False)

    def _octodns_powerdns(self) -> Bench:
        pdns = self.pdns()
        options: dict[str, object] = {"host": str(LOOPBACK), "port": pdns.api_port, "soa_edit_api": "increase"}
        place = self._octodns("octodns_powerdns.PowerDnsProvider", options, api_key=pdns.key)
        return by_dns(ComparedPublisher(place), pdns.server.port, tells_serial=False)

    def _octodns_cloudflare(self) -> Bench:
        stand_in = Cloudflare()
        self.stack.enter_context(serving(stand_in))
        options: dict[str, object] = {"api_url": f"{stand_in.url}/client/v4", "pagerules": False}
        place = self._octodns("octodns_cloudflare.CloudflareProvider", options, token=TOKEN)

        def look(name: Name, type: int) -> Records:
            whole, kind = name.to_text(omit_final_dot=True), dns.rdatatype.to_text(T(type))
            found = [r for r in stand_in.records.values() if (r["name"], r["type"]) == (whole, kind)]
            return (found[0]["ttl"], frozenset(r["content"] for r in found)) if found else None

        return unserialled(place, look, lambda: stand_in.writes)

    def _exec(self) -> Bench:
        state = self._room("program") / "zone.json"
        state.write_text(json.dumps({"serial": 7, "rrsets": {"alias.example.net. CNAME": [300, ["www.example.net."]]}}))
        place = ProgramZone((sys.executable, str(PROGRAM), str(state)), ZONE, SubprocessPrograms())

        def look(name: Name, type: int) -> Records:
            return stated(json.loads(state.read_text())["rrsets"].get(f"{name} {dns.rdatatype.to_text(T(type))}"))

        return Bench(ComparedPublisher(place), look, lambda: int(json.loads(state.read_text())["serial"]))


KINDS: Final = tuple(
    name.removeprefix("_")
    for name in vars(Benches)
    if name.startswith(("_rfc", "_zonefile", "_powerdns", "_desec", "_octodns_", "_exec"))
)


@dataclass(frozen=True)
class LoadedPublisher:
    """Its changes have been made when the server, which was told to load them, has done so, and nothing of it answers
    as before."""

    publisher: Publisher
    loading: Loading

    async def publish(self, change: Publish) -> Receipt | Conflict:
        serial, answering = self.loading.serial(ZONE), self.loading.answering()
        outcome = await self.publisher.publish(change)
        if isinstance(outcome, Receipt) and outcome.serial is not None:
            until(lambda: self.loading.serial(ZONE) == outcome.serial, self.loading.server)
            if outcome.serial != serial:
                until(lambda: not answering & self.loading.answering(), self.loading.server)
        return outcome


def unserialled(place: Place, look: Callable[[Name, int], Records], writes: Callable[[], int]) -> Bench:
    return Bench(ComparedPublisher(place), look, writes, tells_serial=False)


def stated(found: Any) -> Records:
    return (int(found[0]), frozenset(found[1])) if found else None


def by_dns(publisher: Publisher, port: int, *, tells_serial: bool = True) -> Bench:
    """Seen by query at the server that is changed."""

    def look(name: Name, type: int) -> Records:
        query = dns.message.make_query(name, T(type))
        reply, _ = dns.query.udp_with_fallback(query, str(LOOPBACK), timeout=5, port=port)
        for rrset in reply.answer:
            if rrset.name == name and rrset.rdtype == type:
                return rrset.ttl, frozenset(rdata.to_text(chunksize=0) for rdata in rrset)
        return None

    return Bench(publisher, look, lambda: served_serial(port), tells_serial)


def served_serial(port: int) -> int:
    query = dns.message.make_query(ZONE, T.SOA)
    reply, _ = dns.query.udp_with_fallback(query, str(LOOPBACK), timeout=5, port=port)
    return int(reply.answer[0][0].serial)


def text(type: int, rdata: bytes) -> str:
    return dns.rdata.from_wire(RdataClass.IN, T(type), rdata, 0, len(rdata)).to_text(chunksize=0)
