"""The real world, built and taken down.

================  =====================================================================================
192.0.2.1         a.root-servers.net., the root: ``named``
192.0.2.2         a.gtld-servers.net., ``net.``: ``named``, whose registry takes the DS of the operator's zone
192.0.2.11        ns1.dotnxdomain.net., the primary of the operator's zone: ``named``
192.0.2.12        ns2.dotnxdomain.net., its secondary: NSD, which hears of a new zone by a late NOTIFY
192.0.2.53        the forwarder: Unbound, which neither validates nor holds anything for long
192.0.2.54        the clients' resolver: Unbound, which validates and caches; ``/etc/resolv.conf`` names it
192.0.2.80, .81   www.dotnxdomain.net.: Apache, one on each
192.0.2.14        the ACME CA: Pebble, which resolves through the forwarder
================  =====================================================================================

Each has the IPv6 address with the same digits too, 2001:db8::80 beside 192.0.2.80, and every port is the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import dns.asyncquery
import dns.name
import dns.zone
from dns.name import Name

from danelaw.core.model import IP, DanelawError
from danelaw.ports import Commands, Dialer, Parent
from danelaw.worlds.lab.operator_files import HOST, ZONE, OperatorFiles, zone_text
from danelaw.worlds.lab.real import addresses, namespaces
from danelaw.worlds.lab.real.above import ServedAbove
from danelaw.worlds.lab.real.apache import Apache, reload_script
from danelaw.worlds.lab.real.bind import Key, Named
from danelaw.worlds.lab.real.nsd import Nsd
from danelaw.worlds.lab.real.oracles import Oracles, Subject
from danelaw.worlds.lab.real.pebble import Pebble
from danelaw.worlds.lab.real.programs import CONFINED
from danelaw.worlds.lab.real.roads import Messenger, Roads
from danelaw.worlds.lab.real.supervise import Supervisor, supervision
from danelaw.worlds.lab.real.unbound import FRESH, VALIDATING, Unbound

Publishing = Literal["zonefile", "rfc2136"]

LIMIT: Final = timedelta(seconds=30)
"""How long a server may take to do what it is told."""

LOOPBACK: Final = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
"""The clients' resolver is here too, for those who find no /etc/resolv.conf."""

POLICY: Final = """\
dnssec-policy "lab" {
    keys { csk lifetime unlimited algorithm ecdsap256sha256; };
    dnskey-ttl 2;
    max-zone-ttl 2;
    zone-propagation-delay 2;
    parent-ds-ttl 1;
    parent-propagation-delay 1;
    publish-safety 1;
    retire-safety 1;
};
"""
"""``named`` makes one key and signs with it; the times are those of the zone above."""


class RealWorld(OperatorFiles):
    """The private world on real servers; ``async with`` starts it and takes it down. Namespaces must be furnished.

    ``directory`` holds everything. ``publisher``: ``zonefile``, the primary serves the file that Danelaw signs; or
    ``rfc2136``, the primary signs by itself and takes updates signed with the key in ``update_key``. ``lag``: how many
    seconds NOTIFY takes to the secondary. Raises ``DanelawError``: ``SERVER_FAILED``, ``LAB_DIRECTORY_IN_USE``.
    """

    def __init__(
        self,
        directory: Path,
        *,
        programs: Mapping[str, str],
        commands: Commands,
        dialer: Dialer,
        publisher: Publishing = "zonefile",
        lag: float = 1.5,
    ) -> None:
        super().__init__(directory)
        self.made_of = "BIND, NSD, Unbound, Pebble and Apache"
        self.commands = commands
        self.dialer = dialer
        self.root_servers: list[IP] = [addresses.ROOT.v4]
        self.forwarder: tuple[IP, int] = (addresses.FORWARDER.v4, 53)
        self.cache: IP = addresses.CACHE.v4
        self.client_resolvers: tuple[IP, ...] = addresses.CLIENTS
        self.service_addresses: tuple[IP, ...] = tuple(ip for place in addresses.WEB for ip in place)

        self.primary_address: IP = addresses.PRIMARY.v4
        self.update_key = directory / "zone" / "update.key" if publisher == "rfc2136" else None
        self._bin = directory / "bin"
        self._copies = {programs[name]: self._bin / name for name in CONFINED}
        self._programs = programs = {**programs, **{name: str(self._bin / name) for name in CONFINED}}

        servers = {"ns1.dotnxdomain.net.": addresses.PRIMARY.v4, "ns2.dotnxdomain.net.": addresses.SECONDARY.v4}
        glue = (
            f"ns1.dotnxdomain.net. 1 IN AAAA {addresses.PRIMARY.v6}",
            f"ns2.dotnxdomain.net. 1 IN AAAA {addresses.SECONDARY.v6}",
        )
        self._above = ServedAbove(directory, programs, {ZONE: servers}, glue)
        self.net, self.trust_anchors = self._above.net, self._above.anchor
        self.anchor_file = self._above.anchor_file

        transfer, update = Key("transfer"), Key("danelaw")
        self._update = update
        self.primary = self._primary(transfer, update)
        self.secondary = Nsd(
            directory / "secondary",
            addresses.SECONDARY,
            ZONE,
            programs,
            addresses.PRIMARY,
            addresses.MESSENGER,
            transfer,
        )
        self.ca = Pebble(directory / "ca", addresses.CA, programs, addresses.CA_RESOLVER.v4)
        host = HOST.to_text(omit_final_dot=True)
        self.web = tuple(
            Apache(directory / f"web{number}", place, programs, host, self.webroot, self.live)
            for number, place in enumerate(addresses.WEB, 1)
        )
        self._shared = [
            self._unbound("forwarder", (*addresses.FORWARDER, *addresses.CA_RESOLVER), FRESH),
            self._unbound("cache", (*addresses.CACHE, *LOOPBACK), VALIDATING),
        ]
        self._caches = [self._unbound(f"cache-{ip}", (ip,), VALIDATING) for ip in self.client_resolvers]
        self.roads = Roads(commands, programs)
        self.messenger = Messenger(addresses.MESSENGER, addresses.SECONDARY, lag)
        self.registry = self._above.registry(commands)
        self.parents: Mapping[Name, Parent] = {ZONE: self.registry}
        self._stack = contextlib.AsyncExitStack()

    # -- what the play asks -------------------------------------------------------------------------------------

    @property
    def reload_zone(self) -> tuple[str, ...]:
        return (str(self._bin / "reload-zone"),)

    @property
    def reload_web(self) -> tuple[str, ...]:
        return (str(self._bin / "reload-web"),)

    @property
    def acme_directory(self) -> str:
        return self.ca.url

    @property
    def acme_bundle(self) -> Path:
        return self.ca.api_bundle

    @property
    def roots(self) -> Path:
        return self.ca.roots

    def suggest_renewal(self) -> bool:
        """Pebble has no renewal information (RFC 9773): the runner must be asked instead."""
        return False

    def oracles(self) -> Oracles:
        scratch = self.directory / "oracles"
        scratch.mkdir(exist_ok=True)
        subject = Subject(self.host, self.cache, self.anchor_file, self._above.bind_keys_file, scratch, self._programs)
        return Oracles(subject, self.commands)

    # -- start and end ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._furnish()
        async with contextlib.AsyncExitStack() as stack:  # a start that fails half-way takes down what it has built
            self.supervisor = await stack.enter_async_context(supervision())
            await self._start(self.supervisor, stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    async def _start(self, supervisor: Supervisor, stack: contextlib.AsyncExitStack) -> None:
        await stack.enter_async_context(self.messenger.carrying())
        web = [server.server() for server in self.web]
        ca = self.ca.server(_now())
        above = [*(server.server() for server in self._above.servers), self.primary.server()]
        await asyncio.gather(*(supervisor.start(server) for server in (*above, *web, ca)))
        resolvers = [resolver.server() for resolver in (*self._shared, *self._caches)]
        below = (self.secondary.server(), *resolvers)
        await asyncio.gather(self.ca.fetch_roots(), *(supervisor.start(server) for server in below))

    def _furnish(self) -> None:
        """The operator's files on the first day, and everybody else's."""
        self.lay_out(zone_text(addresses.PRIMARY, addresses.SECONDARY, self.service_addresses))
        for folder in (self._bin, self.primary.folder):
            folder.mkdir(parents=True, exist_ok=True)
        for program, copy in self._copies.items():
            shutil.copy(program, copy)
        if self.update_key is not None:
            self.update_key.touch(0o600)
            self.update_key.write_text(self._update.statement(), encoding="utf-8")
        self._above.write()
        self._script("reload-web", reload_script(self.web, self._programs))
        rndc = " ".join(f"'{word}'" for word in self.primary.rndc("reload", ZONE.to_text()))
        self._script("reload-zone", f"#!/bin/sh\n[ -e '{self._deaf_zone}' ] || exec {rndc}\n")
        self._surround()

    def _script(self, name: str, text: str) -> None:
        path = self._bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def _surround(self) -> None:
        """What programs find where they look without being told: the resolver and the trust anchor."""
        resolv = self.directory / "resolv.conf"
        resolv.write_text(f"nameserver {addresses.CACHE.v4}\n", encoding="utf-8")
        namespaces.hide(Path("/etc/resolv.conf"), resolv, self._programs)
        self._above.show()

    # -- the servers --------------------------------------------------------------------------------------------

    def _primary(self, transfer: Key, update: Key) -> Named:
        """Its zone is the file that Danelaw writes, or one of its own that it signs and that takes updates."""
        told = addresses.MESSENGER.v4
        policy = ""
        zone = f'file "{self.served_zone_file}";'
        statements = transfer.statement()
        if self.update_key is not None:
            statements += update.statement() + POLICY
            policy = f'key-directory "{self.keys}";'
            zone = (
                f'file "{self.zone_file}"; dnssec-policy "lab"; inline-signing no; '
                f'update-policy {{ grant "{update.name}" zonesub ANY; }};'
            )
        return Named(
            self.directory / "primary",
            addresses.PRIMARY,
            ZONE,
            self._programs,
            zone=zone,
            options=(
                f'allow-transfer {{ key "{transfer.name}"; }}; notify explicit; also-notify {{ {told}; }}; '
                f"notify-source {addresses.PRIMARY.v4}; notify-delay 0; {policy}"
            ),
            statements=statements,
        )

    def _unbound(self, name: str, at: tuple[IP, ...], options: tuple[str, ...]) -> Unbound:
        return Unbound(self.directory / name, at, self._programs, self._above.hints_file, self.anchor_file, options)

    # -- faults -------------------------------------------------------------------------------------------------

    @property
    def _deaf_zone(self) -> Path:
        return self._bin / "deaf-zone"

    def ignore_reload(self, what: Literal["zone", "web1", "web2"]) -> None:
        """From now on the command that reloads it claims success and does nothing to it."""
        self._deaf(what).touch()

    def obey_reload(self, what: Literal["zone", "web1", "web2"]) -> None:
        """Undo ``ignore_reload``."""
        self._deaf(what).unlink(missing_ok=True)

    def _deaf(self, what: Literal["zone", "web1", "web2"]) -> Path:
        return self._deaf_zone if what == "zone" else self.web[("web1", "web2").index(what)].deaf

    async def freeze(self) -> None:
        """The secondary hears of nothing any more and goes on serving what it has."""
        self.messenger.loses = True
        await self.roads.cut(addresses.PRIMARY, addresses.SECONDARY)

    async def thaw(self) -> None:
        """The secondary hears again, of what it has missed too."""
        await self.roads.mend(addresses.PRIMARY, addresses.SECONDARY)
        self.messenger.loses = False
        self.messenger.remind()

    async def part_caches(self) -> None:
        """The clients' first cache asks none but the primary from now on, the last none but the secondary.

        So it is for caches near to one authority and far from the other. Those between ask whom they like.
        """
        for cache, place in ((self._caches[0], addresses.PRIMARY), (self._caches[-1], addresses.SECONDARY)):
            await self._tell(cache, "stub_add", ZONE.to_text(), *map(str, place))

    async def join_caches(self) -> None:
        """Undo ``part_caches``."""
        for cache in (self._caches[0], self._caches[-1]):
            await self._tell(cache, "stub_remove", ZONE.to_text())

    async def _tell(self, server: Unbound, *words: str) -> None:
        done = await self.commands.run(server.control(*words), LIMIT)
        if done.status != 0:
            raise DanelawError("SERVER_FAILED", f"unbound did not {' '.join(words)}", evidence=done.output)

    async def secondary_zone(self) -> str:
        """What the secondary holds now, in master form."""
        zone = dns.zone.Zone(ZONE, relativize=False)
        await dns.asyncquery.inbound_xfr(str(addresses.SECONDARY.v4), zone)
        text: str = zone.to_text(relativize=False)
        return text

    async def restore_secondary(self, zone: str) -> None:
        """The secondary dies and comes back from a backup, such as ``secondary_zone`` once gave; and is frozen."""
        await self.freeze()
        server = self.secondary.server()
        await self.supervisor.stop(server.name, at_once=True)
        self.secondary.xfrd_state.unlink(missing_ok=True)
        self.secondary.zone_file.write_text(zone, encoding="utf-8")
        await self.supervisor.start(server)


def _now() -> datetime:
    return datetime.now(UTC)
