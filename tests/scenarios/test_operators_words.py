"""What only the operator can decide: whom not to wait for, whom to refuse, whose records are whose, to be without DANE.

Whatever he says, no client is refused but those that he named; and what he says ends.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import pytest
from operated import Operated, records_of, run_by_others
from strategic import HASTE
from virtual import SERVICE, reasons, served_tlsa

from danelaw.core.model import Chain, KeyAlgorithm
from danelaw.core.rollover.acceptance import acceptance
from danelaw.core.rollover.actions import Switch
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Reference
from danelaw.worlds.sim.service import Address
from danelaw.worlds.sim.world import LINEAGE, SimWorld

pytestmark = pytest.mark.slow

NONSENSE = bytes((3, 1, 1)) + bytes(32)


def settled(strategy: Strategy = Strategy.STAGED, *, mandatory: bool = False, reach: Reach | None = None) -> Operated:
    """A service that is published everywhere, and watched from then on, also by clients that must have DANE."""
    world = SimWorld(lag=1.0)
    runner = Operated(world, strategy, reach=reach)
    runner.settle()
    world.crowd.mandatory = mandatory
    runner.run_for(10)
    world.crowd.start()
    runner.run_for(10)
    return runner


def served(runner: Operated) -> Chain:
    chain = runner.world.servers.addresses[0].chain
    assert chain is not None
    return chain


def wait_of(runner: Operated) -> str:
    plan = runner.latest().plan
    return plan.code if isinstance(plan, Wait) else type(plan).__name__


def notes(runner: Operated) -> str:
    plan = runner.latest().plan
    assert isinstance(plan, Settled), plan
    return "\n".join(plan.notes)


def despite(runner: Operated) -> set[str]:
    """The codes of all that the operator's word overrode, as history tells it."""
    told = (sentence for deed in runner.facts().deeds for sentence in deed.despite)
    return {sentence.rsplit("[", 1)[1].rstrip("]") for sentence in told}


# -- a service without DANE -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", list(Strategy))
def test_withdrawing_dane_waits_for_the_operators_word_and_then_refuses_nobody_else(strategy: Strategy) -> None:
    runner = settled(strategy, mandatory=True)
    records = served_tlsa(runner.world)
    runner.configure(withdrawn=True)
    runner.run_for(30)
    assert wait_of(runner) == "MANDATORY_CLIENTS"
    assert served_tlsa(runner.world) == records
    assert runner.world.crowd.refused() == []

    runner.accept("MANDATORY_CLIENTS")
    runner.settle()
    runner.run_for(10)
    assert served_tlsa(runner.world) == frozenset()
    assert reasons(runner.world) == {"NO_DANE"}
    assert despite(runner) == {"MANDATORY_CLIENTS"}
    assert acceptance(runner.facts(), SERVICE, runner.world.clock.now()) is None


def test_who_can_do_without_dane_is_never_refused_and_the_certificate_goes_on() -> None:
    runner = settled(Strategy.STANDBY)
    runner.configure(withdrawn=True)
    runner.accept("MANDATORY_CLIENTS")
    runner.settle()
    first = served(runner)
    runner.world.ca.suggest_renewal()
    runner.run(lambda: served(runner) != first)
    runner.settle()
    assert served_tlsa(runner.world) == frozenset()
    assert runner.world.crowd.refused() == []
    keys = {
        g.spki for n, g in runner.world.credentials.generations.items() if n not in runner.world.credentials.destroyed
    }
    assert len(keys) == 1, "the standby is gone, and the key of the certificate has stayed"


def test_dane_can_come_back() -> None:
    runner = settled()
    runner.configure(withdrawn=True)
    runner.accept("MANDATORY_CLIENTS")
    runner.settle()
    runner.configure(withdrawn=False)
    runner.settle()
    assert served_tlsa(runner.world) == records_of(served(runner), "3 1 1")
    assert runner.world.crowd.refused() == []


def test_a_service_that_only_dane_vouches_for_is_not_left_without_it() -> None:
    """Whatever the operator accepts: it is told what has to be done first."""
    alone = tuple(replace(r, reference=Reference(r.reference.names, ())) for r in SimWorld().reach().endpoints)
    runner = settled(reach=Reach(alone))
    runner.configure(withdrawn=True)
    runner.accept("MANDATORY_CLIENTS", "NO_FALLBACK", "CHAIN_UNMATCHED")
    runner.run_for(30)
    plan = runner.latest().plan
    assert isinstance(plan, Wait)
    assert plan.code == "NO_FALLBACK"
    assert "first let it present a certificate of a CA that clients trust" in plan.because
    assert len(served_tlsa(runner.world)) == 1


def test_a_service_is_not_left_with_foreign_records_only() -> None:
    world, chain, _ = run_by_others(["3 1 1"], [NONSENSE])
    runner = Operated(world)
    runner.adopt(records_of(chain, "3 1 1"))
    runner.settle(300)
    runner.configure(withdrawn=True)
    runner.accept("MANDATORY_CLIENTS", "CHAIN_UNMATCHED")
    runner.run_for(1)
    runner.accept("MANDATORY_CLIENTS")
    runner.run_for(30)
    assert NONSENSE in served_tlsa(world)


# -- what others published --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("combinations", "left"),
    [
        (["3 1 1"], ["3 1 1"]),
        (["3 1 1", "3 0 1"], ["3 1 1", "3 0 1"]),
        (["3 0 1"], ["3 1 1", "3 0 1"]),
        (["3 0 1", "3 0 2"], ["3 1 1", "3 0 1", "3 0 2"]),
    ],
)
def test_records_of_others_are_adopted_and_go_when_their_time_has_come(
    combinations: list[str], left: list[str]
) -> None:
    """Our own key and certificate, the union, the switch; then exactly the adopted records are withdrawn. Parameters
    that clients were told of stay: some may know no others."""
    world, chain, records = run_by_others(combinations)
    runner = Operated(world)
    runner.adopt(records)
    runner.settle(600)
    runner.run_for(10)
    assert served(runner) != chain
    assert served_tlsa(world) == records_of(served(runner), *left)
    assert world.crowd.refused() == []


def test_without_a_word_records_of_others_are_kept_and_shown() -> None:
    world, _, records = run_by_others(["3 1 1"])
    runner = Operated(world)
    runner.settle(300)
    runner.run_for(5)
    assert served_tlsa(world) == records | records_of(served(runner), "3 1 1")
    assert "is not ours: adopt or remove it" in notes(runner)
    assert world.crowd.refused() == []
    runner.adopt(records)
    runner.settle(300)
    assert served_tlsa(world) == records_of(served(runner), "3 1 1")
    assert world.crowd.refused() == []


def test_a_service_that_others_run_without_records_gets_them_after_its_chain() -> None:
    world, _, _ = run_by_others([])
    runner = Operated(world)
    runner.settle(300)
    assert served_tlsa(world) == records_of(served(runner), "3 1 1")
    assert world.crowd.refused() == []


def test_records_that_match_nothing_are_no_reason_to_leave_a_service_broken() -> None:
    """Clients are refused when Danelaw comes; it repairs, and shows what it leaves to the operator."""
    world, _, _ = run_by_others([], [NONSENSE])
    assert reasons(world) == {"TLSA_MISMATCH"}
    runner = Operated(world)
    runner.settle(300)
    runner.run_for(10)
    before = len(world.crowd.refused())
    assert served_tlsa(world) == records_of(served(runner), "3 1 1") | {NONSENSE}
    assert "is not ours: adopt or remove it" in notes(runner)
    runner.remove([NONSENSE])
    runner.settle(300)
    assert served_tlsa(world) == records_of(served(runner), "3 1 1")
    assert len(world.crowd.refused()) == before


def test_a_foreign_record_that_is_needed_is_removed_when_it_is_needed_no_longer() -> None:
    """The operator asked too early: the gate holds it back, and nothing else."""
    world, _, records = run_by_others(["3 1 1"])
    runner = Operated(world)
    runner.remove(records)
    runner.settle(300)
    assert served_tlsa(world) == records_of(served(runner), "3 1 1")
    assert world.crowd.refused() == []


def test_what_the_operator_looks_after_himself_is_never_withdrawn() -> None:
    runner = settled()
    own = served_tlsa(runner.world)
    runner.disown(own)
    runner.start_renewal()
    kept = runner.run_until_waiting("KEY_KEPT")
    assert "the key of generation 1 is kept" in kept.because
    assert served_tlsa(runner.world) == own | records_of(served(runner), "3 1 1")
    assert runner.world.crowd.refused() == []
    runner.adopt(own)
    runner.settle()
    assert served_tlsa(runner.world) == records_of(served(runner), "3 1 1")


# -- whom not to wait for ---------------------------------------------------------------------------------------------


def test_a_secondary_that_is_gone_for_good_is_waived_and_the_roll_goes_on() -> None:
    runner = settled()
    secondary = runner.world.zone.authorities[1]
    runner.start_renewal()
    secondary.silent = secondary.frozen = True
    runner.run_for(60)
    old = served(runner)
    assert wait_of(runner) in ("ANSWER_HELD", "HISTORY_UNKNOWN")
    runner.waive(secondary.ip, authority=True)
    runner.run(lambda: served(runner) != old)
    runner.settle()
    assert str(secondary.ip) in notes(runner)
    assert runner.world.crowd.refused() == []


def test_a_secondary_that_refuses_holds_nothing_up() -> None:
    runner = settled()
    secondary = runner.world.zone.authorities[1]
    runner.start_renewal()
    secondary.silent = secondary.frozen = secondary.refusing = True
    runner.settle()
    assert len(served_tlsa(runner.world)) == 1
    assert runner.world.crowd.refused() == []


def test_when_a_waiver_ends_the_authority_is_waited_for_again() -> None:
    runner = settled()
    secondary = runner.world.zone.authorities[1]
    secondary.silent = secondary.frozen = True
    runner.waive(secondary.ip, 30, authority=True)
    runner.renew()
    first = served(runner)
    runner.run_for(40)
    runner.start_renewal()
    runner.run_for(60)
    assert served(runner) == first
    assert runner.world.crowd.refused() == []


def test_an_address_that_cannot_be_probed_from_here_is_waived_and_the_roll_ends() -> None:
    runner = settled()
    address = runner.world.servers.addresses[1]
    old = served_tlsa(runner.world)
    runner.start_renewal()
    address.silent = True  # it is reloaded with the other, and serves clients; we have no way to it
    runner.run_for(60)
    assert wait_of(runner) == "NOT_CONFIRMED"
    assert old <= served_tlsa(runner.world)
    runner.waive(address.ip)
    runner.settle()
    assert served_tlsa(runner.world) == records_of(served(runner), "3 1 1")
    assert str(address.ip) in notes(runner)
    assert "CHAIN_UNMATCHED" in despite(runner)
    assert runner.world.crowd.refused() == []


# -- whom to refuse ---------------------------------------------------------------------------------------------------


def compromised(runner: Operated) -> None:
    """The operator wants another key at once; none stands by."""
    runner.say(Requested(runner.world.clock.now(), LINEAGE, "eva", True))  # type: ignore[arg-type] # said the same way


def test_an_emergency_waits_for_the_caches_unless_the_operator_accepts_what_that_refuses() -> None:
    runner = settled(Strategy.PINNED)
    compromised(runner)
    runner.run_until_waiting("ANSWER_HELD")
    old = served(runner)
    runner.accept("ANSWER_HELD")
    runner.run(lambda: served(runner) != old, 3)
    runner.settle()
    assert reasons(runner.world) == {"TLSA_MISMATCH"}
    assert despite(runner) == {"ANSWER_HELD"}
    switched = next(p for p in runner.passes if isinstance(p.plan, Switch) and p.despite)
    assert {found.code for found in switched.despite} == {"ANSWER_HELD"}
    assert acceptance(runner.facts(), SERVICE, runner.world.clock.now()) is None


@pytest.mark.parametrize("codes", [["HISTORY_UNKNOWN"], ["UNPROBED", "NO_TLS"], []])
def test_what_was_not_named_is_not_accepted(codes: list[str]) -> None:
    runner = settled(Strategy.PINNED)
    compromised(runner)
    runner.accept(*codes)
    runner.settle()
    assert runner.world.crowd.refused() == []
    assert despite(runner) == set()


# -- servers behind a balancer ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Balancer(Address):
    """Two servers behind one address: most connections come to the one, and the other is reloaded late."""

    later: Callable[[float, Callable[[], object]], None] = lambda *_: None
    late: float = 6.0
    other: Chain | None = None
    rng: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - chance that can be repeated

    def presents(self, algorithm: KeyAlgorithm | None) -> Chain | None:
        if algorithm is KeyAlgorithm.RSA:
            return None
        return self.other if self.rng.random() < 0.05 else self.chain

    def load(self, algorithm: KeyAlgorithm, chain: Chain | None) -> None:
        self.chain = chain
        if self.other is None:
            self.other = chain
        else:
            self.later(self.late, partial(setattr, self, "other", chain))


def balanced(drain: float) -> Operated:
    world = SimWorld(lag=1.0)
    limits = replace(HASTE, drain=timedelta(seconds=drain), linger=timedelta(0))
    world.servers.addresses[:] = [Balancer(a.ip, later=world.clock.after) for a in world.servers.addresses]
    runner = Operated(world, limits=limits)
    runner.settle()
    runner.run_for(10)
    world.crowd.start()
    runner.run_for(5)
    return runner


def test_an_unknown_number_of_servers_behind_an_address_has_the_drain_time_to_follow() -> None:
    runner = balanced(drain=8)
    for _ in range(3):
        runner.renew(300)
        assert served_tlsa(runner.world) == records_of(served(runner), "3 1 1")
    assert runner.world.crowd.refused() == []


def test_without_a_drain_time_what_was_not_seen_is_harmed() -> None:
    """So the test before shows something."""
    runner = balanced(drain=0)
    for _ in range(3):
        runner.renew(300)
    assert reasons(runner.world) == {"TLSA_MISMATCH"}
