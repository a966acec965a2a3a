"""One question over real sockets: what is accepted, what is passed over, how long it is waited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest
from dns.rdatatype import RdataType as T

from danelaw.adapters.resolve import Patience, UdpTcp
from danelaw.core.dnssec.message import read_message
from danelaw.core.model import Message, Question, Record, Silence
from name_servers import NameServer, Places, Streams, name_server, saying, to_wire
from signed_tree import name

pytestmark = pytest.mark.slow

IP = ip_address("192.0.2.53")
WWW = Question(name("www"), T.A)
ANSWER = Message(0, 0x8400, 0, (WWW,), (Record(WWW.name, int(T.A), 1, 300, bytes([192, 0, 2, 80])),))
HASTY = Patience(first=timedelta(milliseconds=500), tries=2, tcp=timedelta(seconds=1))
"""With time enough for a busy machine to answer, where somebody answers."""


def good(query: bytes) -> bytes:
    return to_wire(ANSWER, int.from_bytes(query[:2]))


def truncated(query: bytes) -> list[bytes]:
    return [to_wire(replace(ANSWER, flags=0x8600, answer=()), int.from_bytes(query[:2]))]


async def ask(server: NameServer, patience: Patience | None = None) -> Message | Silence:
    transport = UdpTcp(Places({IP: server.address}), patience)
    return await transport.ask(IP, WWW, recursion_desired=True)


def asked(
    udp: Callable[[bytes], list[bytes]], tcp: Streams | None = None, patience: Patience | None = None
) -> tuple[Message | Silence, NameServer]:
    async def run() -> tuple[Message | Silence, NameServer]:
        async with name_server(udp, tcp) as server:
            return await ask(server, patience), server

    return asyncio.run(run())


def test_a_reply_by_udp() -> None:
    reply, server = asked(lambda query: [good(query)])
    assert isinstance(reply, Message)
    assert reply.answer == ANSWER.answer
    assert len(server.datagrams) == 1


@pytest.mark.parametrize("forwarder", [True, False])
def test_what_is_asked(forwarder: bool) -> None:
    """DO and CD are set (RFC 4035 §3.2), 1232 octets may come; RD is for forwarders alone."""

    async def run() -> bytes:
        async with name_server(lambda query: [good(query)]) as server:
            await UdpTcp(Places({IP: server.address})).ask(IP, WWW, recursion_desired=forwarder)
            return server.datagrams[0]

    wire = asyncio.run(run())
    query = read_message(wire)
    assert query.question == (WWW,)
    assert query.flags == (0x0110 if forwarder else 0x0010)
    assert wire[-11:] == b"\0" + bytes((0, 41)) + (1232).to_bytes(2) + bytes((0, 0, 0x80, 0)) + b"\0\0"


def test_ids_and_ports_differ_from_query_to_query() -> None:
    """RFC 5452 §9.2: a forger must guess both."""

    async def run() -> NameServer:
        async with name_server(lambda query: [good(query)]) as server:
            for _ in range(20):
                await ask(server)
            return server

    server = asyncio.run(run())
    assert len({query[:2] for query in server.datagrams}) > 15
    assert len({port for _, port in server.senders}) > 10


def other_question(query: bytes) -> bytes:
    return to_wire(replace(ANSWER, question=(Question(name("ftp"), T.A),)), int.from_bytes(query[:2]))


FORGERIES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("another id", lambda query: (int.from_bytes(query[:2]) ^ 1).to_bytes(2) + good(query)[2:]),
    ("another question", other_question),
    ("no question", lambda query: to_wire(replace(ANSWER, question=()), int.from_bytes(query[:2]))),
    ("the query itself", lambda query: query),
    ("another opcode", lambda query: good(query)[:2] + b"\xa4\x00" + good(query)[4:]),
    ("garbage", lambda query: b"garbage"),
    ("garbage with the id", lambda query: query[:2] + b"garbage"),
    ("nothing", lambda query: b""),
]


@pytest.mark.parametrize(("what", "forged"), FORGERIES, ids=[row[0] for row in FORGERIES])
def test_what_is_not_the_reply_is_passed_over(what: str, forged: Callable[[bytes], bytes]) -> None:
    reply, server = asked(lambda query: [forged(query), good(query)])
    assert isinstance(reply, Message), what
    assert reply.answer == ANSWER.answer
    assert len(server.datagrams) == 1


def test_an_error_may_come_without_the_question() -> None:
    reply, _ = asked(lambda query: [to_wire(Message(0, 0x8000, 5), int.from_bytes(query[:2]))])
    assert isinstance(reply, Message)
    assert reply.rcode == 5


def test_a_lost_datagram_is_asked_again() -> None:
    seen: list[bytes] = []

    def second_only(query: bytes) -> list[bytes]:
        seen.append(query)
        return [good(query)] if len(seen) > 1 else []

    reply, server = asked(second_only, patience=HASTY)
    assert isinstance(reply, Message)
    assert len(server.datagrams) == 2
    assert server.datagrams[0][:2] != server.datagrams[1][:2] or server.senders[0] != server.senders[1]


@pytest.mark.parametrize(
    ("udp", "code"), [(lambda query: [], "TIMEOUT"), (lambda query: [query[:2] + b"garbage"], "MALFORMED")]
)
def test_after_so_many_tries_it_is_silence(udp: Callable[[bytes], list[bytes]], code: str) -> None:
    reply, server = asked(udp, patience=HASTY)
    assert isinstance(reply, Silence)
    assert reply.code == code
    assert len(server.datagrams) == HASTY.tries


def test_truncated_replies_are_fetched_by_tcp() -> None:
    long = replace(ANSWER, answer=tuple(Record(WWW.name, int(T.TXT), 1, 300, bytes([n]) * 250) for n in range(100)))
    reply, server = asked(truncated, saying(lambda _: long))
    assert isinstance(reply, Message)
    assert reply.answer == long.answer
    assert server.streams == server.datagrams


@pytest.mark.parametrize(
    ("what", "tcp", "code"),
    [
        ("nothing listens", None, "UNREACHABLE"),
        ("it hangs", lambda query: None, "TIMEOUT"),
        ("it closes", lambda query: b"", "MALFORMED"),
        ("garbage", lambda query: b"garbage", "MALFORMED"),
        ("another id", lambda query: FORGERIES[0][1](query), "MALFORMED"),
        ("another question", other_question, "MALFORMED"),
        ("truncated again", lambda query: truncated(query)[0], "MALFORMED"),
    ],
)
def test_tcp_that_fails_is_silence(what: str, tcp: Streams | None, code: str) -> None:
    reply, _ = asked(truncated, tcp, HASTY)
    assert isinstance(reply, Silence), what
    assert reply.code == code


@pytest.mark.parametrize(("forwarder", "tcp"), [(True, saying(lambda _: ANSWER)), (False, saying(lambda _: ANSWER))])
def test_a_forwarder_that_is_silent_by_udp_is_tried_by_tcp(forwarder: bool, tcp: Streams) -> None:
    async def run() -> tuple[Message | Silence, NameServer]:
        async with name_server(lambda query: [], tcp) as server:
            transport = UdpTcp(Places({IP: server.address}), HASTY)
            return await transport.ask(IP, WWW, recursion_desired=forwarder), server

    reply, server = asyncio.run(run())
    assert isinstance(reply, Message) == forwarder
    assert len(server.streams) == forwarder
    assert len(server.datagrams) == HASTY.tries


NO_EDNS: list[tuple[str, Message, bool, str | None]] = [
    ("a reply without OPT and signatures", ANSWER, False, "NO_EDNS"),
    ("a denial without OPT and signatures", replace(ANSWER, rcode=3, answer=()), False, "NO_EDNS"),
    ("FORMERR", Message(0, 0x8180, 1, (WWW,)), False, "NO_EDNS"),
    ("FORMERR of nothing but a header", Message(0, 0x8180, 1), False, "NO_EDNS"),
    ("NOTIMP", Message(0, 0x8180, 4, (WWW,)), False, "NO_EDNS"),
    ("FORMERR with OPT", Message(0, 0x8180, 1, (WWW,)), True, None),
    ("SERVFAIL", Message(0, 0x8180, 2, (WWW,)), False, None),
    ("REFUSED", Message(0, 0x8180, 5, (WWW,)), False, None),
    ("a reply with OPT", ANSWER, True, None),
    (
        "signatures without OPT",
        replace(ANSWER, answer=(*ANSWER.answer, Record(WWW.name, int(T.RRSIG), 1, 300, bytes(40)))),
        False,
        None,
    ),
]


@pytest.mark.parametrize("by_tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize("forwarder", [True, False], ids=["forwarder", "authority"])
@pytest.mark.parametrize(("what", "said", "edns", "code"), NO_EDNS, ids=[row[0] for row in NO_EDNS])
def test_a_forwarder_without_edns_is_told_apart(
    what: str, said: Message, edns: bool, code: str | None, forwarder: bool, by_tcp: bool
) -> None:
    """RFC 6891 §7. What an authority says is taken as it comes."""

    def reply(query: bytes) -> bytes:
        return to_wire(said, int.from_bytes(query[:2]), edns=edns)

    async def run() -> Message | Silence:
        async with name_server(truncated if by_tcp else lambda query: [reply(query)], reply) as server:
            return await UdpTcp(Places({IP: server.address})).ask(IP, WWW, recursion_desired=forwarder)

    got = asyncio.run(run())
    if code is None or not forwarder:
        assert isinstance(got, Message)
        assert got.rcode == said.rcode
    else:
        assert isinstance(got, Silence)
        assert got.code == code
        assert "cannot be used for DNSSEC" in got.detail
        assert str(IP) in got.detail or "TCP" in got.detail


def test_nothing_listens() -> None:
    async def run() -> Message | Silence:
        async with name_server(lambda query: []) as server:
            closed = server
        return await ask(closed, HASTY)

    reply = asyncio.run(run())
    assert isinstance(reply, Silence)
    assert reply.code == "UNREACHABLE"


def test_an_address_that_the_world_does_not_have() -> None:
    async def run() -> Message | Silence:
        return await UdpTcp(Places({})).ask(IP, WWW, recursion_desired=False)

    reply = asyncio.run(run())
    assert isinstance(reply, Silence)
    assert reply.code == "UNREACHABLE"
    assert "NOT_IN_THIS_WORLD" in reply.detail


@pytest.mark.parametrize("udp", [lambda query: [], truncated], ids=["udp", "tcp"])
def test_a_server_that_hangs_does_not_delay_cancellation(udp: Callable[[bytes], list[bytes]]) -> None:
    reached = asyncio.Event()

    def hang(query: bytes) -> bytes | None:
        reached.set()
        return None

    def datagrams(query: bytes) -> list[bytes]:
        replies = udp(query)
        if not replies:
            reached.set()
        return replies

    async def run() -> float:
        loop = asyncio.get_running_loop()
        async with name_server(datagrams, hang) as server:
            task = asyncio.create_task(ask(server, Patience(first=timedelta(hours=1), tcp=timedelta(hours=1))))
            await reached.wait()
            before = loop.time()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return loop.time() - before

    assert asyncio.run(run()) < 10  # not an hour
