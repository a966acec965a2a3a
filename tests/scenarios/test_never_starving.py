"""A renewal waits for nothing that it can do without: a roll that is blocked does not let the certificate end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from strategic import HASTE, Living, record
from virtual import served_tlsa

from danelaw.core.model import GenerationId
from danelaw.core.rollover.succession import Strategy

pytestmark = pytest.mark.slow

BLOCKED = replace(HASTE, pass_interval=timedelta(seconds=30), retention=timedelta(days=3650))
HOURS = timedelta(hours=4)
"""Of a certificate; it was valid for two of them when it was issued, and another two thirds of them have to pass."""


def blocked() -> Living:
    """A roll has begun, and a secondary is silent for ever: the union never settles."""
    life = Living(Strategy.STAGED, BLOCKED, HOURS)
    life.world.zone.authorities[1].silent = True
    life.world.ca.suggest_renewal()
    life.run(lambda: GenerationId(2) in life.world.credentials.generations)
    return life


def test_a_roll_that_cannot_settle_does_not_let_the_certificate_end() -> None:
    life = blocked()
    first = life.serving
    life.run(lambda: life.serving.generation != first.generation, 7200)
    assert life.serving.spki == first.spki
    age = life.world.clock.now() - first.created
    assert timedelta(minutes=75) <= age <= timedelta(minutes=90)
    assert record(first) in served_tlsa(life.world)
    assert life.world.crowd.refused() == []


def test_after_a_renewal_in_between_the_roll_goes_on() -> None:
    life = blocked()
    first = life.serving
    life.run(lambda: life.serving.generation != first.generation, 7200)
    life.world.zone.authorities[1].silent = False
    life.run(lambda: life.serving.spki != first.spki, 3600)
    life.settle(3600)
    assert served_tlsa(life.world) == {record(life.serving)}
    assert life.world.crowd.refused() == []
