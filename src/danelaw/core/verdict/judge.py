"""From evidence to a report."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from danelaw.core.model import Evidence, Security
from danelaw.core.tlsa import Reference
from danelaw.core.tlsa import Verdict as Matched
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Report, Verdict
from danelaw.core.verdict.rules import RULES

EXPIRY_NOTICE: Final = timedelta(days=14)


def judge(evidence: Evidence, reference: Reference, notice: timedelta = EXPIRY_NOTICE) -> Report:
    """Apply every rule. ``reference``: what the endpoint's clients know; ``notice``: see ``Case``.

    The same evidence gives the same report, however old it is: time comes from the evidence.
    """
    case = Case.of(evidence, reference, notice)
    findings = [finding for rule in RULES for finding in rule.findings(case)]
    return Report(case, _verdict(case), tuple(sorted(findings, key=lambda finding: finding.level)))


def _verdict(case: Case) -> Verdict:
    """DNS first, since a client asks it first; then what is known to be wrong goes before what is not known.

    A handshake that fails is a chain that matches nothing: TLSA records promise TLS (RFC 7671 §10.3).
    """
    tlsa, addresses = case.evidence.tlsa, (case.evidence.a, case.evidence.aaaa)
    if any(answer.state is Security.BOGUS for answer in (tlsa, *addresses)):
        return Verdict.BOGUS
    if tlsa.state is Security.INDETERMINATE:
        return Verdict.UNDECIDED
    if tlsa.state is Security.INSECURE:
        return Verdict.INSECURE
    if not case.usable:
        return Verdict.NONE
    if case.failures or any(view.match.verdict is not Matched.MATCHED for view in case.views):
        return Verdict.MISMATCH
    if case.unreached or not case.views or any(answer.state is Security.INDETERMINATE for answer in addresses):
        return Verdict.UNDECIDED
    return Verdict.VALID
