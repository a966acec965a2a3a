"""Mail servers of a few lines: each presents one chain after STARTTLS (RFC 3207 §4), exactly as it is given."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each client that leaves while TLS is on


def context(pem: Path) -> ssl.SSLContext:
    """Of a file with the leaf's private key and the certificates to send, the leaf first."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pem)
    return made


@asynccontextmanager
async def presenting(address: str, pems: Sequence[Path], first_port: int = 0) -> AsyncIterator[list[int]]:
    """The ports where the chains in these files are presented, in their order: free ones, or from ``first_port`` on."""
    contexts = {pem: context(pem) for pem in set(pems)}
    async with contextlib.AsyncExitStack() as stack:
        ports = []
        for number, pem in enumerate(pems):
            port = first_port + number if first_port else 0
            server = await asyncio.start_server(_Talk(contexts[pem]), address, port)
            stack.callback(server.close)
            ports.append(server.sockets[0].getsockname()[1])
        yield ports


class _Talk:
    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):  # whoever refuses a chain leaves as it likes
            writer.write(b"220 agreed ESMTP\r\n")
            while line := await reader.readline():
                match line.split()[:1]:
                    case [b"EHLO"]:
                        writer.write(b"250-agreed\r\n250 STARTTLS\r\n")
                    case [b"STARTTLS"]:
                        writer.write(b"220 go ahead\r\n")
                        await writer.drain()
                        await writer.start_tls(self._tls)
                    case [b"QUIT"]:
                        writer.write(b"221 bye\r\n")
                        break
                    case _:
                        writer.write(b"250 well\r\n")
        writer.transport.abort()
