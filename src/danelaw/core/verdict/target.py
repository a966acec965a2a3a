"""A target as a whole: its look-up, and the reports on its endpoints, summed up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from danelaw.core.model import Lookup, Named, Security, TargetEvidence, Validated, named
from danelaw.core.verdict.report import Finding, Level, Report, Said, Statement, Verdict

WORST_FIRST: Final = (
    Verdict.BOGUS,
    Verdict.MISMATCH,
    Verdict.UNDECIDED,
    Verdict.INSECURE,
    Verdict.NONE,
    Verdict.VALID,
)
"""Which of several verdicts stands for all."""

WITHOUT_DANE: Final = frozenset({Verdict.INSECURE, Verdict.NONE})
"""What is wrong only with a target that is meant to have DANE."""

GOOD, WRONG, UNDECIDED = 0, 1, 3


@dataclass(frozen=True, slots=True)
class TargetCase:
    """What the rules about a target look at. ``reports``: one for each of the evidence's endpoints, in its order."""

    evidence: TargetEvidence
    reports: tuple[Report, ...]

    @property
    def lookup(self) -> Validated | None:
        return self.evidence.lookup

    @property
    def servers(self) -> tuple[Named, ...]:
        """The servers that MX or SRV records name, preferred first; none where the records cannot be believed."""
        return self._named[0] if self.found else ()

    @property
    def unreadable(self) -> int:
        """How many MX or SRV records cannot be read."""
        return self._named[1] if self.found else 0

    @property
    def _named(self) -> tuple[tuple[Named, ...], int]:
        rrset = self.lookup.rrset if self.lookup is not None else None
        return named(rrset) if rrset is not None else ((), 0)

    @property
    def found(self) -> bool:
        """Whether MX or SRV records were found that clients may use, signed or not."""
        return self.known and self.lookup is not None and self.lookup.rrset is not None

    @property
    def known(self) -> bool:
        """Whether clients go on with what the look-up says, be it that there is no record."""
        return self.lookup is not None and self.lookup.state in (Security.SECURE, Security.INSECURE)

    @property
    def nobody(self) -> bool:
        """Whether the records say that there is no such service: a null MX (RFC 7505 §3), or SRV of the root."""
        return bool(self.servers) and all(server.nobody for server in self.servers)

    @property
    def by_mx(self) -> bool:
        return self.evidence.target.searched and self.evidence.target.application.lookup is Lookup.MX

    @property
    def by_srv(self) -> bool:
        return self.evidence.target.searched and self.evidence.target.application.lookup is Lookup.SRV

    @property
    def subject(self) -> str:
        return str(self.evidence.target)

    @property
    def name(self) -> str:
        return self.evidence.target.name.to_text(omit_final_dot=True)


@dataclass(frozen=True, slots=True)
class TargetRule(Statement):
    """One thing to look for in a target as a whole."""

    applies: Callable[[TargetCase], bool]
    look: Callable[[TargetCase], Iterable[Said]]

    def findings(self, case: TargetCase) -> tuple[Finding, ...]:
        return tuple(map(self.finding, self.look(case))) if self.applies(case) else ()


@dataclass(frozen=True, slots=True)
class TargetReport:
    """``reports``: of each endpoint. ``findings``: all of them, and those about the target itself, which name no
    endpoint, in the order of their weight."""

    case: TargetCase
    findings: tuple[Finding, ...]
    verdict: Verdict

    @property
    def evidence(self) -> TargetEvidence:
        return self.case.evidence

    @property
    def reports(self) -> tuple[Report, ...]:
        return self.case.reports

    @property
    def own(self) -> tuple[Finding, ...]:
        """The findings about the target as a whole."""
        return tuple(finding for finding in self.findings if finding.endpoint is None)

    @property
    def erroneous(self) -> bool:
        return any(finding.level is Level.ERROR for finding in self.findings)

    @property
    def good(self) -> bool:
        """Whether every DANE client connects, to every server, and nothing is wrong that would refuse one that
        supports less; or whether there is no such service, and the records say so."""
        meant = self.case.nobody and self.verdict is Verdict.NONE
        return (self.verdict is Verdict.VALID or meant) and not self.erroneous


def sum_up(case: TargetCase) -> Verdict:
    """The worst of the look-up and of the endpoints: one server that refuses is enough for mail to be late. Of servers
    that were not looked at nothing is known."""
    verdicts = [report.verdict for report in case.reports]
    if case.lookup is not None:
        verdicts.append(_of_lookup(case.lookup))
    if case.evidence.left_out:
        verdicts.append(Verdict.UNDECIDED)
    if not case.reports:
        verdicts.append(Verdict.NONE if case.nobody else Verdict.UNDECIDED)
    return worst(verdicts)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that stands for all; of none, it is undecided."""
    return min(verdicts, key=WORST_FIRST.index, default=Verdict.UNDECIDED)


def _of_lookup(lookup: Validated) -> Verdict:
    match lookup.state:
        case Security.BOGUS:
            return Verdict.BOGUS
        case Security.INDETERMINATE:
            return Verdict.UNDECIDED
        case Security.INSECURE if lookup.rrset is not None and not _nobody(lookup):
            return Verdict.INSECURE
        case _:
            return Verdict.VALID


def _nobody(lookup: Validated) -> bool:
    return lookup.rrset is not None and all(server.nobody for server in named(lookup.rrset)[0])


def exit_status(reports: Iterable[TargetReport], opportunistic: bool) -> int:
    """0: all is good. 1: something is wrong with a target; that it has no DANE is, unless ``opportunistic``.
    3: nothing is known to be wrong, and not all was learnt."""
    statuses = [_status(report, opportunistic) for report in reports]
    return next((status for status in (WRONG, UNDECIDED) if status in statuses), GOOD)


def _status(report: TargetReport, opportunistic: bool) -> int:
    if report.good:
        return GOOD
    if opportunistic and report.verdict in WITHOUT_DANE:
        errors = {finding.code for finding in report.findings if finding.level is Level.ERROR}
        return WRONG if errors - ABSENT else GOOD
    if report.verdict is Verdict.UNDECIDED and not report.erroneous:
        return UNDECIDED
    return WRONG


ABSENT: Final = frozenset({"NO_TLSA", "ZONE_INSECURE", "ADDRESSES_INSECURE", "MX_INSECURE", "SRV_INSECURE"})
"""Errors that say no more than that a target has no DANE, or not for all."""
