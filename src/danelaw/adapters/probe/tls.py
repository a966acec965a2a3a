"""One TLS handshake as a client of a given kind, and the chain that came of it.

Nothing is verified here: what a chain is worth is for others to judge. pyOpenSSL speaks TLS over memory, asyncio
carries the octets, so that every wait is the event loop's: bounded, and cancelled at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from ipaddress import ip_address
from typing import Final

from dns.name import Name
from OpenSSL import SSL, crypto

from danelaw.adapters.probe.clients import client, heard_by, outdated_client
from danelaw.adapters.probe.conversation import READ_SIZE, address_literal, converse, part
from danelaw.adapters.probe.failures import VERSION_REFUSED, no_handshake
from danelaw.core.model import (
    IP,
    Chain,
    DanelawError,
    Endpoint,
    Handshake,
    HandshakeFailure,
    Hello,
    Unreachable,
)
from danelaw.core.starttls.protocols import PROTOCOLS, dialogue
from danelaw.ports import Dialer, ProbeLimits, SocketAddress

MAX_RECEIVED: Final = 1 << 18
"""Octets that a server may send before the handshake is done. OpenSSL itself takes chains of up to 100 KiB."""


class TLSProber:
    """``ports.Prober`` for TCP endpoints: TLS from the first octet, or after a dialogue of ``core.starttls``.

    ``client``: what we call ourselves where a protocol asks for it; None: by the address that we connect from.
    """

    def __init__(self, dialer: Dialer, limits: ProbeLimits | None = None, client: str | None = None) -> None:
        self._dialer = dialer
        self._limits = limits or ProbeLimits()
        self._client = client

    async def probe(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Chain | HandshakeFailure | Unreachable:
        got = await self.handshake(endpoint, ip, hello)
        return got.chain if isinstance(got, Handshake) else got

    async def handshake(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Handshake | HandshakeFailure | Unreachable:
        """One connection, the dialogue if there is one, one handshake, a polite farewell.

        Raises ``DanelawError``: STARTTLS_UNSUPPORTED, TRANSPORT_UNSUPPORTED, SNI_UNUSABLE, SIGALGS_UNSUPPORTED.
        """
        _require_known(endpoint)
        tls = client(hello)
        try:
            where = self._dialer.locate(ip, endpoint.port)
        except DanelawError as error:
            return Unreachable("UNREACHABLE", str(error))
        # to XMPP servers this is the service's domain, which the certificate is for (RFC 7673 §4.1)
        host = hello.sni or endpoint.host
        got = await self._attempt(endpoint, host, where, tls)
        if got != VERSION_REFUSED or hello.version is not None:
            return got
        outdated = await self._attempt(endpoint, host, where, outdated_client(hello.sni))
        if isinstance(outdated, Handshake):
            return HandshakeFailure("TLS_OUTDATED", f"{got.detail}: the server speaks {outdated.version} at best")
        return got

    async def _attempt(
        self, endpoint: Endpoint, host: Name, where: SocketAddress, tls: SSL.Connection
    ) -> Handshake | HandshakeFailure | Unreachable:
        with socket.socket(_family(where), socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            failure = await self._connect(sock, where)
            if failure is not None:
                return failure
            if endpoint.starttls is None:
                return await self._shake_hands(sock, tls)
            spoken = dialogue(endpoint.starttls, host, self._client or address_literal(sock))
            failure = await converse(sock, spoken, self._limits)
            if failure is not None:
                return failure
            return await self._shake_hands(sock, tls, spoken.said, spoken.farewell)

    async def _connect(self, sock: socket.socket, where: SocketAddress) -> HandshakeFailure | Unreachable | None:
        limit = self._limits.connect.total_seconds()
        try:
            async with asyncio.timeout(limit):
                await asyncio.get_running_loop().sock_connect(sock, where)
        except ConnectionRefusedError as error:
            return HandshakeFailure("CONNECTION_REFUSED", str(error))
        except ConnectionError as error:
            return HandshakeFailure("CLOSED", str(error))
        except TimeoutError:
            return Unreachable("TIMEOUT", f"no connection within {limit:g} s")
        except OSError as error:
            return Unreachable("UNREACHABLE", str(error))
        return None

    async def _shake_hands(
        self, sock: socket.socket, tls: SSL.Connection, said: tuple[str, ...] = (), farewell: bytes = b""
    ) -> Handshake | HandshakeFailure | Unreachable:
        limit = self._limits.handshake.total_seconds()
        try:
            async with asyncio.timeout(limit):
                failure = await _handshake(sock, tls)
        except TimeoutError:
            return Unreachable("TIMEOUT", f"no handshake within {limit:g} s; {heard_by(tls)}")
        if failure is not None:
            return failure
        # taken before the farewell: it is this state that was agreed upon
        presented = tls.get_peer_cert_chain()
        version, cipher = tls.get_protocol_version_name(), tls.get_cipher_name()
        await part(sock, _last_words(tls, farewell))
        if not presented:
            return HandshakeFailure("PROTOCOL", "the server presented no certificate")
        ders = tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in presented)
        return Handshake(Chain(ders), version, cipher or "", said)


def _require_known(endpoint: Endpoint) -> None:
    if endpoint.starttls is not None and endpoint.starttls not in PROTOCOLS:
        raise DanelawError(
            "STARTTLS_UNSUPPORTED",
            f"{endpoint} starts TLS by {endpoint.starttls}, and that cannot be probed",
            hint=f"name one of {', '.join(PROTOCOLS)}, or an endpoint that speaks TLS from the first octet",
        )
    if endpoint.transport != "tcp":
        raise DanelawError("TRANSPORT_UNSUPPORTED", f"{endpoint} is not on TCP, and that cannot be probed")


def _family(where: SocketAddress) -> socket.AddressFamily:
    return socket.AF_INET6 if ip_address(where[0]).version == 6 else socket.AF_INET


async def _handshake(sock: socket.socket, tls: SSL.Connection) -> HandshakeFailure | None:
    loop = asyncio.get_running_loop()
    heard = heard_by(tls)
    while True:
        failure: HandshakeFailure | None = None
        try:
            tls.do_handshake()
            done = True
        except SSL.WantReadError:
            done = False
        except SSL.Error as error:
            failure, done = no_handshake(error, heard), True
        data = _outgoing(tls)
        if data:
            with contextlib.suppress(ConnectionError):  # the next reading shows why: perhaps an alert
                await loop.sock_sendall(sock, data)
        if done:
            return failure
        try:
            data = await loop.sock_recv(sock, READ_SIZE)
        except TimeoutError:  # ETIMEDOUT: the kernel gave up before our own limit did, and nothing was learnt
            raise
        except OSError as error:
            return HandshakeFailure("CLOSED", str(error))
        heard.octets += data
        if len(heard.octets) > MAX_RECEIVED:
            return HandshakeFailure("PROTOCOL", f"more than {MAX_RECEIVED} octets and still no end of the handshake")
        if data:
            tls.bio_write(data)
        else:
            tls.bio_shutdown()


def _outgoing(tls: SSL.Connection) -> bytes:
    """What TLS wants sent."""
    pieces = []
    with contextlib.suppress(SSL.WantReadError):
        while True:
            pieces.append(tls.bio_read(READ_SIZE))
    return b"".join(pieces)


def _last_words(tls: SSL.Connection, farewell: bytes) -> bytes:
    """``farewell`` under TLS, then our close_notify (RFC 8446 §6.1)."""
    with contextlib.suppress(SSL.Error):  # the handshake is done, come what may
        if farewell:
            tls.send(farewell)
        tls.shutdown()
    return _outgoing(tls)
