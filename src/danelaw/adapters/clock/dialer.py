"""The network as it is."""

from __future__ import annotations

from danelaw.core.model import IP
from danelaw.ports import SocketAddress


class DirectDialer:
    """``ports.Dialer`` of the open world: every address and port is where it says."""

    def locate(self, ip: IP, port: int) -> SocketAddress:
        return (str(ip), port)
