"""What stands above the operator's zones: the root and ``net.``, signed, and what others have to know of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import dns.name
import dns.rdata
import dns.rdataclass
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.model import IP
from danelaw.worlds.lab.operator_files import NET
from danelaw.worlds.lab.registry import TTL, ParentZone

ROOT_SERVER: Final = "a.root-servers.net."
NET_SERVER: Final = "a.gtld-servers.net."


class Above:
    """``root`` and ``net``: where the server of each is; ``ipv6``: where both are besides, in that order.

    ``delegations``: those of ``net.``, each with its servers and their glue; ``others``: further records of it. All
    times are real. ``anchor``: the root's DS, in master form.
    """

    def __init__(
        self,
        root: IPv4Address,
        net: IPv4Address,
        delegations: Mapping[Name, Mapping[str, IPv4Address]],
        others: tuple[str, ...] = (),
        *,
        ipv6: tuple[IPv6Address, ...] = (),
    ) -> None:
        self._root_at: tuple[IP, ...] = (root, *ipv6[:1])
        servers = (*_lines(ROOT_SERVER, self._root_at), *_lines(NET_SERVER, (net, *ipv6[1:])))
        self.net = ParentZone(NET, (NET_SERVER, net), delegations, (*servers, *others), _now)
        self.root = ParentZone(dns.name.root, (ROOT_SERVER, root), {NET: {NET_SERVER: net}}, servers, _now)
        self.root.delegate(NET, frozenset({ds_rdata(self.net.keys.ds(NET))}))
        self._ds = self.root.keys.ds(dns.name.root)
        self.anchor = f". 1 IN DS {self._ds}\n"

    @property
    def bind_keys(self) -> str:
        """The anchor as BIND's programs want it."""
        tag, algorithm, digest_type, digest = self._ds.split()
        return f'trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} "{digest}"; }};\n'

    @property
    def hints(self) -> str:
        """Where resolvers begin, in master form."""
        return "\n".join((f". 3600 IN NS {ROOT_SERVER}", *_lines(ROOT_SERVER, self._root_at, 3600), ""))


def ds_rdata(text: str) -> bytes:
    """From what stands behind ``DS`` in a master file."""
    wire = dns.rdata.from_text(dns.rdataclass.IN, RdataType.DS, text).to_wire()
    assert wire is not None  # noqa: S101  # to_wire returns None only when it is given a file to write to
    return wire


def _lines(name: str, at: tuple[IP, ...], ttl: int = TTL) -> list[str]:
    return [f"{name} {ttl} IN {'A' if ip.version == 4 else 'AAAA'} {ip}" for ip in at]


def _now() -> datetime:
    return datetime.now(UTC)
