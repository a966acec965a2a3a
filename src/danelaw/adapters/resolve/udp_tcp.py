"""One question to one server: UDP, then TCP where the reply did not fit (RFC 1035 §4.2, RFC 7766 §5).

Every wait is the event loop's, so that a server which hangs delays neither a bound nor a cancellation.
"""

from __future__ import annotations

import asyncio
import socket

from danelaw.adapters.resolve.queries import LONGEST, Patience, Query
from danelaw.core.dnssec.message import MessageError
from danelaw.core.model import IP, DanelawError, Do53, Message, Question, Silence
from danelaw.ports import Dialer, SocketAddress

DNS_PORT = 53


class UdpTcp:
    """Sends queries through the ``Dialer``, each from its own port and with an unpredictable id (RFC 5452 §9.2)."""

    def __init__(self, dialer: Dialer, patience: Patience | None = None, payload: int = 1232) -> None:
        self._dialer = dialer
        self._patience = patience or Patience()
        self._payload = payload

    async def ask(
        self, ip: IP, question: Question, *, recursion_desired: bool, port: int = DNS_PORT
    ) -> Message | Silence:
        """The reply of the server at ``ip``, whatever its RCODE, with DO and CD set in the query.

        A forwarder (``recursion_desired``) that gives no reply by UDP is tried once by TCP: some networks let only
        that through. ``Silence``: TIMEOUT; UNREACHABLE, where no server listens; MALFORMED, where all that came was
        unreadable; of a forwarder also NO_EDNS.
        """
        try:
            address = self._dialer.locate(ip, port)
        except DanelawError as error:
            return Silence("UNREACHABLE", str(error))
        where = f"{ip} port {port}"
        code = "TIMEOUT"
        wait = self._patience.first.total_seconds()
        for _ in range(self._patience.tries):
            query = Query.make(question, recursion_desired=recursion_desired, payload=self._payload)
            reply = await _by_udp(address, query, wait, where)
            if isinstance(reply, Message) and reply.truncated:
                return await self._by_tcp(address, query)
            if not isinstance(reply, str):
                return reply
            code = reply
            wait *= 2
        if not recursion_desired or code == "UNREACHABLE":
            return Silence(code, where)
        last = await self._by_tcp(address, Query.make(question, recursion_desired=True, payload=self._payload))
        if isinstance(last, Silence) and last.code != "NO_EDNS":
            return Silence(code, f"{where}, and by TCP: {last.code}")
        return last

    async def _by_tcp(self, address: SocketAddress, query: Query) -> Message | Silence:
        where = f"{address[0]} port {address[1]} by TCP"
        try:
            async with asyncio.timeout(self._patience.tcp.total_seconds()):
                reader, writer = await asyncio.open_connection(*address)
                try:
                    writer.write(len(query.wire).to_bytes(2) + query.wire)
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
            reply = query.read(wire, where)
        except MessageError as error:
            return Silence("MALFORMED", f"{where}: {error}")
        if reply is None or (isinstance(reply, Message) and reply.truncated):
            return Silence("MALFORMED", f"{where}: not the reply to the query")
        return reply


class Do53Channel:
    """``Channel`` of classic DNS: nothing is left open between questions."""

    def __init__(self, forwarder: Do53, transport: UdpTcp) -> None:
        self._forwarder = forwarder
        self._transport = transport

    async def ask(self, question: Question) -> Message | Silence:
        forwarder = self._forwarder
        return await self._transport.ask(forwarder.ip, question, recursion_desired=True, port=forwarder.port)

    async def close(self) -> None:
        return


async def _by_udp(address: SocketAddress, query: Query, wait: float, where: str) -> Message | Silence | str:
    """The reply or what it shows, or the code of the silence. What does not match is passed over: it may be forged.

    A connected socket takes nothing from others, and hears when nobody listens. A transport of asyncio's would cost as
    much again as the query and its reply.
    """
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    unreadable = False
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(address)
            sock.send(query.wire)
            async with asyncio.timeout(wait):
                while True:
                    data = await loop.sock_recv(sock, LONGEST)
                    try:
                        reply = query.read(data, where)
                    except MessageError:
                        reply, unreadable = None, unreadable or data[:2] == query.id.to_bytes(2)
                    if reply is not None:
                        return reply
                    await asyncio.sleep(0)  # a flood holds up neither others nor the end of our patience
    except TimeoutError:
        return "MALFORMED" if unreadable else "TIMEOUT"
    except OSError:
        return "UNREACHABLE"
