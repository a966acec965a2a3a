"""Authoritative servers that somebody names, instead of those that the DNS names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.resolve.authorities import AuthorityAsker
from danelaw.adapters.resolve.queries import Patience
from danelaw.core.model import IP, Message, Silence
from danelaw.ports import Authorities, Dialer

ONCE: Final = Patience(first=timedelta(seconds=1), tries=1, tcp=timedelta(seconds=2))
"""For who asks again anyway."""


class StatedAuthorities(AuthorityAsker):
    """``ports.Authorities`` of one zone whose servers are known. They go by no name: that is the root's."""

    def __init__(self, servers: Sequence[IP], dialer: Dialer, *, patience: Patience | None = None) -> None:
        super().__init__((), dialer, patience=patience)
        self._stated = tuple((dns.name.root, ip) for ip in servers)

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        del zone
        return self._stated


class StatedZone:
    """``ports.Authorities`` where the servers of one zone are stated, and all others are those that the DNS names.

    ``dialer``: where those of the zone are.
    """

    def __init__(self, zone: Name, servers: Sequence[tuple[IP, int]], dialer: Dialer, others: Authorities) -> None:
        self._zone = zone
        self._stated = AuthorityAsker((), dialer)
        self._servers = tuple((dns.name.root, ip) for ip, _ in servers)
        self._others = others

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        return self._servers if zone == self._zone else await self._others.servers(zone)

    async def ask(self, server: IP, name: Name, type: int) -> Message | Silence:
        """What lies in the zone is asked of its own servers; its DS lies in its parent."""
        own = name.is_subdomain(self._zone) and not (name == self._zone and type == RdataType.DS)
        return await (self._stated if own else self._others).ask(server, name, type)
