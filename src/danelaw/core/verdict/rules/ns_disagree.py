"""Name servers that do not serve the same TLSA records: what a client gets is a matter of luck."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Absence
from danelaw.core.tlsa import records_of
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said
from danelaw.core.verdict.rolls import deviations


def _look(case: Case) -> Iterable[Said]:
    for deviation in deviations(case):
        if not deviation.settling:
            version = deviation.version
            absent = isinstance(version.answer, Absence)
            what = "denies the records that others serve" if absent else "serves other records than the rest"
            harm = ": clients that get them do not connect" if deviation.harm else ""
            yield Said(
                case.asked(deviation.asked),
                f"{version.server} {what}{harm}",
                details=tuple(f"TLSA {record.brief()}" for record in records_of(version.answer)),
            )


RULE: Final = Rule(
    id="NS_DISAGREE",
    level=Level.ERROR,
    citation="RFC 1034 §4.3.5",
    remedy="see that every name server serves the newest version of the zone",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
