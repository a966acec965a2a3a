"""The verdict on whole signed zones: every damage is found where it is, by its code, and nothing is in honest zones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DS, make_ds
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.dnssec.zone_verdict import ZoneVerdict, judge_zone
from danelaw.core.model import RRset, Security
from fault_garden.damages import BarrenError, Entry, nothing
from fault_garden.entries import GARDEN
from fault_garden.garden import Garden, plant
from zone_damage_tools import APEX, HASHED, OPT_OUT, PLAIN, SALTED, ZoneDamage, records
from zone_damages import TABLE

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def honest(layout: object = PLAIN, now: datetime = NOW, **more: object) -> ZoneVerdict:
    zone = ZoneDamage("honest", nothing, "", "", layout=layout).zone(NOW)  # type: ignore[arg-type]  # one of the layouts
    return judge_zone(APEX, zone, now, **more)  # type: ignore[arg-type]  # as judge_zone takes them


def told(findings: tuple[ZoneFinding, ...]) -> list[str]:
    return [str(finding) for finding in findings]


@pytest.mark.parametrize("layout", [PLAIN, HASHED], ids=["NSEC", "NSEC3"])
def test_an_honest_zone_has_neither_faults_nor_advice(layout: object) -> None:
    verdict = honest(layout)
    assert (told(verdict.faults), told(verdict.advice)) == ([], [])
    assert verdict.right


@pytest.mark.parametrize("layout", [SALTED, OPT_OUT], ids=["salt and iterations", "opt-out"])
def test_what_had_better_be_otherwise_is_no_fault(layout: object) -> None:
    verdict = honest(layout)
    assert verdict.right
    assert verdict.advice


@pytest.mark.parametrize("damage", TABLE, ids=lambda one: one.name)
def test_each_damage_is_found_where_it_is(damage: ZoneDamage) -> None:
    verdict = judge_zone(APEX, damage.zone(NOW), NOW)
    if not damage.code:
        assert (told(verdict.faults), told(verdict.advice)) == ([], [])
        return
    found = verdict.advice if damage.advice else verdict.faults
    places = {finding.blamed for finding in found if finding.code == damage.code}
    assert places, told(verdict.faults + verdict.advice)
    if damage.where:
        owner, type = damage.where.split()
        assert f"{dns.name.from_text(owner, APEX)} {type}" in places
    assert verdict.right is damage.advice, told(verdict.faults)


def test_the_names_of_damages_are_their_own() -> None:
    assert len({damage.name for damage in TABLE}) == len(TABLE) > 100


def test_every_finding_says_what_to_do_and_cites_its_rule() -> None:
    for damage in TABLE:
        verdict = judge_zone(APEX, damage.zone(NOW), NOW)
        for finding in verdict.faults + verdict.advice:
            assert finding.section.startswith("RFC ")
            assert finding.hint


# -- the garden of faults -------------------------------------------------------------------------------------------

OTHERWISE = {
    "ALGORITHM_UNSUPPORTED": {"SIGNATURE_MISSING"},
    "DENIAL_INSUFFICIENT": {"NSEC_WRONG", "NSEC3_WRONG"},
    "DENIAL_MISSING": {"NSEC_WRONG", "NSEC3_WRONG", "SIGNATURE_INVALID"},
    "KEY_NOT_FOR_ZONE": {"SIGNING_KEY_MISSING"},
    "KEY_REVOKED": {"DS_MISMATCH"},
    "SIGNATURE_INVALID": {"SIGNATURE_TTL"},
    "SIGNER_MISMATCH": {"NSEC_WRONG"},
    "SIGNING_KEY_MISSING": {"KSK_NOT_SIGNING", "SIGNER_MISMATCH", "SIGNATURE_MISSING"},
    "WORK_LIMIT": {"SIGNATURE_INVALID"},
}
"""What a validator says of one answer, and the whole zone says more closely."""
NOT_SEEN = {
    "a DS without digest": "it is malformed, so that nothing is known of what the parent has",
    "one of no name, in a zone with NSEC (NSEC3)": "NSEC3 records may be put in one by one before their NSEC3PARAM",
}
"""Answers that are bogus, of zones that are right."""


def delegated(garden: Garden, apex: Name) -> RRset | None:
    """The DS RRset of a zone in its parent."""
    found = (bed.rrsets.get((apex, int(T.DS))) for bed in garden.beds.values() if bed.apex != apex)
    return next(filter(None, found), None)


def damaged_zones(entry: Entry) -> list[ZoneVerdict]:
    """The verdicts on the zones that the damage is done to, each with the DS that its parent has."""
    garden, untouched = (plant(entry.layout, dns.name.root, NOW) for _ in range(2))
    try:
        entry.damage(garden)
    except BarrenError:
        return []
    verdicts = []
    for apex, bed in garden.beds.items():
        delegation = next(
            (b.rrsets[apex, int(T.DS)] for b in garden.beds.values() if (apex, int(T.DS)) in b.rrsets), None
        )
        before = untouched.beds[apex]
        was = next((b.rrsets[apex, int(T.DS)] for b in untouched.beds.values() if (apex, int(T.DS)) in b.rrsets), None)
        if bed.ksk is not None and (bed.rrsets != before.rrsets or delegation != was):
            readable = [rdata for rdata in delegation.rdatas if len(rdata) > 4] if delegation is not None else []
            anchored = [ds for anchor in garden.anchors if anchor.zone == apex for ds in anchor.ds]
            ds = frozenset([*map(DS.from_rdata, readable), *anchored]) or None
            verdicts.append(judge_zone(apex, records(bed), NOW, ds=ds))
    return verdicts


def test_what_makes_answers_bogus_is_found_in_the_zone() -> None:
    """Of all damages that are done to zones, not to replies."""
    damaged = [(entry, verdicts) for entry in GARDEN if (verdicts := damaged_zones(entry))]
    found = {entry.name: {f.code for verdict in verdicts for f in verdict.faults} for entry, verdicts in damaged}
    assert len(found) > 130
    missed = {
        entry.name: found[entry.name]
        for entry, _ in damaged
        if entry.state is Security.BOGUS and not found[entry.name] & {entry.code, *OTHERWISE.get(entry.code, ())}
    }
    assert missed == {name: set() for name in NOT_SEEN}


# -- times, keys, and what it is made of ----------------------------------------------------------------------------


def test_it_says_what_the_zone_is_made_of() -> None:
    verdict = honest()
    assert verdict.serial == 7
    assert verdict.chains == ("NSEC",)
    assert [(seen.dnskey.is_sep, seen.keys, seen.records > 20) for seen in verdict.keys] == [
        (True, True, False),
        (False, False, True),
    ]
    assert verdict.signatures == 1 + verdict.keys[1].records
    assert verdict.first is not None
    assert verdict.first.at == NOW + 13 * DAY


def test_what_expires_soon_is_advice_until_it_has_expired() -> None:
    late = honest(now=NOW + 11 * DAY)
    assert late.right
    assert {"SIGNATURE_EXPIRING"} <= {finding.code for finding in late.advice}
    assert honest(now=NOW + 11 * DAY, soon=DAY).right
    assert "SIGNATURE_EXPIRING" not in {f.code for f in honest(now=NOW + 11 * DAY, soon=DAY).advice}
    assert {finding.code for finding in honest(now=NOW + 14 * DAY).faults} == {"SIGNATURE_EXPIRED"}
    assert {finding.code for finding in honest(now=NOW - 2 * DAY).faults} == {"SIGNATURE_NOT_YET_VALID"}


class TestTheParent:
    """What it has for the zone, where that is told."""

    def keys(self) -> list[DS]:
        return [make_ds(APEX, seen.dnskey) for seen in honest().keys]

    def test_a_ds_of_the_ksk_is_right(self) -> None:
        verdict = honest(ds=frozenset(self.keys()[:1]))
        assert (told(verdict.faults), told(verdict.advice)) == ([], [])

    @pytest.mark.parametrize("which", ["none", "the ZSK's", "a digest of nothing"])
    def test_one_that_leads_to_no_key_that_signs_the_keys_is_not(self, which: str) -> None:
        ksk, zsk = self.keys()
        ds = {"none": [], "the ZSK's": [zsk], "a digest of nothing": [replace(ksk, digest=bytes(32))]}[which]
        assert {finding.code for finding in honest(ds=frozenset(ds)).faults} == {"DS_MISMATCH"}

    def test_another_beside_is_advised_of(self) -> None:
        verdict = honest(ds=frozenset({self.keys()[0], DS(1, 13, 2, bytes(32))}))
        assert verdict.right
        assert {finding.code for finding in verdict.advice} == {"DS_UNMATCHED"}

    def test_each_algorithm_of_theirs_must_sign_the_keys(self) -> None:
        verdict = honest(ds=frozenset({self.keys()[0], DS(1, 8, 2, bytes(32))}))
        assert {finding.code for finding in verdict.faults} == {"DS_MISMATCH"}
