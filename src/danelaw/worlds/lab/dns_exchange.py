"""One query to one name server: by UDP, then by TCP where the reply did not fit. Replies stay in wire form."""

from __future__ import annotations

import asyncio
import contextlib
import struct

from danelaw.ports import SocketAddress


class _OneReply(asyncio.DatagramProtocol):
    def __init__(self, query: bytes) -> None:
        self._query = query
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) >= 12 and data[:2] == self._query[:2] and data[2] & 0x80 and not self.reply.done():
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


async def exchange(address: SocketAddress, query: bytes, seconds: float) -> bytes | None:
    """The reply with the query's id, or None: silence for ``seconds``, or nobody there."""
    try:
        async with asyncio.timeout(seconds):
            reply = await _by_udp(address, query)
            return await _by_tcp(address, query) if reply[2] & 0x02 else reply
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return None


async def _by_udp(address: SocketAddress, query: bytes) -> bytes:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _OneReply(query), remote_addr=address
    )
    with contextlib.closing(transport):
        transport.sendto(query)
        return await protocol.reply


async def _by_tcp(address: SocketAddress, query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        reply = await reader.readexactly(length)
        if length < 12 or reply[:2] != query[:2]:
            raise ConnectionError("not the reply to this query")
        return reply
    finally:
        writer.transport.abort()
