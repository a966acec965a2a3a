"""Name servers that could not be asked one by one: how they agree is not known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.authorities import answers_to, anyone_answered
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    """It is as likely the fault of the place from where they were asked."""
    sweep = case.evidence.sweep
    if sweep is None:
        return
    for zone, why in sweep.unknown:
        yield Said(zone.to_text(), "not all name servers of this zone could be found from here", details=(why,))
    if answers_to(sweep) and not anyone_answered(sweep):
        for zone in sweep.zones():
            yield Said(zone.to_text(), "none of the zone's name servers could be asked from here")


RULE: Final = Rule(
    id="SERVERS_UNKNOWN",
    level=Level.INFO,
    citation="RFC 1034 §4.2.2",
    remedy="check from where name servers can be asked directly, on port 53; see that each has an address",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
