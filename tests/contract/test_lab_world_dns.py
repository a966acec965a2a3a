"""The DNS of the embedded world, asked over its sockets. ``delv`` (BIND 9) and dnspython judge its DNSSEC."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rrset
import pytest
from dns.rdataclass import IN
from dns.rdatatype import RdataType

from danelaw.core.model import IP, Absence, DanelawError, RRset
from danelaw.core.rollover.actions import Conflict, Receipt, SubmitDS
from danelaw.worlds.lab.embedded import (
    NET_SERVER,
    PRIMARY,
    RELOAD_ZONE,
    ROOT_SERVER,
    SECONDARY,
    EmbeddedWorld,
)
from danelaw.worlds.lab.operator_files import ZONE
from danelaw.worlds.lab.signing import ParentKeys, sign
from danelaw.worlds.lab.zone_answers import ServedZone

pytestmark = pytest.mark.slow

LIMIT = timedelta(seconds=5)

RECORDS = """
@ 2 SOA ns1 research.apnic.net. {serial} 2 1 604800 1
@ 2 NS ns1
@ 2 NS ns2
ns1 2 A 192.0.2.11
ns2 2 A 192.0.2.12
www 2 A 192.0.2.80
_443._tcp.www 2 TLSA 3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
alias 2 CNAME www
far 2 CNAME a.gtld-servers.net.
*.wild 2 TXT "expanded"
sub 2 NS ns.sub
ns.sub 2 A 192.0.2.99
big 2 TXT {big}
"""


def in_world(directory: Path, story: Callable[[EmbeddedWorld], Awaitable[None]], *, lag: float = 0.0) -> None:
    async def run() -> None:
        async with EmbeddedWorld(directory / "lab", lag=lag) as world:
            await story(world)

    asyncio.run(run())


async def ask(
    world: EmbeddedWorld,
    ip: IP,
    name: str,
    type: str,
    *,
    dnssec: bool = True,
    over: Callable[..., Coroutine[Any, Any, dns.message.Message]] = dns.asyncquery.udp,
    payload: int = 1232,
) -> dns.message.Message:
    host, port = world.dialer.locate(ip, 53)
    query = dns.message.make_query(name, type, want_dnssec=dnssec, payload=payload)
    return await over(query, host, port=port, timeout=60)


async def serial_at(world: EmbeddedWorld, ip: IP) -> int:
    soa = (await ask(world, ip, "dotnxdomain.net.", "SOA")).answer[0][0]
    serial: int = soa.serial
    return serial


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110  # the condition is at a server, which has no event to wait for
            await asyncio.sleep(0.01)


def in_section(section: list[dns.rrset.RRset], name: str, type: RdataType) -> dns.rrset.RRset | None:
    return next((r for r in section if r.name == dns.name.from_text(name) and r.rdtype == type), None)


def signed(serial: int, keys: ParentKeys) -> ServedZone:
    big = " ".join(f'"{"x" * 250}"' for _ in range(8))
    return sign(ZONE, RECORDS.format(serial=serial, big=big).splitlines(), keys, datetime.now(UTC))


def put(world: EmbeddedWorld, zone: ServedZone) -> None:
    zone.zone.to_file(str(world.served_zone_file), relativize=False)


async def reload_zone(world: EmbeddedWorld) -> int:
    return (await world.commands.run(RELOAD_ZONE, LIMIT)).status


def ds_of(keys: ParentKeys) -> RRset:
    rdata = dns.rdata.from_text(IN, RdataType.DS, keys.ds(ZONE)).to_wire()
    assert rdata is not None
    return RRset(ZONE, RdataType.DS, 1, frozenset({rdata}))


async def sign_and_hand_over(world: EmbeddedWorld) -> ParentKeys:
    keys = ParentKeys.make()
    put(world, signed(2016122203, keys))
    assert await reload_zone(world) == 0
    change = SubmitDS(ZONE, Absence(ZONE, RdataType.DS, 1), ds_of(keys))
    assert isinstance(await world.parents[ZONE].submit_ds(change), Receipt)
    return keys


async def delv(world: EmbeddedWorld, program: str, name: str, type: str) -> str:
    anchor = world.directory / f"anchor.{name}.{type}"
    _, _, _, _, tag, algorithm, digest_type, *digest = world.trust_anchors.split()
    anchor.write_text(
        f'trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} "{"".join(digest)}"; }};', encoding="utf-8"
    )
    host, port = world.dialer.locate(*world.forwarder)
    process = await asyncio.create_subprocess_exec(
        program, f"@{host}", "-p", str(port), "-a", str(anchor), "+root=.", name, type,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()


# -- the first day ----------------------------------------------------------------------------------------------


def test_the_zone_is_unsigned_at_first_and_both_authorities_have_it(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        for ip in (PRIMARY, SECONDARY):
            reply = await ask(world, ip, "www.dotnxdomain.net.", "AAAA")
            assert reply.flags & dns.flags.AA
            assert not reply.flags & dns.flags.RA
            assert [rrset.rdtype for rrset in reply.answer] == [RdataType.AAAA]
            assert (await ask(world, ip, "dotnxdomain.net.", "DNSKEY")).answer == []
            assert await serial_at(world, ip) == 2016122202

    in_world(tmp_path, story)


def test_the_parent_refers_and_proves_that_there_is_no_ds(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        reply = await ask(world, NET_SERVER, "www.dotnxdomain.net.", "A")
        assert not reply.flags & dns.flags.AA
        assert reply.answer == []
        assert in_section(reply.authority, "dotnxdomain.net.", RdataType.NS) is not None
        assert in_section(reply.additional, "ns2.dotnxdomain.net.", RdataType.A) is not None
        nsec = in_section(reply.authority, "dotnxdomain.net.", RdataType.NSEC)
        rrsig = in_section(reply.authority, "dotnxdomain.net.", RdataType.RRSIG)
        keys = (await ask(world, NET_SERVER, "net.", "DNSKEY")).answer[0]
        assert nsec is not None
        assert rrsig is not None
        dns.dnssec.validate(nsec, rrsig, {dns.name.from_text("net."): keys})
        assert "DS" not in nsec[0].to_text().split()
        assert "NS" in nsec[0].to_text().split()

    in_world(tmp_path, story)


def test_a_plain_client_gets_no_dnssec_records(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        reply = await ask(world, ROOT_SERVER, "net.", "SOA", dnssec=False)
        types = {rrset.rdtype for rrset in [*reply.answer, *reply.authority]}
        assert types == {RdataType.NS}

    in_world(tmp_path, story)


def test_questions_outside_of_the_zone_are_refused(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        assert (await ask(world, PRIMARY, "example.org.", "A")).rcode() == dns.rcode.REFUSED

    in_world(tmp_path, story)


@pytest.mark.parametrize(
    "octets",
    [b"", b"\0" * 11, bytes.fromhex("1234 8180 0001 0000 0000 0000")],
    ids=["empty", "short", "a reply"],
)
def test_what_is_no_query_gets_no_reply_and_harms_nobody(tmp_path: Path, octets: bytes) -> None:
    async def story(world: EmbeddedWorld) -> None:
        loop = asyncio.get_running_loop()
        got: list[bytes] = []

        class Mute(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                got.append(data)

        address = world.dialer.locate(PRIMARY, 53)
        transport, _ = await loop.create_datagram_endpoint(Mute, remote_addr=address)
        transport.sendto(octets)
        assert await serial_at(world, PRIMARY) == 2016122202
        transport.close()
        assert got == []

    in_world(tmp_path, story)


# -- versions of the zone -----------------------------------------------------------------------------------------


def test_the_secondary_follows_after_its_lag(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        keys = ParentKeys.make()
        put(world, signed(2016122203, keys))
        began = time.monotonic()
        assert await reload_zone(world) == 0
        assert await serial_at(world, PRIMARY) == 2016122203
        assert await serial_at(world, SECONDARY) == 2016122202

        async def caught_up() -> bool:
            return await serial_at(world, SECONDARY) == 2016122203

        await until(caught_up)
        assert time.monotonic() - began >= 2

    in_world(tmp_path, story, lag=2)


@pytest.mark.parametrize(
    ("serial", "followed"),
    [(2016122203, True), (2016122202, False), (2016122201, False), (2016122202 + 2**31 - 1, True), (1, True)],
    ids=["one more", "the same", "one less", "half the circle less one", "beyond the wrap: RFC 1982 §3.2"],
)
def test_the_secondary_takes_over_higher_serials_only(tmp_path: Path, serial: int, followed: bool) -> None:
    async def story(world: EmbeddedWorld) -> None:
        start = 4294967295 if serial == 1 else 2016122202
        put(world, signed(start, ParentKeys.make()))
        assert await reload_zone(world) == 0
        world.secondary.restore()
        put(world, signed(serial, ParentKeys.make()))
        assert await reload_zone(world) == 0
        assert await serial_at(world, PRIMARY) == serial  # a round trip: the secondary has looked, its lag is none
        assert (world.secondary.zone is world.primary.zone) == followed
        assert await serial_at(world, SECONDARY) == (serial if followed else start)

    in_world(tmp_path, story)


async def _serial_is(world: EmbeddedWorld, serial: int) -> bool:
    return await serial_at(world, SECONDARY) == serial


def test_a_bad_master_file_keeps_the_old_zone_and_the_reload_says_why(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        for bad in ("@ IN SOA oops\n", "$TTL 2\nwww A 192.0.2.80\n", ""):
            world.served_zone_file.write_text(bad, encoding="utf-8")
            result = await world.commands.run(RELOAD_ZONE, LIMIT)
            assert result.status != 0
            assert "not loaded" in result.output
            assert await serial_at(world, PRIMARY) == 2016122202

    in_world(tmp_path, story)


def test_faults_of_the_servers(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        keys = ParentKeys.make()
        old = world.secondary.zone
        world.secondary.freeze()
        put(world, signed(2016122203, keys))
        world.commands.ignore(*RELOAD_ZONE)
        assert await reload_zone(world) == 0
        assert await serial_at(world, PRIMARY) == 2016122202
        world.commands.obey(*RELOAD_ZONE)
        assert await reload_zone(world) == 0
        assert await serial_at(world, PRIMARY) == 2016122203
        assert await serial_at(world, SECONDARY) == 2016122202
        world.secondary.thaw()
        await until(lambda: _serial_is(world, 2016122203))
        world.secondary.pin(old)
        assert await serial_at(world, SECONDARY) == 2016122202
        world.secondary.restore()
        assert await serial_at(world, SECONDARY) == 2016122203
        world.primary.silent = True
        host, port = world.dialer.locate(PRIMARY, 53)
        with pytest.raises(dns.exception.Timeout):
            await dns.asyncquery.udp(dns.message.make_query(ZONE, "SOA"), host, port=port, timeout=0.2)

    in_world(tmp_path, story)


def test_a_reply_that_does_not_fit_says_so_and_comes_by_tcp(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        await sign_and_hand_over(world)
        cut = await ask(world, PRIMARY, "big.dotnxdomain.net.", "TXT", payload=4096)
        assert cut.flags & dns.flags.TC
        assert cut.answer == []
        for ip in (PRIMARY, world.forwarder[0]):
            whole = await ask(world, ip, "big.dotnxdomain.net.", "TXT", over=dns.asyncquery.tcp)
            assert not whole.flags & dns.flags.TC
            assert len(whole.answer) == 2
        relayed = await ask(world, world.forwarder[0], "big.dotnxdomain.net.", "TXT")
        assert relayed.flags & dns.flags.TC

    in_world(tmp_path, story)


# -- the registry -------------------------------------------------------------------------------------------------


def test_a_submitted_ds_is_served_at_once_and_signed(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        before = world.net.server.zone.serial
        keys = await sign_and_hand_over(world)
        reply = await ask(world, NET_SERVER, "dotnxdomain.net.", "DS")
        assert reply.flags & dns.flags.AA
        answer, rrsig = reply.answer
        net_keys = (await ask(world, NET_SERVER, "net.", "DNSKEY")).answer[0]
        dns.dnssec.validate(answer, rrsig, {dns.name.from_text("net."): net_keys})
        assert answer[0].to_text() == keys.ds(ZONE)
        assert world.net.server.zone.serial > before
        referral = await ask(world, NET_SERVER, "www.dotnxdomain.net.", "A")
        assert in_section(referral.authority, "dotnxdomain.net.", RdataType.DS) is not None
        assert in_section(referral.authority, "dotnxdomain.net.", RdataType.NSEC) is None

    in_world(tmp_path, story)


def test_the_registry_changes_nothing_unless_it_finds_what_is_expected(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        first = await sign_and_hand_over(world)
        other = ds_of(ParentKeys.make())
        registry = world.parents[ZONE]
        stale = await registry.submit_ds(SubmitDS(ZONE, Absence(ZONE, RdataType.DS, 1), other))
        assert stale == Conflict(ds_of(first))
        assert world.net.found(ZONE) == ds_of(first)
        assert isinstance(await registry.submit_ds(SubmitDS(ZONE, ds_of(first), other)), Receipt)
        assert world.net.found(ZONE) == other
        gone = SubmitDS(ZONE, other, Absence(ZONE, RdataType.DS, 1))
        assert isinstance(await registry.submit_ds(gone), Receipt)
        assert (await ask(world, NET_SERVER, "dotnxdomain.net.", "DS")).answer == []

        nonsense = RRset(ZONE, RdataType.DS, 1, frozenset({b"\0"}))
        with pytest.raises(DanelawError) as refused:
            await registry.submit_ds(SubmitDS(ZONE, gone.replace, nonsense))
        assert refused.value.code == "DS_REFUSED"
        assert isinstance(world.net.found(ZONE), Absence)
        elsewhere = dns.name.from_text("example.net.")
        with pytest.raises(DanelawError) as stranger:
            await registry.submit_ds(SubmitDS(elsewhere, Absence(elsewhere, RdataType.DS, 1), other))
        assert stranger.value.code == "NOT_DELEGATED"

    in_world(tmp_path, story)


# -- validation by others -------------------------------------------------------------------------------------------

JUDGED = [
    ("net.", "SOA", "; fully validated"),
    ("net.", "DNSKEY", "; fully validated"),
    ("nope.net.", "A", "; negative response, fully validated"),
    ("gtld-servers.net.", "A", "; negative response, fully validated"),
    ("www.dotnxdomain.net.", "A", "; fully validated"),
    ("_443._tcp.www.dotnxdomain.net.", "TLSA", "; fully validated"),
    ("www.dotnxdomain.net.", "TLSA", "; negative response, fully validated"),
    ("_tcp.www.dotnxdomain.net.", "TLSA", "; negative response, fully validated"),
    ("nope.www.dotnxdomain.net.", "TLSA", "; negative response, fully validated"),
    ("alias.dotnxdomain.net.", "A", "; fully validated"),
    ("alias.dotnxdomain.net.", "AAAA", "; fully validated"),
    ("far.dotnxdomain.net.", "A", "; fully validated"),
    ("deep.er.wild.dotnxdomain.net.", "TXT", "; fully validated"),
    ("deep.er.wild.dotnxdomain.net.", "A", "; negative response, fully validated"),
    ("big.dotnxdomain.net.", "TXT", "; fully validated"),
]


def test_delv_validates_everything_through_the_forwarder(tmp_path: Path, require_program: Callable[..., str]) -> None:
    program = require_program("delv", package="bind9-dnsutils")

    async def story(world: EmbeddedWorld) -> None:
        assert "; unsigned answer" in await delv(world, program, "www.dotnxdomain.net.", "A")
        await sign_and_hand_over(world)
        await until(lambda: _serial_is(world, 2016122203))
        said = await asyncio.gather(*(delv(world, program, name, type) for name, type, _ in JUDGED))
        for (name, type, expected), out in zip(JUDGED, said, strict=True):
            assert expected in out, (name, type, out)

    in_world(tmp_path, story)


def test_the_operators_and_the_parents_zones_verify_with_bind(
    tmp_path: Path, require_program: Callable[..., str]
) -> None:
    program = require_program("dnssec-verify", package="bind9-utils")

    async def story(world: EmbeddedWorld) -> None:
        await sign_and_hand_over(world)
        for server in world.authorities.values():
            path = world.directory / "verify"
            server.zone.zone.to_file(str(path), relativize=False)
            process = await asyncio.create_subprocess_exec(
                program, "-o", server.zone.origin.to_text(), str(path),
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            out, _ = await process.communicate()
            if server.zone.serial != 2016122202:
                assert process.returncode == 0, out.decode()

    in_world(tmp_path, story)


def test_a_flipped_bit_is_caught_by_delv(tmp_path: Path, require_program: Callable[..., str]) -> None:
    program = require_program("delv", package="bind9-dnsutils")

    def flip(reply: dns.message.Message) -> dns.message.Message:
        for rrset in reply.answer:
            if rrset.rdtype == RdataType.TLSA:
                rdata = rrset[0]
                turned = rdata.replace(cert=bytes([rdata.cert[0] ^ 1]) + rdata.cert[1:])
                rrset.items.clear()
                rrset.add(turned)
        return reply

    async def story(world: EmbeddedWorld) -> None:
        await sign_and_hand_over(world)
        for server in (world.primary, world.secondary):
            server.tamper = flip
        out = await delv(world, program, "_443._tcp.www.dotnxdomain.net.", "TLSA")
        assert "RRSIG failed to verify" in out
        assert "fully validated" not in out

    in_world(tmp_path, story)


# -- the forwarder -----------------------------------------------------------------------------------------------


def test_the_forwarder_passes_a_malformed_record_on_as_it_came(tmp_path: Path) -> None:
    short = dns.rdata.GenericRdata(IN, RdataType.TLSA, b"\3\1\1\xaa\xbb")

    def garble(reply: dns.message.Message) -> dns.message.Message:
        for rrset in reply.answer:
            if rrset.rdtype == RdataType.TLSA:
                rrset.items.clear()
                rrset.items[short] = None
        return reply

    async def story(world: EmbeddedWorld) -> None:
        await sign_and_hand_over(world)
        for server in (world.primary, world.secondary):
            server.tamper = garble
        host, port = world.dialer.locate(*world.forwarder)
        query = dns.message.make_query("_443._tcp.www.dotnxdomain.net.", "TLSA", want_dnssec=True)
        reader, writer = await asyncio.open_connection(host, port)
        wire = query.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        reply = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        writer.close()
        assert b"\0\5\3\1\1\xaa\xbb" in reply
        assert reply[:2] == wire[:2]
        assert reply[3] & 0x80  # RA
        assert reply[3] & 0x0F == 0  # NOERROR

    in_world(tmp_path, story)


def test_the_forwarder_follows_an_alias_into_another_zone(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        await sign_and_hand_over(world)
        reply = await ask(world, world.forwarder[0], "far.dotnxdomain.net.", "A")
        for name, type in (("far.dotnxdomain.net.", RdataType.CNAME), ("a.gtld-servers.net.", RdataType.A)):
            assert in_section(reply.answer, name, type) is not None
        assert len([rrset for rrset in reply.answer if rrset.rdtype == RdataType.RRSIG]) == 2

    in_world(tmp_path, story)


def test_the_forwarder_asks_the_next_server_when_one_is_silent(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        world.secondary.silent = True
        for _ in range(6):
            assert (await ask(world, world.forwarder[0], "www.dotnxdomain.net.", "A")).answer
        assert world.secondary.queries
        world.primary.silent = True
        reply = await ask(world, world.forwarder[0], "www.dotnxdomain.net.", "A")
        assert reply.rcode() == dns.rcode.SERVFAIL

    in_world(tmp_path, story)


def test_the_forwarder_caches_nothing_and_asks_both_authorities(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        replies = [await ask(world, world.forwarder[0], "www.dotnxdomain.net.", "A") for _ in range(20)]
        assert world.primary.queries + world.secondary.queries == 20
        assert min(world.primary.queries, world.secondary.queries) > 0
        assert all(reply.flags & dns.flags.RA and not reply.flags & dns.flags.AA for reply in replies)

    in_world(tmp_path, story)


# -- what is not there -----------------------------------------------------------------------------------------------


def test_what_the_world_has_not_is_an_error(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        for ip, port in ((IPv4Address("192.0.2.99"), 53), (PRIMARY, 80)):
            with pytest.raises(DanelawError) as caught:
                world.dialer.locate(ip, port)
            assert caught.value.code == "NOT_IN_THIS_WORLD"
        with pytest.raises(DanelawError) as unknown:
            await world.commands.run(("rm", "-rf", "/"), LIMIT)
        assert unknown.value.code == "COMMAND_NOT_FOUND"

    in_world(tmp_path, story)
