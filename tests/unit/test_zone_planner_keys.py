"""The planner on a zone's keys: which are missing, and which it is then signed with."""

from __future__ import annotations

from dataclasses import replace

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.model import RRset, SubjectName
from danelaw.core.rollover.actions import MakeZoneKeys, Receipt, SignZone
from danelaw.core.rollover.facts import ZoneKeys
from danelaw.core.rollover.planner import plan
from danelaw.core.rollover.plans import DesiredZone, Plan, Settled
from rollover_history import LIMITS, ZONE, absent, at, reach, served

KSK, ZSK = b"\x01\x01\x03\x0dksk", b"\x01\x00\x03\x0dzsk"
DESIRED = DesiredZone(SubjectName("zone example.net"), ZONE, dns.name.from_text("net."))


def planned(*keys: bytes) -> Plan:
    """The next step for a zone that has been served without DNSKEY records, and has these keys in its directory."""
    history = served(absent()).sees(0, 0, 1, absent(ZONE, T.DNSKEY))
    history.log.append(ZoneKeys(at(0), ZONE, frozenset({KSK} & set(keys)), frozenset({ZSK} & set(keys))))
    return plan(DESIRED, history.facts(), reach(), at(0), LIMITS)


@pytest.mark.parametrize("keys", [(), (ZSK,)], ids=["no key", "a ZSK alone"])
def test_a_zone_without_a_key_for_the_ds_gets_its_keys_made(keys: tuple[bytes, ...]) -> None:
    assert planned(*keys) == MakeZoneKeys(ZONE)


def test_the_first_keys_are_of_the_algorithm_that_is_wanted() -> None:
    """Else they would be rolled to it at once."""
    history = served(absent()).sees(0, 0, 1, absent(ZONE, T.DNSKEY))
    history.log.append(ZoneKeys(at(0), ZONE, frozenset(), frozenset()))
    assert plan(replace(DESIRED, algorithm=15), history.facts(), reach(), at(0), LIMITS) == MakeZoneKeys(ZONE, 15)


@pytest.mark.parametrize("keys", [(KSK,), (KSK, ZSK)], ids=["a CSK", "a KSK and a ZSK"])
def test_a_zone_is_signed_with_the_keys_that_it_has(keys: tuple[bytes, ...]) -> None:
    """One key that signs everything is enough, as danelaw zone keygen makes it: no other is added to it."""
    assert planned(*keys) == SignZone(ZONE, frozenset(keys))


SIGN = SignZone(ZONE, frozenset({KSK, ZSK}))


def kept(due: float | None, now: float, *deeds: float) -> Plan:
    """The next step for a zone that is served by its keys, of which a signature is to be renewed at ``due``."""
    history = served(absent()).sees(0, 0, 1, RRset(ZONE, T.DNSKEY, 30, SIGN.keys)).sees(0, 0, 1, absent(ZONE, T.DS))
    for deed in deeds:
        history.does(deed, SIGN, Receipt(2))
    due_at = None if due is None else at(due)
    history.log.append(ZoneKeys(at(now), ZONE, frozenset({KSK}), frozenset({ZSK}), due=due_at))
    return plan(replace(DESIRED, parent=None), history.facts(), reach(), at(now), LIMITS)


def test_a_zone_is_signed_again_when_the_first_of_its_signatures_is_to_be_renewed() -> None:
    assert kept(500, 500) == SIGN


@pytest.mark.parametrize("due", [500, None])
def test_until_then_it_is_left_alone_and_looked_at_again_when_it_is_due(due: float | None) -> None:
    assert kept(due, 499) == Settled(None if due is None else at(due))


def test_a_signing_that_changed_nothing_is_not_repeated_at_once() -> None:
    assert kept(500, 501, 500.5) != SIGN
    assert kept(500, 502 + LIMITS.in_flight.total_seconds(), 500.5) == SIGN
