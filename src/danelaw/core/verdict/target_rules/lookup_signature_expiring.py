"""The signature on MX or SRV records is near its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model.length import in_words
from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.signatures import in_answer, is_late
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    lookup = case.lookup
    for one in in_answer(lookup, case.evidence.at) if lookup is not None else ():
        if is_late(one, case.evidence.at):
            left = in_words(one.expiration - case.evidence.at)
            yield Said(one.subject, f"the signature ends in {left}, at {one.expiration:%Y-%m-%d %H:%M:%S} UTC")


RULE: Final = TargetRule(
    id="LOOKUP_SIGNATURE_EXPIRING",
    level=Level.WARNING,
    citation="RFC 6781 §4.4.1",
    remedy="see that the zone is signed again, and in time",
    applies=lambda case: case.found,
    look=_look,
)
