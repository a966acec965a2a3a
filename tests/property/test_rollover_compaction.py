"""Compacted facts judge as the whole ones do: at once, later, and whatever else is learnt.

Two authorities and two web servers are looked at now and then, with gaps and silences; things are written and switched,
with every outcome. Somewhere in the story the facts are compacted; from there on both are told the same, and asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.core.model import (
    IP,
    Answer,
    ChallengeType,
    CredentialFacts,
    GenerationId,
    HandshakeFailure,
    OrderState,
    RRset,
    Security,
    SubjectName,
    Unreachable,
)
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    Conflict,
    DestroyKey,
    Failure,
    MakeKey,
    Outcome,
    Publish,
    Receipt,
    Switch,
)
from danelaw.core.rollover.answers import possible_answers
from danelaw.core.rollover.chains import possible_chains
from danelaw.core.rollover.compaction import compact
from danelaw.core.rollover.facts import Done, Fact, Got, Holding, Intended, Judged, Presented, Requested, Roster, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Refused, judge
from danelaw.core.rollover.lookups import service_addresses
from danelaw.core.rollover.planner import DesiredService, Settled, Wait, plan
from danelaw.core.rollover.succession import Strategy
from danelaw.core.rollover.words import Paused, Waived
from danelaw.core.tlsa import Combination
from rollover_history import (
    AAAA,
    ENDPOINT,
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
    PLAIN,
    RSA,
    SECOND,
    SERVICE,
    SOA,
    TLSA,
    WEB1,
    WEB2,
    ZONE,
    A,
    absent,
    addresses,
    at,
    reach,
    record,
    rrset,
)

pytestmark = pytest.mark.slow

BRIEF = replace(
    LIMITS,
    retention=timedelta(seconds=60),
    assumed_past_ttl=timedelta(seconds=20),
    linger=timedelta(seconds=20),
    standby_settle=timedelta(seconds=40),
)
"""What is older than three minutes or so can be forgotten."""
ANSWERS: list[Answer] = [
    absent(ttl=10),
    rrset(record(OLD), ttl=10),
    rrset(record(OLD), record(NEW), ttl=10),
    rrset(record(NEW), ttl=5),
    rrset(record(NEW), ttl=30),
]
GOT: list[Got] = [OLD, OLD, NEW, HandshakeFailure("CLOSED"), Unreachable("TIMEOUT")]
WRITES: list[Action] = [Publish(ZONE, old, new) for old in ANSWERS[:4] for new in ANSWERS[1:4] if old != new]
SWITCHES: list[Action] = [
    Switch(LINEAGE, LOCAL, GenerationId(1), OLD),
    Switch(LINEAGE, LOCAL, GenerationId(2), NEW),
]
PREPARED: list[Action] = [MakeKey(LINEAGE), AdvanceOrder(LINEAGE, GenerationId(2), OrderState((HOST,)))]
DEEDS: list[Action] = [*WRITES[:3], *SWITCHES, *PREPARED]
ASKED: list[Action] = [*WRITES, *SWITCHES, DestroyKey(LINEAGE, GenerationId(1))]


KINDS = ["write", "lag", "follow", "back", "serve", "gap", "silence", "deed", "deed", "list", "store", "ask"]
AWAY = [frozenset[IP](), frozenset[IP](), frozenset({NS1}), frozenset({NS2})]
LISTED = [frozenset({NS1, NS2}), frozenset({NS1, NS2}), frozenset({NS1}), frozenset({NS1, NS3})]
STORED: list[tuple[tuple[CredentialFacts, ...], GenerationId]] = [
    ((FIRST, SECOND), GenerationId(1)),
    ((FIRST, SECOND), GenerationId(2)),
    ((SECOND,), GenerationId(2)),
]
WORDS: list[Callable[[datetime], Fact]] = [
    lambda now: Requested(now, LINEAGE, "somebody"),
    lambda now: Requested(now, LINEAGE, "somebody", emergency=True),
    lambda now: Paused(now, SERVICE, now + timedelta(seconds=50), "somebody"),
    lambda now: Waived(now, SubjectName(ZONE.to_text()), NS2, now + timedelta(seconds=100), "somebody"),
]


class Story(list[tuple[datetime, list[Fact]]]):
    """What is learnt at each instant. Certificates make it long: only what authorities and servers do is shown.

    ``middle``: how much of it has been learnt when it is compacted.
    """

    middle = 0

    def __repr__(self) -> str:
        lines = []
        for now, told in self:
            sights = [f"{f.server}:{f.serial}" for f in told if isinstance(f, Sight) and f.type == TLSA]
            deeds = [type(f.action).__name__ for f in told if isinstance(f, Intended)]
            lines.append(f"{(now - at(0)).total_seconds():g} {' '.join([*sights, *deeds])}")
        return "\n" + "\n".join(lines)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Long nothing happens; then some things do; for about as long as is remembered, nothing; and some things again."""
    told = Story()
    now, serial = 0.0, {NS1: 5, NS2: 5}
    presented: dict[object, Got] = {WEB1: OLD, WEB2: OLD}
    listed, stored = LISTED[0], STORED[0]

    def passes(number: int, away: frozenset[IP] = frozenset()) -> None:
        nonlocal now
        for _ in range(number):
            looked = _looked(now, serial, away, presented)
            told.append((at(now), [Roster(at(now), ZONE, listed, NS1), Holding(at(now), LINEAGE, *stored), *looked]))
            now += 20

    def events(most: int) -> None:
        nonlocal now, listed, stored
        for _ in range(draw(st.integers(1, most))):
            kind = draw(st.sampled_from(KINDS))
            if kind in ("write", "lag"):
                serial[NS1] += 1
            if kind in ("write", "follow"):
                serial[NS2] = max(serial.values())
            if kind == "back":
                server = draw(st.sampled_from([NS1, NS2]))
                serial[server] -= draw(st.integers(1, 2))
            if kind == "serve":
                presented[draw(st.sampled_from([WEB1, WEB2]))] = draw(st.sampled_from(GOT))
            if kind == "gap":
                now += draw(st.sampled_from([20, 60, 120]))
            if kind == "list":
                listed = draw(st.sampled_from(LISTED))
            if kind == "store":
                stored = draw(st.sampled_from(STORED))
            if kind == "ask":
                told.append((at(now), [draw(st.sampled_from(WORDS))(at(now))]))
            if kind == "deed":
                told.append((at(now), draw(_done(draw(st.sampled_from(DEEDS)), now, serial[NS1]))))
            away = frozenset({draw(st.sampled_from([NS1, NS2]))}) if kind == "silence" else frozenset[IP]()
            passes(draw(st.sampled_from([1, 1, 2, 4])), away)

    passes(draw(st.sampled_from([1, 2, 8])))
    events(4)
    passes(draw(st.sampled_from([1, 4, 8, 12])), draw(st.sampled_from(AWAY)))
    told.middle = len(told)
    events(3)
    return told


def _looked(now: float, serial: dict[IP, int], away: frozenset[IP], presented: dict[object, Got]) -> Iterator[Fact]:
    yield Judged(at(now), ZONE, SOA, Security.SECURE)
    for server in (NS1, NS2):
        if server not in away:
            number = serial[server]
            for answer in (ANSWERS[number % len(ANSWERS)], addresses(WEB1, WEB2, ttl=10), absent(HOST, AAAA, ttl=10)):
                yield Sight(at(now), ZONE, server, number, answer.owner, answer.type, answer)
    for ip in (WEB1, WEB2):
        for hello in (PLAIN, RSA):
            yield Presented(at(now), ENDPOINT, ip, hello, presented[ip])


@st.composite
def _done(draw: st.DrawFn, action: Action, now: float, serial: int) -> list[Fact]:
    outcomes: list[Outcome | None] = [None, Failure("TIMEOUT", ""), Receipt(serial), Receipt(serial + 1), Receipt()]
    if isinstance(action, Publish):
        outcomes.append(Conflict(action.expect))
    outcome = draw(st.sampled_from(outcomes))
    begun: list[Fact] = [Intended(at(now), action)]
    return begun if outcome is None else [*begun, Done(at(now + 0.5), action, outcome)]


def _desired(strategy: Strategy) -> DesiredService:
    combinations = (Combination(3, 1, 1),)
    return DesiredService(
        SERVICE, (LINEAGE,), ZONE, (HOST,), combinations, 10, (LOCAL,), ChallengeType.HTTP_01, strategy=strategy
    )


def _says(facts: Facts, now: datetime) -> Iterator[object]:
    """Everything that facts are asked for, without the words."""
    for owner, type in ((OWNER, TLSA), (HOST, A), (HOST, AAAA)):
        possible = possible_answers(facts, ZONE, owner, type, now, BRIEF)
        yield "held", type, {(_content(h.answer), h.until) for h in possible.held}
        yield "unknown", type, (None if possible.unknown is None else ("until", possible.unknown.until))
    reached = reach().endpoints[0]
    for ip in service_addresses(facts, reached, now, BRIEF):
        yield "presented", ip, possible_chains(facts, reached, ip, now, BRIEF)
    for action in ASKED:
        judgement = judge(action, facts, reach(), now, BRIEF)
        if isinstance(judgement, Refused):
            yield "refused", action, judgement.earliest, {(f.code, f.address, f.kinds) for f in judgement.because}
        else:
            yield "allowed", action, judgement
    for strategy in Strategy:
        planned = plan(_desired(strategy), facts, reach(), now, BRIEF)
        if isinstance(planned, Wait | Settled):
            yield strategy, _type_name(planned), getattr(planned, "code", ""), planned.until
        else:
            yield strategy, planned


def _type_name(value: object) -> str:
    return type(value).__name__


def _content(answer: Answer) -> frozenset[bytes] | None:
    return answer.rdatas if isinstance(answer, RRset) else None


def _told(facts: Facts, story: Iterable[tuple[datetime, list[Fact]]]) -> Facts:
    return facts.add(*(fact for _, told in story for fact in told))


@settings(max_examples=40, deadline=None)
@given(stories(), st.data())
def test_compacted_facts_judge_as_the_whole_ones_do(story: Story, data: st.DataObject) -> None:
    middle = story.middle
    whole = _told(Facts(BRIEF.max_gap), story[:middle])
    now = story[middle - 1][0] + timedelta(seconds=data.draw(st.sampled_from([1, 5, 29, 31, 100])))
    kept = compact(_told(Facts(BRIEF.max_gap), story[:middle]), now, BRIEF)  # what is kept of answers is not shared

    assert list(_says(kept, now)) == list(_says(whole, now))
    late = now + timedelta(seconds=data.draw(st.integers(0, 200)))
    assert list(_says(kept, late)) == list(_says(whole, late))

    shift = now - story[middle - 1][0]
    for then, told in story[middle:]:
        facts = [_later(fact, shift) for fact in told]
        whole, kept = whole.add(*facts), kept.add(*facts)
        if data.draw(st.integers(0, 2)) == 0:
            asked = then + shift + timedelta(seconds=data.draw(st.sampled_from([0.6, 5, 31])))
            assert list(_says(kept, asked)) == list(_says(whole, asked))


def _later(fact: Fact, shift: timedelta) -> Fact:
    return replace(fact, at=fact.at + shift)


def test_a_year_of_passes_is_a_few_spans() -> None:
    """A new version every five minutes: what is kept does not grow."""
    facts, sizes = Facts(BRIEF.max_gap), []
    serial = dict.fromkeys((NS1, NS2), 0)
    for tick in range(400):
        if tick % 30 == 0:
            serial = dict.fromkeys((NS1, NS2), tick // 30)
            facts = facts.add(*(Intended(at(tick * 10), PREPARED[0]), Done(at(tick * 10), PREPARED[0], Receipt())))
        facts = facts.add(Roster(at(tick * 10), ZONE, LISTED[0], NS1), Holding(at(tick * 10), LINEAGE, *STORED[0]))
        facts = facts.add(*_looked(tick * 10, dict(serial), frozenset(), {WEB1: OLD, WEB2: OLD}))
        facts = compact(facts, at(tick * 10), BRIEF)
        sizes.append(sum(len(spans) for spans in facts.spans(ZONE, OWNER, TLSA).values()) + len(facts.deeds))
    assert max(sizes) <= 6
