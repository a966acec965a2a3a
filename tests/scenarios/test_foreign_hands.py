"""Others change what Danelaw looks after. What they break is reported while it lasts, and mended; no more is broken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from virtual import SERVICE, Runner, engine, reasons, served_tlsa, settled_world

from danelaw.core.model import Absence, Chain, GenerationId, Instant, Limits, RRset
from danelaw.core.rollover.actions import Action, DestroyKey, Publish, SubmitDS, Switch
from danelaw.core.rollover.facts import Began
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, Judgement, judge
from danelaw.core.rollover.planner import Settled
from danelaw.core.rollover.reach import Reach
from danelaw.core.tlsa import Combination, associate
from danelaw.worlds.naive import NaiveOperator
from danelaw.worlds.sim.service import issue
from danelaw.worlds.sim.world import HOST, LINEAGE, LOCAL, TLSA, TLSA_OWNER, ZONE, SimWorld

THE_KEY = Combination.from_text("3 1 1")
TTL = 2


def operator(world: SimWorld) -> NaiveOperator:
    return NaiveOperator(
        world.clock, world.credentials, world.ca, world.solver, world.servers, world.publisher,
        LINEAGE, LOCAL, (HOST,), ZONE, TLSA_OWNER, THE_KEY, TTL,
    )  # fmt: skip


def record_of(chain: Chain | None) -> bytes:
    assert chain is not None
    return associate(THE_KEY, chain).to_rdata()


def naive_renewal(seed: int = 0) -> tuple[SimWorld, Runner, Instant]:
    """By other hands in one go, Danelaw not looking: a new key is served at once and then its record is appended."""
    world, runner = settled_world(seed=seed)
    asyncio.run(operator(world).renew())
    asyncio.run(operator(world).append_record())
    return world, runner, world.clock.now()


def violating(runner: Runner) -> list[Instant]:
    """The passes over the service at which clients were reported to be refused."""
    return [p.at for p in runner.passes if p.subject == SERVICE and p.violations]


@pytest.mark.parametrize("seed", range(3))
def test_a_naive_renewal_is_reported_while_it_refuses_and_its_stale_record_is_withdrawn(seed: int) -> None:
    world, runner, at = naive_renewal(seed)
    runner.settle()
    served = world.servers.addresses[0].chain
    assert served_tlsa(world) == {record_of(served)}
    assert served == world.credentials.generations[GenerationId(2)].chain
    assert reasons(world) == {"TLSA_MISMATCH"}
    harm = [c.at for c in world.crowd.refused()]
    reported = violating(runner)
    assert reported
    assert reported[0] < at + timedelta(seconds=1)
    assert max(harm) <= reported[-1] + timedelta(seconds=1)
    assert max(harm) < at + timedelta(seconds=2 * TTL + world.zone.authorities[1].lag + 1)
    assert runner.passes[-1].violations == ()


def test_a_generation_of_other_hands_restarts_the_history() -> None:
    """What else they did is not known."""
    _, runner, _ = naive_renewal()
    runner.run_for(1)
    began = runner.facts().began(SERVICE)
    assert isinstance(began, Began)
    assert began.reason == "generation 2 was made by other hands"


def test_the_old_record_is_not_withdrawn_before_the_new_chain_is_confirmed_everywhere() -> None:
    world, runner = settled_world()
    world.servers.addresses[1].stuck = True
    asyncio.run(operator(world).renew())
    asyncio.run(operator(world).append_record())
    runner.run_for(20)
    assert len(served_tlsa(world)) == 2
    world.servers.addresses[1].stuck = False
    world.clock.advance(world.clock.now() + timedelta(seconds=1))
    before = len(world.crowd.refused())
    runner.settle()
    assert served_tlsa(world) == {record_of(world.servers.addresses[1].chain)}
    assert len(world.crowd.refused()) == before


def test_a_renewal_without_any_record_is_mended_by_publishing_it() -> None:
    world, runner = settled_world()
    old = served_tlsa(world)
    asyncio.run(operator(world).renew())
    served = world.servers.addresses[0].chain
    runner.run(lambda: len(served_tlsa(world)) == 2)
    assert served_tlsa(world) == {*old, record_of(served)}
    runner.settle()
    assert served_tlsa(world) == {record_of(served)}
    assert reasons(world) == {"TLSA_MISMATCH"}


def test_publishing_what_is_presented_is_a_repair() -> None:
    world, _ = settled_world()
    heard: list[tuple[Action, Judgement]] = []

    def listening(action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
        heard.append((action, judge(action, facts, reach, now, limits)))
        return heard[-1][1]

    asyncio.run(operator(world).renew())
    Runner(world, engine(world, gate=listening)).settle()
    repairs = [action for action, judgement in heard if judgement == Allowed(repair=True)]
    assert [type(action) for action in repairs] == [Publish]
    assert [type(action) for action, _ in heard] == [Publish, Publish, DestroyKey]


def test_a_certificate_of_no_store_is_switched_away_from() -> None:
    """Somebody put another certificate on the server: what is published can be presented."""
    world, runner = settled_world()
    own = world.servers.addresses[0].chain
    for address in world.servers.addresses:
        address.chain = issue(77, (HOST,), world.clock.now(), world.ca.lifetime)
    runner.run(lambda: world.servers.addresses[0].chain == own)
    runner.settle()
    runner.run_for(2)
    assert world.servers.addresses[0].chain == own
    assert runner.passes[-1].violations == ()


def test_a_record_that_matches_nothing_is_kept_and_shown() -> None:
    world, runner = settled_world()
    stray = bytes((3, 1, 1)) + bytes(range(32))
    own = served_tlsa(world)
    world.zone.write(TLSA_OWNER, TLSA, RRset(TLSA_OWNER, TLSA, TTL, own | {stray}))
    runner.run_for(3)
    runner.settle()
    plan = runner.latest().plan
    assert isinstance(plan, Settled)
    assert plan.notes == (f"{TLSA_OWNER} TLSA 3 1 1 {bytes(range(32)).hex()} is not ours: adopt or remove it",)
    runner.renew()
    assert stray in served_tlsa(world)
    assert len(served_tlsa(world)) == 2
    assert world.crowd.refused() == []


def test_a_record_removed_by_others_is_published_again() -> None:
    world, runner = settled_world()
    own = served_tlsa(world)
    world.zone.write(TLSA_OWNER, TLSA, RRset(TLSA_OWNER, TLSA, TTL, frozenset({bytes((3, 1, 1)) + bytes(32)})))
    runner.run(lambda: own < served_tlsa(world))
    assert not any(isinstance(p.acting, Switch | SubmitDS) for p in runner.told[-5:])


# -- what is told of it -----------------------------------------------------------------------------------------------


def mended(runner: Runner) -> list[str]:
    return [p.mended for p in runner.passes if p.mended]


def test_records_that_were_taken_away_are_put_back_and_that_is_told_once() -> None:
    world, runner = settled_world()
    own = served_tlsa(world)
    world.zone.write(TLSA_OWNER, TLSA, Absence(TLSA_OWNER, TLSA, TTL))
    runner.run(lambda: served_tlsa(world) == own)
    runner.settle()
    assert mended(runner) == [f"1 TLSA record of {TLSA_OWNER} had been taken away by other hands, and is put back"]


def test_another_generation_where_a_server_reads_it_is_told_of_when_it_is_put_right() -> None:
    """Somebody moved the link back to a certificate that is in the store: its record is gone, and clients refuse."""
    world, runner = settled_world()
    runner.renew()
    now = world.servers.path
    assert now is not None
    world.servers.paths[now.lineage.algorithm, now.host] = replace(now, generation=GenerationId(1))
    runner.run(lambda: bool(mended(runner)))
    assert world.servers.path == now
    (told,) = mended(runner)
    assert told.startswith(f"where the {LOCAL} host serves from, other hands had left generation 1, and generation 2 ")


def test_rolls_and_faults_are_no_repairs() -> None:
    """A record that a secondary serves late, a reload that did nothing, and each step of rolls of either kind."""
    world, runner = settled_world(lag=4.0)
    runner.renew()
    world.servers.idle_reload = True
    runner.start_renewal()
    runner.run(lambda: runner.actions.count("Switch") > 3)
    world.servers.idle_reload = False
    runner.settle()
    assert mended(runner) == []
