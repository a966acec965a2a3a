"""An answer that could not be had, or not be judged: a failure to a client, and never the same as no record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for answer in case.answers:
        if answer.state is Security.INDETERMINATE:
            yield Said(
                case.asked(answer),
                f"whether {case.asked(answer)} is there, and signed, could not be learnt",
                details=tuple(map(str, answer.reasons)),
            )


RULE: Final = Rule(
    id="ANSWER_UNDECIDED",
    level=Level.WARNING,
    citation="RFC 4035 §4.3",
    remedy="see that the resolver answers and passes DNSSEC records on, then check again",
    applies=lambda case: True,
    look=_look,
)
