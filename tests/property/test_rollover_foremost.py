"""Of the versions with the same content only the latest is looked at, and nothing hangs on the others."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from danelaw.core.model import Instant, Limits, RRset
from danelaw.core.rollover import answers
from danelaw.core.rollover.facts import Fact, Roster, Sight
from danelaw.core.rollover.fold import Facts
from rollover_history import NS1, NS2, OWNER, TLSA, ZONE, at

LIMITS = Limits(
    pass_interval=timedelta(seconds=10),
    hold_floor=timedelta(0),
    lookup_delay=timedelta(seconds=5),
    assumed_past_ttl=timedelta(seconds=20),
    retention=timedelta(seconds=150),
)

SERIALS = st.one_of(st.integers(1, 5), st.sampled_from([0, 2**31, 2**31 + 1, 2**31 + 2, 2**32 - 1]))

SIGHTS = st.lists(
    st.tuples(
        st.sampled_from([1, 9, 31, 200]),
        st.sampled_from([NS1, NS2]),
        SERIALS,
        st.integers(0, 2),
        st.sampled_from([0, 30]),
    ),
    min_size=1,
    max_size=14,
)


AROUND = [
    (1, server, serial, content, 30) for serial, content in ((1, 0), (2, 0), (2**31 + 1, 1)) for server in (NS1, NS2)
]
"""The last serial is above the second, and not above the first, which is below the second (RFC 1982 §3.2)."""


@settings(max_examples=400, deadline=None)
@given(SIGHTS, st.sampled_from([1, 29, 31, 70, 149, 400]))
@example(AROUND, 29)
def test_what_is_held_and_until_when_does_not_depend_on_the_versions_that_are_passed_over(
    sights: list[tuple[int, object, int, int, int]], later: int
) -> None:
    seconds = 0
    told: list[Fact] = []
    for pause, server, serial, content, ttl in sights:
        seconds += pause
        answer = RRset(OWNER, TLSA, ttl, frozenset({bytes([content])}))
        assert server in (NS1, NS2)
        where = NS1 if server == NS1 else NS2
        told += [
            Roster(at(seconds), ZONE, frozenset({NS1, NS2}), NS1),
            Sight(at(seconds), ZONE, where, serial, OWNER, TLSA, answer),
        ]
    facts = Facts(LIMITS.max_gap).add(*told)
    now = at(seconds + later)
    found = held(facts, now)
    with mock.patch.object(answers, "foremost", lambda versions: versions):
        assert found == held(Facts(LIMITS.max_gap).add(*told), now)


def held(facts: Facts, now: Instant) -> set[tuple[object, Instant | None]]:
    possible = answers.possible_answers(facts, ZONE, OWNER, TLSA, now, LIMITS)
    contents = {h.answer.rdatas if isinstance(h.answer, RRset) else None: h.until for h in possible.held}
    return set(contents.items())
