"""An answer about servers that DNSSEC says is false: clients go to none of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    lookup = case.lookup
    if lookup is not None and lookup.state is Security.BOGUS:
        yield Said(
            Case.asked(lookup),
            f"the answer for {Case.asked(lookup)} fails DNSSEC validation, so clients connect to no server",
            details=tuple(map(str, lookup.reasons)),
        )


RULE: Final = TargetRule(
    id="LOOKUP_BOGUS",
    level=Level.ERROR,
    citation="RFC 7672 §2.1.2",
    remedy="sign the zone with keys that the DS at its parent names, and serve that version from every name server",
    applies=lambda case: case.lookup is not None,
    look=_look,
)
