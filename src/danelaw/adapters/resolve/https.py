"""DNS over HTTPS (RFC 8484): a POST for each question, on streams of one HTTP/2 connection (§5.2)."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field, replace
from typing import Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from danelaw.adapters.resolve.connections import NoReplyError, SharedConnection, Stream, open_tls, shown
from danelaw.adapters.resolve.queries import LONGEST, Query
from danelaw.core.dnssec.message import MessageError
from danelaw.core.model import DoH, Message, Question, Record, Silence
from danelaw.ports import Dialer

HTTP_2: Final = "h2"
_MEDIA_TYPE: Final = "application/dns-message"
_CHUNK: Final = 65536
_HELD: Final = 4 * 65536
"""Octets without a whole frame among them that are kept: frames are shorter, and so are the headers of a response."""
_SHOWN: Final = 80


def https_channel(forwarder: DoH, dialer: Dialer, context: ssl.SSLContext, limit: float) -> SharedConnection:
    """``Channel`` to a forwarder over HTTPS. ``limit``: seconds for one question; ``context`` offers HTTP/2."""
    where = str(forwarder)

    async def connect() -> _Exchanges:
        stream = await open_tls(dialer, forwarder.ip, forwarder.port, context, forwarder.host, where)
        if stream.protocol != HTTP_2:
            await stream.close()
            raise NoReplyError("HTTP_ERROR", f"{where}: the server does not speak HTTP/2")
        return _Exchanges(stream, forwarder, where)

    return SharedConnection(connect, limit, where)


@dataclass(slots=True)
class _Response:
    """What has come of one."""

    query: Query
    done: asyncio.Future[Message | Silence]
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def settle(self, outcome: Message | Silence | NoReplyError) -> None:
        if self.done.done():
            return
        if isinstance(outcome, NoReplyError):
            self.done.set_exception(outcome)
        else:
            self.done.set_result(outcome)


class _Exchanges:
    """``Connection``: requests and responses on their streams."""

    def __init__(self, stream: Stream, forwarder: DoH, where: str) -> None:
        self._stream = stream
        self._forwarder = forwarder
        self._where = where
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self._http.initiate_connection()
        self._http.update_settings({h2.settings.SettingCodes.ENABLE_PUSH: 0})
        self._responses: dict[int, _Response] = {}
        self._leaving = False
        self._send()
        self._reading = asyncio.create_task(self._read())

    @property
    def usable(self) -> bool:
        return not self._leaving and not self._reading.done()

    async def ask(self, question: Question) -> Message | Silence:
        """RFC 8484 §4.1: the id is 0, since the stream tells whose reply it is."""
        query = Query.make(question, recursion_desired=True, id=0)
        if not self.usable:
            raise NoReplyError("HTTP_ERROR", f"{self._where}: closed too early")
        number = self._http.get_next_available_stream_id()
        response = self._responses[number] = _Response(query, asyncio.get_running_loop().create_future())
        try:
            self._post(number, query.wire)
            return await response.done
        except h2.exceptions.ProtocolError as error:  # too many streams for the server, or a window too small
            return Silence("HTTP_ERROR", f"{self._where}: no room for a request: {shown(error)}")
        finally:
            del self._responses[number]
            if not response.ended:
                self._give_up(number)

    async def close(self) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._http.close_connection()
        self._send()
        await self._stream.close()

    def _post(self, number: int, wire: bytes) -> None:
        forwarder = self._forwarder
        self._http.send_headers(
            number,
            [
                (":method", "POST"),
                (":scheme", "https"),
                (":authority", forwarder.authority),
                (":path", forwarder.path),
                ("accept", _MEDIA_TYPE),
                ("content-type", _MEDIA_TYPE),
                ("content-length", str(len(wire))),
            ],
        )
        self._http.send_data(number, wire, end_stream=True)
        self._send()

    def _give_up(self, number: int) -> None:
        """Tell the server to send no more of a response that is not awaited any longer."""
        with contextlib.suppress(h2.exceptions.ProtocolError):  # there is nothing more to come, or no connection
            self._http.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
            self._send()

    def _send(self) -> None:
        self._stream.writer.write(self._http.data_to_send())

    async def _read(self) -> None:
        """Take in what comes until the connection ends; then all who wait hear why."""
        why = "closed too early"
        held = 0
        try:
            while data := await self._stream.reader.read(_CHUNK):
                events = self._http.receive_data(data)
                held = 0 if events else held + len(data)
                if held > _HELD:
                    why = "a frame that is too long"
                    break
                for event in events:
                    self._take(event)
                self._send()
                # A server that makes us answer and does not read what we say is not read either.
                await self._stream.writer.drain()
        except h2.exceptions.ProtocolError as error:
            why = f"no HTTP/2: {shown(error)}"
        except OSError as error:
            why = shown(error)
        self._lose(why)

    def _lose(self, why: str) -> None:
        for response in self._responses.values():
            response.settle(NoReplyError("HTTP_ERROR", f"{self._where}: {why}"))

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self._leaving = True
            self._lose(f"the server ends the connection (error {event.error_code})")
            return
        if isinstance(event, h2.events.DataReceived):
            with contextlib.suppress(h2.exceptions.ProtocolError):  # the stream is closed, by this same chunk or by us
                self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        number = getattr(event, "stream_id", None)
        response = self._responses.get(number) if isinstance(number, int) else None
        if response is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            response.headers = {_text(name): _text(value) for name, value in event.headers or ()}
        elif isinstance(event, h2.events.DataReceived):
            response.body += event.data or b""
            if len(response.body) > LONGEST:
                response.settle(Silence("MALFORMED", f"{self._where}: more than a message can be"))
        elif isinstance(event, h2.events.StreamReset):
            response.ended = True
            response.settle(Silence("HTTP_ERROR", f"{self._where}: reset (error {event.error_code})"))
        elif isinstance(event, h2.events.StreamEnded):
            response.ended = True
            response.settle(self._judged(response))

    def _judged(self, response: _Response) -> Message | Silence:
        """RFC 8484 §4.2.1: only a successful response holds a reply, whatever the reply's RCODE. None is followed
        elsewhere."""
        status, kind = response.headers.get(":status", ""), response.headers.get("content-type", "")
        if status != "200":
            return Silence("HTTP_ERROR", f"{self._where}: status {_short(status)}")
        if kind.partition(";")[0].strip().lower() != _MEDIA_TYPE:
            return Silence("HTTP_ERROR", f"{self._where}: {_short(kind) or 'no type'} instead of {_MEDIA_TYPE}")
        try:
            reply = response.query.read(bytes(response.body), self._where)
        except MessageError as error:
            return Silence("MALFORMED", f"{self._where}: {error}")
        if reply is None or (isinstance(reply, Message) and reply.truncated):
            return Silence("MALFORMED", f"{self._where}: not the reply to the query")
        return reply if isinstance(reply, Silence) else _aged(reply, response.headers.get("age", ""))


def _text(field: bytes | str) -> str:
    return field if isinstance(field, str) else field.decode("latin-1")


def _short(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:_SHOWN])


def _aged(message: Message, age: str) -> Message:
    """RFC 8484 §5.1: what a cache of HTTP has held for ``age`` seconds lives so much shorter."""
    if not (age.isascii() and age.isdigit()):
        return message
    seconds = int(age[:10])

    def held(records: tuple[Record, ...]) -> tuple[Record, ...]:
        return tuple(replace(record, ttl=max(0, record.ttl - seconds)) for record in records)

    return replace(
        message, answer=held(message.answer), authority=held(message.authority), additional=held(message.additional)
    )
