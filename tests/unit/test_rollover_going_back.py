"""A server that does not come back with what it was given gets what it had before, if no client would refuse that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from danelaw.core.model import ChallengeType, GenerationId, HandshakeFailure
from danelaw.core.rollover.actions import Failure, Outcome, Receipt, Switch
from danelaw.core.rollover.facts import Got, Requested
from danelaw.core.rollover.planner import DesiredService, Plan, Wait, plan
from danelaw.core.tlsa import Combination
from rollover_history import (
    AAAA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    OLD,
    SECOND,
    SERVICE,
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

ALSO = (addresses(WEB1, WEB2), absent(HOST, AAAA))
XY = rrset(record(OLD), record(NEW))
DESIRED = DesiredService(
    SERVICE, (LINEAGE,), ZONE, (HOST,), (Combination(3, 1, 1),), 30, (LOCAL,), ChallengeType.HTTP_01
)
TO_OLD, TO_NEW = (Switch(LINEAGE, LOCAL, GenerationId(n), chain) for n, chain in ((1, OLD), (2, NEW)))
FAILED = Failure("RELOAD_FAILED", "the reload ended with status 1")
DOWN = HandshakeFailure("CONNECTION_REFUSED")
"""It listens no more."""


def planned(history: History, second: float) -> Plan:
    return plan(DESIRED, history.facts(), reach(), at(second), LIMITS)


def seen(history: History, start: float, end: float, got: Got, path: int) -> History:
    """What is presented, and what lies on the path at the end."""
    history.sees(start, end, 1, XY, *ALSO).judged(end)
    return history.presents(start, end, got).holds(end, FIRST, SECOND, live=path)


def switched(outcome: Outcome, then: Got, end: float, path: int = 2) -> History:
    """At second 1, with the records of both settled."""
    return seen(served(XY).does(1, TO_NEW, outcome), 2, end, then, path)


def going_back(end: float, outcome: Outcome = FAILED) -> History:
    """The reload failed, and at second 3 the host was given what it had."""
    history = switched(outcome, DOWN, 2.5).does(3, TO_OLD, Receipt())
    return seen(history, 4, end, OLD, 1)


def waits(step: Plan) -> Wait:
    assert isinstance(step, Wait), step
    return step


@pytest.mark.parametrize("then", [OLD, DOWN])
def test_a_reload_that_failed_is_taken_back_at_once(then: Got) -> None:
    assert planned(switched(FAILED, then, 8), 8) == TO_OLD


def test_but_not_where_the_server_presents_the_new_one_all_the_same() -> None:
    assert planned(switched(FAILED, NEW, 8), 8) != TO_OLD


@pytest.mark.parametrize("code", ["DEPLOY_CONFIG_TEST", "HOST_UNREACHABLE", "TIMEOUT"])
def test_nor_where_nothing_was_reloaded_or_nobody_knows(code: str) -> None:
    for path in (1, 2):
        assert planned(switched(Failure(code, ""), OLD, 8, path), 8) != TO_OLD


def test_nor_where_it_was_put_back_by_other_hands() -> None:
    assert planned(switched(FAILED, OLD, 8, path=1), 8) != TO_OLD


def test_a_server_that_does_not_listen_any_more_gets_it_once_the_switch_has_had_its_time() -> None:
    soon = 1.1 + LIMITS.in_flight.total_seconds()
    assert planned(switched(Receipt(), DOWN, soon - 0.1), soon - 0.1) != TO_OLD
    assert planned(switched(Receipt(), DOWN, soon), soon) == TO_OLD


def test_but_not_one_that_had_ceased_to_before() -> None:
    """Another credential is not what it lacks."""
    history = served(XY).presents(0.5, 0.9, DOWN).does(1, TO_NEW, Receipt())
    assert planned(seen(history, 2, 40, DOWN, 2), 40) != TO_OLD


@pytest.mark.parametrize("outcome", [Receipt(), FAILED])
def test_nor_one_that_came_back_with_it_and_fell_silent_later(outcome: Outcome) -> None:
    history = switched(outcome, NEW, 100)
    assert planned(seen(history, 101, 140, DOWN, 2), 140) != TO_OLD


def test_nor_one_that_merely_presents_what_it_did() -> None:
    """It is reloaded again."""
    assert planned(switched(Receipt(), OLD, 40), 40) == TO_NEW


def test_a_key_that_is_lost_is_not_taken_back() -> None:
    history = switched(FAILED, DOWN, 8)
    history.log.append(Requested(at(-998.5), LINEAGE, "operator", emergency=True))
    assert planned(history, 8) != TO_OLD


def test_the_new_one_is_tried_again_later_ever_more_seldom() -> None:
    wait = waits(planned(going_back(8), 8))
    assert wait.code == "NOT_CONFIRMED"
    assert "was given the one before" in wait.because
    assert (wait.since, wait.until) == (at(3.1), at(3.1) + LIMITS.in_flight)
    first = 25
    assert planned(going_back(first), first) == TO_NEW
    again = seen(going_back(first).does(first, TO_NEW, FAILED), first + 0.2, first + 1, DOWN, 2)
    assert planned(again, first + 1) == TO_OLD
    twice = seen(again.does(first + 2, TO_OLD, Receipt()), first + 3, first + 4, OLD, 1)
    until = waits(planned(twice, first + 4)).until
    assert until == at(first + 2.1) + 2 * LIMITS.in_flight


def test_nothing_is_taken_back_that_a_client_would_refuse() -> None:
    """Only records of the new key are left."""
    history = switched(FAILED, DOWN, 8)
    gone = replace(history, log=[fact for fact in history.log if getattr(fact, "answer", None) != XY])
    gone.sees(-4000, 8, 1, rrset(record(NEW)), *ALSO)
    assert planned(gone, 8) != TO_OLD
