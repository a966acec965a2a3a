"""Damages that take more than one verdict to judge: bounds in time and in work, other policies, what is told besides.

What a single fault comes to is in ``test_fault_garden.py``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dns.name
import pytest

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, AlgorithmPolicy, DigestType
from danelaw.core.dnssec.authenticate import Bounds
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.model import Security, Validated
from fault_garden.damages import BOGUS, SECURE, Damage, nothing, rrsigs, stored
from fault_garden.delegations import digests
from fault_garden.garden import Layout, plant
from signed_tree import NOW

LENIENT = AlgorithmPolicy(validate_digests=frozenset({DigestType.SHA1, DigestType.SHA256}))


def judged(
    damage: Damage,
    asked: str = "www A",
    policy: AlgorithmPolicy = DEFAULT_POLICY,
    bounds: Bounds | None = None,
    shift: timedelta = timedelta(0),
) -> Validated:
    """``shift``: how long after the planting the verdict is given."""
    garden = plant(Layout(), dns.name.root, NOW)
    damage(garden)
    one = garden.question(asked)
    return drive(Validation(one.name, one.type, garden.anchors, policy, NOW + shift, bounds=bounds), garden.answer)


@pytest.mark.parametrize(
    ("shift", "state", "code"),
    [
        (timedelta(days=-1, seconds=-1), BOGUS, "SIGNATURE_NOT_YET_VALID"),
        (timedelta(days=-1), SECURE, "SIGNATURE_VALID"),
        (timedelta(days=13), SECURE, "SIGNATURE_VALID"),
        (timedelta(days=13, seconds=1), BOGUS, "SIGNATURE_EXPIRED"),
    ],
)
def test_signatures_hold_from_inception_to_expiration_inclusive(shift: timedelta, state: Security, code: str) -> None:
    verdict = judged(nothing, shift=shift)
    assert (verdict.state, verdict.reasons[0].code) == (state, code)


def test_a_bad_signature_beside_the_good_one_is_told() -> None:
    """RFC 6840 §5.4: the good one is enough. Signatures are tried in the order of their octets: nulls come first."""
    verdict = judged(rrsigs("www A", lambda one: [one, one[:-64] + bytes(64)]))
    assert (verdict.state, [note.code for note in verdict.notes]) == (SECURE, ["SIGNATURE_INVALID"])


@pytest.mark.parametrize(
    ("ds", "state", "code"),
    [
        ([(DigestType.SHA1, True)], SECURE, "SIGNATURE_VALID"),
        ([(DigestType.SHA1, False)], BOGUS, "DS_MISMATCH"),
        ([(DigestType.SHA1, False), (DigestType.SHA256, True)], SECURE, "SIGNATURE_VALID"),
        ([(DigestType.SHA1, True), (DigestType.SHA256, False)], BOGUS, "DS_MISMATCH"),
    ],
)
def test_sha1_digests_count_where_the_policy_says_so_and_nothing_better_is_there(
    ds: list[tuple[int, bool]], state: Security, code: str
) -> None:
    """RFC 4509 §3: beside SHA-256 neither does a wrong SHA-1 harm nor a right one help."""
    verdict = judged(digests(*ds), policy=LENIENT)
    assert (verdict.state, verdict.reasons[0].code) == (state, code)


@pytest.mark.parametrize("bounds", [Bounds(signatures=2), Bounds(questions=3), Bounds(links=1)])
def test_work_is_bounded_in_all(bounds: Bounds) -> None:
    verdict = judged(nothing, "far A", bounds=bounds)
    assert (verdict.state, verdict.reasons[0].code) == (BOGUS, "WORK_LIMIT")


def test_a_ttl_is_lowered_to_the_original_one() -> None:
    """RFC 4035 §5.3.3: a cache on the way may only have lowered it."""
    verdict = judged(stored("www A", lambda rrset: replace(rrset, ttl=86400)))
    assert verdict.rrset is not None
    assert verdict.rrset.ttl == 600
