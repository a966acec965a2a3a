"""A host of the walks: its servers, its users' shells, and the part of systemd.

``systemctl`` asks over a socket: root may have everything done, Danelaw's user what ``50-danelaw.rules`` lists. To
reload is what the unit that Debian installs says (``ExecReload=``), and a timer runs its service again and again, as
its ``User=``.
"""

from __future__ import annotations

import asyncio
import contextlib
import pwd
import re
import shlex
import shutil
import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import dns.name

from danelaw.worlds.lab.real import addresses
from danelaw.worlds.lab.real.asking import serves_zone
from danelaw.worlds.lab.real.supervise import Server

UNITS: Final = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))
RULES: Final = Path("/etc/polkit-1/rules.d/50-danelaw.rules")
BUS: Final = Path("/run/systemctl")
LIMIT: Final = 100.0
PACE: Final = 1.0
"""Seconds between two passes of a timer."""
ZONE: Final = """\
$TTL {ttl}
@ IN SOA ns1 hostmaster 2026112300 3600 900 1209600 {ttl}
@ IN NS ns1
@ IN NS ns2
@ IN MX 10 mail
ns1 IN A 192.0.2.11
ns1 IN AAAA 2001:db8::11
ns2 IN A 192.0.2.12
ns2 IN AAAA 2001:db8::12
www IN A 192.0.2.80
www IN AAAA 2001:db8::80
mail IN A 192.0.2.81
mail IN AAAA 2001:db8::81
"""
NSD: Final = """\
server:
  ip-address: 192.0.2.11
  ip-address: 2001:db8::11
zone:
  name: example.net
  zonefile: /etc/nsd/example.net.zone
  notify: 192.0.2.12 NOKEY
  provide-xfr: 192.0.2.12 NOKEY
"""
NAMED_OPTIONS: Final = """\
options {
    directory "/var/cache/bind";
    listen-on { 192.0.2.11; };
    listen-on-v6 { 2001:db8::11; };
    recursion no;
    allow-transfer { 192.0.2.12; };
};
"""
NAMED_LOCAL: Final = """\
zone "example.net" { type primary; file "/var/lib/bind/example.net.zone"; };
"""
SYSTEMCTL: Final = """\
#!/bin/sh
"exec" "env" "LD_LIBRARY_PATH=/opt/danelaw/python/lib" "{python}" "$0" "$@"
import socket, sys
bus = socket.socket(socket.AF_UNIX)
bus.connect("/run/systemctl")
bus.sendall("\\0".join(sys.argv[1:]).encode() + b"\\n")
status, _, text = bus.makefile().read().partition("\\n")
sys.stderr.write(text)
sys.exit(int(status))
"""


@dataclass(frozen=True)
class Said:
    """``text``: what was printed, on both ways."""

    status: int
    text: str


@dataclass
class Host:
    folder: Path
    found: Mapping[str, str]
    ttl: int
    mail: bool = False
    _served: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    _timers: list[asyncio.Task[None]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Its servers are as they were before anybody heard of Danelaw."""
        self._lay_out()
        bus = await asyncio.start_unix_server(self._asked, BUS)
        BUS.chmod(0o777)
        try:
            async with bus:
                for unit in ("named", "postfix", "dovecot") if self.mail else ("nsd", "apache2"):
                    status, text = await self._systemd("start", unit)
                    assert status == 0, text
                ready = serves_zone(addresses.PRIMARY.v4, dns.name.from_text("example.net."))
                async with asyncio.timeout(20):
                    while not await ready():  # noqa: ASYNC110  # a name server tells nobody that it is up
                        await asyncio.sleep(0.05)
                yield
        finally:
            for timer in self._timers:
                timer.cancel()
            await asyncio.gather(*self._timers, return_exceptions=True)

    def _lay_out(self) -> None:
        zone = ZONE.format(ttl=self.ttl)
        for path, text in (
            ("/etc/nsd/nsd.conf.d/example.net.conf", NSD),
            ("/etc/nsd/example.net.zone", zone),
            ("/etc/bind/named.conf.options", NAMED_OPTIONS),
            ("/etc/bind/named.conf.local", NAMED_LOCAL),
            ("/var/lib/bind/example.net.zone", zone),
        ):
            Path(path).write_text(text, encoding="utf-8")
        shutil.chown("/var/lib/bind/example.net.zone", "bind", "bind")
        for name, owner in (("nsd", "nsd"), ("named", "bind"), ("apache2", "root"), ("dovecot", "root")):
            (Path("/run") / name).mkdir()
            shutil.chown(Path("/run") / name, owner, owner)
        Path("/run/lock").mkdir(mode=0o1777)
        request = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 30"
        files = "-keyout /etc/dovecot/private/dovecot.key -out /etc/dovecot/private/dovecot.pem"
        subprocess.run(f"{request} {files}".split(), check=True, capture_output=True)  # noqa: S603  # no shell
        program = self.folder / "bin" / "systemctl"
        program.write_text(SYSTEMCTL.format(python="/opt/danelaw/python/bin/python3"), encoding="utf-8")
        program.chmod(0o755)

    def secondary(self) -> Server:
        """NSD on another host."""
        folder = self.folder / "secondary"
        folder.mkdir()
        ips = "".join(f"  ip-address: {ip}\n" for ip in addresses.SECONDARY)
        (folder / "nsd.conf").write_text(
            f"""\
server:
{ips}  username: ""
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
  control-enable: no
zone:
  name: example.net
  zonefile: "{folder}/zone"
  request-xfr: AXFR {addresses.PRIMARY.v4} NOKEY
  outgoing-interface: {addresses.SECONDARY.v4}
  allow-notify: 0.0.0.0/0 NOKEY
""",
            encoding="utf-8",
        )
        ready = serves_zone(addresses.SECONDARY.v4, dns.name.from_text("example.net."))
        argv = (self.found["nsd"], "-d", "-c", str(folder / "nsd.conf"))
        return Server("nsd, the secondary", argv, self.folder / "secondary.log", ready)

    # -- its users ----------------------------------------------------------------------------------------------------

    async def does(self, line: str, user: str) -> Said:
        """What is typed at a shell, to its end."""
        argv = ("sh", "-c", line) if user == "root" else ("runuser", "-u", user, "--", "sh", "-c", line)
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment(),
        )
        async with asyncio.timeout(LIMIT):
            out, _ = await process.communicate()
        return Said(process.returncode or 0, out.decode())

    def _environment(self) -> dict[str, str]:
        path = f"{self.folder}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "LANG": "C.UTF-8", "COLUMNS": "80", "TERM": "dumb"}

    # -- the part of systemd ------------------------------------------------------------------------------------------

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer: socket.socket = writer.get_extra_info("socket")
        _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        verb, *units = (await reader.readline()).decode().rstrip("\n").split("\0")
        status, text = 0, ""
        for unit in units or [""]:
            if not unit.startswith("-") and status == 0:
                if uid != 0 and not _may(pwd.getpwuid(uid).pw_name, verb, unit):
                    status, text = 4, f"Failed to {verb} {unit}: Interactive authentication required.\n"
                else:
                    status, text = await self._systemd(verb, unit)
        writer.write(f"{status}\n{text}".encode())
        writer.close()

    async def _systemd(self, verb: str, unit: str) -> tuple[int, str]:
        name = unit.removesuffix(".service")
        if verb == "daemon-reload":
            return 0, ""
        if verb == "enable" and name.endswith(".timer"):
            self._timers.append(asyncio.create_task(self._ticking(_setting(name, "OnCalendar") and name[:-6])))
            return 0, ""
        if verb == "reload":
            return await self._reloaded("postfix@" if name == "postfix" else name)
        if verb not in ("start", "restart"):
            return 1, f"Unknown command verb {verb}.\n"
        if name in self._served:
            process = self._served.pop(name)
            process.terminate()
            await process.wait()
        return await self._started(name, verb)

    async def _started(self, name: str, verb: str) -> tuple[int, str]:
        if name in ("apache2", "postfix"):
            if name == "postfix":
                await self.does("/usr/lib/postfix/configure-instance.sh -", "root")
            how = "postfix stop; postfix start" if name == "postfix" else f"apachectl {verb}"
            said = await self.does(f"({how}) </dev/null >{self.folder}/{name}.log 2>&1", "root")
            return said.status, (self.folder / f"{name}.log").read_text("utf-8") if said.status else ""
        argv = {
            "nsd": (self.found["nsd"], "-d", "-P", ""),
            "named": (self.found["named"], "-f", "-u", "bind"),
            "dovecot": ("dovecot", "-F"),
        }[name]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._served[name] = await asyncio.create_subprocess_exec(
                *argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment()
            )
        return 0, ""

    async def _reloaded(self, name: str) -> tuple[int, str]:
        command = _setting(f"{name}.service", "ExecReload").lstrip("+").replace("%i", "-")
        process = self._served.get(name)
        said = await self.does(command.replace("$MAINPID", str(process.pid) if process else ""), "root")
        return said.status, said.text

    async def _ticking(self, name: str) -> None:
        command, user = (_setting(f"{name}.service", key) for key in ("ExecStart", "User"))
        while True:
            await self.does(shlex.join(shlex.split(command)), user)
            await asyncio.sleep(PACE)


def _setting(unit: str, key: str) -> str:
    text = next(path.read_text("utf-8") for folder in UNITS if (path := folder / unit).exists())
    found = re.search(rf"^{key}=(.*)$", text, re.MULTILINE)
    assert found is not None, (unit, key)
    return found[1]


def _may(user: str, verb: str, unit: str) -> bool:
    """As the rule has it, of which only the list of units is read."""
    units = re.search(r"units = \[(.*)\]", RULES.read_text("utf-8")) if RULES.exists() else None
    return user == "danelaw" and verb == "reload" and units is not None and f'"{unit}.service"' in units[1]
