"""What befalls a client between itself and a server of HTTP: a proxy that ends TLS, passes requests on, and breaks what
it is told to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Exchange:
    """A request and what the server said. ``reply`` is the whole of it, head and body."""

    method: str
    path: str
    reply: bytes
    writer: asyncio.StreamWriter

    async def send(self, reply: bytes) -> None:
        self.writer.write(reply)
        await self.writer.drain()


Fault = Callable[[Exchange], Awaitable[None]]
"""Sends what the client is to get instead; the connection is closed after it."""
MOST_PIECES = 1024


@dataclass
class GoBetween:
    """``what_for``: a word for a request, of its method and path. ``faults``: by that word, what the next of them meet
    on their way back; ``barred``: what they meet on their way there, and the server never hears of them.

    ``seen``: what was passed on, in order. ``said``: with which status it came back.
    """

    what_for: Callable[[str, str], str]
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    barred: dict[str, list[Fault]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    said: list[tuple[str, int]] = field(default_factory=list)

    def next(self, what: str, *faults: Fault) -> None:
        """The next requests for this meet these, one each."""
        self.faults.setdefault(what, []).extend(faults)

    def always(self, what: str, fault: Fault) -> None:
        self.next(what, *[fault] * 1000)

    def bar(self, what: str, fault: Fault) -> None:
        """Requests for this get no further, from now on."""
        self.barred.setdefault(what, []).extend([fault] * 1000)

    def heal(self) -> None:
        self.faults.clear()
        self.barred.clear()

    @asynccontextmanager
    async def listening(
        self, behind: tuple[str, int], upstream: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[int]:
        """On a port of 127.0.0.1, in front of the server at ``behind``; each with TLS where a context says how."""
        conversations: set[asyncio.Task[None]] = set()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            conversations.add(task)
            to_server = None
            try:
                from_server, to_server = await asyncio.open_connection(*behind, ssl=upstream)
                await self._converse(reader, writer, from_server, to_server)
            except (OSError, asyncio.IncompleteReadError):
                pass  # one of them has gone
            finally:
                conversations.discard(task)
                for end in (to_server, writer):
                    if end is not None:
                        end.close()
                with suppress(OSError):
                    await writer.wait_closed()

        async with await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls) as server:
            port: int = server.sockets[0].getsockname()[1]
            yield port
            for task in conversations:
                task.cancel()
            await asyncio.gather(*conversations, return_exceptions=True)

    async def _converse(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        from_server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, path, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
            request = head + await reader.readexactly(length_of(head))
            what = self.what_for(method, path)
            if waiting := self.barred.get(what):
                await waiting.pop(0)(Exchange(method, path, b"", writer))
                return
            to_server.write(request)
            reply = await from_server.readuntil(b"\r\n\r\n")
            if method != "HEAD":
                reply += await _body(from_server, reply)
            self.seen.append(what)
            self.said.append((what, int(reply.split(b" ", 2)[1])))
            exchange = Exchange(method, path, reply, writer)
            if waiting := self.faults.get(what):
                await waiting.pop(0)(exchange)
                return
            await exchange.send(reply)


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """As it comes, chunks and all (RFC 9112 §7.1)."""
    if b"transfer-encoding: chunked" not in head.lower():
        return await reader.readexactly(length_of(head))
    body, size = b"", -1
    while size:
        line = await reader.readline()
        size = int(line.split(b";")[0], 16)
        body += line + await reader.readexactly(size + 2)
    return body


def length_of(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


# -- faults -----------------------------------------------------------------------------------------------------------


def says(status: int, body: bytes = b"", *headers: str, type: str = "application/problem+json") -> Fault:
    """Whatever the server said, the client is given this."""

    async def fault(exchange: Exchange) -> None:
        lines = [f"HTTP/1.1 {status} So", f"Content-Type: {type}", f"Content-Length: {len(body)}", *headers]
        content = b"" if exchange.method == "HEAD" else body
        await exchange.send("\r\n".join([*lines, "Connection: close", "", ""]).encode("ascii") + content)

    return fault


async def lost(exchange: Exchange) -> None:
    """The request was delivered, the reply never comes."""
    exchange.writer.transport.abort()


async def truncated(exchange: Exchange) -> None:
    """Half of the body, as if that were all of it."""
    head, _, body = exchange.reply.partition(b"\r\n\r\n")
    half = body[: len(body) // 2]
    head = head.replace(b"ength: %d" % len(body), b"ength: %d" % len(half))
    await exchange.send(head + b"\r\nConnection: close\r\n\r\n" + half)


async def cut_short(exchange: Exchange) -> None:
    """Half of what was announced."""
    await exchange.send(exchange.reply[: -len(exchange.reply) // 4])


async def endless(exchange: Exchange) -> None:
    """Far more than a client should read."""
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    await exchange.send(head.encode("ascii"))
    for _ in range(MOST_PIECES):
        if exchange.writer.is_closing():
            return
        await exchange.send(b" " * 65536)


def edited(*changes: tuple[bytes, bytes]) -> Fault:
    """The reply, but with other words in it."""

    async def fault(exchange: Exchange) -> None:
        head, _, body = exchange.reply.partition(b"\r\n\r\n")
        length = len(body)
        for old, new in changes:
            head, body = head.replace(old, new), body.replace(old, new)
        head = head.replace(b"ength: %d" % length, b"ength: %d" % len(body))
        await exchange.send(head + b"\r\nConnection: close\r\n\r\n" + body)

    return fault


@dataclass
class Held:
    """A reply that waits for ``release``. ``there``: the CA has done its part."""

    there: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, exchange: Exchange) -> None:
        self.there.set()
        await self.release.wait()
        await exchange.send(exchange.reply)


def dripping(in_head: bool, stop: asyncio.Event) -> Fault:
    """A reply that comes octet by octet and never ends."""

    async def fault(exchange: Exchange) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Slow: "
        await exchange.send(head if in_head else head + b"\r\n\r\n")
        while not stop.is_set():
            await exchange.send(b" ")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.02)

    return fault
