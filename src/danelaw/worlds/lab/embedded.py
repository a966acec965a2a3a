"""The embedded world: a DNS tree, a forwarder, a registry, a CA and a web server on loopback, in one event loop.

It needs nothing but this package's dependencies, no privilege and no fixed port, and leaves nothing behind. Names,
zones and certificates keep their real ports; the dialer knows where those are.

================  =====================================================================================
192.0.2.1         a.root-servers.net., the root
192.0.2.2         a.gtld-servers.net., ``net.``, whose registry takes the DS of the operator's zone
192.0.2.11, .12   ns1 and ns2.dotnxdomain.net.: the operator's zone; ns2 follows ns1 with a lag
192.0.2.53        the forwarder, which neither validates nor caches
192.0.2.80        www.dotnxdomain.net., and 2001:db8::80 too
(loopback)        the ACME CA, which resolves through the forwarder: ``ca.url``
================  =====================================================================================
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cryptography import x509
from dns.name import Name

from danelaw.core.model import IP
from danelaw.ports import Parent
from danelaw.worlds.lab.above import Above
from danelaw.worlds.lab.ca import AcmeCA
from danelaw.worlds.lab.commands import LabCommands
from danelaw.worlds.lab.dialer import LabDialer
from danelaw.worlds.lab.dns_server import AuthoritativeServer, Primary, Secondary
from danelaw.worlds.lab.forwarder import Forwarder
from danelaw.worlds.lab.operator_files import ZONE, OperatorFiles, zone_text
from danelaw.worlds.lab.registry import LabRegistry
from danelaw.worlds.lab.web_server import WebServer

ROOT_SERVER: Final = IPv4Address("192.0.2.1")
NET_SERVER: Final = IPv4Address("192.0.2.2")
PRIMARY: Final = IPv4Address("192.0.2.11")
SECONDARY: Final = IPv4Address("192.0.2.12")
FORWARDER: Final = IPv4Address("192.0.2.53")
WEB4: Final = IPv4Address("192.0.2.80")
WEB6: Final = IPv6Address("2001:db8::80")

RELOAD_ZONE: Final = ("lab", "reload", "zone")
RELOAD_WEB: Final = ("lab", "reload", "web")


def _now() -> datetime:
    return datetime.now(UTC)


class EmbeddedWorld(OperatorFiles):
    """The private world; ``async with`` starts it and takes it down. Times are real.

    ``directory`` holds the operator's files: the zone, its keys, the web root, the credentials. ``lag``: how many
    seconds the secondary is behind. ``seed`` decides which authorities the forwarder asks, and the CA's draws.
    Raises ``DanelawError("LAB_DIRECTORY_IN_USE")`` where another world has lived.
    """

    def __init__(self, directory: Path, *, lag: float = 1.5, seed: int = 0) -> None:
        super().__init__(directory)
        self.made_of = "loopback"
        self._seed = seed
        self.root_servers: list[IP] = [ROOT_SERVER]
        self.forwarder: tuple[IP, int] = (FORWARDER, 53)
        self.client_resolvers: tuple[IP, ...] = ()
        self.service_addresses: tuple[IP, IP] = (WEB4, WEB6)

        self.primary_address: IP = PRIMARY
        self.update_key: Path | None = None
        self.lay_out(zone_text((PRIMARY,), (SECONDARY,), self.service_addresses))

        self.dialer = LabDialer()
        servers = {"ns1.dotnxdomain.net.": PRIMARY, "ns2.dotnxdomain.net.": SECONDARY}
        above = Above(ROOT_SERVER, NET_SERVER, {ZONE: servers})
        self.root, self.net, self.trust_anchors = above.root, above.net, above.anchor
        self.primary = Primary(PRIMARY, self.served_zone_file, ZONE)
        self.secondary = Secondary(SECONDARY, self.primary, lag)
        self.recursion = Forwarder(self.root_servers, self.dialer, seed)
        self.registry = LabRegistry(self.net, frozenset({ZONE}))
        self.parents: Mapping[Name, Parent] = {ZONE: self.registry}
        self._stack = contextlib.AsyncExitStack()

    @property
    def reload_zone(self) -> tuple[str, ...]:
        return RELOAD_ZONE

    @property
    def reload_web(self) -> tuple[str, ...]:
        return RELOAD_WEB

    @property
    def acme_directory(self) -> str:
        return self.ca.url

    @property
    def acme_bundle(self) -> Path:
        return self.ca.api_bundle

    @property
    def roots(self) -> Path:
        return self.ca.roots

    def oracles(self) -> None:
        """Verifiers of others know nothing of ports that are not the real ones."""

    def suggest_renewal(self) -> bool:
        """Let the CA's renewal information say that every certificate issued so far should be renewed now."""
        now, issued = _now(), {certificate.serial_number for certificate in self.ca.issued}
        before = self.ca.window_for

        def window(certificate: x509.Certificate) -> tuple[datetime, datetime]:
            if certificate.serial_number in issued:
                return now, now + timedelta(hours=1)
            if before is not None:
                return before(certificate)
            end = certificate.not_valid_after_utc
            return end - timedelta(days=30), end - timedelta(days=29)

        self.ca.window_for = window
        return True

    @property
    def authorities(self) -> Mapping[IP, AuthoritativeServer]:
        """Every authoritative server by its logical address."""
        return {server.ip: server for server in (self.root.server, self.net.server, self.primary, self.secondary)}

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:  # a start that fails half-way takes down what it has built
            for ip, server in self.authorities.items():
                self.dialer.place(ip, 53, await stack.enter_async_context(server.serving()))
            self.dialer.place(FORWARDER, 53, await stack.enter_async_context(self.recursion.serving()))
            self.web = WebServer(self.service_addresses, self.webroot, self.live, self.dialer)
            await stack.enter_async_context(self.web.serving())
            self.ca = await stack.enter_async_context(
                AcmeCA(
                    self.directory / "ca",
                    self.dialer.locate(*self.forwarder),
                    self.dialer.locate,
                    seed=self._seed,
                    retry_after=0,
                )
            )
            self.commands = LabCommands({RELOAD_ZONE: self.primary.reload, RELOAD_WEB: self.web.reload})
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
