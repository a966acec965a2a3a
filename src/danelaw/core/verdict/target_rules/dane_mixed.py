"""Servers with DANE beside servers without: clients may come to either, and an attacker chooses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import WITHOUT_DANE, TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    without = [report for report in case.reports if report.verdict in WITHOUT_DANE]
    if without and len(without) < len(case.reports):
        yield Said(
            case.subject,
            f"{len(without)} of {len(case.reports)} servers have no DANE: who can block the others leads clients there",
            details=tuple(str(report.evidence.endpoint) for report in without),
        )


RULE: Final = TargetRule(
    id="DANE_MIXED",
    level=Level.WARNING,
    citation="RFC 7672 §2.2.1",
    remedy="publish TLSA records for every server, or take those without out of the records that name them",
    applies=lambda case: len(case.reports) > 1,
    look=_look,
)
