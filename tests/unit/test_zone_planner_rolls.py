"""The planner on rolls of zone keys: which keys are to go, and which step is next, by what is served alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from test_rollover_zone_changes import (
    CSK,
    FIRST,
    K1,
    K2,
    KB,
    NET,
    P256,
    P384,
    Z1,
    Z2,
    ZB,
    Served,
    delegated,
    ds,
    rdatas,
    sign,
    versions,
)

from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.dnssec.keys import ZoneKey, make_ds
from danelaw.core.model import RRset, Security, SubjectName
from danelaw.core.rollover.actions import Action, DestroyZoneKey, MakeZoneKey, Receipt, SignZone, SubmitDS
from danelaw.core.rollover.facts import Judged, RequestedZoneRoll, ZoneKeyPair, ZoneKeys
from danelaw.core.rollover.planner import plan
from danelaw.core.rollover.plans import DesiredZone, Plan, Settled, Wait
from danelaw.core.rollover.zone_trust import SOA_TYPE
from rollover_history import LIMITS, ZONE, History, at, reach

DESIRED = DesiredZone(SubjectName("zone example.net"), ZONE, NET, ds_ttl=30)
NOW = 300
OLD, NEW = -5000, -100
"""When keys were made: long ago, and since they were asked for."""


def asked(*roles: KeyRole) -> list[RequestedZoneRoll]:
    return [RequestedZoneRoll(at(-1000), ZONE, role, "operator") for role in roles]


def planned(
    served: Served,
    *fresh: ZoneKey,
    under: RRset | None = None,
    requests: Iterable[RequestedZoneRoll] = (),
    desired: DesiredZone = DESIRED,
    done: Iterable[Action] = (),
    old: tuple[ZoneKey, ...] = (),
) -> Plan:
    """The next step for a zone that has been served so for long. ``fresh`` and ``old``: keys beside those in use."""
    history = versions(served, last=NOW, under=under)
    history.log = [fact for fact in history.log if not isinstance(fact, ZoneKeys)]
    for action in done:
        history.does(-2500, action, Receipt(0))
    used = (*served.published, *(key for key in served.rest_by if key not in served.published))
    pairs = tuple(
        ZoneKeyPair(key.dnskey.to_rdata(), at(NEW if key in fresh else OLD))
        for key in dict.fromkeys((*used, *fresh, *old))
    )
    published = rdatas(*served.published)
    ksks = frozenset(rdata for rdata in published if rdata[1] & 1)
    idle = published - rdatas(*served.dnskey_by, *served.rest_by)
    history.log += [ZoneKeys(at(NOW), ZONE, ksks, published - ksks, idle=idle, pairs=pairs), *requests]
    history.log.append(Judged(at(NOW), ZONE, SOA_TYPE, Security.SECURE))
    return plan(desired, history.facts(), reach(), at(NOW), LIMITS)


ZSK, KSK = asked(KeyRole.ZSK), asked(KeyRole.KSK)
TO_B = replace(DESIRED, algorithm=P384)
PRE = Served((K1, Z1, Z2), (K1,), (Z1,))
POST = Served((K1, Z1, Z2), (K1,), (Z2,))
DOUBLE = Served((K1, K2, Z1), (K1, K2), (Z1,))
SIGNING_B = Served((K1, Z1), (K1,), (Z1, ZB))
ALL_B = Served((K1, KB, Z1, ZB), (K1, KB), (Z1, ZB))
LEFT_B = Served((KB, ZB), (KB,), (Z1, ZB))
PUBLISHED_B = sign(K1, KB, Z1, ZB)

STEPS: dict[str, tuple[Plan, Plan]] = {
    "a ZSK is missing": (planned(FIRST, requests=ZSK), MakeZoneKey(ZONE, False, P256)),
    "it is there": (planned(FIRST, Z2, requests=ZSK), sign(K1, Z1, Z2, by=(K1, Z1))),
    "it is settled": (planned(PRE, Z2, requests=ZSK), sign(K1, Z1, Z2, by=(K1, Z2))),
    "it has signed for long": (planned(POST, Z2, requests=ZSK), sign(K1, Z2)),
    "a KSK is missing": (planned(FIRST, requests=KSK), MakeZoneKey(ZONE, True, P256)),
    "it is there, and is to sign": (planned(FIRST, K2, requests=KSK), sign(K1, K2, Z1)),
    "it signs for long": (planned(DOUBLE, K2, requests=KSK), SubmitDS(ZONE, ds(K1), ds(K2))),
    "the DS names it for long": (planned(DOUBLE, K2, requests=KSK, under=ds(K2)), sign(K2, Z1)),
    "a CSK is missing": (planned(CSK, requests=KSK), MakeZoneKey(ZONE, True, P256)),
    "a CSK is there": (planned(CSK, K2, requests=KSK), sign(K1, K2)),
    "a KSK of another algorithm is missing": (planned(FIRST, desired=TO_B), MakeZoneKey(ZONE, True, P384)),
    "so is a ZSK": (planned(FIRST, KB, desired=TO_B), MakeZoneKey(ZONE, False, P384)),
    "both are there": (planned(FIRST, KB, ZB, desired=TO_B), sign(K1, Z1, by=(K1, Z1, KB, ZB))),
    "they sign for long": (planned(SIGNING_B, KB, ZB, desired=TO_B), PUBLISHED_B),
    "they are published for long": (planned(ALL_B, KB, ZB, desired=TO_B), SubmitDS(ZONE, ds(K1), ds(KB))),
    "the DS is of their algorithm": (
        planned(ALL_B, KB, ZB, desired=TO_B, under=ds(KB)), sign(KB, ZB, by=(K1, Z1, KB, ZB)),
    ),
    "the old keys are out of caches": (planned(LEFT_B, KB, ZB, desired=TO_B, under=ds(KB), old=(K1,)), sign(KB, ZB)),
    "both roles are asked for": (planned(FIRST, Z2, K2, requests=[*ZSK, *KSK]), sign(K1, Z1, Z2, by=(K1, Z1))),
    "the first of them is done": (
        planned(Served((K1, Z2), (K1,), (Z2,)), Z2, K2, requests=[*ZSK, *KSK]), sign(K1, K2, Z2),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("step", "expected"), STEPS.values(), ids=STEPS)
def test_the_next_step_is_read_off_what_is_served(step: Plan, expected: Plan) -> None:
    assert step == expected


def test_a_key_made_in_the_second_in_which_it_was_asked_for_is_the_one_that_was_asked_for() -> None:
    """Key files know no fractions of seconds."""
    request = replace(ZSK[0], at=at(NEW) + timedelta(seconds=0.7))
    assert planned(FIRST, Z2, requests=[request]) == sign(K1, Z1, Z2, by=(K1, Z1))


def by_sha384(*keys: ZoneKey) -> RRset:
    return replace(ds(), rdatas=frozenset(make_ds(ZONE, key.dnskey, 4).to_rdata() for key in keys))


def test_a_ds_is_right_under_whatever_digests_it_was_handed_over() -> None:
    """Registries make digests of their own, and operators hand over two: what counts is which keys it leads to."""
    both = replace(ds(), rdatas=ds(K1).rdatas | by_sha384(K1).rdatas)
    assert isinstance(planned(FIRST, under=both), Settled)
    assert planned(DOUBLE, K2, requests=KSK, under=by_sha384(K2)) == sign(K2, Z1)
    half = replace(ds(), rdatas=ds(K1).rdatas | by_sha384(K2).rdatas)
    assert planned(DOUBLE, K2, requests=KSK, under=half) == SubmitDS(ZONE, half, ds(K2))


def test_other_keys_of_the_zone_stay_as_they_are() -> None:
    """A second KSK, which the operator had all the time, goes on as it did."""
    double = Served((K1, K2, Z1), (K1, K2), (Z1,))
    assert planned(double, Z2, requests=ZSK, under=ds(K1, K2)) == sign(K1, K2, Z1, Z2, by=(K1, K2, Z1))
    assert isinstance(planned(double, under=ds(K1, K2)), Settled)


def test_a_key_that_is_only_published_is_let_be() -> None:
    assert isinstance(planned(PRE), Settled)


@pytest.mark.parametrize(("old", "expected"), [(5299, False), (5300, True)])
def test_a_key_goes_when_it_has_lived_its_time(old: int, expected: bool) -> None:
    desired = replace(DESIRED, zsk_lifetime=timedelta(seconds=NOW - OLD + 5300 - old))
    found = planned(FIRST, desired=desired)
    assert found == (MakeZoneKey(ZONE, False, P256) if expected else Settled(at(NOW + 1)))


def test_the_lifetime_of_one_role_is_not_that_of_the_other() -> None:
    desired = replace(DESIRED, ksk_lifetime=timedelta(seconds=1000), zsk_lifetime=timedelta(seconds=100000))
    assert planned(FIRST, desired=desired) == MakeZoneKey(ZONE, True, P256)


def test_what_a_roll_has_put_out_of_use_is_destroyed() -> None:
    after = Served((K1, Z2), (K1,), (Z2,))
    found = planned(after, Z2, requests=ZSK, old=(Z1,), done=[sign(K1, Z1)])
    assert found == DestroyZoneKey(ZONE, Z1.dnskey.to_rdata())


def test_a_key_that_no_roll_of_ours_had_is_kept() -> None:
    """What lies in the directory besides is its owner's."""
    assert isinstance(planned(Served((K1, Z2), (K1,), (Z2,)), Z2, requests=ZSK, old=(Z1,)), Settled)


def test_without_a_parent_of_ours_a_ksk_waits_where_its_ds_is_not_known() -> None:
    found = planned(DOUBLE, K2, requests=KSK, desired=replace(DESIRED, parent=None))
    assert isinstance(found, Wait)
    assert found.code == "DS_HELD"


def test_a_signing_that_is_not_served_yet_is_not_repeated_at_once() -> None:
    step = sign(K1, Z1, Z2, by=(K1, Z1))
    history: History = versions(FIRST, last=NOW).does(NOW - 1, step, Receipt(9))
    pairs = tuple(ZoneKeyPair(k.dnskey.to_rdata(), at(NEW if k is Z2 else OLD)) for k in (K1, Z1, Z2))
    history.log += [ZoneKeys(at(NOW), ZONE, rdatas(K1), rdatas(Z1), pairs=pairs), *ZSK]
    found = plan(DESIRED, history.facts(), reach(), at(NOW), LIMITS)
    assert isinstance(found, Wait)
    assert found.code == "NOT_LOADED"


def test_a_ds_is_handed_over_once_and_waited_for() -> None:
    change = SubmitDS(ZONE, ds(K1), ds(K2))
    history = delegated(versions(DOUBLE, last=NOW), -2000, NOW, 1, ds(K1)).does(NOW - 1, change, Receipt())
    pairs = tuple(ZoneKeyPair(k.dnskey.to_rdata(), at(NEW if k is K2 else OLD)) for k in (K1, K2, Z1))
    history.log += [ZoneKeys(at(NOW), ZONE, rdatas(K1, K2), rdatas(Z1), pairs=pairs), *KSK]
    found = plan(DESIRED, history.facts(), reach(), at(NOW), LIMITS)
    assert isinstance(found, Wait)
    assert found.code == "NOT_LOADED"


def test_edits_go_live_by_the_keys_of_the_step_that_the_zone_stands_at() -> None:
    history = versions(POST, Served((K1, Z1, Z2), (K1,), (Z2,)), last=10)
    pairs = tuple(ZoneKeyPair(k.dnskey.to_rdata(), at(NEW if k is Z2 else OLD)) for k in (K1, Z1, Z2))
    history.log.append(ZoneKeys(at(10), ZONE, rdatas(K1), rdatas(Z1, Z2), True, idle=rdatas(Z1), pairs=pairs))
    history.log += ZSK
    found = plan(DESIRED, history.facts(), reach(), at(10), LIMITS)
    assert found == sign(K1, Z1, Z2, by=(K1, Z2))
    assert isinstance(found, SignZone)
