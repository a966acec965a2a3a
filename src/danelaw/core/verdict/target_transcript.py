"""A report on a target as people read it: what becomes of a client, then how that was seen, server by server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.printable import clip, printable, shown
from danelaw.core.verdict.report import Report, Verdict
from danelaw.core.verdict.target import TargetReport
from danelaw.core.verdict.transcript import OUTCOMES, folded, seen, told

MOST_SERVERS: Final = 30

_HEADLINES: Final = {
    Verdict.VALID: "a DANE client connects to {}",
    Verdict.MISMATCH: "a DANE client does not connect to {}",
    Verdict.BOGUS: "a DANE client does not connect to {}, for DNSSEC validation fails",
    Verdict.INSECURE: "a DANE client connects to {} as any other does, for not all is signed",
    Verdict.NONE: "a DANE client finds no TLSA record for {} that it can use",
    Verdict.UNDECIDED: "whether a DANE client connects to {} was not learnt",
}
_WORDS: Final = {
    Verdict.VALID: "connects",
    Verdict.MISMATCH: "refused",
    Verdict.BOGUS: "bogus",
    Verdict.INSECURE: "without DANE",
    Verdict.NONE: "without DANE",
    Verdict.UNDECIDED: "undecided",
}


def target_transcript(report: TargetReport) -> tuple[str, ...]:
    """The report in lines of at most 80 columns, without line ends; an empty line parts its sections.

    The first line says whether a DANE client would connect. Nothing that came from the network is in it that a terminal
    would obey.
    """
    return folded(_text(report))


def headline(report: TargetReport) -> str:
    """Whether a DANE client would connect, in one sentence; not yet escaped."""
    if report.case.nobody and report.verdict is Verdict.NONE:
        return f"No service: {report.case.subject} is said not to exist, by its own records"
    alike = [endpoint for endpoint in report.reports if endpoint.verdict is report.verdict]
    some = 0 < len(alike) < len(report.reports)
    where = f"{len(alike)} of the {len(report.reports)} servers of " if some else ""
    return f"{OUTCOMES[report.verdict]}: {_HEADLINES[report.verdict].format(where + report.case.subject)}"


def _text(report: TargetReport) -> Iterator[str]:
    yield headline(report)
    name = report.evidence.target.name
    if shown(name) != printable(name.to_text()):
        yield f"The name: {shown(name)}"
    if report.case.lookup is not None:
        yield ""
        yield from _lookup(report)
    if len(report.reports) == 1:
        yield ""
        yield from _endpoint(report.reports[0], alone=report.case.lookup is None)
        yield ""
        yield from told(report.findings)
        return
    yield ""
    yield from told(report.own, "Findings about the whole")
    before: set[tuple[str, str, str]] = set()
    for endpoint in report.reports:
        yield ""
        yield from _endpoint(endpoint, alone=False)
        yield ""
        yield from _told_once(endpoint, before)


def _told_once(report: Report, before: set[tuple[str, str, str]]) -> Iterator[str]:
    """The findings about one server, and of those that another server had already, such as of its zone, the codes."""
    alike = {(finding.code, finding.subject, finding.sentence) for finding in report.findings}
    yield from told(f for f in report.findings if (f.code, f.subject, f.sentence) not in before)
    again = dict.fromkeys(f.code for f in report.findings if (f.code, f.subject, f.sentence) in before)
    if again:
        yield f"And as above: {', '.join(again)}"
    before |= alike


def _lookup(report: TargetReport) -> Iterator[str]:
    """The question for servers, its state, and a table of who was named and what becomes of a client there."""
    lookup = report.case.lookup
    if lookup is None:
        return
    servers = report.case.servers
    ttl = f" (TTL {lookup.rrset.ttl} s)" if lookup.rrset is not None else ""
    yield f"Servers found: {len(servers)}"
    yield f"Asked for: {Case.asked(lookup)}{ttl}"
    yield f"DNSSEC: {lookup.state.value}"
    for reason in lookup.reasons if lookup.state is not Security.SECURE else ():
        yield f"  {clip(str(reason))}"
    verdicts = {(r.evidence.endpoint.host, r.evidence.endpoint.port): r.verdict for r in report.reports}
    port = report.evidence.target.application.port
    for server in servers[:MOST_SERVERS]:
        verdict = verdicts.get((server.host, server.port or port))
        word = _WORDS[verdict] if verdict is not None else "no server" if server.nobody else "not looked at"
        name = server.host.to_text(omit_final_dot=True)
        yield f"  {word:<13} {server.preference:>5}  {name}" + (f":{server.port}" if server.port else "")
    if len(servers) > MOST_SERVERS:
        yield f"  … and {len(servers) - MOST_SERVERS} more"
    if report.evidence.left_out:
        yield f"  and {report.evidence.left_out} more, which were not looked at"


def _endpoint(report: Report, *, alone: bool) -> Iterator[str]:
    if not alone:
        yield f"{OUTCOMES[report.verdict]}: {report.evidence.endpoint}"
    yield from seen(report.case)
