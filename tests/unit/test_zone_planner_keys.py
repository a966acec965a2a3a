"""The planner on a zone's keys: which are missing, and which it is then signed with."""

from __future__ import annotations

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.model import SubjectName
from danelaw.core.rollover.actions import MakeZoneKeys, SignZone
from danelaw.core.rollover.facts import ZoneKeys
from danelaw.core.rollover.planner import plan
from danelaw.core.rollover.plans import DesiredZone, Plan
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


@pytest.mark.parametrize("keys", [(KSK,), (KSK, ZSK)], ids=["a CSK", "a KSK and a ZSK"])
def test_a_zone_is_signed_with_the_keys_that_it_has(keys: tuple[bytes, ...]) -> None:
    """One key that signs everything is enough, as danelaw zone keygen makes it: no other is added to it."""
    assert planned(*keys) == SignZone(ZONE, frozenset(keys))
