"""Records are there, and not one that a client can use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    if not case.usable:
        then = (
            "mail servers insist on TLS and authenticate nobody (RFC 7672 §2.2)"
            if case.reference.opportunistic
            else "clients go on as if there were none, and those that insist on DANE do not connect"
        )
        yield Said(case.asked(case.evidence.tlsa), f"no client can use any of the records: {then}")


RULE: Final = Rule(
    id="NOTHING_USABLE",
    level=Level.ERROR,
    citation="RFC 7671 §10.3",
    remedy="publish a record that clients can use; 3 1 1 fits most services",
    applies=lambda case: case.rrset is not None,
    look=_look,
)
