"""The prober against real servers on loopback: OpenSSL's own, and some that speak no TLS at all."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import dns.name
import pytest
from probe_servers import ANY, HERE, HTTPS, WWW, At, Credential, Credentials, credentials, der, listening, say, shake

from danelaw.adapters.probe import TLSProber
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
from danelaw.ports import ProbeLimits, SocketAddress


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return credentials(tmp_path_factory.mktemp("ca"))


@dataclass
class Seen:
    """What the TLS server saw of its clients."""

    names: list[str | None] = field(default_factory=list)
    farewells: list[bytes | str] = field(default_factory=list)
    parted: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def tls_server(
    *credentials: Credential, version: TLSVersion | None = None, seen: Seen | None = None
) -> Iterator[TLSProber]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for credential in credentials:
        context.load_cert_chain(credential.file)
    if version is not None:
        context.minimum_version = context.maximum_version = {
            TLSVersion.TLS12: ssl.TLSVersion.TLSv1_2,
            TLSVersion.TLS13: ssl.TLSVersion.TLSv1_3,
        }[version]
    seen = seen or Seen()

    def note_name(_socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        seen.names.append(name)

    context.sni_callback = note_name

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as tls:
            try:
                seen.farewells.append(tls.recv(1))
            except OSError as error:
                seen.farewells.append(repr(error))
            seen.parted.set()

    with listening(serve) as prober:
        yield prober


@pytest.mark.parametrize("version", TLSVersion)
@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_each_credential_of_a_server_that_has_two_is_seen(
    ca: Credentials, algorithm: KeyAlgorithm, version: TLSVersion
) -> None:
    both = {a: ca.chain(a, ca.intermediate) for a in KeyAlgorithm}
    for pinned in (version, None):
        with tls_server(*both.values(), version=version) as prober:
            got = shake(prober, Hello(WWW, pinned, algorithm))
        assert isinstance(got, Handshake)
        assert got.chain == both[algorithm].presented
        assert got.version == version.value
        assert got.cipher


@pytest.mark.parametrize("version", TLSVersion)
@pytest.mark.parametrize(
    ("held", "asked"), [(held, asked) for held in KeyAlgorithm for asked in KeyAlgorithm if held is not asked]
)
def test_a_credential_that_a_server_does_not_have_is_a_handshake_failure(
    ca: Credentials, held: KeyAlgorithm, asked: KeyAlgorithm, version: TLSVersion
) -> None:
    with tls_server(ca.chain(held), version=version) as prober:
        assert shake(prober, Hello(WWW, version, asked)) == HandshakeFailure("TLS_ALERT", "handshake_failure")
        assert isinstance(shake(prober, Hello(WWW, version)), Handshake)


def test_a_version_that_a_server_does_not_speak_is_a_handshake_failure(ca: Credentials) -> None:
    with tls_server(ca.chain(KeyAlgorithm.ECDSA), version=TLSVersion.TLS13) as prober:
        got = shake(prober, Hello(WWW, TLSVersion.TLS12))
    assert got == HandshakeFailure("TLS_ALERT", "protocol_version")


def test_the_chain_comes_exactly_in_the_servers_order(ca: Credentials) -> None:
    wrong_way_round = ca.chain(KeyAlgorithm.ECDSA, ca.root, ca.intermediate)
    with tls_server(wrong_way_round) as prober:
        assert asyncio.run(prober.probe(HTTPS, HERE, ANY)) == wrong_way_round.presented


def test_a_leaf_that_is_sent_twice_is_there_twice(ca: Credentials) -> None:
    """As Apache does with ``SSLCertificateChainFile fullchain.pem``: Figure 4 of the 2016 article."""
    leaf = ca.leaves[KeyAlgorithm.ECDSA][1]
    with tls_server(ca.chain(KeyAlgorithm.ECDSA, leaf, ca.intermediate)) as prober:
        assert asyncio.run(prober.probe(HTTPS, HERE, ANY)) == Chain((der(leaf), der(leaf), der(ca.intermediate)))


def test_the_server_is_asked_for_the_name_or_for_none(ca: Credentials) -> None:
    seen = Seen()
    with tls_server(ca.chain(KeyAlgorithm.ECDSA), seen=seen) as prober:
        shake(prober, Hello(WWW))
        shake(prober, Hello(None))
    assert seen.names == ["www.example.net", None]


@pytest.mark.parametrize("version", TLSVersion)
def test_the_prober_says_goodbye(ca: Credentials, version: TLSVersion) -> None:
    seen = Seen()
    with tls_server(ca.chain(KeyAlgorithm.ECDSA), version=version, seen=seen) as prober:
        shake(prober)
        assert seen.parted.wait(60)
    assert seen.farewells == [b""]  # close_notify; a cut connection would have raised


def test_many_probes_at_once_keep_apart(ca: Credentials) -> None:
    both = {a: ca.chain(a) for a in KeyAlgorithm}
    wanted = [KeyAlgorithm.ECDSA, KeyAlgorithm.RSA] * 20

    async def all_of_them(prober: TLSProber) -> list[Chain | HandshakeFailure | Unreachable]:
        return await asyncio.gather(*(prober.probe(HTTPS, HERE, Hello(WWW, None, a)) for a in wanted))

    with tls_server(*both.values()) as prober:
        assert asyncio.run(all_of_them(prober)) == [both[a].presented for a in wanted]


# -- servers that do not shake hands ----------------------------------------------------------------------------------

GIVEN_UP = 8.0
"""Seconds: less than a prober's usual limit, and long enough for a busy machine."""


def test_a_closed_port_is_a_refusal() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        got = shake(TLSProber(At(reserved.getsockname())))
    assert isinstance(got, HandshakeFailure)
    assert got.code == "CONNECTION_REFUSED"


def close(connection: socket.socket) -> None:
    """Without reading: the client's greeting meets a reset."""


def hear_and_close(connection: socket.socket) -> None:
    connection.recv(65536)


def pour(connection: socket.socket) -> None:
    """Handshake messages without end: HelloRequests, which a TLS 1.2 client ignores (RFC 5246 §7.4.1.1)."""
    connection.recv(65536)
    while True:
        connection.sendall(b"\x16\x03\x03\x00\x04" + b"\x00\x00\x00\x00")


@pytest.mark.parametrize(
    ("serve", "code"),
    [
        (close, "CLOSED"),
        (hear_and_close, "CLOSED"),
        (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "PROTOCOL"),
        (say(b"220 mail.example.net ESMTP\r\n"), "PROTOCOL"),
        (say(bytes(range(256)) * 4), "PROTOCOL"),
        (say(b"\x15\x03\x03\x00\x02\x02\x28"), "TLS_ALERT"),  # fatal, handshake_failure
        (say(b"\x15\x03\x03\x00\x02\x02\x70"), "TLS_ALERT"),  # fatal, unrecognized_name
        (say(b"\x15\x03\x03\x00\x02\x01\x00"), "CLOSED"),  # close_notify
        (pour, "PROTOCOL"),
    ],
    ids=[
        "closes at once",
        "closes after the greeting",
        "HTTP",
        "SMTP",
        "garbage",
        "alert",
        "another alert",
        "farewell",
        "pours",
    ],
)
def test_what_is_no_handshake_is_told_apart(serve: Callable[[socket.socket], None], code: str) -> None:
    with listening(serve) as prober:
        got = shake(prober)
    assert isinstance(got, HandshakeFailure)
    assert got.code == code, got


def test_an_alert_is_told_by_its_name() -> None:
    with listening(say(b"\x15\x03\x03\x00\x02\x02\x70")) as prober:
        assert shake(prober) == HandshakeFailure("TLS_ALERT", "unrecognized_name")


def test_a_server_that_says_nothing_is_given_up_at_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        got = shake(TLSProber(At(silent.getsockname()), ProbeLimits.each(timedelta(milliseconds=200))))
    assert isinstance(got, Unreachable)
    assert got.code == "TIMEOUT"
    assert time.monotonic() - started < GIVEN_UP


def test_a_server_that_drips_is_given_up_at_the_limit() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        for octet in b"\x16\x03\x03\x40\x00" + bytes(1000):
            connection.sendall(bytes([octet]))
            if stop.wait(0.02):
                return

    with listening(drip) as prober:
        prober = TLSProber(prober._dialer, ProbeLimits.each(timedelta(milliseconds=300)))
        started = time.monotonic()
        got = shake(prober)
        stop.set()
    assert isinstance(got, Unreachable)
    assert time.monotonic() - started < GIVEN_UP


def test_an_address_that_accepts_no_connection_is_given_up_at_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        for _ in range(8):  # the queue is full, and the kernel drops what else comes
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        got = shake(TLSProber(At(full.getsockname()), ProbeLimits.each(timedelta(milliseconds=200))))
    assert got == Unreachable("TIMEOUT", "no connection within 0.2 s")


def test_an_address_outside_of_this_world_is_unreachable() -> None:
    class Nowhere:
        def locate(self, ip: IP, port: int) -> SocketAddress:
            raise DanelawError("NOT_IN_THIS_WORLD", f"there is no {ip}")

    got = shake(TLSProber(Nowhere()))
    assert isinstance(got, Unreachable)
    assert got.code == "UNREACHABLE"
    assert "192.0.2.80" in got.detail


def test_cancelling_does_not_wait_for_a_silent_server() -> None:
    async def cancel_amid(prober: TLSProber) -> None:
        probing = asyncio.create_task(prober.probe(HTTPS, HERE, ANY))
        await asyncio.to_thread(heard.wait, 60)
        probing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probing

    heard = threading.Event()

    def hear(connection: socket.socket) -> None:
        connection.recv(65536)
        heard.set()
        connection.recv(65536)

    with listening(hear) as prober:
        started = time.monotonic()
        asyncio.run(cancel_amid(prober))
        assert time.monotonic() - started < GIVEN_UP


@pytest.mark.parametrize(
    ("endpoint", "hello", "code"),
    [
        (Endpoint(WWW, 25, starttls="uucp"), ANY, "STARTTLS_UNSUPPORTED"),
        (Endpoint(WWW, 443, "udp"), ANY, "TRANSPORT_UNSUPPORTED"),
        (HTTPS, Hello(dns.name.Name([b"a\0b", b"example", b""])), "SNI_UNUSABLE"),
    ],
)
def test_what_cannot_be_probed_is_said_before_anything_is_sent(endpoint: Endpoint, hello: Hello, code: str) -> None:
    with pytest.raises(DanelawError) as raised:
        asyncio.run(TLSProber(At(("127.0.0.1", 9))).handshake(endpoint, HERE, hello))
    assert raised.value.code == code
