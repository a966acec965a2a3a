"""From evidence to the one word, to the lines that people read and to the document that programs read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from danelaw.core.model import (
    Chain,
    Evidence,
    HandshakeFailure,
    Reason,
    Security,
    TargetEvidence,
    Unreachable,
    read_target,
)
from danelaw.core.verdict import Verdict, judge, judge_target, reference_of, target_json, transcript
from tlsa_chains import INTERMEDIATE, LEAF, RENEWED, ROOT, issue
from verdict_evidence import (
    AAAA,
    EXPANDED,
    FOUR,
    HOST,
    NS1,
    NS2,
    OTHER,
    PRESENT,
    REFERENCE,
    SIX,
    SMTP,
    SOUND,
    A,
    addresses,
    at_all,
    links,
    presenting,
    probes,
    publishing,
    record,
    serves,
    swept,
    text,
    tlsa,
)

REFUSED = HandshakeFailure("TLS_ALERT", "handshake_failure")
SILENT = Unreachable("TIMEOUT", "no connection within 10 s")
UNKNOWN = text("3 1 9 0102")

VERDICTS: dict[str, tuple[Evidence, Verdict, bool]] = {
    "sound": (SOUND, Verdict.VALID, True),
    "a record of a roll in progress": (publishing(record("3 1 1"), record("3 1 1", RENEWED)), Verdict.VALID, True),
    "a combination that nothing matches": (
        publishing(record("3 1 1"), record("3 0 1", RENEWED)),
        Verdict.VALID,
        False,
    ),
    "IPv4 alone": (replace(SOUND, aaaa=addresses(AAAA), probes=probes(ips=[FOUR])), Verdict.VALID, True),
    "addresses of an unsigned zone": (
        replace(SOUND, a=addresses(A, FOUR, state=Security.INSECURE)),
        Verdict.VALID,
        True,
    ),
    "another key": (presenting(*probes(OTHER)), Verdict.MISMATCH, False),
    "another key for RSA": (presenting(*probes(rsa=OTHER)), Verdict.MISMATCH, False),
    "no TLS": (presenting(*probes(REFUSED)), Verdict.MISMATCH, False),
    "no TLS at one address and silence at the other": (
        presenting(*probes(REFUSED, ips=[SIX]), *probes(SILENT, ips=[FOUR])),
        Verdict.MISMATCH,
        False,
    ),
    "silence at one address": (presenting(*probes(ips=[SIX]), *probes(SILENT, ips=[FOUR])), Verdict.UNDECIDED, False),
    "an address that nobody connected to": (replace(SOUND, left_out=(FOUR,)), Verdict.UNDECIDED, False),
    "no address": (replace(SOUND, a=addresses(A), aaaa=addresses(AAAA), probes=()), Verdict.UNDECIDED, False),
    "an address that was not learnt": (
        replace(SOUND, a=addresses(A, state=Security.INDETERMINATE)),
        Verdict.UNDECIDED,
        False,
    ),
    "TLSA not learnt": (replace(SOUND, tlsa=tlsa(state=Security.INDETERMINATE)), Verdict.UNDECIDED, False),
    "TLSA bogus": (replace(SOUND, tlsa=tlsa(record("3 1 1"), state=Security.BOGUS)), Verdict.BOGUS, False),
    "an address bogus": (replace(SOUND, a=addresses(A, FOUR, state=Security.BOGUS)), Verdict.BOGUS, False),
    "a name server gives out records that match no more": (
        swept(serves(NS1, record("3 1 1")), serves(NS2, record("3 1 1", RENEWED))),
        Verdict.MISMATCH,
        False,
    ),
    "unsigned": (replace(SOUND, tlsa=tlsa(record("3 1 1"), state=Security.INSECURE)), Verdict.INSECURE, False),
    "no record": (publishing(), Verdict.NONE, False),
    "nothing usable": (publishing(UNKNOWN), Verdict.NONE, False),
}


@pytest.mark.parametrize(("evidence", "verdict", "good"), VERDICTS.values(), ids=VERDICTS)
def test_the_verdict_sums_up_what_becomes_of_a_client(evidence: Evidence, verdict: Verdict, good: bool) -> None:
    report = judge(evidence, REFERENCE)
    assert (report.verdict, report.good) == (verdict, good)


@pytest.mark.parametrize(("evidence", "verdict", "good"), VERDICTS.values(), ids=VERDICTS)
def test_whatever_is_not_good_has_a_finding(evidence: Evidence, verdict: Verdict, good: bool) -> None:
    assert good or judge(evidence, REFERENCE).findings, verdict


def test_mail_servers_insist_on_tls_though_they_can_use_no_record() -> None:
    """RFC 7672 §2.2: without TLS they go to the next server; other clients do as if there were no record."""
    deaf = HandshakeFailure("STARTTLS_NOT_OFFERED", "")
    mail = at_all(replace(SMTP, tlsa=tlsa(UNKNOWN)), deaf)
    assert judge(mail, reference_of(mail, ())).verdict is Verdict.MISMATCH
    assert judge(publishing(UNKNOWN), REFERENCE).verdict is Verdict.NONE
    speaking = replace(SMTP, tlsa=tlsa(UNKNOWN))
    assert judge(speaking, reference_of(speaking, ())).verdict is Verdict.NONE


def test_the_weightiest_finding_comes_first() -> None:
    evidence = publishing(record("3 1 1"), record("3 1 1", RENEWED), record("3 0 1", RENEWED), UNKNOWN)
    assert [finding.code for finding in judge(evidence, REFERENCE).findings] == [
        "COMBINATION_UNMATCHED",
        "COMBINATION_UNMATCHED",
        "UNUSABLE_RECORD",
        "BREAKS_AT_RENEWAL",
        "ROLL_IN_PROGRESS",
    ]


def test_the_transcript_of_a_sound_service_reads_like_the_article_s() -> None:
    """By the sections of Figure 4 in Geoff Huston, "Let's Encrypt with DANE", December 2016."""
    named = record("3 1 1")[3:].hex()
    met = [
        "TLSv1.3 handshake succeeded.",
        "Cipher: TLS_AES_256_GCM_SHA384",
        "Peer certificate chain:",
        "0 Subject CN: leaf",
        "  Issuer CN: Intermediate",
        "1 Subject CN: Intermediate",
        "  Issuer CN: Root",
        "SAN dNSName: www.example.net",
        "Valid: 2026-10-24 12:00:00 to 2027-01-22 12:00:00 UTC",
        f"Matched TLSA record: '3 1 1 {named[:16]}…', EE certificate at depth 0",
        "Not offered here: rsa",
        "",
    ]
    assert list(transcript(judge(SOUND, REFERENCE))) == [
        "DANE authentication successful: www.example.net:443/tcp",
        "In short: a DANE client connects.",
        "",
        "TLSA records found: 1",
        "Asked for: _443._tcp.www.example.net TLSA (TTL 3600 s)",
        "DNSSEC: secure, validated here from the root's trust anchor",
        f"TLSA: 3 1 1 {named}",
        "Addresses: A secure, AAAA secure",
        "",
        "Connecting to IPv6 address: 2001:db8::80 port 443",
        *met,
        "Connecting to IPv4 address: 192.0.2.80 port 443",
        *met,
        "Findings: none",
    ]


def test_the_transcript_says_how_far_the_host_s_own_names_are_signed() -> None:
    unsigned = replace(SOUND, a=links(addresses(A, FOUR, state=Security.INSECURE), HOST, EXPANDED))
    lines = transcript(judge(unsigned, REFERENCE))
    assert "Addresses: A insecure, AAAA secure; an alias of web.example.org" in lines


def test_the_transcript_says_which_certificate_a_trust_anchor_record_names() -> None:
    lines = transcript(judge(publishing(record("2 0 1")), REFERENCE))
    assert len([line for line in lines if line.endswith("CA certificate at depth 1")]) == 2


def test_the_transcript_says_who_is_presented_another_chain() -> None:
    lines = transcript(judge(presenting(*probes(rsa=OTHER, ips=[FOUR])), REFERENCE))
    assert "To clients that offer only rsa:" in lines
    assert lines.index("To clients that offer only rsa:") < lines.index("No TLSA record matched.")


def test_the_transcript_ends_with_the_findings_and_their_remedies() -> None:
    lines = transcript(judge(presenting(*probes(OTHER, ips=[FOUR])), REFERENCE))
    found = lines[lines.index("Findings: 1") + 1 :]
    assert found[0] == "ERROR TLSA_MISMATCH at 192.0.2.80 (RFC 6698 §4.1)"
    assert any(line.startswith("  remedy: ") for line in found)


@pytest.mark.parametrize(("evidence", "verdict", "good"), VERDICTS.values(), ids=VERDICTS)
def test_the_transcript_keeps_within_80_columns(evidence: Evidence, verdict: Verdict, good: bool) -> None:
    del verdict, good
    assert max(map(len, transcript(judge(evidence, REFERENCE)))) <= 80


HOSTILE = [
    "\x1b[2J\x1b[32mDANE authentication successful",
    "a\nDANE authentication successful",
    "a\r\x08\x07b",
    "a\u202egnp.b",
    "a\x9b31mb",
    "a\u2028b\u0085c",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_nothing_from_the_network_has_power_over_a_terminal(name: str) -> None:
    ca = issue(name, ca=True)
    leaf = issue(name, ca, names=("www.example.net", "x\x1b[31m.example.net"))
    got = replace(PRESENT, chain=Chain((leaf.der, ca.der)), cipher=name)
    failing = HandshakeFailure("PROTOCOL", name)
    evidence = replace(
        publishing(record("2 1 1")),
        tlsa=replace(tlsa(record("2 1 1")), reasons=(Reason("X", "RFC 4035 §5", name),)),
        probes=(*probes(got, ips=[SIX]), *probes(failing, ips=[FOUR])),
    )
    report = judge(evidence, REFERENCE)
    lines = transcript(report)
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("DANE authentication successful") for line in lines)
    assert all(string.isprintable() for string in strings(document(evidence)))


def document(evidence: Evidence) -> dict[str, Any]:
    """As it comes out on the other side of JSON."""
    report = judge_target(TargetEvidence(read_target("www.example.net"), evidence.at, None, (evidence,)), (ROOT.der,))
    read: dict[str, Any] = json.loads(json.dumps(target_json(report)))
    return read


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (*strings(key), *strings(each))
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def test_a_certificate_that_cannot_be_read_is_still_reported() -> None:
    junk = replace(PRESENT, chain=Chain((b"\x30\x03\x02\x01\x00", LEAF.spki)))
    lines = transcript(judge(presenting(*probes(junk, ips=[FOUR])), REFERENCE))
    assert "0 5 octets that cannot be read as a certificate" in lines
    assert "1 a raw public key (RFC 7250)" in lines


def test_a_long_list_of_names_is_cut_short() -> None:
    leaf = issue("leaf", INTERMEDIATE, names=tuple(f"n{i}.example.net" for i in range(100)))
    got = replace(PRESENT, chain=Chain((leaf.der,)))
    lines = transcript(judge(presenting(*probes(got, ips=[FOUR])), REFERENCE))
    assert len([line for line in lines if line.startswith("SAN dNSName:")]) == 11
    assert "SAN dNSName: … and 90 more" in lines


def test_the_document_holds_what_scripts_ask_for() -> None:
    whole = document(presenting(*probes(OTHER)))
    seen = whole["endpoints"][0]
    assert whole["schema"] == "danelaw/check/1"
    assert (seen["endpoint"], seen["verdict"], seen["good"]) == (
        "www.example.net:443/tcp",
        "mismatch",
        False,
    )
    assert seen["at"] == "2026-11-23T12:00:00+00:00"
    assert [finding["code"] for finding in whole["findings"]] == ["TLSA_MISMATCH", "TLSA_MISMATCH"]
    assert seen["tlsa"]["records"] == [f"3 1 1 {record('3 1 1')[3:].hex()}"]
    assert seen["tlsa"]["state"] == "secure"
    assert [part["address"] for part in seen["addresses"]] == ["2001:db8::80", "192.0.2.80"]
    first = seen["addresses"][0]
    assert first["clients"]["rsa"] == {"got": "not-offered"}
    assert first["presented"][0]["to"] == ["any", "ecdsa"]
    assert first["presented"][0]["records"][0]["matched"] is False


@pytest.mark.parametrize(("evidence", "verdict", "good"), VERDICTS.values(), ids=VERDICTS)
def test_every_report_can_be_written_as_json(evidence: Evidence, verdict: Verdict, good: bool) -> None:
    (seen,) = document(evidence)["endpoints"]
    assert (seen["verdict"], seen["good"]) == (verdict.value, good)


def test_whoever_publishes_much_does_not_fill_the_screen() -> None:
    """A thousand records and a chain of a hundred certificates are all in the document, and some in the transcript."""
    records = [text(f"3 1 1 {number:064x}") for number in range(500)]
    odd = [text(f"9 9 9 {number:04x}" + "00" * 30) for number in range(500)]
    long = replace(PRESENT, chain=Chain((LEAF.der, *([INTERMEDIATE.der] * 99))))
    evidence = replace(publishing(*records, *odd), probes=probes(long, ips=[FOUR]))
    lines = transcript(judge(evidence, REFERENCE))
    assert len(lines) < 200
    assert "TLSA: … and 980 more" in lines
    assert "… and 90 more" in lines
    assert "WARNING UNUSABLE_RECORD: … and 490 more" in lines
    whole = document(evidence)
    assert len(whole["endpoints"][0]["tlsa"]["records"]) == 1000
    assert len(whole["findings"]) > 500
