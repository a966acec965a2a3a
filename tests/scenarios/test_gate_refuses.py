"""What the gate refuses, with its code and the earliest instant; and that clients would have been refused without it.

Both are needed: a gate that refuses too much proves nothing, and neither does a crowd that accepts everything.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from virtual import (
    LAB_LIMITS,
    SERVICE,
    ZONE_SUBJECT,
    Runner,
    corrupt,
    engine,
    reasons,
    served_rrset,
    served_tlsa,
    settled_world,
)

from danelaw.core.dnssec.keys import DNSKEY, make_ds
from danelaw.core.model import Absence, Chain, Instant, Limits, RRset
from danelaw.core.rollover import history
from danelaw.core.rollover.actions import Publish, SubmitDS, Switch
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, Refused
from danelaw.core.rollover.planner import Desired, Plan, Settled, Wait, plan
from danelaw.core.rollover.reach import Reach
from danelaw.core.tlsa import Combination, associate
from danelaw.worlds.sim.service import issue
from danelaw.worlds.sim.world import DS, HOST, LINEAGE, LOCAL, TLSA, TLSA_OWNER, ZONE, SimWorld

pytestmark = pytest.mark.slow

HOLD = timedelta(seconds=2 * 2 + 1)
"""Twice the TTL of this world's records, and the look-up delay."""


def the_switch(world: SimWorld) -> Switch:
    """To the newest generation."""
    newest = list(world.credentials.generations.values())[-1]
    assert newest.chain is not None
    return Switch(LINEAGE, LOCAL, newest.generation, newest.chain)


def codes(judgement: object) -> set[str]:
    assert isinstance(judgement, Refused), judgement
    return {fault.code for fault in judgement.because}


def union_published(lag: float, seed: int = 0) -> tuple[SimWorld, Runner]:
    """A renewal has come so far that the primary serves the union, and a pass has looked since."""
    world, runner = settled_world(lag, seed)
    world.ca.suggest_renewal()
    runner.run(lambda: len(served_tlsa(world)) == 2)
    runner.run_until_waiting("ANSWER_HELD")
    return world, runner


def first_above(facts: Facts, world: SimWorld, server: int) -> Instant:
    """When an authority was first seen to serve the union."""
    spans = facts.spans(ZONE, TLSA_OWNER, TLSA)[world.zone.authorities[server].ip]
    return next(s.first for s in spans if isinstance(s.answer, RRset) and len(s.answer.rdatas) == 2)


# -- between plan and action ------------------------------------------------------------------------------------------


def test_what_happens_between_plan_and_action_is_seen_before_the_action(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody takes the new record away in just that moment."""
    world, runner = union_published(0.0)
    before = world.servers.addresses[0].chain
    old = associate(Combination.from_text("3 1 1"), before).to_rdata() if before else b""
    taken: list[Switch] = []

    def planning(desired: Desired, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Plan:
        made = plan(desired, facts, reach, now, limits)
        if isinstance(made, Switch) and not taken:
            taken.append(made)
            world.zone.write(TLSA_OWNER, TLSA, RRset(TLSA_OWNER, TLSA, world.ttl, frozenset({old})))
        return made

    monkeypatch.setattr("danelaw.app.engine.plan", planning)
    runner.run(lambda: bool(taken))
    refused = runner.latest(SERVICE).refused
    assert isinstance(refused, Refused)
    assert codes(refused) == {"ANSWER_HELD"}
    assert world.servers.addresses[0].chain == before
    runner.settle()
    assert world.crowd.refused() == []


# -- settling cut short -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [0.0, 2.0])
def test_a_switch_is_refused_until_two_ttls_and_a_look_up_after_the_last_authority_was_seen(lag: float) -> None:
    world, runner = union_published(lag)
    runner.run(lambda: len(served_tlsa(world, 1)) == 2)
    runner.run_for(LAB_LIMITS.pass_interval.total_seconds())
    judgement = runner.judge(the_switch(world))
    facts = runner.facts()
    last = max(first_above(facts, world, server) for server in (0, 1))
    assert isinstance(judgement, Refused)
    assert codes(judgement) == {"ANSWER_HELD"}
    assert judgement.earliest == last + HOLD
    assert {kind.fallback for fault in judgement.because for kind in fault.kinds}


def test_the_switch_is_made_at_the_first_pass_after_that_instant() -> None:
    world, runner = union_published(2.0)
    runner.run(lambda: world.servers.addresses[0].chain == the_switch(world).chain)
    last = max(first_above(runner.facts(), world, server) for server in (0, 1))
    made = next(p.at for p in runner.told if isinstance(p.acting, Switch) and p.acting == the_switch(world))
    assert last + HOLD <= made <= last + HOLD + LAB_LIMITS.pass_interval


def test_without_the_gate_a_settling_cut_short_refuses_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = settled_world(lag=0.0)
    corrupt(world, monkeypatch, Switch).renew()
    assert reasons(world) == {"TLSA_MISMATCH"}


# -- a late authority ignored -----------------------------------------------------------------------------------------


def test_a_switch_is_refused_with_no_end_known_while_an_authority_is_late() -> None:
    world, runner = union_published(9.0)
    runner.run_for(HOLD.total_seconds() + 1)
    judgement = runner.judge(the_switch(world))
    assert isinstance(judgement, Refused)
    assert codes(judgement) == {"ANSWER_HELD"}
    assert judgement.earliest is None
    assert all(str(world.zone.authorities[1].ip) in fault.because for fault in judgement.because)


def test_without_the_late_authority_in_the_gates_view_clients_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate itself at work, but it knows the primary alone: it counts from there, as others do."""
    world, runner = settled_world(lag=9.0)
    primary = world.zone.authorities[0].ip
    everybody = history.members

    def alone(facts: Facts, zone: object, now: Instant, limits: object) -> frozenset[object]:
        found = everybody(facts, zone, now, limits)  # type: ignore[arg-type]  # handed through as it came
        return frozenset({primary}) if primary in found else found

    monkeypatch.setattr(history, "members", alone)
    runner.renew()
    assert reasons(world) == {"TLSA_MISMATCH"}


# -- the DS handed over at once ---------------------------------------------------------------------------------------


def the_ds(world: SimWorld) -> SubmitDS:
    ksk = next(key.dnskey for key in world.zone.keys if key.dnskey.is_sep)
    made = make_ds(ZONE, DNSKEY.from_rdata(ksk.to_rdata())).to_rdata()
    return SubmitDS(ZONE, Absence(ZONE, DS, 1), RRset(ZONE, DS, 1, frozenset({made})))


def test_the_ds_is_refused_while_an_authority_still_serves_the_unsigned_zone() -> None:
    world = SimWorld(lag=4.0)
    runner = Runner(world, engine(world))
    runner.run(lambda: bool(world.zone.authorities[0].content.dnskeys))
    runner.run_for(0.5)
    judgement = runner.judge(the_ds(world))
    assert isinstance(judgement, Refused)
    assert "UNSIGNED_HELD" in codes(judgement)
    assert judgement.earliest is None


def test_the_ds_is_refused_until_no_cache_can_hold_what_was_unsigned() -> None:
    world = SimWorld(lag=2.0)
    runner = Runner(world, engine(world))
    runner.run(lambda: bool(world.zone.authorities[1].content.dnskeys))
    runner.run_for(1.0)
    judgement = runner.judge(the_ds(world))
    assert isinstance(judgement, Refused)
    assert "UNSIGNED_HELD" in codes(judgement)
    spans = runner.facts().spans(ZONE, ZONE, 48)[world.zone.authorities[1].ip]
    signed = next(s.first for s in spans if isinstance(s.answer, RRset))
    assert judgement.earliest == signed + HOLD
    runner.run(lambda: bool(world.registry.parent.authorities[0].content.rrsets))
    handed = next(p.at for p in runner.told if isinstance(p.acting, SubmitDS))
    assert signed + HOLD <= handed <= signed + HOLD + LAB_LIMITS.pass_interval


def test_without_the_gate_a_ds_handed_over_at_once_makes_the_zone_bogus(monkeypatch: pytest.MonkeyPatch) -> None:
    world = SimWorld(lag=2.0)
    world.crowd.start()
    corrupt(world, monkeypatch, SubmitDS).settle()
    assert reasons(world) == {"BOGUS"}


# -- withdrawing too early --------------------------------------------------------------------------------------------


def test_withdrawing_is_refused_until_every_address_presents_the_new_chain() -> None:
    world, runner = union_published(2.0)
    world.servers.addresses[1].stuck = True
    runner.run(lambda: world.servers.addresses[0].chain == the_switch(world).chain)
    runner.run_for(2)
    union = served_rrset(world)
    assert union is not None
    new = associate(Combination.from_text("3 1 1"), the_switch(world).chain).to_rdata()
    judgement = runner.judge(Publish(ZONE, union, replace(union, rdatas=frozenset({new}))))
    assert codes(judgement) == {"CHAIN_UNMATCHED"}
    assert isinstance(judgement, Refused)
    assert {fault.address for fault in judgement.because} == {world.servers.addresses[1].ip}
    assert world.crowd.refused() == []


def test_a_chain_that_was_just_left_stays_possible_for_the_look_up_delay() -> None:
    """Browsers look the records up after the handshake."""
    world, runner = union_published(0.0)
    runner.run(lambda: runner.latest().plan == the_switch(world))
    runner.run_for(0.3)
    union = served_rrset(world)
    assert union is not None
    new = associate(Combination.from_text("3 1 1"), the_switch(world).chain).to_rdata()
    withdraw = Publish(ZONE, union, replace(union, rdatas=frozenset({new})))
    assert codes(runner.judge(withdraw)) == {"CHAIN_UNMATCHED"}
    runner.run_for(LAB_LIMITS.lookup_delay.total_seconds())
    assert isinstance(runner.judge(withdraw), Allowed)


def test_without_the_gate_a_withdrawal_before_the_switch_refuses_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    world, runner = union_published(0.0)
    union = served_rrset(world)
    assert union is not None
    new = associate(Combination.from_text("3 1 1"), the_switch(world).chain).to_rdata()
    withdraw = Publish(ZONE, union, replace(union, rdatas=frozenset({new})))
    assert codes(runner.judge(withdraw)) == {"CHAIN_UNMATCHED"}
    world.zone.write(TLSA_OWNER, TLSA, withdraw.replace)
    world.clock.advance(world.clock.now() + timedelta(seconds=6))
    assert reasons(world) == {"TLSA_MISMATCH"}


# -- first publication ------------------------------------------------------------------------------------------------


def expired(world: SimWorld) -> Chain:
    """A chain that is refused without DANE already."""
    return issue(77, (HOST,), world.clock.now() - 2 * world.ca.lifetime, world.ca.lifetime)


def other_chain(world: SimWorld) -> Chain:
    return issue(77, (HOST,), world.clock.now(), world.ca.lifetime)


@pytest.mark.parametrize(
    ("presented", "code"),
    [(other_chain, "CHAIN_UNMATCHED"), (expired, "CHAIN_UNMATCHED"), (lambda _: None, "NO_TLS")],
    ids=["another chain", "an expired chain", "no TLS"],
)
def test_nothing_is_published_first_while_one_address_would_not_match(presented: object, code: str) -> None:
    world = SimWorld()
    assert callable(presented)
    other = world.servers.addresses[1]
    other.chain, other.stuck = presented(world), True
    runner = Runner(world, engine(world))
    runner.run_for(30)
    chain = world.servers.addresses[0].chain
    assert chain is not None
    record = associate(Combination.from_text("3 1 1"), chain).to_rdata()
    first = Publish(ZONE, Absence(TLSA_OWNER, TLSA, 1), RRset(TLSA_OWNER, TLSA, 2, frozenset({record})))
    judgement = runner.judge(first)
    assert isinstance(judgement, Refused)
    assert {(fault.code, fault.address) for fault in judgement.because} == {(code, other.ip)}
    assert served_tlsa(world) == frozenset()
    other.stuck = False
    runner.settle()
    assert len(served_tlsa(world)) == 1


def test_nothing_is_published_first_in_a_zone_that_is_insecure() -> None:
    world = SimWorld()
    runner = Runner(world, engine(world, parent=None))
    waited = runner.run_until_waiting("ZONE_NOT_SECURE")
    assert "insecure" in waited.because
    runner.run_for(20)
    assert isinstance(runner.latest(ZONE_SUBJECT).plan, Settled)
    assert isinstance(runner.latest(SERVICE).plan, Wait)
    assert served_tlsa(world) == frozenset()
