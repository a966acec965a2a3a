"""SRV records that name the root: the domain says that it has no such service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    if case.nobody:
        yield Said(case.subject, "the domain says that it has no such service: its SRV record names the root")


RULE: Final = TargetRule(
    id="SRV_NO_SERVICE",
    level=Level.INFO,
    citation="RFC 6186 §3.4",
    remedy="none, if the domain is not to have this service",
    applies=lambda case: case.by_srv and case.found,
    look=_look,
)
