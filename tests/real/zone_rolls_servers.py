"""Servers that hold several zones each: BIND, NSD and Knot, each the primary of some and a secondary of the others.

NOTIFY goes to a secondary by a messenger of its own and comes late, each to another degree: so a resolver that asks
whom it likes gets the DNSKEY RRset of one version of a zone and the records of another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

from dns.name import Name

from danelaw.worlds.lab.real import addresses
from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.asking import serves_zone
from danelaw.worlds.lab.real.bind import Key
from danelaw.worlds.lab.real.supervise import Server

BIND: Final = addresses.PRIMARY
NSD: Final = addresses.SECONDARY
KNOT: Final = Place(IPv4Address("192.0.2.15"), IPv6Address("2001:db8::15"))
MESSENGERS: Final = {
    at: Place(IPv4Address(f"192.0.2.{number}"), IPv6Address(f"2001:db8::{number}"))
    for at, number in ((BIND, 21), (NSD, 22), (KNOT, 23))
}
"""Who brings NOTIFY to each."""
LAGS: Final = {BIND: 0.5, NSD: 1.2, KNOT: 2.0}
"""Seconds that it takes. A secondary also looks by itself, when the SOA's refresh says so."""
MORE_PLACES: Final = (KNOT, *MESSENGERS.values())
SERVERS: Final = (BIND, NSD, KNOT)


@dataclass(frozen=True, slots=True)
class Held:
    """A zone, the file that its primary serves, and which server that is."""

    zone: Name
    file: Path
    primary: Place

    @property
    def label(self) -> str:
        return self.zone.to_text(omit_final_dot=True)

    def others(self) -> list[Place]:
        return [place for place in SERVERS if place != self.primary]


def _ready(at: Place, zones: tuple[Held, ...]) -> Callable[[], Awaitable[bool]]:
    """A secondary is ready when it serves what it has transferred, every zone of it."""

    async def ready() -> bool:
        return all([await serves_zone(at.v4, held.zone)() for held in zones])

    return ready


@dataclass(frozen=True, slots=True)
class Named:
    folder: Path
    programs: Mapping[str, str]
    zones: tuple[Held, ...]

    def server(self) -> Server:
        self.folder.mkdir(parents=True)
        key = Key("control").statement()
        told = "".join(self._zone(held) for held in self.zones)
        (self.folder / "named.conf").write_text(
            f"""\
{key}options {{
    directory "{self.folder}"; pid-file "{self.folder}/named.pid"; lock-file none; session-keyfile none;
    managed-keys-directory "{self.folder}"; listen-on {{ {BIND.v4}; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; notify explicit; notify-delay 0; allow-transfer {{ any; }};
    notify-source {BIND.v4}; transfer-source {BIND.v4}; min-refresh-time 1; min-retry-time 1;
}};
controls {{ inet {BIND.v4} port 953 allow {{ any; }} keys {{ "control"; }}; }};
{told}"""
        )
        (self.folder / "rndc.conf").write_text(
            f'{key}options {{ default-key "control"; default-server {BIND.v4}; default-port 953; }};\n'
        )
        argv = (self.programs["named"], "-g", "-n", "1", "-c", str(self.folder / "named.conf"))
        return Server("named", argv, self.folder / "log", _ready(BIND, self.zones))

    def _zone(self, held: Held) -> str:
        if held.primary == BIND:
            notify = " ".join(f"{MESSENGERS[other].v4};" for other in held.others())
            return f'zone "{held.zone}" {{ type primary; file "{held.file}"; also-notify {{ {notify} }}; }};\n'
        return (
            f'zone "{held.zone}" {{ type secondary; primaries {{ {held.primary.v4}; }}; file "{held.label}"; '
            f"notify no; allow-notify {{ {MESSENGERS[BIND].v4}; }}; }};\n"
        )

    def reload(self, zone: str) -> tuple[str, ...]:
        return (self.programs["rndc"], "-c", str(self.folder / "rndc.conf"), "reload", zone)


@dataclass(frozen=True, slots=True)
class Nsd:
    folder: Path
    programs: Mapping[str, str]
    zones: tuple[Held, ...]

    def server(self) -> Server:
        self.folder.mkdir(parents=True)
        told = "".join(self._zone(held) for held in self.zones)
        (self.folder / "nsd.conf").write_text(
            f"""\
server:
  ip-address: {NSD.v4}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{self.folder}"
  pidfile: "{self.folder}/nsd.pid"
  xfrdfile: "{self.folder}/xfrd.state"
  xfrdir: "{self.folder}"
  zonelistfile: "{self.folder}/zone.list"
  xfrd-reload-timeout: 0
  server-count: 1
  verbosity: 2
remote-control:
  control-enable: yes
  control-interface: "{self.folder}/nsd.sock"
{told}"""
        )
        argv = (self.programs["nsd"], "-d", "-c", str(self.folder / "nsd.conf"))
        return Server("nsd", argv, self.folder / "log", _ready(NSD, self.zones))

    def _zone(self, held: Held) -> str:
        lines = ["zone:", f'name: "{held.zone}"', f"outgoing-interface: {NSD.v4}"]
        if held.primary == NSD:
            lines += [f'zonefile: "{held.file}"', "provide-xfr: 0.0.0.0/0 NOKEY"]
            lines += [f"notify: {MESSENGERS[other].v4} NOKEY" for other in held.others()]
        else:
            lines += [f'zonefile: "{held.label}"', f"request-xfr: AXFR {held.primary.v4} NOKEY"]
            lines += [f"allow-notify: {MESSENGERS[NSD].v4} NOKEY"]
        return "\n  ".join(lines) + "\n"

    def reload(self, zone: str) -> tuple[str, ...]:
        return (self.programs["nsd-control"], "-c", str(self.folder / "nsd.conf"), "reload", zone)


@dataclass(frozen=True, slots=True)
class Knot:
    """A secondary of all."""

    folder: Path
    programs: Mapping[str, str]
    zones: tuple[Held, ...]

    def server(self) -> Server:
        self.folder.mkdir(parents=True)
        zones = "".join(
            f"  - domain: {held.zone}\n    file: {held.label}\n    master: {_id(held.primary)}\n    acl: told\n"
            for held in self.zones
        )
        remotes = "".join(
            f"  - id: {_id(at)}\n    address: {at.v4}\n    via: {KNOT.v4}\n"
            for at in sorted({held.primary for held in self.zones}, key=lambda place: int(place.v4))
        )
        (self.folder / "knot.conf").write_text(
            f"""\
server:
    rundir: "{self.folder}"
    listen: {KNOT.v4}@53
    udp-workers: 1
    tcp-workers: 1
log:
  - target: stderr
    any: info
control:
    listen: "{self.folder}/knot.sock"
database:
    storage: "{self.folder}/db"
remote:
{remotes}acl:
  - id: told
    address: {MESSENGERS[KNOT].v4}
    action: notify
template:
  - id: default
    storage: "{self.folder}"
zone:
{zones}"""
        )
        argv = (self.programs["knotd"], "-c", str(self.folder / "knot.conf"))
        return Server("knotd", argv, self.folder / "log", _ready(KNOT, self.zones))


def _id(at: Place) -> str:
    return {BIND: "bind", NSD: "nsd"}[at]
