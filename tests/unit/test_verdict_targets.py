"""Targets as a whole: what sums up look-up and servers, each rule about them, exit status, transcript and document."""

from __future__ import annotations

import json
import pkgutil
import re
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from danelaw.core.model import HandshakeFailure, Security, Sweep, TargetEvidence, Unreachable, read_target
from danelaw.core.verdict import (
    Level,
    TargetReport,
    TargetRule,
    Verdict,
    check_json,
    exit_status,
    judge_target,
    target_json,
    target_rules,
    target_transcript,
)
from danelaw.core.verdict.rules import RULES
from danelaw.core.verdict.target import TargetCase
from danelaw.core.verdict.target_rules import TARGET_RULES
from tlsa_chains import NOW
from verdict_evidence import (
    AAAA,
    DOMAIN,
    FOUR,
    HTTPS,
    PRESENT,
    SOUND,
    A,
    addresses,
    presenting,
    probes,
    publishing,
    record,
    rrsig,
    text,
    tlsa,
)
from verdict_targets import (
    ALIAS,
    BEHIND_SRV,
    FIRST,
    ROOTS,
    SECOND,
    TWO,
    WITHOUT,
    WRONG,
    at,
    chat,
    mail,
    mx,
    srv,
    web,
)

BOGUS, INSECURE, INDETERMINATE = Security.BOGUS, Security.INSECURE, Security.INDETERMINATE
ONE: Final = mx((10, "mx1.example.net."))
CHAT_AT: Final = (5222, "chat.example.net.")
SILENT: Final = replace(SECOND, probes=probes(Unreachable("TIMEOUT")))
UNREADABLE: Final = replace(ONE, rrsets=(replace(ONE.rrsets[0], rdatas=frozenset({b"\0\x0a\x05short"})),))
NOT_SIGNED: Final = at(
    "chat.example.net.", replace(BEHIND_SRV, a=addresses(A, FOUR, state=INSECURE), aaaa=addresses(AAAA))
)

VERDICTS: Final[dict[str, tuple[TargetEvidence, Verdict, bool]]] = {
    "one host": (web(SOUND), Verdict.VALID, True),
    "two servers": (mail(TWO, FIRST, SECOND), Verdict.VALID, True),
    "one of two refuses": (mail(TWO, FIRST, WRONG), Verdict.MISMATCH, False),
    "one of two has no DANE": (mail(TWO, FIRST, WITHOUT), Verdict.NONE, False),
    "one of two is silent": (mail(TWO, FIRST, SILENT), Verdict.UNDECIDED, False),
    "one was not looked at": (mail(TWO, FIRST, left_out=1), Verdict.UNDECIDED, False),
    "one refuses, one is silent": (mail(TWO, replace(WRONG, endpoint=FIRST.endpoint), SILENT), Verdict.MISMATCH, False),
    "MX not signed": (mail(replace(TWO, state=INSECURE), FIRST, SECOND), Verdict.INSECURE, False),
    "MX not signed, and a server refuses": (mail(replace(TWO, state=INSECURE), FIRST, WRONG), Verdict.MISMATCH, False),
    "MX bogus": (mail(mx(state=BOGUS)), Verdict.BOGUS, False),
    "MX not learnt": (mail(mx(state=INDETERMINATE)), Verdict.UNDECIDED, False),
    "null MX": (mail(mx((0, "."))), Verdict.NONE, True),
    "null MX, not signed": (mail(mx((0, "."), state=INSECURE)), Verdict.NONE, True),
    "null MX beside another": (mail(mx((0, "."), (10, "mx1.example.net.")), FIRST), Verdict.VALID, False),
    "no MX": (mail(mx(), at("example.net.")), Verdict.VALID, True),
    "no server that could be looked at": (mail(UNREADABLE), Verdict.UNDECIDED, False),
    "SRV": (chat(srv(CHAT_AT), BEHIND_SRV), Verdict.VALID, True),
    "SRV not signed": (chat(srv(CHAT_AT, state=INSECURE), BEHIND_SRV), Verdict.INSECURE, False),
    "SRV not signed, and what nobody asks for does not match": (
        chat(srv(CHAT_AT, state=INSECURE), replace(BEHIND_SRV, probes=probes(HandshakeFailure("TLS_ALERT")))),
        Verdict.INSECURE,
        False,
    ),
    "SRV leads to addresses that are not signed": (chat(srv(CHAT_AT), NOT_SIGNED), Verdict.INSECURE, False),
    "SRV of the root": (chat(srv((0, "."))), Verdict.NONE, True),
    "TLSA answers that nobody asks for do not come": (
        mail(ONE, replace(FIRST, initial=INSECURE, tlsa=tlsa(state=INDETERMINATE))),
        Verdict.INSECURE,
        False,
    ),
    "TLSA answers that nobody asks for are bogus": (
        mail(ONE, replace(FIRST, initial=INSECURE, tlsa=tlsa(state=BOGUS))),
        Verdict.INSECURE,
        False,
    ),
    "TLSA answers of an alias that is signed count": (
        mail(ONE, replace(FIRST, initial=Security.SECURE, a=addresses(A, FOUR, state=INSECURE))),
        Verdict.VALID,
        True,
    ),
}


def judged(evidence: TargetEvidence) -> TargetReport:
    return judge_target(evidence, ROOTS)


def codes(report: TargetReport) -> list[str]:
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize(("evidence", "verdict", "good"), VERDICTS.values(), ids=VERDICTS)
def test_the_worst_of_look_up_and_servers_stands_for_the_target(
    evidence: TargetEvidence, verdict: Verdict, good: bool
) -> None:
    report = judged(evidence)
    assert (report.verdict, report.good) == (verdict, good), codes(report)


# -- rules about targets ---------------------------------------------------------------------------------------------

LATE: Final = replace(TWO, rrsets=(replace(TWO.rrsets[0], rrsigs=frozenset({rrsig(days=1, ago=13, type=15)})),))
IN_TIME: Final = replace(TWO, rrsets=(replace(TWO.rrsets[0], rrsigs=frozenset({rrsig(type=15)})),))

FAILING: Final[dict[str, list[TargetEvidence]]] = {
    "LOOKUP_BOGUS": [mail(mx(state=BOGUS)), chat(srv(state=BOGUS))],
    "LOOKUP_UNDECIDED": [mail(mx(state=INDETERMINATE))],
    "MX_INSECURE": [mail(replace(TWO, state=INSECURE), FIRST)],
    "SRV_INSECURE": [chat(srv(CHAT_AT, state=INSECURE), BEHIND_SRV)],
    "NULL_MX": [mail(mx((0, ".")))],
    "NULL_MX_BESIDE_OTHERS": [mail(mx((0, "."), (10, "mx1.example.net.")), FIRST)],
    "SRV_NO_SERVICE": [chat(srv((0, ".")))],
    "MX_IMPLICIT": [mail(mx(), at("example.net."))],
    "SRV_ABSENT": [chat(srv(), at("example.net.", BEHIND_SRV))],
    "SERVERS_UNREADABLE": [mail(UNREADABLE)],
    "MX_IS_ADDRESS": [mail(mx((10, "192.0.2.1.")))],
    "SERVER_ALIAS": [mail(ONE, ALIAS)],
    "DANE_MIXED": [mail(TWO, FIRST, WITHOUT), mail(TWO, WRONG, WITHOUT)],
    "SERVERS_LEFT_OUT": [mail(TWO, FIRST, left_out=1)],
    "LOOKUP_SIGNATURE_EXPIRING": [mail(LATE, FIRST, SECOND)],
}
PASSING: Final[dict[str, list[TargetEvidence]]] = {
    "LOOKUP_BOGUS": [mail(TWO, FIRST), mail(mx(state=INDETERMINATE))],
    "LOOKUP_UNDECIDED": [mail(TWO, FIRST), mail(mx(state=BOGUS))],
    "MX_INSECURE": [mail(TWO, FIRST)],
    "SRV_INSECURE": [chat(srv(CHAT_AT), BEHIND_SRV)],
    "NULL_MX": [mail(TWO, FIRST), mail(mx((0, "."), (10, "mx1.example.net.")), FIRST)],
    "NULL_MX_BESIDE_OTHERS": [mail(mx((0, "."))), mail(TWO, FIRST)],
    "SRV_NO_SERVICE": [chat(srv(CHAT_AT), BEHIND_SRV)],
    "MX_IMPLICIT": [mail(TWO, FIRST)],
    "SRV_ABSENT": [chat(srv(CHAT_AT), BEHIND_SRV)],
    "SERVERS_UNREADABLE": [mail(TWO, FIRST)],
    "MX_IS_ADDRESS": [mail(TWO, FIRST), mail(mx((10, "mail.192.example.net.")))],
    "SERVER_ALIAS": [mail(ONE, FIRST)],
    "DANE_MIXED": [mail(TWO, FIRST, SECOND), mail(TWO, WITHOUT, WITHOUT)],
    "SERVERS_LEFT_OUT": [mail(TWO, FIRST, SECOND)],
    "LOOKUP_SIGNATURE_EXPIRING": [mail(IN_TIME, FIRST, SECOND)],
}
NOT_OF_A_HOST: Final = frozenset(FAILING) - {"SERVERS_LEFT_OUT"}


def rule(id: str) -> TargetRule:
    return next(rule for rule in TARGET_RULES if rule.id == id)


def case(evidence: TargetEvidence) -> TargetCase:
    return judged(evidence).case


@pytest.mark.parametrize("id", FAILING)
def test_a_rule_speaks_where_something_is_wrong(id: str) -> None:
    for evidence in FAILING[id]:
        found = rule(id).findings(case(evidence))
        assert {finding.code for finding in found} == {id}
        assert all(finding.sentence and finding.endpoint is None for finding in found)


@pytest.mark.parametrize("id", PASSING)
def test_a_rule_is_silent_where_all_is_well(id: str) -> None:
    for evidence in PASSING[id]:
        assert rule(id).applies(case(evidence))
        assert rule(id).findings(case(evidence)) == ()


@pytest.mark.parametrize("id", sorted(NOT_OF_A_HOST))
def test_where_nothing_was_looked_up_no_rule_about_look_ups_applies(id: str) -> None:
    assert not rule(id).applies(case(web(HTTPS)))


def test_each_rule_has_a_file_of_its_name_vectors_and_a_citation() -> None:
    files = sorted(module.name for module in pkgutil.iter_modules(target_rules.__path__))
    assert files == sorted(rule.id.lower() for rule in TARGET_RULES)
    assert {rule.id for rule in TARGET_RULES} == set(FAILING) == set(PASSING)
    for rule in TARGET_RULES:
        assert re.fullmatch(r"RFC \d{4} §\d+(\.\d+)*", rule.citation)
        assert rule.remedy


# -- what is told first ----------------------------------------------------------------------------------------------


def test_errors_come_first_and_each_level_in_the_order_of_the_rules() -> None:
    found = judged(mail(replace(TWO, state=INSECURE), ALIAS, WRONG, left_out=1)).findings
    order = [rule.id for rule in (*TARGET_RULES, *RULES)]
    assert list(found) == sorted(found, key=lambda finding: (finding.level, order.index(finding.code)))
    assert found[0].code == "MX_INSECURE"
    assert {finding.level for finding in found} >= {Level.ERROR, Level.WARNING}


def test_what_is_about_one_server_names_its_endpoint() -> None:
    report = judged(mail(TWO, FIRST, WRONG))
    assert {f.endpoint for f in report.findings if f.code == "TLSA_MISMATCH"} == {WRONG.endpoint}
    assert report.own == ()


# -- later -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "verdict"), [(59, Verdict.VALID), (61, Verdict.MISMATCH)], ids=["still valid then", "ended by then"]
)
def test_chains_are_judged_for_a_later_instant_if_asked(days: int, verdict: Verdict) -> None:
    """The leaf's last day is sixty days off; DANE-TA minds."""
    report = judge_target(web(publishing(record("2 0 1"))), ROOTS, as_of=NOW + timedelta(days=days))
    assert report.verdict is verdict


# -- exit status -----------------------------------------------------------------------------------------------------

STATUS: Final[dict[str, tuple[list[TargetEvidence], bool, int]]] = {
    "good": ([web(SOUND)], False, 0),
    "good, twice": ([web(SOUND), mail(TWO, FIRST, SECOND)], False, 0),
    "null MX": ([mail(mx((0, ".")))], False, 0),
    "another key": ([web(presenting(*probes(HandshakeFailure("TLS_ALERT"))))], False, 1),
    "no TLSA": ([web(publishing())], False, 1),
    "no TLSA, and none was expected": ([web(publishing())], True, 0),
    "not signed": ([web(replace(SOUND, tlsa=tlsa(state=INSECURE)))], False, 1),
    "not signed, and that was not expected": ([web(replace(SOUND, tlsa=tlsa(state=INSECURE)))], True, 0),
    "records that nobody can use are wrong all the same": ([web(publishing(text("3 1 9 00")))], True, 1),
    "bogus is wrong all the same": ([web(replace(SOUND, tlsa=tlsa(state=BOGUS)))], True, 1),
    "silence": ([mail(ONE, SILENT)], False, 3),
    "silence, and a host without address": (
        [mail(ONE, replace(FIRST, a=addresses(A), aaaa=addresses(AAAA), probes=()))],
        False,
        1,
    ),
    "valid, and some clients are refused": (
        [web(publishing(record("3 1 1"), text("3 0 1 " + "00" * 32)))],
        False,
        1,
    ),
    "wrong before undecided": ([mail(ONE, SILENT), web(publishing())], False, 1),
    "undecided before good": ([web(SOUND), mail(ONE, SILENT)], False, 3),
    "nothing": ([], False, 0),
}


@pytest.mark.parametrize(("evidence", "opportunistic", "status"), STATUS.values(), ids=STATUS)
def test_the_exit_status_is_the_architecture_s(
    evidence: list[TargetEvidence], opportunistic: bool, status: int
) -> None:
    assert exit_status(map(judged, evidence), opportunistic) == status


# -- in words --------------------------------------------------------------------------------------------------------

HEADLINES: Final[dict[str, tuple[TargetEvidence, str]]] = {
    "valid": (web(SOUND), "DANE authentication successful: a DANE client connects to www.example.net:443"),
    "some refuse": (
        mail(TWO, FIRST, WRONG),
        "DANE authentication FAILED: a DANE client does not connect to 1 of the 2 servers of smtp:example.net",
    ),
    "not signed": (
        mail(replace(TWO, state=INSECURE), FIRST, SECOND),
        "No DANE authentication: a DANE client connects to smtp:example.net as any other does, for not all is signed",
    ),
    "none": (
        web(publishing()),
        "No DANE authentication: a DANE client finds no TLSA record for www.example.net:443 that it can use",
    ),
    "bogus": (
        mail(mx(state=BOGUS)),
        "DANE authentication FAILED: a DANE client does not connect to smtp:example.net, for DNSSEC validation fails",
    ),
    "undecided": (
        mail(ONE, SILENT),
        "DANE authentication UNDECIDED: whether a DANE client connects to smtp:example.net was not learnt",
    ),
    "null MX": (mail(mx((0, "."))), "No service: smtp:example.net is said not to exist, by its own records"),
}


@pytest.mark.parametrize(("evidence", "said"), HEADLINES.values(), ids=HEADLINES)
def test_the_first_line_says_whether_a_dane_client_would_connect(evidence: TargetEvidence, said: str) -> None:
    lines = target_transcript(judged(evidence))
    assert " ".join(line.strip() for line in lines[: lines.index("")]) == said


def test_a_name_of_other_letters_is_shown_in_them_too() -> None:
    lines = target_transcript(judged(replace(web(SOUND), target=read_target("bücher.example.net"))))
    assert lines[1] == "  xn--bcher-kva.example.net:443"
    assert lines[2] == "The name: bücher.example.net. (xn--bcher-kva.example.net.)"


def test_the_transcript_lists_the_servers_in_the_order_in_which_clients_try_them() -> None:
    lookup = mx((10, "mx1.example.net."), (20, "mx2.example.net."), (30, "mx3.example.net."))
    lines = target_transcript(judged(mail(lookup, FIRST, WRONG, left_out=1)))
    at = lines.index("DNSSEC: secure")
    assert lines[at + 1 : at + 5] == (
        "  connects         10  mx1.example.net",
        "  refused          20  mx2.example.net",
        "  not looked at    30  mx3.example.net",
        "  and 1 more, which were not looked at",
    )


def test_what_is_so_of_the_zone_of_several_servers_is_told_at_the_first() -> None:
    cut_off = Sweep(unknown=((DOMAIN, "no server of net. answers"),))
    lines = target_transcript(judged(mail(TWO, replace(FIRST, sweep=cut_off), replace(SECOND, sweep=cut_off))))
    assert len([line for line in lines if line.startswith("INFO SERVERS_UNKNOWN")]) == 1
    assert lines[-1] == "And as above: SERVERS_UNKNOWN"


def test_what_is_alike_at_several_addresses_is_told_once() -> None:
    lines = target_transcript(judged(web(presenting(*probes(HandshakeFailure("TLS_ALERT"))))))
    assert [line for line in lines if line.startswith("ERROR")] == [
        "ERROR HANDSHAKE_FAILED at 2001:db8::80, 192.0.2.80 (RFC 7671 §10.3)"
    ]


@pytest.mark.parametrize("evidence", [evidence for evidence, *_ in VERDICTS.values()], ids=VERDICTS)
def test_the_transcript_keeps_within_80_columns(evidence: TargetEvidence) -> None:
    assert max(map(len, target_transcript(judged(evidence)))) <= 80


def test_a_dialogue_is_shown_and_has_no_power_over_a_terminal() -> None:
    said = ("< 220 mx1.example.net ESMTP \x1b[2J", "> EHLO check.example", "< 250 STARTTLS")
    shown = replace(FIRST, probes=probes(replace(PRESENT, said=said)))
    lines = target_transcript(judged(mail(ONE, shown)))
    assert "  < 220 mx1.example.net ESMTP \\x1b[2J" in lines
    assert all(line.isprintable() for line in lines)


# -- as a document -----------------------------------------------------------------------------------------------------


def test_the_document_of_one_target() -> None:
    document = json.loads(json.dumps(target_json(judged(mail(TWO, FIRST, WRONG)))))
    assert (document["schema"], document["target"], document["verdict"]) == (
        "danelaw/check/1",
        "smtp:example.net",
        "mismatch",
    )
    assert [server["host"] for server in document["lookup"]["servers"]] == ["mx1.example.net.", "mx2.example.net."]
    assert [endpoint["verdict"] for endpoint in document["endpoints"]] == ["valid", "mismatch"]
    first = document["findings"][0]
    assert (first["code"], first["level"], first["target"]) == ("TLSA_MISMATCH", "error", "smtp:example.net")
    assert (first["endpoint"], first["address"]) == ("mx2.example.net:25/tcp", "2001:db8::80")
    assert {"citation", "sentence", "remedy"} <= first.keys()


def test_the_document_of_many_has_the_worst_verdict_and_all_findings() -> None:
    reports = [judged(web(publishing())), judged(mail(TWO, FIRST, WRONG)), judged(web(SOUND))]
    document = json.loads(json.dumps(check_json(reports)))
    assert (document["schema"], document["verdict"], document["good"]) == ("danelaw/check/1", "mismatch", False)
    assert [target["verdict"] for target in document["targets"]] == ["none", "mismatch", "valid"]
    assert [f["code"] for f in document["findings"]] == [f["code"] for t in document["targets"] for f in t["findings"]]
    assert {f["target"] for f in document["findings"]} == {"www.example.net:443", "smtp:example.net"}


@pytest.mark.parametrize("evidence", [evidence for evidence, *_ in VERDICTS.values()], ids=VERDICTS)
def test_every_report_can_be_written_as_json(evidence: TargetEvidence) -> None:
    report = judged(evidence)
    document = json.loads(json.dumps(check_json([report])))
    assert (document["verdict"], document["good"]) == (report.verdict.value, report.good)


def test_nothing_judged_is_undecided() -> None:
    assert check_json([])["verdict"] == "undecided"
