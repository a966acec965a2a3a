"""One forwarder over TLS or HTTPS: whose certificate is believed, what is taken for a reply, how long it is waited."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from dns.rdatatype import RdataType as T
from forwarder_world import (
    SERVER_NAME,
    Answering,
    Authority,
    Credential,
    Http2,
    Listener,
    Request,
    Talk,
    framed,
    framed_query,
    http_2,
    respond,
    tls_server,
)

from danelaw.adapters.resolve import Forwarders, Patience
from danelaw.adapters.resolve.queries import Ask
from danelaw.core.dnssec.message import read_message
from danelaw.core.model import DanelawError, DoH, DoT, Forwarder, Message, Question, Record, Silence
from name_servers import Places, saying, to_wire
from signed_tree import name

pytestmark = pytest.mark.slow

R = TypeVar("R")
IP = ip_address("192.0.2.53")
WWW, FTP = Question(name("www"), T.A), Question(name("ftp"), T.A)
STEADY: Final = Patience(tcp=timedelta(seconds=30))
HASTY: Final = Patience(tcp=timedelta(milliseconds=300))
"""For those alone who are never answered: nothing else comes of it however busy the machine is."""
TLS = DoT(IP, server_name=SERVER_NAME)
OPPORTUNISTIC = DoT(IP)
HTTPS = DoH(IP, SERVER_NAME, "/dns-query")
BOTH = pytest.mark.parametrize("forwarder", [TLS, HTTPS], ids=["TLS", "HTTPS"])


def answer(asked: Question) -> Message:
    octets = b"\xc0\x00\x02" + len(asked.name.labels[0]).to_bytes(1)
    return Message(0, 0x8180, 0, (asked,), (Record(asked.name, int(T.A), 1, 300, octets),))


def good(query: bytes) -> bytes:
    return saying(answer)(query) or b""


async def framed_replies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(framed(good(await framed_query(reader))))


HTTP_REPLIES: Final = http_2(lambda http, request: respond(http, request, good(request.body)))


def replies(forwarder: Forwarder) -> Talk:
    return HTTP_REPLIES if isinstance(forwarder, DoH) else framed_replies


@dataclass(frozen=True)
class World:
    """A CA that is trusted, one that is not, and what the first has certified."""

    authority: Authority
    stranger: Authority
    right: Credential

    def use(
        self,
        forwarder: Forwarder,
        talk: Talk,
        what: Callable[[Ask, Listener], Coroutine[Any, Any, R]],
        *,
        credential: Credential | None = None,
        patience: Patience = STEADY,
        protocols: tuple[str, ...] = ("h2",),
    ) -> R:
        async def run() -> R:
            context = (credential or self.right).context(*protocols)
            async with tls_server(talk, context) as listener:
                places = Places({IP: listener.address})
                forwarders = Forwarders([forwarder], places, patience=patience, ca=self.authority.file)
                async with forwarders.conversation() as ask:
                    return await what(ask, listener)

        return asyncio.run(run())

    def ask(self, forwarder: Forwarder, talk: Talk, **how: Any) -> Message | Silence:
        async def once(ask: Ask, _: Listener) -> Message | Silence:
            return await ask(WWW)

        return self.use(forwarder, talk, once, **how)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder: Path = tmp_path_factory.mktemp("ca")
    authority = Authority(folder)
    return World(authority, Authority(folder, "stranger"), authority.issue(SERVER_NAME))


def silence(reply: Message | Silence) -> Silence:
    assert isinstance(reply, Silence), reply
    return reply


# -- whom to believe -----------------------------------------------------------------------------------------------


@BOTH
def test_a_server_with_a_certificate_for_its_name_is_asked(world: World, forwarder: Forwarder) -> None:
    reply = world.ask(forwarder, replies(forwarder))
    assert isinstance(reply, Message)
    assert reply.answer == answer(WWW).answer


IMPOSTORS: Final[dict[str, tuple[Callable[[World], Credential], str]]] = {
    "another name": (lambda world: world.authority.issue("dns.example.org"), "ismatch"),
    "a name below": (lambda world: world.authority.issue(f"a.{SERVER_NAME}"), "ismatch"),
    "its address alone": (lambda world: world.authority.issue(str(IP)), "ismatch"),
    "expired": (lambda world: world.authority.issue(SERVER_NAME, expired=True), "expired"),
    "another CA": (lambda world: world.stranger.issue(SERVER_NAME), "issuer"),
}


@BOTH
@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_no_other_certificate_will_do(world: World, forwarder: Forwarder, impostor: str) -> None:
    issue, said = IMPOSTORS[impostor]

    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))

    reply = silence(world.ask(forwarder, listen, credential=issue(world)))
    assert reply.code == "TLS_FAILED"
    assert said in reply.detail
    assert SERVER_NAME in reply.detail
    assert not any(heard), "nothing is said to it"


@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_without_a_name_whoever_answers_is_taken(world: World, impostor: str) -> None:
    """RFC 8310 §5: opportunistic."""
    issue, _ = IMPOSTORS[impostor]
    assert isinstance(world.ask(OPPORTUNISTIC, framed_replies, credential=issue(world)), Message)


def test_an_address_may_stand_in_the_url_if_it_stands_in_the_certificate(world: World) -> None:
    by_address = DoH(IP, str(IP), "/dns-query")
    assert isinstance(world.ask(by_address, HTTP_REPLIES, credential=world.authority.issue(str(IP))), Message)
    assert silence(world.ask(by_address, HTTP_REPLIES)).code == "TLS_FAILED"


def test_certificates_to_check_by_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for file in ("none.pem", "empty.pem"):
        with pytest.raises(DanelawError) as raised:
            Forwarders([TLS], Places({}), ca=tmp_path / file)
        assert raised.value.code == "RESOLVER_CA_UNREADABLE"
        assert file in raised.value.message


# -- who gives no TLS ----------------------------------------------------------------------------------------------


def in_the_clear(forwarder: Forwarder, talk: Talk, world: World, patience: Patience) -> Silence:
    async def run() -> Message | Silence:
        async with tls_server(talk, None) as listener:
            places = Places({IP: listener.address})
            forwarders = Forwarders([forwarder], places, patience=patience, ca=world.authority.file)
            async with forwarders.conversation() as ask:
                return await ask(WWW)

    return silence(asyncio.run(run()))


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        continue
    await asyncio.Event().wait()


async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.net ESMTP\r\n" * 9)
    await hang(reader, writer)


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says octet after octet of what could become a long message, each in time."""
    writer.write(b"\xff")
    for _ in range(1 << 16):
        writer.write(b"\xff")
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await asyncio.Event().wait()


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The first octets of the longest frame that HTTP/2 can have."""
    writer.write(b"\xff\xff\xff" + bytes((1, 4, 0, 0, 0, 1)) + bytes(1 << 20))  # of HEADERS
    await hang(reader, writer)


@BOTH
@pytest.mark.parametrize(
    ("talk", "code"),
    [(hang, "TIMEOUT"), (leave, "TLS_FAILED"), (babble, "TLS_FAILED")],
    ids=["silent", "closes", "speaks something else"],
)
def test_a_server_that_speaks_no_tls(world: World, forwarder: Forwarder, talk: Talk, code: str) -> None:
    reply = in_the_clear(forwarder, talk, world, HASTY if code == "TIMEOUT" else STEADY)
    assert reply.code == code
    assert str(IP) in reply.detail


@BOTH
def test_nothing_listens(world: World, forwarder: Forwarder) -> None:
    async def run() -> Message | Silence:
        async with tls_server(hang, None) as listener:
            closed = listener.address
        forwarders = Forwarders([forwarder], Places({IP: closed}), ca=world.authority.file)
        async with forwarders.conversation() as ask:
            return await ask(WWW)

    assert silence(asyncio.run(run())).code == "UNREACHABLE"


@BOTH
def test_an_address_that_the_world_does_not_have(world: World, forwarder: Forwarder) -> None:
    async def run() -> Message | Silence:
        async with Forwarders([forwarder], Places({}), ca=world.authority.file).conversation() as ask:
            return await ask(WWW)

    reply = silence(asyncio.run(run()))
    assert reply.code == "UNREACHABLE"
    assert "NOT_IN_THIS_WORLD" in reply.detail


# -- what is a reply over TLS --------------------------------------------------------------------------------------


def saying_instead(reply: Callable[[bytes], bytes]) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(await framed_query(reader)))
        await hang(reader, writer)

    return talk


NO_REPLIES: Final[dict[str, tuple[Talk, str]]] = {
    "nothing": (hang, "TIMEOUT"),
    "octet by octet": (drip, "TIMEOUT"),
    "closes": (leave, "MALFORMED"),
    "garbage with the id": (saying_instead(lambda q: framed(q[:2] + b"garbage")), "MALFORMED"),
    "another id": (saying_instead(lambda q: framed(bytes((q[0] ^ 1,)) + good(q)[1:])), "TIMEOUT"),
    "another question": (saying_instead(lambda q: framed(to_wire(answer(FTP), int.from_bytes(q[:2])))), "TIMEOUT"),
    "the query itself": (saying_instead(framed), "TIMEOUT"),
    "nothing but a length of nothing": (saying_instead(lambda _: b"\0\0" * 5000), "TIMEOUT"),
    "truncated": (
        saying_instead(lambda q: framed(to_wire(replace(answer(WWW), flags=0x8380), int.from_bytes(q[:2])))),
        "MALFORMED",
    ),
    "a reply without EDNS": (
        saying_instead(lambda q: framed(to_wire(answer(WWW), int.from_bytes(q[:2]), edns=False))),
        "NO_EDNS",
    ),
}


@pytest.mark.parametrize("what", NO_REPLIES)
def test_what_is_no_reply_over_tls(world: World, what: str) -> None:
    talk, code = NO_REPLIES[what]
    patience = HASTY if code == "TIMEOUT" else STEADY
    assert silence(world.ask(TLS, talk, patience=patience)).code == code


def test_replies_over_tls_may_come_in_any_order(world: World) -> None:
    """RFC 7766 §7, on one connection (RFC 7858 §3.4)."""

    async def backwards(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queries = [await framed_query(reader) for _ in range(20)]
        for query in reversed(queries):
            writer.write(framed(good(query)))
        await hang(reader, writer)

    async def many(ask: Ask, listener: Listener) -> None:
        asked = [Question(name("a" * n), T.A) for n in range(1, 21)]
        got = await asyncio.gather(*map(ask, asked))
        assert [reply.answer for reply in got if isinstance(reply, Message)] == [answer(one).answer for one in asked]
        assert listener.connections == 1

    world.use(TLS, backwards, many)


# -- what is a reply over HTTPS ------------------------------------------------------------------------------------


def reset(http: Http2, request: Request) -> None:
    http.reset_stream(request.stream, 2)


def goodbye(http: Http2, request: Request) -> None:
    http.close_connection(11)


def trickle(http: Http2, request: Request) -> None:
    """Headers, and a body that never ends."""
    http.send_headers(request.stream, [(":status", "200"), ("content-type", "application/dns-message")])
    http.send_data(request.stream, b"\0")


def headless(http: Http2, request: Request) -> None:
    http.send_headers(request.stream, [(":status", "200")])
    http.send_data(request.stream, good(request.body), end_stream=True)


NO_RESPONSES: Final[dict[str, tuple[Answering, str, str]]] = {
    "500": (lambda h, r: respond(h, r, good(r.body), status="500"), "HTTP_ERROR", "500"),
    "404": (lambda h, r: respond(h, r, b"", status="404"), "HTTP_ERROR", "404"),
    "302": (lambda h, r: respond(h, r, b"", status="302", location="https://x.test/"), "HTTP_ERROR", "302"),
    "206": (lambda h, r: respond(h, r, good(r.body)[:20], status="206"), "HTTP_ERROR", "206"),
    "a web page": (lambda h, r: respond(h, r, b"<html>", content_type="text/html"), "HTTP_ERROR", "text/html"),
    "no type": (headless, "HTTP_ERROR", "no type"),
    "reset": (reset, "HTTP_ERROR", "reset"),
    "goodbye": (goodbye, "HTTP_ERROR", "ends the connection"),
    "octets without end": (trickle, "TIMEOUT", SERVER_NAME),
    "too much": (lambda h, r: respond(h, r, bytes(65536)), "MALFORMED", "more than"),
    "an empty body": (lambda h, r: respond(h, r, b""), "MALFORMED", "header"),
    "garbage": (lambda h, r: respond(h, r, bytes(12) + b"\xff"), "MALFORMED", ""),
    "another id": (lambda h, r: respond(h, r, to_wire(answer(WWW), 1)), "MALFORMED", "not the reply"),
    "another question": (lambda h, r: respond(h, r, to_wire(answer(FTP), 0)), "MALFORMED", "not the reply"),
    "the query itself": (lambda h, r: respond(h, r, r.body), "MALFORMED", "not the reply"),
    "truncated": (lambda h, r: respond(h, r, to_wire(replace(answer(WWW), flags=0x8380), 0)), "MALFORMED", "not the"),
    "a reply without EDNS": (lambda h, r: respond(h, r, to_wire(answer(WWW), 0, edns=False)), "NO_EDNS", "EDNS"),
}


@pytest.mark.parametrize("what", NO_RESPONSES)
def test_what_is_no_reply_over_https(world: World, what: str) -> None:
    answering, code, said = NO_RESPONSES[what]
    patience = HASTY if code == "TIMEOUT" else STEADY
    reply = silence(world.ask(HTTPS, http_2(answering), patience=patience))
    assert reply.code == code
    assert said in reply.detail


@pytest.mark.parametrize(
    ("talk", "protocols", "code"),
    [
        (hang, ("h2",), "TIMEOUT"),
        (leave, ("h2",), "HTTP_ERROR"),
        (drip, ("h2",), "TIMEOUT"),
        (babble, ("h2",), "TIMEOUT"),
        (flood, ("h2",), "HTTP_ERROR"),
        (HTTP_REPLIES, (), "HTTP_ERROR"),
        (HTTP_REPLIES, ("http/1.1",), "HTTP_ERROR"),
    ],
    ids=["silent", "closes", "octet by octet", "no HTTP", "a frame without end", "no protocol agreed", "an older HTTP"],
)
def test_a_server_that_speaks_no_http_2(world: World, talk: Talk, protocols: tuple[str, ...], code: str) -> None:
    patience = HASTY if code == "TIMEOUT" else STEADY
    assert silence(world.ask(HTTPS, talk, patience=patience, protocols=protocols)).code == code


def test_a_post_as_rfc_8484_has_it(world: World) -> None:
    requests: list[Request] = []
    talk = http_2(lambda http, request: respond(http, request, good(request.body)), requests)
    elsewhere = replace(HTTPS, path="/q?a=b", port=8443)
    assert isinstance(world.ask(elsewhere, talk), Message)
    (request,) = requests
    assert {key: value for key, value in request.headers.items() if key.startswith(":")} == {
        ":method": "POST",
        ":scheme": "https",
        ":authority": f"{SERVER_NAME}:8443",
        ":path": "/q?a=b",
    }
    assert request.headers["content-type"] == request.headers["accept"] == "application/dns-message"
    assert request.headers["content-length"] == str(len(request.body))
    assert read_message(request.body).id == 0


def test_many_questions_over_https_share_a_connection(world: World) -> None:
    requests: list[Request] = []

    def backwards(http: Http2, request: Request) -> None:
        requests.append(request)
        if len(requests) == 20:
            for each in reversed(requests):
                respond(http, each, good(each.body))

    async def many(ask: Ask, listener: Listener) -> None:
        asked = [Question(name("a" * n), T.A) for n in range(1, 21)]
        got = await asyncio.gather(*map(ask, asked))
        assert [reply.answer for reply in got if isinstance(reply, Message)] == [answer(one).answer for one in asked]
        assert listener.connections == 1

    world.use(HTTPS, http_2(backwards), many)


@pytest.mark.parametrize(
    ("age", "ttl"), [("100", 200), ("0", 300), ("301", 0), ("9" * 400, 0), ("-1", 300), ("x", 300), ("", 300)]
)
def test_what_a_web_cache_has_held_lives_so_much_shorter(world: World, age: str, ttl: int) -> None:
    """RFC 8484 §5.1."""
    reply = world.ask(HTTPS, http_2(lambda http, request: respond(http, request, good(request.body), age=age)))
    assert isinstance(reply, Message)
    assert [record.ttl for record in reply.answer] == [ttl]


def test_a_whole_64_kib_message_comes_over_https(world: World) -> None:
    records = tuple(Record(WWW.name, int(T.TXT), 1, 300, n.to_bytes(2) * 120) for n in range(240))
    long = replace(answer(WWW), answer=records)
    assert 60000 < len(to_wire(long, 0)) < 65536
    reply = world.ask(HTTPS, http_2(lambda http, request: respond(http, request, to_wire(long, 0))))
    assert isinstance(reply, Message)
    assert reply.answer == records


# -- connections ---------------------------------------------------------------------------------------------------


def only(times: int, forwarder: Forwarder) -> Talk:
    """A server that ends each connection after so many replies."""
    if isinstance(forwarder, DoH):
        counts: dict[int, int] = {}

        def few(http: Http2, request: Request) -> None:
            respond(http, request, good(request.body))
            counts[id(http)] = counts.get(id(http), 0) + 1
            if counts[id(http)] == times:
                http.close_connection()

        return http_2(few)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            writer.write(framed(good(await framed_query(reader))))
        writer.close()

    return talk


@BOTH
def test_a_connection_that_the_server_ended_is_made_anew(world: World, forwarder: Forwarder) -> None:
    async def five(ask: Ask, listener: Listener) -> None:
        for _ in range(5):
            assert isinstance(await ask(WWW), Message)
        assert listener.connections == 3

    world.use(forwarder, only(2, forwarder), five)


@BOTH
def test_a_question_that_meets_the_end_of_a_connection_is_asked_again(world: World, forwarder: Forwarder) -> None:
    """RFC 7766 §6.2.3: servers may close what is idle, and that may cross with a question."""
    met: list[bytes] = []

    async def ends_at_the_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(framed(good(await framed_query(reader))))
        met.append(await framed_query(reader))
        writer.close()

    def goes_at_the_second(http: Http2, request: Request) -> None:
        if request.stream == 1:
            respond(http, request, good(request.body))
        else:
            met.append(request.body)
            http.close_connection()

    async def three(ask: Ask, listener: Listener) -> None:
        for _ in range(3):
            assert isinstance(await ask(WWW), Message)
        assert (listener.connections, len(met)) == (3, 2)

    world.use(forwarder, http_2(goes_at_the_second) if forwarder == HTTPS else ends_at_the_second, three)


def test_connections_end_with_the_conversation_and_the_server_is_told(world: World) -> None:
    """RFC 8446 §6.1: by close_notify."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> bytes:
        with (
            listening,
            world.right.context().wrap_socket(
                listening.accept()[0], server_side=True, suppress_ragged_eofs=False
            ) as connection,
        ):
            connection.settimeout(60)
            connection.sendall(framed(good(connection.recv(65537)[2:])))
            return connection.recv(1)  # an end that was not said raises SSLEOFError

    async def run() -> None:
        serving = asyncio.create_task(asyncio.to_thread(serve))
        places = Places({IP: listening.getsockname()})
        async with Forwarders([TLS], places, patience=STEADY, ca=world.authority.file).conversation() as ask:
            assert isinstance(await ask(WWW), Message)
        assert await serving == b""
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


@BOTH
def test_a_server_that_hangs_does_not_delay_cancellation(world: World, forwarder: Forwarder) -> None:
    asked = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        asked.set()
        await hang(reader, writer)

    async def cancelled(ask: Ask, _: Listener) -> None:
        task = asyncio.ensure_future(ask(WWW))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    world.use(forwarder, talk, cancelled, patience=Patience(tcp=timedelta(hours=1)))


def test_old_versions_of_tls_are_not_spoken(world: World) -> None:
    """RFC 8996 forbids them."""

    async def run() -> Message | Silence:
        context = world.right.context()
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with warnings.catch_warnings():  # Python does not advise it either
            warnings.simplefilter("ignore", DeprecationWarning)
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        async with tls_server(framed_replies, context) as listener:
            places = Places({IP: listener.address})
            async with Forwarders([OPPORTUNISTIC], places, patience=STEADY).conversation() as ask:
                return await ask(WWW)

    assert silence(asyncio.run(run())).code == "TLS_FAILED"
