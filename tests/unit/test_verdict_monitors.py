"""Reports for those who watch: what a plugin of Nagios says, and what Prometheus reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import pytest

from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.model import (
    DanelawError,
    Evidence,
    HandshakeFailure,
    RRset,
    Security,
    TargetEvidence,
    Unreachable,
    read_target,
)
from danelaw.core.verdict import EXPIRY_NOTICE, TargetReport, judge_target
from danelaw.core.verdict import prometheus as metrics
from danelaw.core.verdict.figures import certificate_ends, signature_end, tlsa_ttl
from danelaw.core.verdict.nagios import LONGEST, Outcome, Status, plugin, unknown
from tlsa_chains import NOW, ROOT
from verdict_evidence import FOUR, HOST, SIX, SOUND, presenting, probes, publishing, record, tlsa

DAY: Final = 86400
TARGET: Final = read_target("www.example.net")


def report(*evidence: Evidence, target: str = "www.example.net", notice: timedelta = EXPIRY_NOTICE) -> TargetReport:
    return judge_target(TargetEvidence(read_target(target), NOW, None, evidence), (ROOT.der,), notice)


def signed(*expirations: int) -> frozenset[bytes]:
    """RRSIGs over the TLSA records that expire so many days from now."""
    then = (int((NOW + timedelta(days=days)).timestamp()) for days in expirations)
    return frozenset(RRSIG(52, 13, 3, 3600, when, 0, 1, HOST, bytes(64)).to_rdata() for when in then)


def signing(*expirations: int, garbage: bytes = b"") -> Evidence:
    rrset = SOUND.tlsa.rrset
    assert isinstance(rrset, RRset)
    rrsigs = signed(*expirations) | ({garbage} if garbage else frozenset())
    return replace(SOUND, tlsa=replace(SOUND.tlsa, rrsets=(replace(rrset, rrsigs=rrsigs),)))


GOOD: Final = report(SOUND)
REFUSED: Final = report(
    presenting(*probes(HandshakeFailure("TLS_ALERT", "no | thanks\n\x1b[2J"))), target="b.example.net"
)
UNDECIDED: Final = report(presenting(*probes(Unreachable("TIMEOUT", "connecting"))), target="slow.example.net")
ABSENT: Final = report(publishing(), target="none.example.net")
WARNED: Final = report(publishing(record("3 1 1"), b"\x03\x01\x01"), target="old.example.net")
FAILED: Final = (
    "long.example.net:443",
    DanelawError("NAME_TOO_LONG", "no room", evidence="for | labels", hint="shorten"),
)


@pytest.mark.parametrize(
    ("outcomes", "opportunistic", "status"),
    [
        ([GOOD], False, Status.OK),
        ([REFUSED], False, Status.CRITICAL),
        ([UNDECIDED], False, Status.UNKNOWN),
        ([ABSENT], False, Status.CRITICAL),
        ([ABSENT], True, Status.OK),
        ([WARNED], False, Status.WARNING),
        ([FAILED], False, Status.UNKNOWN),
        ([GOOD, REFUSED, UNDECIDED], False, Status.CRITICAL),
        ([GOOD, UNDECIDED], False, Status.UNKNOWN),
        ([WARNED, UNDECIDED], False, Status.UNKNOWN),
        ([GOOD, FAILED], False, Status.UNKNOWN),
    ],
    ids=[
        *("good", "refused", "not learnt", "no DANE", "no DANE is no fault", "a warning", "not asked"),
        *("wrong first", "then unknown", "unknown before warnings", "one that cannot be checked"),
    ],
)
def test_the_status_of_a_plugin(outcomes: list[Outcome], opportunistic: bool, status: Status) -> None:
    got, lines = plugin(outcomes, EXPIRY_NOTICE, opportunistic=opportunistic)
    assert got is status
    assert lines[0].startswith(f"DANELAW {status.name} - ")


def test_one_target_is_told_by_its_headline_and_the_codes() -> None:
    _, lines = plugin([REFUSED], EXPIRY_NOTICE, opportunistic=False)
    assert "a DANE client does not connect to b.example.net:443" in lines[0]
    assert "HANDSHAKE_FAILED" in lines[0]
    assert lines[1].startswith("ERROR HANDSHAKE_FAILED at 2001:db8::80: ")
    assert "; remedy: " in lines[1]


def test_many_targets_are_counted_and_the_bad_ones_named() -> None:
    _, lines = plugin([GOOD, REFUSED, UNDECIDED, FAILED], EXPIRY_NOTICE, opportunistic=False)
    told = lines[0].partition(" | ")[0]
    assert told.startswith("DANELAW CRITICAL - 1 critical, 2 unknown, 1 ok of 4: b.example.net:443 HANDSHAKE_FAILED")
    assert told.endswith("; long.example.net:443 NAME_TOO_LONG")


def test_what_servers_say_can_neither_break_lines_nor_pretend_to_be_figures() -> None:
    _, lines = plugin([REFUSED, FAILED], EXPIRY_NOTICE, opportunistic=False)
    assert all(line.isprintable() for line in lines)
    assert [line.count("|") for line in lines] == [1] + [0] * (len(lines) - 1)
    assert any("no \\x7c thanks\\n\\x1b[2J" in line for line in lines)
    assert any("for \\x7c labels" in line for line in lines)


def test_a_check_that_did_not_begin_is_unknown() -> None:
    assert unknown("no | such\noption") == "DANELAW UNKNOWN - no \\x7c such option"


def test_no_more_is_said_than_monitors_read() -> None:
    _, lines = plugin([REFUSED] * 60, EXPIRY_NOTICE, opportunistic=False)
    assert len("\n".join(lines)) < 2 * LONGEST
    assert re.fullmatch(r"… and \d+ lines more", lines[-1])


def test_figures_that_would_be_cut_off_in_the_middle_are_left_out_whole() -> None:
    _, lines = plugin([GOOD] * 200, EXPIRY_NOTICE, opportunistic=False)
    assert len("\n".join(lines)) < 2 * LONGEST
    assert figures(lines[0])


FIGURE: Final = re.compile(r"(?:'([^'=]+)'|([^\s'=]+))=(-?\d+)s;([^;\s]*);([^;\s]*)(?:;0)?")
"""A figure in the form of the monitoring plugins' guidelines: 'label'=value[UOM];[warn];[crit];[min];[max]."""


def figures(line: str) -> dict[str, tuple[int, str, str]]:
    told = line.partition(" | ")[2]
    found = list(FIGURE.finditer(told))
    assert " ".join(one[0] for one in found) == told
    return {one[1] or one[2]: (int(one[3]), one[4], one[5]) for one in found}


def test_figures_tell_what_is_left_and_the_bounds() -> None:
    _, lines = plugin([report(signing(5))], timedelta(days=10), opportunistic=False)
    told = figures(lines[0])
    (until,) = set(certificate_ends(GOOD.reports[0]).values())
    assert told["certificate"] == (int((until - NOW).total_seconds()), f"{10 * DAY}:", "0:")
    assert told["rrsig"] == (5 * DAY, "", "0:")
    assert told["tlsa_ttl"] == (3600, "", "")


def test_figures_of_many_bear_the_target() -> None:
    _, lines = plugin([GOOD, WARNED], EXPIRY_NOTICE, opportunistic=False)
    assert {"www.example.net:443 certificate", "old.example.net:443 tlsa_ttl"} <= set(figures(lines[0]))


def test_the_last_signature_of_a_set_counts_and_the_first_set_to_fail() -> None:
    (one,) = report(signing(3, 9, garbage=b"\0")).reports
    assert signature_end(one) == NOW + timedelta(days=9)
    a = replace(SOUND.a, rrsets=tuple(replace(rrset, rrsigs=signed(2)) for rrset in SOUND.a.rrsets))
    (both,) = report(replace(signing(9), a=a)).reports
    assert signature_end(both) == NOW + timedelta(days=2)
    assert signature_end(GOOD.reports[0]) is None


def test_there_are_no_figures_of_what_was_not_seen() -> None:
    (one,) = UNDECIDED.reports
    assert certificate_ends(one) == {}
    (none,) = ABSENT.reports
    assert tlsa_ttl(none) is None


# -- Prometheus -----------------------------------------------------------------------------------------------------

NAME: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')


@dataclass(frozen=True)
class Series:
    family: str
    labels: tuple[tuple[str, str], ...]
    value: float


def read(text: str) -> Iterator[Series]:
    """The text format 0.0.4, strictly: every family once, with help and type before its samples, each of them once."""
    assert text.endswith("\n")
    helped, current, seen = set[str](), "", set[Series]()
    for line in text.removesuffix("\n").split("\n"):
        if found := re.fullmatch(rf"# HELP ({NAME}) ((?:[^\\]|\\\\|\\n)*)", line):
            assert found[1] not in helped
            helped.add(found[1])
            current = ""
        elif found := re.fullmatch(rf"# TYPE ({NAME}) gauge", line):
            assert found[1] in helped
            assert not current
            current = found[1]
        else:
            found = re.fullmatch(rf"({NAME})\{{(.*)\}} (-?\d+)", line)
            assert found, line
            assert found[1] == current
            pairs = list(LABEL.finditer(found[2]))
            assert "".join(pair[0] for pair in pairs) == found[2]
            labels = tuple((pair[1], re.sub(r"\\(.)", r"\1", pair[2])) for pair in pairs)
            assert len(dict(labels)) == len(labels)
            one = Series(current, labels, 0)
            assert one not in seen
            seen.add(one)
            yield replace(one, value=float(found[3]))


def values(text: str, family: str) -> dict[tuple[str, ...], float]:
    """By the labels' values."""
    return {tuple(value for _, value in one.labels): one.value for one in read(text) if one.family == family}


ALL: Final = metrics.text(
    sample
    for one in (GOOD, REFUSED, UNDECIDED, ABSENT, FAILED, GOOD)
    for sample in (metrics.samples(one) if isinstance(one, TargetReport) else metrics.failed(*one))
)


def test_whether_targets_are_good_is_told_of_each_once() -> None:
    good = values(ALL, "danelaw_check_good")
    assert len(good) == 5
    assert [target for (target,), value in good.items() if value] == ["www.example.net:443"]


def test_each_verdict_is_told_so_that_series_do_not_come_and_go() -> None:
    told = values(ALL, "danelaw_check_verdict")
    assert {verdict: value for (target, verdict), value in told.items() if target == "b.example.net:443"} == {
        **dict.fromkeys(("valid", "bogus", "insecure", "none", "undecided"), 0),
        "mismatch": 1,
    }


def test_ends_are_instants_of_unix_time() -> None:
    text = metrics.text(metrics.samples(report(signing(5))))
    at = ("www.example.net:443", "www.example.net:443/tcp")
    ends = values(text, "danelaw_certificate_not_after_seconds")
    assert set(ends) == {(*at, str(SIX)), (*at, str(FOUR))}
    assert all(NOW.timestamp() < end < NOW.timestamp() + 400 * DAY for end in ends.values())
    assert values(text, "danelaw_rrsig_expiration_seconds") == {at: NOW.timestamp() + 5 * DAY}
    assert values(text, "danelaw_tlsa_ttl_seconds") == {at: 3600}
    assert values(text, "danelaw_check_time_seconds") == {at[:1]: NOW.timestamp()}


def test_a_target_that_cannot_be_checked_is_not_good() -> None:
    assert values(ALL, "danelaw_check_error") == {("long.example.net:443", "NAME_TOO_LONG"): 1}


def test_names_with_quotes_stay_within_their_label() -> None:
    odd = replace(GOOD.evidence, target=replace(TARGET, name=read_target("www.example.net").name))
    hostile = judge_target(odd, ())
    samples = [replace(one, labels=(("target", 'a"} 1\n\\b\x1b'), *one.labels[1:])) for one in metrics.samples(hostile)]
    (target,) = {target for (target,) in values(metrics.text(samples), "danelaw_check_good")}
    assert target == 'a"} 1\\n\\b\\x1b'


def test_of_nothing_there_is_nothing_to_tell() -> None:
    assert metrics.text(()) == ""


def test_bogus_is_critical() -> None:
    bogus = report(replace(SOUND, tlsa=tlsa(record("3 1 1"), state=Security.BOGUS)))
    assert plugin([bogus], EXPIRY_NOTICE, opportunistic=True)[0] is Status.CRITICAL
