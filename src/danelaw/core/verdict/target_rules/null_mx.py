"""A domain that says that it takes no mail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    if case.nobody:
        yield Said(case.subject, "the domain says that it takes no mail: its one MX record names the root (null MX)")


RULE: Final = TargetRule(
    id="NULL_MX",
    level=Level.INFO,
    citation="RFC 7505 §3",
    remedy="none, if the domain is to take no mail",
    applies=lambda case: case.by_mx and case.found,
    look=_look,
)
