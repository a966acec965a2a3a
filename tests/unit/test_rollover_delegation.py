"""Zones that their server signs: which DS they ask for, and the way to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import dns.name
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from dns.name import Name

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import REVOKE_FLAG, ZoneKey, make_ds
from danelaw.core.dnssec.rrsig import make
from danelaw.core.model import Answer, RRset, Security, SubjectName
from danelaw.core.rollover.actions import Receipt, SubmitDS
from danelaw.core.rollover.delegation import CDS_TYPE, Unasked, asked_ds
from danelaw.core.rollover.epochs import DNSKEY_TYPE, DS_TYPE
from danelaw.core.rollover.facts import Roster, Sight
from danelaw.core.rollover.planner import DesiredZone, Plan, Settled, Wait, plan
from danelaw.core.rollover.reach import Reach
from rollover_history import LIMITS, NS1, NS2, NS3, ZONE, A, History, absent, at

NET = dns.name.from_text("net.")


def zone_key(flags: int) -> ZoneKey:
    return ZoneKey.of(ZONE, flags, Algorithm.ECDSAP256SHA256, ec.generate_private_key(ec.SECP256R1()))


KSK, NEW, ZSK, STRANGER = zone_key(257), zone_key(257), zone_key(256), zone_key(257)
REVOKED = zone_key(257 | REVOKE_FLAG)
NO_CDS, NO_DS, UNSIGNED = absent(ZONE, CDS_TYPE), absent(ZONE, DS_TYPE), absent(ZONE, DNSKEY_TYPE)
DELETE = bytes.fromhex("0000000000")
"""RFC 8078 §4: ``0 0 0 0``."""


def signed(type: int, rdatas: Iterable[bytes], by: ZoneKey = KSK, days: float = 14, signer: Name = ZONE) -> RRset:
    plain = RRset(ZONE, type, 30, frozenset(rdatas))
    return replace(plain, rrsigs=frozenset({make(plain, signer, by, at(-1000), at(86400 * days))}))


def dnskeys(*keys: ZoneKey, by: ZoneKey = KSK) -> RRset:
    return signed(DNSKEY_TYPE, {key.dnskey.to_rdata() for key in keys}, by)


def digests(*keys: ZoneKey, digest: int = 2) -> frozenset[bytes]:
    return frozenset(make_ds(ZONE, key.dnskey, digest).to_rdata() for key in keys)


def ds(*keys: ZoneKey, digest: int = 2) -> RRset:
    return RRset(ZONE, DS_TYPE, 30, digests(*keys, digest=digest))


def cds(*keys: ZoneKey, by: ZoneKey = KSK, days: float = 14, digest: int = 2, signer: Name = ZONE) -> RRset:
    return signed(CDS_TYPE, digests(*keys, digest=digest), by, days, signer)


def history(*answers: Answer, at_parent: Answer = NO_DS, since: float = -400, until: float = 0) -> History:
    """Both authorities of the zone, and the parent's one, have said the same all the time."""
    seen = History().roster(since, NS1, NS2, primary=NS1).sees(since, until, 1, *answers)
    return parent(seen, since, until, 1, at_parent)


def parent(seen: History, since: float, until: float, serial: int, answer: Answer) -> History:
    seen.log.append(Roster(at(since), NET, frozenset({NS3}), NS3))
    seconds = [since + 10 * n for n in range(int((until - since) // 10) + 1)]
    seen.log += [Sight(at(second), NET, NS3, serial, ZONE, DS_TYPE, answer) for second in seconds]
    return seen


def asked(seen: History, second: float = 0) -> frozenset[bytes] | Unasked:
    return asked_ds(ZONE, NET, seen.facts(), at(second), LIMITS)


def code(found: frozenset[bytes] | Unasked | Plan) -> str:
    assert isinstance(found, Unasked | Wait), found
    return found.code


# -- what the keys say ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "present", "expected"),
    [
        (dnskeys(KSK, ZSK), NO_DS, digests(KSK)),
        (dnskeys(KSK), NO_DS, digests(KSK)),
        (dnskeys(ZSK, STRANGER, by=ZSK), NO_DS, digests(STRANGER)),
        (dnskeys(ZSK, by=ZSK), NO_DS, digests(ZSK)),
        (dnskeys(KSK, NEW, ZSK), ds(KSK), digests(KSK, NEW)),
        (dnskeys(NEW, REVOKED, ZSK, by=NEW), ds(KSK, NEW), digests(NEW)),
        (dnskeys(KSK, ZSK), ds(KSK), digests(KSK)),
        (dnskeys(KSK, ZSK), ds(KSK, digest=4), digests(KSK, digest=4)),
        (dnskeys(KSK, NEW, ZSK), ds(KSK, digest=4), digests(KSK, NEW)),
        (replace(dnskeys(KSK), rdatas=dnskeys(KSK).rdatas | {b"\x01"}), NO_DS, digests(KSK)),
    ],
    ids=[
        "a KSK and a ZSK",
        "a CSK",
        "an entry point that does not sign",
        "no entry point, so what signs",
        "two KSKs",
        "a revoked key",
        "a DS that is there",
        "a DS that is there under another digest",
        "a DS that lacks a key",
        "a malformed key",
    ],
)
def test_without_cds_the_entry_points_are_meant(keys: Answer, present: Answer, expected: frozenset[bytes]) -> None:
    assert asked(history(keys, NO_CDS, at_parent=present)) == expected


# -- what the zone says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "present", "expected"),
    [
        (cds(KSK), NO_DS, digests(KSK)),
        (cds(NEW), ds(KSK), digests(NEW)),
        (cds(KSK, NEW), ds(KSK), digests(KSK, NEW)),
        (cds(KSK, digest=4), ds(KSK), digests(KSK, digest=4)),
    ],
    ids=["the first DS", "another key", "both", "another digest"],
)
def test_cds_says_which_ds_there_is_to_be(said: Answer, present: Answer, expected: frozenset[bytes]) -> None:
    assert asked(history(dnskeys(KSK, NEW, ZSK), said, at_parent=present)) == expected


@pytest.mark.parametrize(
    ("said", "present", "expected"),
    [
        (cds(KSK, by=STRANGER), NO_DS, "CDS_INVALID"),
        (cds(KSK, signer=NET), NO_DS, "CDS_INVALID"),
        (cds(NEW, by=NEW), ds(KSK), "CDS_INVALID"),
        (cds(NEW, days=-0.01), ds(KSK), "CDS_INVALID"),
        (RRset(ZONE, CDS_TYPE, 30, digests(KSK)), NO_DS, "CDS_INVALID"),
        (signed(CDS_TYPE, {b"\x01"}), NO_DS, "CDS_INVALID"),
        (signed(CDS_TYPE, {DELETE}), ds(KSK), "CDS_DELETE"),
    ],
    ids=[
        "signed by nobody of the zone",
        "in another zone's name",
        "not by a key of the DS",
        "expired",
        "unsigned",
        "malformed",
        "delete",
    ],
)
def test_cds_that_may_not_be_obeyed_is_named(said: Answer, present: Answer, expected: str) -> None:
    assert code(asked(history(dnskeys(KSK, NEW, ZSK), said, at_parent=present))) == expected


# -- by all of them ---------------------------------------------------------------------------------------------------


def test_a_zone_that_is_not_signed_yet_asks_for_nothing() -> None:
    assert code(asked(history(UNSIGNED, NO_CDS))) == "ZONE_UNSIGNED"


@pytest.mark.parametrize(
    ("early", "late", "expected"),
    [
        ((dnskeys(KSK, ZSK), NO_CDS), (UNSIGNED, NO_CDS), "DNSKEY_NOT_VISIBLE"),
        ((dnskeys(KSK, ZSK), NO_CDS), (dnskeys(KSK, NEW, ZSK), NO_CDS), "DNSKEY_NOT_VISIBLE"),
        ((dnskeys(KSK, ZSK), cds(KSK)), (dnskeys(KSK, ZSK), NO_CDS), "CDS_NOT_VISIBLE"),
        ((dnskeys(KSK, ZSK), cds(KSK)), (dnskeys(KSK, ZSK), cds(KSK, NEW)), "CDS_NOT_VISIBLE"),
    ],
    ids=["one is unsigned", "one has another key", "one has no CDS", "one has another CDS"],
)
def test_what_one_authority_does_not_say_is_waited_for(
    early: tuple[Answer, ...], late: tuple[Answer, ...], expected: str
) -> None:
    for first, second in ((NS1, NS2), (NS2, NS1)):
        seen = (
            History().roster(-400, NS1, NS2).sees(-400, 0, 2, *early, by=[first]).sees(-400, 0, 1, *late, by=[second])
        )
        assert code(asked(parent(seen, -400, 0, 1, NO_DS))) == expected


def test_what_a_silent_authority_says_is_not_known() -> None:
    seen = History().roster(-400, NS1, NS2).sees(-400, 0, 1, dnskeys(KSK), NO_CDS, by=[NS1])
    assert code(asked(seen.sees(-400, -100, 1, dnskeys(KSK), NO_CDS, by=[NS2]))) == "DNSKEY_NOT_VISIBLE"
    assert code(asked(History().roster(-400, NS1, NS2))) == "DNSKEY_NOT_VISIBLE"


# -- the plan ---------------------------------------------------------------------------------------------------------

DESIRED = DesiredZone(SubjectName(ZONE.to_text()), ZONE, NET, ds_ttl=30, signed_by="server")
SIGNED = dnskeys(KSK, ZSK)


def planned(seen: History, second: float = 0, desired: DesiredZone = DESIRED) -> Plan:
    return plan(desired, seen.facts(), Reach(), at(second), LIMITS)


def test_its_keys_are_never_made_nor_its_signatures() -> None:
    assert code(planned(history(UNSIGNED, NO_CDS))) == "ZONE_UNSIGNED"


def test_the_ds_is_handed_over_once_the_gate_allows_it() -> None:
    """Unsigned until -10, and caches may keep that; its end is the gate's to know."""
    seen = History().roster(-400, NS1, NS2, primary=NS1).sees(-400, -10, 1, UNSIGNED, NO_CDS, absent(ZONE, A))
    seen = parent(seen.sees(0, 300, 2, SIGNED, NO_CDS, absent(ZONE, A)), -400, 300, 1, NO_DS)
    early = planned(seen, 30)
    assert code(early) == "UNSIGNED_HELD"
    assert isinstance(early, Wait)
    assert early.until is not None
    late = planned(seen, 300)
    assert late == SubmitDS(ZONE, NO_DS, ds(KSK))
    assert at(30) < early.until <= at(300)


def test_a_ds_handed_over_is_given_its_time() -> None:
    seen = history(SIGNED, NO_CDS).does(1, SubmitDS(ZONE, NO_DS, ds(KSK)), Receipt(2))
    assert code(planned(seen, 5)) == "NOT_LOADED"


def test_it_is_settled_when_it_validates() -> None:
    seen = history(SIGNED, NO_CDS, at_parent=ds(KSK))
    assert code(planned(seen)) == "NOT_SECURE"
    assert code(planned(seen.judged(0, Security.BOGUS))) == "NOT_SECURE"
    assert planned(seen.judged(1)) == Settled(None)


def test_where_the_ds_is_of_other_hands_a_signed_zone_is_settled() -> None:
    assert planned(history(SIGNED, NO_CDS), desired=replace(DESIRED, parent=None)) == Settled(None)


def test_a_ds_that_cached_keys_do_not_lead_to_is_not_handed_over() -> None:
    """The server asks for its new key alone while its authorities have only now begun to serve it."""
    seen = History().roster(-400, NS1, NS2, primary=NS1).sees(-400, -10, 1, SIGNED, NO_CDS, absent(ZONE, A))
    both = replace(dnskeys(NEW, KSK, ZSK), rrsigs=dnskeys(NEW, KSK, ZSK).rrsigs | dnskeys(NEW, KSK, ZSK, by=NEW).rrsigs)
    seen = parent(seen.sees(0, 300, 2, both, cds(NEW), absent(ZONE, A)), -400, 300, 1, ds(KSK))
    assert code(planned(seen, 10)) == "DS_MISMATCH"
    assert planned(seen, 300) == SubmitDS(ZONE, ds(KSK), ds(NEW))
