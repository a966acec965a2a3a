"""More servers than were looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    if case.evidence.left_out:
        yield Said(case.subject, f"{case.evidence.left_out} of the servers that are named were not looked at")


RULE: Final = TargetRule(
    id="SERVERS_LEFT_OUT",
    level=Level.WARNING,
    citation="RFC 7672 §2.2.1",
    remedy="name fewer servers; what clients meet at the others is not known here",
    applies=lambda case: True,
    look=_look,
)
