"""A name server with an older version of the zone than others have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.authorities import answers_to, newest_of, serials_of, server_of
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    sweep = case.evidence.sweep
    if sweep is None:
        return
    for zone in sweep.zones():
        serials = serials_of(sweep, zone)
        newest = newest_of(serials.values())
        for said in answers_to(sweep, zone):
            if said.serial is not None and newest is not None and said.serial != newest:
                yield Said(
                    zone.to_text(),
                    f"{server_of(said)} serves the zone's version {said.serial}, and others {newest} already",
                )


RULE: Final = Rule(
    id="NS_LAGGING",
    level=Level.WARNING,
    citation="RFC 1034 §4.3.5",
    remedy="see that the server hears of changes (NOTIFY) and may transfer the zone",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
