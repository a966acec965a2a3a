"""Matching type 2 without matching type 1: clients need not know SHA-512."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import Combination, MatchingType
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_MANDATORY: Final = (MatchingType.FULL, MatchingType.SHA2_256)


def _look(case: Case) -> Iterable[Said]:
    present = {record.combination for record in case.usable}
    for combination in sorted(present):
        known = (Combination(combination.usage, combination.selector, mtype) for mtype in _MANDATORY)
        if combination.mtype == MatchingType.SHA2_512 and not present.intersection(known):
            yield Said(
                f"TLSA {combination}",
                "clients must know SHA-256 and need not know SHA-512: to one that does not, this record is unusable",
            )


RULE: Final = Rule(
    id="DIGEST_OPTIONAL",
    level=Level.WARNING,
    citation="RFC 6698 §6",
    remedy="publish the same with matching type 1 beside it, or instead of it",
    applies=lambda case: bool(case.usable),
    look=_look,
)
