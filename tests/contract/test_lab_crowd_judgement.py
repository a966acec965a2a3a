"""The crowd really validates: what is wrong is refused for the reason that it is wrong for, and nothing else is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.name
import dns.rdata
import dns.rrset
import pytest
from dns.rdataclass import IN
from dns.rdatatype import AAAA, DS, NSEC, RRSIG, TLSA, A, RdataType
from lab_crowd_world import HOST, NET, NS1, NS2, OWNER, ROOT, WEB1, WEB2, Issuer, Tamper, World, ZoneKey, signed

from danelaw.worlds.lab.crowd import KINDS, Connection, Kind, Outcome, Over, Reason, tls
from danelaw.worlds.lab.crowd.cache import Cache
from danelaw.worlds.lab.crowd.client import AGILE, BROWSER, FRUGAL, PLAIN, STRETCHING, Client
from danelaw.worlds.lab.crowd.dane import Means
from danelaw.worlds.lab.crowd.reasons import RefusedError
from danelaw.worlds.lab.crowd.resolver import Cut, Resolver, read_anchors

pytestmark = pytest.mark.slow


class Hand:
    """A monotonic clock that moves by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def make_client(world: World, kind: Kind = AGILE, clock: Callable[[], float] | None = None, seed: int = 0) -> Client:
    rng = random.Random(seed)  # noqa: S311  # picks addresses; nothing secret hangs on it
    root = Cut(dns.name.root, (ROOT,), read_anchors(world.anchor))
    resolver = Resolver(Cache(clock or Hand(), kind.stretch), root, world.locate, rng)
    roots = (world.issuer.certificate,)
    host = dns.name.from_text(HOST)
    return Client(0, kind, host, 443, resolver, world.locate, roots, tls.context(), rng)


def one_connection(world: World, kind: Kind = AGILE) -> Connection:
    async def run() -> Connection:
        async with world.running():
            return await make_client(world, kind).connect("a scene")

    return asyncio.run(run())


def accepted_over(connection: Connection) -> Over | Reason | None:
    """What it was accepted over; the reason if it was not."""
    return connection.over if connection.outcome is Outcome.ACCEPTED else connection.reason


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def changing(type: RdataType, change: Callable[[dns.rrset.RRset], dns.rrset.RRset | None]) -> Tamper:
    """A reply with each RRset of one type changed, or taken out; RRSIGs are asked for by the type they cover."""

    def tamper(message: dns.message.Message) -> dns.message.Message:
        for section in (message.answer, message.authority):
            section[:] = [
                new for old in section for new in [change(old) if old.rdtype == type else old] if new is not None
            ]
        return message

    return tamper


def unsigned(message: dns.message.Message) -> dns.message.Message:
    return changing(RRSIG, lambda _: None)(message)


def flipped(rrset: dns.rrset.RRset) -> dns.rrset.RRset:
    """The last bit of the first rdata, flipped."""
    first, *others = rrset
    wire = first.to_wire()
    assert wire is not None
    wire = wire[:-1] + bytes([wire[-1] ^ 1])
    return dns.rrset.from_rdata_list(
        rrset.name, rrset.ttl, [dns.rdata.from_wire(IN, rrset.rdtype, wire, 0, len(wire)), *others]
    )


# -- what is right is accepted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
@pytest.mark.parametrize(("usage", "depth"), [(3, 0), (2, 1)])
def test_every_kind_of_client_accepts_a_chain_that_the_records_match(
    world: World, kind: Kind, usage: int, depth: int
) -> None:
    world.serve(world.zone(world.credential.tlsa(usage, depth=depth)))
    connection = one_connection(world, kind)
    assert (connection.outcome, connection.over, connection.reason) == (Outcome.ACCEPTED, Over.DANE, None)
    assert connection.looked_up is not None
    assert connection.started <= connection.looked_up <= connection.finished
    assert len(connection.chain) == 2
    assert connection.address in (WEB1, WEB2)


@pytest.mark.parametrize("kind", [AGILE, BROWSER], ids=lambda kind: kind.label)
def test_where_tlsa_is_proven_absent_the_roots_decide(world: World, kind: Kind) -> None:
    connection = one_connection(world, kind)
    assert (connection.outcome, connection.over) == (Outcome.ACCEPTED, Over.PKIX)


def test_in_a_zone_without_ds_tlsa_records_count_for_nothing(world: World) -> None:
    world.authorities[NET].zone = world.parent(None)
    world.serve(world.zone(world.issuer.issue().tlsa(), key=None))
    connection = one_connection(world)
    assert (connection.outcome, connection.over) == (Outcome.ACCEPTED, Over.PKIX)


def test_a_signed_zone_without_ds_is_insecure_not_bogus(world: World) -> None:
    world.authorities[NET].zone = world.parent(None)
    world.serve(world.zone(expired=True))
    assert accepted_over(one_connection(world)) is Over.PKIX


def test_usage_3_heeds_neither_names_nor_dates(world: World) -> None:
    """RFC 7671 §5.1."""
    world.credential = Issuer.make("Unknown").issue("other.example", days=-1)
    world.serve(world.zone(world.credential.tlsa(3)))
    assert accepted_over(one_connection(world)) is Over.DANE


def test_a_reply_cut_short_is_asked_for_again_over_tcp(world: World) -> None:
    world.serve(world.zone(world.credential.tlsa()))
    for authority in world.authorities.values():
        authority.cut_short = True
    assert accepted_over(one_connection(world)) is Over.DANE


def test_a_silent_authority_leads_to_the_other(world: World) -> None:
    world.serve(world.zone(world.credential.tlsa()))
    world.authorities[NS1].silent = True
    assert accepted_over(one_connection(world)) is Over.DANE


def test_the_tlsa_of_a_secure_alias_target_is_tried_first(world: World) -> None:
    """RFC 7671 §7."""
    alias = f"_443._tcp.www TLSA {world.issuer.issue().tlsa()}\n"
    extra = f"real A {WEB1}\nreal AAAA {WEB2}\n_443._tcp.real TLSA {world.credential.tlsa()}\nwww CNAME real\n" + alias
    text = f"@ NS ns1\nns1 A {NS1}\n{extra}"
    world.serve(signed("example.net.", text, world.keys["example.net."]))
    assert accepted_over(one_connection(world)) is Over.DANE


# -- what is wrong is refused ------------------------------------------------------------------------------------------


def stranger(world: World) -> None:
    world.serve(world.zone(world.issuer.issue().tlsa()))


def flip_tlsa(world: World) -> None:
    world.tamper(changing(TLSA, flipped))


def strip_rrsigs(world: World) -> None:
    world.tamper(unsigned)


def strip_the_tlsa(world: World) -> None:
    """The records are taken out of the answer and nothing is put in their place."""
    world.tamper(changing(TLSA, lambda _: None))


def unsign_the_zone(world: World) -> None:
    world.serve(world.zone(world.credential.tlsa(), key=None))


def swap_the_ds(world: World) -> None:
    world.authorities[NET].zone = world.parent(ZoneKey.make().ds("example.net."))


def flip_the_ds(world: World) -> None:
    world.authorities[NET].tamper = changing(DS, flipped)


def strip_the_ds(world: World) -> None:
    """What would make a signed zone look unsigned."""

    def tamper(message: dns.message.Message) -> dns.message.Message:
        covered = [rrset for rrset in message.authority if rrset.covers == DS or rrset.rdtype == DS]
        for rrset in covered:
            message.authority.remove(rrset)
        return message

    world.authorities[NET].tamper = tamper


def expire(world: World) -> None:
    world.serve(world.zone(world.credential.tlsa(), expired=True))


def sign_with_another_key(world: World) -> None:
    world.keys["other"] = ZoneKey.make()
    world.serve(world.zone(world.credential.tlsa(), key="other"))


def deny_falsely(world: World) -> None:
    """NODATA for the TLSA, with a true, signed NSEC of another name."""
    zone = world.authorities[NS1].zone

    def tamper(message: dns.message.Message) -> dns.message.Message:
        if message.question[0].rdtype != TLSA:
            return message
        message.answer.clear()
        owner = dns.name.from_text("ns1.example.net")
        for found in (zone.get_rdataset(owner, NSEC), zone.get_rdataset(owner, RRSIG, covers=NSEC)):
            assert found is not None
            message.authority.append(dns.rrset.from_rdata_list(owner, found.ttl, list(found)))
        return message

    world.tamper(tamper)


def deny_with_its_own_nsec(world: World) -> None:
    """NODATA with the very NSEC whose bit map says that the TLSA is there."""
    zone = world.authorities[NS1].zone

    def tamper(message: dns.message.Message) -> dns.message.Message:
        if message.question[0].rdtype == TLSA:
            message.answer.clear()
            for found in (zone.get_rdataset(OWNER, NSEC), zone.get_rdataset(OWNER, RRSIG, covers=NSEC)):
                assert found is not None
                message.authority.append(dns.rrset.from_rdata_list(OWNER, found.ttl, list(found)))
        return message

    world.tamper(tamper)


def deny_unsigned(world: World) -> None:
    """NODATA as a server of the unsigned zone gives it: an SOA, and nothing else."""

    def tamper(message: dns.message.Message) -> dns.message.Message:
        if message.question[0].rdtype == TLSA:
            message.authority[:] = [rrset for rrset in message.authority if rrset.rdtype not in (NSEC, RRSIG)]
        return message

    world.serve(world.zone())
    world.tamper(tamper)


def silence(world: World) -> None:
    world.authorities[NS1].silent = world.authorities[NS2].silent = True


def close_tls(world: World) -> None:
    world.locate = lambda address, port: World.locate(world, address, 1 if port == 443 else port)  # type: ignore[method-assign]  # one test's closed port


@pytest.mark.parametrize("kind", [AGILE, BROWSER], ids=lambda kind: kind.label)
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (stranger, Reason.TLSA_MISMATCH),
        (flip_tlsa, Reason.BOGUS_SIGNATURE),
        (strip_rrsigs, Reason.SIGNATURE_MISSING),
        (strip_the_tlsa, Reason.DENIAL_INVALID),
        (unsign_the_zone, Reason.SIGNATURE_MISSING),
        (swap_the_ds, Reason.DS_MISMATCH),
        (flip_the_ds, Reason.BOGUS_SIGNATURE),
        (strip_the_ds, Reason.DENIAL_INVALID),
        (expire, Reason.SIGNATURE_EXPIRED),
        (sign_with_another_key, Reason.DS_MISMATCH),
        (deny_falsely, Reason.DENIAL_INVALID),
        (deny_with_its_own_nsec, Reason.DENIAL_INVALID),
        (deny_unsigned, Reason.SIGNATURE_MISSING),
        (silence, Reason.NO_ANSWER),
        (close_tls, Reason.CONNECTION_REFUSED),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_what_is_wrong_is_refused_with_its_reason(
    world: World, kind: Kind, wrong: Callable[[World], None], reason: Reason
) -> None:
    world.serve(world.zone(world.credential.tlsa()))
    wrong(world)
    connection = one_connection(world, kind)
    assert (connection.outcome, connection.reason) == (Outcome.REFUSED, reason), connection.detail
    assert connection.detail


def test_the_wrong_chain_on_one_of_two_addresses_is_refused_there_and_only_there(world: World) -> None:
    world.serve(world.zone(world.credential.tlsa()))

    async def run() -> list[Connection]:
        async with world.running():
            world.present(world.issuer.issue(), WEB2)
            client = make_client(world)
            return [await client.connect("") for _ in range(12)]

    connections = asyncio.run(run())
    assert {(one.address, one.reason) for one in connections} == {(WEB1, None), (WEB2, Reason.TLSA_MISMATCH)}


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        (lambda world: world.issuer.issue("other.example"), Reason.PKIX_NAME),
        (lambda world: world.issuer.issue(days=-1), Reason.PKIX_EXPIRED),
        (lambda world: Issuer.make("Unknown").issue(), Reason.PKIX_UNTRUSTED),
    ],
    ids=["name", "dates", "root"],
)
@pytest.mark.parametrize("usage", [None, 0, 1])
def test_without_dane_and_under_usages_0_and_1_the_roots_are_strict(
    world: World, credential: Callable[[World], object], reason: Reason, usage: int | None
) -> None:
    made = credential(world)
    world.credential = made  # type: ignore[assignment]  # each case's lambda makes a Credential
    if usage is not None:
        world.serve(world.zone(world.credential.tlsa(usage, depth=1 - usage)))
    connection = one_connection(world)
    assert (connection.outcome, connection.reason) == (Outcome.REFUSED, reason)


@pytest.mark.parametrize(
    ("host", "days", "reason"),
    [("other.example", 10.0, Reason.DANE_NAME), (HOST, -1.0, Reason.DANE_EXPIRED)],
)
def test_usage_2_heeds_names_and_dates(world: World, host: str, days: float, reason: Reason) -> None:
    """RFC 7671 §5.2."""
    world.credential = Issuer.make("Unknown").issue(host, days)
    world.serve(world.zone(world.credential.tlsa(2, depth=1)))
    assert one_connection(world).reason is reason


@pytest.mark.parametrize(("matching", "accepted"), [(0, True), (1, False)])
def test_an_anchor_that_is_not_presented_counts_only_if_dns_holds_it_whole(
    world: World, matching: int, accepted: bool
) -> None:
    """RFC 7671 §5.2.2."""
    whole = world.credential
    world.serve(world.zone(whole.tlsa(2, 0, matching, depth=1)))
    world.credential = replace(whole, chain=whole.chain[:1])
    connection = one_connection(world)
    assert (connection.reason is None) is accepted
    if not accepted:
        assert connection.reason is Reason.TLSA_MISMATCH


# -- what clients differ in --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(AGILE, Reason.TLSA_MISMATCH), (PLAIN, None), (FRUGAL, None)],
    ids=["agile", "plain", "frugal"],
)
def test_only_an_agile_client_minds_a_stale_stronger_digest(world: World, kind: Kind, reason: Reason | None) -> None:
    """RFC 7671 §8, §9: SHA-256 of the new key beside SHA-512 of the old."""
    world.serve(world.zone(world.credential.tlsa(), world.issuer.issue().tlsa(matching=2)))
    assert one_connection(world, kind).reason is reason


def test_records_that_a_client_cannot_use_are_as_if_absent(world: World) -> None:
    """RFC 6698 §4.1: SHA-512 alone, for a client without SHA-512."""
    world.serve(world.zone(world.issuer.issue().tlsa(matching=2)))
    assert accepted_over(one_connection(world, FRUGAL)) is Over.PKIX


def test_a_client_without_pkix_takes_usage_1_for_unusable(world: World) -> None:
    world.serve(world.zone(world.issuer.issue().tlsa(1)))
    assert accepted_over(one_connection(world, Kind("no pkix", Means(pkix=False)))) is Over.PKIX


# -- plain HTTP --------------------------------------------------------------------------------------------------------


def test_with_nothing_on_the_tls_port_and_no_tlsa_a_client_goes_on_in_plain_http(world: World) -> None:
    async def run() -> tuple[Connection, Connection]:
        async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        async with world.running():
            del world.places[WEB1, 443], world.places[WEB2, 443]
            nothing = await make_client(world).connect("")
            server = await asyncio.start_server(page, "127.0.0.1", 0)
            world.places[WEB1, 80] = world.places[WEB2, 80] = server.sockets[0].getsockname()
            plain = await make_client(world).connect("")
            server.close()
            return nothing, plain

    nothing, plain = asyncio.run(run())
    assert (nothing.outcome, nothing.reason) == (Outcome.NO_SERVICE, Reason.CLOSED)
    assert (plain.outcome, plain.over) == (Outcome.ACCEPTED, Over.HTTP)


def test_a_server_that_speaks_no_tls_is_refused(world: World) -> None:
    async def run() -> Connection:
        async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 what?\r\n")
            writer.close()

        async with world.running():
            server = await asyncio.start_server(rude, "127.0.0.1", 0)
            world.places[WEB1, 443] = world.places[WEB2, 443] = server.sockets[0].getsockname()
            connection = await make_client(world).connect("")
            server.close()
            return connection

    connection = asyncio.run(run())
    assert (connection.outcome, connection.reason) == (Outcome.REFUSED, Reason.TLS_FAILED)


# -- caches ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "ttls"), [(AGILE, 1), (BROWSER, 1), (STRETCHING, 2)], ids=["agile", "browser", "stretching"]
)
def test_an_old_tlsa_is_used_until_its_ttl_has_run_out_and_no_longer(world: World, kind: Kind, ttls: int) -> None:
    """The TTL is 4 s; a stretching client holds on for two of them."""
    new = world.issuer.issue()
    world.serve(world.zone(world.credential.tlsa()))

    async def run() -> list[Reason | None]:
        clock = Hand()
        async with world.running():
            client = make_client(world, kind, clock)
            reasons = [(await client.connect("")).reason]
            world.serve(world.zone(new.tlsa()))
            world.present(new)
            for age in (0.0, 4.0 * ttls - 0.01, 4.0 * ttls):
                clock.seconds = 1000.0 + age
                reasons.append((await client.connect("")).reason)
            return reasons

    assert asyncio.run(run()) == [None, Reason.TLSA_MISMATCH, Reason.TLSA_MISMATCH, None]


def test_a_denial_is_held_for_its_ttl(world: World) -> None:
    async def run() -> list[Over | Reason | None]:
        clock = Hand()
        async with world.running():
            client = make_client(world, AGILE, clock)
            over = [accepted_over(await client.connect(""))]
            world.serve(world.zone(world.credential.tlsa()))
            for age in (3.99, 4.0):
                clock.seconds = 1000.0 + age
                over.append(accepted_over(await client.connect("")))
            return over

    assert asyncio.run(run()) == [Over.PKIX, Over.PKIX, Over.DANE]


@pytest.mark.parametrize("key", ["example.net.", None], ids=["signed", "unsigned"])
def test_a_denial_is_not_asked_for_again_before_its_ttl_has_run_out(world: World, key: str | None) -> None:
    """RFC 2308 §5: the SOA's MINIMUM, 4 s."""
    if key is None:
        world.authorities[NET].zone = world.parent(None)
    world.serve(world.zone(key=key))

    async def run() -> list[int]:
        clock = Hand()
        counts = []
        async with world.running():
            client = make_client(world, AGILE, clock)
            for age in (0.0, 3.99, 4.0):
                clock.seconds = 1000.0 + age
                await client.connect("")
                asked = [query for at in (NS1, NS2) for query in world.authorities[at].queries]
                counts.append(asked.count(f"{OWNER} TLSA"))
        return counts

    assert asyncio.run(run()) == [1, 1, 2]


def test_old_zone_keys_are_held_too(world: World) -> None:
    """A key exchanged at once for another is refused as long as the old one is cached (I2 of the safety model)."""
    world.serve(world.zone(world.credential.tlsa()))

    async def run() -> list[Reason | None]:
        clock = Hand()
        async with world.running():
            client = make_client(world, AGILE, clock)
            reasons = [(await client.connect("")).reason]
            clock.seconds += 3
            await client.resolver.resolve(dns.name.from_text("ns1.example.net"), AAAA)
            key = world.keys["example.net."] = ZoneKey.make()
            world.serve(world.zone(world.credential.tlsa()))
            world.authorities[NET].zone = world.parent(key.ds("example.net."))
            with pytest.raises(RefusedError) as refused:
                await client.resolver.resolve(dns.name.from_text("ns2.example.net"), A)
            assert refused.value.reason is Reason.BOGUS_SIGNATURE
            clock.seconds += 5
            reasons.append((await client.connect("")).reason)
            return reasons

    assert asyncio.run(run()) == [None, None]


def test_within_the_ttl_nothing_is_asked_again(world: World) -> None:
    world.serve(world.zone(world.credential.tlsa()))

    async def run() -> tuple[list[str], list[str]]:
        async with world.running():
            client = make_client(world)

            def asked() -> list[str]:
                return [query for authority in world.authorities.values() for query in authority.queries]

            await client.connect("")
            first = asked()
            await client.connect("")
            return first, asked()

    first, both = asyncio.run(run())
    assert first == both
    assert len(first) == len(set(first)) + 2  # the first question is put to the root, to net and to the zone
