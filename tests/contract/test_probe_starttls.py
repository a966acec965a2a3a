"""The prober where TLS starts by a dialogue: what is said, what is told, and how it parts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import dns.name
import pytest
from probe_servers import (
    ANY,
    HERE,
    WWW,
    CountingLoop,
    Credentials,
    credentials,
    listening,
    shake,
)

from danelaw.adapters.probe import TLSProber
from danelaw.adapters.probe.conversation import address_literal, converse
from danelaw.core.model import Endpoint, Handshake, HandshakeFailure, Hello, KeyAlgorithm, TLSVersion, Unreachable
from danelaw.core.starttls.dialogue import MAX_OCTETS, Ready, Step
from danelaw.ports import ProbeLimits

pytestmark = pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
"""No probe leaves a socket behind, whatever it meets."""

SHORT = timedelta(milliseconds=300)


def by(protocol: str) -> Endpoint:
    return Endpoint(WWW, 443, starttls=protocol)


SMTP = by("smtp")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return credentials(tmp_path_factory.mktemp("ca"))


@dataclass
class Met:
    """What a server heard: in clear, and under TLS until the client's close_notify."""

    clear: bytes = b""
    secret: bytes = b""
    gone: threading.Event = field(default_factory=threading.Event)


Turn = bytes | Callable[[socket.socket], None]
"""What a server says or does."""


@contextlib.contextmanager
def server(
    ca: Credentials, turns: Sequence[Turn], met: Met | None = None, *, client_first: bool = False
) -> Iterator[TLSProber]:
    """Takes its turns, one for each time that the client speaks, and speaks TLS if that is what comes then."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca.chain(KeyAlgorithm.ECDSA).file)
    met = met or Met()

    def serve(connection: socket.socket) -> None:
        for number, turn in enumerate(turns):
            if number or client_first:
                met.clear += connection.recv(65536)
            if callable(turn):
                turn(connection)
            else:
                connection.sendall(turn)
        try:
            if connection.recv(1, socket.MSG_PEEK) == b"\x16":
                with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as tls:
                    while heard := tls.recv(65536):
                        met.secret += heard
            else:
                while heard := connection.recv(65536):
                    met.clear += heard
        finally:
            met.gone.set()

    with listening(serve) as prober:
        yield prober


GREETING = b"220-mx.example.net ESMTP\r\n220 at your service\r\n"
EHLO_REPLY = b"250-mx.example.net\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
GO = b"220 2.0.0 Ready to start TLS\r\n"


def test_smtp_starts_tls_and_what_was_said_is_kept(ca: Credentials) -> None:
    met = Met()
    with server(ca, [GREETING, EHLO_REPLY, GO], met) as prober:
        got = shake(prober, ANY, SMTP)
        assert met.gone.wait(60)
    assert isinstance(got, Handshake)
    assert got.chain == ca.chain(KeyAlgorithm.ECDSA).presented
    assert got.version == TLSVersion.TLS13.value
    assert got.said == (
        "< 220-mx.example.net ESMTP",
        "< 220 at your service",
        "> EHLO [127.0.0.1]",
        "< 250-mx.example.net",
        "< 250-PIPELINING",
        "< 250 STARTTLS",
        "> STARTTLS",
        "< 220 2.0.0 Ready to start TLS",
    )


def test_the_farewell_is_said_under_tls(ca: Credentials) -> None:
    met = Met()
    with server(ca, [GREETING, EHLO_REPLY, GO], met) as prober:
        shake(prober, ANY, SMTP)
        assert met.gone.wait(60)
    assert met.secret == b"QUIT\r\n"  # and close_notify: a cut connection would have raised
    assert b"QUIT" not in met.clear


@pytest.mark.parametrize(
    ("turns", "code"),
    [
        ([GREETING, b"250 mx.example.net\r\n"], "STARTTLS_NOT_OFFERED"),
        ([GREETING, EHLO_REPLY, b"454 4.7.0 TLS not available due to local problem\r\n"], "STARTTLS_REFUSED"),
    ],
)
def test_without_tls_the_farewell_is_said_in_clear(ca: Credentials, turns: list[Turn], code: str) -> None:
    met = Met()
    with server(ca, turns, met) as prober:
        got = shake(prober, ANY, SMTP)
        assert met.gone.wait(60)
    assert isinstance(got, HandshakeFailure)
    assert got.code == code
    assert met.clear.endswith(b"QUIT\r\n")


@pytest.mark.parametrize(
    ("turns", "code"),
    [
        ([b"554 no service for you\r\n"], "STARTTLS_REFUSED"),
        ([b"HTTP/1.0 400 Bad Request\r\n\r\n"], "NOT_THIS_PROTOCOL"),
        ([b"\x15\x03\x01\x00\x02\x02\x28"], "NOT_THIS_PROTOCOL"),
        ([b"220 mx ESMTP\r\n" * 10_000], "NOT_THIS_PROTOCOL"),
        ([GREETING, EHLO_REPLY, GO + b"250 and then some\r\n"], "STARTTLS_INJECTED"),
        ([lambda connection: connection.shutdown(socket.SHUT_WR)], "CLOSED"),
        ([GREETING, lambda connection: connection.shutdown(socket.SHUT_WR)], "CLOSED"),
        ([GREETING, EHLO_REPLY, GO, lambda connection: connection.shutdown(socket.SHUT_WR)], "CLOSED"),
        ([GREETING, EHLO_REPLY, GO, b"421 4.3.0 TLS is broken here\r\n"], "PROTOCOL"),
        ([GREETING, EHLO_REPLY, GO, b"\x15\x03\x03\x00\x02\x02\x28"], "TLS_ALERT"),
    ],
    ids=[
        "refuses everybody",
        "speaks HTTP",
        "speaks TLS from the first octet",
        "does not come to an end",
        "goes on behind its reply",
        "closes at once",
        "closes instead of a reply",
        "closes instead of a handshake",
        "answers the handshake in clear",
        "answers the handshake with an alert",
    ],
)
def test_what_went_wrong_is_told(ca: Credentials, turns: list[Turn], code: str) -> None:
    with server(ca, turns) as prober:
        got = shake(prober, ANY, SMTP)
    assert isinstance(got, HandshakeFailure)
    assert got.code == code, got


STALLS = {
    "before the greeting": ([], "no greeting within 0.3 s"),
    "amid the greeting": ([GREETING[:30]], "no end of the greeting within 0.3 s"),
    "at EHLO": ([GREETING], "no reply to EHLO [127.0.0.1] within 0.3 s"),
    "amid its reply": ([GREETING, EHLO_REPLY[:-20]], "no end of the reply to EHLO [127.0.0.1] within 0.3 s"),
    "at STARTTLS": ([GREETING, EHLO_REPLY], "no reply to STARTTLS within 0.3 s"),
    "at the handshake": ([GREETING, EHLO_REPLY, GO], "no handshake within 0.3 s; not an octet came"),
}


@pytest.mark.parametrize("stall", STALLS)
def test_the_step_that_stalls_is_named(ca: Credentials, stall: str) -> None:
    turns, told = STALLS[stall]
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        for number, turn in enumerate(turns):
            if number:
                connection.recv(65536)
            connection.sendall(turn)
        over.wait(60)

    with listening(serve) as prober:
        got = shake(TLSProber(prober._dialer, ProbeLimits(silence=SHORT, handshake=SHORT)), ANY, SMTP)
        over.set()
    assert got == Unreachable("TIMEOUT", told)


def test_a_dialogue_that_drips_is_given_up_when_it_has_lasted_too_long() -> None:
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        while not over.wait(0.02):
            connection.sendall(b"2")

    with listening(serve) as prober:
        got = shake(TLSProber(prober._dialer, ProbeLimits(dialogue=SHORT)), ANY, SMTP)
        over.set()
    assert isinstance(got, Unreachable)
    assert got.code == "TIMEOUT"
    assert "within 0.3 s" in got.detail


def test_of_megabytes_of_banner_no_more_is_read_than_a_dialogue_may_take() -> None:
    def serve(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"220-and another thing\r\n" * 1000)

    with listening(serve) as prober, asyncio.Runner(loop_factory=CountingLoop) as runner:
        got = runner.run(prober.handshake(SMTP, HERE, ANY))
        loop = runner.get_loop()
    assert isinstance(got, HandshakeFailure)
    assert got.code == "NOT_THIS_PROTOCOL"
    assert isinstance(loop, CountingLoop)
    assert loop.octets <= MAX_OCTETS + 16384


class AtOnce:
    """A dialogue that is over before it began."""

    said = ()
    farewell = b""

    def begin(self) -> Step:
        return Step(end=Ready())

    def receive(self, octets: bytes) -> Step:
        raise AssertionError(octets)


@pytest.mark.parametrize(
    ("words", "code"),
    [(b"", None), (b"250 injected\r\n", "STARTTLS_INJECTED"), (b"\x15\x03\x03\x00\x02\x02\x28", None)],
    ids=["nothing", "cleartext", "an alert, which the handshake will tell"],
)
def test_what_comes_between_the_last_reply_and_our_first_word_of_tls_is_injected(
    words: bytes, code: str | None
) -> None:
    """It may come with a later packet, when the dialogue has already seen the end of the reply."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(words)
        got = asyncio.run(converse(ours, AtOnce(), ProbeLimits()))
    assert (got.code if got is not None else None) == code


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "address", "literal"),
    [(socket.AF_INET, "127.0.0.1", "[127.0.0.1]"), (socket.AF_INET6, "::1", "[IPv6:::1]")],
)
def test_a_client_without_a_name_goes_by_its_address(family: socket.AddressFamily, address: str, literal: str) -> None:
    with socket.socket(family) as sock:
        sock.bind((address, 0))
        assert address_literal(sock) == literal


def test_over_ipv6_it_goes_by_that_address() -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        heard.append(connection.recv(65536))
        connection.sendall(b"250 mx.example.net\r\n")
        connection.recv(65536)

    with listening(serve, "::1") as prober:
        got = shake(prober, ANY, SMTP)
    assert isinstance(got, HandshakeFailure)
    assert got.code == "STARTTLS_NOT_OFFERED"
    assert heard == [b"EHLO [IPv6:::1]\r\n"]


def test_a_client_may_have_a_name(ca: Credentials) -> None:
    met = Met()
    with server(ca, [GREETING, EHLO_REPLY, GO], met) as prober:
        named = TLSProber(prober._dialer, client="probe.example.org")
        assert isinstance(shake(named, ANY, SMTP), Handshake)
    assert met.clear.startswith(b"EHLO probe.example.org\r\n")


@pytest.mark.parametrize("sni", [dns.name.from_text("im.example.net."), None])
def test_xmpp_asks_for_the_name_that_sni_has(ca: Credentials, sni: dns.name.Name | None) -> None:
    """The service's domain, which need not be the server's name (RFC 7673 §4.1)."""
    met = Met()
    features = (
        b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' version='1.0' "
        b"xmlns='jabber:client'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
    )
    proceed = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    with server(ca, [features, proceed], met, client_first=True) as prober:
        got = shake(prober, Hello(sni), by("xmpp-client"))
    assert isinstance(got, Handshake), got
    wanted = "im.example.net" if sni else "www.example.net"
    assert f"to='{wanted}'" in met.clear.decode().replace('"', "'")
