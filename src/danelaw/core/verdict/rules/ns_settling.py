"""Name servers with an older version of the TLSA records, which does no harm: a change on its way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said
from danelaw.core.verdict.rolls import deviations


def _look(case: Case) -> Iterable[Said]:
    for deviation in deviations(case):
        if deviation.settling:
            yield Said(
                case.asked(deviation.asked),
                f"{deviation.version.server} has older records still, which do no harm: a change is on its way",
            )


RULE: Final = Rule(
    id="NS_SETTLING",
    level=Level.INFO,
    citation="RFC 7671 §8.1",
    remedy="none: wait until every name server has the new version, and then for what caches hold",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
