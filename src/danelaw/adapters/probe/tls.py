"""One TLS handshake as a client of a given kind, and the chain that came of it.

Nothing is verified here: what a chain is worth is for others to judge. pyOpenSSL speaks TLS over memory, asyncio
carries the octets, so that every wait is the event loop's: bounded, and cancelled at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from dns.name import Name
from OpenSSL import SSL, crypto

from danelaw.adapters.probe.conversation import READ_SIZE, address_literal, converse, part
from danelaw.adapters.probe.sigalgs import restrict
from danelaw.core.model import (
    IP,
    Chain,
    DanelawError,
    Endpoint,
    Handshake,
    HandshakeFailure,
    Hello,
    KeyAlgorithm,
    TLSVersion,
    Unreachable,
)
from danelaw.core.starttls.protocols import PROTOCOLS, dialogue
from danelaw.ports import Dialer, ProbeLimits, SocketAddress

MAX_RECEIVED: Final = 1 << 18
"""Octets that a server may send before the handshake is done. OpenSSL itself takes chains of up to 100 KiB."""

_PROTOCOLS: Final = {TLSVersion.TLS12: SSL.TLS1_2_VERSION, TLSVersion.TLS13: SSL.TLS1_3_VERSION}

_ALERTS: Final = {
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""Error alerts (RFC 8446 §6.2). Numbers that are not here are told as numbers."""


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
        tls = _connection(hello)
        try:
            where = self._dialer.locate(ip, endpoint.port)
        except DanelawError as error:
            return Unreachable("UNREACHABLE", str(error))
        with socket.socket(_family(where), socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            failure = await self._connect(sock, where)
            if failure is not None:
                return failure
            if endpoint.starttls is None:
                return await self._shake_hands(sock, tls)
            # to XMPP servers this is the service's domain, which the certificate is for (RFC 7673 §4.1)
            host = hello.sni or endpoint.host
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
            return Unreachable("TIMEOUT", f"no handshake within {limit:g} s")
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


def _connection(hello: Hello) -> SSL.Connection:
    tls = SSL.Connection(_context(hello.version, hello.algorithm), None)
    tls.set_app_data([])  # the alerts that come in
    if hello.sni is not None and hello.sni.labels[:-1]:
        tls.set_tlsext_host_name(_server_name(hello.sni))
    tls.set_connect_state()
    return tls


@lru_cache(maxsize=16)
def _context(version: TLSVersion | None, algorithm: KeyAlgorithm | None) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(_PROTOCOLS[version or TLSVersion.TLS12])
    if version is not None:
        context.set_max_proto_version(_PROTOCOLS[version])
    context.set_verify(SSL.VERIFY_NONE)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # a resumed session presents no chain
    context.set_info_callback(_note_alert)
    if algorithm is not None:
        restrict(context, algorithm, version)
    return context


def _note_alert(tls: SSL.Connection, where: int, code: int) -> None:
    if where == SSL.SSL_CB_READ_ALERT:
        tls.get_app_data().append(code & 0xFF)


def _server_name(sni: Name) -> bytes:
    """The name as the extension carries it: without the final dot (RFC 6066 §3)."""
    labels = sni.labels[:-1]
    if any(b"\0" in label or b"." in label for label in labels):
        raise DanelawError("SNI_UNUSABLE", f"{sni} is a name in the DNS but not of a host that TLS can ask for")
    return b".".join(labels)


async def _handshake(sock: socket.socket, tls: SSL.Connection) -> HandshakeFailure | None:
    loop = asyncio.get_running_loop()
    received = 0
    while True:
        failure: HandshakeFailure | None = None
        try:
            tls.do_handshake()
            done = True
        except SSL.WantReadError:
            done = False
        except SSL.Error as error:
            failure, done = _classify(tls, error), True
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
        received += len(data)
        if received > MAX_RECEIVED:
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


def _classify(tls: SSL.Connection, error: SSL.Error) -> HandshakeFailure:
    if isinstance(error, (SSL.SysCallError, SSL.ZeroReturnError)):
        return HandshakeFailure("CLOSED", "the server closed the connection in the middle of the handshake")
    alerts = tls.get_app_data()
    if alerts:
        return HandshakeFailure("TLS_ALERT", _ALERTS.get(alerts[-1], str(alerts[-1])))
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return HandshakeFailure("PROTOCOL", "; ".join(reason[-1] for reason in reasons) or type(error).__name__)


def _last_words(tls: SSL.Connection, farewell: bytes) -> bytes:
    """``farewell`` under TLS, then our close_notify (RFC 8446 §6.1)."""
    with contextlib.suppress(SSL.Error):  # the handshake is done, come what may
        if farewell:
            tls.send(farewell)
        tls.shutdown()
    return _outgoing(tls)
