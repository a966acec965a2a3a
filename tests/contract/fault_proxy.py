"""What befalls a client between itself and a CA: a proxy that ends TLS, passes requests on, and breaks what it is told.

The CA's own URLs lead to the proxy: requests are signed for where they are sent to (RFC 8555 §6.4).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from issue_benches import credential, trusting

from danelaw.worlds.lab.ca import AcmeCA


@dataclass(frozen=True)
class Exchange:
    """A request and what the CA said. ``reply`` is the whole of it, head and body."""

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
class FaultProxy:
    """``faults``: by what the requests are for. ``seen``: what was asked for, in order."""

    url: str = ""
    bundle: Path = field(default_factory=Path)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def next(self, what: str, *faults: Fault) -> None:
        """The next requests for this meet these, one each."""
        self.faults.setdefault(what, []).extend(faults)

    def always(self, what: str, fault: Fault) -> None:
        self.next(what, *[fault] * 1000)


def what_for(path: str) -> str:
    """``directory``, ``new-nonce``, ``new-account``, ``new-order``, ``order``, ``authorization``, ``finalize``, ..."""
    parts = path.strip("/").split("/")
    return parts[-1] if parts[-1] == "finalize" else parts[0]


@asynccontextmanager
async def fault_proxy(ca: AcmeCA, folder: Path) -> AsyncIterator[FaultProxy]:
    """In front of the lab's CA."""
    bundle, chain, key = credential(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    behind, upstream = urlsplit(ca.url), trusting(ca.api_bundle)
    proxy = FaultProxy(bundle=bundle)
    conversations: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        from_ca, to_ca = await asyncio.open_connection(behind.hostname, behind.port, ssl=upstream)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
                to_ca.write(head + await reader.readexactly(length_of(head)))
                reply = await from_ca.readuntil(b"\r\n\r\n")
                reply += await from_ca.readexactly(0 if method == "HEAD" else length_of(reply))
                proxy.seen.append(what_for(path))
                exchange = Exchange(method, path, reply, writer)
                if waiting := proxy.faults.get(what_for(path)):
                    await waiting.pop(0)(exchange)
                    return
                await exchange.send(reply)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            conversations.discard(task)
            for end in (to_ca, writer):
                end.close()
            with suppress(OSError):
                await writer.wait_closed()

    async with await asyncio.start_server(converse, "127.0.0.1", 0, ssl=context) as server:
        origin = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ca._service.ledger.base = origin
        proxy.url = f"{origin}/directory"
        yield proxy
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


def length_of(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


# -- faults -----------------------------------------------------------------------------------------------------------


def says(status: int, body: bytes = b"", *headers: str, type: str = "application/problem+json") -> Fault:
    """The CA is given the request, and the client this."""

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
