"""The network as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from danelaw.core.model import IP
from danelaw.ports import SocketAddress


class DirectDialer:
    """``ports.Dialer`` of the open world: every address and port is where it says."""

    def locate(self, ip: IP, port: int) -> SocketAddress:
        return (str(ip), port)


@dataclass(frozen=True, slots=True)
class StatedPorts:
    """``ports.Dialer`` of the open world, but for servers that are not where they usually are."""

    ports: Mapping[IP, int]

    def locate(self, ip: IP, port: int) -> SocketAddress:
        return (str(ip), self.ports.get(ip, port))
