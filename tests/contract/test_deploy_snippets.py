"""What ``danelaw config`` prints, in the real servers: their own test takes it, and they present what is deployed.

Each is given an ECDSA and an RSA key, where it serves both, and then the next ones, with the test and the reload that
are usual for it; then its configuration is spoilt, and it goes on with what it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import dns.name
import pytest
from deploy_hosts import issued, listens
from ended_processes import stopped
from update_servers import free_port

from danelaw import wiring
from danelaw.adapters.clock import SystemClock, ThreadBlocking
from danelaw.adapters.deploy import DirectoryCredentials
from danelaw.adapters.probe import TLSProber
from danelaw.app.config import load
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import IP, Chain, DanelawError, Hello, Lineage
from danelaw.core.rollover.actions import Switch
from danelaw.ports import SocketAddress
from danelaw.wiring.deployers import deployers

pytestmark = pytest.mark.slow

DANELAW: Final = Path(sys.executable).parent / "danelaw"
HOST: Final = dns.name.from_text("mail.example.net.")
DOMAIN: Final = dns.name.from_text("example.net.")
HERE: Final = ip_address("127.0.0.1")
ROOT: Final = os.geteuid() == 0
ME: Final = pwd.getpwuid(os.geteuid()).pw_name
PATIENCE: Final = 20.0
"""Seconds for a reload to be seen."""

MAIN: Final = """\
[issuers.self]
type = "selfsigned"
[publishers.net]
type = "manual"
zone = "example.net"
"""

Words = Sequence[str]


class Loopback:
    def locate(self, ip: IP, port: int) -> SocketAddress:
        return (str(ip), port)


@dataclass
class Site:
    """One service of one server, its store, and what was deployed."""

    folder: Path
    server: str
    applications: tuple[str, ...]
    algorithms: tuple[str, ...] = ("ecdsa", "rsa")
    domains: tuple[str, ...] = ()
    chains: dict[Lineage, Chain] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = [free_port() for _ in self.applications]
        (self.folder / "services.d").mkdir()
        (self.folder / "danelaw.toml").write_text(MAIN)

    def configured(self, test: Words = (), reload: Words = (), more: str = "") -> ServiceConfig:
        endpoints = [
            f"{name}:mail.example.net:{port}" for name, port in zip(self.applications, self.ports, strict=True)
        ]
        (self.folder / "services.d" / "mail.toml").write_text(f"""\
endpoints = {json.dumps(endpoints)}
issuer = "self"
publisher = "net"
domains = {json.dumps(self.domains)}
algorithms = {json.dumps(self.algorithms)}
[deploy]
directory = "live/mail"
server = "{self.server}"
test = {json.dumps(test)}
reload = {json.dumps(reload)}
{more}
""")
        (service,) = load(self.folder / "danelaw.toml").services
        return service

    def deploy(self, service: ServiceConfig) -> None:
        """New keys and certificates of every kind."""
        (host,) = service.hosts
        live = {line: host.path(line) for line in service.lineages}
        store = DirectoryCredentials(self.folder / "credentials", ThreadBlocking(), SystemClock(), live)

        async def story() -> None:
            found = deployers(load(self.folder / "danelaw.toml"), wiring.open_world({}), store)
            for line in service.lineages:
                generation = await store.make_key(line)
                chain = issued(await store.csr(line, generation, [HOST, DOMAIN]), datetime.now(UTC))
                await store.complete(line, generation, chain)
                await found[line, host.name].switch(Switch(line, host.name, generation, chain))
                self.chains[line] = chain

        asyncio.run(story())

    def told(self) -> str:
        words = (DANELAW, "config", self.server, "mail.example.net", "--config", self.folder / "danelaw.toml")
        said = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
        assert (said.returncode, said.stderr) == (0, "")
        return said.stdout

    def presents(self, service: ServiceConfig) -> None:
        """Every endpoint presents what was deployed last, to each kind of client."""
        prober = TLSProber(Loopback())
        for target in service.targets:
            name = DOMAIN if self.domains else HOST
            for line, chain in self.chains.items():
                hello = Hello(name, None, line.algorithm)
                until(partial(prober.probe, target.endpoint, HERE, hello), chain)


def until(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Reloads are told of before they are done: the server is asked until its answer is right."""

    async def wait() -> object:
        found: object = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (found := await ask()) != wanted:
                    pass
        return found

    assert asyncio.run(wait()) == wanted


@dataclass
class Set:
    """A server's files. ``start``: in the foreground. ``test`` and ``reload``: the usual words, and where this is."""

    file: Path
    start: Words
    test: Words
    reload: Words
    spoilt: str = "this is no configuration\n"


def apache(site: Site, find: Callable[..., str]) -> Set:
    program, folder = find("apache2", package="apache2-bin"), site.folder
    told = re.sub(r"Listen (\d+)", r"Listen 127.0.0.1:\1", site.told())
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
        for name in ("mpm_event", "authz_core", "ssl")
    )
    file = folder / "apache.conf"
    users = "User nobody\nGroup #65534\n" if ROOT else ""
    file.write_text(f"""\
ServerRoot "{folder}"
DefaultRuntimeDir "{folder}"
PidFile "{folder}/pid"
Mutex file:{folder} default
ErrorLog "{folder}/log"
ServerName localhost
StartServers 1
{users}{modules}
{told}""")
    words = (program, "-f", str(file))
    return Set(file, (*words, "-DFOREGROUND"), (*words, "-t"), (*words, "-k", "graceful"))


def nginx(site: Site, find: Callable[..., str]) -> Set:
    program, folder = find("nginx", package="nginx-light"), site.folder
    file = folder / "nginx.conf"
    told = re.sub(r"listen (\d+)", r"listen 127.0.0.1:\1", site.told()).replace("[::]", "[::1]")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    users = "user nobody nogroup;\n" if ROOT else ""
    file.write_text(f"""\
{users}pid {folder}/pid;
error_log {folder}/log;
worker_processes 1;
events {{ }}
http {{
access_log off;
{temporary}
{told}}}
""")
    words = (program, "-p", str(folder), "-c", str(file))
    return Set(file, (*words, "-g", "daemon off;"), (*words, "-t"), (*words, "-s", "reload"), "}")


def haproxy(site: Site, find: Callable[..., str]) -> Set:
    program, folder = find("haproxy", package="haproxy"), site.folder
    file = folder / "haproxy.cfg"
    told = site.told().replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")  # noqa: S104 - it is not bound
    file.write_text(f"""\
global
    master-worker
defaults
    timeout client 10s
    timeout server 10s
    timeout connect 10s
{told}""")
    pid = folder / "pid"
    words = (program, "-f", str(file))
    return Set(file, (*words, "-p", str(pid)), (*words, "-c"), ("sh", "-c", f"kill -USR2 $(head -1 {pid})"))


def dovecot(site: Site, find: Callable[..., str]) -> Set:
    program, folder = find("dovecot", package="dovecot-core"), site.folder
    find("/usr/lib/dovecot/imap-login", package="dovecot-imapd")
    find("/usr/lib/dovecot/pop3-login", package="dovecot-pop3d")
    file = folder / "dovecot.conf"
    ports = dict(zip(site.applications, site.ports, strict=True))
    users = "" if ROOT else f"default_internal_user = {ME}\ndefault_login_user = {ME}\n"
    file.write_text(f"""\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap pop3
listen = 127.0.0.1
{users}service imap-login {{
  chroot =
  inet_listener imap {{
    port = {ports["imap"]}
  }}
  inet_listener imaps {{
    port = {ports["imaps"]}
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = {ports["pop3s"]}
  }}
}}
passdb {{
  driver = static
  args = nopassword=y
}}
{site.told()}""")
    doveconf, doveadm = find("doveconf", package="dovecot-core"), find("doveadm", package="dovecot-core")
    words = ("-c", str(file))
    return Set(file, (program, "-F", *words), (doveconf, *words, "-n"), (doveadm, *words, "reload"))


def prosody(site: Site, find: Callable[..., str]) -> Set:
    program, folder = find("prosody", package="prosody"), site.folder
    file = folder / "prosody.cfg.lua"
    root = "run_as_root = true\n" if ROOT else ""
    file.write_text(f"""\
{root}pidfile = "{folder}/pid"
data_path = "{folder}"
certificates = "{folder}"
log = {{ info = "{folder}/log" }}
admins = {{ }}
modules_enabled = {{ "tls", "saslauth", "dialback", "disco", "roster" }}
modules_disabled = {{ "http", "offline" }}
interfaces = {{ "127.0.0.1" }}
s2s_ports = {{ }}
authentication = "internal_hashed"
{site.told()}""")
    control = (find("prosodyctl", package="prosody"), *(("--root",) if ROOT else ()), "--config", str(file))
    return Set(file, (program, "-F", "--config", str(file)), (*control, "check", "config"), (*control, "reload"))


def postfix(site: Site, find: Callable[..., str]) -> Set:
    """No mail goes anywhere: nothing but what answers is started."""
    master, program = find("/usr/lib/postfix/sbin/master", package="postfix"), find("postfix", package="postfix")
    folder, conf = site.folder / "postfix", site.folder / "conf"
    conf.mkdir()
    queues = [
        "active",
        "bounce",
        "corrupt",
        "defer",
        "deferred",
        "flush",
        "hold",
        "incoming",
        "private",
        "saved",
        "trace",
    ]
    for name in ("spool", "lib", *(f"spool/{name}" for name in ("pid", "maildrop", "public", *queues))):
        path = folder / name
        path.mkdir(parents=True)
        if name not in ("spool", "spool/pid"):
            shutil.chown(path, "postfix", "postdrop" if name in ("spool/maildrop", "spool/public") else None)
    main, _, entries = site.told().partition("# ---- master.cf\n")
    file = conf / "main.cf"
    file.write_text(f"""\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/lib
maillog_file = {site.folder}/log
maillog_file_prefixes = {site.folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.net
mydestination =
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
{main}""")
    (conf / "master.cf").write_text(f"""\
{entries}
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
""")
    words = (program, "-c", str(conf))
    return Set(
        file, (master, "-c", str(conf), "-d"), (*words, "check"), (*words, "reload"), "compatibility_level = x\n"
    )


@contextlib.contextmanager
def running(site: Site, server: Set) -> Iterator[None]:
    with (site.folder / "said").open("wb") as log:
        process = subprocess.Popen(server.start, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=site.folder)  # noqa: S603 - our own words
    try:
        for port in site.ports:
            listens(port, process)
        yield
    finally:
        stopped(process)


Make = Callable[[Site, Callable[..., str]], Set]
KINDS: Final[dict[str, tuple[Make, tuple[str, ...]]]] = {
    "apache": (apache, ("https", "https")),
    "nginx": (nginx, ("https", "https")),
    "haproxy": (haproxy, ("https", "imaps")),
    "dovecot": (dovecot, ("imap", "imaps", "pop3s")),
    **({"postfix": (postfix, ("smtp", "submission", "submissions"))} if ROOT else {}),  # it must be started by root
    "prosody": (prosody, ("xmpp-client", "xmpps-client")),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that a server can pass through which is somebody else: that of pytest is its owner's alone."""
    with tempfile.TemporaryDirectory(prefix="danelaw-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_takes_what_is_printed_and_presents_what_is_deployed(
    folder: Path, require_program: Callable[..., str], kind: str
) -> None:
    make, applications = KINDS[kind]
    one = kind == "prosody"
    site = Site(folder, kind, applications, ("ecdsa",) if one else ("ecdsa", "rsa"), ("example.net",) if one else ())
    own = f'group = "{ME}"' if one else ""  # its key is its group's: here that is whoever runs the test
    site.deploy(site.configured(more=own))
    server = make(site, require_program)
    tested = subprocess.run(server.test, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert tested.returncode == 0, tested.stdout + tested.stderr
    with running(site, server):
        service = site.configured(server.test, server.reload, own)
        site.presents(service)
        site.deploy(service)
        site.presents(service)
        before = dict(site.chains)
        with server.file.open("a") as file:
            file.write(server.spoilt)
        with pytest.raises(DanelawError) as raised:
            site.deploy(service)
        assert raised.value.code == "DEPLOY_CONFIG_TEST"
        assert site.chains == before
        site.presents(service)
