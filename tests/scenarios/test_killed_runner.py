"""The runner is killed at every step of a service's life and started again: the roll ends, and nobody is refused."""

from __future__ import annotations

import pytest
from killing import HASTE, Assassin, Death, deeds_of_a_life, life
from virtual import served_tlsa

from danelaw.core.model import ChallengeType
from danelaw.core.tlsa import Combination, associate
from danelaw.worlds.sim.world import TXT, SimWorld

pytestmark = pytest.mark.slow

CLIENTS = 8
HTTP, DNS = ChallengeType.HTTP_01, ChallengeType.DNS_01


def lived(number: int, death: Death, challenge: ChallengeType) -> SimWorld:
    """One life, killed at one of its deeds; its end is checked."""
    world = SimWorld(lag=1.0, ttl=1, clients=CLIENTS, seed=number)
    world.ca.challenges = challenge
    world.crowd.most_delay = 0.8 * HASTE.lookup_delay.total_seconds()
    world.crowd.start()
    assassin = Assassin(number)
    life(world, assassin, death, challenge)
    told = f"killed {assassin.deeds[number - 1]} (deed {number})"
    assert [c.reason for c in world.crowd.refused()] == [], told
    chain = world.servers.addresses[0].chain
    assert chain is not None
    record = associate(Combination.from_text("3 1 1"), chain).to_rdata()
    assert served_tlsa(world) == {record}, told
    assert {address.chain for address in world.servers.addresses} == {chain}, told
    assert len(world.credentials.generations) == 2, told
    return world


def leftovers(world: SimWorld) -> list[str]:
    """Challenge responses that nobody took away."""
    records = [owner.to_text() for owner, type in world.zone.source.rrsets if type == TXT]
    return [*records, *world.solver.placed]


def test_a_life_has_deeds_of_every_kind() -> None:
    deeds = {deed.split()[1] for challenge in (HTTP, DNS) for deed in deeds_of_a_life(challenge)}
    assert deeds == {
        "make_keys", "sign", "submit_ds", "publish", "make_key", "advance", "complete", "place", "clear", "switch",
        "destroy", "append",
    }  # fmt: skip


def numbers(challenge: ChallengeType, step: int = 1, first: int = 1) -> range:
    return range(first, len(deeds_of_a_life(challenge)) + 1, step)


@pytest.mark.parametrize("number", numbers(DNS))
def test_killed_at_every_deed_with_its_store_kept(number: int) -> None:
    world = lived(number, Death(), DNS)
    assert leftovers(world) == []
    assert world.credentials.destroyed == {1}


@pytest.mark.parametrize("number", numbers(HTTP, 6))
def test_killed_at_a_deed_and_back_after_longer_than_a_sight_vouches(number: int) -> None:
    assert leftovers(lived(number, Death(away=4.0), HTTP)) == []


@pytest.mark.parametrize("number", numbers(HTTP, 6, 3))
def test_killed_at_a_deed_and_its_store_lost(number: int) -> None:
    lived(number, Death(lost=True), HTTP)
