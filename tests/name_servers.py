"""Name servers of a few lines, on loopback, for tests: UDP and TCP on one port, every reply made by a function."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.message import read_message
from danelaw.core.model import IP, DanelawError, Message, Question
from danelaw.ports import SocketAddress

Datagrams = Callable[[bytes], Iterable[bytes]]
"""A query's octets to the octets of the replies: none, one, or several."""
Streams = Callable[[bytes], bytes | None]
"""As over UDP, but one reply, without its length. None: nothing is ever said; empty: the connection is closed."""


OPT = b"\0" + (41).to_bytes(2) + (1232).to_bytes(2) + bytes(6)


def to_wire(message: Message, id: int, *, edns: bool = True) -> bytes:
    """A message in wire form, without compression; ``edns``: with an OPT record, as from all that know DNSSEC."""
    sections = (message.answer, message.authority, message.additional)
    answer, authority, additional = map(len, sections)
    counts = (len(message.question), answer, authority, additional + edns)
    wire = b"".join(n.to_bytes(2) for n in (id, message.flags | 0x8000 | message.rcode, *counts))
    for one in message.question:
        wire += plain_wire(one.name) + one.type.to_bytes(2) + one.klass.to_bytes(2)
    for record in (record for section in sections for record in section):
        fixed = record.type.to_bytes(2) + record.klass.to_bytes(2) + record.ttl.to_bytes(4)
        wire += plain_wire(record.owner) + fixed + len(record.rdata).to_bytes(2) + record.rdata
    return wire + OPT * edns


def saying(answer: Callable[[Question], Message | None]) -> Streams:
    """A server's replies from a function of the question; None: silence."""

    def reply(query: bytes) -> bytes | None:
        asked = read_message(query)
        said = answer(asked.question[0])
        return None if said is None else to_wire(said, asked.id)

    return reply


@dataclass
class NameServer:
    """What came to a server that runs."""

    address: SocketAddress
    datagrams: list[bytes] = field(default_factory=list)
    senders: list[SocketAddress] = field(default_factory=list)
    streams: list[bytes] = field(default_factory=list)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, replies: Datagrams) -> None:
        self._replies = replies
        self._transport: asyncio.DatagramTransport | None = None
        self.server: NameServer | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # asyncio's own type is too wide
        self._transport = transport

    def datagram_received(self, data: bytes, addr: SocketAddress) -> None:
        assert self.server is not None
        assert self._transport is not None
        self.server.datagrams.append(data)
        self.server.senders.append(addr)
        for reply in self._replies(data):
            self._transport.sendto(reply, addr)


def _sockets() -> tuple[socket.socket, socket.socket]:
    """One free port for both: what is free for UDP may be taken for TCP."""
    while True:
        udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
        udp.bind(("127.0.0.1", 0))
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            continue
        return udp, tcp


@asynccontextmanager
async def name_server(udp: Datagrams, tcp: Streams | None = None) -> AsyncIterator[NameServer]:
    """Serves until the block ends. Without ``tcp`` nothing listens there."""
    over_udp, over_tcp = _sockets()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: _Protocol(udp), sock=over_udp)
    server = protocol.server = NameServer(transport.get_extra_info("sockname"))
    talking: set[asyncio.Task[None] | None] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(asyncio.current_task())
        assert tcp is not None
        try:
            query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            server.streams.append(query)
            reply = tcp(query)
            if reply is None:
                await reader.read()  # until the client gives up
            elif reply:
                writer.write(len(reply).to_bytes(2) + reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    listener = await asyncio.start_server(talk, sock=over_tcp) if tcp is not None else None
    if listener is None:
        over_tcp.close()
    try:
        yield server
    finally:
        transport.abort()
        if listener is not None:
            listener.close()
            for task in talking:
                if task is not None:
                    task.cancel()


@asynccontextmanager
async def answering(answer: Callable[[Question], Message | None]) -> AsyncIterator[NameServer]:
    """A server whose replies are a function of the question, alike over UDP and TCP. None: nothing is said, and a TCP
    connection is closed."""
    reply = saying(answer)

    def datagrams(query: bytes) -> list[bytes]:
        said = reply(query)
        return [] if said is None else [said]

    async with name_server(datagrams, lambda query: reply(query) or b"") as server:
        yield server


@dataclass(frozen=True)
class Places:
    """``ports.Dialer`` for a world of a few addresses."""

    at: Mapping[IP, SocketAddress]

    def locate(self, ip: IP, port: int) -> SocketAddress:
        if ip not in self.at:
            raise DanelawError("NOT_IN_THIS_WORLD", f"nothing is at {ip} port {port}")
        return self.at[ip]
