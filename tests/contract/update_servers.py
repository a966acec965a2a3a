"""Name servers that keep and sign a zone themselves and take dynamic updates, on loopback, for a test's lifetime."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import dns.exception
import dns.message
import dns.name
import dns.query
from dns.rdatatype import RdataType as T
from ended_processes import stopped

ZONE: Final = dns.name.from_text("example.net.")
LOOPBACK: Final = IPv4Address("127.0.0.1")
SECRET: Final = "VGVzdHMgc2hhcmUgdGhpcyBzZWNyZXQgd2l0aCBub2JvZHk="  # noqa: S105 - known to everybody, and good for tests
KEY_FILE: Final = f'key "ddns" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n'

RECORDS: Final = """\
@               SOA     ns1 hostmaster 7 3600 900 1209600 60
                NS      ns1
                MX      10 www
ns1             A       127.0.0.1
www             A       192.0.2.80
_25._tcp.www    TLSA    3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
alias           CNAME   www
*.wild          TXT     "from the wildcard"
"""

UNASSIGNED: Final = range(20000, 32000)
"""Below what Linux gives to sockets that ask for any port (``ip_local_port_range``)."""

DEADLINE: Final = 90.0


@dataclass(frozen=True)
class Server:
    """A server that runs. ``folder`` holds its files; ``key_file`` is the updating key's."""

    folder: Path
    port: int
    key_file: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


def free_port() -> int:
    """One that is free for UDP and TCP, and stays so: the kernel gives none of these away by itself."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp, contextlib.suppress(OSError):
            port = random.choice(UNASSIGNED)  # noqa: S311 - no secret
            udp.bind((str(LOOPBACK), port))
            tcp.bind((str(LOOPBACK), port))
            return port


def named_conf(folder: Path, port: int, zone: str) -> str:
    """``zone``: what stands in the zone's block."""
    return f"""\
include "{folder}/ddns.key";
key "stranger" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
options {{
    directory "{folder}"; key-directory "{folder}/keys"; pid-file "{folder}/named.pid";
    session-keyfile none; lock-file none; listen-on port {port} {{ {LOOPBACK}; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; notify no; querylog no;
}};
controls {{ }};
zone "{ZONE}" {{ type primary; file "zone"; {zone} }};
"""


BIND_SIGNS: Final = "dnssec-policy default; inline-signing no; update-policy { grant ddns zonesub ANY; };"


@contextlib.contextmanager
def bind(program: str, folder: Path, zone: str = BIND_SIGNS, *, policy: str = "", ttl: int = 300) -> Iterator[Server]:
    """BIND's ``named``, in the foreground. ``policy``: further statements; ``ttl``: of the zone's records."""
    port = free_port()
    (folder / "keys").mkdir()
    (folder / "named.conf").write_text(policy + named_conf(folder, port, zone))
    argv = [program, "-g", "-n", "1", "-c", str(folder / "named.conf")]
    with _running(argv, folder, port, ttl) as server:
        yield server


KNOT_REREADS: Final = "zonefile-sync: -1", "zonefile-load: difference-no-serial", "journal-content: all"
"""Its zone file is what an operator edits, and each start takes back what updates have made since."""


def knot_conf(folder: Path, port: int, zone: tuple[str, ...]) -> str:
    lines = "\n    ".join(zone)
    return f"""\
server:
    rundir: "{folder}"
    listen: {LOOPBACK}@{port}
    pidfile: "{folder}/knot.pid"
    udp-workers: 1
    tcp-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{folder}/db"
key:
  - id: ddns
    algorithm: hmac-sha256
    secret: {SECRET}
acl:
  - id: update
    key: ddns
    action: update
zone:
  - domain: {ZONE}
    storage: "{folder}"
    file: zone
    acl: update
    dnssec-signing: on
    {lines}
"""


@contextlib.contextmanager
def knot(program: str, folder: Path, zone: tuple[str, ...] = KNOT_REREADS) -> Iterator[Server]:
    """``knotd``, in the foreground. ``zone``: how it keeps its zone; without any, updates go to the zone file."""
    port = free_port()
    (folder / "db").mkdir()
    (folder / "knot.conf").write_text(knot_conf(folder, port, zone))
    with _running([program, "-c", str(folder / "knot.conf")], folder, port) as server:
        yield server


@contextlib.contextmanager
def _running(argv: list[str], folder: Path, port: int, ttl: int = 300) -> Iterator[Server]:
    (folder / "zone").write_text(f"$ORIGIN {ZONE}\n$TTL {ttl}\n{RECORDS}")
    key_file = folder / "ddns.key"
    key_file.write_text(KEY_FILE)
    key_file.chmod(0o600)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - our own words
    server = Server(folder, port, key_file, process)
    try:
        until(lambda: _serves_signed(port), server)
        yield server
    finally:
        stopped(process)


def until(reached: Callable[[], bool], server: Server) -> None:
    """Looks again until it is so. What a server does by itself tells nobody when it is done; its death is noticed."""
    deadline = time.monotonic() + DEADLINE
    while not reached():
        assert time.monotonic() < deadline, server.log
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = server.process.wait(0.02)
            raise AssertionError(f"it ended with {status}: {server.log}")


def _serves_signed(port: int) -> bool:
    query = dns.message.make_query(ZONE, T.SOA, want_dnssec=True)
    try:
        reply = dns.query.udp(query, str(LOOPBACK), timeout=1, port=port)
    except (dns.exception.DNSException, OSError):
        return False
    return {rrset.rdtype for rrset in reply.answer} == {T.SOA, T.RRSIG}
