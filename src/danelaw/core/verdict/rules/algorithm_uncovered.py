"""A key algorithm whose chain no record matches: clients that prefer it are refused, others notice nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import Verdict
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for view in case.views:
        if view.match.verdict is Verdict.MISMATCH and case.beside_a_good_one(view):
            names = " and ".join(algorithm.value.upper() for algorithm in view.algorithms)
            yield Said(
                str(case.evidence.endpoint),
                f"no TLSA record matches the server's {names} certificate, though one matches its other certificate: "
                f"{view.whom} do not connect",
                view.address,
                tuple(str(outcome.reason) for outcome in view.match.records if outcome.reason is not None),
            )


RULE: Final = Rule(
    id="ALGORITHM_UNCOVERED",
    level=Level.ERROR,
    citation="RFC 7671 §8",
    remedy="publish a record for the key of this algorithm too, before it is served",
    applies=lambda case: bool(case.usable and case.views),
    look=_look,
)
