"""The two things that a client does on a TCP connection: a TLS handshake, or plain HTTP."""

from __future__ import annotations

import asyncio
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError

CHUNK: Final = 1 << 16


RSA_ONLY: Final = b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"


def context(*, rsa: bool = False) -> SSL.Context:
    """TLS 1.2 and later. The library verifies nothing: that is the client's own part.

    ``rsa``: it knows no other certificates than RSA's, and no TLS 1.3.
    """
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    made.set_min_proto_version(SSL.TLS1_2_VERSION)
    made.set_verify(SSL.VERIFY_NONE)
    if rsa:
        made.set_max_proto_version(SSL.TLS1_2_VERSION)
        made.set_cipher_list(RSA_ONLY)
    return made


async def presented(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sni: str, using: SSL.Context
) -> tuple[bytes, ...]:
    """The certificates that the server sent, in DER and in its order. Raises RefusedError(TLS_FAILED)."""
    tls = SSL.Connection(using, None)
    tls.set_tlsext_host_name(sni.encode("ascii"))
    tls.set_connect_state()
    try:
        while not await _handshaken(tls, reader, writer):
            pass
        chain = tls.get_peer_cert_chain(as_cryptography=True) or []
        tls.shutdown()
        await _flush(tls, writer)
    except SSL.Error as error:
        raise RefusedError(Reason.TLS_FAILED, f"handshake: {error}") from error
    except (OSError, EOFError) as error:
        raise RefusedError(Reason.TLS_FAILED, f"closed during the handshake: {error}") from error
    if not chain:
        raise RefusedError(Reason.TLS_FAILED, "the server presented no certificate")
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in chain)


async def _handshaken(tls: SSL.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One flight: what TLS wants to send goes out, and if it waits for more, more is read."""
    try:
        tls.do_handshake()
        done = True
    except SSL.WantReadError:
        done = False
    await _flush(tls, writer)
    if not done:
        received = await reader.read(CHUNK)
        if not received:
            raise EOFError("the server hung up")
        tls.bio_write(received)
    return done


async def _flush(tls: SSL.Connection, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            writer.write(tls.bio_read(CHUNK))
    except SSL.WantReadError:
        await writer.drain()


async def fetch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> str:
    """The status line of ``GET /`` (RFC 9112 §3, §4). Raises RefusedError(HTTP_FAILED)."""
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
        await writer.drain()
        line = await reader.readline()
    except (OSError, ValueError) as error:
        raise RefusedError(Reason.HTTP_FAILED, str(error)) from error
    if not line.startswith(b"HTTP/1."):
        raise RefusedError(Reason.HTTP_FAILED, f"no status line but {line[:40]!r}")
    return line.decode("latin-1").strip()
