"""http-01 responses from a listener of our own on port 80, open only while a challenge is placed (RFC 8555 §8.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from danelaw.core.model import IP, Challenge, ChallengeType, DanelawError
from danelaw.core.rollover.actions import Receipt
from danelaw.ports import Dialer

PATH: Final = b"/.well-known/acme-challenge/"
PATIENCE: Final = 10.0
"""Seconds that a client has for its request."""
MOST_CLIENTS: Final = 64
_LONGEST_HEAD: Final = 16384


class StandaloneSolver:
    """Implements ``ports.Solver``. ``listen``: addresses; one that this machine does not have may be among them.

    Raises ``DanelawError``: ``CHALLENGE_UNSUITABLE`` (not http-01), ``PORT_TAKEN``. What was placed is forgotten with
    the process; the order that needed it fails, and the next one places its own.
    """

    def __init__(self, listen: Sequence[IP], dialer: Dialer) -> None:
        self._listen = tuple(listen)
        self._dialer = dialer
        self._responses: dict[str, str] = {}
        self._servers: list[asyncio.Server] = []
        self._clients = 0

    async def place(self, challenge: Challenge) -> Receipt:
        if challenge.type is not ChallengeType.HTTP_01:
            raise DanelawError(
                "CHALLENGE_UNSUITABLE",
                f"a listener on port 80 cannot answer {challenge.type.value}",
                hint='set challenge = { type = "http-01", … } for this issuer, or publish the TXT record',
            )
        if not self._servers:
            self._servers = await self._open()
        self._responses[challenge.token] = challenge.response
        return Receipt(note="listening on port 80")

    async def clear(self, challenge: Challenge) -> Receipt:
        self._responses.pop(challenge.token, None)
        if not self._responses:
            for server in self._servers:
                server.close()
            self._servers = []
        return Receipt(note="")

    async def ready(self) -> None:
        """Raises ``PORT_TAKEN`` where a challenge could not be placed now."""
        if not self._servers:
            for server in await self._open():
                server.close()

    async def _open(self) -> list[asyncio.Server]:
        servers: list[asyncio.Server] = []
        failures: list[str] = []
        for ip in self._listen:
            host, port = self._dialer.locate(ip, 80)
            try:
                servers.append(await asyncio.start_server(self._serve, host, port, limit=_LONGEST_HEAD))
            except OSError as error:
                failures.append(f"{host} port {port}: {error.strerror or error}")
        if not servers:
            raise DanelawError(
                "PORT_TAKEN",
                "no challenge can be answered on port 80",
                evidence="; ".join(failures),
                hint="where a web server has the port, name its webroot instead; an unprivileged user needs "
                "AmbientCapabilities=CAP_NET_BIND_SERVICE",
            )
        return servers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._clients >= MOST_CLIENTS:
            writer.close()
            return
        self._clients += 1
        try:
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever it was says nothing that could be answered
        except asyncio.CancelledError:
            return  # the loop ends: nothing else cancels it, and a stream's task that ends so is logged as a fault
        finally:
            self._clients -= 1
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        words = head.split(b"\r\n", 1)[0].split(b" ")
        target = words[1] if len(words) == 3 and words[0] in (b"GET", b"HEAD") else b""
        if target.lower().startswith(b"http://"):  # the absolute form, which every server takes (RFC 9112 §3.2.2)
            target = b"/" + target[len(b"http://") :].partition(b"/")[2]
        token = target.removeprefix(PATH).decode("ascii", "replace") if target.startswith(PATH) else ""
        response = self._responses.get(token)
        status, body = ("404 Not Found", b"") if response is None else ("200 OK", response.encode("ascii"))
        lines = f"HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n"
        return lines.encode("ascii") + b"Connection: close\r\n\r\n" + (b"" if words[0] == b"HEAD" else body)
