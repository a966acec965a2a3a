"""BIND, NSD and Knot on loopback, each serving one signed zone from its file, with the command that reloads it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.query
from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType as T
from ended_processes import stopped
from update_servers import LOOPBACK, SECRET, Server, free_port, until

Find = Callable[[str, str], str]
"""Where a program is, by its name and its Debian package."""


@dataclass(frozen=True)
class Loading:
    """A server that runs. ``reload``: what makes it load the zone's file again."""

    server: Server
    reload: tuple[str, ...]

    @property
    def at(self) -> str:
        return f"{LOOPBACK}@{self.server.port}"

    def ask(self, name: Name, type: T) -> Message:
        query = dns.message.make_query(name, type, want_dnssec=True)
        query.flags &= ~dns.flags.RD
        reply, _ = dns.query.udp_with_fallback(query, str(LOOPBACK), timeout=5, port=self.server.port)
        return reply

    def serial(self, zone: Name) -> int | None:
        """What it serves, or None."""
        try:
            answer = self.ask(zone, T.SOA).answer
        except (dns.exception.DNSException, OSError):
            return None
        return next((rdata.serial for rrset in answer if rrset.rdtype == T.SOA for rdata in rrset), None)

    def answering(self) -> frozenset[int]:
        """The processes that a server has for answers, where that is not itself, by number: NSD's, of which each reload
        makes others, and those before go on answering for a while."""
        parents = dict(_alive())
        own = {self.server.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in own} - own:
            own |= more
        return frozenset(own - {self.server.process.pid} - set(parents.values()))


def _alive() -> Iterator[tuple[int, int]]:
    """Every process and its parent."""
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            state, parent = place.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                yield int(place.parent.name), int(parent)


@contextlib.contextmanager
def named(find: Find, folder: Path, zone: Name, file: Path) -> Iterator[Loading]:
    port, control = free_port(), free_port()
    key = f'key "control" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
    (folder / "named.conf").write_text(f"""\
{key}options {{
    directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile none; lock-file none;
    listen-on port {port} {{ {LOOPBACK}; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; notify no; querylog no;
}};
controls {{ inet {LOOPBACK} port {control} allow {{ any; }} keys {{ "control"; }}; }};
zone "{zone}" {{ type primary; file "{file}"; }};
""")
    rndc = folder / "rndc.conf"
    rndc.write_text(f'{key}options {{ default-key "control"; default-server {LOOPBACK}; default-port {control}; }};\n')
    argv = [find("named", "bind9"), "-g", "-n", "1", "-c", str(folder / "named.conf")]
    reload = (find("rndc", "bind9-utils"), "-c", str(rndc), "reload", zone.to_text(omit_final_dot=True))
    with _running(argv, folder, port, reload, zone) as loading:
        yield loading


@contextlib.contextmanager
def nsd(find: Find, folder: Path, zone: Name, file: Path) -> Iterator[Loading]:
    port = free_port()
    conf = folder / "nsd.conf"
    conf.write_text(f"""\
server:
  ip-address: {LOOPBACK}@{port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  xfrd-reload-timeout: 0
  server-count: 1
remote-control:
  control-enable: yes
  control-interface: "{folder}/nsd.sock"
zone:
  name: "{zone}"
  zonefile: "{file}"
""")
    reload = (find("nsd-control", "nsd"), "-c", str(conf), "reload", zone.to_text(omit_final_dot=True))
    with _running([find("nsd", "nsd"), "-d", "-c", str(conf)], folder, port, reload, zone) as loading:
        yield loading


@contextlib.contextmanager
def knot(find: Find, folder: Path, zone: Name, file: Path) -> Iterator[Loading]:
    port = free_port()
    conf = folder / "knot.conf"
    conf.write_text(f"""\
server:
    rundir: "{folder}"
    listen: {LOOPBACK}@{port}
    pidfile: "{folder}/knot.pid"
    udp-workers: 1
    tcp-workers: 1
log:
  - target: stderr
    any: info
control:
    listen: "{folder}/knot.sock"
database:
    storage: "{folder}/db"
zone:
  - domain: {zone}
    storage: "{folder}"
    file: "{file}"
    zonefile-load: whole
    zonefile-sync: -1
""")
    reload = (find("knotc", "knot"), "-c", str(conf), "zone-reload", zone.to_text(omit_final_dot=True))
    with _running([find("knotd", "knot"), "-c", str(conf)], folder, port, reload, zone) as loading:
        yield loading


SERVERS: Final = {"BIND": named, "NSD": nsd, "Knot": knot}


@contextlib.contextmanager
def _running(argv: list[str], folder: Path, port: int, reload: tuple[str, ...], zone: Name) -> Iterator[Loading]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - our own words
    loading = Loading(Server(folder, port, folder, process), reload)
    try:
        until(lambda: loading.serial(zone) is not None, loading.server)
        yield loading
    finally:
        stopped(process)
