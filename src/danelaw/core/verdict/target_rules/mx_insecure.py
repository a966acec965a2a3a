"""MX records without DNSSEC: who forges them leads mail wherever he wants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    lookup = case.lookup
    if lookup is None or lookup.state is not Security.INSECURE:
        return
    dane = [report for report in case.reports if report.case.usable]
    some = f"; some clients use the TLSA records of {len(dane)} of the servers all the same" if dane else ""
    yield Said(
        Case.asked(lookup),
        f"the MX records are not signed, so nobody knows that mail for {case.name} goes to the right servers{some}",
        details=tuple(map(str, lookup.reasons)),
    )


RULE: Final = TargetRule(
    id="MX_INSECURE",
    level=Level.ERROR,
    citation="RFC 7672 §2.2.1",
    remedy="sign the domain's zone and have its DS records put into the parent zone",
    applies=lambda case: case.by_mx and case.found and not case.nobody,
    look=_look,
)
