"""A zone whose name servers could not all be found, so that they could not be asked one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for zone, why in case.evidence.sweep.unknown if case.evidence.sweep is not None else ():
        yield Said(zone.to_text(), "not all name servers of this zone could be found", details=(why,))


RULE: Final = Rule(
    id="SERVERS_UNKNOWN",
    level=Level.WARNING,
    citation="RFC 1034 §4.2.2",
    remedy="see that every name server in the zone's NS records has an address, at the parent too",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
