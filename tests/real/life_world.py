"""The world of a whole life cycle: a root, ``net.``, one zone on a primary of some make and a late secondary, a CA,
resolvers, and a service of some make. Who is where, ``danelaw.worlds.lab.real.addresses`` says."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from danelaw.core.model import IP
from danelaw.ports import Commands, Dialer
from danelaw.worlds.lab.operator_files import HEAD, ZONE
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.above import ServedAbove
from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.bind import Key
from danelaw.worlds.lab.real.nsd import Nsd
from danelaw.worlds.lab.real.pebble import Pebble
from danelaw.worlds.lab.real.roads import Messenger
from danelaw.worlds.lab.real.supervise import Server, Supervisor, supervision
from danelaw.worlds.lab.real.unbound import FRESH, VALIDATING, Unbound

FOLDER: Final = namespaces.RUN / "life"
LAG: Final = 1.5
"""Seconds that NOTIFY takes to the secondary."""
DOMAIN: Final = ZONE.to_text(omit_final_dot=True)
LIMIT: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Room:
    """What every server here has to know: where files and programs are, and the keys that it shares with others.

    ``found``: where programs are outside.
    """

    folder: Path
    found: Mapping[str, str]
    commands: Commands
    transfer: Key = field(default_factory=lambda: Key("transfer"))
    update: Key = field(default_factory=lambda: Key("danelaw"))

    @property
    def programs(self) -> Mapping[str, str]:
        """Some of them are copies, which no profile of AppArmor confines."""
        return {**self.found, **{name: str(self.folder / "bin" / name) for name in programs.CONFINED}}

    def made(self, name: str, owner: str = "root") -> Path:
        """A new folder for one server."""
        path = self.folder / name
        path.mkdir(parents=True)
        shutil.chown(path, owner)
        return path

    def script(self, name: str, *lines: str) -> tuple[str, ...]:
        """A shell script; the words that call it."""
        path = self.folder / "bin" / name
        path.write_text("\n".join(("#!/bin/sh", "set -eu", *lines, "")), encoding="utf-8")
        path.chmod(0o755)
        return (str(path),)

    @property
    def zone_file(self) -> Path:
        """What the operator has of the zone on the first day: unsigned, without a TLSA record."""
        return self.folder / "zone" / DOMAIN

    @property
    def webroot(self) -> Path:
        return self.folder / "webroot"


class Primary(Protocol):
    """Where the zone is kept. ``publisher``: the lines of its section of ``danelaw.toml``, without ``zone``."""

    @property
    def publisher(self) -> str: ...
    def server(self) -> Server:
        """Lay out its files; what to start."""
        ...


class Keeping(Protocol):
    """A service. ``host``: its name. ``directory``: the live path. ``reload``: what makes it read that.

    ``records``: what the zone has for it, in master form.
    """

    @property
    def host(self) -> str: ...
    @property
    def at(self) -> tuple[Place, ...]: ...
    @property
    def endpoints(self) -> tuple[str, ...]: ...
    @property
    def algorithms(self) -> tuple[str, ...]: ...
    @property
    def challenge(self) -> str: ...
    @property
    def records(self) -> str: ...
    @property
    def directory(self) -> Path: ...
    @property
    def reload(self) -> tuple[str, ...]: ...
    def servers(self) -> list[Server]:
        """Lay out their files; what to start. TLS comes with the first credential."""
        ...


class LifeWorld:
    """``async with`` starts it and takes it down. Namespaces must be furnished. Raises ``DanelawError``."""

    def __init__(
        self, room: Room, dialer: Dialer, primary: Callable[[Room], Primary], service: Callable[[Room], Keeping]
    ) -> None:
        self.room = room
        self.dialer = dialer
        self._lay_out()
        self.service = service(room)
        self.primary = primary(room)
        room.zone_file.write_text(_zone_text(self.service), encoding="utf-8")
        servers = {"ns1.dotnxdomain.net.": addresses.PRIMARY.v4, "ns2.dotnxdomain.net.": addresses.SECONDARY.v4}
        glue = (
            f"ns1.dotnxdomain.net. 1 IN AAAA {addresses.PRIMARY.v6}",
            f"ns2.dotnxdomain.net. 1 IN AAAA {addresses.SECONDARY.v6}",
        )
        self.above = ServedAbove(room.folder, room.programs, {ZONE: servers}, glue)
        self.above.write()
        self.registry = self.above.registry(room.commands)
        self.messenger = Messenger(addresses.MESSENGER, addresses.SECONDARY, LAG)
        self.ca = Pebble(room.folder / "ca", addresses.CA, room.programs, addresses.CA_RESOLVER.v4)
        self._stack = contextlib.AsyncExitStack()

    def _lay_out(self) -> None:
        for name in ("bin", "zone", "webroot", "live"):
            (self.room.folder / name).mkdir(parents=True)
        for name in programs.CONFINED:
            shutil.copy(self.room.found[name], self.room.programs[name])

    async def __aenter__(self) -> LifeWorld:
        self._surround()
        async with contextlib.AsyncExitStack() as stack:  # a start that fails half-way takes down what it has built
            supervisor = await stack.enter_async_context(supervision())
            await stack.enter_async_context(self.messenger.carrying())
            await self._start(supervisor)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *ended: object) -> bool | None:
        return await self._stack.__aexit__(*ended)  # type: ignore[arg-type]  # as they came

    async def _start(self, supervisor: Supervisor) -> None:
        first = [named.server() for named in self.above.servers]
        first += [self.primary.server(), *self.service.servers(), self.ca.server(_now())]
        await _all(supervisor, first)
        second = [self._secondary(), self._unbound("cache", (*addresses.CACHE,), VALIDATING)]
        second.append(self._unbound("forwarder", (*addresses.FORWARDER, *addresses.CA_RESOLVER), FRESH))
        second += [self._unbound(f"cache-{ip}", (ip,), VALIDATING) for ip in addresses.CLIENTS]
        await asyncio.gather(self.ca.fetch_roots(), _all(supervisor, second))

    def _secondary(self) -> Server:
        room = self.room
        at, told = addresses.SECONDARY, addresses.MESSENGER
        folder = room.folder / "secondary"
        return Nsd(folder, at, ZONE, room.programs, addresses.PRIMARY, told, room.transfer).server()

    def _unbound(self, name: str, at: tuple[IP, ...], options: tuple[str, ...]) -> Server:
        found = self.room.programs
        return Unbound(
            self.room.folder / name, at, found, self.above.hints_file, self.above.anchor_file, options
        ).server()

    def _surround(self) -> None:
        """What programs find where they look without being told: the resolver and the trust anchor."""
        found = self.room.programs
        resolv = self.room.folder / "resolv.conf"
        resolv.write_text(f"nameserver {addresses.CACHE.v4}\noptions trust-ad\n", encoding="utf-8")
        namespaces.hide(Path("/etc/resolv.conf"), resolv, found)
        self.above.show()


async def _all(supervisor: Supervisor, servers: Iterable[Server]) -> None:
    await asyncio.gather(*(supervisor.start(server) for server in servers))


def _zone_text(service: Keeping) -> str:
    places = (("ns1", (addresses.PRIMARY,)), ("ns2", (addresses.SECONDARY,)), (f"{service.host}.", service.at))
    lines = [f"{name} {_type(ip)} {ip}\n" for name, at in places for place in at for ip in place]
    return HEAD + "".join(lines) + service.records


def _type(ip: IP) -> str:
    return "A" if ip.version == 4 else "AAAA"


def _now() -> datetime:
    return datetime.now(UTC)


def listens(*ports: tuple[IP, int]) -> Callable[[], Awaitable[bool]]:
    """Whether connections are taken at all of these."""

    async def ready() -> bool:
        for ip, port in ports:
            try:
                async with asyncio.timeout(1):
                    _, writer = await asyncio.open_connection(str(ip), port)
                writer.transport.abort()
            except (OSError, TimeoutError):
                return False
        return True

    return ready


@contextlib.asynccontextmanager
async def until(what: str, seconds: float) -> AsyncIterator[None]:
    """What is awaited inside comes about in time. Raises ``AssertionError``, which says what did not."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s: {what}") from None
