"""What the world on real servers does by itself, without a play: each function stands in a new one. Run as a script,
which enters namespaces and calls the function that is named; it ends with 0 when all that the function says is so."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final
from uuid import uuid4

import dns.asyncquery
import dns.message
import dns.name
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.probe import TLSProber
from danelaw.core.model import IP, Absence, Chain, DanelawError, Endpoint, Hello, RRset
from danelaw.core.rollover.actions import Conflict, PlaceChallenge, Publish, Receipt, SubmitDS, Switch
from danelaw.core.rollover.progress import Progress
from danelaw.faces.cli.lab import real_world, wire
from danelaw.ports import CommandResult
from danelaw.worlds.lab.operator_files import NET, ZONE
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.asking import answers_http, fetch, serial, serves_zone
from danelaw.worlds.lab.real.world import RealWorld

LIMIT: Final = timedelta(seconds=60)
PATIENCE: Final = 60.0
"""Seconds for what takes one or two: a machine may be busy."""
TLSA_OWNER: Final = "_443._tcp.www.dotnxdomain.net."


# -- looking -----------------------------------------------------------------------------------------------------------


async def until(what: str, true: Callable[[], Awaitable[bool]], patience: float = PATIENCE) -> None:
    """Wait until it is so. Raises ``AssertionError`` when that takes too long."""
    try:
        async with asyncio.timeout(patience):
            while not await true():  # noqa: ASYNC110  # servers tell nobody when they have changed
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


async def serves(place: Place, wanted: int) -> None:
    async def true() -> bool:
        return await serial(place.v4, ZONE) == wanted

    await until(f"{place.v4} serves {wanted}", true)


async def served(place: Place) -> int:
    """The serial that it gives: whatever it is, once it answers."""
    found: list[int] = []

    async def answers() -> bool:
        found.extend(filter(None, [await serial(place.v4, ZONE)]))
        return bool(found)

    await until(f"{place.v4} answers", answers)
    return found[0]


def announced(world: RealWorld) -> int | None:
    """The serial in the NOTIFY that came last (RFC 1996 §3.7)."""
    if world.messenger.last is None:
        return None
    soas = (rrset for rrset in dns.message.from_wire(world.messenger.last).answer if rrset.rdtype == RdataType.SOA)
    return next((int(rrset[0].serial) for rrset in soas), None)


async def records(at: Place, name: str, type: str) -> set[str]:
    query = dns.message.make_query(name, type)
    reply = await dns.asyncquery.udp(query, str(at.v4), timeout=PATIENCE)
    return {rdata.to_text() for rrset in reply.answer for rdata in rrset}


async def said(world: RealWorld, *argv: str) -> CommandResult:
    return await world.commands.run(argv, LIMIT)


async def does(world: RealWorld, *argv: str) -> str:
    result = await said(world, *argv)
    assert result.status == 0, (argv, result)
    return result.output


async def presented(world: RealWorld, at: Place) -> Chain | None:
    got = await TLSProber(world.dialer).probe(Endpoint(world.host, 443), at.v4, Hello(world.host))
    return got if isinstance(got, Chain) else None


# -- doing -------------------------------------------------------------------------------------------------------------


async def raise_serial(world: RealWorld, to: int) -> None:
    """An operator edits the unsigned zone and reloads it."""
    before = str(await served(addresses.PRIMARY))
    text = world.served_zone_file.read_text("utf-8")
    assert before in text
    world.served_zone_file.write_text(text.replace(before, str(to)), "utf-8")
    await does(world, *world.reload_zone)


# -- what is so --------------------------------------------------------------------------------------------------------


async def everybody_answers_on_both_addresses(world: RealWorld) -> None:
    for place, zone in ((addresses.ROOT, dns.name.root), (addresses.NET, NET), (addresses.PRIMARY, ZONE)):
        for ip in place:
            await until(f"{ip} serves {zone}", serves_zone(ip, zone))
    for place in (addresses.SECONDARY, addresses.FORWARDER, addresses.CA_RESOLVER, addresses.CACHE):
        for ip in place:
            await until(f"{ip} serves {ZONE}", serves_zone(ip, ZONE))
    for place in addresses.WEB:
        for ip in place:
            await until(f"{ip} answers", answers_http(ip, 80, "/"))
            assert await fetch(ip, 443, "/") is None, "there is no certificate yet"


async def tools_find_the_resolver_and_the_anchor_by_themselves(world: RealWorld) -> None:
    assert "; fully validated" in await does(world, "delv", "net", "SOA")
    assert set((await does(world, "dig", "+short", "www.dotnxdomain.net", "AAAA")).split()) == {
        str(place.v6) for place in addresses.WEB
    }
    assert (await does(world, "cat", "/etc/resolv.conf")).split() == ["nameserver", str(world.cache)]


async def the_registry_has_served_what_it_accepts(world: RealWorld) -> None:
    nothing = Absence(ZONE, RdataType.DS, 1)
    ds = RRset(ZONE, RdataType.DS, 1, frozenset({bytes.fromhex("4d2e0d02" + "ab" * 32)}))
    assert await records(addresses.NET, ZONE.to_text(), "DS") == set()
    assert isinstance(await world.registry.submit_ds(SubmitDS(ZONE, nothing, ds)), Receipt)
    assert await records(addresses.NET, ZONE.to_text(), "DS") == {"19758 13 2 " + "ab" * 32}
    assert isinstance(await world.registry.submit_ds(SubmitDS(ZONE, nothing, ds)), Conflict)


async def the_secondary_follows_late(world: RealWorld) -> None:
    world.messenger.lag = 4
    loop = asyncio.get_running_loop()
    began = loop.time()
    await raise_serial(world, 2016122203)
    await serves(addresses.PRIMARY, 2016122203)
    assert await served(addresses.SECONDARY) == 2016122202
    await serves(addresses.SECONDARY, 2016122203)
    assert loop.time() - began > world.messenger.lag


async def a_lost_notify_is_not_made_up_for(world: RealWorld) -> None:
    world.messenger.loses = True
    await raise_serial(world, 2016122203)

    async def lost() -> bool:
        return announced(world) == 2016122203

    await until("the primary sends its NOTIFY", lost)
    await does(world, *world.secondary.control("stats"))  # it has had its turn
    assert await served(addresses.SECONDARY) == 2016122202
    world.messenger.lag = 3600  # named repeats a NOTIFY after five seconds: that is not what is waited for
    await world.thaw()
    await serves(addresses.SECONDARY, 2016122203)


async def a_frozen_secondary_follows_once_it_thaws(world: RealWorld) -> None:
    world.messenger.lag = 0
    await world.freeze()
    await raise_serial(world, 2016122203)
    await serves(addresses.PRIMARY, 2016122203)
    await does(world, *world.secondary.control("transfer", ZONE.to_text(omit_final_dot=True)))

    async def tried() -> bool:
        status = await does(world, *world.secondary.control("zonestatus", ZONE.to_text(omit_final_dot=True)))
        return "refreshing" in status or "expired" in status

    await until("the secondary tries to transfer the zone", tried)
    assert await served(addresses.SECONDARY) == 2016122202
    await world.thaw()
    await serves(addresses.SECONDARY, 2016122203)


async def a_cut_road_and_one_cut_for_the_secondary_alone_are_mended_one_by_one(world: RealWorld) -> None:
    await world.freeze()
    await world.roads.cut(addresses.PRIMARY)
    assert await serial(addresses.PRIMARY.v4, ZONE) is None
    await world.roads.mend(addresses.PRIMARY)
    assert await served(addresses.PRIMARY) == 2016122202
    world.messenger.lag = 0
    await raise_serial(world, 2016122203)
    await serves(addresses.PRIMARY, 2016122203)
    assert await served(addresses.SECONDARY) == 2016122202
    await world.thaw()
    await serves(addresses.SECONDARY, 2016122203)


async def a_secondary_comes_back_from_a_backup(world: RealWorld) -> None:
    world.messenger.lag = 0
    backup = await world.secondary_zone()
    await raise_serial(world, 2016122203)
    await serves(addresses.SECONDARY, 2016122203)
    await world.restore_secondary(backup)
    assert await served(addresses.SECONDARY) == 2016122202
    await world.thaw()
    await serves(addresses.SECONDARY, 2016122203)


async def parted_caches_ask_one_authority_each(world: RealWorld) -> None:
    async def seen(cache: IP) -> set[int]:
        """What the SOA says beside names that no cache has heard of."""
        replies = [
            await dns.asyncquery.udp(dns.message.make_query(f"{uuid4()}.{ZONE}", "A"), str(cache), timeout=PATIENCE)
            for _ in range(32)
        ]
        return {int(rrset[0].serial) for reply in replies for rrset in reply.authority}

    first, between, last = world.client_resolvers
    await world.part_caches()
    await world.freeze()
    await raise_serial(world, 2016122203)
    await serves(addresses.PRIMARY, 2016122203)
    assert await seen(first) == {2016122203}
    assert await seen(between) == {2016122202, 2016122203}
    assert await seen(last) == {2016122202}
    await world.join_caches()
    assert await seen(first) == await seen(last) == {2016122202, 2016122203}


async def a_deaf_primary_claims_success(world: RealWorld) -> None:
    world.ignore_reload("zone")
    await raise_serial(world, 2016122203)
    assert await served(addresses.PRIMARY) == 2016122202
    world.obey_reload("zone")
    await does(world, *world.reload_zone)
    await serves(addresses.PRIMARY, 2016122203)


async def one_web_server_of_two_keeps_the_old_chain(world: RealWorld) -> None:
    operator = wire(world).naive()
    first, second = addresses.WEB
    await operator.renew()

    async def both_present() -> bool:
        return None is not await presented(world, first) == await presented(world, second)

    await until("both web servers present the new chain", both_present)
    old = await presented(world, first)
    world.ignore_reload("web2")
    await operator.renew()

    async def first_is_new() -> bool:
        return await presented(world, first) not in (None, old)

    await until("the first web server presents the new chain", first_is_new)
    assert await presented(world, second) == old
    world.obey_reload("web2")
    await does(world, *world.reload_web)
    await until("both web servers present the new chain", both_present)


async def a_key_that_does_not_fit_is_not_loaded(world: RealWorld) -> None:
    operator = wire(world).naive()
    await operator.renew()

    async def present() -> bool:
        return all([await presented(world, web) is not None for web in addresses.WEB])

    await until("both web servers, who reload in their own time, present the chain", present)
    key = world.live / "privkey.pem"
    key.unlink()
    await does(world, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key))
    result = await said(world, *world.reload_web)
    assert (result.status, "does not fit" in result.output) == (1, True), result
    assert await present()


async def the_ca_refuses_while_it_cannot_resolve(world: RealWorld) -> None:
    operator = wire(world).naive()
    await world.roads.cut(addresses.CA_RESOLVER)
    try:
        await operator.renew()
    except DanelawError as error:
        assert error.code == "ORDER_FAILED", error  # noqa: PT017  # a script, without pytest
    else:
        raise AssertionError("the CA must not certify what it cannot look up")
    await world.roads.mend(addresses.CA_RESOLVER)
    await operator.renew()


async def the_primary_signs_and_takes_updates(world: RealWorld) -> None:
    """With ``rfc2136``."""

    async def signed() -> bool:
        return bool(await records(addresses.SECONDARY, ZONE.to_text(), "DNSKEY"))

    await until("the secondary serves the signed zone", signed)
    update = f"server {addresses.PRIMARY.v4}\nupdate add {TLSA_OWNER} 1 TLSA 3 1 1 {'ab' * 32}\nsend\n"
    script = world.directory / "update"
    script.write_text(update, "ascii")
    assert world.update_key is not None
    await does(world, "nsupdate", "-k", str(world.update_key), str(script))
    assert await records(addresses.PRIMARY, TLSA_OWNER, "TLSA") == {"3 1 1 " + "ab" * 32}

    async def followed() -> bool:
        return bool(await records(addresses.SECONDARY, TLSA_OWNER, "TLSA"))

    await until("the secondary has the record", followed)

    async def asks_for_ds() -> bool:
        return bool(await records(addresses.PRIMARY, ZONE.to_text(), "CDS"))

    await until("the zone asks for its DS", asks_for_ds)


async def the_publisher_proves_by_dns(world: RealWorld) -> None:
    """With ``rfc2136``: from the first day to a certificate, with nothing in the web root."""
    stage, stop = wire(world, challenge="dns-01"), asyncio.Event()
    proofs: set[Name] = set()

    def listen(progress: Progress) -> None:
        acting = progress.acting
        assert not isinstance(acting, PlaceChallenge), acting
        if isinstance(acting, Publish) and acting.replace.type == RdataType.TXT:
            proofs.add(acting.replace.owner)
        if progress.ended is not None and isinstance(progress.ended.plan, Switch):
            stop.set()

    async with asyncio.timeout(PATIENCE):
        await stage.wired.engine.watch(stop, listen)
    assert proofs == {Name((b"_acme-challenge", *world.host.labels))}
    assert list(world.webroot.iterdir()) == []

    async def presents() -> bool:
        return await presented(world, addresses.WEB[0]) is not None

    await until("the web server presents the certificate", presents)


async def a_server_that_dies_ends_the_world_with_its_log(world: RealWorld) -> None:
    pid = (world.primary.folder / "named.pid").read_text("ascii").strip()
    await does(world, "kill", f"-{signal.SIGKILL.value}", pid)
    await asyncio.sleep(PATIENCE)  # cancelled as soon as the death is noticed
    raise AssertionError("nobody has noticed")


async def standing(world: RealWorld) -> None:
    """Stand there until told to go, for those who look from outside."""
    del world
    print("up", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


PUBLISHERS: Final = {the_primary_signs_and_takes_updates: "rfc2136", the_publisher_proves_by_dns: "rfc2136"}


async def _stand(name: str) -> None:
    scene = globals()[name]
    async with real_world("rfc2136" if scene in PUBLISHERS else "zonefile") as world:
        await scene(world)


if __name__ == "__main__":
    found = programs.find()
    if not namespaces.inside():
        sys.exit(namespaces.run((sys.executable, *sys.argv), found))
    namespaces.furnish(found)
    try:
        asyncio.run(_stand(sys.argv[1]))
    except DanelawError as error:
        sys.exit(str(error))
