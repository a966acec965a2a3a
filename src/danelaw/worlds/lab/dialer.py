"""Where the logical addresses of the private world are: documentation addresses, mapped to ports on loopback."""

from __future__ import annotations

from danelaw.core.model import IP, DanelawError
from danelaw.ports import SocketAddress


class LabDialer:
    """Maps (address, logical port) to a socket on loopback. The world is closed: what it has not, is not there."""

    def __init__(self) -> None:
        self._places: dict[tuple[IP, int], SocketAddress] = {}

    def place(self, ip: IP, port: int, address: SocketAddress) -> None:
        self._places[ip, port] = address

    def locate(self, ip: IP, port: int) -> SocketAddress:
        """Raises ``DanelawError("NOT_IN_THIS_WORLD")``."""
        try:
            return self._places[ip, port]
        except KeyError:
            raise DanelawError(
                "NOT_IN_THIS_WORLD",
                f"the lab has nothing at {ip} port {port}",
                evidence=", ".join(f"{known} port {number}" for known, number in sorted(self._places, key=str)),
            ) from None
