"""What feasibility says of a renewal, and what the engine takes for one in virtual time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from strategic import HASTE, Living

from danelaw.core.model import Instant, Limits
from danelaw.core.rollover.feasibility import Feasible, Terms, feasible
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa.credential import leaf_validity

pytestmark = pytest.mark.slow

NARROW = replace(HASTE, clock_skew=timedelta(0))
SPENT = timedelta(hours=2)
"""So old is a certificate of the simulated CA when it is issued."""


def terms(strategy: Strategy, limits: Limits, lifetime: timedelta | None = None) -> Terms:
    return Terms(strategy, limits, 2, lifetime, 12 * limits.pass_interval, attempts=0, negative_ttl=1)


def renewed(life: Living) -> tuple[Instant, Instant]:
    """When a renewal was due, and when every address presented its certificate."""
    first = life.serving
    life.world.ca.suggest_renewal()
    due = life.world.clock.now()

    def everywhere() -> bool:
        chains = {address.chain for address in life.world.servers.addresses}
        return life.serving.generation != first.generation and chains == {life.serving.chain}

    life.run(everywhere, 600)
    return due, life.world.clock.now()


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("interval", [0.5, 3.0])
def test_a_renewal_without_faults_takes_no_longer_than_was_said(strategy: Strategy, interval: float) -> None:
    """But for the looks at the CA, which come beside the passes."""
    limits = replace(NARROW, pass_interval=timedelta(seconds=interval))
    verdict = feasible(terms(strategy, limits))
    assert isinstance(verdict, Feasible)
    said = sum((span.takes for span in verdict.spans), timedelta(0)) + limits.renewal_check
    due, done = renewed(Living(strategy, limits))
    assert done - due <= said


@pytest.mark.parametrize("strategy", Strategy)
def test_what_is_accepted_is_renewed_before_its_end_with_the_slack_that_was_said(strategy: Strategy) -> None:
    """By the fraction of its lifetime, and by no window of the CA."""
    lifetime = SPENT + timedelta(seconds=240)
    late = (SPENT + timedelta(seconds=60)) / lifetime
    limits = replace(NARROW, renew_fraction=late, urgent_fraction=(1 + late) / 2)
    verdict = feasible(terms(strategy, limits, lifetime))
    assert isinstance(verdict, Feasible)
    assert verdict.slack is not None
    life = Living(strategy, limits, lifetime)
    first = life.serving
    assert first.chain is not None
    validity = leaf_validity(first.chain)
    assert validity is not None
    life.run(lambda: life.serving.generation != first.generation, 300)
    left = validity.end - life.world.clock.now()
    assert left >= verdict.slack - limits.pass_interval
    assert life.world.crowd.refused() == []
