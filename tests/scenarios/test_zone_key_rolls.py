"""Zone keys are rolled, and no validator ever finds the zone bogus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import dns.name
import dns.rdatatype
import pytest
from killing import Assassin, Killed
from virtual import LAB_LIMITS, Runner, allowing
from zone_rolling import KINDS, P256, Rolling

from danelaw.adapters.store.memory import MemoryStore
from danelaw.core.dnssec.keys import make_ds
from danelaw.core.model import RRset
from danelaw.core.rollover import plans
from danelaw.core.rollover.actions import Action, SignZone, SubmitDS
from danelaw.core.rollover.planner import Wait
from danelaw.worlds.sim.validators import Validators
from danelaw.worlds.sim.world import ZONE
from danelaw.worlds.sim.zone import SignedInternet

pytestmark = pytest.mark.slow

DS, TXT = int(dns.rdatatype.DS), int(dns.rdatatype.TXT)
ZSK = (256).to_bytes(2)
"""The flags of one, with which its DNSKEY rdata begins."""
STEPS = {
    "zsk": ["MakeZoneKey", "SignZone", "SignZone", "SignZone", "DestroyZoneKey"],
    "ksk": ["MakeZoneKey", "SignZone", "SubmitDS", "SignZone", "DestroyZoneKey"],
    "csk": ["MakeZoneKey", "SignZone", "SubmitDS", "SignZone", "DestroyZoneKey"],
    "algorithm": [
        "MakeZoneKey", "MakeZoneKey", "SignZone", "SignZone", "SubmitDS", "SignZone", "SignZone",
        "DestroyZoneKey", "DestroyZoneKey",
    ],
    "csk algorithm": ["MakeZoneKey", "SignZone", "SignZone", "SubmitDS", "SignZone", "SignZone", "DestroyZoneKey"],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("lag", "seed"), [(0.0, 1), (2.0, 2), (9.0, 3)])
def test_a_roll_takes_its_steps_and_nobody_finds_the_zone_bogus(kind: str, lag: float, seed: int) -> None:
    rolling = Rolling(kind, lag=lag, seed=seed)
    runner = rolling.begin()
    rolling.finish(runner)
    assert runner.actions == STEPS[kind]
    assert rolling.replaced()
    assert rolling.reasons() == set()
    assert len(rolling.validators.record) > 1000


# -- why the gate is there --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_steps_without_the_gate_are_bogus_for_somebody(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = allowing(SignZone, SubmitDS)
    rolling = Rolling(kind)
    rolling.gate = gate
    monkeypatch.setattr(plans, "judge", gate)
    rolling.finish(rolling.begin())
    assert rolling.reasons()


@pytest.mark.parametrize("kind", KINDS)
def test_keys_replaced_at_once_are_bogus_for_somebody(kind: str) -> None:
    """What is done by hand: new keys, a new signing, a new DS, all at once."""
    rolling = Rolling(kind)
    zone, publisher = rolling.world.zone, rolling.world.publisher
    old = [key for key in zone.keys if kind not in ("zsk", "ksk") or key.dnskey.is_sep == (kind == "ksk")]
    algorithm = 14 if kind.endswith("algorithm") else P256
    for key in old:
        asyncio.run(publisher.make_key(ZONE, key.dnskey.is_sep, algorithm))
    zone.sign(frozenset(zone.pairs) - {key.dnskey.to_rdata() for key in old})
    points = frozenset(
        make_ds(ZONE, key.dnskey).to_rdata() for key in zone.keys if key.dnskey.is_sep and key not in old
    )
    rolling.world.parent.write(ZONE, DS, RRset(ZONE, DS, 1, points))
    rolling.world.clock.advance(rolling.world.clock.now() + timedelta(seconds=10))
    assert rolling.reasons()


# -- faults -----------------------------------------------------------------------------------------------------------


def lost_reply(rolling: Rolling) -> None:
    rolling.world.zone.lose_reply = True


def idle_reload(rolling: Rolling) -> None:
    zone = rolling.world.zone
    zone.idle_reload = True

    def mended() -> None:
        zone.idle_reload = False
        zone.reload()

    rolling.world.clock.after(5, mended)


def silent_secondary(rolling: Rolling) -> None:
    secondary = rolling.world.zone.authorities[1]
    secondary.silent = True

    def back() -> None:
        secondary.silent = False

    rolling.world.clock.after(20, back)


def restored_secondary(rolling: Rolling) -> None:
    """It is silent for a while, and comes back with what it had then; it follows a long time after."""
    secondary = rolling.world.zone.authorities[1]
    secondary.silent = secondary.frozen = True
    had = secondary.content

    def back() -> None:
        secondary.silent, secondary.content = False, had

    def follow() -> None:
        secondary.frozen = False
        rolling.world.zone.catch_up()

    rolling.world.clock.after(15, back)
    rolling.world.clock.after(30, follow)


def slow_registry(rolling: Rolling) -> None:
    rolling.world.registry.delay = 7


FAULTS: list[Callable[[Rolling], None]] = [
    lost_reply, idle_reload, silent_secondary, restored_secondary, slow_registry,
]  # fmt: skip


@pytest.mark.parametrize("kind", ["zsk", "csk algorithm"])
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_delay_a_roll_and_break_nothing(kind: str, fault: Callable[[Rolling], None]) -> None:
    """At each of its signings once."""
    for at in range(STEPS[kind].count("SignZone")):
        rolling = Rolling(kind, seed=at)
        runner = rolling.begin()
        met: list[Action] = []

        def strike(rolling: Rolling = rolling, runner: Runner = runner, met: list[Action] = met, at: int = at) -> None:
            met.append(runner.told[-1].acting)  # type: ignore[arg-type]  # a hook runs where something is acting
            if len(met) == at + 1:
                fault(rolling)
            else:
                runner.before(SignZone, lambda: strike())

        runner.before(SignZone, strike)
        rolling.finish(runner, 600)
        assert len(met) >= at + 1
        assert rolling.replaced()
        assert rolling.reasons() == set()


@pytest.mark.parametrize("kind", ["zsk", "csk algorithm"])
def test_a_runner_that_is_killed_at_any_step_is_followed_by_one_that_goes_on(kind: str) -> None:
    number, total = 1, 1
    while number <= total:
        rolling = Rolling(kind, lag=1.0, seed=number)
        assassin = Assassin(number)
        try:
            rolling.finish(rolling.begin(assassin.wrap))
        except Killed:
            assert number <= len(assassin.deeds)
        total = max(total, number + 1) if len(assassin.deeds) >= number else total
        if len(rolling.world.zone.destroyed) < rolling.rolled or len(assassin.deeds) == number:
            rolling.finish(rolling.again())
        assert rolling.replaced()
        assert rolling.reasons() == set()
        number += 1
    assert total > 3 * len(STEPS[kind]) - 3


# -- with the rest ----------------------------------------------------------------------------------------------------


def test_what_a_roll_waits_for_is_told() -> None:
    rolling = Rolling("ksk")
    runner = rolling.begin()
    rolling.finish(runner)
    codes = [p.plan.code for p in runner.passes if isinstance(p.plan, Wait)]
    assert list(dict.fromkeys(codes)) == ["DS_MISMATCH", "DS_HELD", "KEY_PUBLISHED"]


def test_the_zone_is_edited_and_signed_again_while_its_keys_are_rolled() -> None:
    """What signs it is what signs it at that step."""
    rolling = Rolling("zsk")
    runner = rolling.begin()
    runner.run(lambda: runner.actions.count("SignZone") == 1)
    runner.run_for(1)
    signing = rolling.world.zone.source.signing
    rolling.world.zone.edited = True
    runner.run(lambda: runner.actions.count("SignZone") == 2)
    runner.run_for(0.5)
    assert rolling.world.zone.source.signing == signing
    rolling.finish(runner)
    assert runner.actions.count("SignZone") == 4
    assert rolling.reasons() == set()


def test_a_store_that_is_lost_in_the_middle_leaves_the_zone_as_it_stands_until_new_keys_are_asked_for_again() -> None:
    rolling = Rolling("ksk")
    runner = rolling.begin()
    runner.run(lambda: "SubmitDS" in runner.actions)
    rolling.store = MemoryStore(LAB_LIMITS.max_gap)
    keys = rolling.world.zone.source.dnskeys
    rolling.again().run_for(60)
    assert rolling.world.zone.source.dnskeys == keys
    runner = rolling.begin()
    runner.run(lambda: rolling.world.zone.source.dnskeys.isdisjoint(keys - {key for key in keys if key[:2] == ZSK}))
    runner.run_for(20)
    assert rolling.reasons() == set()


def test_what_is_cached_longest_of_all_the_zone_counts_though_no_service_needs_it() -> None:
    """RFC 6781 §4.1.1.1: the Maximum Zone TTL, here that of a record that nobody but these validators looks at."""
    rolling = Rolling("zsk")
    world, name = rolling.world, dns.name.from_text("long", ZONE)
    world.zone.write(name, TXT, RRset(name, TXT, 30, frozenset({b"\x04long"})))
    watching = Validators(world.clock, SignedInternet(world.zone, world.parent), ZONE, name, TXT)
    watching.start()
    runner = rolling.begin()
    runner.run_for(60)
    rolling.finish(runner)
    assert watching.bogus() == []
