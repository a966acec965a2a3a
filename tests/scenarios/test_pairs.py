"""RSA beside ECDSA in virtual time: clients of either kind are watching, and nobody is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from operating import ECDSA, QUARTERS, RSA, SOON, Operation, records
from virtual import served_tlsa

from danelaw.core.model import ChallengeType, KeyAlgorithm
from danelaw.core.rollover.succession import Strategy

pytestmark = pytest.mark.slow


def pair(strategy: Strategy = Strategy.STAGED, challenge: ChallengeType = ChallengeType.HTTP_01) -> Operation:
    """A service that has both from its beginning; from then on clients that know RSA alone watch too."""
    play = Operation(ECDSA, RSA, strategy=strategy, challenge=challenge)
    play.world.servers.offer(KeyAlgorithm.RSA)
    play.settle()
    play.watched_by(play.world.crowd_at(algorithm=KeyAlgorithm.RSA))
    return play


@pytest.mark.parametrize("challenge", ChallengeType)
def test_a_staged_renewal_of_a_pair_rolls_both_keys(challenge: ChallengeType) -> None:
    play = pair(Strategy.STAGED, challenge)
    before = {line: play.serving(line).spki for line in (ECDSA, RSA)}
    play.world.ca.suggest_renewal()
    play.run(lambda: all(play.serving(line).spki != before[line] for line in (ECDSA, RSA)))
    play.settle()
    assert served_tlsa(play.world) == records(play.serving(ECDSA), play.serving(RSA))
    assert play.refused == []


def test_each_of_a_pair_has_a_standby_of_its_own_kind() -> None:
    play = pair(Strategy.STANDBY)
    assert len(served_tlsa(play.world)) == 4
    before = play.serving(RSA)
    play.ask(RSA)
    play.run(lambda: play.serving(RSA).spki != before.spki)
    play.settle()
    assert len(served_tlsa(play.world)) == 4
    assert not records(before) & served_tlsa(play.world)
    assert play.refused == []


def test_a_lost_rsa_key_is_left_at_once_and_the_other_is_not_touched() -> None:
    play = pair(Strategy.STANDBY)
    lost, other = play.serving(RSA), play.serving(ECDSA)
    play.ask(RSA, emergency=True)
    play.run(lambda: not records(lost) & served_tlsa(play.world))
    play.settle()
    assert play.serving(ECDSA) == other
    assert play.world.credentials.destroyed == {lost.generation}
    assert play.refused == []


@pytest.mark.parametrize("strategy", Strategy)
def test_rsa_is_added_beside_ecdsa_and_its_record_comes_before_it(strategy: Strategy) -> None:
    play = Operation(ECDSA, strategy=strategy)
    play.settle()
    play.configure(ECDSA, RSA)
    wait = play.run_until_waiting("NOT_CONFIRMED")
    assert "has no RSA key" in wait.because
    assert records(play.serving(RSA)) <= served_tlsa(play.world)
    play.world.servers.offer(KeyAlgorithm.RSA)
    play.watched_by(play.world.crowd_at(algorithm=KeyAlgorithm.RSA))
    play.settle()
    assert play.refused == []


def test_a_server_that_offers_no_rsa_yet_holds_up_no_renewal_of_the_other() -> None:
    play = Operation(ECDSA, strategy=Strategy.STAGED)
    play.settle()
    play.configure(ECDSA, RSA)
    play.run_until_waiting("NOT_CONFIRMED")
    before = play.serving(ECDSA)
    play.world.ca.suggest_renewal()
    play.run(lambda: play.serving(ECDSA).spki != before.spki)
    play.run(lambda: not records(before) & served_tlsa(play.world))
    assert play.refused == []


@pytest.mark.parametrize("strategy", Strategy)
def test_rsa_is_taken_away_when_no_server_presents_it_any_more(strategy: Strategy) -> None:
    play = pair(strategy)
    rsa = play.serving(RSA)
    play.configure(ECDSA)
    wait = play.run_until_waiting("STILL_OFFERED")
    assert "presents the RSA key" in wait.because
    assert records(rsa) <= served_tlsa(play.world)
    assert play.refused == []
    play.crowds.pop()  # who knows RSA alone is to be served no longer
    play.world.servers.withhold(KeyAlgorithm.RSA)
    play.settle()
    assert play.path(RSA) is None
    assert not records(rsa) & served_tlsa(play.world)
    keys = {g.generation for g in play.world.credentials.generations.values() if g.lineage == RSA}
    assert play.world.credentials.destroyed >= keys
    assert play.refused == []


def test_a_key_that_is_leaving_is_renewed_as_long_as_it_is_presented() -> None:
    play = pair(Strategy.STAGED)
    rsa = play.serving(RSA)
    play.configure(ECDSA)
    play.run_until_waiting("STILL_OFFERED")
    play.world.ca.suggest_renewal()
    play.run(lambda: play.serving(RSA) != rsa)
    assert play.serving(RSA).spki == rsa.spki
    assert play.refused == []


def test_one_kind_of_key_replaces_the_other() -> None:
    play = Operation(ECDSA, strategy=Strategy.STAGED)
    play.settle()
    ecdsa = play.serving(ECDSA)
    play.configure(RSA)
    play.run_until_waiting("NOT_CONFIRMED")
    play.world.servers.offer(KeyAlgorithm.RSA)
    play.watched_by(play.world.crowd_at(algorithm=KeyAlgorithm.RSA))
    play.run_until_waiting("STILL_OFFERED")
    assert served_tlsa(play.world) == records(ecdsa, play.serving(RSA))
    play.world.servers.withhold(KeyAlgorithm.ECDSA)
    play.settle()
    assert served_tlsa(play.world) == records(play.serving(RSA))
    assert ecdsa.generation in play.world.credentials.destroyed
    assert play.refused == []


def test_a_server_that_has_use_for_the_key_after_all_keeps_it() -> None:
    """It presents the key no more, but its configuration names it: it would not start again without."""
    play = pair(Strategy.STAGED)
    play.configure(ECDSA)
    play.run_until_waiting("STILL_OFFERED")
    play.crowds.pop()
    for address in play.world.servers.addresses:
        address.rsa = None
    play.run_for(10)
    wait = play.run_until_waiting("STILL_OFFERED")
    assert "does not reload without" in wait.because
    assert play.path(RSA) is not None
    assert records(play.serving(RSA)) <= served_tlsa(play.world)
    assert play.refused == []


def test_neither_of_a_pair_starves_while_the_history_is_unknown() -> None:
    """The primary is silent for ever: what clients hold from it, nobody knows."""
    play = Operation(ECDSA, RSA, strategy=Strategy.STANDBY, limits=SOON, pace=30)
    play.world.ca.lifetime = QUARTERS
    play.world.servers.offer(KeyAlgorithm.RSA)
    play.settle(600)
    play.world.zone.authorities[0].silent = True
    for _ in range(6):
        play.run_for(900)
        assert all(play.ends(line) > play.world.clock.now() + timedelta(minutes=45) for line in (ECDSA, RSA))
    assert play.refused == []
