"""A host that is an alias, with TLSA records of its own name: both have to be changed together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    if case.evidence.base == case.evidence.endpoint.host and case.expanded != case.evidence.base:
        yield Said(
            case.evidence.endpoint.host.to_text(omit_final_dot=True),
            f"the host is an alias of {case.expanded.to_text(omit_final_dot=True)}, and the records stand under its "
            "own name: both have to be changed together",
        )


RULE: Final = Rule(
    id="BASE_ORIGINAL",
    level=Level.INFO,
    citation="RFC 7671 §7",
    remedy="have the TLSA records where the alias leads, kept by whoever keeps the server's key",
    applies=lambda case: case.rrset is not None,
    look=_look,
)
