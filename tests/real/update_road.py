"""The road that dynamic updates take to a primary, by TCP, and somebody on it who acts at the right instant."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from danelaw.core.model import IP

UPDATE: Final = 5
"""The opcode (RFC 2136 §1.3)."""

Deed = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    return


@dataclass(slots=True)
class UpdateRoad:
    """``port`` leads to port 53. ``before``: done when an update has come, before it goes on; ``sent``: once it has;
    ``made``: when the publisher has had a good reply to it, and has asked twice what became of it."""

    at: IP
    port: int
    before: Deed = _nothing
    sent: Deed = _nothing
    made: Deed = _nothing
    _asked: int | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._talk, str(self.at), self.port)
        try:
            yield
        finally:
            server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await _message(reader)
            updates = request[4] >> 3 & 0xF == UPDATE
            if updates:
                await self.before()
            there, to = await asyncio.open_connection(str(self.at), 53)
            to.write(request)
            await to.drain()
            if updates:
                await self.sent()
            reply = await _message(there)
            to.close()
            writer.write(reply)
            await writer.drain()
            await self._count(updates, good=reply[5] & 0xF == 0)
        writer.close()

    async def _count(self, updates: bool, *, good: bool) -> None:
        if updates:
            self._asked = 0 if good else None
        elif self._asked is not None:
            self._asked += 1
            if self._asked == 2:
                await self.made()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """With its length before it (RFC 1035 §4.2.2)."""
    length = await reader.readexactly(2)
    return length + await reader.readexactly(int.from_bytes(length))
