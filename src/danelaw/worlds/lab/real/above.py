"""What stands above the operator's zones, before real servers, and what programs find of it in files."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

from dns.name import Name

from danelaw.ports import Commands
from danelaw.worlds.lab.above import Above
from danelaw.worlds.lab.operator_files import NET
from danelaw.worlds.lab.real import addresses, namespaces
from danelaw.worlds.lab.real.bind import Named
from danelaw.worlds.lab.real.registry import RealRegistry
from danelaw.worlds.lab.registry import LabRegistry


class ServedAbove(Above):
    """As ``Above``, each zone before a ``named``. ``folder`` is the world's."""

    def __init__(
        self,
        folder: Path,
        programs: Mapping[str, str],
        delegations: Mapping[Name, Mapping[str, IPv4Address]],
        others: tuple[str, ...] = (),
    ) -> None:
        root, net = addresses.ROOT, addresses.NET
        super().__init__(root.v4, net.v4, delegations, others, ipv6=(root.v6, net.v6))
        self.hints_file = folder / "root.hints"
        self.anchor_file = folder / "root.key"
        self.bind_keys_file = folder / "bind.keys"
        self._programs = programs
        self._children = frozenset(delegations)
        self.servers = tuple(
            Named(folder / name, at, zone.origin, programs, zone=f'file "{folder / name}/zone";')
            for name, at, zone in (("root", root, self.root), ("net", net, self.net))
        )

    def write(self) -> None:
        """All files but the servers' own."""
        for server, zone in zip(self.servers, (self.root, self.net), strict=True):
            server.folder.mkdir(parents=True)
            (server.folder / "zone").write_text(zone.text(), encoding="utf-8")
        self.hints_file.write_text(self.hints, encoding="utf-8")
        self.anchor_file.write_text(self.anchor, encoding="utf-8")
        self.bind_keys_file.write_text(self.bind_keys, encoding="utf-8")

    def show(self) -> None:
        """Let programs find the anchor where they look without being told."""
        namespaces.hide(Path("/etc/bind/bind.keys"), self.bind_keys_file, self._programs)
        namespaces.hide(Path("/usr/share/dns/root.key"), self.anchor_file, self._programs)

    def registry(self, commands: Commands) -> RealRegistry:
        """What takes the DS of every child of ``net.``"""
        server = self.servers[1]
        return RealRegistry(
            LabRegistry(self.net, self._children),
            self.net,
            server.folder / "zone",
            server.at.v4,
            server.rndc("reload", NET.to_text()),
            commands,
        )
