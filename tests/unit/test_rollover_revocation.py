"""When a certificate may be revoked: when nobody can be presented it any more, and whatever the operator accepts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from danelaw.core.model import Chain, CredentialFacts, GenerationId, RevocationReason, Unreachable
from danelaw.core.rollover.acceptance import ACCEPTABLE
from danelaw.core.rollover.actions import Failure, Outcome, Receipt, Revoke, Switch
from danelaw.core.rollover.facts import Done, Intended, Presented
from danelaw.core.rollover.gate import Allowed, Refused, judge
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.words import Accepted, Waived
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
    OLD,
    SECOND,
    SERVICE,
    WEB1,
    WEB2,
    History,
    absent,
    addresses,
    at,
    reach,
    record,
    rrset,
)

LEFT = 100.0
"""When every address had been seen to present the new chain for long: the look-up delay and the drain are over."""


def revoke(chain: Chain = OLD, generation: int = 1) -> Revoke:
    return Revoke(LINEAGE, GenerationId(generation), chain, RevocationReason.KEY_COMPROMISE)


def rolled(*, until: float = LEFT, live: int = 2, stored: tuple[CredentialFacts, ...] = (FIRST, SECOND)) -> History:
    """From 0 on both servers present the new chain."""
    history = History().roster(-400, NS1, NS2, primary=NS1)
    both = rrset(record(OLD), record(NEW))
    history.sees(-400, until, 1, both, addresses(WEB1, WEB2), absent(HOST, AAAA))
    history.presents(-400, -10, OLD).presents(0, until, NEW)
    return history.holds(until, *stored, live=live).judged(until)


def refusals(history: History, action: Revoke, second: float = LEFT) -> set[str]:
    judgement = judge(action, history.facts(), reach(), at(second), LIMITS)
    return {found.code for found in judgement.because} if isinstance(judgement, Refused) else set()


def test_a_certificate_that_nobody_presents_any_more_may_be_revoked() -> None:
    assert isinstance(judge(revoke(), rolled().facts(), reach(), at(LEFT), LIMITS), Allowed)


@pytest.mark.parametrize("why", ["presented", "on the path", "at one address", "just left", "nobody looked", "no such"])
def test_one_that_somebody_may_be_presented_is_not(why: str) -> None:
    match why:
        case "presented":
            found = refusals(rolled(), revoke(NEW, 2))
            assert found == {"CERTIFICATE_IN_USE"}
        case "on the path":
            assert refusals(rolled(live=1), revoke()) == {"CERTIFICATE_IN_USE"}
            nowhere = judge(revoke(), rolled(live=1).facts(), Reach(()), at(LEFT), LIMITS)
            assert isinstance(nowhere, Refused), "whoever reaches it"
        case "at one address":
            late = rolled().presents(LEFT, LEFT, OLD, by=[WEB2])
            assert refusals(late, revoke()) == {"CERTIFICATE_IN_USE"}
        case "just left":
            assert refusals(rolled(until=1), revoke(), 1) == {"CERTIFICATE_IN_USE"}
        case "nobody looked":
            unseen = rolled()
            unseen.log = [fact for fact in unseen.log if getattr(fact, "address", None) != WEB2]
            assert refusals(unseen, revoke()) == {"UNPROBED"}
        case "no such":
            assert refusals(rolled(), revoke(OLD, 2)) == {"NOT_STORED"}
            assert refusals(rolled(stored=(SECOND,)), revoke()) == {"NOT_STORED"}


def test_whatever_the_operator_accepts() -> None:
    history = rolled().presents(LEFT, LEFT, OLD, by=[WEB2])
    history.log.append(Accepted(at(0), SERVICE, frozenset({*ACCEPTABLE, "CERTIFICATE_IN_USE"}), at(1000), "eva"))
    assert refusals(history, revoke()) == {"CERTIFICATE_IN_USE"}


def test_an_address_that_is_silent_is_waited_for_unless_it_is_waived() -> None:
    silent = rolled()
    silent.log = [fact for fact in silent.log if not (isinstance(fact, Presented) and fact.at >= at(0))]
    silent.presents(0, LEFT, NEW, by=[WEB1]).presents(0, LEFT, Unreachable("TIMEOUT"), by=[WEB2])
    assert refusals(silent, revoke()) == {"CERTIFICATE_IN_USE"}
    silent.log.append(Waived(at(0), SERVICE, WEB2, at(0) + timedelta(days=1), "eva"))
    assert refusals(silent, revoke()) == set()


@pytest.mark.parametrize("outcome", [None, Receipt(), Failure("TIMEOUT", "")])
def test_what_was_to_be_revoked_comes_in_front_of_no_client_again(outcome: Outcome | None) -> None:
    """Not even where the records that clients find name nothing else."""
    back, history = Switch(LINEAGE, LOCAL, GenerationId(1), OLD), rolled()
    assert isinstance(judge(back, history.facts(), reach(), at(LEFT), LIMITS), Allowed)
    history.log.append(Intended(at(LEFT - 1), revoke()))
    if outcome is not None:
        history.log.append(Done(at(LEFT - 0.9), revoke(), outcome))
    judgement = judge(back, history.facts(), reach(), at(LEFT), LIMITS)
    assert isinstance(judgement, Refused)
    assert [found.code for found in judgement.because] == ["CERTIFICATE_REVOKED"]
