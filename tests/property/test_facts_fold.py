"""The fold of facts: one value, however and in how many pieces it was made."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import dns.name
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.adapters.store import MemoryStore
from danelaw.core.model import (
    Absence,
    Answer,
    Chain,
    Endpoint,
    GenerationId,
    HandshakeFailure,
    Hello,
    Lineage,
    RRset,
    SubjectName,
    Unreachable,
)
from danelaw.core.rollover.actions import Action, DestroyKey, Failure, MakeKey, Receipt
from danelaw.core.rollover.facts import Began, Done, Fact, Holding, Intended, Presented, Roster, Sight
from danelaw.core.rollover.fold import Facts

pytestmark = pytest.mark.slow

GAP = timedelta(minutes=15)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ZONE = dns.name.from_text("example.net.")
OWNER = dns.name.from_text("_443._tcp.www.example.net.")
TLSA = int(dns.rdatatype.TLSA)
SERVERS = [ip_address("192.0.2.1"), ip_address("2001:db8::1")]
WWW = SubjectName("www.example.net:443/tcp")
LINEAGE = Lineage(WWW)
ENDPOINT = Endpoint(dns.name.from_text("www.example.net."), 443)

ANSWERS: list[Answer] = [
    Absence(OWNER, TLSA, 60),
    RRset(OWNER, TLSA, 60, frozenset({b"old"})),
    RRset(OWNER, TLSA, 60, frozenset({b"old", b"new"})),
]
ACTIONS: list[Action] = [MakeKey(LINEAGE), DestroyKey(LINEAGE, GenerationId(1))]

some = settings(max_examples=60, deadline=None)  # a loaded machine is no finding
answers = st.sampled_from(ANSWERS)
actions = st.sampled_from(ACTIONS)
addresses = st.sampled_from(SERVERS)


def facts_at(at: datetime) -> st.SearchStrategy[Fact]:
    one = st.just(at)
    return st.one_of(
        st.builds(
            Sight, one, st.just(ZONE), addresses, st.integers(1, 2), st.just(OWNER), st.just(TLSA), answers | st.none()
        ),
        st.builds(Roster, one, st.just(ZONE), st.frozensets(addresses, min_size=1)),
        st.builds(
            Presented,
            one,
            st.just(ENDPOINT),
            addresses,
            st.sampled_from([Hello(None), Hello(ENDPOINT.host)]),
            st.sampled_from([Chain((b"a",)), Chain((b"b",)), HandshakeFailure("CLOSED"), Unreachable("TIMEOUT")]),
        ),
        st.builds(Holding, one, st.just(LINEAGE), st.just(()), st.none() | st.just(GenerationId(1))),
        st.builds(Began, one, st.just(WWW), st.sampled_from(["new", "gap"])),
        st.builds(Intended, one, actions),
        st.builds(Done, one, actions, st.sampled_from([Receipt(), Failure("LOST", "no reply")])),
    )


@st.composite
def logs(draw: st.DrawFn) -> list[Fact]:
    """Facts in the order of their instants, with gaps both shorter and longer than what a sight vouches for."""
    at, log = NOON, []
    for step in draw(st.lists(st.sampled_from([0, 5, 15, 16, 60]), max_size=20)):
        at += timedelta(minutes=step)
        log.append(draw(facts_at(at)))
    return log


def sight(minutes: float, answer: Answer = ANSWERS[1], serial: int = 1) -> Sight:
    return Sight(NOON + timedelta(minutes=minutes), ZONE, SERVERS[0], serial, OWNER, TLSA, answer)


@some
@given(logs(), st.lists(st.integers(0, 20)))
def test_folding_at_once_and_piece_by_piece_are_the_same(log: list[Fact], cuts: list[int]) -> None:
    at_once, pieces, start = Facts(GAP).add(*log), Facts(GAP), 0
    for cut in [*sorted(cuts), len(log)]:
        pieces = pieces.add(*log[start:cut])
        start = max(start, min(cut, len(log)))
    assert pieces == at_once
    assert hash(pieces) == hash(at_once)


@some
@given(logs(), logs())
def test_adding_leaves_the_value_as_it_was(log: list[Fact], more: list[Fact]) -> None:
    facts = Facts(GAP).add(*log)
    before = hash(facts)
    facts.add(*more)
    assert facts == Facts(GAP).add(*log)
    assert hash(Facts(GAP).add(*log)) == before


@some
@given(logs(), st.data())
def test_a_store_that_is_asked_now_and_then_has_what_a_fresh_fold_has(log: list[Fact], data: st.DataObject) -> None:
    subjects = [WWW, SubjectName("example.net.")]

    async def story() -> None:
        store = MemoryStore(GAP)
        leases = {subject: await store.lease(subject) for subject in subjects}
        # two runners write what they saw when they get to it, each in its own order
        queues: dict[SubjectName, list[Fact]] = {subject: [] for subject in subjects}
        for fact in log:
            queues[data.draw(st.sampled_from(subjects))].append(fact)
        appended: list[tuple[datetime, int, Fact]] = []
        while any(queues.values()):
            subject = data.draw(st.sampled_from([subject for subject in subjects if queues[subject]]))
            fact = queues[subject].pop(0)
            await store.append(subject, leases[subject], fact)
            appended.append((fact.at, len(appended), fact))
            if data.draw(st.booleans()):
                fresh = Facts(GAP).add(*(entry[2] for entry in sorted(appended, key=lambda entry: entry[:2])))
                assert await store.facts(*subjects) == fresh

    asyncio.run(story())


@some
@given(st.lists(st.floats(0, 15, allow_nan=False), max_size=10))
def test_sights_of_one_version_with_no_gap_are_one_span(steps: list[float]) -> None:
    at, log = 0.0, [sight(0)]
    for step in steps:
        at += step
        log.append(sight(at))
    (span,) = Facts(GAP).add(*log).spans(ZONE, OWNER, TLSA)[SERVERS[0]]
    assert (span.first, span.last) == (log[0].at, log[-1].at)


def test_a_gap_another_serial_or_another_answer_breaks_the_span() -> None:
    for log in (
        [sight(0), sight(15.1)],
        [sight(0), sight(1, serial=2)],
        [sight(0), sight(1, ANSWERS[2])],
        [sight(0), sight(1, ANSWERS[2]), sight(2)],
    ):
        spans = Facts(GAP).add(*log).spans(ZONE, OWNER, TLSA)[SERVERS[0]]
        assert len(spans) == len(log)


@some
@given(logs(), logs())
def test_equal_values_have_equal_hashes_and_others_differ(left: list[Fact], right: list[Fact]) -> None:
    one, other = Facts(GAP).add(*left), Facts(GAP).add(*right)
    if one == other:
        assert hash(one) == hash(other)
    assert one != Facts(2 * GAP).add(*left)
    assert one != "facts"
