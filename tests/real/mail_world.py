"""A world of mail, web and other servers behind a signed zone, for what checks services.

``python mail_world.py COMMAND…`` runs a command inside, where names resolve, every port is the real one, and
``/etc/resolv.conf`` and the trust anchors are the world's. Without a command it says ``up`` and stands until its
standard input, a pipe or a terminal, ends. Who is where, and what is wrong with it: ``mail_zones.HOSTS``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import dns.name
from cryptography.hazmat.primitives.serialization import Encoding
from mail_servers import PACKAGES, Room, servers
from mail_zones import HOSTS, NET_ADDRESSES, PRIMARY, ROOT_ADDRESSES, SECONDARY, Credentials, Zones, place

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.asking import serves_zone
from danelaw.worlds.lab.real.supervise import Server, supervision
from danelaw.worlds.lab.real.unbound import VALIDATING, Unbound

FOLDER: Final = namespaces.RUN / "mail"
ANCHOR: Final = FOLDER / "root.key"
ROOTS: Final = FOLDER / "roots.pem"
INTERRUPTED: Final = 130
RESOLVER: Final = str(addresses.CACHE.v4)


def find() -> Mapping[str, str]:
    """Where each program is. Raises ``DanelawError("PROGRAM_MISSING")``."""
    path = os.pathsep.join([*os.get_exec_path(), *programs.MORE_PATH])
    named = {name: shutil.which(name, path=path) for name in PACKAGES if not name.startswith("/")}
    files = {name: name if Path(name).is_file() else None for name in PACKAGES if name.startswith("/")}
    if missing := {PACKAGES[name] for name, where in (named | files).items() if where is None}:
        raise DanelawError("PROGRAM_MISSING", "the mail world needs more programs", evidence=" ".join(sorted(missing)))
    return {**programs.find(), **{name: where for name, where in named.items() if where is not None}}


@contextlib.asynccontextmanager
async def mail_world(found: Mapping[str, str]) -> AsyncIterator[None]:
    """The world, up. Namespaces must be furnished. Raises ``DanelawError``: ``SERVER_FAILED``, and
    ``NAMESPACES_FORBIDDEN`` where servers cannot change their users."""
    if not namespaces.may_change_user():
        raise DanelawError("NAMESPACES_FORBIDDEN", "servers change their users here, which takes root")
    FOLDER.mkdir()
    now = datetime.now(UTC)
    credentials = Credentials.made(now)
    credentials.save(FOLDER / "tls")
    ROOTS.write_bytes(credentials.authority.root.public_bytes(Encoding.PEM))
    found = {**found, **{name: _copied(found[name]) for name in programs.CONFINED}}
    zones = Zones.made(credentials, now)
    names = _name_servers(zones, found)
    resolver = _resolver(zones, found)
    _surround(found)
    room = Room(FOLDER, found)
    async with supervision() as supervisor:
        everybody = [*servers(room), *names]
        await asyncio.gather(*(supervisor.start(server) for server in everybody))
        await supervisor.start(resolver)
        yield


def _copied(program: str) -> str:
    """A copy, which no profile of AppArmor confines."""
    copy = FOLDER / "bin" / Path(program).name
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(program, copy)
    return str(copy)


def _name_servers(zones: Zones, found: Mapping[str, str]) -> list[Server]:
    below = {zone: text for zone, text in zones.texts.items() if zone not in (".", "net.")}
    return [
        _nsd("root", ROOT_ADDRESSES, {".": zones.texts["."]}, found),
        _nsd("net", NET_ADDRESSES, {"net.": zones.texts["net."]}, found),
        _nsd("primary", PRIMARY, below, found),
        _nsd("secondary", SECONDARY, zones.lagging, found),
    ]


def _nsd(name: str, at: Sequence[str], zones: Mapping[str, str], found: Mapping[str, str]) -> Server:
    """NSD with zones that do not change."""
    folder = FOLDER / name
    folder.mkdir()
    for zone, text in zones.items():
        (folder / f"{zone}zone").write_text(text, encoding="utf-8")
    (folder / "nsd.conf").write_text(
        f"""\
server:
  ip-address: {at[0]}
  ip-address: {at[1]}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
remote-control:
  control-enable: no
"""
        + "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{zone}zone"\n' for zone in zones),
        encoding="utf-8",
    )
    argv = (found["nsd"], "-d", "-c", str(folder / "nsd.conf"))
    ready = serves_zone(ip_address(at[0]), dns.name.from_text(next(iter(zones))))
    return Server(f"nsd-{name}", argv, FOLDER / f"nsd-{name}.log", ready)


def _resolver(zones: Zones, found: Mapping[str, str]) -> Server:
    hints = FOLDER / "root.hints"
    root = zip(("A", "AAAA"), ROOT_ADDRESSES, strict=True)
    lines = [". 3600 IN NS a.root.", *(f"a.root. 3600 IN {type} {ip}" for type, ip in root)]
    hints.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ANCHOR.write_text(zones.anchor, encoding="utf-8")
    return Unbound(FOLDER / "unbound", tuple(addresses.CACHE), found, hints, ANCHOR, VALIDATING).server()


def _surround(found: Mapping[str, str]) -> None:
    """What programs find without being told: addresses, the resolver, the trust anchor."""
    ips = {ip for host in HOSTS for ip in place(host)}
    lines = "".join(f"addr add {ip}/{ip.max_prefixlen} dev lo\n" for ip in ips)
    subprocess.run((found["ip"], "-batch", "-"), input=lines, text=True, check=True)  # noqa: S603  # no shell
    resolv = FOLDER / "resolv.conf"
    resolv.write_text(f"nameserver {RESOLVER}\n", encoding="utf-8")
    namespaces.hide(Path("/etc/resolv.conf"), resolv, found)
    namespaces.hide(Path("/usr/share/dns/root.key"), ANCHOR, found)


async def _main(command: Sequence[str], found: Mapping[str, str]) -> int:
    """Runs the command, or stands, until that ends or SIGTERM comes; the exit status."""
    here = asyncio.current_task()
    assert here is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, here.cancel)
    try:
        async with mail_world(found):
            if command:
                return await (await asyncio.create_subprocess_exec(*command)).wait()
            print("up", flush=True)
            ended = asyncio.Event()
            asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
            await ended.wait()
            return 0
    except asyncio.CancelledError:
        return INTERRUPTED


if __name__ == "__main__":
    try:
        programs_found = find()
        if not namespaces.inside():
            sys.exit(namespaces.run((sys.executable, *sys.argv), programs_found))
        namespaces.furnish(programs_found)
        sys.exit(asyncio.run(_main(sys.argv[1:], programs_found)))
    except DanelawError as error:
        sys.exit(f"{error}\n{error.evidence}")
