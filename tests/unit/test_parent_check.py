"""What the parent says of a DS, and what the zone serves, compared: verdicts, and what people are told to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import dns.name
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import Algorithm, DigestType
from danelaw.core.dnssec.bind_keys import KeyTimes
from danelaw.core.dnssec.delegation_records import DelegationRecords, delegated_keys, read_digests
from danelaw.core.dnssec.keys import DS, ZoneKey, make_ds
from danelaw.core.dnssec.parent_check import Comparison, Match, Reply, Server, Target, compare
from danelaw.core.model import Absence, DanelawError, RRset, Silence
from delegation_world import NET, ZONE, dnskeys, revoked

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
A: Server = (dns.name.from_text("a.net."), ip_address("192.0.2.1"))
B: Server = (dns.name.from_text("b.net."), ip_address("192.0.2.2"))
NS1: Server = (dns.name.from_text("ns1.example.net."), ip_address("192.0.2.11"))
NS2: Server = (dns.name.from_text("ns2.example.net."), ip_address("192.0.2.12"))


def key(flags: int) -> ZoneKey:
    return ZoneKey.of(ZONE, flags, Algorithm.ECDSAP256SHA256, ec.generate_private_key(ec.SECP256R1()))


KSK, OLD, STRANGER, ZSK = key(257), key(257), key(257), key(256)
RECORDS = DelegationRecords(ZONE, (KSK.dnskey,))


def ds(*records: DS) -> Reply:
    return RRset(ZONE, T.DS, 3600, frozenset(record.to_rdata() for record in records))


def of(key: ZoneKey, digest: DigestType = DigestType.SHA256) -> DS:
    return make_ds(ZONE, key.dnskey, digest)


NO_DS: Reply = Absence(ZONE, T.DS, 60)
UNSIGNED: Reply = Absence(ZONE, T.DNSKEY, 60)
SERVED = dnskeys([KSK], [ZSK], now=NOW)
BOTH_SERVED = dnskeys([KSK, OLD], [ZSK], now=NOW)
IDLE = dnskeys([OLD], [KSK, ZSK], now=NOW)
ONLY_OLD = dnskeys([OLD], [ZSK], now=NOW)
EXPIRED = dnskeys([KSK], [ZSK], now=NOW - timedelta(days=2))
REVOKED = dnskeys([revoked(KSK)], [ZSK], now=NOW)
REFUSED = Silence("REFUSED", "192.0.2.2")


def compared(parents: Sequence[Reply], zones: Sequence[Reply]) -> Comparison:
    return compare(
        RECORDS,
        NET,
        [KSK.dnskey, ZSK.dnskey],
        list(zip((A, B), parents, strict=False)),
        list(zip((NS1, NS2), zones, strict=False)),
        NOW,
    )


CASES: Mapping[str, tuple[Sequence[Reply], Sequence[Reply], str, str]] = {
    "all agree": ([ds(of(KSK))] * 2, [SERVED] * 2, "valid", ""),
    "by SHA-384": ([ds(of(KSK, DigestType.SHA384))] * 2, [SERVED] * 2, "valid", ""),
    "SHA-1 beside": ([ds(of(KSK), of(KSK, DigestType.SHA1))] * 2, [SERVED] * 2, "valid", "DS_PASSED_OVER"),
    "a second signing key has one too": ([ds(of(KSK), of(OLD))] * 2, [BOTH_SERVED] * 2, "valid", ""),
    "not handed over": ([NO_DS] * 2, [SERVED] * 2, "mismatch", "DS_MISSING"),
    "by SHA-1 only": ([ds(of(KSK, DigestType.SHA1))] * 2, [SERVED] * 2, "mismatch", "DS_MISSING DS_PASSED_OVER"),
    "on its way": ([ds(of(KSK)), NO_DS], [SERVED] * 2, "mismatch", "DS_MISSING PARENT_DIFFERS"),
    "one parent silent": ([ds(of(KSK)), REFUSED], [SERVED] * 2, "undecided", ""),
    "all parents silent": ([REFUSED] * 2, [SERVED] * 2, "undecided", ""),
    "one parent silent, one without": ([NO_DS, REFUSED], [SERVED] * 2, "mismatch", "DS_MISSING"),
    "a server silent": ([ds(of(KSK))] * 2, [SERVED, REFUSED], "undecided", ""),
    "no server found": ([ds(of(KSK))] * 2, [], "undecided", ""),
    "no server found, no DS": ([NO_DS] * 2, [], "mismatch", "DS_MISSING"),
    "unsigned, no DS": ([NO_DS] * 2, [UNSIGNED] * 2, "mismatch", "DS_NOT_YET"),
    "unsigned under a DS": ([ds(of(KSK))] * 2, [UNSIGNED] * 2, "mismatch", "DS_BREAKS_ZONE DS_NOT_YET"),
    "one server lags": ([NO_DS] * 2, [SERVED, UNSIGNED], "mismatch", "DS_NOT_YET"),
    "one server lags under a DS": ([ds(of(KSK))] * 2, [SERVED, UNSIGNED], "mismatch", "DS_BREAKS_ZONE DS_NOT_YET"),
    "not signing yet": ([ds(of(OLD))] * 2, [IDLE] * 2, "mismatch", "DS_NOT_YET"),
    "expired": ([NO_DS] * 2, [EXPIRED] * 2, "mismatch", "DS_NOT_YET"),
    "revoked": ([NO_DS] * 2, [REVOKED] * 2, "mismatch", "DS_NOT_YET"),
    "a roll begins": ([ds(of(OLD))] * 2, [BOTH_SERVED] * 2, "mismatch", "DS_MISSING"),
    "another's DS": (
        [ds(of(STRANGER))] * 2,
        [SERVED] * 2,
        "mismatch",
        "DS_BREAKS_ZONE DS_MISSING DS_STALE",
    ),
    "a leftover": ([ds(of(KSK), of(STRANGER))] * 2, [SERVED] * 2, "mismatch", "DS_STALE"),
    "a leftover of the roll": ([ds(of(KSK), of(OLD))] * 2, [SERVED] * 2, "mismatch", "DS_STALE"),
    "the old one too early": ([ds(of(OLD))] * 2, [ONLY_OLD] * 2, "mismatch", "DS_NOT_YET"),
}


@pytest.mark.parametrize(("parents", "zones", "verdict", "codes"), CASES.values(), ids=CASES)
def test_each_state_of_a_delegation_has_its_verdict_and_findings(
    parents: Sequence[Reply], zones: Sequence[Reply], verdict: str, codes: str
) -> None:
    seen = compared(parents, zones)
    assert (seen.verdict, " ".join(sorted(one.code for one in seen.advice))) == (verdict, codes)


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (ds(of(KSK)), Match.RIGHT),
        (ds(of(KSK), of(KSK, DigestType.SHA384)), Match.RIGHT),
        (NO_DS, Match.MISSING),
        (ds(of(STRANGER)), Match.OTHER),
        (ds(of(KSK), of(STRANGER)), Match.OTHER),
        (ds(of(KSK, DigestType.SHA1)), Match.OTHER),
        (RRset(ZONE, T.DS, 60, frozenset({of(KSK).to_rdata(), b"\x01"})), Match.OTHER),
        (REFUSED, Match.SILENT),
    ],
)
def test_what_a_server_of_the_parent_says_is_told_in_a_word(reply: Reply, match: Match) -> None:
    assert compared([reply], [SERVED]).parent_servers[0].match is match


def test_each_ds_is_told_by_what_it_points_to() -> None:
    reply = ds(of(KSK), of(OLD), of(STRANGER), of(ZSK), of(KSK, DigestType.SHA1))
    targets = {one.ds: one.target for one in compared([reply], [BOTH_SERVED]).parent_servers[0].records}
    assert targets == {
        of(KSK): Target.WANTED,
        of(OLD): Target.SERVED,
        of(STRANGER): Target.UNKNOWN,
        of(ZSK): Target.IDLE,
        of(KSK, DigestType.SHA1): Target.UNUSED,
    }


def test_a_stale_ds_is_safe_to_remove_only_once_the_right_one_is_there() -> None:
    def said(parents: Sequence[Reply], zones: Sequence[Reply] = (SERVED, SERVED)) -> str:
        return next(one.text for one in compared(parents, zones).advice if one.code == "DS_STALE")

    both = ds(of(KSK), of(STRANGER))
    assert "may safely be removed" in said([both, both])
    assert "not before" in said([ds(of(STRANGER)), both])
    assert "not before" in said([both, REFUSED])
    assert "not before" in said([both, both], [SERVED, REFUSED])
    assert "not before" in said([both, both], [])


@pytest.mark.parametrize(
    ("parents", "zones", "told"),
    [
        ([NO_DS] * 2, [SERVED] * 2, "longest TTL, at least 300 s"),
        ([ds(of(OLD))] * 2, [BOTH_SERVED] * 2, "for 300 s, which is their TTL; the DS that is there may be replaced"),
        ([ds(of(KSK)), NO_DS], [SERVED] * 2, "has not reached every server"),
        ([ds(of(STRANGER))] * 2, [SERVED] * 2, "at once: nothing works with that"),
        ([NO_DS] * 2, [], "hand nothing over until"),
    ],
    ids=["the first", "a roll", "on its way", "broken", "not seen"],
)
def test_what_to_do_about_a_missing_ds_hangs_on_what_is_there(
    parents: Sequence[Reply], zones: Sequence[Reply], told: str
) -> None:
    (text,) = (one.text for one in compared(parents, zones).advice if one.code == "DS_MISSING")
    assert f"key {KSK.tag}" in text
    assert told in text


LATER, AGO = NOW + timedelta(days=1), NOW - timedelta(days=1)


@pytest.mark.parametrize(
    ("one", "times", "delegated"),
    [
        (KSK, KeyTimes.at_once(AGO), True),
        (ZSK, KeyTimes.at_once(AGO), False),
        (revoked(KSK), KeyTimes.at_once(AGO), False),
        (KSK, KeyTimes(AGO, AGO, LATER), False),
        (KSK, KeyTimes(AGO, AGO, AGO, inactive=AGO), False),
        (KSK, KeyTimes(AGO, AGO, AGO, revoke=AGO), False),
    ],
)
def test_a_ds_is_for_keys_that_sign_the_zones_keys(one: ZoneKey, times: KeyTimes, delegated: bool) -> None:
    assert delegated_keys([(one, times)], NOW) == ((one.dnskey,) if delegated else ())


@pytest.mark.parametrize(
    ("text", "digests"),
    [
        ("sha256", [DigestType.SHA256]),
        ("SHA-384,sha-256", [DigestType.SHA384, DigestType.SHA256]),
        ("2, 4,2", [DigestType.SHA256, DigestType.SHA384]),
        ("sha1", None),
        ("1", None),
        ("gost", None),
        ("sha512", None),
        ("", None),
        ("sha256,", None),
    ],
)
def test_digests_are_read_by_name_and_number(text: str, digests: list[DigestType] | None) -> None:
    if digests is not None:
        assert list(read_digests(text)) == digests
        return
    with pytest.raises(DanelawError, match="DIGEST_UNSUPPORTED"):
        read_digests(text)
