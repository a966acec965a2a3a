"""Several combinations of parameters in one RRset: for each of them some record has to match (RFC 7671 §8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from virtual import reasons, served_tlsa, settled_world

from danelaw.core.model import RRset
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.gate import Refused
from danelaw.core.tlsa import Combination, associate
from danelaw.worlds.sim.world import TLSA, TLSA_OWNER, ZONE, SimWorld

pytestmark = pytest.mark.slow


def combinations(world: SimWorld) -> list[str]:
    return sorted(" ".join(map(str, rdata[:3])) for rdata in served_tlsa(world))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tlsa", ["3 0 1,3 1 1", "3 0 2,3 1 1", "3 1 1,3 1 2"])
def test_two_combinations_roll_together(tlsa: str, seed: int) -> None:
    world, runner = settled_world(seed=seed, tlsa=tlsa)
    first = served_tlsa(world)
    assert combinations(world) == tlsa.split(",")
    runner.start_renewal()
    runner.run(lambda: len(served_tlsa(world)) == 4)
    runner.settle()
    assert combinations(world) == tlsa.split(",")
    assert not served_tlsa(world) & first
    assert world.crowd.refused() == []


def newest_record(world: SimWorld, combination: str) -> bytes:
    chain = list(world.credentials.generations.values())[-1].chain
    assert chain is not None
    return associate(Combination.from_text(combination), chain).to_rdata()


def test_the_old_digest_of_one_combination_and_the_new_of_another_is_no_safe_union() -> None:
    """Clients that know one of the two alone would be refused: {3 0 2 old, 3 1 1 new}."""
    world, runner = settled_world(tlsa="3 0 2,3 1 1")
    old = world.zone.source.rrsets[TLSA_OWNER, TLSA]
    runner.start_renewal()
    runner.run(lambda: len(served_tlsa(world)) == 4)
    mixed = {next(r for r in old.rdatas if r[1] == 0), newest_record(world, "3 1 1")}
    change = Publish(ZONE, world.zone.source.rrsets[TLSA_OWNER, TLSA], replace(old, rdatas=frozenset(mixed)))
    judgement = runner.judge(change)
    assert isinstance(judgement, Refused)
    assert {fault.code for fault in judgement.because} == {"CHAIN_UNMATCHED"}


@pytest.mark.parametrize("after", [False, True], ids=["before the switch", "after it"])
def test_without_the_gate_such_a_union_refuses_clients(after: bool) -> None:
    world, runner = settled_world(tlsa="3 0 2,3 1 1")
    old = world.zone.source.rrsets[TLSA_OWNER, TLSA]
    runner.start_renewal()
    runner.run(lambda: len(served_tlsa(world)) == 4)
    mixed = {next(r for r in old.rdatas if r[1] == 0), newest_record(world, "3 1 1")}
    if after:
        runner.run(lambda: runner.actions[-1] == "Switch")
    world.zone.write(TLSA_OWNER, TLSA, RRset(TLSA_OWNER, TLSA, 2, frozenset(mixed)))
    world.clock.advance(world.clock.now() + timedelta(seconds=8))
    assert reasons(world) == {"TLSA_MISMATCH"}


def test_a_sha_512_digest_alone_is_never_published() -> None:
    """SHA-512 is optional (RFC 6698 §6): whoever lacks it would find nothing usable."""
    world, runner = settled_world()
    served = world.zone.source.rrsets[TLSA_OWNER, TLSA]
    alone = replace(served, rdatas=frozenset({newest_record(world, "3 1 2")}))
    judgement = runner.judge(Publish(ZONE, served, alone))
    assert isinstance(judgement, Refused)
    assert "NO_SHA256" in {fault.code for fault in judgement.because}
