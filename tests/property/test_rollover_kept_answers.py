"""What was found to be held is kept from pass to pass: it is what would be found without."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from danelaw.core.model import IP, Absence, Answer, Limits, RRset, SubjectName
from danelaw.core.rollover.actions import Conflict, Failure, Publish, Receipt
from danelaw.core.rollover.answers import possible_answers
from danelaw.core.rollover.facts import Began, Done, Fact, Intended, Roster, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.words import Waived
from rollover_history import NS1, NS2, NS3, OWNER, TLSA, ZONE, at

LIMITS = Limits(
    pass_interval=timedelta(seconds=10),
    hold_floor=timedelta(0),
    lookup_delay=timedelta(seconds=5),
    assumed_past_ttl=timedelta(seconds=20),
    retention=timedelta(seconds=150),
    in_flight=timedelta(seconds=15),
)
SUBJECT = SubjectName(ZONE.to_text())
ANSWERS: list[Answer] = [
    RRset(OWNER, TLSA, 30, frozenset({b"\x01"})),
    RRset(OWNER, TLSA, 30, frozenset({b"\x02"})),
    Absence(OWNER, TLSA, 10),
]
SERVERS: list[IP] = [NS1, NS2, NS3]


def say(server: IP, serial: int, content: int) -> Sight:
    return Sight(at(0), ZONE, server, serial, OWNER, TLSA, ANSWERS[content])


SAYINGS = st.builds(say, st.sampled_from(SERVERS), st.integers(1, 3), st.integers(0, 2))
SILENCE = st.sampled_from([Sight(at(0), ZONE, ip, None, OWNER, TLSA, None) for ip in SERVERS])
REFUSAL = st.sampled_from([Sight(at(0), ZONE, ip, None, OWNER, TLSA, None, refused=True) for ip in (NS2, NS3)])
ROSTERS = st.sampled_from(
    [
        Roster(at(0), ZONE, frozenset({NS1, NS2}), NS1),
        Roster(at(0), ZONE, frozenset({NS1}), NS1),
        Roster(at(0), ZONE, frozenset(SERVERS)),
    ]
)
PUBLISH = Publish(ZONE, ANSWERS[0], ANSWERS[1])
DEEDS = st.sampled_from(
    [
        Intended(at(0), PUBLISH),
        Done(at(0), PUBLISH, Receipt(2)),
        Done(at(0), PUBLISH, Failure("TIMEOUT", "")),
        Done(at(0), PUBLISH, Conflict(ANSWERS[2])),
    ]
)
OTHERS = st.sampled_from([Began(at(0), SUBJECT, "a test"), Waived(at(0), SUBJECT, NS2, at(60), "somebody", "a test")])
GOING_ON = None
"""Nothing but what is always seen: every authority says what it said before."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from([1, 9, 9, 9, 25, 25, 31, 70]),
        st.one_of(st.none(), st.none(), SAYINGS, SAYINGS, SILENCE, REFUSAL, ROSTERS, DEEDS, OTHERS),
    ),
    min_size=4,
    max_size=25,
)


@settings(max_examples=250, deadline=None)
@given(STEPS, SAYINGS)
@example([(1, Done(at(0), PUBLISH, Failure("TIMEOUT", ""))), *[(9, GOING_ON)] * 9], say(NS1, 1, 0))
@example([*[(25, GOING_ON)] * 4, (9, Intended(at(0), PUBLISH)), *[(9, GOING_ON)] * 9], say(NS1, 1, 0))
@example([*[(25, GOING_ON)] * 4, (9, say(NS1, 2, 1)), (9, say(NS1, 3, 0)), *[(25, GOING_ON)] * 12], say(NS1, 1, 0))
@example([*[(25, GOING_ON)] * 4, (9, say(NS1, 2, 1)), (9, say(NS2, 2, 1)), *[(9, GOING_ON)] * 3], say(NS1, 3, 1))
@example([*[(25, GOING_ON)] * 4, (9, say(NS1, 2, 1)), (9, say(NS2, 2, 1)), *[(9, GOING_ON)] * 3], say(NS2, 2, 2))
def test_what_is_kept_is_what_would_be_found_anew(steps: list[tuple[int, Fact | None]], otherwise: Sight) -> None:
    """``otherwise``: what might have been seen instead, in a course that is looked at beside it."""
    said: dict[IP, Sight] = {NS1: say(NS1, 1, 0), NS2: say(NS2, 1, 0)}
    roster = Roster(at(0), ZONE, frozenset({NS1, NS2}), NS1)
    told: list[Fact] = [roster, *said.values()]
    going_on = Facts(LIMITS.max_gap).add(*told)
    second = 0
    for pause, step in steps:
        second += pause
        here = dict(said)
        match step:
            case Roster():
                roster = step
            case Sight(answer=None):
                here[step.server] = step
            case Sight():
                here[step.server] = said[step.server] = step
        seen: list[Fact] = [roster, *here.values()]
        news = [moved(fact, second) for fact in seen]
        if isinstance(step, Intended | Done | Began | Waived):
            news.append(moved(step, second))
        others = [*told, *(moved(otherwise if fact is here.get(otherwise.server) else fact, second) for fact in seen)]
        beside = going_on.add(*others[len(told) :])
        going_on = going_on.add(*news)
        told += news
        for facts, all_told, later in ((going_on, told, 0), (beside, others, 0), (going_on, told, 1)):
            anew = Facts(LIMITS.max_gap).add(*all_told)
            now = at(second + later)
            kept = possible_answers(facts, ZONE, OWNER, TLSA, now, LIMITS)
            assert kept == possible_answers(anew, ZONE, OWNER, TLSA, now, LIMITS), (second, later)


def moved(fact: Fact, second: int) -> Fact:
    """The same, told at another time."""
    if isinstance(fact, Waived):
        return replace(fact, at=at(second), until=at(second + 60))
    return replace(fact, at=at(second))
