"""MX or SRV records that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    if case.unreadable:
        yield Said(case.subject, f"{case.unreadable} of the records that should name a server cannot be read")


RULE: Final = TargetRule(
    id="SERVERS_UNREADABLE",
    level=Level.ERROR,
    citation="RFC 1035 §3.3.9",
    remedy="write the records again: a preference and a host name; in SRV records also weight and port",
    applies=lambda case: case.found,
    look=_look,
)
