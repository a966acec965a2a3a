"""A presented chain that no record matches: a client that honours DANE aborts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import Verdict
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    """Where it is one key algorithm's chain beside a good one, ALGORITHM_UNCOVERED says it."""
    good = {view.address for view in case.views if view.match.verdict is Verdict.MATCHED}
    for view in case.views:
        if view.match.verdict is Verdict.MISMATCH and not case.beside_a_good_one(view):
            changing = (
                "; another connection to it met what matches, so the servers behind this address differ"
                if view.algorithms and view.address in good
                else ""
            )
            yield Said(
                str(case.evidence.endpoint),
                f"no TLSA record matches what the server presents to {view.whom}: clients that honour DANE "
                f"do not connect{changing}",
                view.address,
                tuple(str(outcome.reason) for outcome in view.match.records if outcome.reason is not None),
            )


RULE: Final = Rule(
    id="TLSA_MISMATCH",
    level=Level.ERROR,
    citation="RFC 6698 §4.1",
    remedy="serve a certificate that a record names, in time and with the name where its usage asks for that; publish "
    "a new record before its certificate is switched to",
    applies=lambda case: bool(case.usable and case.views),
    look=_look,
)
