"""The servers of the mail world, each with a small configuration of its own, in the foreground."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mail_credentials import CHAIN, KEY
from mail_zones import HOSTS, full, place

from danelaw.core.model import IP
from danelaw.worlds.lab.real.apache import Apache
from danelaw.worlds.lab.real.supervise import Server

PACKAGES: Final[Mapping[str, str]] = {
    "/usr/lib/postfix/sbin/master": "postfix",
    "posttls-finger": "postfix",
    "dovecot": "dovecot-core",
    "/usr/lib/dovecot/imap-login": "dovecot-imapd",
    "/usr/lib/dovecot/pop3-login": "dovecot-pop3d",
    "/usr/lib/dovecot/lmtp": "dovecot-lmtpd",
    "/usr/lib/dovecot/managesieve-login": "dovecot-managesieved",
    "prosody": "prosody",
    "nginx": "nginx-light",
    "/usr/lib/postgresql/15/bin/postgres": "postgresql",
    "/usr/lib/postgresql/15/bin/initdb": "postgresql",
    "vsftpd": "vsftpd",
    "slapd": "slapd",
    "/etc/ldap/schema/core.schema": "slapd",
    "nsd": "nsd",
    "unbound": "unbound",
    "apache2": "apache2-bin",
    "nsenter": "util-linux",
}
POSTFIX: Final = Path("/usr/lib/postfix/sbin")
POSTGRES: Final = Path("/usr/lib/postgresql/15/bin")
DEAF: Final = "deaf"
"""The host whose servers do without TLS."""
WITHIN: Final = 1.0
"""Seconds for one connection."""


@dataclass(frozen=True)
class Room:
    """Where the servers' files are: ``folder``, with the credentials in ``tls``. ``programs``: where those are."""

    folder: Path
    programs: Mapping[str, str]

    def tls(self, credential: str) -> tuple[Path, Path]:
        """The files of the key and of the chain."""
        return self.folder / "tls" / credential / KEY, self.folder / "tls" / credential / CHAIN

    def made(self, name: str, owner: str = "root") -> Path:
        """A new folder for one server."""
        path = self.folder / name
        path.mkdir()
        shutil.chown(path, owner)
        return path

    def server(self, name: str, argv: Iterable[object], *ports: tuple[IP, int]) -> Server:
        words = tuple(map(str, argv))
        return Server(name, words, self.folder / f"{name}.log", listens(*ports))


def listens(*ports: tuple[IP, int]) -> Callable[[], Awaitable[bool]]:
    """Whether connections are taken at all of these, each an address and a port."""

    async def ready() -> bool:
        for ip, port in ports:
            try:
                async with asyncio.timeout(WITHIN):
                    _, writer = await asyncio.open_connection(str(ip), port)
                writer.transport.abort()
            except (OSError, TimeoutError):
                return False
        return True

    return ready


def servers(room: Room) -> list[Server]:
    """All of them, configured. What is started first takes longest."""
    several = [(prosody, "xmpp"), (dovecot, "mail"), (slapd, "ldap"), (vsftpd, "ftp")]
    hosts = [made for maker, host in several for made in (*maker(room, host), *maker(room, DEAF))]
    return [*postgres(room), *hosts, postfix(room), apache(room), nginx(room)]


def postfix(room: Room) -> Server:
    """SMTP on several hosts, submission on one. No mail goes anywhere: nothing but what answers is started."""
    folder = room.made("postfix")
    for name in ("spool", "lib"):
        shutil.chown(room.made(f"postfix/{name}"), "postfix")
    queues = "active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace pid"
    for name in queues.split():
        room.made(f"postfix/spool/{name}", "root" if name == "pid" else "postfix")
    shutil.chown(folder / "spool", "root")
    (folder / "main.cf").write_text(
        f"""\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/lib
maillog_file = {room.folder}/postfix.log
maillog_file_prefixes = {room.folder}
inet_interfaces = all
inet_protocols = all
myhostname = mx.example.net
mydestination =
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
""",
        encoding="utf-8",
    )

    def chain(*credentials: str) -> str:
        files = [file for name in credentials for file in room.tls(name)]
        return "-o smtpd_tls_chain_files=" + ",".join(map(str, files))

    listeners = [
        ("mx", "25", chain("mx", "mx-rsa")),
        ("mx", "587", f"{chain('mx', 'mx-rsa')} -o smtpd_tls_security_level=encrypt"),
        ("mx", "465", f"{chain('mx', 'mx-rsa')} -o smtpd_tls_wrappermode=yes"),
        ("mismatch", "25", chain("mismatch")),
        (DEAF, "25", "-o smtpd_tls_security_level=none"),
        ("bare", "25", chain("bare")),
    ]
    lines = [
        f"{_literal(ip)}:{port} inet n - n - - smtpd {options}"
        for host, port, options in listeners
        for ip in place(host)
    ]
    lines += [
        "cleanup unix n - n - 0 cleanup",
        "rewrite unix - - n - - trivial-rewrite",
        "anvil unix - - n - 1 anvil",
        "tlsmgr unix - - n 1000? 1 tlsmgr",
        "postlog unix-dgram n - n - 1 postlogd",
    ]
    (folder / "master.cf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ports = [(ip, int(port)) for host, port, _ in listeners for ip in place(host)]
    return room.server("postfix", (POSTFIX / "master", "-c", folder, "-d"), *ports)


def dovecot(room: Room, host: str) -> list[Server]:
    folder = room.made(f"dovecot-{host}")
    key, chain = room.tls(host)
    v4, v6 = place(host)
    tls = "ssl = no" if host == DEAF else f"ssl = yes\nssl_cert = <{chain}\nssl_key = <{key}"
    (folder / "dovecot.conf").write_text(
        f"""\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap pop3 lmtp sieve
listen = {v4} {v6}
{tls}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home
}}
service lmtp {{
  inet_listener lmtp {{
    address = {v4} {v6}
    port = 24
  }}
}}
""",
        encoding="utf-8",
    )
    ports = [(ip, port) for ip in (v4, v6) for port in (24, 110, 143, 4190, *(() if host == DEAF else (993, 995)))]
    argv = (room.programs["dovecot"], "-F", "-c", folder / "dovecot.conf")
    return [room.server(f"dovecot-{host}", argv, *ports)]


def prosody(room: Room, host: str) -> list[Server]:
    """One domain: that of the world, or that of the host which does without TLS."""
    folder = room.made(f"prosody-{host}", "prosody")
    key, chain = room.tls(host)
    tls = f'ssl = {{ key = "{key}", certificate = "{chain}" }}'
    config = folder / "prosody.cfg.lua"
    config.write_text(
        f"""\
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
certificates = "{folder}"
log = {{ info = "*console" }}
admins = {{ }}
modules_enabled = {{ {'"tls", ' if host != DEAF else ""}"saslauth", "dialback", "disco", "roster" }}
modules_disabled = {{ "http", "offline", "admin_shell" }}
c2s_require_encryption = {"false" if host == DEAF else "true"}
s2s_require_encryption = {"false" if host == DEAF else "true"}
interfaces = {{ {", ".join(f'"{ip}"' for ip in place(host))} }}
c2s_direct_tls_ports = {{ {5223 if host != DEAF else ""} }}
s2s_direct_tls_ports = {{ {5270 if host != DEAF else ""} }}
authentication = "internal_hashed"
{tls if host != DEAF else ""}
VirtualHost "{full(host) if host == DEAF else "example.net"}"
""",
        encoding="utf-8",
    )
    run = ("setpriv", "--reuid=prosody", "--regid=prosody", "--init-groups", room.programs["prosody"])
    numbers = (5222, 5269, *(() if host == DEAF else (5223, 5270)))
    ports = [(ip, port) for ip in place(host) for port in numbers]
    return [room.server(f"prosody-{host}", (*run, "-F", "--config", config), *ports)]


def apache(room: Room) -> Server:
    webroot = room.made("webroot")
    live = room.folder / "tls" / "www"
    at = place("www")
    made = Apache(room.made("apache"), at, room.programs, full("www"), webroot, live).server()
    return room.server("apache", made.argv, *((ip, 443) for ip in at))


def nginx(room: Room) -> Server:
    folder = room.made("nginx")
    hosts: dict[str, tuple[str, ...]] = {host: (host,) for host in HOSTS if host not in _ELSEWHERE}
    hosts |= {host: (host, f"{host}-rsa") for host in ("dual", "uncovered")}
    sites = [(host, ip, credentials) for host, credentials in hosts.items() for ip in place(host)]
    first, second = place("half")
    sites += [("half", first, ("half",)), ("half", second, ("other",))]
    text = "\n".join(_site(room, host, ip, credentials) for host, ip, credentials in sites)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"  {kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"""\
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
worker_processes 1;
user nobody nogroup;
events {{ }}
http {{
  access_log off;
  ssl_protocols TLSv1.2 TLSv1.3;
{temporary}
{text}
}}
""",
        encoding="utf-8",
    )
    ports = [(ip, 443) for _, ip, _ in sites]
    return room.server("nginx", (room.programs["nginx"], "-p", folder, "-c", folder / "nginx.conf"), *ports)


_OTHERS: Final = frozenset({"mx", "mail", "xmpp", "www", "db", "ftp", "ldap", "deaf", "bare", "gone"})
_ELSEWHERE: Final = _OTHERS | {"dual", "uncovered", "half"}
"""Hosts that nginx does not serve, or not with one credential."""
_TLS: Final = {"dual": "ssl_protocols TLSv1.3;", "old": "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0;"}


def _site(room: Room, host: str, ip: IP, credentials: Iterable[str]) -> str:
    at = _literal(ip)
    files = [room.tls(name) for name in credentials]
    pairs = " ".join(f"ssl_certificate {chain}; ssl_certificate_key {key};" for key, chain in files)
    return f"  server {{ listen {at}:443 ssl; server_name {full(host)}; {pairs} {_TLS.get(host, '')} return 204; }}"


def postgres(room: Room) -> list[Server]:
    """Two servers, which serve nobody who is root, and present no key that others may read."""
    folder = room.made("postgres", "postgres")
    key, chain = room.tls("db")
    own = folder / KEY
    own.touch(0o600)
    own.write_bytes(key.read_bytes())
    shutil.chown(own, "postgres")
    run = (room.programs["setpriv"], "--reuid=postgres", "--regid=postgres", "--init-groups")
    made = []
    for host, tls in (("db", f"-c ssl=on -c ssl_key_file={own} -c ssl_cert_file={chain}"), (DEAF, "-c ssl=off")):
        data = folder / host
        script = (
            f"{POSTGRES}/initdb -D {data} -U postgres --auth=trust --no-sync --no-instructions --locale=C && "
            f"exec {POSTGRES}/postgres -D {data} -c listen_addresses={','.join(map(str, place(host)))} "
            f"-c unix_socket_directories={data} -c fsync=off {tls}"
        )
        ports = [(ip, 5432) for ip in place(host)]
        made.append(room.server(f"postgres-{host}", (*run, "sh", "-c", script), *ports))
    return made


def vsftpd(room: Room, host: str) -> list[Server]:
    """Two of them: one listens on one address."""
    folder = room.made(f"vsftpd-{host}")
    (folder / "empty").mkdir()
    key, chain = room.tls(host)
    tls = f"ssl_enable=YES\nallow_anon_ssl=YES\nrsa_cert_file={chain}\nrsa_private_key_file={key}"
    made = []
    for ip in place(host):
        config = folder / f"{ip.version}.conf"
        listen = ("listen=YES", "listen_ipv6=NO") if ip.version == 4 else ("listen=NO", "listen_ipv6=YES")
        config.write_text(
            f"""\
{listen[0]}
{listen[1]}
listen_address{"" if ip.version == 4 else "6"}={ip}
background=NO
anonymous_enable=YES
anon_root={folder}/empty
ftp_username=nobody
secure_chroot_dir={folder}/empty
xferlog_enable=NO
isolate_network=NO
seccomp_sandbox=NO
{tls if host != DEAF else "ssl_enable=NO"}
""",
            encoding="utf-8",
        )
        made.append(room.server(f"vsftpd-{host}-{ip.version}", (room.programs["vsftpd"], config), (ip, 21)))
    return made


def slapd(room: Room, host: str) -> list[Server]:
    folder = room.made(f"slapd-{host}")
    (folder / "data").mkdir()
    key, chain = room.tls(host)
    tls = f"TLSCertificateFile {chain}\nTLSCertificateKeyFile {key}\nTLSVerifyClient never"
    (folder / "slapd.conf").write_text(
        f"""\
include /etc/ldap/schema/core.schema
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
{tls if host != DEAF else ""}
database ldif
directory {folder}/data
suffix "dc=example,dc=net"
rootdn "cn=admin,dc=example,dc=net"
""",
        encoding="utf-8",
    )
    schemes = {"ldap": 389} if host == DEAF else {"ldap": 389, "ldaps": 636}
    urls = " ".join(f"{scheme}://{_literal(ip)}" for scheme in schemes for ip in place(host))
    ports = [(ip, port) for ip in place(host) for port in schemes.values()]
    # -d: in the foreground
    argv = (room.programs["slapd"], "-d", "none", "-h", urls, "-f", folder / "slapd.conf")
    return [room.server(f"slapd-{host}", argv, *ports)]


def _literal(ip: IP) -> str:
    """As it stands before a colon and a port."""
    return f"[{ip}]" if ip.version == 6 else str(ip)
