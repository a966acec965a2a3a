"""An answer that DNSSEC says is false: no client may use it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for answer in case.answers:
        if answer.state is Security.BOGUS:
            yield Said(
                case.asked(answer),
                f"the answer for {case.asked(answer)} fails DNSSEC validation, and no client may use it",
                details=tuple(map(str, answer.reasons)),
            )


RULE: Final = Rule(
    id="ANSWER_BOGUS",
    level=Level.ERROR,
    citation="RFC 6698 §4.1",
    remedy="sign the zone with keys that the DS at its parent names, and serve that version from every name server",
    applies=lambda case: True,
    look=_look,
)
