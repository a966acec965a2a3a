"""One question to one server: UDP, then TCP where the reply did not fit (RFC 1035 §4.2, RFC 7766 §5).

Every wait is the event loop's, so that a server which hangs delays neither a bound nor a cancellation.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from dns.name import Name
from dns.rcode import Rcode

from danelaw.core.dnssec.message import MessageError, make_query, read_message
from danelaw.core.model import IP, DanelawError, Message, Question, Silence
from danelaw.ports import Dialer, SocketAddress

DNS_PORT = 53
_RESPONSE = 0x8000
_OPCODE = 0x7800


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server, and how often to ask again by UDP; each try waits twice as long as the last."""

    first: timedelta = timedelta(seconds=1.5)
    tries: int = 3
    tcp: timedelta = timedelta(seconds=5)


class Transport:
    """Sends queries through the ``Dialer``, each from its own port and with an unpredictable id (RFC 5452 §9.2)."""

    def __init__(self, dialer: Dialer, patience: Patience | None = None, payload: int = 1232) -> None:
        self._dialer = dialer
        self._patience = patience or Patience()
        self._payload = payload

    async def ask(
        self, ip: IP, name: Name, type: int, *, recursion_desired: bool, port: int = DNS_PORT
    ) -> Message | Silence:
        """The reply of the server at ``ip``, whatever its RCODE, with DO and CD set in the query.

        ``Silence``: TIMEOUT; UNREACHABLE, where no server listens; MALFORMED, where all that came was unreadable.
        """
        try:
            address = self._dialer.locate(ip, port)
        except DanelawError as error:
            return Silence("UNREACHABLE", str(error))
        question = Question(name, type)
        silence = Silence("TIMEOUT", f"{ip} port {port}")
        wait = self._patience.first.total_seconds()
        for _ in range(self._patience.tries):
            id = secrets.randbits(16)
            query = make_query(name, type, id=id, recursion_desired=recursion_desired, payload=self._payload)
            reply = await _by_udp(address, query, _Expected(id, question), wait)
            if isinstance(reply, Message):
                if reply.truncated:
                    return await self._by_tcp(address, query, _Expected(id, question))
                return reply
            silence = Silence(reply, f"{ip} port {port}")
            wait *= 2
        return silence

    async def _by_tcp(self, address: SocketAddress, query: bytes, expected: _Expected) -> Message | Silence:
        where = f"{address[0]} port {address[1]} by TCP"
        try:
            async with asyncio.timeout(self._patience.tcp.total_seconds()):
                reader, writer = await asyncio.open_connection(*address)
                try:
                    writer.write(len(query).to_bytes(2) + query)
                    wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                finally:
                    # Not close(): that would wait for a peer that does not read.
                    writer.transport.abort()
        except TimeoutError:
            return Silence("TIMEOUT", where)
        except asyncio.IncompleteReadError:
            return Silence("MALFORMED", f"{where}: closed too early")
        except OSError as error:
            return Silence("UNREACHABLE", f"{where}: {error}")
        try:
            message = read_message(wire)
        except MessageError as error:
            return Silence("MALFORMED", f"{where}: {error}")
        if not expected.matches(message) or message.truncated:
            return Silence("MALFORMED", f"{where}: not the reply to the query")
        return message


@dataclass(frozen=True, slots=True)
class _Expected:
    """What makes a message the reply to a query (RFC 5452 §9.1). Addresses are the connected socket's to check."""

    id: int
    question: Question

    def matches(self, message: Message) -> bool:
        if message.id != self.id or not message.flags & _RESPONSE or message.flags & _OPCODE:
            return False
        if not message.question:  # some servers send errors, and nothing but errors, without the question
            return message.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN)
        return message.question == (self.question,)


class _Datagrams(asyncio.DatagramProtocol):
    """Waits for the one datagram that is the reply. What does not match is passed over: it may be forged."""

    def __init__(self, expected: _Expected, replied: asyncio.Future[Message | str]) -> None:
        self._expected = expected
        self._replied = replied
        self.unreadable = False

    def datagram_received(self, data: bytes, addr: object) -> None:
        try:
            message = read_message(data)
        except MessageError:
            self.unreadable = self.unreadable or data[:2] == self._expected.id.to_bytes(2)
            return
        if self._expected.matches(message):
            self._settle(message)

    def error_received(self, exc: Exception) -> None:
        self._settle("UNREACHABLE")

    def _settle(self, outcome: Message | str) -> None:
        if not self._replied.done():
            self._replied.set_result(outcome)


async def _by_udp(address: SocketAddress, query: bytes, expected: _Expected, wait: float) -> Message | str:
    """The reply, or the code of the silence."""
    loop = asyncio.get_running_loop()
    replied: asyncio.Future[Message | str] = loop.create_future()
    make: Callable[[], _Datagrams] = lambda: _Datagrams(expected, replied)  # noqa: E731 - gives the factory its type
    try:
        transport, protocol = await loop.create_datagram_endpoint(make, remote_addr=address)
    except OSError:
        return "UNREACHABLE"
    try:
        transport.sendto(query)
        async with asyncio.timeout(wait):
            return await replied
    except TimeoutError:
        return "MALFORMED" if protocol.unreadable else "TIMEOUT"
    finally:
        transport.abort()
