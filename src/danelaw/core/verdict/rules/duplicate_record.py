"""Two records that say the same: one of them only makes the answer longer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import MatchingType
from danelaw.core.tlsa.associate import project
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for record in case.usable:
        if record.combination.mtype == MatchingType.FULL:
            for other in case.usable:
                alike = (other.combination.usage, other.combination.selector) == (
                    record.combination.usage,
                    record.combination.selector,
                )
                if other is not record and alike and project(other.combination.mtype, record.data) == other.data:
                    yield Said(f"TLSA {other.brief()}", f"this record is the digest of another, {record.brief()}")


RULE: Final = Rule(
    id="DUPLICATE_RECORD",
    level=Level.INFO,
    citation="RFC 7671 §10.1.1",
    remedy="withdraw the one with the full data, and keep the digest",
    applies=lambda case: bool(case.usable),
    look=_look,
)
