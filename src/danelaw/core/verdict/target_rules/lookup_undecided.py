"""An answer about servers that did not come, or could not be judged: clients try again later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    lookup = case.lookup
    if lookup is not None and lookup.state is Security.INDETERMINATE:
        yield Said(
            Case.asked(lookup),
            f"whether {Case.asked(lookup)} is there, and signed, could not be learnt",
            details=tuple(map(str, lookup.reasons)),
        )


RULE: Final = TargetRule(
    id="LOOKUP_UNDECIDED",
    level=Level.WARNING,
    citation="RFC 7672 §2.1.2",
    remedy="see that the resolver answers and passes DNSSEC records on, then check again",
    applies=lambda case: case.lookup is not None,
    look=_look,
)
