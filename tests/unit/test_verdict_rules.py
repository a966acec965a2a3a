"""Each rule: evidence that it has something to say about, and evidence that it looked at and found good."""

from __future__ import annotations

import pkgutil
import re
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

import verdict_vectors_chains as chains
import verdict_vectors_servers as servers
from danelaw.core.model import (
    Evidence,
    Handshake,
    HandshakeFailure,
    Hello,
    NotOffered,
    Probe,
    RRset,
    Security,
    Unreachable,
)
from danelaw.core.verdict import Level, Rule, reference_of, rules
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.rules import RULES
from tlsa_chains import DAY, INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, issue
from verdict_evidence import (
    AAAA,
    DOMAIN,
    FOUR,
    HOST,
    NS1,
    NS2,
    OTHER,
    OWNER,
    PRESENT,
    SIX,
    SMTP,
    SOUND,
    XMPP,
    A,
    addresses,
    at_all,
    chain,
    presenting,
    probes,
    publishing,
    record,
    rrsig,
    serial,
    signed,
    swept,
    text,
    tlsa,
)

ENDING = issue("leaf", INTERMEDIATE, names=("www.example.net",), start=NOW - 80 * DAY, end=NOW + 10 * DAY)
ENDED = issue("leaf", INTERMEDIATE, names=("www.example.net",), start=NOW - 80 * DAY, end=NOW - DAY)
SHORT_LIVED = issue("leaf", INTERMEDIATE, names=("www.example.net",), start=NOW - DAY, end=NOW + 5 * DAY)
UNKNOWN = text("3 1 9 0102")
SILENT = Unreachable("TIMEOUT", "no connection within 10 s")
REFUSED = HandshakeFailure("CONNECTION_REFUSED")


def serving(leaf: Handshake) -> Evidence:
    return presenting(*probes(leaf))


def with_certificate(leaf_chain: Handshake, *rdatas: bytes) -> Evidence:
    return replace(publishing(*rdatas), probes=probes(leaf_chain))


NO_HOST = replace(SOUND, a=addresses(A), aaaa=addresses(AAAA), probes=())

FAILING: Final[dict[str, dict[str, Evidence]]] = {
    "ANSWER_BOGUS": {
        "the TLSA answer": replace(SOUND, tlsa=tlsa(record("3 1 1"), state=Security.BOGUS)),
        "the denial of TLSA": replace(SOUND, tlsa=tlsa(state=Security.BOGUS)),
        "an address": replace(SOUND, aaaa=addresses(AAAA, SIX, state=Security.BOGUS)),
    },
    "ANSWER_UNDECIDED": {
        "the TLSA answer": replace(SOUND, tlsa=tlsa(state=Security.INDETERMINATE)),
        "an address": replace(SOUND, a=addresses(A, state=Security.INDETERMINATE)),
    },
    "ZONE_INSECURE": {
        "with a record": replace(SOUND, tlsa=tlsa(record("3 1 1"), state=Security.INSECURE)),
        "without one": replace(SOUND, tlsa=tlsa(state=Security.INSECURE)),
    },
    "NO_TLSA": {"a proven absence": publishing()},
    "UNUSABLE_RECORD": {
        "an unknown matching type": publishing(record("3 1 1"), UNKNOWN),
        "two octets": publishing(record("3 1 1"), b"\x03\x01"),
        "a digest cut short": publishing(record("3 1 1"), record("3 0 1")[:-1]),
    },
    "NOTHING_USABLE": {
        "one unknown record": publishing(UNKNOWN),
        "two octets": publishing(b"\x03\x01"),
    },
    "NO_ADDRESS": {"neither A nor AAAA": NO_HOST},
    "HANDSHAKE_FAILED": {
        "refused everywhere": presenting(*probes(REFUSED)),
        "refused at one address": presenting(*probes(ips=[SIX]), *probes(REFUSED, ips=[FOUR])),
    },
    "ADDRESS_UNREACHABLE": {
        "one address": presenting(*probes(SILENT, ips=[SIX]), *probes(ips=[FOUR])),
        "one handshake of an address": presenting(*probes(rsa=SILENT)),
    },
    "TLSA_MISMATCH": {
        "another key": serving(OTHER),
        "another key at one address": presenting(*probes(ips=[SIX]), *probes(OTHER, ips=[FOUR])),
        "a weaker digest matches": publishing(record("3 1 1"), record("3 1 2", RENEWED)),
        "out of date under DANE-TA": with_certificate(replace(PRESENT, chain=chain(ENDED)), record("2 1 1")),
    },
    "COMBINATION_UNMATCHED": {
        "3 0 1 of the next certificate": publishing(record("3 1 1"), record("3 0 1", RENEWED)),
        "at one address": replace(
            publishing(record("3 1 1"), record("3 1 1", RENEWED), record("3 0 1")),
            probes=(*probes(ips=[SIX]), *probes(OTHER, ips=[FOUR])),
        ),
    },
    "STALE_RECORD": {
        "two of keys that are not presented": publishing(
            record("3 1 1"), record("3 1 1", RENEWED), record("3 1 1", ENDED)
        ),
    },
    "CERTIFICATE_EXPIRING": {
        "ten days left": serving(replace(PRESENT, chain=chain(ENDING))),
        "none left": serving(replace(PRESENT, chain=chain(ENDED))),
        "of a mail server, under DANE-TA": replace(
            SMTP, tlsa=tlsa(record("2 0 1")), probes=probes(replace(PRESENT, chain=chain(ENDING)))
        ),
    },
    **servers.FAILING,
    **chains.FAILING,
}

PASSING: Final[dict[str, dict[str, Evidence]]] = {
    "ANSWER_BOGUS": {"secure": SOUND, "insecure": replace(SOUND, tlsa=tlsa(state=Security.INSECURE))},
    "ANSWER_UNDECIDED": {"secure": SOUND, "bogus": replace(SOUND, tlsa=tlsa(state=Security.BOGUS))},
    "ZONE_INSECURE": {
        "secure": SOUND,
        "bogus": replace(SOUND, tlsa=tlsa(state=Security.BOGUS)),
        "not learnt": replace(SOUND, tlsa=tlsa(state=Security.INDETERMINATE)),
        "an address that an alias leads to": replace(SOUND, a=addresses(A, FOUR, state=Security.INSECURE)),
    },
    "NO_TLSA": {"a record": SOUND, "a record that cannot be used": publishing(UNKNOWN)},
    "UNUSABLE_RECORD": {
        "every usage": publishing(*(record(f"{usage} 1 1") for usage in range(4))),
        "a PKIX usage, of mail servers, of which PKIX_ON_SMTP speaks": replace(SMTP, tlsa=tlsa(record("1 1 1"))),
    },
    "NOTHING_USABLE": {"one of two": publishing(record("3 1 1"), UNKNOWN)},
    "NO_ADDRESS": {"IPv4 alone": replace(SOUND, aaaa=addresses(AAAA), probes=probes(ips=[FOUR]))},
    "HANDSHAKE_FAILED": {
        "no RSA": SOUND,
        "silence": presenting(*probes(SILENT)),
        "no STARTTLS, of which other rules speak": at_all(SMTP, HandshakeFailure("STARTTLS_NOT_OFFERED")),
    },
    "ADDRESS_UNREACHABLE": {"no RSA": SOUND, "refused": presenting(*probes(REFUSED))},
    "TLSA_MISMATCH": {
        "the key that is named": SOUND,
        "out of date under DANE-EE": with_certificate(replace(PRESENT, chain=chain(ENDED)), record("3 1 1", ENDED)),
        "one of two matches": publishing(record("3 1 1"), record("3 1 1", RENEWED)),
        "another key for RSA alone, which ALGORITHM_UNCOVERED says": presenting(*probes(rsa=OTHER)),
        "each algorithm has its own": replace(
            publishing(record("3 1 1"), record("3 1 1", RENEWED)), probes=probes(rsa=OTHER)
        ),
    },
    "COMBINATION_UNMATCHED": {
        "one": SOUND,
        "two": publishing(record("3 1 1"), record("3 0 1"), record("3 1 1", RENEWED)),
        "none at all, which TLSA_MISMATCH says": serving(OTHER),
        "one that cannot be used": publishing(record("3 1 1"), UNKNOWN),
        "a digest that agile clients pass over": publishing(record("3 1 1"), record("3 1 2")),
    },
    "STALE_RECORD": {
        "one": SOUND,
        "the next key's, which ROLL_IN_PROGRESS says": publishing(record("3 1 1"), record("3 1 1", RENEWED)),
        "of another combination": publishing(record("3 1 1"), record("3 0 1", RENEWED)),
        "of RSA": replace(publishing(record("3 1 1"), record("3 1 1", RENEWED)), probes=probes(rsa=OTHER)),
    },
    "CERTIFICATE_EXPIRING": {
        "sixty days left": SOUND,
        "five of six days left": with_certificate(replace(PRESENT, chain=chain(SHORT_LIVED)), record("3 1 1")),
    },
    **servers.PASSING,
    **chains.PASSING,
}

NOT_APPLICABLE: Final[dict[str, Evidence]] = {
    "NO_TLSA": replace(SOUND, tlsa=tlsa(state=Security.INDETERMINATE)),
    "UNUSABLE_RECORD": replace(SOUND, tlsa=tlsa(UNKNOWN, state=Security.BOGUS)),
    "NOTHING_USABLE": publishing(),
    "NO_ADDRESS": replace(NO_HOST, a=addresses(A, state=Security.INDETERMINATE)),
    "HANDSHAKE_FAILED": NO_HOST,
    "ADDRESS_UNREACHABLE": NO_HOST,
    "TLSA_MISMATCH": replace(serving(OTHER), tlsa=tlsa(record("3 1 1"), state=Security.INSECURE)),
    "COMBINATION_UNMATCHED": NO_HOST,
    "STALE_RECORD": replace(
        publishing(record("3 1 1"), record("3 1 1", RENEWED)), probes=(*probes(ips=[SIX]), *probes(SILENT, ips=[FOUR]))
    ),
    "CERTIFICATE_EXPIRING": presenting(*probes(REFUSED)),
    **servers.NOT_APPLICABLE,
    **chains.NOT_APPLICABLE,
}


def case(evidence: Evidence) -> Case:
    return Case.of(evidence, reference_of(evidence, (ROOT.der,)))


def rule(id: str) -> Rule:
    return next(rule for rule in RULES if rule.id == id)


def vectors(table: dict[str, dict[str, Evidence]]) -> list[object]:
    return [pytest.param(id, e, id=f"{id}: {name}") for id, named in table.items() for name, e in named.items()]


@pytest.mark.parametrize(("id", "evidence"), vectors(FAILING))
def test_a_rule_speaks_where_something_is_wrong(id: str, evidence: Evidence) -> None:
    findings = rule(id).findings(case(evidence))
    assert findings
    assert {finding.code for finding in findings} == {id}
    assert all(finding.subject and finding.sentence for finding in findings)


@pytest.mark.parametrize(("id", "evidence"), vectors(PASSING))
def test_a_rule_is_silent_where_all_is_well(id: str, evidence: Evidence) -> None:
    assert rule(id).applies(case(evidence))
    assert rule(id).findings(case(evidence)) == ()


@pytest.mark.parametrize(("id", "evidence"), list(NOT_APPLICABLE.items()), ids=list(NOT_APPLICABLE))
def test_a_rule_that_does_not_apply_neither_passed_nor_failed(id: str, evidence: Evidence) -> None:
    assert not rule(id).applies(case(evidence))
    assert rule(id).findings(case(evidence)) == ()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_stated_in_full(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", rule.id)
    assert re.fullmatch(r"RFC \d{4} §\d+(\.\d+)*", rule.citation)
    assert isinstance(rule.level, Level)
    assert rule.remedy
    assert FAILING[rule.id], "a failing vector for each rule"
    assert PASSING[rule.id], "a passing vector for each rule"


def test_each_rule_has_a_file_of_its_name_and_is_applied() -> None:
    files = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))
    assert files == sorted(rule.id.lower() for rule in RULES)


def test_a_mismatch_quotes_why_each_record_did_not_match() -> None:
    evidence = replace(publishing(record("3 1 1"), record("3 0 1")), probes=probes(OTHER))
    (first, second) = rule("TLSA_MISMATCH").findings(case(evidence))
    assert (first.address, second.address) == (SIX, FOUR)
    assert [detail.split(" ", 1)[0] for detail in first.details] == ["MISMATCH", "MISMATCH"]


def test_a_mismatch_says_for_which_clients_unless_it_is_for_all() -> None:
    (for_rsa, _) = rule("COMBINATION_UNMATCHED").findings(
        case(replace(publishing(record("3 1 1"), record("3 1 1", RENEWED), record("3 0 1")), probes=probes(rsa=OTHER)))
    )
    (for_all, _) = rule("TLSA_MISMATCH").findings(case(presenting(*probes(OTHER))))
    assert "clients that offer only rsa" in for_rsa.sentence
    assert "offer only" not in for_all.sentence


def test_servers_behind_one_address_that_do_not_agree_are_not_taken_for_two_key_algorithms() -> None:
    """Whoever published a record for what the second one presents would hide that it was forgotten."""
    (first, _) = rule("TLSA_MISMATCH").findings(case(presenting(*probes(ecdsa=OTHER))))
    assert "another connection to it met what matches" in first.sentence


def test_a_chain_is_spoken_of_once_per_address_whoever_sees_it() -> None:
    assert len(rule("TLSA_MISMATCH").findings(case(presenting(*probes(OTHER, rsa=NotOffered()))))) == 2


def test_where_mail_servers_have_no_use_for_any_record_it_says_what_they_do() -> None:
    """RFC 7672 §2.2: TLS is mandatory then, and nobody is authenticated; others do as if there were none."""
    (mail,) = rule("NOTHING_USABLE").findings(case(replace(SMTP, tlsa=tlsa(record("1 1 1")))))
    (web,) = rule("NOTHING_USABLE").findings(case(publishing(UNKNOWN)))
    assert "insist on TLS" in mail.sentence
    assert "as if there were none" in web.sentence


@pytest.mark.parametrize(
    ("link", "records", "said"),
    [
        ([rrsig()], [rrsig()], "does not vouch for its keys"),
        ([rrsig()], [], "not signed as far as its parents know"),
        ([], [rrsig()], "not signed as far as its parents know"),
    ],
    ids=["nothing is vouched for", "an alias leads to an unsigned zone", "an alias in an unsigned zone"],
)
def test_an_insecure_answer_is_called_signed_where_all_of_it_is(
    link: list[bytes], records: list[bytes], said: str
) -> None:
    found = tlsa(record("3 1 1"), state=Security.INSECURE)
    alias = RRset(OWNER, 5, 300, frozenset({b"\x01a\x00"}), frozenset(link))
    rrset = replace(found.rrsets[0], rrsigs=frozenset(records))
    evidence = replace(SOUND, tlsa=replace(found, rrsets=(alias, rrset)))
    (finding,) = rule("ZONE_INSECURE").findings(case(evidence))
    assert said in finding.sentence


def test_records_that_nobody_asks_for_match_nothing_and_mismatch_nothing() -> None:
    """RFC 7673 §3.1: behind SRV records that are not signed, clients ask for no TLSA records."""
    evidence = replace(XMPP, service_state=Security.INSECURE, probes=probes(OTHER))
    assert not rule("TLSA_MISMATCH").applies(case(evidence))
    assert rule("TLSA_MISMATCH").findings(case(replace(evidence, service_state=Security.SECURE)))


def test_the_server_that_lags_is_told_across_the_end_of_the_serials() -> None:
    """RFC 1982 §3.2: 1 comes after 4294967295."""
    (finding,) = rule("NS_LAGGING").findings(case(swept(serial(NS1, 1), serial(NS2, 0xFFFFFFFF))))
    assert finding.sentence.startswith("ns2.example.net (198.51.100.53) serves the zone's version 4294967295")


def test_clients_that_ask_for_another_name_are_told_by_it() -> None:
    """Behind SRV some clients send the service domain, and some the host."""
    one, other = Hello(DOMAIN), Hello(HOST)
    seen = [Probe(NOW, FOUR, one, PRESENT), Probe(NOW, FOUR, other, OTHER)]
    (finding,) = rule("TLSA_MISMATCH").findings(case(replace(XMPP, probes=tuple(seen))))
    assert "clients that ask for www.example.net:" in finding.sentence


def test_the_end_of_a_certificate_is_told_as_it_says_it_itself() -> None:
    (first, _) = rule("CERTIFICATE_EXPIRING").findings(case(serving(replace(PRESENT, chain=chain(ENDING)))))
    assert "ends in 10 days, at 2026-12-03 12:00:00 UTC" in first.sentence


@pytest.mark.parametrize("id", ["CERTIFICATE_EXPIRING", "CERTIFICATE_DATES_IGNORED"])
def test_a_certificate_s_end_is_minded_or_not(id: str) -> None:
    (other,) = {"CERTIFICATE_EXPIRING", "CERTIFICATE_DATES_IGNORED"} - {id}
    for evidence in FAILING[id].values():
        assert not rule(other).applies(case(evidence))


def test_a_key_algorithm_without_a_record_is_named() -> None:
    (first, _) = rule("ALGORITHM_UNCOVERED").findings(case(presenting(*probes(rsa=OTHER))))
    assert "the server's RSA certificate" in first.sentence


@pytest.mark.parametrize(
    ("rrsigs", "told"), [((), "not signed as far as"), ((rrsig(),), "does not vouch for its keys")]
)
def test_a_zone_that_is_not_signed_is_told_from_one_without_a_ds(rrsigs: tuple[bytes, ...], told: str) -> None:
    evidence = signed(replace(SOUND, tlsa=tlsa(record("3 1 1"), state=Security.INSECURE)), *rrsigs)
    (finding,) = rule("ZONE_INSECURE").findings(case(evidence))
    assert told in finding.sentence


@pytest.mark.parametrize(("left", "told"), [(timedelta(days=14), True), (timedelta(days=14, seconds=1), False)])
def test_a_certificate_is_reported_within_the_notice_to_the_second(left: timedelta, told: bool) -> None:
    last = LEAF.certificate.not_valid_after_utc + timedelta(seconds=1)  # the end is valid still: RFC 5280 §4.1.2.5
    evidence = presenting(*probes(at=last - left, ips=[FOUR]))
    assert bool(rule("CERTIFICATE_EXPIRING").findings(case(evidence))) is told


def test_who_names_a_notice_is_told_within_it_however_short_certificates_last() -> None:
    """Ninety days, of which sixty are left: more than a quarter."""
    evidence = presenting(*probes(ips=[FOUR]))
    within = [Case.of(evidence, case(evidence).reference, timedelta(days=days)) for days in (59, 61)]
    assert [bool(rule("CERTIFICATE_EXPIRING").findings(one)) for one in within] == [False, True]


def test_the_owner_is_named_as_it_is_asked_for() -> None:
    (finding,) = rule("NO_TLSA").findings(case(publishing()))
    assert finding.subject == f"{OWNER.to_text(omit_final_dot=True)} TLSA"


def test_a_denial_says_for_how_long_caches_may_hold_it() -> None:
    """RFC 2308 §5: a record that was published just now is not seen before."""
    (finding,) = rule("NO_TLSA").findings(case(publishing()))
    assert finding.details == ("caches may hold this denial for 60 s",)
