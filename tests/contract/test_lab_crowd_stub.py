"""A client behind a validating resolver: what it makes of the resolver's answers, asked over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from dns.rdatatype import TLSA, A

from danelaw.worlds.lab.crowd.cache import Cache
from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError
from danelaw.worlds.lab.crowd.resolver import Answer
from danelaw.worlds.lab.crowd.stub import Stub

pytestmark = pytest.mark.slow

SERVER = "127.0.0.53"
HOST = dns.name.from_text("www.example.net.")
ADDRESS = "www.example.net. 2 IN A 192.0.2.80"
SOA = "example.net. 300 IN SOA ns1.example.net. root.example.net. 1 3600 600 86400 7"
SIGNED = "www.example.net. 2 IN RRSIG A 13 3 2 19700101001640 19700101000000 1 example.net. AAAA"
"""Expires 1000 seconds after the epoch."""

Reply = Callable[[dns.message.Message], dns.message.Message]


def rrset(text: str) -> dns.rrset.RRset:
    name, ttl, rdclass, type, rdata = text.split(None, 4)
    return dns.rrset.from_text(name, int(ttl), rdclass, type, rdata)


def says(
    *answer: str, authentic: bool = False, rcode: int = dns.rcode.NOERROR, authority: tuple[str, ...] = ()
) -> Reply:
    def reply(query: dns.message.Message) -> dns.message.Message:
        made = dns.message.make_response(query, recursion_available=True)
        made.answer = [rrset(text) for text in answer]
        made.authority = [rrset(text) for text in authority]
        made.set_rcode(dns.rcode.from_flags(rcode, 0))
        if authentic:
            made.flags |= dns.flags.AD
        return made

    return reply


FAILS = says(rcode=dns.rcode.SERVFAIL)


def unless_unchecked(checked: Reply, unchecked: Reply) -> Reply:
    return lambda query: (unchecked if query.flags & dns.flags.CD else checked)(query)


class Resolver(asyncio.DatagramProtocol):
    """Answers every query with ``reply``; ``queries`` are those it got."""

    def __init__(self, reply: Reply | None) -> None:
        self.reply = reply
        self.queries: list[dns.message.Message] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self.queries.append(query)
        if self.reply is not None:
            self._transport.sendto(self.reply(query).to_wire(), addr)


class Clock:
    now = 0.0


@asynccontextmanager
async def behind(reply: Reply | None, stretch: float = 1.0) -> AsyncIterator[tuple[Stub, Resolver, Clock]]:
    loop = asyncio.get_running_loop()
    transport, resolver = await loop.create_datagram_endpoint(lambda: Resolver(reply), local_addr=("127.0.0.1", 0))
    where = transport.get_extra_info("sockname")
    clock = Clock()
    cache = Cache(lambda: clock.now, stretch)
    try:
        yield Stub(cache, SERVER, lambda address, port: where, wall=lambda: clock.now), resolver, clock
    finally:
        transport.close()


def asked(reply: Reply, type: int = A) -> Answer:
    async def ask() -> Answer:
        async with behind(reply) as (stub, _, _):
            return await stub.resolve(HOST, type)

    return asyncio.run(ask())


def refused(reply: Reply) -> Reason:
    with pytest.raises(RefusedError) as caught:
        asked(reply)
    return caught.value.reason


@pytest.mark.parametrize("authentic", [True, False])
def test_an_answer_is_as_secure_as_the_resolver_says(authentic: bool) -> None:
    answer = asked(says(ADDRESS, authentic=authentic))
    assert ([rdata.to_text() for rdata in answer.rdatas], answer.secure) == (["192.0.2.80"], authentic)


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
def test_an_absence_too(rcode: int) -> None:
    answer = asked(says(authority=(SOA,), rcode=rcode, authentic=True), TLSA)
    assert (answer.rdatas, answer.secure, answer.canonical) == ((), True, HOST)


def test_aliases_are_followed_within_the_reply() -> None:
    answer = asked(says("www.example.net. 9 IN CNAME web.example.org.", "web.example.org. 2 IN A 192.0.2.80"))
    assert (answer.canonical.to_text(), len(answer.rdatas)) == ("web.example.org.", 1)


def test_a_failure_that_ends_when_told_not_to_check_is_bogus() -> None:
    assert refused(unless_unchecked(FAILS, says(ADDRESS))) is Reason.BOGUS


def test_a_failure_that_stays_is_no_answer() -> None:
    assert refused(FAILS) is Reason.NO_ANSWER


def test_a_refusal_is_no_answer_even_if_it_would_answer_unchecked() -> None:
    assert refused(unless_unchecked(says(rcode=dns.rcode.REFUSED), says(ADDRESS))) is Reason.NO_ANSWER


def test_a_loop_of_aliases_is_no_answer() -> None:
    assert refused(says("www.example.net. 9 IN CNAME www.example.net.")) is Reason.NO_ANSWER


def test_it_asks_for_recursion_and_signatures_and_leaves_the_checking_on() -> None:
    async def query() -> dns.message.Message:
        async with behind(says(ADDRESS)) as (stub, resolver, _):
            await stub.resolve(HOST, A)
            return resolver.queries[0]

    flags = asyncio.run(query())
    assert flags.flags & dns.flags.RD
    assert not flags.flags & dns.flags.CD
    assert flags.ednsflags & dns.flags.DO


@pytest.mark.parametrize(
    ("reply", "stretch", "held"),
    [
        (says(ADDRESS), 1.0, 2),
        (says(ADDRESS), 2.0, 4),
        (says("www.example.net. 900 IN A 192.0.2.80", SIGNED), 2.0, 1000),
        (says("www.example.net. 9 IN CNAME web.example.org.", "web.example.org. 5 IN A 192.0.2.80"), 1.0, 5),
        (says(authority=(SOA,)), 1.0, 7),
        (says(), 1.0, 0),
    ],
    ids=["its TTL", "stretched", "as long as its signature", "the shorter TTL", "an absence: SOA MINIMUM", "no SOA"],
)
def test_an_answer_is_held_for_what_is_left_of_its_ttl(reply: Reply, stretch: float, held: int) -> None:
    async def count() -> list[int]:
        counts = []
        async with behind(reply, stretch) as (stub, resolver, clock):
            for now in (0.0, max(held - 0.5, 0), held + 0.5):
                clock.now = now
                await stub.resolve(HOST, A)
                counts.append(len(resolver.queries))
        return counts

    assert asyncio.run(count()) == ([1, 1, 2] if held else [1, 2, 3])


@pytest.mark.parametrize("server", ["192.0.2.54", "2001:db8::54"])
def test_the_word_of_a_resolver_elsewhere_is_worth_nothing(server: str) -> None:
    with pytest.raises(ValueError, match="not on this machine"):
        Stub(Cache(lambda: 0.0), server, lambda address, port: (address, port))


def test_silence_is_no_answer() -> None:
    async def ask() -> None:
        async with behind(None) as (stub, _, _):
            await stub.resolve(HOST, A)

    with pytest.raises(RefusedError) as caught:
        asyncio.run(ask())
    assert caught.value.reason is Reason.NO_ANSWER
