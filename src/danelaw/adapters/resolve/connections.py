"""Encrypted connections to forwarders: made when a question needs one, shared by those that follow, and bounded."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from danelaw.core.model import IP, DanelawError, Message, Question, Silence
from danelaw.ports import Dialer

_SHOWN: Final = 200
"""Characters of what the other side caused that an error quotes."""


class NoReplyError(Exception):
    """There is no connection, or it ended with the question unanswered; ``silence`` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.silence = Silence(code, detail)


class Connection(Protocol):
    """An open connection that carries many questions at once."""

    @property
    def usable(self) -> bool:
        """Whether it still takes questions."""
        ...

    async def ask(self, question: Question) -> Message | Silence:
        """Raises ``NoReplyError`` when the connection ends first."""
        ...

    async def close(self) -> None: ...


class SharedConnection:
    """``Channel`` over one connection, which is kept for the questions to come (RFC 7858 §3.4).

    Servers end idle connections as they like: a question that meets such an end is asked once more on a new one.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], limit: float, where: str) -> None:
        self._connect = connect
        self._limit = limit
        self._where = where
        self._connecting = asyncio.Lock()
        self._connection: Connection | None = None

    async def ask(self, question: Question) -> Message | Silence:
        """In at most ``limit`` seconds."""
        try:
            async with asyncio.timeout(self._limit):
                while True:
                    connection, new = await self._connected()
                    try:
                        return await connection.ask(question)
                    except NoReplyError:
                        if new:
                            raise
        except NoReplyError as none:
            return none.silence
        except TimeoutError:
            return Silence("TIMEOUT", self._where)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _connected(self) -> tuple[Connection, bool]:
        """The connection, and whether it was made just now."""
        async with self._connecting:
            if self._connection is not None and self._connection.usable:
                return self._connection, False
            await self.close()
            self._connection = await self._connect()
            return self._connection, True


class Stream:
    """Octets over TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def protocol(self) -> str | None:
        """What both sides agreed to speak (ALPN)."""
        tls: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        return tls.selected_alpn_protocol()

    async def close(self) -> None:
        """Says that this is the end, and does not wait for the other side to say so too."""
        if not self.writer.transport.is_closing():  # Debian 12's Python (3.11.2) fails to abort what is over already
            self.writer.close()
            self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


async def open_tls(
    dialer: Dialer, ip: IP, port: int, context: ssl.SSLContext, server_name: str | None, where: str
) -> Stream:
    """Raises ``NoReplyError``: UNREACHABLE; TLS_FAILED, with what is wrong with the certificate or the handshake."""
    try:
        address = dialer.locate(ip, port)
        # An empty name is one that is not sent, where None would be the address.
        reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=server_name or "")
    except DanelawError as error:
        raise NoReplyError("UNREACHABLE", str(error)) from error
    except ssl.SSLCertVerificationError as error:
        raise NoReplyError("TLS_FAILED", f"{where}: {error.verify_message or shown(error)}") from error
    except (ssl.SSLError, ConnectionResetError, ConnectionAbortedError, BrokenPipeError) as error:
        raise NoReplyError("TLS_FAILED", f"{where}: {shown(error)}") from error
    except OSError as error:
        raise NoReplyError("UNREACHABLE", f"{where}: {shown(error)}") from error
    return Stream(reader, writer)


def shown(error: Exception) -> str:
    """A short line of printable text."""
    text = str(error) or "the connection was closed"
    return "".join(char if char.isprintable() else "?" for char in text[:_SHOWN])


def verifying(ca: Path | None, *protocols: str) -> ssl.SSLContext:
    """TLS 1.2 or later with a certificate for the server's name, from the system's trust store or from the PEM file.

    Raises ``DanelawError("RESOLVER_CA_UNREADABLE")``.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:  # ssl.SSLError is one
        raise DanelawError(
            "RESOLVER_CA_UNREADABLE",
            f"the certificates to check forwarders by cannot be read from {ca}",
            evidence=shown(error),
            hint="set ca under [resolver] to a PEM file",
        ) from error
    return _settled(context, protocols)


def unverified() -> ssl.SSLContext:
    """TLS 1.2 or later with whoever answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _settled(context, ())


def _settled(context: ssl.SSLContext, protocols: tuple[str, ...]) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
