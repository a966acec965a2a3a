"""Answers through forwarders over real sockets, validated here; and each authority by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TypeVar

import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.adapters.resolve import AuthorityAsker, Forwarders, ForwardingResolver, Patience
from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.message import read_message
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import IP, DanelawError, Do53, Message, Question, Record, Security, Silence, Validated
from name_servers import NameServer, Places, answering, name_server, to_wire
from signed_tree import NOW, Tree, name, question

pytestmark = pytest.mark.slow

R = TypeVar("R")
Answer = Callable[[Question], Message | None]
FORWARDER, SECOND = ip_address("192.0.2.53"), ip_address("192.0.2.54")
HASTY = Patience(first=timedelta(seconds=1), tries=1, tcp=timedelta(seconds=1))
"""With time enough for a busy machine to answer, where somebody answers."""
TLSA = question("_443._tcp.www", "TLSA")
AD = 0x0020


class StoppedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("nothing sleeps here")


def with_servers(
    answers: dict[IP, Answer], use: Callable[[Places, dict[IP, NameServer]], Coroutine[None, None, R]]
) -> R:
    async def run() -> R:
        async with AsyncExitStack() as stack:
            running = {ip: await stack.enter_async_context(answering(answer)) for ip, answer in answers.items()}
            return await use(Places({ip: server.address for ip, server in running.items()}), running)

    return asyncio.run(run())


def resolved(tree: Tree, answers: dict[IP, Answer], asked: Question) -> Validated:
    async def use(places: Places, _: dict[IP, NameServer]) -> Validated:
        forwarders = [Do53(FORWARDER), Do53(SECOND)]
        resolver = ForwardingResolver(forwarders, places, StoppedClock(), tree.anchors, patience=HASTY)
        return await resolver.resolve(asked.name, asked.type)

    return with_servers(answers, use)


@pytest.fixture
def tree() -> Tree:
    return Tree()


def tampered(tree: Tree, flags: int) -> Answer:
    """A forwarder that changes every TLSA and vouches for it."""

    def answer(asked: Question) -> Message:
        reply = tree.recursive(asked)
        records = tuple(
            replace(record, rdata=bytes(len(record.rdata))) if record.type == T.TLSA else record
            for record in reply.answer
        )
        return replace(reply, flags=reply.flags | flags, answer=records)

    return answer


def test_a_forwarder_gives_a_secure_answer(tree: Tree) -> None:
    verdict = resolved(tree, {FORWARDER: tree.recursive}, TLSA)
    assert verdict.state is Security.SECURE
    assert verdict.rrset is not None


def test_no_ad_bit_is_trusted(tree: Tree) -> None:
    verdict = resolved(tree, {FORWARDER: tampered(tree, AD)}, TLSA)
    assert (verdict.state, verdict.reasons[0].code) == (Security.BOGUS, "SIGNATURE_INVALID")


def servfail(asked: Question) -> Message:
    return Message(0, 0x8180, 2, (asked,))


def refused(asked: Question) -> Message:
    return Message(0, 0x8180, 5, (asked,))


@pytest.mark.parametrize(
    "first",
    [lambda asked: None, servfail, refused, None],
    ids=["silent", "SERVFAIL", "REFUSED", "not there"],
)
def test_the_next_forwarder_is_asked(tree: Tree, first: Answer | None) -> None:
    answers: dict[IP, Answer] = {SECOND: tree.recursive} | ({FORWARDER: first} if first else {})
    assert resolved(tree, answers, TLSA).state is Security.SECURE


@pytest.mark.parametrize(
    ("answers", "detail"),
    [({FORWARDER: servfail, SECOND: servfail}, "SERVFAIL"), ({SECOND: lambda _: None}, "TIMEOUT")],
)
def test_no_reply_is_never_an_absence(tree: Tree, answers: dict[IP, Answer], detail: str) -> None:
    verdict = resolved(tree, answers, TLSA)
    assert (verdict.state, verdict.reasons[0].code) == (Security.INDETERMINATE, "NO_ANSWER")
    assert verdict.reasons[0].detail.startswith(detail)
    assert verdict.absence is None


def stripped(tree: Tree, *, edns: bool) -> Callable[[bytes], bytes]:
    """A forwarder that passes on what it understands itself."""

    def reply(query: bytes) -> bytes:
        asked = read_message(query)
        said = tree.recursive(asked.question[0])
        sections = (
            tuple(record for record in section if record.type not in (T.RRSIG, T.NSEC))
            for section in (said.answer, said.authority, said.additional)
        )
        answer, authority, additional = sections
        plain = replace(said, answer=answer, authority=authority, additional=additional)
        return to_wire(plain, asked.id, edns=edns)

    return reply


def formerr(query: bytes) -> bytes:
    return to_wire(Message(0, 0x8180, 1), int.from_bytes(query[:2]), edns=False)


UNFIT: dict[str, tuple[Callable[[Tree], Callable[[bytes], bytes]], str]] = {
    "FORMERR": (lambda _: formerr, "NO_EDNS"),
    "without EDNS": (lambda tree: stripped(tree, edns=False), "NO_EDNS"),
    "with EDNS, without signatures": (lambda tree: stripped(tree, edns=True), "NO_SIGNATURES"),
}


@pytest.mark.parametrize("kind", UNFIT)
@pytest.mark.parametrize("another", [False, True])
def test_a_forwarder_that_cannot_be_used_for_dnssec_makes_nothing_bogus(tree: Tree, kind: str, another: bool) -> None:
    make, code = UNFIT[kind]
    reply = make(tree)

    async def run() -> Validated:
        async with name_server(lambda query: [reply(query)], reply) as plain, answering(tree.recursive) as good:
            places = Places({FORWARDER: plain.address} | ({SECOND: good.address} if another else {}))
            forwarders = [Do53(FORWARDER), Do53(SECOND)][: 1 + another]
            resolver = ForwardingResolver(forwarders, places, StoppedClock(), tree.anchors, patience=HASTY)
            return await resolver.resolve(TLSA.name, TLSA.type)

    verdict = asyncio.run(run())
    if another:
        assert verdict.state is Security.SECURE
    else:
        assert (verdict.state, verdict.reasons[0].code) == (Security.INDETERMINATE, "NO_ANSWER")
        assert verdict.reasons[0].detail.startswith(code)
        assert "cannot be used for DNSSEC" in verdict.reasons[0].detail


def test_when_all_forwarders_fail_each_is_spoken_of(tree: Tree) -> None:
    verdict = resolved(tree, {FORWARDER: servfail, SECOND: lambda _: None}, TLSA)
    assert verdict.reasons[0].detail.startswith("TIMEOUT")
    assert "SERVFAIL" in verdict.reasons[0].detail


def test_a_silent_forwarder_is_not_waited_for_again_and_again(tree: Tree) -> None:
    """Only the questions that are asked at once all wait for it."""

    async def use(places: Places, running: dict[IP, NameServer]) -> tuple[int, int]:
        forwarders = Forwarders([Do53(FORWARDER), Do53(SECOND)], places, patience=HASTY)
        async with forwarders.conversation() as ask:
            for type in (T.SOA, T.NS, T.MX, T.DNSKEY):
                assert isinstance(await ask(Question(name("example.net."), type)), Message)
        return len(running[FORWARDER].datagrams), len(running[SECOND].datagrams)

    assert with_servers({FORWARDER: lambda _: None, SECOND: tree.recursive}, use) == (1, 4)


def test_each_answer_says_how_things_are_now_unless_a_cache_is_given(tree: Tree) -> None:
    async def use(places: Places, running: dict[IP, NameServer]) -> tuple[int, int]:
        counts = []
        cache = ZoneKeyCache()
        for new_cache in (ZoneKeyCache, lambda: cache):
            resolver = ForwardingResolver(
                [Do53(FORWARDER)], places, StoppedClock(), tree.anchors, patience=HASTY, new_cache=new_cache
            )
            await resolver.resolve(TLSA.name, TLSA.type)
            before = len(running[FORWARDER].datagrams)
            await resolver.resolve(TLSA.name, TLSA.type)
            counts.append(len(running[FORWARDER].datagrams) - before)
        return counts[0], counts[1]

    assert with_servers({FORWARDER: tree.recursive}, use) == (6, 1)


@pytest.mark.parametrize(
    ("below", "zone"),
    [
        ("_443._tcp.www", "example.net."),
        ("example.net.", "example.net."),
        ("nope", "example.net."),
        ("alias", "example.net."),
        ("net.", "net."),
        ("org.", "."),
        (".", "."),
    ],
)
def test_the_zone_of_a_name(tree: Tree, below: str, zone: str) -> None:
    async def use(places: Places, _: dict[IP, NameServer]) -> Name | None:
        resolver = ForwardingResolver([Do53(FORWARDER)], places, StoppedClock(), tree.anchors, patience=HASTY)
        return await resolver.zone_of(name(below))

    assert with_servers({FORWARDER: tree.recursive}, use) == name(zone)


# Authorities

NS1, NS2, NS3, PARENT = (ip_address(f"192.0.2.{n}") for n in (11, 12, 13, 2))
ZONE = name("example.net.")


def ns(owner: Name, *targets: str) -> tuple[Record, ...]:
    return tuple(Record(owner, int(T.NS), 1, 300, plain_wire(name(target))) for target in targets)


def a(owner: str, ip: IP) -> Record:
    return Record(name(owner), int(T.A), 1, 300, ip.packed)


def soa(owner: str) -> Record:
    return Record(name(owner), int(T.SOA), 1, 300, b"\0\0" + bytes(20))


ADDRESSES = {"ns1": NS1, "ns2": NS2, "a.net.": PARENT}


def recursion(asked: Question) -> Message | None:
    """The child lists ns1 and ns2; its parent ns2 and ns3, the latter by glue alone."""
    reply = Message(0, 0x8180, 0, (asked,))
    addresses = {name(owner): ip for owner, ip in ADDRESSES.items()}
    if asked.type == T.NS:
        return replace(reply, answer=ns(asked.name, *(("ns1", "ns2") if asked.name == ZONE else ("a.net.",))))
    if asked.type == T.A and asked.name in addresses:
        return replace(reply, answer=(Record(asked.name, 1, 1, 300, addresses[asked.name].packed),))
    return replace(reply, authority=(soa("net."),))


def parent(asked: Question) -> Message | None:
    return Message(
        0, 0x8000, 0, (asked,), (), ns(ZONE, "ns2", "ns3"), (a("ns2", NS2), a("ns3", NS3), a("unasked", FORWARDER))
    )


def servers(answers: dict[IP, Answer]) -> list[tuple[Name, IP]]:
    async def use(places: Places, _: dict[IP, NameServer]) -> list[tuple[Name, IP]]:
        return list(await AuthorityAsker([Do53(FORWARDER)], places, patience=HASTY).servers(ZONE))

    return with_servers(answers, use)


def test_the_servers_of_both_sides_of_the_cut_and_their_glue() -> None:
    expected = [(name("ns1"), NS1), (name("ns2"), NS2), (name("ns3"), NS3)]
    assert servers({FORWARDER: recursion, PARENT: parent}) == expected


def failing(type: int, owner: str) -> Answer:
    return lambda asked: None if (asked.type, asked.name) == (type, name(owner)) else recursion(asked)


@pytest.mark.parametrize(
    ("what", "answers"),
    [
        ("no forwarder", {PARENT: parent}),
        ("the zone's NS", {FORWARDER: failing(T.NS, "example.net."), PARENT: parent}),
        ("the parent's SOA", {FORWARDER: failing(T.SOA, "net."), PARENT: parent}),
        ("the parent's NS", {FORWARDER: failing(T.NS, "net."), PARENT: parent}),
        ("a server's IPv4 addresses", {FORWARDER: failing(T.A, "ns1"), PARENT: parent}),
        ("a server's IPv6 addresses", {FORWARDER: failing(T.AAAA, "ns1"), PARENT: parent}),
        ("the parent's servers", {FORWARDER: recursion}),
        ("the parent's servers refuse", {FORWARDER: recursion, PARENT: lambda q: Message(0, 0x8000, 5, (q,))}),
    ],
)
def test_a_list_that_may_lack_a_server_is_none(what: str, answers: dict[IP, Answer]) -> None:
    with pytest.raises(DanelawError) as raised:
        servers(answers)
    assert raised.value.code == "SERVERS_UNKNOWN", what


def asked_for(zones: list[Name], forwarder: Answer, *, warm: bool) -> list[list[Question]]:
    """What the forwarder and the parent were asked, while one asker was asked for the servers of these zones at once,
    and once more."""
    questions: list[list[Question]] = [[], []]

    def delegating(asked: Question) -> Message:
        return Message(0, 0x8000, 0, (asked,), (), ns(asked.name, "ns1", "ns2"))

    def noting(number: int, answer: Answer) -> Answer:
        def answered(asked: Question) -> Message | None:
            questions[number].append(asked)
            return answer(asked)

        return answered

    async def use(places: Places, _: dict[IP, NameServer]) -> None:
        asker = AuthorityAsker([Do53(FORWARDER)], places, patience=HASTY, warm=warm)
        for _again in range(2):
            await asyncio.gather(*map(asker.servers, zones), return_exceptions=True)

    with_servers({FORWARDER: noting(0, forwarder), PARENT: noting(1, delegating)}, use)
    return questions


def test_a_warm_asker_finds_the_servers_of_a_zone_and_of_its_parent_once() -> None:
    recursive, delegating = asked_for([ZONE, ZONE, name("other.net.")], recursion, warm=True)
    ours = [asked for asked in recursive if asked.name.is_subdomain(ZONE) and asked.type == T.NS]
    above = [asked for asked in recursive if asked.name == name("net.")]
    assert [asked.name for asked in ours] == [ZONE]
    assert sorted(asked.type for asked in above) == [T.NS, T.SOA]
    assert [asked.name for asked in delegating] == [ZONE, name("other.net.")]


def test_a_cold_asker_finds_them_anew() -> None:
    recursive, delegating = asked_for([ZONE], recursion, warm=False)
    assert {recursive.count(asked) for asked in recursive} == {2}
    assert len(delegating) == 2


def test_a_warm_asker_asks_again_for_what_it_could_not_find() -> None:
    recursive, _ = asked_for([ZONE], failing(T.AAAA, "ns1"), warm=True)
    assert recursive.count(Question(name("ns1"), T.AAAA)) == 4, "by UDP and by TCP, twice"


@pytest.mark.parametrize(("names", "addresses"), [(65, 1), (3, 65)], ids=["names", "addresses"])
def test_a_zone_does_not_send_our_questions_to_a_crowd(names: int, addresses: int) -> None:
    """CVE-2020-12662: its server names and their addresses are whatever its operator likes."""
    crowd = [f"ns{number}" for number in range(names)]
    asked: list[Question] = []

    def saying(question: Question) -> Message | None:
        asked.append(question)
        if (question.type, question.name) == (T.NS, ZONE):
            return Message(0, 0x8400, 0, (question,), ns(ZONE, *crowd))
        if question.type == T.A and question.name.is_subdomain(ZONE):
            rdatas = (ip_address(f"198.51.100.{number + 1}").packed for number in range(addresses))
            return Message(0, 0x8400, 0, (question,), tuple(Record(question.name, T.A, 1, 600, one) for one in rdatas))
        return recursion(question)

    with pytest.raises(DanelawError) as raised:
        servers({FORWARDER: saying, PARENT: parent})
    assert raised.value.code == "SERVERS_UNKNOWN"
    assert "64 are asked at most" in raised.value.evidence
    assert len(asked) < 20


SAID = [
    ("authority", Message(0, 0x8400, 0, (TLSA,), (), (soa("example.net."),)), None),
    ("NXDOMAIN", Message(0, 0x8400, 3, (TLSA,), (), (soa("example.net."),)), None),
    ("a referral", Message(0, 0x8000, 0, (TLSA,), (), ns(ZONE, "ns1")), None),
    ("an upward referral", Message(0, 0x8000, 0, (TLSA,), (), ns(name("."), "ns1")), "LAME"),
    ("no authority", Message(0, 0x8000, 0, (TLSA,), (), (soa("example.net."),)), "LAME"),
    ("REFUSED", Message(0, 0x8000, 5, (TLSA,)), "REFUSED"),
    ("SERVFAIL", Message(0, 0x8000, 2, (TLSA,)), "SERVFAIL"),
    ("NOTIMP", Message(0, 0x8000, 4, (TLSA,)), "SERVFAIL"),
    ("nothing", None, "TIMEOUT"),
]


@pytest.mark.parametrize(("what", "reply", "code"), SAID, ids=[row[0] for row in SAID])
def test_what_an_authority_says(what: str, reply: Message | None, code: str | None) -> None:
    async def use(places: Places, running: dict[IP, NameServer]) -> Message | Silence:
        said = await AuthorityAsker([], places, patience=HASTY).ask(NS1, TLSA.name, TLSA.type)
        query = running[NS1].datagrams[0]
        assert not query[2] & 0x01, "RD is clear"
        assert query[-4:] == b"\x80\x00\x00\x00", "DO is set"
        return said

    said = with_servers({NS1: lambda _: reply}, use)
    if code is None:
        assert reply is not None
        assert isinstance(said, Message)
        assert said.authority == reply.authority
    else:
        assert isinstance(said, Silence)
        assert said.code == code
