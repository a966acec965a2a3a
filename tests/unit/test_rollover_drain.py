"""An unknown number of servers behind one address: only new sights, for the drain time, and one old one resets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from danelaw.core.model import GenerationId, HandshakeFailure, NotOffered, Unreachable
from danelaw.core.rollover.actions import Failure, Publish, Receipt, Switch
from danelaw.core.rollover.chains import possible_chains
from danelaw.core.rollover.compaction import compact
from danelaw.core.rollover.facts import Got
from danelaw.core.rollover.gate import Allowed, judge
from rollover_history import (
    AAAA,
    ECDSA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    OLD,
    PLAIN,
    SECOND,
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
    served,
)

DRAIN = replace(LIMITS, drain=timedelta(seconds=40), standby_settle=timedelta(0))
"""A chain is over 40 s after it was left, and 5 s more for those who are checking it."""
REACHED = reach().endpoints[0]
SWITCH, BACK = (Switch(LINEAGE, LOCAL, GenerationId(n), chain) for n, chain in ((2, NEW), (1, OLD)))
FAILED = HandshakeFailure("CLOSED")
NAMES = {OLD: "old", NEW: "new", FAILED: "failed"}


def chains(history: History, second: float) -> set[str]:
    """At the first address, by facts as they are and as they are compacted."""
    facts = history.facts()
    found = possible_chains(facts, REACHED, WEB1, at(second), DRAIN)
    assert possible_chains(compact(facts, at(second), DRAIN), REACHED, WEB1, at(second), DRAIN) == found
    return {NAMES.get(chain, "?") for chain in found}


@pytest.mark.parametrize(
    ("seen", "second", "possible"),
    [
        ([(0, 10, OLD), (20, 50, NEW)], 100, {"old", "new"}),  # not seen for long enough
        ([(0, 10, OLD), (20, 60, NEW)], 65, {"old", "new"}),  # somebody may check it still
        ([(0, 10, OLD), (20, 60, NEW)], 65.1, {"new"}),
        ([(0, 10, OLD), (20, 60, NEW), (70, 70, OLD), (80, 110, NEW)], 200, {"old", "new"}),  # one old sight resets
        ([(0, 10, OLD), (20, 60, NEW), (70, 70, OLD), (80, 120, NEW)], 200, {"new"}),
        (
            [(0, 10, OLD), (20, 20, NEW), (30, 300, Unreachable("TIMEOUT"))],
            300,
            {"old", "new"},
        ),  # silence tells nothing
        ([(0, 10, OLD), (20, 20, NEW), (30, 3000, Unreachable("TIMEOUT"))], 3000, {"old", "new"}),  # however long
        ([(0, 10, OLD), (20, 20, NEW), (30, 50, Unreachable("TIMEOUT")), (60, 60, NEW)], 70, {"new"}),
        ([(0, 10, OLD), (20, 30, FAILED), (40, 60, NEW)], 70, {"failed", "new"}),  # one of them does not work
        ([(0, 10, OLD), (20, 30, FAILED), (40, 80, NEW)], 80, {"new"}),  # nobody is still checking a failure
        ([(0, 10, OLD), (20, 60, NotOffered())], 70, set()),
    ],
)
def test_a_chain_stays_possible_until_nothing_else_was_seen_for_the_drain_time(
    seen: list[tuple[float, float, Got]], second: float, possible: set[str]
) -> None:
    history = History()
    for start, end, got in seen:
        history.presents(start, end, got)
    assert chains(history, second) == possible


def test_what_one_kind_of_client_was_shown_another_may_be_too() -> None:
    history = History().presents(0, 10, OLD, hellos=[PLAIN, ECDSA]).presents(20, 100, NEW, hellos=[PLAIN])
    assert chains(history.presents(20, 50, NEW, hellos=[ECDSA]), 100) == {"old", "new"}
    assert chains(history.presents(60, 60, NEW, hellos=[ECDSA]), 100) == {"new"}


@pytest.mark.parametrize(("until", "possible"), [(50, {"old", "new"}), (60, {"old"})])
def test_what_was_handed_over_and_taken_back_may_have_reached_some_server(until: int, possible: set[str]) -> None:
    history = History().presents(0, 10, OLD).does(12, SWITCH, Receipt()).does(13, BACK, Receipt())
    assert chains(history.presents(20, until, OLD).holds(until, FIRST, SECOND, live=1), 100) == possible


@pytest.mark.parametrize(("until", "possible"), [(60, {"old", "new"}), (70, {"old"})])
def test_so_may_what_was_handed_over_without_a_known_outcome(until: int, possible: set[str]) -> None:
    """In flight until the 27th second, and then behind the balancer for the drain time."""
    history = History().presents(0, 10, OLD).does(12, SWITCH, Failure("TIMEOUT", "no reply"))
    assert chains(history.presents(20, until, OLD).holds(until, FIRST, SECOND, live=1), 100) == possible


def test_the_gate_withdraws_nothing_before() -> None:
    both, new = rrset(record(OLD), record(NEW)), rrset(record(NEW))
    history = served(both).sees(10, 100, 1, both, addresses(WEB1, WEB2), absent(HOST, AAAA)).presents(10, 100, NEW)
    history.holds(100, FIRST, SECOND, live=2).judged(100)
    withdraw = Publish(ZONE, both, new)
    allowed = [isinstance(judge(withdraw, history.facts(), reach(), at(s), DRAIN), Allowed) for s in (45, 55, 56)]
    assert allowed == [False, False, True]
