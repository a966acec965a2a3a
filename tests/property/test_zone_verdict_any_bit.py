"""No bit of a signed zone changes without a fault, and no octets that stand in it upset the verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from dns.rdatatype import RdataType as T
from hypothesis import given
from hypothesis import strategies as st

from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.dnssec.zone_verdict import judge_zone
from danelaw.core.model import Record
from fault_garden.damages import nothing
from zone_damage_tools import APEX, HASHED, PLAIN, ZoneDamage

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ZONES = [ZoneDamage("honest", nothing, "", "", layout).zone(NOW) for layout in (PLAIN, HASHED)]


def is_signed(zone: list[Record], at: int) -> bool:
    """Whether it is the zone's own: a signature, or a record that has one."""
    here = zone[at]
    covers = here.type.to_bytes(2)
    return here.type == T.RRSIG or any(
        (one.owner, one.type, one.rdata[:2]) == (here.owner, T.RRSIG, covers) for one in zone
    )


@given(zone=st.sampled_from(ZONES), which=st.integers(0, 10**6), bit=st.integers(0, 10**6))
def test_a_bit_of_what_is_signed_or_signs_is_never_lost(zone: list[Record], which: int, bit: int) -> None:
    """Case in names is no difference where the canonical form has none (RFC 4034 §6.2)."""
    mine = [at for at in range(len(zone)) if is_signed(zone, at)]
    at = mine[which % len(mine)]
    octets = bytearray(zone[at].rdata)
    octets[bit // 8 % len(octets)] ^= 1 << bit % 8
    changed = replace(zone[at], rdata=bytes(octets))
    verdict = judge_zone(APEX, [*zone[:at], changed, *zone[at + 1 :]], NOW)
    same = canonical_rdata(changed.type, changed.rdata) == canonical_rdata(zone[at].type, zone[at].rdata)
    assert verdict.right is same


@given(zone=st.sampled_from(ZONES), which=st.integers(0, 10**6))
def test_no_record_that_is_signed_or_signs_goes_unnoticed(zone: list[Record], which: int) -> None:
    mine = [at for at in range(len(zone)) if is_signed(zone, at)]
    at = mine[which % len(mine)]
    assert not judge_zone(APEX, zone[:at] + zone[at + 1 :], NOW).right


@given(
    zone=st.sampled_from(ZONES),
    which=st.integers(0, 10**6),
    type=st.sampled_from(
        [T.SOA, T.NS, T.DNSKEY, T.RRSIG, T.NSEC, T.NSEC3, T.NSEC3PARAM, T.CDS, T.CDNSKEY, T.ZONEMD, T.DS, T.TXT]
    ),
    rdata=st.binary(max_size=40),
)
def test_whatever_octets_stand_there_are_judged(zone: list[Record], which: int, type: int, rdata: bytes) -> None:
    owner = zone[which % len(zone)].owner
    verdict = judge_zone(APEX, [*zone, Record(owner, int(type), 1, 600, rdata)], NOW)
    occluded = {finding.code for finding in verdict.advice} & {"ZONE_OCCLUDED", "SIGNATURE_KEYLESS"}
    assert not verdict.right or occluded or (owner, type) in {(one.owner, one.type) for one in zone}
