"""What every store of facts does, whatever it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import dns.name
import dns.rdatatype
import pytest

from danelaw.adapters.clock import ThreadBlocking
from danelaw.adapters.store import MemoryStore
from danelaw.adapters.store.sql import SQLStore
from danelaw.core.model import DanelawError, GenerationId, Limits, Lineage, RRset, SubjectName
from danelaw.core.rollover.actions import Action, DestroyKey
from danelaw.core.rollover.facts import Began, ClockRead, Dated, Fact, Intended, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.leads import Leads, Overview, leads_of
from danelaw.ports import Lease, Store
from inline_blocking import Inline

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WWW, ZONE = SubjectName("www.example.net:443/tcp"), SubjectName("example.net.")
APEX = dns.name.from_text("example.net.")
OWNER = dns.name.from_text("_443._tcp.www.example.net.")
ELSEWHERE = dns.name.from_text("www.example.org.")
TLSA, CNAME = int(dns.rdatatype.TLSA), int(dns.rdatatype.CNAME)
NS1 = ip_address("192.0.2.1")

LIMITS = Limits()


def in_memory(_: Path) -> Store:
    return MemoryStore(LIMITS.max_gap)


def in_sqlite(folder: Path) -> Store:
    return SQLStore(folder / "store.sqlite", LIMITS, Inline())


def in_sqlite_on_threads(folder: Path) -> Store:
    return SQLStore(folder / "store.sqlite", LIMITS, ThreadBlocking())


FACTORIES: list[Callable[[Path], Store]] = [in_memory, in_sqlite, in_sqlite_on_threads]


@pytest.fixture(params=FACTORIES, ids=lambda factory: factory.__name__)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(tmp_path)
    return made


def minute(n: float) -> datetime:
    return NOON + timedelta(minutes=n)


def sight(at: float, rdata: bytes = b"\x03\x01\x01" + bytes(32)) -> Sight:
    return Sight(minute(at), APEX, NS1, 1, OWNER, TLSA, RRset(OWNER, TLSA, 300, frozenset({rdata})))


def fresh(*facts: Fact) -> Facts:
    return Facts(LIMITS.max_gap).add(*facts)


def test_of_a_subject_never_heard_of_nothing_is_known(store: Store) -> None:
    assert asyncio.run(store.facts(WWW)) == fresh()


def test_what_was_appended_is_folded(store: Store) -> None:
    async def story() -> None:
        lease = await store.lease(WWW)
        await store.append(WWW, lease, Began(NOON, WWW, "new"), sight(1))
        assert await store.facts(WWW) == fresh(Began(NOON, WWW, "new"), sight(1))
        await store.append(WWW, lease, sight(2))
        assert await store.facts(WWW) == fresh(Began(NOON, WWW, "new"), sight(1), sight(2))

    asyncio.run(story())


def test_appending_nothing_is_nothing(store: Store) -> None:
    async def story() -> None:
        await store.append(WWW, await store.lease(WWW))
        assert await store.facts(WWW) == fresh()

    asyncio.run(story())


def test_subjects_are_apart(store: Store) -> None:
    async def story() -> None:
        await store.append(WWW, await store.lease(WWW), sight(1))
        await store.append(ZONE, await store.lease(ZONE), Began(NOON, ZONE, "new"))
        assert await store.facts(WWW) == fresh(sight(1))
        assert await store.facts(ZONE) == fresh(Began(NOON, ZONE, "new"))

    asyncio.run(story())


def test_facts_of_several_subjects_are_folded_in_the_order_of_their_instants(store: Store) -> None:
    """The zone's runner saw another version in between: the service's two sights are no one span."""

    async def story() -> None:
        await store.append(WWW, await store.lease(WWW), sight(1), sight(3))
        await store.append(ZONE, await store.lease(ZONE), sight(2, b"other"))
        expected = fresh(sight(1), sight(2, b"other"), sight(3))
        assert await store.facts(WWW, ZONE) == await store.facts(ZONE, WWW) == expected
        assert len(expected.spans(APEX, OWNER, TLSA)[NS1]) == 3

    asyncio.run(story())


def test_a_fact_that_arrives_late_is_folded_where_it_belongs(store: Store) -> None:
    async def story() -> None:
        service, zone = await store.lease(WWW), await store.lease(ZONE)
        await store.append(WWW, service, sight(1), sight(3))
        assert await store.facts(WWW, ZONE) == fresh(sight(1), sight(3))
        await store.append(ZONE, zone, sight(2, b"other"))
        assert await store.facts(WWW, ZONE) == fresh(sight(1), sight(2, b"other"), sight(3))
        await store.append(WWW, service, sight(4))
        assert await store.facts(WWW, ZONE) == fresh(sight(1), sight(2, b"other"), sight(3), sight(4))

    asyncio.run(story())


def test_facts_of_one_instant_keep_the_order_in_which_they_were_appended(store: Store) -> None:
    async def story() -> None:
        service, zone = await store.lease(WWW), await store.lease(ZONE)
        asked: list[Action] = [DestroyKey(Lineage(WWW), GenerationId(n)) for n in range(1, 7)]
        for turn, action in enumerate(asked):
            subject, lease = ((WWW, service), (ZONE, zone))[turn % 2]
            await store.append(subject, lease, Intended(NOON, action))
            if turn == 2:
                await store.facts(WWW, ZONE)
        assert [deed.action for deed in (await store.facts(WWW, ZONE)).deeds] == asked

    asyncio.run(story())


def test_what_is_appended_after_the_clock_was_set_back_comes_after_what_was_there(store: Store) -> None:
    """Whatever the instants say, and of whichever subject: all that was told before is moved."""
    set_back = ClockRead(minute(4), "boot", 1.0, timedelta(minutes=-20))
    told: list[Fact] = [sight(20), sight(24, b"other"), set_back, sight(5), sight(6, b"third")]

    async def story() -> None:
        service, zone = await store.lease(WWW), await store.lease(ZONE)
        await store.append(WWW, service, *told[:2])
        await store.append(ZONE, zone, *told[2:4])
        await store.append(WWW, service, told[4])
        assert await store.facts(WWW, ZONE) == fresh(*told)

    asyncio.run(story())


def test_what_was_handed_out_does_not_change(store: Store) -> None:
    async def story() -> None:
        lease = await store.lease(WWW)
        await store.append(WWW, lease, sight(1))
        before = await store.facts(WWW)
        await store.append(WWW, lease, sight(2, b"other"))
        await store.facts(WWW)
        assert before == fresh(sight(1))

    asyncio.run(story())


def test_the_newest_lease_alone_may_append(store: Store) -> None:
    async def story() -> None:
        old, new = await store.lease(WWW), await store.lease(WWW)
        assert new.token > old.token
        await store.append(WWW, new, sight(1))
        for stale in (old, Lease(WWW, new.token + 1), Lease(ZONE, new.token)):
            with pytest.raises(DanelawError) as raised:
                await store.append(WWW, stale, sight(2))
            assert raised.value.code == "LEASE_LOST"
        assert await store.facts(WWW) == fresh(sight(1))

    asyncio.run(story())


def test_without_any_lease_nothing_is_appended(store: Store) -> None:
    with pytest.raises(DanelawError) as raised:
        asyncio.run(store.append(WWW, Lease(WWW, 0), sight(1)))
    assert raised.value.code == "LEASE_LOST"


def test_leases_of_subjects_are_apart(store: Store) -> None:
    async def story() -> None:
        lease = await store.lease(WWW)
        await store.lease(ZONE)
        await store.append(WWW, lease, sight(1))

    asyncio.run(story())


def test_the_overview_says_where_each_subject_leads_ever_since_it_was_recorded_first(store: Store) -> None:
    alias = RRset(OWNER, CNAME, 300, frozenset({ELSEWHERE.to_wire() or b""}))
    named = Sight(minute(1), APEX, NS1, 1, OWNER, CNAME, alias)

    async def story() -> None:
        await store.append(WWW, await store.lease(WWW), named)
        await store.append(ZONE, await store.lease(ZONE), Began(NOON, ZONE, "new"))
        first = await store.overview()
        await store.append(WWW, await store.lease(WWW), sight(2))
        await store.append(ZONE, await store.lease(ZONE), sight(3))
        again = await store.overview()
        assert first.leads[WWW] == again.leads[WWW] == leads_of([named])
        assert (first.leads.get(ZONE, Leads()), again.leads[ZONE]) == (Leads(), leads_of([sight(3)]))

    asyncio.run(story())


def test_the_overview_says_who_was_told_the_time_last_and_who_was_recorded_last(store: Store) -> None:
    async def story() -> None:
        assert await store.overview() == Overview({})
        for subject in (WWW, ZONE):
            await store.append(subject, await store.lease(subject), Dated(minute(1), "a CA", minute(1)))
        told = await store.overview()
        assert (told.dated, told.latest) == (ZONE, (ZONE, WWW))
        await store.append(WWW, await store.lease(WWW), sight(2))
        told = await store.overview()
        assert (told.dated, told.latest) == (ZONE, (WWW, ZONE))

    asyncio.run(story())
