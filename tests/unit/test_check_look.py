"""What a look at a target gathers: which servers, which names, which addresses, as which clients."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Literal

import dns.name
import dns.rdata
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.app.check import MOST_SERVERS, Looked, Looker, Looking
from danelaw.app.eyes import Eyes
from danelaw.app.look import MOST_ADDRESSES, look_at
from danelaw.core.model import (
    IP,
    Absence,
    Asked,
    Chain,
    DanelawError,
    Endpoint,
    Evidence,
    Handshake,
    HandshakeFailure,
    Hello,
    JudgedLink,
    KeyAlgorithm,
    Message,
    NotOffered,
    Presentation,
    Proof,
    Question,
    Record,
    RRset,
    Security,
    Silence,
    Target,
    TargetEvidence,
    TLSVersion,
    Unreachable,
    Validated,
    read_target,
)

NOW = datetime.fromisoformat("2026-11-23T12:00:00+00:00")
SHAKEN = Handshake(Chain((b"leaf",)), "TLSv1.3", "TLS_AES_256_GCM_SHA384")
SECURE, INSECURE, BOGUS, LOST = Security.SECURE, Security.INSECURE, Security.BOGUS, Security.INDETERMINATE
MAIL, MAIL2 = "mail.example.net.", "mail2.example.net."
FOUR, SIX = ip_address("192.0.2.25"), ip_address("2001:db8::25")
RECORD = "3 1 1 " + "ab" * 32


def n(text: str) -> Name:
    return dns.name.from_text(text)


def answer(name: str, type: str, *texts: str, state: Security = SECURE, via: str | None = None) -> Validated:
    """``via``: the end of a CNAME, which is where the records are."""
    kind, owner = int(T.from_text(type)), n(via or name)
    if not texts:
        return Validated(n(name), kind, state, absence=Absence(owner, kind, 60))
    rdatas = frozenset(dns.rdata.from_text("IN", type, text).to_wire() or b"" for text in texts)
    links = [RRset(owner, kind, 60, rdatas)]
    if via is not None:
        links.insert(0, RRset(n(name), int(T.CNAME), 60, frozenset({n(via).to_wire() or b""})))
    return Validated(n(name), kind, state, tuple(links))


@dataclass
class World:
    """Every port that looks, scripted; what is not told is proven absent, and every address shakes hands."""

    answers: Sequence[Validated] = ()
    presents: Mapping[tuple[IP, Hello | None], Presentation] = field(default_factory=dict)
    slow: Mapping[Name, asyncio.Event] = field(default_factory=dict)
    asked: list[tuple[Name, int]] = field(default_factory=list)
    told: list[tuple[IP, Name, int]] = field(default_factory=list)
    met: list[tuple[Endpoint, IP, Hello]] = field(default_factory=list)

    @property
    def eyes(self) -> Eyes:
        return Eyes(self, self, self, self)

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("a look waits for nothing but answers")

    async def resolve(self, name: Name, type: int) -> Validated:
        self.asked.append((name, type))
        if name in self.slow:
            await self.slow[name].wait()
        told = {(one.name, one.type): one for one in self.answers}
        return told.get((name, type)) or Validated(name, type, SECURE, absence=Absence(name, type, 60))

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        return [(n("ns." + zone.to_text()), ip_address("192.0.2.11")), (n("ns2.example."), ip_address("192.0.2.12"))]

    async def ask(self, server: IP, name: Name, type: int) -> Message | Silence:
        self.told.append((server, name, type))
        if type == T.SOA:
            soa = b"\x00\x00" + (7).to_bytes(4) + bytes(16)
            return Message(0, 0x8400, 0, (Question(name, type),), (Record(name, type, 1, 60, soa),))
        return Silence("TIMEOUT")

    async def probe(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Chain | HandshakeFailure | Unreachable:
        raise AssertionError("a look makes whole handshakes")

    async def handshake(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Handshake | HandshakeFailure | Unreachable:
        self.met.append((endpoint, ip, hello))
        got = self.presents.get((ip, hello)) or self.presents.get((ip, None)) or SHAKEN
        assert not isinstance(got, NotOffered)
        return got


HOST = (answer(MAIL, "A", str(FOUR)), answer(MAIL, "AAAA", str(SIX)), answer(f"_25._tcp.{MAIL}", "TLSA", RECORD))


def looked(
    world: World, text: str, addresses: tuple[IP, ...] = (), family: Literal[4, 6] | None = None
) -> TargetEvidence:
    async def look() -> TargetEvidence:
        return await Looker(world.eyes, Looking(addresses, family)).look(read_target(text))

    return asyncio.run(look())


def hosts(found: TargetEvidence) -> list[str]:
    return [str(evidence.endpoint) for evidence in found.endpoints]


def at(endpoint: str, world: World, *, sweeping: bool = True) -> Evidence:
    return asyncio.run(look_at(read_target(endpoint).endpoint, world.eyes, sweeping=sweeping))


# Which servers


def mx(*texts: str, state: Security = SECURE) -> World:
    return World([answer("example.net.", "MX", *texts, state=state), *HOST])


def test_every_mail_exchanger_is_looked_at_preferred_ones_first() -> None:
    found = looked(mx(f"20 {MAIL2}", f"10 {MAIL}"), "smtp:example.net")
    assert hosts(found) == ["mail.example.net:25/tcp", "mail2.example.net:25/tcp"]
    assert {evidence.endpoint.starttls for evidence in found.endpoints} == {"smtp"}
    assert {(evidence.service, evidence.service_state) for evidence in found.endpoints} == {(n("example.net."), SECURE)}


@pytest.mark.parametrize(
    ("world", "endpoints"),
    [
        (mx("0 ."), []),
        (mx(), ["example.net:25/tcp"]),
        (mx(f"10 {MAIL}", f"20 {MAIL}"), ["mail.example.net:25/tcp"]),
        (mx(f"10 {MAIL}", "0 ."), ["mail.example.net:25/tcp"]),
        (mx(f"10 {MAIL}", state=INSECURE), ["mail.example.net:25/tcp"]),
        (mx(f"10 {MAIL}", state=BOGUS), []),
        (mx(f"10 {MAIL}", state=LOST), []),
    ],
    ids=["null MX", "implicit MX", "named twice", "somebody beside nobody", "insecure", "bogus", "no answer"],
)
def test_mail_goes_where_rfc_5321_and_rfc_7505_say(world: World, endpoints: list[str]) -> None:
    assert hosts(looked(world, "smtp:example.net")) == endpoints


def test_an_unreadable_mail_exchanger_hides_no_other() -> None:
    rrset = RRset(n("example.net."), int(T.MX), 60, frozenset({b"\0", b"\0\x0a" + n(MAIL).to_wire()}))  # type: ignore[operator]  # to_wire without a file gives bytes
    world = World([Validated(n("example.net."), int(T.MX), SECURE, (rrset,))])
    assert hosts(looked(world, "smtp:example.net")) == ["mail.example.net:25/tcp"]


def test_no_more_than_so_many_servers_are_looked_at_and_the_rest_is_counted() -> None:
    found = looked(mx(*(f"10 m{i}.example.net." for i in range(MOST_SERVERS + 3))), "smtp:example.net")
    assert (len(found.endpoints), found.left_out) == (MOST_SERVERS, 3)


def test_a_server_whose_name_has_no_room_for_tlsa_records_is_counted_too() -> None:
    long = ".".join(["a" * 61] * 4) + "."
    found = looked(mx(f"10 {MAIL}", f"20 {long}"), "smtp:example.net")
    assert (hosts(found), found.left_out) == (["mail.example.net:25/tcp"], 1)


def test_a_service_is_found_by_its_srv_records_with_their_ports() -> None:
    """RFC 6186 §3.2, RFC 7673 §3.3."""
    world = World([answer("_imap._tcp.example.net.", "SRV", f"10 0 9143 {MAIL}", f"0 0 143 {MAIL2}"), *HOST])
    found = looked(world, "imap:example.net")
    assert hosts(found) == ["mail2.example.net:143/tcp", "mail.example.net:9143/tcp"]
    assert [str(evidence.owner) for evidence in found.endpoints][1] == "_9143._tcp.mail.example.net."


def test_a_server_on_port_0_is_one_that_nobody_can_look_at() -> None:
    found = looked(World([answer("_imap._tcp.example.net.", "SRV", f"0 0 0 {MAIL}")]), "imap:example.net")
    assert (hosts(found), found.left_out) == ([], 1)


def test_a_server_that_is_named_again_is_looked_at_once_where_it_is_preferred() -> None:
    named_again = (f"10 0 143 {MAIL}", f"5 0 143 {MAIL2}", f"0 0 143 {MAIL}", f"7 9 143 {MAIL2}")
    found = looked(World([answer("_imap._tcp.example.net.", "SRV", *named_again), *HOST]), "imap:example.net")
    assert (hosts(found), found.left_out) == (["mail.example.net:143/tcp", "mail2.example.net:143/tcp"], 0)


@pytest.mark.parametrize(("texts", "endpoints"), [((), ["example.net:143/tcp"]), (("0 0 0 .",), [])])
def test_a_service_without_srv_records_is_on_the_host_and_a_dot_means_there_is_none(
    texts: tuple[str, ...], endpoints: list[str]
) -> None:
    assert hosts(looked(World([answer("_imap._tcp.example.net.", "SRV", *texts)]), "imap:example.net")) == endpoints


def test_a_host_that_is_named_itself_is_not_searched_for() -> None:
    world = World(HOST)
    found = looked(world, "mail.example.net:25")
    assert (hosts(found), found.lookup) == (["mail.example.net:25/tcp"], None)
    assert {type for _, type in world.asked} == {T.A, T.AAAA, T.TLSA}
    assert found.endpoints[0].service is None


# Which names and answers


def test_addresses_are_asked_for_before_records() -> None:
    """Some name servers fail on TLSA; RFC 7672 §2.2.2 wants to know about the addresses first."""
    world = World(HOST)
    looked(world, "mail.example.net:25")
    assert [type for _, type in world.asked] == [T.A, T.AAAA, T.TLSA]


@pytest.mark.parametrize(
    ("aaaa", "asked"), [(LOST, [T.A, T.AAAA]), (SECURE, [T.A, T.AAAA, T.TLSA])], ids=["neither", "one of them"]
)
def test_where_no_address_could_be_learnt_records_are_not_waited_for(aaaa: Security, asked: list[int]) -> None:
    world = World([answer(MAIL, "A", state=LOST), answer(MAIL, "AAAA", state=aaaa)])
    found = looked(world, "mail.example.net:25").endpoints[0]
    assert [type for _, type in world.asked] == asked
    assert (found.tlsa.state is LOST) is (aaaa is LOST)


ALIASED = (answer("www.example.net.", "A", "192.0.2.1", via="host.example."),)
THERE, HERE = "_443._tcp.host.example.", "_443._tcp.www.example.net."


@pytest.mark.parametrize(
    ("records", "base"),
    [
        ((answer(THERE, "TLSA", RECORD), answer(HERE, "TLSA", RECORD)), "host.example."),
        ((answer(HERE, "TLSA", RECORD),), "www.example.net."),
        ((answer(THERE, "TLSA", RECORD, state=INSECURE), answer(HERE, "TLSA", RECORD)), "www.example.net."),
        ((answer(THERE, "TLSA", RECORD, state=BOGUS), answer(HERE, "TLSA", RECORD)), "host.example."),
        ((answer(THERE, "TLSA", state=LOST), answer(HERE, "TLSA", RECORD)), "host.example."),
        ((), "www.example.net."),
    ],
    ids=["both", "the original only", "insecure at the target", "bogus at the target", "no answer", "neither"],
)
def test_the_base_is_the_first_candidate_with_secure_records(records: tuple[Validated, ...], base: str) -> None:
    """RFC 7671 §7; a failed look-up ends the search (RFC 7672 §2.1.2)."""
    found = at("www.example.net", World([*ALIASED, *records]))
    assert found.base == n(base)
    assert [candidate.base for candidate in found.candidates] == [n("host.example."), n("www.example.net.")]


def with_first_link(of: Validated, state: Security) -> Validated:
    link = JudgedLink(of.name, of.type, state)
    return Validated(of.name, of.type, of.state, of.rrsets, of.absence, proof=Proof(NOW, (), (link,)))


@pytest.mark.parametrize(
    ("first", "overall", "initial"),
    [(SECURE, INSECURE, SECURE), (INSECURE, INSECURE, INSECURE), (SECURE, SECURE, SECURE)],
)
def test_the_state_of_the_host_itself_is_kept(first: Security, overall: Security, initial: Security) -> None:
    """RFC 7672 §2.2.2: a secure alias to insecure addresses still has TLSA records of its own."""
    aliased = answer("www.example.net.", "A", "192.0.2.1", via="host.example.", state=overall)
    none = answer("www.example.net.", "AAAA", state=overall)
    found = at("www.example.net", World([with_first_link(aliased, first), with_first_link(none, first)]))
    assert found.initial is initial


def test_every_authoritative_server_is_asked_for_the_records_and_for_the_name_above_them() -> None:
    zone, owner = n("example.net."), n(HERE)
    tlsa = answer(HERE, "TLSA", RECORD)
    proof = Proof(NOW, (), (JudgedLink(owner, int(T.TLSA), SECURE, zone),))
    world = World([Validated(owner, int(T.TLSA), SECURE, tlsa.rrsets, proof=proof)])
    found = at("www.example.net", world)
    assert found.sweep is not None
    assert set(found.sweep.questions(zone)) == {
        Asked(zone, zone, int(T.SOA)),
        Asked(zone, owner, int(T.TLSA)),
        Asked(zone, n("_tcp.www.example.net."), int(T.A)),
    }
    assert [said.serial for said in found.sweep.to(Asked(zone, zone, int(T.SOA)))] == [7, 7]


def test_no_server_is_asked_where_that_is_not_wanted() -> None:
    world = World(HOST)
    assert (at("mail.example.net:25", world, sweeping=False).sweep, world.told) == (None, [])


# Which addresses, as which clients


def hellos(world: World, ip: IP) -> list[Hello]:
    return [hello for _, met, hello in world.met if met == ip]


def test_every_address_meets_every_kind_of_client_ipv6_first() -> None:
    world, base = World(HOST), n(MAIL)
    found = looked(world, "mail.example.net:25").endpoints[0]
    assert list(dict.fromkeys(probe.address for probe in found.probes)) == [SIX, FOUR]
    kinds = [Hello(base), *(Hello(base, None, one) for one in KeyAlgorithm), Hello(base, TLSVersion.TLS12)]
    assert (hellos(world, SIX), hellos(world, FOUR)) == (kinds, kinds)


def test_a_service_domain_is_sent_before_the_base_and_alone_in_xmpp() -> None:
    """RFC 7673 §4.1; in XMPP it is the domain of the stream, and a server need not know another."""
    service, base = n("example.net."), n(MAIL)
    world = World([answer("_imaps._tcp.example.net.", "SRV", f"0 0 993 {MAIL}"), *HOST])
    looked(world, "imaps:example.net")
    assert {hello.sni for hello in hellos(world, SIX)} == {service, base}
    assert hellos(world, SIX)[0] == Hello(service)
    for application, port in (("xmpp-client", 5222), ("xmpps-client", 5223)):
        world = World([answer(f"_{application}._tcp.example.net.", "SRV", f"0 0 {port} {MAIL}"), *HOST])
        looked(world, f"{application}:example.net")
        assert {hello.sni for hello in hellos(world, SIX)} == {service}


def test_a_restricted_client_that_fails_where_another_got_through_lacks_such_a_credential() -> None:
    rsa = Hello(n(MAIL), None, KeyAlgorithm.RSA)
    world = World(HOST, {(SIX, rsa): HandshakeFailure("TLS_ALERT", "handshake_failure")})
    found = looked(world, "mail.example.net:25").endpoints[0]
    assert [probe.got for probe in found.probes if probe.hello == rsa] == [NotOffered(), SHAKEN]


def test_a_server_that_has_enough_of_our_connections_says_nothing_of_what_it_has() -> None:
    """Mail servers count the connections of a client: what one more would have met is not known."""
    rsa = Hello(n(MAIL), None, KeyAlgorithm.RSA)
    world = World(HOST, {(SIX, rsa): HandshakeFailure("STARTTLS_REFUSED", "421 too many connections")})
    found = looked(world, "mail.example.net:25").endpoints[0]
    met = [probe for probe in found.probes if probe.address == SIX]
    assert (met[-1].hello, met[-1].got) == (
        rsa,
        Unreachable("UNREACHABLE", "STARTTLS_REFUSED: 421 too many connections"),
    )


@pytest.mark.parametrize(
    "got",
    [
        Unreachable("TIMEOUT"),
        HandshakeFailure("CONNECTION_REFUSED"),
        HandshakeFailure("STARTTLS_NOT_OFFERED"),
        HandshakeFailure("STARTTLS_REFUSED"),
        HandshakeFailure("NOT_THIS_PROTOCOL"),
    ],
    ids=lambda got: got.code,
)
def test_where_no_client_would_get_on_none_more_is_sent(got: HandshakeFailure | Unreachable) -> None:
    world = World(HOST, {(SIX, None): got})
    found = looked(world, "mail.example.net:25").endpoints[0]
    assert [probe.got for probe in found.probes if probe.address == SIX] == [got]
    assert len(hellos(world, FOUR)) > 1


def test_a_handshake_that_fails_may_succeed_for_another_client() -> None:
    world = World(HOST, {(SIX, Hello(n(MAIL))): HandshakeFailure("TLS_ALERT", "internal_error")})
    found = looked(world, "mail.example.net:25").endpoints[0]
    assert SHAKEN in [probe.got for probe in found.probes if probe.address == SIX]


def test_addresses_of_an_answer_that_is_not_believed_are_not_connected_to() -> None:
    world = World([answer(MAIL, "A", str(FOUR), state=BOGUS), answer(MAIL, "AAAA", str(SIX), state=INSECURE)])
    looked(world, "mail.example.net:25")
    assert {ip for _, ip, _ in world.met} == {SIX}


def test_addresses_that_are_named_take_the_place_of_those_in_the_dns() -> None:
    world, other = World(HOST), ip_address("127.0.0.1")
    looked(world, "mail.example.net:25", addresses=(other,))
    assert {ip for _, ip, _ in world.met} == {other}


@pytest.mark.parametrize(("family", "met", "other"), [(4, FOUR, SIX), (6, SIX, FOUR)])
def test_one_family_may_be_looked_at_alone_and_the_other_is_named(family: Literal[4, 6], met: IP, other: IP) -> None:
    world = World(HOST)
    (found,) = looked(world, "mail.example.net:25", family=family).endpoints
    assert {ip for _, ip, _ in world.met} == {met}
    assert found.other_family == (other,)


def test_no_more_than_so_many_addresses_are_connected_to_and_the_rest_is_named() -> None:
    many = [f"10.0.0.{i}" for i in range(1, MOST_ADDRESSES + 3)]
    world = World([answer(MAIL, "A", *many)])
    found = looked(world, "mail.example.net:25").endpoints[0]
    assert len({ip for _, ip, _ in world.met}) == MOST_ADDRESSES
    assert list(map(str, found.left_out)) == many[MOST_ADDRESSES:]


# Many targets


def all_of(world: World, targets: Iterable[Target]) -> list[tuple[int, Target, Looked]]:
    async def look() -> list[tuple[int, Target, Looked]]:
        return [one async for one in Looker(world.eyes).look_at_all(targets)]

    return asyncio.run(look())


def test_an_endpoint_that_several_targets_lead_to_is_looked_at_once() -> None:
    domains = ["example.net.", "example.org.", "example.com."]
    world = World([*(answer(domain, "MX", f"10 {MAIL}") for domain in domains), *HOST])
    found = all_of(world, [read_target(f"smtp:{domain}") for domain in domains])
    assert len(hellos(world, SIX)) == 4 or len(hellos(world, SIX)) == 2 + len(KeyAlgorithm)
    services = [
        one.endpoints[0].service
        for _, _, one in sorted(found, key=lambda one: one[0])
        if isinstance(one, TargetEvidence)
    ]
    assert services == list(map(n, domains))


def test_a_slow_target_holds_up_nobody() -> None:
    async def story() -> list[int]:
        release = asyncio.Event()
        world, order = World(HOST, slow={n("slow.example."): release}), []
        targets = map(read_target, ["slow.example:443", *(f"host{i}.example:443" for i in range(20))])
        async for place, _, _ in Looker(world.eyes, Looking(at_once=2)).look_at_all(targets):
            order.append(place)
            if len(order) == 20:
                release.set()
        return order

    assert asyncio.run(story()) == [*range(1, 21), 0]


def test_what_cannot_be_looked_at_stands_in_the_place_of_its_evidence() -> None:
    long = read_target(".".join(["a" * 61] * 4) + ":443")
    found = sorted(all_of(World(HOST), [long, read_target("mail.example.net:25")]), key=lambda one: one[0])
    assert isinstance(found[0][2], DanelawError)
    assert found[0][2].code == "NAME_TOO_LONG"
    assert isinstance(found[1][2], TargetEvidence)


def test_targets_are_taken_only_when_there_is_room() -> None:
    taken: list[int] = []

    def endless() -> Iterable[Target]:
        for i in range(1000):
            taken.append(i)
            yield read_target(f"host{i}.example:443")

    async def story() -> None:
        looks = Looker(World().eyes, Looking(at_once=3)).look_at_all(endless())
        await anext(aiter(looks))
        await looks.aclose()  # type: ignore[attr-defined]  # an asynchronous generator is one

    asyncio.run(story())
    assert len(taken) <= 6
