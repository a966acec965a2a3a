"""The world in which the walks of the manual are done: ``python walk_world.py PAGE`` does one of them, command by
command as the page has it, and prints what was said; ``--unhurried`` with the limits that people have, as far as that
goes.

A stranger's host has Apache, NSD or BIND, Postfix and Dovecot as Debian installs them, and ``example.net``, unsigned,
with a secondary elsewhere. Around it are a root, ``net.``, a CA and a validating resolver. ``/etc``, ``/opt``,
``/usr/local`` and ``/var`` are overlays, which vanish with the world. What differs from a host of one's own: there is
no systemd, whose part ``walk_host`` plays; the CA, the root's key and, unless unhurried, the limits are written to the
configuration, and BIND's policy has short times.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import dns.name
from dns.rdatatype import RdataType
from walk_host import Host, Said
from walk_page import Command, File, steps

from danelaw import wiring
from danelaw.core.model import DanelawError, RRset
from danelaw.core.rollover.actions import Receipt, SubmitDS
from danelaw.worlds.lab.above import ds_rdata
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.above import ServedAbove
from danelaw.worlds.lab.real.asking import serves_zone
from danelaw.worlds.lab.real.pebble import Pebble
from danelaw.worlds.lab.real.supervise import Server, supervision
from danelaw.worlds.lab.real.unbound import VALIDATING, Unbound

FOLDER: Final = namespaces.RUN / "walk"
ROOT: Final = Path(__file__).parents[2]
ZONE: Final = dns.name.from_text("example.net.")
MORE: Final = {
    "apachectl": "apache2",
    "a2ensite": "apache2",
    "postfix": "postfix",
    "dovecot": "dovecot-core",
    "/usr/lib/dovecot/imap-login": "dovecot-imapd",
    "tsig-keygen": "bind9",
}
PATIENCE: Final = 60.0
"""Seconds that a page may have to wait for one thing."""
LOOK_EVERY: Final = 0.5
LIMITS: Final = """
[limits]
pass_interval = 2
gap_passes = 20
hold_floor = 1
lookup_delay = 1
assumed_past_ttl = 2
in_flight = 4
linger = 2
"""
POLICY: Final = """
dnssec-policy "hurried" {
    keys { csk lifetime unlimited algorithm ecdsap256sha256; };
    dnskey-ttl 1;
    max-zone-ttl 3600;
};
"""
_DS: Final = re.compile(r"\bDS\s+(\d+\s\d+\s\d+\s+[0-9A-Fa-f]+)")
_UNDECIDED: Final = re.compile(r"^danelaw (run|enroll|status|plan|zone ds)\b")
"""These end with 1 where somebody has to do something, which the page goes on to do."""


def find() -> dict[str, str]:
    """Where each program is. Raises ``DanelawError("PROGRAM_MISSING")``."""
    path = os.pathsep.join([*os.get_exec_path(), *programs.MORE_PATH])
    missing = {package for name, package in MORE.items() if shutil.which(name, path=path) is None}
    if missing:
        raise DanelawError("PROGRAM_MISSING", "the walks need more programs", evidence=" ".join(sorted(missing)))
    return dict(programs.find())


class Walk:
    """``mail``: the host is a mail server, whose zone is in BIND; else a web server, with NSD. ``hurried``: TTLs and
    limits in seconds."""

    def __init__(self, found: dict[str, str], *, mail: bool, hurried: bool) -> None:
        self.hurried = hurried
        FOLDER.mkdir()
        (FOLDER / "bin").mkdir()
        for name in programs.CONFINED:
            shutil.copy(found[name], FOLDER / "bin" / name)
        self.found = found | {name: str(FOLDER / "bin" / name) for name in programs.CONFINED}
        self.ca = Pebble(FOLDER / "ca", addresses.CA, self.found, addresses.CACHE.v4)
        self.host = Host(FOLDER, self.found, ttl=1 if hurried else 3600, mail=mail)
        servers = {"ns1.example.net.": addresses.PRIMARY.v4, "ns2.example.net.": addresses.SECONDARY.v4}
        self.above = ServedAbove(FOLDER, self.found, {ZONE: servers})
        self.above.write()
        self.registry = self.above.registry(wiring.commands())

    def surround(self) -> None:
        """Before any server starts: overlays, what the programs of a host find there, and its user's way to Danelaw."""
        for name in ("etc", "opt", "usr/local", "var"):
            upper, work = (FOLDER / "over" / name / part for part in ("upper", "work"))
            upper.mkdir(parents=True)
            work.mkdir()
            where = f"lowerdir=/{name},upperdir={upper},workdir={work}"
            _do(self.found["mount"], "-t", "overlay", "-o", where, "overlay", f"/{name}")
        for left in ("/etc/danelaw", "/opt/danelaw", "/var/lib/danelaw"):  # of somebody who has Danelaw on this machine
            shutil.rmtree(left, ignore_errors=True)
        _do(self.found["mount"], "-t", "tmpfs", "-o", "mode=0755", "run", "/run")
        resolv = FOLDER / "resolv.conf"
        resolv.write_text(f"nameserver {addresses.CACHE.v4}\n", encoding="utf-8")
        namespaces.hide(Path("/etc/resolv.conf"), resolv, self.found)
        self._installed()

    def _installed(self) -> None:
        """Stands for ``pip install``: what this interpreter has, where every user can read it."""
        packages = next(path for path in map(Path, sys.path) if path.name == "site-packages")
        for name, source in (("src", ROOT / "src"), ("packages", packages), ("python", Path(sys.base_prefix))):
            (at := Path("/opt/danelaw") / name).mkdir(parents=True)
            namespaces.hide(at, source, self.found)
        program = Path("/opt/danelaw/bin/danelaw")
        program.parent.mkdir()
        python = f"/opt/danelaw/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
        paths = "PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/opt/danelaw/src:/opt/danelaw/packages"
        paths += " LD_LIBRARY_PATH=/opt/danelaw/python/lib"
        program.write_text(f'#!/bin/sh\n{paths} exec {python} -m danelaw "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    def servers(self) -> tuple[list[Server], list[Server]]:
        """Those elsewhere: what starts first, and what needs it."""
        above = self.above
        resolver = Unbound(
            FOLDER / "cache", tuple(addresses.CACHE), self.found, above.hints_file, above.anchor_file, VALIDATING
        )
        first = [named.server() for named in above.servers]
        return first, [resolver.server(), self.host.secondary(), self.ca.server(_now())]

    # -- what a page says ---------------------------------------------------------------------------------------------

    async def does(self, page: str) -> None:
        """Raises ``AssertionError`` at the first thing that does not come out as the page has it."""
        for step in steps(page):
            if isinstance(step, File):
                self.write(step)
            elif "pip install" not in step.line and not step.line.startswith("git "):
                await self.type(step)

    def write(self, file: File) -> None:
        text = file.text
        if file.path.name == "danelaw.toml":
            text = text.replace(
                'directory = "letsencrypt"\n', f'directory = "{self.ca.url}"\nbundle = "{self.ca.api_bundle}"\n'
            )
            text += f'\n[resolver]\ntrust_anchor = "{self.above.anchor_file}"\n\n[clients]\nroots = "{self.ca.roots}"\n'
            text += LIMITS if self.hurried else ""
        if self.hurried:
            text = text.replace("dnssec-policy default;", 'dnssec-policy "hurried";')
            text += POLICY if file.path.name == "named.conf.local" else ""
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(text, encoding="utf-8")
        print(f"== {file.path}", flush=True)

    async def type(self, command: Command) -> None:
        """A command, again and again where the page says what it waits for."""
        line = command.line.replace(
            "danelaw check ", f"danelaw check --anchor {self.above.anchor_file} --ca {self.ca.roots} "
        )
        try:
            async with asyncio.timeout(PATIENCE):
                while command.awaited not in (said := await self.host.does(line, command.user)).text:  # noqa: ASYNC110  # no event
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            raise AssertionError(f"{command.line}: no {command.awaited!r} came\n{said.text}") from None
        print(f"{'#' if command.user == 'root' else '$'} {command.line}\n{said.text}[{said.status}]", flush=True)
        allowed = (0, 1) if _UNDECIDED.match(command.line) else (0,)
        assert said.status in allowed, command.line
        if command.to_registrar:
            await self.hand_over(said)

    async def hand_over(self, said: Said) -> None:
        """What somebody does with a form in a browser."""
        given = frozenset(ds_rdata(" ".join(text.split())) for text in _DS.findall(said.text))
        assert given, said.text
        there = self.above.net.found(ZONE)
        change = SubmitDS(ZONE, there, RRset(ZONE, RdataType.DS, 1, given))
        assert isinstance(await self.registry.submit_ds(change), Receipt)


def _now() -> datetime:
    return datetime.now(UTC)


def _do(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)  # noqa: S603  # no shell


async def _main(page: Path, found: dict[str, str], *, hurried: bool) -> None:
    walk = Walk(found, mail="mail" in page.name, hurried=hurried)
    walk.surround()
    async with supervision() as supervisor, walk.host.up():
        for some in walk.servers():
            await asyncio.gather(*(supervisor.start(server) for server in some))
        await walk.ca.fetch_roots()
        assert await serves_zone(addresses.PRIMARY.v4, ZONE)(), "the host's own zone is not served"
        os.chdir(ROOT)
        for path in (ROOT / "README.md", page):
            await walk.does(path.read_text("utf-8"))


if __name__ == "__main__":
    try:
        programs_found = find()
        if not namespaces.inside():
            sys.exit(namespaces.run((sys.executable, *sys.argv), programs_found))
        namespaces.furnish(programs_found)
        asyncio.run(_main(Path(sys.argv[1]).absolute(), programs_found, hurried="--unhurried" not in sys.argv))
    except DanelawError as error:
        sys.exit(f"{error}\n{error.evidence}")
