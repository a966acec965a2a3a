"""What a DANE verifier must get right, row by row of the table of edge cases that Danelaw was built from.

Each table is named by its row; a case says what the client finds: the depth of what matched, or the code of why not.
All certificates are made here; ``tlsa_chains`` says how.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from ipaddress import ip_address
from typing import TypeAlias

import dns.name
import pytest
from cryptography import x509

from danelaw.core.model import Chain
from danelaw.core.tlsa import Basis, Combination, Profile, Reference, TLSARecord, Verdict, acceptance, associate, match
from danelaw.core.tlsa.profiles import RFC, STRICT
from tlsa_chains import DAY, INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, Issued, issue, of_version_1

WWW = dns.name.from_text("www.example.net.")
ALIAS = dns.name.from_text("web.example.org.")
NAMES = ("www.example.net",)
Found: TypeAlias = int | str

CHAIN = (LEAF, INTERMEDIATE)
SIGNS_ALL = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
ALONE = issue("alone", names=NAMES)
ALONE_CA = issue("alone", names=NAMES, ca=True, usage=SIGNS_ALL)
MISNAMED = issue("leaf", INTERMEDIATE, names=("other.example.net",))
EXPIRED = issue("leaf", INTERMEDIATE, names=NAMES, end=NOW - DAY)
EARLY = issue("leaf", INTERMEDIATE, names=NAMES, start=NOW + DAY)
STRANGER = issue("Stranger", ca=True)


def naming(combination: str, certificate: Issued) -> TLSARecord:
    """A record of any usage that names just this certificate."""
    usage, rest = combination.split(maxsplit=1)
    data = associate(Combination.from_text(f"3 {rest}"), Chain((certificate.der,))).data
    return TLSARecord(Combination.from_text(f"{usage} {rest}"), data)


def found(
    records: list[TLSARecord],
    sent: tuple[Issued, ...] | Chain,
    profile: Profile = RFC,
    *,
    names: tuple[dns.name.Name, ...] = (WWW,),
    roots: tuple[Issued, ...] = (),
    opportunistic: bool = False,
    at: datetime = NOW,
) -> Found:
    chain = sent if isinstance(sent, Chain) else Chain(tuple(certificate.der for certificate in sent))
    reference = Reference(names, tuple(root.der for root in roots), opportunistic)
    seen = match(records, chain, reference, at, profile)
    if seen.by is not None:
        assert seen.by.depth is not None
        return seen.by.depth
    return seen.reason.code if seen.reason is not None else seen.verdict.value


ROW_1 = {
    "the leaf": (LEAF, 0),
    "another name": (MISNAMED, 0),
    "expired": (EXPIRED, 0),
    "not valid yet": (EARLY, 0),
    "self-signed": (ALONE, 0),
    "for clients only": (issue("leaf", INTERMEDIATE, client_only=True), 0),
    "a critical extension that nobody knows": (issue("leaf", INTERMEDIATE, critical="2.999.1"), 0),
    "a CA": (INTERMEDIATE, 0),
    "signed by nobody": (issue("leaf", INTERMEDIATE, signer=STRANGER.key), 0),
    "of version 1": (of_version_1(LEAF, INTERMEDIATE.key), 0),
}


@pytest.mark.parametrize(("leaf", "expected"), ROW_1.values(), ids=ROW_1.keys())
@pytest.mark.parametrize("combination", ["3 0 0", "3 0 1", "3 0 2", "3 1 0", "3 1 1", "3 1 2"])
def test_row_1_dane_ee_has_no_name_no_date_and_no_chain(combination: str, leaf: Issued, expected: Found) -> None:
    """RFC 7671 §5.1."""
    assert found([naming(combination, leaf)], (leaf,)) == expected


ROW_2 = {
    # leaf, names that clients may check, roots: found under 2 0 1 of its issuer
    "the name": (LEAF, (WWW,), (), 1),
    "one of the names, which is not the first": (LEAF, (ALIAS, WWW), (), 1),
    "none of the names": (LEAF, (ALIAS,), (), "NAME_MISMATCH"),
    "a root of the client's changes nothing": (LEAF, (WWW,), (STRANGER,), 1),
    "expired": (EXPIRED, (WWW,), (), "EXPIRED"),
    "not valid yet": (EARLY, (WWW,), (), "NOT_YET_VALID"),
    "an address that reads like the name": (
        issue("leaf", INTERMEDIATE, others=(x509.IPAddress(ip_address("192.0.2.1")),)),
        (dns.name.from_text("192.0.2.1."),),
        (),
        "NAME_MISMATCH",
    ),
}


@pytest.mark.parametrize(("leaf", "names", "roots", "expected"), ROW_2.values(), ids=ROW_2.keys())
def test_row_2_dane_ta_checks_names_and_dates_and_asks_no_root(
    leaf: Issued, names: tuple[dns.name.Name, ...], roots: tuple[Issued, ...], expected: Found
) -> None:
    """RFC 7671 §5.2, RFC 7672 §3.2.2."""
    assert found([naming("2 0 1", INTERMEDIATE)], (leaf, INTERMEDIATE), names=names, roots=roots) == expected


FAKE_ROOT = issue("Root", ca=True)  # the name of the root, another key
STALE = issue("Stale", ROOT, ca=True, end=NOW - DAY)
UNDER_STALE = issue("leaf", STALE, names=NAMES)
ROW_3 = {
    # record, what is sent: found by a client, and by what a publisher may count on
    "2 0 1, sent": (naming("2 0 1", ROOT), (*CHAIN, ROOT), 2, 2),
    "2 0 1, not sent": (naming("2 0 1", ROOT), CHAIN, "TA_NOT_PRESENTED", "TA_NOT_PRESENTED"),
    "2 1 1, not sent": (naming("2 1 1", ROOT), CHAIN, "TA_NOT_PRESENTED", "TA_NOT_PRESENTED"),
    "2 0 0, not sent": (naming("2 0 0", ROOT), CHAIN, 2, 2),
    "2 0 0, sent": (naming("2 0 0", ROOT), (*CHAIN, ROOT), 2, 2),
    "2 0 0, and a link is not sent": (naming("2 0 0", ROOT), (LEAF,), "NO_PATH", "NO_PATH"),
    "2 0 0 of the issuer": (naming("2 0 0", INTERMEDIATE), (LEAF,), 1, 1),
    "2 0 0 of a stranger": (naming("2 0 0", STRANGER), CHAIN, "NO_PATH", "NO_PATH"),
    "2 1 0, sent": (naming("2 1 0", ROOT), (*CHAIN, ROOT), 2, 2),
    "2 1 0, not sent": (naming("2 1 0", ROOT), CHAIN, 2, "TA_NOT_PRESENTED"),
    "2 1 0 of the issuer, not sent": (naming("2 1 0", INTERMEDIATE), (LEAF,), 1, "TA_NOT_PRESENTED"),
    "2 1 0 of a stranger": (naming("2 1 0", STRANGER), CHAIN, "TA_NOT_PRESENTED", "TA_NOT_PRESENTED"),
    "2 1 0, and a link is not sent": (naming("2 1 0", ROOT), (LEAF,), "TA_NOT_PRESENTED", "TA_NOT_PRESENTED"),
    "2 1 0 beside a stranger": (naming("2 1 0", ROOT), (*CHAIN, STRANGER), 2, "TA_NOT_PRESENTED"),
    "2 1 0 beside one of its name": (naming("2 1 0", ROOT), (*CHAIN, FAKE_ROOT), 2, "TA_NOT_PRESENTED"),
    "2 1 0 above another name": (
        naming("2 1 0", INTERMEDIATE),
        (MISNAMED,),
        "NAME_MISMATCH",
        "TA_NOT_PRESENTED",
    ),
    "2 1 0 above an expired leaf": (naming("2 1 0", INTERMEDIATE), (EXPIRED,), "EXPIRED", "TA_NOT_PRESENTED"),
    "2 1 0 above an expired link": (naming("2 1 0", ROOT), (UNDER_STALE, STALE), "EXPIRED", "TA_NOT_PRESENTED"),
}


@pytest.mark.parametrize(("record", "sent", "client", "publisher"), ROW_3.values(), ids=ROW_3.keys())
def test_row_3_anchors_that_are_in_dns_alone(
    record: TLSARecord, sent: tuple[Issued, ...], client: Found, publisher: Found
) -> None:
    """RFC 7671 §5.2.2, §5.2.3: with a bare key the anchor sits above the certificate that the key signed."""
    assert found([record], sent) == client
    assert found([record], sent, STRICT) == publisher


def test_row_3_a_bare_key_is_what_matched() -> None:
    reference = Reference((WWW,))
    seen = match([naming("2 1 0", ROOT)], Chain((LEAF.der, INTERMEDIATE.der)), reference, NOW)
    assert seen.by is not None
    assert (seen.by.depth, seen.by.certificate) == (2, ROOT.spki)


ROW_4 = {
    # what is named, what is sent: found by a client, and by one that takes a self-signed leaf for an anchor
    "a self-signed leaf": (ALONE, (ALONE,), "TA_AT_DEPTH_0", 0),
    "a self-signed leaf sent twice": (ALONE, (ALONE, ALONE), "TA_AT_DEPTH_0", 0),
    "a self-signed leaf that is a CA": (ALONE_CA, (ALONE_CA,), "TA_AT_DEPTH_0", 0),
    "another self-signed leaf": (
        issue("alone"),
        (issue("alone"),),
        "TA_NOT_PRESENTED",
        "TA_NOT_PRESENTED",
    ),
    "a leaf that a CA signed": (LEAF, CHAIN, "TA_AT_DEPTH_0", "TA_AT_DEPTH_0"),
    "an issuer at depth 1": (INTERMEDIATE, CHAIN, 1, 1),
    "an issuer at depth 2": (ROOT, (*CHAIN, ROOT), 2, 2),
}


@pytest.mark.parametrize(("named", "sent", "client", "lenient"), ROW_4.values(), ids=ROW_4.keys())
@pytest.mark.parametrize("combination", ["2 0 1", "2 1 1", "2 0 2", "2 1 2"])
def test_row_4_an_anchor_is_above_depth_0(
    combination: str, named: Issued, sent: tuple[Issued, ...], client: Found, lenient: Found
) -> None:
    """RFC 7671 §5.2; Exim takes a self-signed leaf, and that is in no RFC."""
    assert found([naming(combination, named)], sent) == client
    assert found([naming(combination, named)], sent, STRICT) == client
    assert found([naming(combination, named)], sent, Profile(ta_at_depth_0=True)) == lenient


def test_row_4_a_self_signed_leaf_as_an_anchor_needs_its_name_and_dates() -> None:
    for leaf, code in ((issue("alone"), "NAME_MISMATCH"), (issue("alone", names=NAMES, end=NOW - DAY), "EXPIRED")):
        assert found([naming("2 0 1", leaf)], (leaf,), Profile(ta_at_depth_0=True)) == code


ROW_5 = {
    # record, what is sent, roots: found
    "PKIX-EE names the leaf": (naming("1 0 1", LEAF), CHAIN, (ROOT,), 0),
    "PKIX-EE names an issuer": (naming("1 0 1", INTERMEDIATE), CHAIN, (ROOT,), "MISMATCH"),
    "PKIX-EE names the root": (naming("1 1 1", ROOT), (*CHAIN, ROOT), (ROOT,), "MISMATCH"),
    "PKIX-EE without the root": (naming("1 0 1", LEAF), CHAIN, (), "PKIX_UNTRUSTED"),
    "PKIX-EE of another root": (naming("1 0 1", LEAF), CHAIN, (STRANGER,), "PKIX_UNTRUSTED"),
    "PKIX-EE of a self-signed leaf": (naming("1 1 1", ALONE), (ALONE,), (ROOT,), "PKIX_UNTRUSTED"),
    "PKIX-EE, expired": (naming("1 0 1", EXPIRED), (EXPIRED, INTERMEDIATE), (ROOT,), "EXPIRED"),
    "PKIX-EE, another name": (naming("1 0 1", MISNAMED), (MISNAMED, INTERMEDIATE), (ROOT,), "NAME_MISMATCH"),
    "PKIX-TA names the issuer": (naming("0 0 1", INTERMEDIATE), CHAIN, (ROOT,), 1),
    "PKIX-TA names the root, which is not sent": (naming("0 1 2", ROOT), CHAIN, (ROOT,), 2),
    "PKIX-TA names the leaf": (naming("0 0 1", LEAF), CHAIN, (ROOT,), "TA_AT_DEPTH_0"),
    "PKIX-TA names who is not on the path": (
        naming("0 0 1", STRANGER),
        (*CHAIN, STRANGER),
        (ROOT,),
        "TA_NOT_PRESENTED",
    ),
    "PKIX-TA without the root": (naming("0 0 1", INTERMEDIATE), CHAIN, (), "PKIX_UNTRUSTED"),
    "PKIX-TA, expired": (naming("0 0 1", INTERMEDIATE), (EXPIRED, INTERMEDIATE), (ROOT,), "EXPIRED"),
}


@pytest.mark.parametrize(("record", "sent", "roots", "expected"), ROW_5.values(), ids=ROW_5.keys())
def test_row_5_pkix_usages_ask_for_pkix_and_the_match(
    record: TLSARecord, sent: tuple[Issued, ...], roots: tuple[Issued, ...], expected: Found
) -> None:
    """RFC 6698 §2.1.1: PKIX-EE at depth 0 only, PKIX-TA above it."""
    assert found([record], sent, roots=roots) == expected


OLD, NEW = RENEWED, LEAF
ROW_6 = {
    # what is named, by which parameters: found with digest agility, and without
    "the stronger digest matches": ([("3 1 1", OLD), ("3 1 2", NEW)], 0, 0),
    "only the weaker digest matches": ([("3 1 1", NEW), ("3 1 2", OLD)], "MISMATCH", 0),
    "the same under DANE-TA": ([("2 0 1", INTERMEDIATE), ("2 0 2", STRANGER)], "TA_NOT_PRESENTED", 1),
    "full data counts beside a stronger digest": ([("3 1 0", NEW), ("3 1 2", OLD)], 0, 0),
    "full data outweighs no digest": ([("3 1 0", OLD), ("3 1 1", NEW)], 0, 0),
    "another selector is another group": ([("3 0 1", NEW), ("3 1 2", OLD)], 0, 0),
    "another usage is another group": ([("2 1 1", INTERMEDIATE), ("3 1 2", OLD)], 1, 1),
    "two of the strongest": ([("3 1 2", OLD), ("3 1 2", NEW), ("3 1 1", OLD)], 0, 0),
}


@pytest.mark.parametrize(("named", "agile", "other"), ROW_6.values(), ids=ROW_6.keys())
def test_row_6_digest_agility_is_per_usage_and_selector(
    named: list[tuple[str, Issued]], agile: Found, other: Found
) -> None:
    """RFC 7671 §9."""
    records = [naming(combination, certificate) for combination, certificate in named]
    for ordered in (records, records[::-1]):
        assert found(ordered, CHAIN) == agile
        assert found(ordered, CHAIN, Profile(agility=False)) == other


SHORT = TLSARecord(Combination(3, 1, 2), b"short")
PRIVATE = TLSARecord(Combination(255, 1, 1), b"x" * 32)
UNUSABLE = {
    "a digest too short": SHORT,
    "a digest too long": TLSARecord(Combination(3, 1, 1), b"x" * 33),
    "no data": TLSARecord(Combination(3, 1, 1), b""),
    "an unknown usage": TLSARecord(Combination(4, 1, 1), b"x" * 32),
    "an unknown selector": TLSARecord(Combination(3, 2, 1), b"x" * 32),
    "an unknown matching type": TLSARecord(Combination(3, 1, 3), b"x" * 32),
    "private use": PRIVATE,
    "what is no certificate": TLSARecord(Combination(3, 0, 0), b"x" * 32),
    "what is no key": TLSARecord(Combination(2, 1, 0), LEAF.der),
}


@pytest.mark.parametrize("useless", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_row_7_what_is_unusable_is_passed_over_and_never_valid(useless: TLSARecord) -> None:
    """RFC 6698 §4.1, RFC 7671 §10.3."""
    assert match([useless], Chain((LEAF.der,)), Reference((WWW,)), NOW).verdict is Verdict.NOTHING_USABLE
    assert found([useless, naming("3 1 1", LEAF)], CHAIN) == 0
    assert found([useless, naming("3 1 1", OLD)], CHAIN) == "MISMATCH"


ROW_7 = {
    # roots, port 25, authentication mandatory: on what the client relies
    "the web, a trusted chain": ((ROOT,), False, False, Basis.PKIX),
    "the web, a chain that nobody trusts": ((), False, False, None),
    "port 25": ((), True, False, Basis.NOTHING),
    "port 25, mandatory": ((), True, True, None),
    "the web, mandatory": ((ROOT,), False, True, None),
}


@pytest.mark.parametrize(("roots", "port_25", "mandatory", "basis"), ROW_7.values(), ids=ROW_7.keys())
def test_row_7_with_nothing_usable_each_protocol_has_its_way(
    roots: tuple[Issued, ...], port_25: bool, mandatory: bool, basis: Basis | None
) -> None:
    """RFC 7672 §2.2, RFC 7673 §4.1, RFC 7671 §10.3."""
    chain = Chain((LEAF.der, INTERMEDIATE.der))
    reference = Reference((ALIAS, WWW), tuple(root.der for root in roots), opportunistic=port_25)
    profile = Profile(mandatory=mandatory)
    accepted = acceptance(match([SHORT], chain, reference, NOW, profile), chain, reference, NOW, profile)
    assert accepted.basis is basis
    assert accepted.reason is not None


def test_row_7_a_mismatch_is_refused_whatever_else_would_do() -> None:
    chain, reference = Chain((LEAF.der, INTERMEDIATE.der)), Reference((WWW,), (ROOT.der,), opportunistic=True)
    seen = match([naming("3 1 1", OLD), SHORT], chain, reference, NOW)
    refusal = acceptance(seen, chain, reference, NOW, RFC)
    assert refusal.basis is None
    assert refusal.reason == seen.reason
    matching = match([naming("3 1 1", NEW)], chain, reference, NOW)
    assert acceptance(matching, chain, reference, NOW, RFC).basis is Basis.DANE


@pytest.mark.parametrize(("combination", "named"), [("0 0 1", INTERMEDIATE), ("1 1 1", LEAF)])
def test_row_8_pkix_usages_on_port_25_are_unusable_unless_a_client_has_a_use_for_them(
    combination: str, named: Issued
) -> None:
    """RFC 7672 §3.1.3, RFC 7671 §4.1."""
    record = naming(combination, named)
    assert found([record], CHAIN, roots=(ROOT,), opportunistic=True) == "PKIX_USAGE_OPPORTUNISTIC"
    assert found([record], CHAIN, STRICT, roots=(ROOT,), opportunistic=True) == "PKIX_USAGE_OPPORTUNISTIC"
    willing = Profile(pkix_when_opportunistic=True)
    assert found([record], CHAIN, willing, roots=(ROOT,), opportunistic=True) == int(combination == "0 0 1")


ROW_9 = {
    "3 1 0": (naming("3 1 0", LEAF), 0),
    "3 1 1": (naming("3 1 1", LEAF), 0),
    "3 1 2": (naming("3 1 2", LEAF), 0),
    "3 1 1 of another key": (naming("3 1 1", RENEWED), "MISMATCH"),
    "3 0 0": (naming("3 0 0", LEAF), "RAW_PUBLIC_KEY"),
    "3 0 1": (naming("3 0 1", LEAF), "RAW_PUBLIC_KEY"),
    "3 0 1 over the key's octets": (
        TLSARecord(Combination(3, 0, 1), hashlib.sha256(LEAF.spki).digest()),
        "RAW_PUBLIC_KEY",
    ),
    "1 1 1": (naming("1 1 1", LEAF), "RAW_PUBLIC_KEY"),
    "2 1 1": (naming("2 1 1", LEAF), "TA_AT_DEPTH_0"),
    "2 1 0": (naming("2 1 0", LEAF), "TA_AT_DEPTH_0"),
    "0 1 1": (naming("0 1 1", LEAF), "UNREADABLE_LEAF"),
}


@pytest.mark.parametrize(("record", "expected"), ROW_9.values(), ids=ROW_9.keys())
def test_row_9_a_raw_public_key_satisfies_three_one_x_alone(record: TLSARecord, expected: Found) -> None:
    """RFC 7671 §5.1: ``3 0 0`` could in principle, and nobody is expected to."""
    raw = Chain((LEAF.spki,))
    assert found([record], raw, roots=(ROOT,)) == expected
    assert found([record], raw, STRICT, roots=(ROOT,)) == expected


def test_row_10_every_record_says_what_it_matched_or_why_not() -> None:
    """One match is enough, a record that is there twice matches twice, and those that don't are listed."""
    records = [naming(c, w) for c, w in (("3 1 1", OLD), ("3 1 1", NEW), ("3 1 1", NEW), ("2 0 1", INTERMEDIATE))]
    seen = match([*records, SHORT], Chain((LEAF.der, INTERMEDIATE.der)), Reference((WWW,)), NOW)
    assert (seen.verdict, seen.reason, seen.by) == (Verdict.MATCHED, None, seen.records[1])
    assert [outcome.depth for outcome in seen.records] == [None, 0, 0, 1, None]
    reasons = [outcome.reason.code if outcome.reason is not None else None for outcome in seen.records]
    assert reasons == ["MISMATCH", None, None, None, "DIGEST_LENGTH"]


ROW_26 = {
    # record, what is sent, roots: found
    "a root that is not sent": (naming("2 0 1", ROOT), CHAIN, (ROOT,), "TA_NOT_PRESENTED"),
    "past a trusted intermediate": (naming("0 0 1", ROOT), CHAIN, (INTERMEDIATE, ROOT), 2),
    "past a trusted intermediate that is not sent": (naming("0 0 1", ROOT), (LEAF,), (INTERMEDIATE, ROOT), 2),
    "the trusted intermediate itself": (naming("0 0 1", INTERMEDIATE), CHAIN, (INTERMEDIATE,), 1),
    "no further than what is trusted": (naming("0 0 1", ROOT), (*CHAIN, ROOT), (INTERMEDIATE,), "TA_NOT_PRESENTED"),
}


@pytest.mark.parametrize(("record", "sent", "roots", "expected"), ROW_26.values(), ids=ROW_26.keys())
def test_row_26_roots_that_are_not_sent_and_paths_that_go_on(
    record: TLSARecord, sent: tuple[Issued, ...], roots: tuple[Issued, ...], expected: Found
) -> None:
    """RFC 7671 §5.2.2, §5.4."""
    assert found([record], sent, roots=roots) == expected


def with_names(*names: str, common_name: str = "leaf") -> Issued:
    return issue(common_name, INTERMEDIATE, names=names)


ROW_28 = {
    # leaf, name wanted: does it bear the name
    "the name": (with_names("www.example.net"), "www.example.net", True),
    "in capitals": (with_names("WWW.Example.NET"), "www.example.net", True),
    "one of many": (with_names("a.example.net", "www.example.net"), "www.example.net", True),
    "the common name is never looked at": (with_names(common_name="www.example.net"), "www.example.net", False),
    "nor beside a dNSName": (with_names("a.example.net", common_name="www.example.net"), "www.example.net", False),
    "a wildcard for one label": (with_names("*.example.net"), "www.example.net", True),
    "not for two": (with_names("*.example.net"), "a.www.example.net", False),
    "not for none": (with_names("*.example.net"), "example.net", False),
    "not for a part of a label": (with_names("w*.example.net"), "www.example.net", False),
    "not at the end of a label": (with_names("*w.example.net"), "www.example.net", False),
    "not in the middle": (with_names("www.*.net"), "www.example.net", False),
    "not twice": (with_names("*.*.net"), "www.example.net", False),
    "not alone": (with_names("*"), "net", False),
    "for an A-label": (with_names("*.example.net"), "xn--bcher-kva.example.net", True),
    "not for a part of an A-label": (with_names("xn--*.example.net"), "xn--bcher-kva.example.net", False),
    "an A-label": (with_names("xn--bcher-kva.example"), "xn--bcher-kva.example", True),
    "a dot at the end": (with_names("www.example.net."), "www.example.net", False),
    "a name that only ends so": (with_names("evilwww.example.net"), "www.example.net", False),
    "a name that only begins so": (with_names("www.example.net.example"), "www.example.net", False),
}


@pytest.mark.parametrize(("leaf", "wanted", "bears"), ROW_28.values(), ids=ROW_28.keys())
def test_row_28_names(leaf: Issued, wanted: str, bears: bool) -> None:
    """RFC 9525 §6.3: the wildcard is the whole left-most label, and the common name has had its day."""
    names = (dns.name.from_text(wanted),)
    for combination in ("2 0 1", "0 0 1"):
        seen = found([naming(combination, INTERMEDIATE)], (leaf, INTERMEDIATE), names=names, roots=(ROOT,))
        assert (seen == 1) == bears
        assert seen in (1, "NAME_MISMATCH")
