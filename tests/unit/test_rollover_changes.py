"""Another CA, another name, other parameters: what the planner does next, from what is known."""

from __future__ import annotations

from dataclasses import replace

import dns.name
import pytest

from danelaw.core.model import (
    Challenge,
    ChallengeType,
    Failed,
    GenerationId,
    Issued,
    NeedChallenge,
    OrderState,
    Pending,
)
from danelaw.core.rollover.actions import AdvanceOrder, MakeKey, Outcome, Publish, ReuseKey
from danelaw.core.rollover.planner import DesiredService, Plan, Settled, plan
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination
from rollover_history import (
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    OLD,
    SECOND,
    SERVICE,
    ZONE,
    History,
    at,
    reach,
    record,
    rrset,
    served,
)

X = rrset(record(OLD))
FRESH = replace(SECOND, chain=None)
PINNED = DesiredService(
    SERVICE,
    (LINEAGE,),
    ZONE,
    (HOST,),
    (Combination(3, 1, 1),),
    30,
    (LOCAL,),
    ChallengeType.HTTP_01,
    strategy=Strategy.PINNED,
    issuer="here",
)
REUSE, MAKE = ReuseKey(LINEAGE, GenerationId(1)), MakeKey(LINEAGE)


def planned(history: History, d: DesiredService = PINNED) -> Plan:
    return plan(d, history.facts(), reach(), at(0), LIMITS)


def issued_by(issuer: str | None) -> History:
    order = OrderState((HOST,), url="https://ca.test/1", issuer=issuer)
    step = AdvanceOrder(LINEAGE, GenerationId(1), order)
    return served(X).holds(0, FIRST, live=1).does(-100, step, Issued(order, OLD))


# -- another CA --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", Strategy)
def test_a_certificate_of_another_ca_is_renewed_at_once(strategy: Strategy) -> None:
    wanted = replace(PINNED, strategy=strategy)
    first = planned(issued_by("elsewhere"), wanted)
    assert first == (MAKE if strategy is Strategy.STAGED else REUSE)


@pytest.mark.parametrize("issuer", ["here", None])
def test_a_certificate_of_the_same_ca_is_not_nor_one_of_which_that_is_not_known(issuer: str | None) -> None:
    assert isinstance(planned(issued_by(issuer)), Settled)
    assert isinstance(planned(served(X).holds(0, FIRST, live=1)), Settled)


@pytest.mark.parametrize(("issuer", "replaces"), [("here", OLD), ("elsewhere", None)])
def test_only_a_certificate_of_its_own_is_named_to_a_ca_as_the_one_to_be_replaced(
    issuer: str, replaces: object
) -> None:
    """RFC 9773 §5: it refuses the order else."""
    step = planned(issued_by(issuer).holds(0, FIRST, FRESH, live=1))
    assert isinstance(step, AdvanceOrder)
    assert (step.order.replaces, step.order.issuer, step.order.url) == (replaces, "here", None)


def _outcomes(order: OrderState) -> tuple[Outcome, ...]:
    challenge = Challenge("https://ca.test/c", ChallengeType.HTTP_01, HOST, "token", "response")
    return (
        NeedChallenge(order, (challenge,)),
        Pending(order, at(999)),
        Failed(order, "unauthorized", "", at(999)),
    )


@pytest.mark.parametrize("index", range(3))
def test_an_order_at_the_ca_that_was_left_is_not_gone_on_with(index: int) -> None:
    order = OrderState((HOST,), url="https://elsewhere.test/1", issuer="elsewhere")
    step = AdvanceOrder(LINEAGE, GenerationId(2), order)
    history = served(X).holds(0, FIRST, FRESH, live=1).does(-5, step, _outcomes(order)[index])
    fresh = AdvanceOrder(LINEAGE, GenerationId(2), OrderState((HOST,), replaces=OLD, issuer="here"))
    assert planned(history) == fresh


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [Strategy.STAGED, Strategy.PINNED])
def test_a_certificate_that_lacks_a_name_is_renewed_whatever_else_is_waited_for(strategy: Strategy) -> None:
    """The records at the new name wait for it, and nothing would ever be at rest."""
    two = replace(PINNED, names=(HOST, dns.name.from_text("mail.example.net.")), strategy=strategy)
    unconfirmed = served(X).presents(1, 1, NEW).holds(0, FIRST, live=1)
    assert planned(unconfirmed, two) == (MAKE if strategy is Strategy.STAGED else REUSE)


# -- parameters --------------------------------------------------------------------------------------------------------


def test_new_parameters_come_with_the_key_that_serves_and_the_one_to_come() -> None:
    both = replace(PINNED, combinations=(Combination(3, 1, 1), Combination(3, 1, 2)))
    four = rrset(*(record(chain, text) for chain in (OLD, NEW) for text in ("3 1 1", "3 1 2")))
    there = rrset(record(OLD), record(NEW))
    assert planned(served(there).holds(0, FIRST, SECOND, live=1), both) == Publish(ZONE, there, four)
