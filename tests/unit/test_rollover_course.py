"""Which key serves, which stands by, what is ordered and begun: each strategy, from what the store holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from danelaw.core.model import ChallengeType, CredentialFacts, GenerationId, Limits, SubjectName
from danelaw.core.rollover.actions import MakeKey, Receipt, ReuseKey, Switch
from danelaw.core.rollover.course import Course, stands_by
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.plans import DesiredService, Outlook
from danelaw.core.rollover.succession import Strategy, keys_of
from danelaw.core.tlsa import Combination
from rollover_history import (
    AAAA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    NS1,
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
    chain_of,
    credential,
    reach,
    record,
    rrset,
    served,
)
from tlsa_chains import INTERMEDIATE, LEAF, RENEWED, issue

DAY = 86400.0
DUE, URGENT = 31 * DAY, 46 * DAY
"""Certificates are valid for 90 days, of which 30 are over at 0: two thirds are over at 30, five sixths at 45."""
FRESH = replace(SECOND, chain=None)
THIRD = credential(3, issue("third", INTERMEDIATE, names=("www.example.net",)), None)
LONG = replace(LIMITS, key_lifetime=timedelta(days=3650), standby_settle=timedelta(seconds=100))
XY = rrset(record(OLD), record(NEW))


def desired(strategy: Strategy) -> DesiredService:
    return DesiredService(
        SERVICE,
        (LINEAGE,),
        ZONE,
        (HOST,),
        (Combination(3, 1, 1),),
        30,
        (LOCAL,),
        ChallengeType.HTTP_01,
        strategy=strategy,
    )


def course(strategy: Strategy, history: History, second: float, limits: Limits = LONG) -> Course:
    facts = history.facts()
    holding = facts.holding(LINEAGE)
    assert holding is not None
    outlook = Outlook(facts, reach(), at(second), limits)
    return Course.of(desired(strategy), outlook, holding)


def store(*generations: CredentialFacts, live: int = 1) -> History:
    return History().holds(0, *generations, live=live)


def asked(history: History, second: float, *, emergency: bool = False) -> History:
    history.log.append(Requested(at(second), LINEAGE, "operator", emergency))
    return history


def beside(found: Course) -> list[bytes]:
    return [key.spki for key in found.beside]


# -- renewal -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [(Strategy.STAGED, MakeKey(LINEAGE)), (Strategy.PINNED, ReuseKey(LINEAGE, GenerationId(1)))],
)
def test_a_staged_renewal_has_another_key_and_a_pinned_one_the_same(strategy: Strategy, expected: object) -> None:
    assert course(strategy, store(FIRST), 0).begin is None
    assert course(strategy, store(FIRST), DUE).begin == expected


def test_the_newest_certificate_of_a_key_serves() -> None:
    renewed = credential(2, LEAF, chain_of(issue("leaf", INTERMEDIATE, names=("www.example.net",), key=LEAF.key)))
    target = course(Strategy.PINNED, store(FIRST, renewed), 0).target
    assert target is not None
    assert target.facts == renewed


# -- never starving ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", Strategy)
def test_near_its_end_a_certificate_is_renewed_with_its_key_whatever_holds_the_next_roll_up(strategy: Strategy) -> None:
    """No roll has begun, and none may: a server presents something else, or old records linger."""
    assert course(strategy, store(FIRST), URGENT).at_once == ReuseKey(LINEAGE, GenerationId(1))


@pytest.mark.parametrize("strategy", Strategy)
def test_while_there_is_time_a_roll_goes_its_way(strategy: Strategy) -> None:
    assert course(strategy, store(FIRST, FRESH), 0).at_once is None


def test_near_the_end_of_its_certificate_the_key_that_serves_is_renewed_and_the_coming_one_stays_published() -> None:
    found = course(Strategy.STAGED, store(FIRST, SECOND), URGENT)
    assert found.at_once == ReuseKey(LINEAGE, GenerationId(1))
    assert beside(found) == [SECOND.spki]


# -- standby -----------------------------------------------------------------------------------------------------------


def test_a_standby_is_made_once_the_first_key_serves() -> None:
    assert course(Strategy.STANDBY, store(FIRST), 0).at_once == MakeKey(LINEAGE)
    assert course(Strategy.STANDBY, store(FIRST, FRESH), 0).at_once is None


def test_a_standby_is_published_and_kept() -> None:
    found = course(Strategy.STANDBY, store(FIRST, FRESH), 0)
    assert beside(found) == [FRESH.spki]
    assert {FIRST.spki, FRESH.spki} <= found.needed
    assert found.ordered is None


def test_a_standby_that_is_asked_for_stays_published_while_its_certificate_is_on_order() -> None:
    found = course(Strategy.STANDBY, asked(store(FIRST, FRESH), 0), 1)
    assert found.ordered == FRESH
    assert beside(found) == [FRESH.spki]
    assert found.target is not None
    assert found.target.facts == FIRST


def test_a_standby_that_has_its_certificate_is_the_target_when_it_is_asked_for() -> None:
    found = course(Strategy.STANDBY, asked(store(FIRST, SECOND), 0), 1)
    assert found.target is not None
    assert found.target.facts == SECOND


def published(since: float) -> History:
    history = served(rrset(record(OLD)), until=since - 10)
    history.sees(since, since + 200, 2, XY, addresses(WEB1, WEB2), absent(HOST, AAAA))
    return history.holds(since + 200, FIRST, SECOND, live=1)


def test_by_the_calendar_a_standby_takes_over_once_it_has_been_published_for_long() -> None:
    old = replace(LONG, key_lifetime=timedelta(seconds=500))
    targets = [course(Strategy.STANDBY, published(0), second, old).target for second in (99, 100)]
    assert [target.facts if target else None for target in targets] == [FIRST, SECOND]
    young = course(Strategy.STANDBY, published(0), 200).target
    assert young is not None
    assert young.facts == FIRST


def test_a_standby_that_one_authority_lost_is_not_settled() -> None:
    old = replace(LONG, key_lifetime=timedelta(seconds=500))
    history = published(0).sees(210, 250, 3, rrset(record(OLD)), by=[NS1]).holds(250, FIRST, SECOND, live=1)
    target = course(Strategy.STANDBY, history, 250, old).target
    assert target is not None
    assert target.facts == FIRST


def test_keys_live_for_a_tenth_less_than_their_lifetime_at_the_most_and_not_all_alike() -> None:
    """Those who enrolled together do not roll together."""
    (key,) = keys_of(store(FIRST).facts().holding(LINEAGE))  # type: ignore[arg-type]  # it is there
    lifetime = timedelta(days=180)
    dues = {key.due(SubjectName(f"{n}.example.net:443/tcp"), lifetime) - key.created for n in range(50)}
    assert len(dues) == 50
    assert lifetime * 0.9 <= min(dues) < lifetime * 0.93
    assert lifetime * 0.97 < max(dues) <= lifetime
    assert key.due(SERVICE, lifetime) == key.due(SERVICE, lifetime)


# -- what the operator asks for ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [Strategy.STAGED, Strategy.PINNED])
def test_another_key_is_made_when_the_operator_asks_and_not_twice(strategy: Strategy) -> None:
    assert course(strategy, asked(store(FIRST), -10), 0).begin == MakeKey(LINEAGE)
    later = replace(SECOND, created=at(-5))
    assert course(strategy, asked(store(FIRST, later, live=2), -10), 0).begin is None


def test_an_emergency_is_over_with_the_roll_that_it_called_for() -> None:
    second, third = replace(SECOND, created=at(-5)), replace(THIRD, chain=chain_of(LEAF), created=at(-2))
    assert course(Strategy.STAGED, asked(store(FIRST), -10, emergency=True), 0).emergency
    assert course(Strategy.STAGED, asked(store(FIRST, second), -10, emergency=True), 0).emergency
    assert not course(Strategy.STAGED, asked(store(FIRST, second, third), -10, emergency=True), 0).emergency
    assert not course(Strategy.STAGED, asked(store(FIRST, second), -10), 0).emergency


def test_a_standby_serves_since_it_was_switched_to_however_old_it_is() -> None:
    history = asked(store(FIRST, SECOND, live=2), -10, emergency=True)
    history.does(-8, Switch(LINEAGE, LOCAL, GenerationId(2), NEW), Receipt())
    found = course(Strategy.STANDBY, history, 0)
    assert found.target is not None
    assert found.target.facts == SECOND
    assert found.emergency
    assert found.at_once == MakeKey(LINEAGE)
    assert RENEWED.spki in found.needed


@pytest.mark.parametrize(
    ("strategy", "second", "there"),
    [(Strategy.STANDBY, 99, False), (Strategy.STANDBY, 100, True), (Strategy.STAGED, 100, False)],
)
def test_a_key_stands_by_once_it_has_been_published_for_long(strategy: Strategy, second: float, there: bool) -> None:
    facts = published(0).facts()
    holding = facts.holding(LINEAGE)
    assert holding is not None
    assert stands_by(desired(strategy), Outlook(facts, reach(), at(second), LONG), holding) is there


# -- what an emergency leaves behind -----------------------------------------------------------------------------------


def test_the_key_that_an_emergency_leaves_is_known_once_another_has_its_place() -> None:
    alone = asked(store(FIRST), 0, emergency=True)
    assert course(Strategy.PINNED, alone, 1).compromised == (), "it still serves"
    left = asked(store(FIRST, SECOND), 0, emergency=True)
    left.does(1, Switch(LINEAGE, LOCAL, SECOND.generation, NEW), Receipt())
    for strategy in Strategy:
        found = course(strategy, left.holds(2, FIRST, SECOND, live=2), 2).compromised
        assert [key.spki for key in found] == [FIRST.spki]
    assert course(Strategy.PINNED, asked(store(FIRST, SECOND, live=2), 0), 2).compromised == (), "nobody said so"
