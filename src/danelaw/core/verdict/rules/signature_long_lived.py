"""An RRSIG over TLSA records that is valid for long: for so long an old record can be replayed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from danelaw.core.model.length import in_words
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said
from danelaw.core.verdict.signatures import in_answer

_LONG: Final = timedelta(days=60)


def _look(case: Case) -> Iterable[Said]:
    tlsa = case.evidence.tlsa
    longest = [one for one in in_answer(tlsa, case.evidence.at) if one.lifetime > _LONG]
    for one in longest:
        yield Said(
            one.subject,
            f"the signature is valid for {in_words(one.lifetime)}: who keeps it can give out these records as long, "
            "even after their key was lost and replaced",
        )


RULE: Final = Rule(
    id="SIGNATURE_LONG_LIVED",
    level=Level.INFO,
    citation="RFC 7671 §13",
    remedy="sign for a month at most, and sign again in time",
    applies=lambda case: case.rrset is not None,
    look=_look,
)
