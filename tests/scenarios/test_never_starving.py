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


SOON = replace(BLOCKED, urgent_fraction=0.7)
QUARTERS = timedelta(minutes=195)
"""Of a certificate that is due ten minutes after its issuance, and urgent six minutes later."""


@pytest.mark.parametrize(
    ("strategy", "silent"), [(Strategy.STANDBY, True), (Strategy.STAGED, False), (Strategy.PINNED, True)]
)
def test_a_server_that_presents_nothing_does_not_let_the_certificate_end(strategy: Strategy, silent: bool) -> None:
    """No roll is under way: one address of two does not answer, or gives no TLS, for ever."""
    life = Living(strategy, SOON, QUARTERS)
    first, address = life.serving, life.world.servers.addresses[1]
    address.silent = silent
    if not silent:
        address.chain, address.stuck = None, True
    life.run(lambda: life.serving.generation != first.generation, 1500)
    assert life.serving.spki == first.spki


def test_old_records_that_linger_do_not_let_the_certificate_end() -> None:
    """They stay longer than the certificate is valid: the next roll has to wait for them, and the renewal does not."""
    life = Living(Strategy.STAGED, replace(SOON, linger=timedelta(days=1)), QUARTERS)
    first = life.serving
    life.world.ca.suggest_renewal()
    life.run(lambda: life.serving.spki != first.spki, 600)
    second = life.serving
    life.run(lambda: life.serving.generation != second.generation, 1500)
    assert life.serving.spki == second.spki
    assert life.world.crowd.refused() == []
