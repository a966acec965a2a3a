"""How users of other tools were hurt, and each counterexample of the safety model: here it does not happen.

Most are stories, which ``test_stories.py`` plays; ``FAILS_UNDER`` says which mutant of ``make prove`` each of them
notices: the rule that protects. What a story cannot say yet stands below, with its mutant. Elsewhere: aliases (mutant
"aliases lead nowhere") in ``test_rollover_gate.py``, what several share in ``test_rollover_shared.py``, and zones that
a roll of their keys would make bogus in ``test_zone_key_rolls.py``.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import dns.name
import msgspec
import pytest
from virtual import Runner, reasons, served_tlsa, settled_world

from danelaw.core.model import (
    Chain,
    ChallengeType,
    GenerationId,
    Hello,
    Instant,
    Issued,
    KeyAlgorithm,
    OrderState,
    RRset,
)
from danelaw.core.rollover.actions import MakeKey, Publish, Receipt, Switch
from danelaw.core.rollover.gate import Judgement, Refused, judge, violations
from danelaw.core.rollover.planner import DesiredService, Plan, Settled, Wait, plan
from danelaw.core.tlsa import Combination, TLSARecord
from danelaw.faces.cli.simulation import SimulatedCompany
from danelaw.worlds.sim.scenario import Expect, read
from danelaw.worlds.sim.scenario_play import play
from danelaw.worlds.sim.service import issue as issue_in_simulation
from danelaw.worlds.sim.world import HOST as SIM_HOST
from danelaw.worlds.sim.world import SimWorld
from danelaw.worlds.sim.zone import Content
from mutation.mutants import ROLLOVER
from rollover_history import (
    AAAA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    OLD,
    SECOND,
    SERVICE,
    WEB1,
    WEB2,
    ZONE,
    History,
    absent,
    addresses,
    at,
    chain_of,
    credential,
    reach,
    record,
    rrset,
    served,
)
from tlsa_chains import INTERMEDIATE, LEAF, RENEWED, issue

pytestmark = pytest.mark.slow

STORIES = Path(__file__).parent / "stories"

FAILS_UNDER = {
    # the table of how others got hurt
    "the-record-came-after-the-certificate": "anything may be switched to",
    "stale-records-were-left": "all records but ours are withdrawn",
    "a-secondary-hears-of-nothing": "one secondary is skipped",
    "the-standby-was-never-published": "anything may be switched to",
    "a-failed-renewal-leaves-all-as-it-was": "anything may be switched to",
    "the-zone-lost-its-signatures": "a zone that lost its signatures is left so",
    "the-reload-did-nothing": "what was switched to is presented",
    "one-address-speaks-for-all": "one address that presents the new chain is enough",
    "installed-before-published": "nobody is told of clients that are refused",
    "the-digest-of-nothing": "nobody is told of clients that are refused",
    # the model's classes of counterexamples
    "mixed-matching-types": "a roll covers one combination alone",
    "a-repair-with-a-secondary-dead": "whoever is refused already is refused anew",
    "a-foreign-record-of-another-kind": "whoever is refused already is refused anew",
    "a-ds-before-the-signatures": "I2 is left out where a DS is handed over",
    "a-secondary-restored": "what an authority left once it never serves again",
    "a-secondary-restored-while-nobody-looked": "a sight vouches for ever",
    "a-clock-stepped-a-little": "the clocks are never compared",
    "a-foreign-restart": "what was switched to is presented",
}


@pytest.mark.parametrize(("story", "mutant"), FAILS_UNDER.items())
def test_each_story_is_there_and_so_is_the_rule_that_protects(story: str, mutant: str) -> None:
    assert (STORIES / f"{story}.toml").is_file()
    assert mutant in {one.name for one in ROLLOVER.mutants}


def test_the_same_story_told_of_a_naive_operator_refuses_clients() -> None:
    """Else the stories would prove nothing."""
    told = read((STORIES / "the-record-came-after-the-certificate.toml").read_text())
    naive = msgspec.structs.replace(told, strategy="naive", expect=Expect(refused="any"))
    assert play(naive, SimulatedCompany).refused


# -- the gate, on histories ------------------------------------------------------------------------------------------

X, XY, Y = rrset(record(OLD)), rrset(record(OLD), record(NEW)), rrset(record(NEW))
TO_NEW = Switch(LINEAGE, LOCAL, GenerationId(2), NEW)
ALSO = (addresses(WEB1, WEB2), absent(HOST, AAAA))


def switching(history: History, second: float, to: Switch = TO_NEW) -> Judgement:
    return judge(to, history.facts(), reach(), at(second), LIMITS)


def publishing(history: History, second: float, old: RRset, new: RRset) -> Judgement:
    return judge(Publish(ZONE, old, new), history.facts(), reach(), at(second), LIMITS)


def codes(judgement: Judgement) -> set[str]:
    return {fault.code for fault in judgement.because} if isinstance(judgement, Refused) else set()


def held_until(judgement: Judgement) -> set[Instant | None]:
    assert isinstance(judgement, Refused)
    return {fault.held.until for fault in judgement.because if fault.code == "ANSWER_HELD" and fault.held is not None}


def test_a_record_published_one_second_ago_is_seen_and_not_settled() -> None:
    """danectl accepts it. Mutant: "anything may be switched to"."""
    history = served(X).sees(10, 11, 2, XY, *ALSO).presents(10, 11, OLD)
    assert held_until(switching(history, 11)) == {at(10 + 65)}


def test_the_wait_is_that_of_the_old_ttl() -> None:
    """Virtualmin #414, bug 2: the primary was right, resolvers were stale. Mutant: "the TTL is the configured one"."""
    history = served(replace(X, ttl=300)).sees(10, 20, 2, XY, *ALSO).presents(10, 20, OLD)
    assert held_until(switching(history, 20)) == {at(10 + 2 * 300 + 5)}


def test_the_wait_is_that_of_the_ttl_that_authorities_answer() -> None:
    """gotlsaflare: Cloudflare's "auto" reads as 1, and is 300. Mutant: "the TTL is the configured one"."""
    written = Publish(ZONE, replace(X, ttl=1), replace(XY, ttl=1))
    history = served(replace(X, ttl=300)).does(5, written, Receipt(2)).sees(10, 20, 2, replace(XY, ttl=300), *ALSO)
    assert held_until(switching(history.presents(10, 20, OLD), 20)) == {at(10 + 2 * 300 + 5)}


def test_whole_days_are_counted() -> None:
    """ssl-mgr: the wait was timedelta.seconds, which leaves days out. Mutant: "whole days are dropped"."""
    days = 3 * 86400
    history = served(replace(X, ttl=days)).sees(10, 20, 2, XY, *ALSO).presents(10, 20, OLD)
    assert held_until(switching(history, 20)) == {at(10 + 2 * days + 5)}


def test_the_digest_of_nothing_is_never_published() -> None:
    """Virtualmin #1207, of ECC keys. Mutant: "records of no stored key are published"."""
    nothing = bytes((3, 1, 1)) + sha256(b"").digest()
    assert nothing.hex().startswith("030101e3b0c442")
    assert codes(publishing(served(X), 0, X, rrset(record(OLD), nothing))) == {"FOREIGN_ASSOCIATION"}


def test_an_authority_that_is_pinned_counts_only_while_it_is_presented() -> None:
    """Mailu #2138 and #3187: 2 1 1 of a root that left the served chain. Mutant: "anything may be switched to"."""
    pinned = rrset(record(OLD, "2 1 1"), record(OLD), record(NEW))
    alone = Chain((RENEWED.der,))
    history = served(pinned).holds(0.1, FIRST, credential(2, RENEWED, alone), live=1)
    assert codes(switching(history, 1, replace(TO_NEW, chain=alone))) == {"ANSWER_HELD"}


def test_an_authority_that_left_the_presented_chain_is_told() -> None:
    """Mailu, the same: nobody noticed. Mutant: "nobody is told of clients that are refused"."""
    pinned = rrset(record(OLD, "2 1 1"), record(OLD))
    history = served(pinned).presents(10, 10, Chain((LEAF.der,)), by=[WEB2])
    told = violations(history.facts(), reach(), at(16), LIMITS)
    assert {fault.address for fault in told} == {WEB2}
    assert violations(served(pinned).facts(), reach(), at(0), LIMITS) == ()


def test_a_certificate_that_lost_a_name_is_not_switched_to() -> None:
    """mailcow #6619: dropping a SAN broke TLSA; here whoever knows no 3 1 1. Mutant: "absence satisfies everybody"."""
    nameless = chain_of(issue("nameless", INTERMEDIATE, names=("other.example.net",), key=LEAF.key))
    history = served(X).holds(0.1, FIRST, credential(2, LEAF, nameless), live=1)
    assert codes(switching(history, 1, replace(TO_NEW, chain=nameless))) == {"ANSWER_HELD"}


def test_each_algorithm_is_looked_at_by_itself() -> None:
    """Internet.nl #492 and #664: of RSA and ECDSA one was never checked.

    Mutant: "the second algorithm is forgotten by the gate".
    """
    rsa = Hello(HOST, None, KeyAlgorithm.RSA)
    history = served(XY).sees(10, 100, 1, XY, *ALSO).presents(10, 100, NEW).presents(10, 100, OLD, hellos=[rsa])
    history.holds(100, FIRST, SECOND, live=2).judged(100)
    assert codes(publishing(history, 100, XY, Y)) == {"CHAIN_UNMATCHED"}


def test_an_address_that_left_dns_keeps_its_record_while_caches_have_it() -> None:
    """Its server was not reloaded. Mutant: "no address is cached that DNS no longer has"."""
    moved = (XY, addresses(WEB1), absent(HOST, AAAA))
    history = served(XY).sees(10, 200, 2, *moved).presents(10, 200, NEW, by=[WEB1]).presents(10, 200, OLD, by=[WEB2])
    history.holds(200, FIRST, SECOND, live=2).judged(70).judged(200)
    still = publishing(history, 74, XY, Y)
    assert codes(still) == {"CHAIN_UNMATCHED"}
    assert isinstance(still, Refused)
    assert {fault.address for fault in still.because} == {WEB2}
    assert codes(publishing(history, 10 + 65, XY, Y)) == set()


# -- the planner, on histories ---------------------------------------------------------------------------------------


def planned(history: History, second: float, names: tuple[dns.name.Name, ...] = (HOST,)) -> Plan:
    desired = DesiredService(
        SERVICE, (LINEAGE,), ZONE, names, (Combination(3, 1, 1),), 30, (LOCAL,), ChallengeType.HTTP_01
    )
    return plan(desired, history.facts(), reach(), at(second), LIMITS)


def test_another_name_is_a_roll_of_its_own() -> None:
    """mailcow #6619: a SAN changed, and its records did not follow.

    Mutant: "a name that the certificate lacks is waited for".
    """
    both = (HOST, dns.name.from_text("mail.example.net."))
    assert planned(served(X).holds(0.1, FIRST, live=1), 1, both) == MakeKey(LINEAGE)


def test_letters_of_either_case_are_one_record() -> None:
    """external-dns #6616: the provider's upper-case hex differed from its own, and it updated for ever."""
    text = record(OLD).to_text()
    assert TLSARecord.from_text(text.upper()) == TLSARecord.from_text(text)
    shouting = replace(X, owner=dns.name.from_text("_443._TCP.WWW.EXAMPLE.NET."))
    assert isinstance(planned(served(shouting).holds(0.1, FIRST, live=1), 1), Settled)


def test_a_back_end_that_lags_behind_a_balancer_keeps_the_old_record() -> None:
    """Every third connection ends at a server that was not reloaded: one old sight resets the drain.

    Mutant: "old records do not linger".
    """
    history = served(XY).sees(10, 200, 1, XY, *ALSO).presents(10, 200, NEW, by=[WEB2])
    for second in range(10, 201, 10):
        history.presents(second, second, OLD if second % 30 == 0 else NEW, by=[WEB1])
    history.holds(200, FIRST, SECOND, live=2).judged(200)
    for second in range(181, 209):
        step = planned(history, second)
        assert isinstance(step, Wait | Switch), second
    drained = history.sees(210, 300, 1, XY, *ALSO).presents(210, 300, NEW).holds(300, FIRST, SECOND, live=2).judged(300)
    assert planned(drained, 300) == Publish(ZONE, XY, Y)


# -- in virtual time -------------------------------------------------------------------------------------------------


def test_a_certificate_for_another_key_is_never_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """acme.sh #6621 and #2119: key and certificate were of different renewals, and the web server died.

    Mutant: "a certificate is served with another key".
    """
    world, runner = settled_world()
    before = world.servers.addresses[0].chain

    async def astray(_: object, order: OrderState, csr: bytes) -> Issued:
        del csr
        return Issued(order, issue_in_simulation(77, (SIM_HOST,), world.clock.now(), world.ca.lifetime))

    runner.start_renewal()
    monkeypatch.setattr(type(world.ca), "advance", astray)
    runner.run_until_waiting("KEY_MISMATCH")
    runner.run_for(10)
    assert {address.chain for address in world.servers.addresses} == {before}
    assert world.crowd.refused() == []


def put_back(world: SimWorld, content: Content) -> None:
    """The zone is there again as it was when it was saved, serial and all, on every authority."""
    for authority in world.zone.authorities:
        authority.content = content
    world.zone.source = content


def test_after_a_migration_from_a_backup_the_served_key_is_published_again() -> None:
    """mail-in-a-box #1507: the old hash was served ever after.

    Mutant: "nobody is told of clients that are refused".
    """
    world, runner = settled_world()
    saved, old = world.zone.source, served_tlsa(world)
    runner.renew()
    now = served_tlsa(world)
    runner.run_for(20)
    put_back(world, saved)
    assert served_tlsa(world) == old
    begun, restored = len(runner.passes), world.clock.now()
    runner.run(lambda: now <= served_tlsa(world), 10)
    runner.settle()
    assert served_tlsa(world) == now
    assert any(p.violations for p in runner.passes[begun:])
    assert reasons(world) == {"TLSA_MISMATCH"}
    assert (max(c.at for c in world.crowd.refused()) - restored).total_seconds() < 10


def order_of_steps(runner: Runner) -> list[str]:
    return [name for name in runner.actions if name in ("Publish", "Switch")]


def test_publish_comes_before_switch_and_withdrawal_after_it() -> None:
    """Stalwart installs, and then replaces the RRset. Mutant: "new records replace the old ones"."""
    _, runner = settled_world()
    begun = len(order_of_steps(runner))
    runner.renew()
    assert order_of_steps(runner)[begun:] == ["Publish", "Switch", "Publish"]
