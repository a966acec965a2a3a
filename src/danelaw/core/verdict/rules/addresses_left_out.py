"""More addresses than were connected to: what they present is not known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    left_out = case.evidence.left_out
    if left_out:
        yield Said(str(case.evidence.endpoint), f"{len(left_out)} more addresses were not connected to")


RULE: Final = Rule(
    id="ADDRESSES_LEFT_OUT",
    level=Level.WARNING,
    citation="RFC 7671 §10.3",
    remedy="publish fewer addresses, or check the others by themselves",
    applies=lambda case: True,
    look=_look,
)
