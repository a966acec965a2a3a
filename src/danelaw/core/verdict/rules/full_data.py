"""A whole certificate in DNS: the answer is too long for UDP, and has to be replaced at each renewal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import MatchingType, Selector
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for record in case.usable:
        if (record.combination.selector, record.combination.mtype) == (Selector.CERT, MatchingType.FULL):
            yield Said(
                f"TLSA {record.brief()}",
                f"the record holds a whole certificate, {len(record.data)} octets; such answers do not reach everybody",
            )


RULE: Final = Rule(
    id="FULL_DATA",
    level=Level.WARNING,
    citation="RFC 7671 §10.1.2",
    remedy="publish a digest, matching type 1",
    applies=lambda case: bool(case.usable),
    look=_look,
)
