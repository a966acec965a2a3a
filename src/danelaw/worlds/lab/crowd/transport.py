"""One query to one server: UDP, then TCP where the reply was cut short (RFC 7766 §5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from dns.name import Name

from danelaw.worlds.lab.crowd.wire import GarbledError, Reply, query, read_reply

Locate: TypeAlias = Callable[[str, int], tuple[str, int]]
"""Where (address, port) of the private world is on this machine."""
DNS_PORT: Final = 53
PATIENCE: Final = 1.0
"""Seconds that one server is waited for."""


class SilentError(Exception):
    """No usable reply came from this address."""


async def ask(server: str, locate: Locate, name: Name, type: int, flags: int = 0) -> Reply:
    """The reply of ``server`` (an IP literal) to one question, asked with ``flags``. Raises SilentError."""
    id, wire = query(name, type, flags)
    try:
        where = locate(server, DNS_PORT)
        async with asyncio.timeout(PATIENCE):
            reply = await _over_udp(where, wire, lambda got: read_reply(got, id, name, type))
        if not reply.truncated:
            return reply
        async with asyncio.timeout(PATIENCE):
            return read_reply(await _over_tcp(where, wire), id, name, type)
    except TimeoutError:
        raise SilentError(f"{server} did not answer in {PATIENCE} s") from None
    except (OSError, EOFError, GarbledError) as error:
        raise SilentError(f"{server}: {error}") from error


class _Waiting(asyncio.DatagramProtocol):
    """Waits for the first datagram that answers the question; others are ignored."""

    def __init__(self, read: Callable[[bytes], Reply]) -> None:
        self._read = read
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.reply.done():
            return
        try:
            self.reply.set_result(self._read(data))
        except GarbledError:
            return  # not ours, or forged: the reply may still come

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


async def _over_udp(where: tuple[str, int], wire: bytes, read: Callable[[bytes], Reply]) -> Reply:
    loop = asyncio.get_running_loop()
    transport, waiting = await loop.create_datagram_endpoint(lambda: _Waiting(read), remote_addr=where)
    try:
        transport.sendto(wire)
        return await waiting.reply
    finally:
        transport.close()


async def _over_tcp(where: tuple[str, int], wire: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*where)
    try:
        writer.write(len(wire).to_bytes(2, "big") + wire)
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    finally:
        writer.close()
