"""TLSA records that clients do not look at, since the alias of the host leads to others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    used = case.rrset
    for candidate in case.evidence.candidates:
        other = candidate.tlsa.rrset
        if used is None or other is None or other.owner == used.owner:
            continue
        same = "the same" if other.rdatas == used.rdatas else "others"
        yield Said(
            candidate.owner.to_text(omit_final_dot=True),
            f"clients do not look at these records: the host is an alias, and where it leads there are {same}, at "
            f"{case.evidence.owner.to_text(omit_final_dot=True)}",
        )


RULE: Final = Rule(
    id="BASE_SHADOWED",
    level=Level.INFO,
    citation="RFC 7671 §7",
    remedy="withdraw those at the host's own name, or keep both the same",
    applies=lambda case: len(case.evidence.candidates) > 1,
    look=_look,
)
