"""The operator's words only ever allow more: whatever was seen, and whatever he waives or accepts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.core.model import IP, Answer, GenerationId, HandshakeFailure, RRset, Unreachable
from danelaw.core.rollover.acceptance import ACCEPTABLE, NEVER
from danelaw.core.rollover.actions import Action, DestroyKey, Publish, Switch
from danelaw.core.rollover.answers import Held, possible_answers, zone_subject
from danelaw.core.rollover.compaction import compact
from danelaw.core.rollover.facts import Got, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, Counterexample, Refused, judge, violations
from danelaw.core.rollover.words import Accepted, Waived, Word
from rollover_history import (
    AAAA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    NS1,
    NS2,
    NS3,
    OLD,
    OWNER,
    SECOND,
    SERVICE,
    TLSA,
    WEB1,
    WEB2,
    ZONE,
    History,
    absent,
    addresses,
    at,
    reach,
    record,
    rrset,
)

some = settings(max_examples=150, deadline=None)

X, XY, Y = rrset(record(OLD)), rrset(record(OLD), record(NEW)), rrset(record(NEW))
ANSWERS: list[Answer] = [absent(), X, XY, Y]
GOT: list[Got] = [OLD, OLD, NEW, HandshakeFailure("CLOSED"), Unreachable("TIMEOUT"), Unreachable("TIMEOUT")]
ACTIONS: list[Action] = [
    Switch(LINEAGE, LOCAL, GenerationId(2), NEW),
    Publish(ZONE, X, XY),
    Publish(ZONE, XY, Y),
    Publish(ZONE, X, absent()),
    Publish(ZONE, absent(), X),
    DestroyKey(LINEAGE, GenerationId(1)),
]
Story: TypeAlias = tuple[History, float]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Three authorities and two servers that are looked at now and then; the second of the last look."""
    primary = draw(st.sampled_from([None, NS1]))
    drain = timedelta(seconds=draw(st.sampled_from([0, 0, 30])))
    history = History(replace(LIMITS, drain=drain)).roster(0, NS1, NS2, NS3, primary=primary)
    second, serial = 0.0, dict.fromkeys((NS1, NS2, NS3), 1)
    for _ in range(draw(st.integers(1, 14))):
        second += draw(st.sampled_from([10, 10, 20, 40, 100]))
        for server in draw(st.sets(st.sampled_from([NS1, NS2, NS3]), min_size=1)):
            if draw(st.integers(0, 3)) == 0:
                refused = draw(st.booleans())
                history.log.append(Sight(at(second), ZONE, server, None, OWNER, TLSA, None, refused))
                continue
            serial[server] = max(1, serial[server] + draw(st.sampled_from([0, 0, 1, 1, -1])))
            answer = ANSWERS[serial[server] % len(ANSWERS)]
            everywhere = (addresses(WEB1, WEB2), absent(HOST, AAAA))
            history.sees(second, second, serial[server], answer, *everywhere, by=[server])
        for ip in (WEB1, WEB2):
            history.presents(second, second, draw(st.sampled_from(GOT)), by=[ip])
    history.holds(second, FIRST, SECOND, live=draw(st.sampled_from([1, 2, None]))).judged(second)
    return history, second


@st.composite
def words(draw: st.DrawFn) -> Word:
    end = at(draw(st.sampled_from([0, 50, 10_000])))
    start = at(draw(st.sampled_from([0, 20])))
    if draw(st.booleans()):
        codes = draw(st.frozensets(st.sampled_from(sorted(ACCEPTABLE.keys() | NEVER.keys()))))
        return Accepted(start, SERVICE, codes | {"ANSWER_HELD", "HISTORY_UNKNOWN"}, end, "eva")
    of_zone = draw(st.booleans())
    ip: IP = draw(st.sampled_from([NS1, NS2, NS3] if of_zone else [WEB1, WEB2]))
    return Waived(start, zone_subject(ZONE) if of_zone else SERVICE, ip, end, "eva")


def spoken(story: Story, said: list[Word]) -> tuple[Facts, Facts]:
    bare = story[0].facts()
    return bare, bare.add(*sorted(said, key=lambda word: word.at))


@some
@given(stories(), st.lists(words(), max_size=4), st.sampled_from(ACTIONS), st.floats(0, 300))
def test_a_word_never_makes_the_gate_stricter_and_what_it_overrode_is_told(
    story: Story, said: list[Word], action: Action, later: float
) -> None:
    bare, with_words = spoken(story, said)
    now, limits = at(story[1] + later), story[0].limits
    strict, lenient = (judge(action, facts, reach(), now, limits) for facts in (bare, with_words))
    if isinstance(strict, Allowed):
        assert isinstance(lenient, Allowed)
    elif isinstance(lenient, Allowed):
        assert {*lenient.accepted, *lenient.waived} >= {*strict.because} - _moved(strict, lenient)
        assert lenient.accepted or lenient.waived
        assert all(found.code not in NEVER or found in lenient.waived for found in strict.because)
    elif isinstance(strict, Refused):
        waiving = any(isinstance(word, Waived) and word.at <= now < word.until for word in said)
        assert waiving or lenient == strict


def _moved(strict: Refused, lenient: Allowed) -> set[object]:
    """What stands against it with the waivers too, though another authority keeps it, or not for as long."""
    kept = {(f.code, f.address, f.chain) for f in lenient.accepted}
    return {f for f in strict.because if (f.code, f.address, f.chain) in kept}


@some
@given(stories(), st.lists(words(), max_size=4), st.floats(0, 300))
def test_less_may_be_held_where_somebody_is_waived_and_no_answer_for_longer(
    story: Story, said: list[Word], later: float
) -> None:
    bare, with_words = spoken(story, said)
    now, limits = at(story[1] + later), story[0].limits
    every = {_content(h.answer): h.until for h in possible_answers(bare, ZONE, OWNER, TLSA, now, limits).held}
    for held in possible_answers(with_words, ZONE, OWNER, TLSA, now, limits).held:
        until = every[_content(held.answer)]
        assert until is None or (held.until is not None and held.until <= until)


@some
@given(stories(), st.lists(words(), max_size=4), st.floats(0, 300))
def test_whoever_is_refused_is_reported_whatever_was_waived(story: Story, said: list[Word], later: float) -> None:
    bare, with_words = spoken(story, said)
    now, limits = at(story[1] + later), story[0].limits
    told = {_pair(one) for one in violations(with_words, reach(), now, limits)}
    assert {_pair(one) for one in violations(bare, reach(), now, limits)} <= told


def _pair(violation: Counterexample) -> tuple[object, ...]:
    assert isinstance(violation.held, Held)
    return violation.address, violation.chain, _content(violation.held.answer)


@some
@given(stories(), st.lists(words(), max_size=4), st.sampled_from(ACTIONS), st.floats(0, 300))
def test_when_every_word_has_ended_all_is_as_if_none_had_been_said(
    story: Story, said: list[Word], action: Action, later: float
) -> None:
    """Also where the facts were compacted while they held."""
    bare, with_words = spoken(story, said)
    limits = story[0].limits
    now = at(max(story[1], 10_000) + later)
    for facts in (with_words, compact(with_words, at(story[1]), limits)):
        assert judge(action, facts, reach(), now, limits) == judge(action, bare, reach(), now, limits)


def _content(answer: Answer) -> frozenset[bytes] | None:
    return answer.rdatas if isinstance(answer, RRset) else None
