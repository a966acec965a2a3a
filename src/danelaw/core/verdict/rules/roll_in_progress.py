"""Beside each record that matches stands one that does not: the records of a roll, before it or after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said
from danelaw.core.verdict.rolls import rolling_records


def _look(case: Case) -> Iterable[Said]:
    rolling = rolling_records(case)
    if rolling:
        yield Said(
            case.asked(case.evidence.tlsa),
            "records for another key or certificate stand beside those that match, as they should in a roll; clients "
            "do not mind",
            details=tuple(f"not presented now: TLSA {record.brief()}" for record in rolling),
        )


RULE: Final = Rule(
    id="ROLL_IN_PROGRESS",
    level=Level.INFO,
    citation="RFC 7671 §8.1",
    remedy="none while a new key is on its way; once it is served and caches are over, withdraw the old record",
    applies=lambda case: bool(case.usable and case.views) and not (case.failures or case.unreached),
    look=_look,
)
