"""DNS over TLS (RFC 7858): messages with their lengths before them, as over TCP, answered in any order."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl

from danelaw.adapters.resolve.connections import NoReplyError, SharedConnection, Stream, open_tls, shown
from danelaw.adapters.resolve.queries import Query
from danelaw.core.dnssec.message import MessageError
from danelaw.core.model import DoT, Message, Question, Silence
from danelaw.ports import Dialer


def tls_channel(forwarder: DoT, dialer: Dialer, context: ssl.SSLContext, limit: float) -> SharedConnection:
    """``Channel`` to a forwarder over TLS. ``limit``: seconds for one question."""
    where = str(forwarder)

    async def connect() -> _Pipeline:
        return _Pipeline(
            await open_tls(dialer, forwarder.ip, forwarder.port, context, forwarder.server_name, where), where
        )

    return SharedConnection(connect, limit, where)


class _Pipeline:
    """``Connection`` on which replies find their questions by their ids (RFC 7766 §7)."""

    def __init__(self, stream: Stream, where: str) -> None:
        self._stream = stream
        self._where = where
        self._waiting: dict[int, tuple[Query, asyncio.Future[Message | Silence]]] = {}
        self._reading = asyncio.create_task(self._read())

    @property
    def usable(self) -> bool:
        return not self._reading.done()

    async def ask(self, question: Question) -> Message | Silence:
        query = Query.make(question, recursion_desired=True, id=self._free_id())
        replied: asyncio.Future[Message | Silence] = asyncio.get_running_loop().create_future()
        self._waiting[query.id] = query, replied
        try:
            if self._reading.done():
                raise NoReplyError("MALFORMED", f"{self._where}: closed too early")
            # In one piece: some servers read a length of its own as a whole message (RFC 7766 §8).
            self._stream.writer.write(len(query.wire).to_bytes(2) + query.wire)
            return await replied
        finally:
            del self._waiting[query.id]

    async def close(self) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        await self._stream.close()

    def _free_id(self) -> int:
        while (id := secrets.randbits(16)) in self._waiting:
            continue
        return id

    async def _read(self) -> None:
        """Deliver replies until the connection ends; then all who wait hear why."""
        why = "closed too early"
        reader = self._stream.reader
        try:
            while True:
                wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                self._deliver(wire)
        except MessageError as error:
            why = str(error)
        except asyncio.IncompleteReadError:
            pass
        except OSError as error:
            why = shown(error)
        for _, replied in self._waiting.values():
            if not replied.done():
                replied.set_exception(NoReplyError("MALFORMED", f"{self._where}: {why}"))

    def _deliver(self, wire: bytes) -> None:
        """What nobody waits for is passed over: its question may have been given up."""
        query, replied = self._waiting.get(int.from_bytes(wire[:2]), (None, None))
        if query is None or replied is None or replied.done():
            return
        reply = query.read(wire, self._where)
        if isinstance(reply, Message) and reply.truncated:
            reply = Silence("MALFORMED", f"{self._where}: truncated")
        if reply is not None:
            replied.set_result(reply)
