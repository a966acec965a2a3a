"""TLSA records behind an alias of their own: the base domain, and with it the name that counts, stays the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    tlsa = case.evidence.tlsa
    if case.rrset is not None and tlsa.rrsets[0].owner != case.rrset.owner:
        yield Said(
            case.evidence.owner.to_text(omit_final_dot=True),
            f"the records stand at {case.rrset.owner.to_text(omit_final_dot=True)}; the name that clients check stays "
            f"{case.evidence.base.to_text(omit_final_dot=True)}",
        )


RULE: Final = Rule(
    id="TLSA_ALIAS",
    level=Level.INFO,
    citation="RFC 7672 §2.2.3",
    remedy="none; see that whoever keeps the records where the alias leads knows when the key changes",
    applies=lambda case: case.rrset is not None,
    look=_look,
)
