"""A combination of parameters without a record that matches: clients that support only it are refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    """Where some record matches; where none does, that is said already."""
    for view in case.views:
        matched = {outcome.record.combination for outcome in view.outcomes if outcome.matched}
        for combination in sorted({record.combination for record in case.usable} - matched) if matched else ():
            yield Said(
                f"TLSA {combination}",
                f"no {combination} record matches what the server presents to {view.whom}, though another "
                "record does: clients that support only this combination do not connect",
                view.address,
                tuple(
                    str(outcome.reason)
                    for outcome in view.outcomes
                    if outcome.record.combination == combination and outcome.reason is not None
                ),
            )


RULE: Final = Rule(
    id="COMBINATION_UNMATCHED",
    level=Level.ERROR,
    citation="RFC 7671 §8",
    remedy="publish a record of this combination for the present certificate, or withdraw the combination",
    applies=lambda case: bool(case.usable and case.views),
    look=_look,
)
