"""Two records that say the same: one of them only makes the answer longer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import MatchingType
from danelaw.core.tlsa.associate import project
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    whole = {
        (combination.usage, combination.selector, mtype, project(mtype, record.data)): record
        for record in case.usable
        for combination in (record.combination,)
        for mtype in (MatchingType.SHA2_256, MatchingType.SHA2_512)
        if combination.mtype == MatchingType.FULL
    }
    for record in case.usable:
        combination = record.combination
        other = whole.get((combination.usage, combination.selector, MatchingType(combination.mtype), record.data))
        if other is not None:
            yield Said(f"TLSA {record.brief()}", f"this record is the digest of another, {other.brief()}")


RULE: Final = Rule(
    id="DUPLICATE_RECORD",
    level=Level.INFO,
    citation="RFC 7671 §10.1.1",
    remedy="withdraw the one with the full data, and keep the digest",
    applies=lambda case: bool(case.usable),
    look=_look,
)
