"""Authoritative servers that somebody names, instead of those that the DNS names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import dns.name
from dns.name import Name

from danelaw.adapters.resolve.authorities import AuthorityAsker
from danelaw.adapters.resolve.queries import Patience
from danelaw.core.model import IP
from danelaw.ports import Dialer

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
