"""Matching as RFC 6698 and RFC 7671 have it: which record names which certificate at which depth, or why none does."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import dns.name
import pytest

from danelaw.core.model import Chain
from danelaw.core.tlsa import Combination, Profile, Reference, TLSARecord, Verdict, associate, match, pkix_valid
from tlsa_chains import DAY, INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, Issued, issue

WWW = dns.name.from_text("www.example.net.")
OTHER = dns.name.from_text("other.example.net.")
HOUR = timedelta(hours=1)

CHAIN = Chain((LEAF.der, INTERMEDIATE.der))
WITH_ROOT = Chain((LEAF.der, INTERMEDIATE.der, ROOT.der))
REFERENCE = Reference((WWW,), (ROOT.der,))
NO_ROOTS = Reference((WWW,))

STRANGER = issue("Stranger", ca=True)
EXPIRED = issue("leaf", INTERMEDIATE, names=("www.example.net",), key=LEAF.key, end=NOW - DAY)
EARLY = issue("leaf", INTERMEDIATE, names=("www.example.net",), key=LEAF.key, start=NOW + DAY)
MISNAMED = issue("leaf", INTERMEDIATE, names=("other.example.net",), key=LEAF.key)
COMMON_NAME_ONLY = issue("www.example.net", INTERMEDIATE, key=LEAF.key)
ALONE = issue("alone", names=("www.example.net",))
NO_CA = issue("No CA", ROOT)
NO_CA_NO_USAGE = issue("No CA, no usage", ROOT, key_usage=False)
UNDER_NO_CA_NO_USAGE = issue("leaf", NO_CA_NO_USAGE, names=("www.example.net",))
MAY_NOT_SIGN = issue("May not sign", ROOT, ca=True, signs=False)
UNDER_MAY_NOT_SIGN = issue("leaf", MAY_NOT_SIGN, names=("www.example.net",))
UNDER_NO_CA = issue("leaf", NO_CA, names=("www.example.net",))
FORGED = issue("leaf", INTERMEDIATE, names=("www.example.net",), signer=STRANGER.key)
SUBORDINATE = issue("Subordinate", INTERMEDIATE, ca=True)  # below a CA that may have none below it
TOO_DEEP = issue("leaf", SUBORDINATE, names=("www.example.net",))
CONSTRAINED = issue("Constrained", ROOT, ca=True, permitted=("example.org",))
OUT_OF_BOUNDS = issue("leaf", CONSTRAINED, names=("www.example.net",))
FOR_CLIENTS = issue("leaf", INTERMEDIATE, names=("www.example.net",), client_only=True)
PECULIAR = issue("leaf", INTERMEDIATE, names=("www.example.net",), critical="2.999.1")
STALE_CA = issue("Stale", ROOT, ca=True, end=NOW - DAY)
UNDER_STALE_CA = issue("leaf", STALE_CA, names=("www.example.net",))


def record(combination: str, *certificates: Issued) -> TLSARecord:
    return associate(Combination.from_text(combination), chain(*certificates))


def naming(combination: str, certificate: Issued) -> TLSARecord:
    """A record of a trust anchor usage that names just this certificate, an issuer or not."""
    usage, rest = combination.split(maxsplit=1)
    data = associate(Combination.from_text(f"3 {rest}"), Chain((certificate.der,))).data
    return TLSARecord(Combination.from_text(f"{usage} {rest}"), data)


def chain(*certificates: Issued) -> Chain:
    return Chain(tuple(certificate.der for certificate in certificates))


DANE_EE_CASES = {
    "the leaf": (LEAF, None),
    "an expired leaf": (EXPIRED, None),
    "a leaf that is not valid yet": (EARLY, None),
    "a leaf of another name": (MISNAMED, None),
    "a self-signed leaf": (ALONE, None),
    "a leaf with a forged signature": (FORGED, None),
}


@pytest.mark.parametrize("leaf", [case[0] for case in DANE_EE_CASES.values()], ids=DANE_EE_CASES.keys())
@pytest.mark.parametrize("rest", ["0 0", "0 1", "0 2", "1 0", "1 1", "1 2"])
def test_under_dane_ee_the_leaf_alone_decides(rest: str, leaf: Issued) -> None:
    """Row 1: no name, no date, no issuer (RFC 7671 §5.1)."""
    found = match([record(f"3 {rest}", leaf)], chain(leaf), NO_ROOTS, NOW)
    assert found.verdict is Verdict.MATCHED
    assert found.by is not None
    assert (found.by.depth, found.by.certificate) == (0, leaf.der)


@pytest.mark.parametrize("combination", ["3 0 1", "3 1 1", "3 0 2", "1 0 1", "1 1 1"])
def test_another_leaf_is_a_mismatch(combination: str) -> None:
    found = match([record(combination, RENEWED, INTERMEDIATE)], CHAIN, REFERENCE, NOW)
    assert found.verdict is Verdict.MISMATCH
    assert found.reason is not None
    assert found.reason.code == "MISMATCH"


def test_the_article_with_its_leaf_sent_twice_matches_at_depth_0() -> None:
    """Huston 2016, Figure 4: the Apache of the article sent its leaf twice."""
    found = match([record("3 0 2", LEAF)], chain(LEAF, LEAF, INTERMEDIATE), REFERENCE, NOW)
    assert [outcome.depth for outcome in found.records] == [0]


DANE_TA_CASES = {
    # presented chain, certificate named, reference name: depth, or why not
    "the issuer": (chain(LEAF, INTERMEDIATE), INTERMEDIATE, WWW, 1),
    "a higher issuer": (WITH_ROOT, ROOT, WWW, 2),
    "presented in disorder": (chain(LEAF, ROOT, INTERMEDIATE), ROOT, WWW, 2),
    "past a leaf sent twice": (chain(LEAF, LEAF, INTERMEDIATE), INTERMEDIATE, WWW, 1),
    "an anchor that is not self-signed": (CHAIN, INTERMEDIATE, WWW, 1),
    "beside a stranger": (chain(LEAF, STRANGER, INTERMEDIATE), INTERMEDIATE, WWW, 1),
    "an anchor that is not sent": (CHAIN, ROOT, WWW, "TA_NOT_PRESENTED"),
    "a link that is not sent": (chain(LEAF, ROOT), ROOT, WWW, "NO_PATH"),
    "a stranger that is sent": (chain(LEAF, INTERMEDIATE, STRANGER), STRANGER, WWW, "NO_PATH"),
    "the leaf itself": (chain(LEAF, INTERMEDIATE), LEAF, WWW, "TA_AT_DEPTH_0"),
    "a self-signed leaf": (chain(ALONE), ALONE, WWW, "TA_AT_DEPTH_0"),
    "a self-signed leaf sent twice": (chain(ALONE, ALONE), ALONE, WWW, "TA_AT_DEPTH_0"),
    "another name": (chain(MISNAMED, INTERMEDIATE), INTERMEDIATE, WWW, "NAME_MISMATCH"),
    "a name in the common name only": (chain(COMMON_NAME_ONLY, INTERMEDIATE), INTERMEDIATE, WWW, "NAME_MISMATCH"),
    "an expired leaf": (chain(EXPIRED, INTERMEDIATE), INTERMEDIATE, WWW, "EXPIRED"),
    "an early leaf": (chain(EARLY, INTERMEDIATE), INTERMEDIATE, WWW, "NOT_YET_VALID"),
    "an expired anchor": (chain(UNDER_STALE_CA, STALE_CA), STALE_CA, WWW, "EXPIRED"),
    "an issuer that is no CA": (chain(UNDER_NO_CA, NO_CA), NO_CA, WWW, "NOT_A_CA"),
    "a link that is no CA": (chain(UNDER_NO_CA, NO_CA, ROOT), ROOT, WWW, "NOT_A_CA"),
    "an issuer that says nothing of its use": (
        chain(UNDER_NO_CA_NO_USAGE, NO_CA_NO_USAGE),
        NO_CA_NO_USAGE,
        WWW,
        "NOT_A_CA",
    ),
    "a CA that may not sign certificates": (chain(UNDER_MAY_NOT_SIGN, MAY_NOT_SIGN), MAY_NOT_SIGN, WWW, "NOT_A_CA"),
    "a forged signature": (chain(FORGED, INTERMEDIATE), INTERMEDIATE, WWW, "BAD_SIGNATURE"),
    "a path longer than the anchor allows": (
        chain(TOO_DEEP, SUBORDINATE, INTERMEDIATE),
        INTERMEDIATE,
        WWW,
        "PATH_TOO_LONG",
    ),
    "a name that the anchor may not certify": (
        chain(OUT_OF_BOUNDS, CONSTRAINED),
        CONSTRAINED,
        WWW,
        "NAME_NOT_PERMITTED",
    ),
    "a certificate for clients": (chain(FOR_CLIENTS, INTERMEDIATE), INTERMEDIATE, WWW, "NOT_FOR_SERVERS"),
    "an unknown critical extension": (chain(PECULIAR, INTERMEDIATE), INTERMEDIATE, WWW, "UNKNOWN_EXTENSION"),
}


@pytest.mark.parametrize("combination", ["2 0 1", "2 1 1", "2 0 2", "2 1 2"])
@pytest.mark.parametrize("case", DANE_TA_CASES.values(), ids=DANE_TA_CASES.keys())
def test_under_dane_ta_an_issuer_above_the_leaf_is_the_anchor(
    case: tuple[Chain, Issued, dns.name.Name, int | str], combination: str
) -> None:
    """Rows 2 to 4 and 26: names and dates count, the anchor is presented, no root of the client plays a part."""
    presented, named, name, expected = case
    found = match([naming(combination, named)], presented, Reference((name,)), NOW)
    if isinstance(expected, int):
        assert found.by is not None
        assert (found.by.depth, found.by.certificate) == (expected, named.der)
    else:
        assert found.reason is not None
        assert (found.verdict, found.reason.code) == (Verdict.MISMATCH, expected)


@pytest.mark.parametrize("profile", [Profile(), Profile(strict=True)], ids=["client", "publisher"])
def test_a_whole_anchor_may_come_from_dns_alone(profile: Profile) -> None:
    """Row 3: ``2 0 0``, and only that (RFC 7671 §5.2.2)."""
    found = match([naming("2 0 0", ROOT)], CHAIN, NO_ROOTS, NOW, profile)
    assert found.by is not None
    assert (found.by.depth, found.by.certificate) == (2, ROOT.der)


def test_a_self_signed_leaf_is_no_anchor_even_as_a_whole_in_dns() -> None:
    found = match([naming("2 0 0", ALONE)], chain(ALONE), NO_ROOTS, NOW)
    assert found.reason is not None
    assert found.reason.code == "TA_AT_DEPTH_0"


def test_the_crossed_hierarchy_is_climbed_to_the_anchor_that_is_named() -> None:
    """Two certificates of one CA key: the path to the one that the record names is found (RFC 6698 appendix A.1.1)."""
    cross = issue("Intermediate", STRANGER, ca=True, key=INTERMEDIATE.key)
    found = match([naming("2 0 1", STRANGER)], chain(LEAF, INTERMEDIATE, cross, STRANGER), NO_ROOTS, NOW)
    assert found.by is not None
    assert found.by.certificate == STRANGER.der


PKIX_CASES = {
    "1 1 1": (record("1 1 1", LEAF), 0),
    "1 0 2": (record("1 0 2", LEAF), 0),
    "the issuer": (naming("0 0 1", INTERMEDIATE), 1),
    "the root, which is not sent": (naming("0 0 1", ROOT), 2),
}


@pytest.mark.parametrize("case", PKIX_CASES.values(), ids=PKIX_CASES.keys())
def test_pkix_usages_need_the_match_and_the_clients_roots(case: tuple[TLSARecord, int]) -> None:
    """Row 5 (RFC 6698 §2.1.1)."""
    tlsa, depth = case
    trusting = match([tlsa], CHAIN, REFERENCE, NOW)
    assert trusting.by is not None
    assert trusting.by.depth == depth
    for roots in ((), (STRANGER.der,)):
        distrusting = match([tlsa], CHAIN, Reference((WWW,), roots), NOW)
        assert distrusting.reason is not None
        assert distrusting.reason.code == "PKIX_UNTRUSTED"


@pytest.mark.parametrize(
    ("leaf", "code"), [(EXPIRED, "EXPIRED"), (EARLY, "NOT_YET_VALID"), (MISNAMED, "NAME_MISMATCH")]
)
@pytest.mark.parametrize("usage", ["0 0 1", "1 0 1"])
def test_pkix_usages_check_names_and_dates(usage: str, leaf: Issued, code: str) -> None:
    named = leaf if usage.startswith("1") else INTERMEDIATE
    found = match([naming(usage, named)], chain(leaf, INTERMEDIATE), REFERENCE, NOW)
    assert found.reason is not None
    assert found.reason.code == code


def test_a_pkix_ta_record_does_not_name_the_leaf() -> None:
    found = match([naming("0 0 1", LEAF)], CHAIN, REFERENCE, NOW)
    assert found.reason is not None
    assert found.reason.code == "TA_AT_DEPTH_0"


def test_a_pkix_path_goes_on_past_a_trusted_intermediate() -> None:
    """Row 26: the client trusts the intermediate, and the record names the root (RFC 7671 §5.4)."""
    both = Reference((WWW,), (INTERMEDIATE.der, ROOT.der))
    assert match([naming("0 0 1", ROOT)], CHAIN, both, NOW).verdict is Verdict.MATCHED
    assert match([naming("0 0 1", INTERMEDIATE)], CHAIN, both, NOW).verdict is Verdict.MATCHED


STRONG, WEAK, FULL = record("3 1 2", LEAF), record("3 1 1", LEAF), record("3 1 0", LEAF)
OLD_STRONG, OLD_WEAK, OLD_FULL = (record(f"3 1 {mtype}", RENEWED) for mtype in (2, 1, 0))
AGILITY_CASES = {
    # records: does an agile client accept, does another
    "only the weaker digest matches": ([WEAK, OLD_STRONG], False, True),
    "only the stronger digest matches": ([OLD_WEAK, STRONG], True, True),
    "full data matches beside a stronger digest": ([FULL, OLD_STRONG], True, True),
    "full data does not match, a digest does": ([OLD_FULL, WEAK], True, True),
    "another selector is its own group": ([record("3 0 1", LEAF), OLD_STRONG], True, True),
    "another usage is its own group": ([record("1 1 1", LEAF), OLD_STRONG], True, True),
    "an unusable stronger record outweighs nothing": ([WEAK, TLSARecord(Combination(3, 1, 2), b"x")], True, True),
}


@pytest.mark.parametrize("case", AGILITY_CASES.values(), ids=AGILITY_CASES.keys())
def test_digest_agility_considers_the_strongest_digest_and_full_data(case: tuple[list[TLSARecord], bool, bool]) -> None:
    """Row 6 (RFC 7671 §9)."""
    records, agile, other = case
    for agility, accepts in ((True, agile), (False, other)):
        verdict = match(records, CHAIN, REFERENCE, NOW, Profile(agility=agility)).verdict
        assert (verdict is Verdict.MATCHED) == accepts


def test_a_digest_that_the_client_does_not_support_outweighs_nothing() -> None:
    profile = Profile(supported=frozenset({Combination(3, 1, 1)}))
    assert match([WEAK, OLD_STRONG], CHAIN, REFERENCE, NOW, profile).verdict is Verdict.MATCHED


@pytest.mark.parametrize(
    "records",
    [
        [],
        [TLSARecord(Combination(3, 1, 1), b"short")],
        [TLSARecord(Combination(9, 1, 1), b"x" * 32), TLSARecord(Combination(3, 1, 1), b"")],
    ],
    ids=["none", "malformed", "unknown and empty"],
)
def test_unusable_records_are_neither_fatal_nor_valid(records: list[TLSARecord]) -> None:
    """Row 7 (RFC 6698 §4.1, RFC 7671 §10.3)."""
    assert match(records, CHAIN, REFERENCE, NOW).verdict is Verdict.NOTHING_USABLE
    assert match([*records, WEAK], CHAIN, REFERENCE, NOW).verdict is Verdict.MATCHED


@pytest.mark.parametrize("combination", ["0 0 1", "1 1 1"])
def test_pkix_usages_are_unusable_on_port_25(combination: str) -> None:
    """Row 8 (RFC 7671 §4.1)."""
    smtp = Reference((WWW,), (ROOT.der,), opportunistic=True)
    found = match([record(combination, LEAF, INTERMEDIATE)], CHAIN, smtp, NOW)
    assert found.verdict is Verdict.NOTHING_USABLE


def test_a_raw_public_key_satisfies_three_one_x_only() -> None:
    """Row 9 (RFC 7671 §5.1): the server presents a SubjectPublicKeyInfo and no certificate."""
    raw = Chain((LEAF.spki,))
    for mtype in (0, 1, 2):
        assert match([record(f"3 1 {mtype}", LEAF)], raw, REFERENCE, NOW).verdict is Verdict.MATCHED
    of_its_octets = TLSARecord(Combination(3, 0, 1), hashlib.sha256(LEAF.spki).digest())
    for other in (of_its_octets, record("3 0 1", LEAF), record("3 0 0", LEAF), record("1 1 1", LEAF)):
        found = match([other], raw, REFERENCE, NOW)
        assert found.reason is not None
        assert found.reason.code == "RAW_PUBLIC_KEY"
    assert match([naming("2 1 1", LEAF)], raw, REFERENCE, NOW).verdict is Verdict.MISMATCH


def test_every_record_says_what_it_matched_or_why_not() -> None:
    """Row 10: one match is enough, and the others are listed."""
    found = match([OLD_WEAK, WEAK, naming("2 0 1", INTERMEDIATE)], CHAIN, REFERENCE, NOW)
    assert found.verdict is Verdict.MATCHED
    assert found.reason is None
    assert found.by == found.records[1]
    assert [(outcome.matched, outcome.depth) for outcome in found.records] == [(False, None), (True, 0), (True, 1)]


def test_the_most_telling_reason_is_said_first() -> None:
    records = [OLD_WEAK, TLSARecord(Combination(3, 1, 1), b"x"), naming("2 0 1", INTERMEDIATE)]
    found = match(records, chain(EXPIRED, INTERMEDIATE), REFERENCE, NOW, Profile())
    assert found.reason is not None
    assert found.reason.code == "EXPIRED"


def test_a_record_of_the_issuer_under_an_end_entity_usage_is_explained() -> None:
    found = match([naming("3 1 1", INTERMEDIATE)], CHAIN, REFERENCE, NOW)
    assert found.reason is not None
    assert "depth 1" in found.reason.detail


@pytest.mark.parametrize("presented", [Chain(()), Chain((b"nonsense",)), Chain((b"", b""))])
@pytest.mark.parametrize("combination", ["0 0 1", "1 1 1", "2 0 1", "2 0 0", "3 1 1", "3 0 1"])
def test_a_chain_that_cannot_be_read_matches_nothing(combination: str, presented: Chain) -> None:
    found = match([record(combination, LEAF, INTERMEDIATE)], presented, REFERENCE, NOW)
    assert found.verdict is Verdict.MISMATCH


def test_a_leaf_that_cannot_be_read_still_matches_by_its_octets() -> None:
    garbled = LEAF.der.replace(b"www.example.net", b"www\xffexample.net")
    leaf = Chain((garbled,))
    assert match([associate(Combination(3, 1, 1), leaf)], leaf, REFERENCE, NOW).verdict is Verdict.MATCHED


NAMES = [
    # dNSName, wanted, matches (RFC 9525 §6.3)
    ("www.example.net", "www.example.net", True),
    ("WWW.Example.NET", "www.EXAMPLE.net", True),
    ("*.example.net", "www.example.net", True),
    ("*.example.net", "a.www.example.net", False),
    ("*.example.net", "example.net", False),
    ("w*.example.net", "www.example.net", False),
    ("*ww.example.net", "www.example.net", False),
    ("www.*.net", "www.example.net", False),
    ("*.*.net", "www.example.net", False),
    ("example.net", "www.example.net", False),
    ("www.example.net.example", "www.example.net", False),
    ("xn--bcher-kva.example", "xn--bcher-kva.example", True),
]


@pytest.mark.parametrize(("presented", "wanted", "matches"), NAMES)
def test_names_are_compared_label_by_label(presented: str, wanted: str, matches: bool) -> None:
    leaf = issue("leaf", INTERMEDIATE, names=(presented,))
    reference = Reference((dns.name.from_text(wanted),))
    found = match([naming("2 0 1", INTERMEDIATE)], chain(leaf, INTERMEDIATE), reference, NOW)
    assert (found.verdict is Verdict.MATCHED) == matches


def test_a_client_takes_one_name_and_a_publisher_needs_all() -> None:
    reference = Reference((OTHER, WWW), (ROOT.der,))
    for combination in ("0 0 1", "1 1 1", "2 0 1", "3 1 1"):
        tlsa = record(combination, LEAF, INTERMEDIATE)
        assert match([tlsa], CHAIN, reference, NOW).verdict is Verdict.MATCHED
        strict = match([tlsa], CHAIN, reference, NOW, Profile(strict=True))
        assert strict.reason is not None
        assert strict.reason.code == "NAME_MISMATCH"


def test_publishers_need_no_name_under_dane_ee_for_smtp_and_srv() -> None:
    for reference in (Reference((OTHER,), smtp_or_srv=True), Reference((OTHER,), opportunistic=True)):
        assert match([WEAK], CHAIN, reference, NOW, Profile(strict=True)).verdict is Verdict.MATCHED


def test_publishers_count_on_no_anchor_that_is_not_presented() -> None:
    found = match([naming("0 0 1", ROOT)], CHAIN, REFERENCE, NOW, Profile(strict=True))
    assert found.reason is not None
    assert found.reason.code == "TA_NOT_PRESENTED"


EDGES = [
    # start and end of the leaf's validity, from now; skew; is it inside
    (-HOUR, DAY, timedelta(0), True),
    (timedelta(0), DAY, timedelta(0), True),
    (timedelta(seconds=1), DAY, timedelta(0), False),
    (-DAY, timedelta(0), timedelta(0), True),  # notAfter is itself valid: RFC 5280 §4.1.2.5
    (-DAY, -timedelta(seconds=1), timedelta(0), False),
    (-HOUR, DAY, HOUR, True),
    (-HOUR + timedelta(seconds=1), DAY, HOUR, False),
    (-DAY, HOUR, HOUR, True),
    (-DAY, HOUR - timedelta(seconds=1), HOUR, False),
]


@pytest.mark.parametrize(("start", "end", "skew", "inside"), EDGES)
@pytest.mark.parametrize("combination", ["1 1 1", "2 0 1"])
def test_dates_hold_at_both_ends_of_the_skew(
    combination: str, start: timedelta, end: timedelta, skew: timedelta, inside: bool
) -> None:
    leaf = issue("leaf", INTERMEDIATE, names=("www.example.net",), start=NOW + start, end=NOW + end)
    presented = chain(leaf, INTERMEDIATE)
    found = match([record(combination, leaf, INTERMEDIATE)], presented, REFERENCE, NOW, Profile(skew=skew))
    assert (found.verdict is Verdict.MATCHED) == inside
    assert (pkix_valid(presented, (WWW,), (ROOT.der,), NOW, skew) is None) == inside


PKIX_VALID_CASES = {
    "good": (CHAIN, (ROOT.der,), None),
    "root sent as well": (WITH_ROOT, (ROOT.der,), None),
    "leaf sent twice": (chain(LEAF, LEAF, INTERMEDIATE), (ROOT.der,), None),
    "no roots": (CHAIN, (), "PKIX_UNTRUSTED"),
    "the intermediate is missing": (chain(LEAF), (ROOT.der,), "PKIX_UNTRUSTED"),
    "self-signed": (chain(ALONE), (ROOT.der,), "PKIX_UNTRUSTED"),
    "forged": (chain(FORGED, INTERMEDIATE), (ROOT.der,), "BAD_SIGNATURE"),
    "issued by a leaf": (chain(UNDER_NO_CA, NO_CA), (ROOT.der,), "NOT_A_CA"),
    "outside the CA's names": (chain(OUT_OF_BOUNDS, CONSTRAINED), (ROOT.der,), "NAME_NOT_PERMITTED"),
    "too deep": (chain(TOO_DEEP, SUBORDINATE, INTERMEDIATE), (ROOT.der,), "PATH_TOO_LONG"),
    "expired CA": (chain(UNDER_STALE_CA, STALE_CA), (ROOT.der,), "EXPIRED"),
    "nothing": (Chain(()), (ROOT.der,), "UNREADABLE_LEAF"),
    "a root that cannot be read": (CHAIN, (b"nonsense", ROOT.der), None),
}


@pytest.mark.parametrize("case", PKIX_VALID_CASES.values(), ids=PKIX_VALID_CASES.keys())
def test_pkix_validation(case: tuple[Chain, tuple[bytes, ...], str | None]) -> None:
    presented, roots, code = case
    why = pkix_valid(presented, (WWW,), roots, NOW)
    assert (why.code if why else None) == code


def test_a_thicket_of_cross_certificates_is_given_up_in_bounded_time() -> None:
    """A server may send any number of certificates that name each other: no path is searched for ever."""
    keys = [issue(f"Maze {i}", ca=True) for i in range(12)]
    thicket = [issue(a.name, b, ca=True, key=a.key) for a in keys for b in keys if a is not b]
    leaf = issue("leaf", keys[0], names=("www.example.net",))
    found = match([naming("2 0 1", STRANGER)], chain(leaf, *thicket, STRANGER), NO_ROOTS, NOW)
    assert found.verdict is Verdict.MISMATCH
