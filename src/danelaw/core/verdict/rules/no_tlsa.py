"""A proof that there is no TLSA record: clients do without DANE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    tlsa = case.evidence.tlsa
    if case.rrset is None:
        held = f"caches may hold this denial for {tlsa.absence.ttl} s" if tlsa.absence is not None else ""
        yield Said(
            case.asked(tlsa),
            "the zone is signed and proves that this name has no TLSA record, so clients do without DANE",
            details=(held,) if held else (),
        )


RULE: Final = Rule(
    id="NO_TLSA",
    level=Level.ERROR,
    citation="RFC 6698 §4.1",
    remedy="publish a TLSA record for the key that the server uses (3 1 1 fits most services), then wait for caches",
    applies=lambda case: case.evidence.tlsa.state is Security.SECURE,
    look=_look,
)
