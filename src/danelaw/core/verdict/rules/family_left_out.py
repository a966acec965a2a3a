"""Addresses of a family that was not to be looked at: what they present is not known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    others = case.evidence.other_family
    if others:
        many = "one address was" if len(others) == 1 else f"{len(others)} addresses were"
        yield Said(str(case.evidence.endpoint), f"{many} not connected to, being IPv{others[0].version}")


RULE: Final = Rule(
    id="FAMILY_LEFT_OUT",
    level=Level.INFO,
    citation="RFC 7671 §10.3",
    remedy="check again from where both families are to be had, without -4 and -6",
    applies=lambda case: True,
    look=_look,
)
