"""A record that matches nothing beside one that does: a roll in progress, or what one left behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    """Only beside a match of the same combination: else the combination is what has to be spoken of."""
    matched = {outcome.record for view in case.views for outcome in view.outcomes if outcome.matched}
    for record in case.usable:
        beside = any(other.combination == record.combination for other in matched)
        if record not in matched and beside:
            yield Said(
                f"TLSA {record.brief()}",
                "this record matches nothing that is presented; clients do not mind, since another record matches",
            )


RULE: Final = Rule(
    id="STALE_RECORD",
    level=Level.INFO,
    citation="RFC 7671 §8.1",
    remedy="none while a new key is on its way; otherwise withdraw the record",
    applies=lambda case: bool(case.usable and case.views) and not (case.failures or case.unreached),
    look=_look,
)
