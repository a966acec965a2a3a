"""Records that match nothing, and more of them than one roll needs: what earlier rolls left behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said
from danelaw.core.verdict.rolls import stale_records


def _look(case: Case) -> Iterable[Said]:
    for record in stale_records(case):
        yield Said(
            f"TLSA {record.brief()}",
            "this record matches nothing that is presented, and is more than one roll needs; clients do not mind, "
            "since another record matches",
        )


RULE: Final = Rule(
    id="STALE_RECORD",
    level=Level.INFO,
    citation="RFC 7671 §8.1",
    remedy="withdraw those that no key in use or in reserve needs",
    applies=lambda case: bool(case.usable and case.views) and not (case.failures or case.unreached),
    look=_look,
)
