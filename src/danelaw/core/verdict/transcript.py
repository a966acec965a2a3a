"""A report as people read it: what happened at each address, in the order in which a client meets it."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from danelaw.core.dnssec.rrsig import type_text
from danelaw.core.model import IP, HandshakeFailure, NotOffered, Security, Unreachable
from danelaw.core.tlsa import TLSARecord, records_of
from danelaw.core.verdict.case import Case, View
from danelaw.core.verdict.hellos import offer
from danelaw.core.verdict.presented import Described, describe
from danelaw.core.verdict.printable import clip, printable
from danelaw.core.verdict.report import Finding, Report, Verdict

WIDTH: Final = 80
MOST_NAMES: Final = 10
MOST_RECORDS: Final = 20
MOST_CERTIFICATES: Final = 10
MOST_DETAILS: Final = 10
MOST_ALIKE: Final = 10
"""Findings of one code that are told in full."""
MOST_SAID: Final = 12
MOST_DATA: Final = 64  # octets, as many as the longest digest has

_CONCLUSIONS: Final = {
    Verdict.VALID: "a DANE client connects",
    Verdict.MISMATCH: "a DANE client is refused",
    Verdict.BOGUS: "a DANE client is refused, for DNSSEC validation fails",
    Verdict.INSECURE: "a client connects without DANE, for the answer is not signed",
    Verdict.NONE: "a client finds no TLSA record that it can use",
    Verdict.UNDECIDED: "not all of it could be looked at",
}
_BY: Final = {
    Security.SECURE: "validated here from the root's trust anchor",
    Security.INSECURE: "proven here from the root's trust anchor",
    Security.BOGUS: "validation from the root's trust anchor failed here",
    Security.INDETERMINATE: "for an answer that was needed did not come",
}
OUTCOMES: Final = {
    Verdict.VALID: "DANE authentication successful",
    Verdict.MISMATCH: "DANE authentication FAILED",
    Verdict.BOGUS: "DANE authentication FAILED",
    Verdict.INSECURE: "No DANE authentication",
    Verdict.NONE: "No DANE authentication",
    Verdict.UNDECIDED: "DANE authentication UNDECIDED",
}


def transcript(report: Report) -> tuple[str, ...]:
    """The report in lines of at most 80 columns, without line ends; an empty line parts its sections.

    Nothing that came from the network is in it that a terminal would obey.
    """
    return folded(_text(report))


def folded(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts as lines of at most 80 columns, escaped."""
    return tuple(line for text in texts for line in _fold(text))


def _fold(text: str) -> list[str]:
    """Lines of one piece of text, escaped; those after the first stand two columns to the right of it."""
    indent = " " * (len(text) - len(text.lstrip(" ")))
    lines = textwrap.wrap(printable(text), WIDTH, subsequent_indent=indent + "  ", break_on_hyphens=False)
    return lines or [""]


def _text(report: Report) -> Iterator[str]:
    case = report.case
    yield f"{OUTCOMES[report.verdict]}: {case.evidence.endpoint}"
    yield f"In short: {_CONCLUSIONS[report.verdict]}."
    yield ""
    yield from seen(case)
    yield ""
    yield from told(report.findings)


def seen(case: Case) -> Iterator[str]:
    """What was seen of an endpoint: its TLSA records, and what each address presents."""
    yield from _tlsa(case)
    yield _addresses(case)
    for address in case.addresses:
        yield ""
        yield from _address(case, address)


def _tlsa(case: Case) -> Iterator[str]:
    tlsa = case.evidence.tlsa
    records = records_of(tlsa.rrset) if tlsa.rrset is not None else ()
    yield f"TLSA records found: {len(tlsa.rrset.rdatas) if tlsa.rrset is not None else 0}"
    yield f"Asked for: {case.asked(tlsa)}" + (f" (TTL {tlsa.rrset.ttl} s)" if tlsa.rrset is not None else "")
    yield f"DNSSEC: {tlsa.state.value}, {_BY[tlsa.state]}"
    for reason in tlsa.reasons if tlsa.state is not Security.SECURE else ():
        yield f"  {clip(str(reason))}"
    if case.passed_over is not None:
        yield f"Clients do not ask for them: {case.passed_over.value}"
    for record in records[:MOST_RECORDS]:
        yield f"TLSA: {_whole(record)}"
    yield from _more(records, MOST_RECORDS, "TLSA: ")


def _addresses(case: Case) -> str:
    """The DNSSEC state of the host's own names."""
    evidence = case.evidence
    states = ", ".join(f"{type_text(answer.type)} {answer.state.value}" for answer in (evidence.a, evidence.aaaa))
    host, expanded = evidence.endpoint.host, case.expanded
    return f"Addresses: {states}" + (
        f"; an alias of {expanded.to_text(omit_final_dot=True)}" if host != expanded else ""
    )


def _whole(record: TLSARecord) -> str:
    if len(record.data) <= MOST_DATA:
        return record.to_text()
    return f"{record.combination} {record.data[:MOST_DATA].hex()}… ({len(record.data)} octets)"


def _address(case: Case, address: IP) -> Iterator[str]:
    yield f"Connecting to IPv{address.version} address: {address} port {case.evidence.endpoint.port}"
    here = [view for view in case.views if view.address == address]
    for line in here[0].handshake.said[:MOST_SAID] if here else ():
        yield f"  {clip(line)}"
    for view in here:
        yield from _view(case, view)
    if address in case.failures:
        failure = case.failures[address]
        yield f"TLS handshake failed: {_why(failure)}"
    if address in case.unreached:
        yield f"Not reached: {_why(case.unreached[address])}"
    lacking = [p.hello for p in case.evidence.probes if p.address == address and isinstance(p.got, NotOffered)]
    if lacking:
        yield f"Not offered here: {', '.join(dict.fromkeys(map(offer, lacking)))}"


def _why(got: HandshakeFailure | Unreachable) -> str:
    return clip(f"{got.code}: {got.detail}" if got.detail else got.code)


def _view(case: Case, view: View) -> Iterator[str]:
    if view.whom != "clients":
        yield f"To {view.whom}:"
    yield f"{view.handshake.version} handshake succeeded."
    yield f"Cipher: {view.handshake.cipher}"
    yield "Peer certificate chain:"
    described = [describe(der) for der in view.handshake.chain.ders]
    for depth, certificate in enumerate(described[:MOST_CERTIFICATES]):
        if isinstance(certificate, Described):
            yield f"{depth} Subject {clip(certificate.subject)}"
            yield f"  Issuer {clip(certificate.issuer)}"
        else:
            yield f"{depth} {certificate}"
    yield from _more(described, MOST_CERTIFICATES, "")
    if described and isinstance(described[0], Described):
        yield from _leaf(described[0])
    if not case.records:
        return
    matched = [outcome for outcome in view.match.records if outcome.matched]
    for outcome in matched[:MOST_RECORDS]:
        kind = "EE" if outcome.depth == 0 else "CA"
        yield f"Matched TLSA record: '{outcome.record.brief()}', {kind} certificate at depth {outcome.depth}"
    yield from _more(matched, MOST_RECORDS, "Matched TLSA record: ")
    if not matched:
        yield "No TLSA record matched."


def _more(listed: Sequence[object], most: int, before: str) -> Iterator[str]:
    """What stands for the rest of a long list: its length is somebody else's choice."""
    if len(listed) > most:
        yield f"{before}… and {len(listed) - most} more"


def _leaf(leaf: Described) -> Iterator[str]:
    for name in leaf.names[:MOST_NAMES]:
        yield f"SAN dNSName: {clip(name)}"
    yield from _more(leaf.names, MOST_NAMES, "SAN dNSName: ")
    yield f"Valid: {leaf.first:%Y-%m-%d %H:%M:%S} to {leaf.last:%Y-%m-%d %H:%M:%S} UTC"


def told(findings: Iterable[Finding], about: str = "Findings") -> Iterator[str]:
    """Findings with their remedies: what is alike at several addresses once, each remedy after the last that has it."""
    groups: dict[tuple[str, str, str, tuple[str, ...]], list[Finding]] = {}
    for finding in findings:
        alike = (finding.code, finding.subject, finding.sentence, finding.details)
        groups.setdefault(alike, []).append(finding)
    yield f"{about}: {len(groups) or 'none'}"
    codes = Counter(group[0].code for group in groups.values())
    told_of: Counter[str] = Counter()
    for group in groups.values():
        finding = group[0]
        told_of[finding.code] += 1
        if told_of[finding.code] <= MOST_ALIKE:
            yield from _finding(group)
        if told_of[finding.code] == codes[finding.code]:
            if codes[finding.code] > MOST_ALIKE:
                yield f"{finding.level.name} {finding.code}: … and {codes[finding.code] - MOST_ALIKE} more"
            yield f"  remedy: {finding.remedy}"


def _finding(group: Sequence[Finding]) -> Iterator[str]:
    """One finding, which may have been made at several addresses."""
    finding = group[0]
    where = ", ".join(str(each.address) for each in group if each.address is not None)
    yield f"{finding.level.name} {finding.code}{f' at {where}' if where else ''} ({finding.citation})"
    yield f"  {clip(finding.subject)}: {clip(finding.sentence)}"
    for detail in finding.details[:MOST_DETAILS]:
        yield f"    {clip(detail)}"
    yield from _more(finding.details, MOST_DETAILS, "    ")
