"""DNS over UDP and TCP on one loopback port: framing, sizes and time limits; no idea of what is answered."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias

from danelaw.ports import SocketAddress

Handler: TypeAlias = Callable[[bytes, bool], Awaitable[bytes | None]]
"""(query, whether it came by TCP) -> reply in wire form, or None for silence. A UDP reply has been cut to fit."""

IDLE_SECONDS: Final = 10.0
"""How long a TCP client may stay mute (RFC 7766 §6.2.3)."""

PORT_TRIES: Final = 32


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, listener: DnsListener) -> None:
        self._listener = listener
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # typeshed has the base class
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._listener.spawn(self._answer(data, addr))

    async def _answer(self, query: bytes, peer: tuple[str, int]) -> None:
        reply = await self._listener.handler(query, False)
        if reply is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(reply, peer)


class _Tcp(asyncio.Protocol):
    """Length-prefixed messages (RFC 1035 §4.2.2), several on one connection, answered as they are ready."""

    def __init__(self, listener: DnsListener) -> None:
        self._listener = listener
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._listener.connections.add(transport)
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._transport is not None:
            self._listener.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 2:
            (length,) = struct.unpack_from("!H", self._buffer)
            if len(self._buffer) < 2 + length:
                return
            query = bytes(self._buffer[2 : 2 + length])
            del self._buffer[: 2 + length]
            self._listener.spawn(self._answer(query))

    async def _answer(self, query: bytes) -> None:
        reply = await self._listener.handler(query, True)
        if reply is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.write(struct.pack("!H", len(reply)) + reply)


class DnsListener:
    """A handler on a UDP and a TCP socket of the same number."""

    def __init__(self, handler: Handler, address: SocketAddress) -> None:
        self.handler = handler
        self.address = address
        self.connections: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, answering: Awaitable[None]) -> None:
        """Answer in a task of its own, which ends with the listener."""
        task = asyncio.ensure_future(answering)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Drop every connection and every answer that is still being made."""
        for transport in tuple(self.connections):
            transport.abort()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def dns_listener(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[DnsListener]:
    """Listen on a free port of ``host`` by UDP and TCP. Raises ``OSError`` if there is none."""
    loop = asyncio.get_running_loop()
    tcp, udp = _bind_pair(host)
    listener = DnsListener(handler, tcp.getsockname()[:2])
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(tcp.close)
        stack.callback(udp.close)
        stack.push_async_callback(listener.stop)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(listener), sock=udp)
        stack.callback(transport.close)
        server = await loop.create_server(lambda: _Tcp(listener), sock=tcp, backlog=256)
        stack.callback(server.close)
        yield listener


def _bind_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket on the same free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for tries_left in reversed(range(PORT_TRIES)):
        tcp = socket.socket(family, socket.SOCK_STREAM)
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind((host, 0))
            udp.bind((host, tcp.getsockname()[1]))
        except OSError:
            tcp.close()
            udp.close()
            if not tries_left:
                raise
            continue
        tcp.setblocking(False)
        udp.setblocking(False)
        return tcp, udp
    raise AssertionError("unreachable")
