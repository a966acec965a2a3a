"""From evidence to a report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from danelaw.core.model import Evidence, Instant, Security, TargetEvidence
from danelaw.core.tlsa import Reference
from danelaw.core.tlsa import Verdict as Matched
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.identity import reference_of
from danelaw.core.verdict.report import Finding, Report, Verdict
from danelaw.core.verdict.rolls import deviations
from danelaw.core.verdict.rules import RULES
from danelaw.core.verdict.target import TargetCase, TargetReport, sum_up
from danelaw.core.verdict.target_rules import TARGET_RULES

_RANK: Final = {rule.id: rank for rank, rule in enumerate((*TARGET_RULES, *RULES))}


def judge(
    evidence: Evidence, reference: Reference, notice: timedelta | None = None, as_of: Instant | None = None
) -> Report:
    """Apply every rule. ``reference``: what the endpoint's clients know; ``notice``: see ``Case``.

    The same evidence gives the same report, however old it is: time comes from the evidence, or is ``as_of``, when one
    wants to know whether the certificates will do then.
    """
    case = Case.of(evidence, reference, notice, as_of)
    findings = [finding for rule in RULES for finding in rule.findings(case)]
    return Report(case, _verdict(case), _ranked(findings))


def judge_target(
    evidence: TargetEvidence,
    roots: tuple[bytes, ...],
    notice: timedelta | None = None,
    as_of: Instant | None = None,
) -> TargetReport:
    """Judge every endpoint of a target, and the target. ``roots``: what clients that do PKIX trust, in DER."""
    reports = tuple(
        judge(endpoint, reference_of(endpoint, roots, evidence.lookup), notice, as_of)
        for endpoint in evidence.endpoints
    )
    case = TargetCase(evidence, reports)
    own = [finding for rule in TARGET_RULES for finding in rule.findings(case)]
    findings = [*own, *(finding for report in reports for finding in report.findings)]
    return TargetReport(case, _ranked(findings), sum_up(case))


def _ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The weightiest first, and of one weight in the order of the rules."""
    return tuple(sorted(findings, key=lambda finding: (finding.level, _RANK[finding.code])))


def _verdict(case: Case) -> Verdict:
    """DNS first, since a client asks it first; then what is known to be wrong goes before what is not known.

    A handshake that fails is a chain that matches nothing: TLSA records promise TLS (RFC 7671 §10.3). So is one
    that does not match what some authoritative server gives out: who asks that one is refused. Mail servers insist on
    TLS even where no record can be used (RFC 7672 §2.2). An answer that clients do not ask for counts for nothing,
    whatever becomes of it (RFC 7672 §2.2.2, RFC 7673 §3.2).
    """
    tlsa, addresses = case.evidence.tlsa, (case.evidence.a, case.evidence.aaaa)
    if any(answer.state is Security.BOGUS for answer in case.answers):
        return Verdict.BOGUS
    if case.passed_over is not None:
        return Verdict.INSECURE
    if tlsa.state is Security.INDETERMINATE:
        return Verdict.UNDECIDED
    if tlsa.state is Security.INSECURE:
        return Verdict.INSECURE
    if not case.usable:
        tls_insisted_on = case.reference.opportunistic and bool(case.records)
        return Verdict.MISMATCH if tls_insisted_on and case.failures else Verdict.NONE
    if case.failures or any(view.match.verdict is not Matched.MATCHED for view in case.views):
        return Verdict.MISMATCH
    if any(deviation.harm for deviation in deviations(case)):
        return Verdict.MISMATCH
    if case.unreached or case.evidence.left_out or not case.views:
        return Verdict.UNDECIDED
    if any(answer.state is Security.INDETERMINATE for answer in addresses):
        return Verdict.UNDECIDED
    return Verdict.VALID
