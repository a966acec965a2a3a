"""An RRSIG near its end, at some server or at all: without it, the answer is bogus to everybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model.length import in_words
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said
from danelaw.core.verdict.signatures import all_signed, is_late


def _look(case: Case) -> Iterable[Said]:
    told: dict[tuple[str, str], list[str]] = {}
    for one in all_signed(case.evidence):
        if is_late(one, case.evidence.at):
            left = one.expiration - case.evidence.at
            when = f"{one.expiration:%Y-%m-%d %H:%M:%S} UTC"
            verb = f"ended at {when}" if left.total_seconds() < 0 else f"ends in {in_words(left)}, at {when}"
            told.setdefault((one.subject, verb), []).append(one.where)
    for (subject, verb), where in told.items():
        yield Said(subject, f"the signature {verb}", details=tuple(filter(None, dict.fromkeys(where))))


RULE: Final = Rule(
    id="SIGNATURE_EXPIRING",
    level=Level.WARNING,
    citation="RFC 6781 §4.4.1",
    remedy="see that the zone is signed again, and that every server fetches it",
    applies=lambda case: next(all_signed(case.evidence), None) is not None,
    look=_look,
)
