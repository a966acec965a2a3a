"""Records of a CA beside those of the key: what is published of them, and the time that a renewal needs for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from danelaw.core.model import Limits
from danelaw.core.rollover.feasibility import Feasible, Infeasible, Terms, feasible, mixes_intermediates
from danelaw.core.rollover.steps import Step
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination
from danelaw.core.tlsa.credential import associations
from rollover_history import OLD, record
from tlsa_chains import LEAF

SIX_DAYS = timedelta(hours=160)
EVERY = [Combination(usage, 1, 1) for usage in range(4)]


def test_a_key_without_a_certificate_is_named_under_no_usage_of_a_ca() -> None:
    """What it would name is the key itself, as if that issued certificates."""
    assert {str(found.combination) for found in associations(EVERY, None, LEAF.spki)} == {"1 1 1", "3 1 1"}


def test_the_ca_is_named_by_the_certificate_that_is_presented() -> None:
    assert record(OLD, "2 1 1") in associations(EVERY, OLD, LEAF.spki)
    bare = replace(OLD, ders=OLD.ders[:1])
    assert {str(found.combination) for found in associations(EVERY, bare, LEAF.spki)} == {"1 1 1", "3 1 1"}


@pytest.mark.parametrize("strategy", [Strategy.STANDBY, Strategy.PINNED])
def test_a_renewal_that_changes_nothing_else_may_have_to_wait_for_the_record_of_another_ca(strategy: Strategy) -> None:
    plain = Terms(strategy, Limits(), 3600, timedelta(days=45), timedelta(hours=1))
    found = {ta: feasible(replace(plain, ta=ta)) for ta in (False, True)}
    steps = {
        ta: {span.step for span in verdict.spans} for ta, verdict in found.items() if isinstance(verdict, Feasible)
    }
    assert steps[True] - steps[False] == {Step.PUBLISH, Step.VISIBLE, Step.SETTLE}


def test_what_does_not_fit_in_before_the_end_is_refused() -> None:
    plain = Terms(Strategy.PINNED, Limits(), 86400, SIX_DAYS, timedelta(hours=1), ta=True)
    verdict = feasible(plain)
    assert isinstance(verdict, Infeasible)
    assert "leave ta out" in verdict.remedy
    assert isinstance(feasible(replace(plain, ta=False)), Feasible)
    assert isinstance(feasible(replace(plain, tlsa_ttl=3600, limits=Limits(linger=timedelta(days=1)))), Feasible)


@pytest.mark.parametrize(
    ("directory", "mixes"),
    [
        ("https://acme-v02.api.letsencrypt.org/directory", True),
        ("https://acme-staging-v02.api.letsencrypt.org/directory", True),
        ("https://ca.example/acme-v02.api.letsencrypt.org/directory", False),
        ("https://ca.internal/directory", False),
    ],
)
def test_lets_encrypt_is_known_to_mix_its_intermediates(directory: str, mixes: bool) -> None:
    assert mixes_intermediates(directory) is mixes
