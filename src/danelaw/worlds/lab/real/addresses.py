"""Who is where in the real world: documentation addresses, all of them on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """The two addresses of one machine."""

    v4: IPv4Address
    v6: IPv6Address

    def __iter__(self) -> Iterator[IPv4Address | IPv6Address]:
        return iter((self.v4, self.v6))


def _place(number: int) -> Place:
    """192.0.2.80 has 2001:db8::80 beside it: the same digits, for those who read along."""
    return Place(IPv4Address(f"192.0.2.{number}"), IPv6Address(f"2001:db8::{number}"))


ROOT: Final = _place(1)
NET: Final = _place(2)
PRIMARY: Final = _place(11)
SECONDARY: Final = _place(12)
MESSENGER: Final = _place(13)
"""Where the primary's NOTIFY goes, and from where it reaches the secondary: late, or never."""
CA: Final = _place(14)
FORWARDER: Final = _place(53)
"""Resolves for the operator and for the CA; neither validates nor holds anything longer than a second."""
CA_RESOLVER: Final = _place(55)
"""The forwarder too, under an address that nobody but the CA asks: its road can be cut."""
CACHE: Final = _place(54)
"""Resolves and validates for the tools of the clients; holds answers as long as their TTLs allow."""
CLIENTS: Final = tuple(IPv4Address(f"127.0.0.{number}") for number in (2, 3, 4))
"""Each resolves and validates for some of the clients, on their own machine."""
WEB: Final = (_place(80), _place(81))
"""Two machines behind one name."""

EVERYBODY: Final = (ROOT, NET, PRIMARY, SECONDARY, MESSENGER, CA, FORWARDER, CACHE, CA_RESOLVER, *WEB)
