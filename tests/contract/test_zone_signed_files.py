"""Zone files that we signed, and signed again after edits, in the hands of others: checkers, name servers, Unbound."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import pytest
from dns.rdatatype import RdataType as T
from ended_processes import stopped
from garden_oracles import read_delv
from update_servers import LOOPBACK, ZONE, Server, free_port, until

from danelaw.adapters.zone.file_zones import FileZones, Signing, ZoneFile
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, make_key, read_keys
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import DS, make_ds
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from zone_surroundings import Surroundings

pytestmark = pytest.mark.slow

Require = Callable[..., str]
DAY = timedelta(days=1)

SOURCE: Final = """\
$TTL 300
@               SOA     ns1 hostmaster 1 3600 900 1209600 60
                NS      ns1
                MX      10 mail
ns1             A       127.0.0.1
www             A       192.0.2.80
                HTTPS   1 . alpn=h2
_443._tcp.www   30 TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
a.b.c.ent       TXT     "an empty non-terminal above"
*.wild          TXT     "from the wildcard"
alias           CNAME   www
leaf            A       192.0.2.1
old             A       192.0.2.2
sub             NS      ns.sub
                DS      60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
ns.sub          A       192.0.2.2
insecure        NS      ns.insecure
ns.insecure     A       192.0.2.3
tree            DNAME   other.example.
"""
EDITS: Final = (
    ("leaf            A       192.0.2.1", "leaf            A       192.0.2.9"),
    ("old             A       192.0.2.2\n", "new.deep        A       192.0.2.4\nmore NS ns1\n"),
    ("0123456789abcdef\na.b.c", "fedcba9876543210\na.b.c"),
)
"""A record changed, a name gone, an empty non-terminal and a delegation added, a TLSA rolled."""

CHAINS: Final = {
    "NSEC": None,
    "NSEC3": NSEC3Chain(),
    "NSEC3 with a salt": NSEC3Chain(b"\xaa\xbb", 5),
    "opt-out": NSEC3Chain(opt_out=True),
}
ALGORITHMS: Final = (
    Algorithm.ECDSAP256SHA256,
    Algorithm.ECDSAP384SHA384,
    Algorithm.ED25519,
    Algorithm.ED448,
    Algorithm.RSASHA256,
)


def sign(folder: Path, chain: str, algorithm: Algorithm = ALGORITHMS[0], *, csk: bool = False) -> ZoneFile:
    """Signed days ago, then edited and signed from what was there, each day; with digest, CDS and a standby key."""
    world, now = Surroundings(), datetime.now(UTC)
    files = ZoneFile(
        folder / "zone", folder / "keys", folder / "signed", (), Signing(CHAINS[chain], zonemd=True, cds=True)
    )
    for flags in [KSK_FLAGS] if csk else [KSK_FLAGS, ZSK_FLAGS, ZSK_FLAGS]:
        make_key(files.keys, ZONE, flags, now - 30 * DAY, algorithm)
    if not csk:
        *_, standby = sorted(
            files.keys.glob("*.private"), key=lambda path: " 257 " in path.with_suffix(".key").read_text()
        )[:2]
        text = standby.read_text().splitlines()
        standby.write_text("\n".join(line for line in text if not line.startswith("Activate")) + "\n")
    files.file.write_text(SOURCE)
    zones = FileZones({ZONE: files}, world, world, world)
    asyncio.run(zones.serve(ZONE, now - 4 * DAY))
    for number, (old, new) in enumerate(EDITS):
        text_now = files.file.read_text()
        assert text_now.count(old) == 1
        files.file.write_text(text_now.replace(old, new))
        report = asyncio.run(zones.serve(ZONE, now - (2 - number) * DAY))
        assert (report.changed, report.full) == (True, "")
        assert 0 < report.signed < report.kept + report.signed
    return files


def run(*argv: str | Path) -> tuple[int, str]:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own words
    return done.returncode, done.stdout + done.stderr


KINDS: Final = [
    *((chain, ALGORITHMS[0]) for chain in CHAINS),
    *((chain, algorithm) for algorithm in ALGORITHMS[1:] for chain in ("NSEC", "NSEC3")),
]


@pytest.mark.parametrize(("chain", "algorithm"), KINDS, ids=lambda part: getattr(part, "name", part))
def test_checkers_find_every_kind_right(
    chain: str, algorithm: Algorithm, tmp_path: Path, require_program: Require
) -> None:
    """ldns checks the digest of the zone too."""
    verify = require_program("dnssec-verify", package="bind9-utils")
    ldns = require_program("ldns-verify-zone", package="ldnsutils")
    knot = require_program("kzonecheck", package="knot-dnssecutils")
    served = sign(tmp_path, chain, algorithm).served
    judgements: list[list[str | Path]] = [
        [verify, "-o", "example.net", served],
        [ldns, "-ZZ", served],
        [knot, "-d", "on", "-o", "example.net", served],
    ]
    for argv in judgements:
        status, said = run(*argv)
        assert status == 0, (argv[0], said)


def test_ldns_finds_a_wrong_digest(tmp_path: Path, require_program: Require) -> None:
    ldns = require_program("ldns-verify-zone", package="ldnsutils")
    served = sign(tmp_path, "NSEC").served
    text = served.read_text()
    glue = "ns.insecure.example.net. 300 IN A 192.0.2.3"
    assert text.count(glue) == 1
    served.write_text(text.replace(glue, glue[:-1] + "4"))
    assert run(ldns, "-ZZ", served)[0] != 0


# -- name servers -----------------------------------------------------------------------------------------------------


def named_conf(folder: Path, port: int, zone_file: Path) -> str:
    return f"""\
options {{
    directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile none; lock-file none;
    listen-on port {port} {{ {LOOPBACK}; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; notify no; querylog no;
}};
controls {{ }};
zone "{ZONE}" {{ type primary; file "{zone_file}"; }};
"""


def nsd_conf(folder: Path, port: int, zone_file: Path) -> str:
    return f"""\
server:
    ip-address: {LOOPBACK}@{port}
    server-count: 1
    zonesdir: "{folder}"
    database: ""
    username: ""
    chroot: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zonelist"
remote-control:
    control-enable: no
zone:
    name: {ZONE}
    zonefile: "{zone_file}"
"""


def knot_conf(folder: Path, port: int, zone_file: Path) -> str:
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
zone:
  - domain: {ZONE}
    storage: "{folder}"
    file: {zone_file}
    semantic-checks: on
    zonemd-verify: on
    zonefile-sync: -1
"""


@dataclass(frozen=True)
class Program:
    """A name server: its package, its words before and after the configuration file, and that file's content."""

    package: str
    words: tuple[str, ...]
    configuration: Callable[[Path, int, Path], str]


SERVERS: Final = {
    "named": Program("bind9", ("-g", "-n", "1", "-c"), named_conf),
    "nsd": Program("nsd", ("-d", "-c"), nsd_conf),
    "knotd": Program("knot", ("-c",), knot_conf),
}


@contextlib.contextmanager
def serving(name: str, program: str, folder: Path, zone_file: Path) -> Iterator[int]:
    """The port of a server that answers for the zone."""
    folder.mkdir()
    (folder / "db").mkdir()
    port = free_port()
    (folder / "conf").write_text(SERVERS[name].configuration(folder, port, zone_file))
    with running([program, *SERVERS[name].words, str(folder / "conf")], folder, port):
        yield port


@contextlib.contextmanager
def validating(program: str, folder: Path, upstream: int, anchor: str) -> Iterator[int]:
    """The port of an Unbound that trusts the zone's KSK and asks the server at ``upstream``."""
    folder.mkdir()
    port = free_port()
    (folder / "conf").write_text(f"""\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  interface: {LOOPBACK}@{port}
  access-control: 127.0.0.0/8 allow
  trust-anchor: "{anchor}"
  ede: yes
  val-log-level: 2
stub-zone:
  name: "{ZONE}"
  stub-addr: {LOOPBACK}@{upstream}
remote-control:
  control-enable: no
""")
    with running([program, "-d", "-c", str(folder / "conf")], folder, port):
        yield port


@contextlib.contextmanager
def running(argv: list[str], folder: Path, port: int) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - our own words
    try:
        until(lambda: answers(port), Server(folder, port, folder / "none", process))
        yield
    finally:
        stopped(process)


def answers(port: int) -> bool:
    try:
        return ask(port, "@", T.SOA).rcode() == dns.rcode.NOERROR
    except (dns.exception.DNSException, OSError):
        return False


def ask(port: int, owner: str, type: T) -> dns.message.Message:
    query = dns.message.make_query(dns.name.from_text(owner, ZONE), type, want_dnssec=True)
    return dns.query.tcp(query, str(LOOPBACK), timeout=5, port=port)


QUESTIONS: Final = [
    ("@", T.SOA, "NOERROR", True, True),
    ("@", T.DNSKEY, "NOERROR", True, True),
    ("@", T.CDS, "NOERROR", True, True),
    ("@", T.ZONEMD, "NOERROR", True, True),
    ("www", T.A, "NOERROR", True, True),
    ("_443._tcp.www", T.TLSA, "NOERROR", True, True),
    ("leaf", T.A, "NOERROR", True, True),
    ("new.deep", T.A, "NOERROR", True, True),
    ("any.wild", T.TXT, "NOERROR", True, None),
    ("www", T.AAAA, "NOERROR", False, True),
    ("deep", T.A, "NOERROR", False, True),
    ("b.c.ent", T.TXT, "NOERROR", False, True),
    ("old", T.A, "NXDOMAIN", False, None),
    ("no.such.name", T.A, "NXDOMAIN", False, None),
    ("_25._tcp.www", T.TLSA, "NXDOMAIN", False, None),
    ("any.wild", T.A, "NOERROR", False, None),
    ("insecure", T.DS, "NOERROR", False, None),
    ("more", T.DS, "NOERROR", False, None),
    ("sub", T.DS, "NOERROR", True, True),
]
"""What is asked: the code that answers it, whether there are records, and whether it is secure; None: but for opt-out,
where an unsigned delegation may have been left out of every span (RFC 5155 §12.2)."""

ASKED_OF_DELV: Final = [
    ("_443._tcp.www", T.TLSA),
    ("any.wild", T.TXT),
    ("www", T.AAAA),
    ("no.such.name", T.A),
    ("more", T.DS),
]
"""Of these: a record, one from a wildcard, and denials of a type, of a name and of a DS. It is a process for each."""


def said_by_delv(program: str, folder: Path, port: int, ds: DS) -> dict[tuple[str, T], str]:
    """Its word on each: ``secure``, ``insecure`` or ``refused``."""
    anchor = folder / "anchor"
    digest = f'"{ZONE}" static-ds {ds.tag} {ds.algorithm} {ds.digest_type} "{ds.digest.hex()}";'
    anchor.write_text(f"trust-anchors {{ {digest} }};\n")
    words = [program, f"@{LOOPBACK}", "-p", str(port), "-a", str(anchor), f"+root={ZONE}"]
    asked = {
        (owner, type): subprocess.Popen(  # noqa: S603 - our own words
            [*words, "-t", type.name, "-q", str(dns.name.from_text(owner, ZONE))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for owner, type in ASKED_OF_DELV
    }
    return {question: read_delv(process.communicate(timeout=60)[0]) for question, process in asked.items()}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("chain", CHAINS)
def test_what_servers_answer_from_it_is_secure_to_unbound_and_delv(
    server: str, chain: str, tmp_path: Path, require_program: Require
) -> None:
    check_served(server, chain, ALGORITHMS[0], tmp_path, require_program)


@pytest.mark.parametrize("algorithm", ALGORITHMS[1:], ids=lambda algorithm: algorithm.name)
def test_by_every_algorithm(algorithm: Algorithm, tmp_path: Path, require_program: Require) -> None:
    check_served("nsd", "NSEC3", algorithm, tmp_path, require_program)


def test_by_a_lone_key(tmp_path: Path, require_program: Require) -> None:
    check_served("named", "NSEC", ALGORITHMS[0], tmp_path, require_program, csk=True)


def check_served(
    server: str, chain: str, algorithm: Algorithm, folder: Path, require_program: Require, *, csk: bool = False
) -> None:
    program = require_program(server, package=SERVERS[server].package)
    unbound = require_program("unbound", package="unbound")
    delv = require_program("delv", package="bind9-dnsutils")
    files = sign(folder, chain, algorithm, csk=csk)
    (ksk,) = (key for key, _ in read_keys(files.keys, ZONE) if key.dnskey.is_sep)
    ds = make_ds(ZONE, ksk.dnskey)
    anchor = f"{ZONE} DS {ds.tag} {ds.algorithm} {ds.digest_type} {ds.digest.hex()}"
    with (
        serving(server, program, folder / "server", files.served) as port,
        validating(unbound, folder / "unbound", port, anchor) as validator,
    ):
        told = {(owner, type): ask(validator, owner, type) for owner, type, *_ in QUESTIONS}
        by_delv = said_by_delv(delv, folder, port, ds)
    log = (folder / "unbound" / "log").read_text(errors="replace")
    for owner, type, rcode, records, secure in QUESTIONS:
        reply = told[owner, type]
        assert dns.rcode.to_text(reply.rcode()) == rcode, (owner, type, reply.to_text(), log)
        assert any(rrset.rdtype == type for rrset in reply.answer) is records, reply.to_text()
        expected = secure if secure is not None else CHAINS[chain] != CHAINS["opt-out"]
        assert bool(reply.flags & dns.flags.AD) is expected, (owner, type, reply.to_text(), log)
        word = "insecure" if records and not expected else "secure"  # a denial is, to delv, also if it opts out
        assert by_delv.get((owner, type), word) == word, (owner, type)


def test_unbound_takes_the_zone_over_by_its_digest_and_refuses_it_without(
    tmp_path: Path, require_program: Require
) -> None:
    """As an ``auth-zone`` with ``zonemd-check``."""
    unbound = require_program("unbound", package="unbound")
    files = sign(tmp_path, "NSEC")
    (ksk,) = (key for key, _ in read_keys(files.keys, ZONE) if key.dnskey.is_sep)
    ds = make_ds(ZONE, ksk.dnskey)
    anchor = f"{ZONE} DS {ds.tag} {ds.algorithm} {ds.digest_type} {ds.digest.hex()}"
    right = files.served.read_text()
    glue = "ns.insecure.example.net. 300 IN A 192.0.2.3"
    for name, text, rcode in (("right", right, "NOERROR"), ("wrong", right.replace(glue, glue[:-1] + "4"), "SERVFAIL")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "zone").write_text(text)
        port = free_port()
        (folder / "conf").write_text(f"""\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 1
  interface: {LOOPBACK}@{port}
  access-control: 127.0.0.0/8 allow
  trust-anchor: "{anchor}"
auth-zone:
  name: "{ZONE}"
  zonefile: "{folder}/zone"
  zonemd-check: yes
  zonemd-reject-absence: yes
  for-downstream: yes
  for-upstream: yes
  fallback-enabled: no
remote-control:
  control-enable: no
""")
        with (folder / "log").open("wb") as log:
            argv = [unbound, "-d", "-c", str(folder / "conf")]
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - our own words
        try:
            until(partial(says, port, rcode), Server(folder, port, folder / "none", process))
        finally:
            process.kill()
            process.wait()


def says(port: int, rcode: str) -> bool:
    try:
        return dns.rcode.to_text(ask(port, "www", T.A).rcode()) == rcode
    except (dns.exception.DNSException, OSError):
        return False
