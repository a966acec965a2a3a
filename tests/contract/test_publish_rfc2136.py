"""Dynamic updates at real servers that sign their zone themselves: BIND and Knot."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import dns.name
import pytest
from dns.rcode import Rcode
from dns.rdatatype import RdataType as T
from update_servers import BIND_SIGNS, LOOPBACK, SECRET, ZONE, Server, bind, free_port, knot

from danelaw.adapters.clock import DirectDialer, SystemClock
from danelaw.adapters.publish import tsig
from danelaw.adapters.publish.rfc2136 import TRIES, Primary, Rfc2136Publisher, update
from danelaw.adapters.publish.tsig import TsigKey
from danelaw.adapters.resolve import AuthorityAsker, ForwardingResolver
from danelaw.core.dnssec.anchors import read_anchors
from danelaw.core.dnssec.message import as_answer, read_message, soa_serial
from danelaw.core.model import Absence, Answer, DanelawError, Do53, Message, RRset, Security, Validated, same_content
from danelaw.core.rollover.actions import Conflict, Publish, Receipt
from danelaw.ports import SocketAddress

pytestmark = pytest.mark.slow

R = TypeVar("R")
Require = Callable[..., str]
Outcome = Receipt | Conflict

OWNER = dns.name.from_text("_443._tcp.www.example.net.")
OTHER = dns.name.from_text("_25._tcp.www.example.net.")
CHALLENGE = dns.name.from_text("_acme-challenge.www.example.net.")
ALIAS = dns.name.from_text("alias.example.net.")
MALFORMED = bytes.fromhex("0301019999")
UNKNOWN_TYPE = 65280


def rrset(*ends: int, owner: dns.name.Name = OWNER, ttl: int = 60) -> RRset:
    """TLSA 3 1 1 records, told apart by their last octet."""
    return RRset(owner, T.TLSA, ttl, frozenset(bytes((3, 1, 1)) + bytes(31) + bytes((end,)) for end in ends))


def absent(owner: dns.name.Name = OWNER, type: int = T.TLSA) -> Absence:
    return Absence(owner, type, 60)


NOTHING, ONE, TWO, BOTH = absent(), rrset(1), rrset(2), rrset(1, 2)


@pytest.fixture
def named(tmp_path: Path, require_program: Require) -> Iterator[Server]:
    with bind(require_program("named", package="bind9"), tmp_path) as server:
        yield server


@pytest.fixture(params=["bind", "knot"])
def server(request: pytest.FixtureRequest, tmp_path: Path, require_program: Require) -> Iterator[Server]:
    if request.param == "bind":
        running = bind(require_program("named", package="bind9"), tmp_path)
    else:
        running = knot(require_program("knotd", package="knot"), tmp_path)
    with running as started:
        yield started


@dataclass(frozen=True)
class SkewedClock(SystemClock):
    """This machine's clock, so many seconds wrong."""

    wrong: float

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.wrong)


def publisher(
    server: Server,
    *,
    key: TsigKey | None = None,
    zone: dns.name.Name = ZONE,
    port: int | None = None,
    wrong: float = 0,
    **more: Any,
) -> Rfc2136Publisher:
    key = key or tsig.read_key(server.key_file)
    return Rfc2136Publisher(
        Primary(LOOPBACK, port or server.port, zone, key), DirectDialer(), SkewedClock(wrong), **more
    )


def publish(by: Rfc2136Publisher, expect: Answer, wanted: Answer, zone: dns.name.Name = ZONE) -> Outcome:
    return asyncio.run(by.publish(Publish(zone, expect, wanted)))


def error(by: Rfc2136Publisher, expect: Answer = NOTHING, wanted: Answer = ONE, **more: Any) -> DanelawError:
    with pytest.raises(DanelawError) as caught:
        publish(by, expect, wanted, **more)
    return caught.value


def held(server: Server, owner: dns.name.Name = OWNER, type: int = T.TLSA) -> Answer:
    reply = asyncio.run(_ask(server, owner, type))
    answer = as_answer(reply, owner, type)
    assert answer is not None
    return answer


async def _ask(server: Server, owner: dns.name.Name, type: int) -> Message:
    reply = await AuthorityAsker([], Everywhere(server.port)).ask(LOOPBACK, owner, type)
    assert isinstance(reply, Message), reply
    return reply


def serial(server: Server) -> int:
    found = soa_serial(asyncio.run(_ask(server, ZONE, T.SOA)))
    assert found is not None
    return found


@dataclass(frozen=True)
class Everywhere:
    """``ports.Dialer``: every address is one server."""

    port: int

    def locate(self, ip: object, port: int) -> SocketAddress:
        return (str(LOOPBACK), self.port)


# -- what is published ------------------------------------------------------------------------------------------------


def test_an_rrset_is_made_replaced_and_removed_under_rising_serials(server: Server) -> None:
    by, before = publisher(server), serial(server)
    for expect, wanted in ((NOTHING, ONE), (ONE, BOTH), (BOTH, TWO), (TWO, NOTHING)):
        receipt = publish(by, expect, wanted)
        assert isinstance(receipt, Receipt)
        assert same_content(held(server), wanted)
        assert receipt.serial == serial(server) > before
        before = serial(server)


def test_the_ttl_is_the_one_given_and_may_be_changed_alone(server: Server) -> None:
    publish(publisher(server), NOTHING, ONE)
    assert held(server).ttl == 60
    assert isinstance(publish(publisher(server), ONE, rrset(1, ttl=7)), Receipt)
    assert held(server).ttl == 7


def test_done_again_it_changes_nothing(server: Server) -> None:
    by = publisher(server)
    first = publish(by, NOTHING, ONE)
    again = publish(by, NOTHING, ONE)
    assert isinstance(first, Receipt)
    assert isinstance(again, Receipt)
    assert again.serial == first.serial == serial(server)


@pytest.mark.parametrize(
    ("there", "expect"),
    [(ONE, NOTHING), (ONE, TWO), (ONE, BOTH), (BOTH, ONE), (NOTHING, ONE)],
    ids=["there is one", "another", "fewer", "more", "none"],
)
def test_what_is_not_expected_is_found_and_left(server: Server, there: Answer, expect: Answer) -> None:
    by = publisher(server)
    publish(by, NOTHING, there)
    before = serial(server)
    outcome = publish(by, expect, rrset(9))
    assert isinstance(outcome, Conflict)
    assert same_content(outcome.found, there)
    assert same_content(held(server), there)
    assert serial(server) == before


def test_an_alias_in_the_place_of_the_rrset_is_found(server: Server) -> None:
    outcome = publish(publisher(server), absent(ALIAS), rrset(1, owner=ALIAS))
    assert isinstance(outcome, Conflict)
    assert outcome.found.type == T.CNAME


def test_malformed_records_are_published_as_they_are(server: Server) -> None:
    mixed = RRset(OWNER, T.TLSA, 60, ONE.rdatas | {MALFORMED})
    assert isinstance(publish(publisher(server), NOTHING, mixed), Receipt)
    assert same_content(held(server), mixed)
    assert isinstance(publish(publisher(server), mixed, ONE), Receipt)
    assert same_content(held(server), ONE)


def test_records_of_unknown_types_are_octets(server: Server) -> None:
    unknown = RRset(OWNER, UNKNOWN_TYPE, 60, frozenset({b"\x00\xff", b"abc"}))
    assert isinstance(publish(publisher(server), absent(OWNER, UNKNOWN_TYPE), unknown), Receipt)
    assert same_content(held(server, OWNER, UNKNOWN_TYPE), unknown)


def test_responses_to_dns01_come_and_go(server: Server) -> None:
    texts = (b"x" * 43, b'odd "octets" \x00\xff')
    two = RRset(CHALLENGE, T.TXT, 60, frozenset(bytes((len(text),)) + text for text in texts))
    nothing = absent(CHALLENGE, T.TXT)
    by = publisher(server)
    assert isinstance(publish(by, nothing, two), Receipt)
    assert same_content(held(server, CHALLENGE, T.TXT), two)
    assert isinstance(publish(by, two, nothing), Receipt)
    assert isinstance(held(server, CHALLENGE, T.TXT), Absence)


def test_the_rest_of_the_zone_stays_as_it_was(server: Server) -> None:
    names = ("", "ns1", "www", "_25._tcp.www", "alias", "x.wild")
    types = (T.NS, T.MX, T.A, T.TLSA, T.CNAME, T.TXT, T.DNSKEY)
    places = [(dns.name.from_text(name, ZONE), type) for name in names for type in types]

    def rest() -> list[frozenset[bytes] | None]:
        answers = [held(server, owner, type) for owner, type in places]
        return [answer.rdatas if isinstance(answer, RRset) else None for answer in answers]

    before = rest()
    assert sum(rdatas is not None for rdatas in before) >= 8
    publish(publisher(server), NOTHING, ONE)
    publish(publisher(server), ONE, TWO)
    assert rest() == before


def test_what_the_server_signs_validates(server: Server) -> None:
    def validated(owner: dns.name.Name) -> Validated:
        keys = held(server, ZONE, T.DNSKEY)
        assert isinstance(keys, RRset)
        anchors = read_anchors("".join(f"{ZONE} DNSKEY \\# {len(key)} {key.hex()}\n" for key in keys.rdatas))
        resolver = ForwardingResolver([Do53(LOOPBACK)], Everywhere(server.port), SystemClock(), anchors)
        return asyncio.run(resolver.resolve(owner, T.TLSA))

    by, mixed = publisher(server), RRset(OWNER, T.TLSA, 60, ONE.rdatas | {MALFORMED})
    for expect, wanted in ((NOTHING, ONE), (ONE, mixed)):
        publish(by, expect, wanted)
        secure = validated(OWNER)
        assert secure.state is Security.SECURE, secure.reasons
        assert secure.rrset is not None
        assert same_content(secure.rrset, wanted)
    publish(by, mixed, NOTHING)
    gone = validated(OWNER)
    assert gone.state is Security.SECURE, gone.reasons
    assert gone.absence is not None


@pytest.mark.parametrize(
    ("expect", "wanted"),
    [
        (Absence(ZONE, T.SOA, 60), RRset(ZONE, T.SOA, 60, frozenset({bytes(22)}))),
        (Absence(ZONE, T.DNSKEY, 60), RRset(ZONE, T.DNSKEY, 60, frozenset({b"key"}))),
        (NOTHING, rrset(1, owner=OTHER)),
        (absent(dns.name.from_text("example.org.")), rrset(1, owner=dns.name.from_text("example.org."))),
    ],
    ids=["SOA", "keys", "another name", "out of the zone"],
)
def test_what_is_no_plain_rrset_of_the_zone_is_not_even_asked(named: Server, expect: Answer, wanted: Answer) -> None:
    before = serial(named)
    assert error(publisher(named), expect, wanted).code == "NOT_PUBLISHABLE"
    assert serial(named) == before


# -- updates on their way ---------------------------------------------------------------------------------------------


def overtaken(server: Server, *, age: float = 0) -> tuple[bytes, TsigKey]:
    """An update that was signed, so many seconds ago, for the zone as it stands, and never sent."""
    soa = held(server, ZONE, T.SOA)
    assert isinstance(soa, RRset)
    key = tsig.read_key(server.key_file)
    request = update(Publish(ZONE, NOTHING, TWO), soa, secrets.randbits(16))
    signed, _ = tsig.sign(request, key, datetime.now(UTC) - timedelta(seconds=age), timedelta(seconds=5))
    return signed, key


async def sent(server: Server, wire: bytes) -> Message:
    reader, writer = await asyncio.open_connection(str(LOOPBACK), server.port)
    try:
        writer.write(len(wire).to_bytes(2) + wire)
        return read_message(await reader.readexactly(int.from_bytes(await reader.readexactly(2))))
    finally:
        writer.transport.abort()


def test_an_update_of_the_present_version_lands(server: Server) -> None:
    late, _ = overtaken(server)
    assert asyncio.run(sent(server, late)).rcode == Rcode.NOERROR
    assert same_content(held(server), TWO)


def test_an_update_that_was_overtaken_never_lands(server: Server) -> None:
    """Not even where the RRset has come back to what it expects."""
    late, _ = overtaken(server)
    publish(publisher(server), NOTHING, ONE)
    publish(publisher(server), ONE, NOTHING)
    assert asyncio.run(sent(server, late)).rcode == Rcode.NXRRSET
    assert isinstance(held(server), Absence)


def test_an_update_older_than_its_lifetime_never_lands(server: Server) -> None:
    late, _ = overtaken(server, age=60)
    assert asyncio.run(sent(server, late)).rcode == Rcode.NOTAUTH
    assert isinstance(held(server), Absence)


Hook = Callable[[bytes], Awaitable[bytes | None]]


async def _as_it_is(wire: bytes) -> bytes | None:
    return wire


@dataclass
class Between:
    """Stands between a publisher and its server, by TCP. Hooks see updates only: what goes, and what comes back.

    A hook that returns None loses the message, and then the connection stays open in silence.
    """

    server: Server
    request: Hook = _as_it_is
    reply: Hook = _as_it_is
    updates: list[bytes] = field(default_factory=list)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(str(LOOPBACK), self.server.port)
            wire: bytes | None = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            assert wire is not None
            is_update = wire[2] >> 3 & 0xF == 5
            if is_update:
                self.updates.append(wire)
                wire = await self.request(wire)
            if wire is not None:
                there[1].write(len(wire).to_bytes(2) + wire)
                wire = await there[0].readexactly(int.from_bytes(await there[0].readexactly(2)))
                wire = await self.reply(wire) if is_update else wire
            if wire is None:
                await reader.read()
            else:
                writer.write(len(wire).to_bytes(2) + wire)
                await writer.drain()
            there[1].close()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def publish(self, expect: Answer, wanted: Answer, **more: Any) -> Outcome:
        listener = await asyncio.start_server(self._talk, str(LOOPBACK), 0)
        port = listener.sockets[0].getsockname()[1]
        try:
            return await publisher(self.server, port=port, **more).publish(Publish(ZONE, expect, wanted))
        finally:
            listener.close()


def run(coroutine: Coroutine[Any, Any, R]) -> R:
    return asyncio.run(coroutine)


def meddling(server: Server, *changes: tuple[Answer, Answer]) -> Hook:
    """Another writer, who makes one of these changes just before each update arrives."""
    left = list(changes)

    async def meddle(wire: bytes) -> bytes | None:
        if left:
            await publisher(server).publish(Publish(ZONE, *left.pop(0)))
        return wire

    return meddle


def test_a_change_elsewhere_in_the_zone_makes_it_try_again(server: Server) -> None:
    elsewhere = absent(CHALLENGE), rrset(7, owner=CHALLENGE)
    between = Between(server, meddling(server, elsewhere))
    assert isinstance(run(between.publish(NOTHING, ONE)), Receipt)
    assert len(between.updates) == 2
    assert same_content(held(server), ONE)
    assert same_content(held(server, CHALLENGE), elsewhere[1])


def test_a_zone_that_changes_at_every_try_is_left_after_some(server: Server) -> None:
    versions: list[Answer] = [absent(CHALLENGE), *(rrset(n, owner=CHALLENGE) for n in range(1, TRIES + 1))]
    between = Between(server, meddling(server, *pairwise(versions)))
    with pytest.raises(DanelawError, match="ZONE_BUSY"):
        run(between.publish(NOTHING, ONE))
    assert len(between.updates) == TRIES
    assert isinstance(held(server), Absence)


def test_a_change_of_the_rrset_itself_is_a_conflict(server: Server) -> None:
    outcome = run(Between(server, meddling(server, (NOTHING, TWO))).publish(NOTHING, ONE))
    assert isinstance(outcome, Conflict)
    assert same_content(outcome.found, TWO)
    assert same_content(held(server), TWO)


def test_a_lost_reply_is_a_timeout_and_the_next_try_sees_that_it_was_made(server: Server) -> None:
    async def lose(wire: bytes) -> bytes | None:
        return None

    with pytest.raises(TimeoutError):
        run(Between(server, reply=lose).publish(NOTHING, ONE, patience=timedelta(seconds=3)))
    assert same_content(held(server), ONE)
    again = publish(publisher(server), NOTHING, ONE)
    assert isinstance(again, Receipt)
    assert again.serial == serial(server)


def test_a_reply_that_breaks_off_is_an_error(server: Server) -> None:
    async def shorten(wire: bytes) -> bytes | None:
        raise ConnectionError

    with pytest.raises(DanelawError, match="REPLY_LOST"):
        run(Between(server, reply=shorten).publish(NOTHING, ONE))


def _unsigned(wire: bytes) -> bytes:
    """NOERROR in twelve octets."""
    return wire[:4] + bytes(8)


def _altered(wire: bytes) -> bytes:
    """The RCODE made NXRRSET under the signature of another."""
    return wire[:3] + bytes((wire[3] & 0xF0 | 8,)) + wire[4:]


def _with_another_mac(wire: bytes) -> bytes:
    middle = wire.rindex(tsig.ALGORITHMS["hmac-sha256"].to_wire() or b"") + 13 + 10 + 4
    return wire[:middle] + bytes((wire[middle] ^ 1,)) + wire[middle + 1 :]


def _another_id(wire: bytes) -> bytes:
    return bytes((wire[0] ^ 1,)) + wire[1:]


@pytest.mark.parametrize(
    "damage", [_unsigned, _altered, _with_another_mac, _another_id, lambda wire: wire[:5], lambda wire: wire + b"more"]
)
def test_replies_without_a_right_signature_are_not_believed(named: Server, damage: Callable[[bytes], bytes]) -> None:
    async def forge(wire: bytes) -> bytes | None:
        return damage(wire)

    with pytest.raises(DanelawError, match="REPLY_UNAUTHENTIC"):
        run(Between(named, reply=forge).publish(NOTHING, ONE))


def test_a_reply_to_another_update_is_not_believed(named: Server) -> None:
    """The signature covers the request's (RFC 8945 §5.3)."""
    earlier: list[bytes] = []

    async def replay(wire: bytes) -> bytes | None:
        earlier.append(wire)
        return wire[:2] + earlier[0][2:] if len(earlier) > 1 else wire

    between = Between(named, reply=replay)
    assert isinstance(run(between.publish(NOTHING, ONE)), Receipt)
    with pytest.raises(DanelawError, match="REPLY_UNAUTHENTIC"):
        run(between.publish(ONE, TWO))


# -- what servers refuse ----------------------------------------------------------------------------------------------


def key_of(name: str = "ddns", secret: bytes = b"", algorithm: str = "hmac-sha256") -> TsigKey:
    decoded = secret or base64.b64decode(SECRET)
    return TsigKey(dns.name.from_text(name), tsig.ALGORITHMS[algorithm], decoded)


@pytest.mark.parametrize(
    "key",
    [key_of("nobody"), key_of(secret=b"another secret"), key_of(algorithm="hmac-sha512")],
    ids=["unknown name", "other secret", "other algorithm"],
)
def test_a_key_that_the_server_does_not_share_is_rejected(server: Server, key: TsigKey) -> None:
    rejected = error(publisher(server, key=key))
    assert rejected.code == "TSIG_REJECTED"
    assert rejected.hint
    assert isinstance(held(server), Absence)


def test_a_key_that_may_not_change_the_zone_is_refused(named: Server) -> None:
    refused = error(publisher(named, key=key_of("stranger")))
    assert (refused.code, refused.evidence) == ("UPDATE_REFUSED", "REFUSED")
    assert "update-policy" in refused.hint
    assert isinstance(held(named), Absence)


@pytest.mark.parametrize("wrong", [-3600.0, 3600.0])
def test_clocks_that_disagree_are_named(server: Server, wrong: float) -> None:
    assert error(publisher(server, wrong=wrong)).code == "CLOCK_WRONG"
    assert isinstance(held(server), Absence)


def test_clocks_may_differ_by_as_much_as_an_update_lives(server: Server) -> None:
    assert error(publisher(server, wrong=-60, lifetime=timedelta(seconds=30))).code == "CLOCK_WRONG"
    assert isinstance(publish(publisher(server, wrong=-60), NOTHING, ONE), Receipt)


def test_a_server_of_other_zones_is_refused(named: Server) -> None:
    elsewhere = dns.name.from_text("example.org.")
    owner = dns.name.from_text("_443._tcp.example.org.")
    by = publisher(named, zone=elsewhere)
    assert error(by, absent(owner), rrset(1, owner=owner), zone=elsewhere).code == "UPDATE_REFUSED"


def test_a_zone_below_the_one_served_is_no_zone(named: Server) -> None:
    below = dns.name.from_text("www.example.net.")
    assert error(publisher(named, zone=below), zone=below).code == "PRIMARY_UNUSABLE"


def test_where_nothing_listens_it_says_so(named: Server) -> None:
    assert error(publisher(named, port=free_port())).code == "PRIMARY_UNREACHABLE"


def test_an_address_outside_the_world_is_an_error(named: Server) -> None:
    class Closed:
        def locate(self, ip: object, port: int) -> SocketAddress:
            raise DanelawError("NOT_IN_THIS_WORLD", f"nothing is at {ip}")

    primary = Primary(ip_address("192.0.2.1"), 53, ZONE, tsig.read_key(named.key_file))
    assert error(Rfc2136Publisher(primary, Closed(), SystemClock())).code == "NOT_IN_THIS_WORLD"


# -- servers that update one zone and serve another -------------------------------------------------------------------


def test_a_zone_signed_into_a_copy_cannot_be_updated_safely(tmp_path: Path, require_program: Require) -> None:
    """With BIND's inline signing the SOA that is served is not that of the zone which is updated."""
    program = require_program("named", package="bind9")
    with bind(program, tmp_path, BIND_SIGNS.replace("inline-signing no", "inline-signing yes")) as server:
        without = error(publisher(server))
        assert without.code == "UPDATE_WITHOUT_EFFECT"
        assert "inline-signing" in without.hint
        assert isinstance(held(server), Absence)


def test_a_server_that_lowers_ttls_is_told_by_the_option_that_does_it(tmp_path: Path, require_program: Require) -> None:
    """BIND: no TTL of an update may be above ``max-zone-ttl``; a roll would count with another one."""
    program = require_program("named", package="bind9")
    policy = 'dnssec-policy "short" { keys { csk lifetime unlimited algorithm ecdsap256sha256; }; max-zone-ttl 300; };'
    zone = BIND_SIGNS.replace("dnssec-policy default", 'dnssec-policy "short"')
    with bind(program, tmp_path, zone, policy=policy) as server:
        lowered = error(publisher(server), wanted=replace(ONE, ttl=3600))
        assert lowered.code == "UPDATE_WITHOUT_EFFECT"
        assert "TTL 300, not 3600" in lowered.evidence
        assert "max-zone-ttl" in lowered.hint
        assert "tlsa_ttl be 300" in lowered.hint


def test_a_name_under_a_wildcard_is_not_mistaken_for_its_own(named: Server) -> None:
    """What is served there comes of the wildcard, and no prerequisite can name it."""
    owner = dns.name.from_text("x.wild.example.net.")
    found = held(named, owner, T.TXT)
    assert isinstance(found, RRset)
    wanted = replace(found, rdatas=frozenset({b"\x03own"}), rrsigs=frozenset())
    assert error(publisher(named), found, wanted).code == "UPDATE_WITHOUT_EFFECT"
    assert same_content(held(named, owner, T.TXT), found)
