"""What can never make things worse: looking once more, and adding a record of a combination that is there."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.core.model import Answer, HandshakeFailure, NotOffered, RRset, Unreachable
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.answers import possible_answers
from danelaw.core.rollover.facts import Got, Sight
from danelaw.core.rollover.gate import Allowed, judge
from rollover_history import (
    AAAA,
    FIRST,
    HOST,
    LIMITS,
    NEW,
    NS1,
    NS2,
    OLD,
    OWNER,
    PLAIN,
    RSA,
    SECOND,
    TLSA,
    WEB1,
    WEB2,
    ZONE,
    History,
    absent,
    addresses,
    at,
    chain_of,
    reach,
    record,
    rrset,
)
from tlsa_chains import issue

FOREIGN_CHAIN = chain_of(issue("foreign", names=("www.example.net",)))
ANSWERS: list[Answer] = [absent(), rrset(record(OLD)), rrset(record(OLD), record(NEW)), rrset(record(NEW), ttl=5)]
GOT: list[Got] = [OLD, NEW, FOREIGN_CHAIN, HandshakeFailure("CLOSED"), Unreachable("TIMEOUT"), NotOffered()]
FOREIGN = b"\x03\x01\x01" + bytes(32)


@st.composite
def histories(draw: st.DrawFn) -> tuple[History, float]:
    """Two authorities, looked at now and then, each at a version of its own; and the second of the last sight."""
    history, second, serial = History().roster(0, NS1, NS2, primary=NS1), 0.0, {NS1: 1, NS2: 1}
    for _ in range(draw(st.integers(1, 15))):
        second += draw(st.sampled_from([1, 10, 25, 40, 100]))
        for server in draw(st.sets(st.sampled_from([NS1, NS2]), min_size=1)):
            serial[server] = max(1, serial[server] + draw(st.integers(-1, 1)))
            history.sees(second, second, serial[server], ANSWERS[serial[server] % len(ANSWERS)], by=[server])
    return history, second


@settings(max_examples=100, deadline=None)
@given(histories(), st.sampled_from([NS1, NS2]), st.floats(0.1, 29.9), st.floats(0, 300))
def test_one_more_look_at_the_same_adds_nothing(
    story: tuple[History, float], server: object, after: float, later: float
) -> None:
    """A sight of what was seen last, within the time that it vouches for: nothing new is possible."""
    history, second = story
    looked = [fact for fact in history.log if isinstance(fact, Sight) and fact.server == server]
    if not looked:
        return
    last = max(looked, key=lambda fact: fact.at)
    again = Sight(last.at + timedelta(seconds=after), ZONE, last.server, last.serial, OWNER, TLSA, last.answer)
    now = max(at(second), again.at) + timedelta(seconds=later)
    facts = history.facts()
    before = possible_answers(facts, ZONE, OWNER, TLSA, now, LIMITS)
    with_it = possible_answers(facts.add(again), ZONE, OWNER, TLSA, now, LIMITS)

    contents = {held.answer.rdatas if isinstance(held.answer, RRset) else None for held in before.held}
    for held in with_it.held:
        assert (held.answer.rdatas if isinstance(held.answer, RRset) else None) in contents
    assert with_it.unknown is None or before.unknown is not None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([WEB1, WEB2]), st.sampled_from([PLAIN, RSA]), st.sampled_from(GOT)), max_size=8),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([[record(OLD)], [record(NEW)], [FOREIGN], [record(OLD), FOREIGN]]),
)
def test_a_record_of_a_combination_that_is_there_may_always_be_added(
    seen: list[tuple[object, object, Got]], live: int | None, there: list[object]
) -> None:
    """Whatever is presented, was presented or is not known: who accepts goes on to accept."""
    old = rrset(*there)  # type: ignore[arg-type] # each is a record or rdata
    new = rrset(*there, record(OLD), record(NEW))  # type: ignore[arg-type] # as above
    history = History().roster(0, NS1, NS2, primary=NS1).sees(0, 10, 1, old, addresses(WEB1, WEB2), absent(HOST, AAAA))
    for second, (ip, hello, got) in enumerate(seen):
        history.presents(second, second, got, by=[ip], hellos=[hello])  # type: ignore[list-item] # drawn from these
    history.holds(10, FIRST, SECOND, live=live).judged(10)
    if old != new:
        assert isinstance(judge(Publish(ZONE, old, new), history.facts(), reach(), at(10), LIMITS), Allowed)
