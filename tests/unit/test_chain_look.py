"""What a look at a chain gathers: which servers are asked what, and which certificates are compared with records."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import ip_address
from typing import Final

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.app.chain import default_type, endpoint_of, look, wanted
from danelaw.app.eyes import Eyes
from danelaw.app.sweep import sweep
from danelaw.core.dnssec.agreement import differs, same
from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.model import (
    IP,
    Asked,
    Chain,
    DanelawError,
    Endpoint,
    Handshake,
    HandshakeFailure,
    Hello,
    Message,
    Question,
    RRset,
    Said,
    Security,
    Silence,
    Sweep,
    Unreachable,
    Validated,
)
from danelaw.core.tlsa import Combination, associate
from fault_garden.garden import Garden, Layout, plant
from tlsa_chains import INTERMEDIATE, LEAF, NOW, RENEWED, ROOT

ONE, TWO, PARENT = ip_address("192.0.2.11"), ip_address("192.0.2.12"), ip_address("192.0.2.2")
NET, EXAMPLE = dns.name.from_text("net."), dns.name.from_text("example.net.")
WWW, HELD = dns.name.from_text("www.example.net."), dns.name.from_text("_443._tcp.www.example.net.")
TLSA: Final = int(T.TLSA)
PRESENT: Final = Handshake(Chain((LEAF.der, INTERMEDIATE.der)), "TLSv1.3", "TLS_AES_256_GCM_SHA384")


@dataclass
class Servers:
    """``ports.Authorities`` of a garden: each address says the truth, but for what is put in its mouth."""

    garden: Garden
    lies: Mapping[tuple[IP, int], Message | Silence] = field(default_factory=dict)
    asked: list[tuple[IP, Name, int]] = field(default_factory=list)

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        if zone == dns.name.root:
            raise DanelawError("SERVERS_UNKNOWN", "The name servers of . could not all be found", evidence="REFUSED")
        ns = Name((b"ns", *zone.labels))
        return [(ns, PARENT)] if zone == NET else [(ns, ONE), (ns, TWO)]

    async def ask(self, server: IP, name: Name, type: int) -> Message | Silence:
        self.asked.append((server, name, type))
        if (server, type) in self.lies:
            return self.lies[server, type]
        reply = self.garden.link(Question(name, type))
        return replace(reply, flags=0x8400) if isinstance(reply, Message) else reply


@dataclass
class World:
    """The other ports."""

    garden: Garden
    tlsa: tuple[bytes, ...] = ()
    presented: Mapping[IP, Handshake | HandshakeFailure | Unreachable] = field(default_factory=dict)
    state: Security = Security.SECURE

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, when: datetime) -> None:
        del when

    async def resolve(self, name: Name, type: int) -> Validated:
        if type == TLSA and self.tlsa:
            rrset = RRset(name, type, 60, frozenset(self.tlsa))
            return Validated(name, type, self.state, (rrset,))
        if type in (T.A, T.AAAA):
            ips = [ip.packed for ip in self.presented if len(ip.packed) == (4 if type == T.A else 16)]
            rrsets = (RRset(name, type, 60, frozenset(ips)),) if ips else ()
            return Validated(name, type, Security.SECURE, rrsets)
        return drive(Validation(name, type, self.garden.anchors, DEFAULT_POLICY, self.garden.now), self.garden.answer)

    async def probe(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Chain | HandshakeFailure | Unreachable:
        raise AssertionError("a look makes whole handshakes")

    async def handshake(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Handshake | HandshakeFailure | Unreachable:
        assert hello.sni == endpoint.host
        return self.presented[ip]


@pytest.fixture
def garden() -> Garden:
    return plant(Layout(), dns.name.root, NOW)


def swept(garden: Garden, asked: str, lies: Mapping[tuple[IP, int], Message | Silence] | None = None) -> Sweep:
    return _swept(Servers(garden, lies or {}), asked)


def _swept(servers: Servers, asked: str) -> Sweep:
    question, garden = servers.garden.question(asked), servers.garden
    answer = drive(Validation(question.name, question.type, garden.anchors, DEFAULT_POLICY, NOW), garden.answer)
    assert answer.proof is not None
    return asyncio.run(sweep(wanted(answer.proof), servers))


# Every server


def test_every_server_is_asked_for_soa_keys_the_ds_below_and_the_answer(garden: Garden) -> None:
    servers = Servers(garden)
    _swept(servers, "www A")
    assert sorted((str(ip), str(name), T.make(type).name) for ip, name, type in servers.asked) == [
        ("192.0.2.11", "example.net.", "DNSKEY"),
        ("192.0.2.11", "example.net.", "SOA"),
        ("192.0.2.11", "www.example.net.", "A"),
        ("192.0.2.12", "example.net.", "DNSKEY"),
        ("192.0.2.12", "example.net.", "SOA"),
        ("192.0.2.12", "www.example.net.", "A"),
        ("192.0.2.2", "example.net.", "DS"),
        ("192.0.2.2", "net.", "DNSKEY"),
        ("192.0.2.2", "net.", "SOA"),
    ]


def test_servers_that_cannot_be_found_are_told_of_and_the_others_asked(garden: Garden) -> None:
    found = swept(garden, "www A")
    assert found.unknown == ((dns.name.root, "The name servers of . could not all be found: REFUSED"),)
    assert found.zones() == (NET, EXAMPLE, dns.name.root)


def test_servers_that_agree_do_not_differ(garden: Garden) -> None:
    found = swept(garden, "www A")
    assert [asked for zone in found.zones() for asked in found.questions(zone) if differs(found, asked)] == []
    assert {said.serial for said in found.to(Asked(EXAMPLE, EXAMPLE, T.SOA))} == {7}


def test_an_unsigned_zone_is_not_asked_for_keys(garden: Garden) -> None:
    servers = Servers(garden)
    _swept(servers, "www.plain.net. A")
    assert {type for ip, _, type in servers.asked if ip == ONE} == {T.SOA, T.A}


def reply(garden: Garden, asked: str, **changes: int) -> Message:
    found = garden.link(garden.question(asked))
    assert isinstance(found, Message)
    return replace(found, flags=0x8400, **changes)  # type: ignore[arg-type]  # of the fields only flags and rcode are changed


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Silence("TIMEOUT", "192.0.2.12"), "TIMEOUT"),
        (Silence("LAME"), "LAME"),
        (Message(1, 0x8000, 0), "LAME"),
        (Message(1, 0x8400, 2), "MALFORMED"),
    ],
    ids=["silent", "lame", "a referral", "an error"],
)
def test_a_server_that_says_nothing_of_use_is_shown_so(garden: Garden, said: Message | Silence, expected: str) -> None:
    found = swept(garden, "www A", {(TWO, T.A): said})
    asked = Asked(EXAMPLE, WWW, T.A)
    assert differs(found, asked)
    odd = next(one for one in found.to(asked) if one.address == TWO)
    assert isinstance(odd.answer, Silence)
    assert odd.answer.code == expected


def test_one_server_with_other_records_differs_from_all(garden: Garden) -> None:
    found = swept(garden, "www A", {(TWO, T.A): reply(garden, "many A")})
    assert differs(found, Asked(EXAMPLE, WWW, T.A))


def test_one_server_that_denies_differs(garden: Garden) -> None:
    found = swept(garden, "www A", {(TWO, T.A): reply(garden, "www TXT")})
    assert differs(found, Asked(EXAMPLE, WWW, T.A))


@pytest.mark.parametrize(
    ("type", "one", "other", "alike"),
    [
        (T.CNAME, b"\x03WWW\x03net\x00", b"\x03www\x03NET\x00", True),
        (T.TXT, b"\x03WWW", b"\x03www", False),
    ],
    ids=["names in whatever case", "text in another case"],
)
def test_records_are_compared_in_canonical_form(type: int, one: bytes, other: bytes, alike: bool) -> None:
    asked = Asked(EXAMPLE, WWW, type)

    def said(rdata: bytes, ttl: int) -> Said:
        return Said(asked, EXAMPLE, ONE, RRset(WWW, type, ttl, frozenset({rdata})))

    assert same(said(one, 60), said(other, 7)) is alike


# The service


def seen(world: World, name: Name = HELD, type: int = TLSA) -> list[tuple[str, bool | None, str]]:
    eyes = Eyes(world, world, Servers(world.garden), world)
    picture = asyncio.run(look(name, type, eyes, probe=(ROOT.der,)))
    assert picture.presented is not None
    return [(str(one.address), one.matched, one.trouble) for one in picture.presented]


def record(leaf: Handshake = PRESENT) -> bytes:
    return associate(Combination.from_text("3 1 1"), leaf.chain).to_rdata()


def test_every_address_is_compared_ipv6_first(garden: Garden) -> None:
    six = ip_address("2001:db8::80")
    world = World(garden, (record(),), {ONE: PRESENT, six: PRESENT})
    assert seen(world) == [("2001:db8::80", True, ""), ("192.0.2.11", True, "")]


def test_another_certificate_is_a_mismatch_that_says_why(garden: Garden) -> None:
    other = replace(PRESENT, chain=Chain((RENEWED.der, INTERMEDIATE.der)))
    ((_, matched, trouble),) = seen(World(garden, (record(),), {ONE: other}))
    assert matched is False
    assert "MISMATCH" in trouble


@pytest.mark.parametrize(
    "got", [HandshakeFailure("TLS_ALERT", "handshake_failure"), Unreachable("TIMEOUT")], ids=["refused", "silent"]
)
def test_where_no_certificate_was_seen_nothing_is_decided(garden: Garden, got: HandshakeFailure | Unreachable) -> None:
    ((_, matched, trouble),) = seen(World(garden, (record(),), {ONE: got}))
    assert matched is None
    assert got.code in trouble


def test_records_that_are_not_secure_are_compared_with_nothing(garden: Garden) -> None:
    world = World(garden, (record(),), {ONE: PRESENT}, Security.INSECURE)
    ((_, matched, trouble),) = seen(world)
    assert matched is None
    assert "no secure TLSA record" in trouble


def test_a_name_of_no_service_cannot_be_probed(garden: Garden) -> None:
    with pytest.raises(DanelawError) as raised:
        seen(World(garden), WWW, int(T.A))
    assert raised.value.code == "BAD_ENDPOINT"


# Names


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("_443._tcp.www.example.net.", "www.example.net:443/tcp"),
        ("_853._UDP.ns.example.net.", "ns.example.net:853/udp"),
        ("_0._tcp.www.example.net.", None),
        ("_65536._tcp.www.example.net.", None),
        ("_443._xyz.www.example.net.", None),
        ("443._tcp.www.example.net.", None),
        ("www.example.net.", None),
        ("_443._tcp.", None),
        (".", None),
    ],
)
def test_the_endpoint_of_a_name(text: str, endpoint: str | None) -> None:
    name = dns.name.from_text(text)
    found = endpoint_of(name)
    assert (str(found) if found is not None else None) == endpoint
    assert default_type(name) == (TLSA if endpoint is not None else T.A)
