"""``/metrics`` and ``/healthz`` over HTTP, for those who may reach the port: there is nothing else behind it.

Requests are read by h11 (RFC 9112), each has a time and a length, and only so many are served at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import h11

from danelaw.core.exposition import CONTENT_TYPE
from danelaw.core.model import DanelawError

PATIENCE: Final = timedelta(seconds=10)
"""From the connection to the end of the reply."""

LONGEST_REQUEST: Final = 1 << 14
"""In octets, of its head. A body is not read."""

MOST: Final = 16
"""Connections at once; others are closed unheard."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What there is. ``metrics``: the text for Prometheus, None while there is none yet. ``ailing``: why it is not
    well, empty if it is."""

    metrics: Callable[[], str | None]
    ailing: Callable[[], str]


@asynccontextmanager
async def listening(host: str, port: int, pages: Pages) -> AsyncIterator[int]:
    """Serves while it is entered, and gives the port. Raises ``DanelawError("METRICS_NOT_SERVED")``."""
    talks: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(talks) >= MOST:
            writer.transport.abort()
            return
        talks.add(task)
        try:
            await _talk(reader, writer, pages)
        except asyncio.CancelledError:
            return  # the end of serving, which is asked for below; a stream's task that ends so is logged as a fault
        finally:
            talks.discard(task)
            writer.transport.abort()

    try:
        server = await asyncio.start_server(accepted, host, port, limit=LONGEST_REQUEST)
    except OSError as error:
        raise DanelawError(
            "METRICS_NOT_SERVED",
            f"cannot listen on {host} port {port}",
            evidence=str(error),
            hint="does another program listen there? [metrics] listen names another place",
        ) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pages: Pages) -> None:
    """One request, one reply."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(PATIENCE.total_seconds()):
            talk = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_REQUEST)
            try:
                request = await _request(talk, reader)
            except h11.RemoteProtocolError as error:
                writer.write(_encoded(talk, _Reply(error.error_status_hint, "this is no request\n"), b"GET"))
            else:
                if request is None:
                    return
                writer.write(_encoded(talk, _reply(request, pages), request.method))
            writer.write_eof()
            while await reader.read(1 << 12):  # until the other side has it all: to close sooner may take it away
                pass


async def _request(talk: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """None where the connection was closed without one. Raises ``h11.RemoteProtocolError``."""
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            talk.receive_data(await reader.read(1 << 12))
        else:
            return event if isinstance(event, h11.Request) else None


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    text: str
    type: str = "text/plain; charset=utf-8"


def _reply(request: h11.Request, pages: Pages) -> _Reply:
    if request.method not in (b"GET", b"HEAD"):
        return _Reply(405, "GET and HEAD are all that there is here\n")
    match request.target.partition(b"?")[0]:
        case b"/metrics":
            text = pages.metrics()
            return _Reply(503, "nothing is known yet\n") if text is None else _Reply(200, text, CONTENT_TYPE)
        case b"/healthz":
            ailing = pages.ailing()
            return _Reply(503, f"{ailing}\n") if ailing else _Reply(200, "well\n")
        case _:
            return _Reply(404, "there are /metrics and /healthz here\n")


def _encoded(talk: h11.Connection, reply: _Reply, method: bytes) -> bytes:
    body = reply.text.encode("utf-8")
    headers = [
        ("Content-Type", reply.type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
        *([("Allow", "GET, HEAD")] if reply.status == http.HTTPStatus.METHOD_NOT_ALLOWED else []),
    ]
    head = talk.send(h11.Response(status_code=reply.status, headers=headers)) or b""
    return head if method == b"HEAD" else head + (talk.send(h11.Data(data=body)) or b"")
