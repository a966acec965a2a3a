"""A name server that is named for the zone and does not serve it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security, Silence
from danelaw.core.verdict.authorities import SOA, answers_to, server_of
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_LAME: Final = frozenset({"LAME", "REFUSED"})


def _look(case: Case) -> Iterable[Said]:
    """Where no signature says which zone a name lies in, a zone below may begin on the way, and a referral to that is
    no fault: then the question for the SOA alone tells."""
    told: set[str] = set()
    surely_within = case.evidence.tlsa.state is Security.SECURE
    for said in answers_to(case.evidence.sweep):
        if said.asked.type != SOA and not surely_within:
            continue
        if isinstance(said.answer, Silence) and said.answer.code in _LAME and server_of(said) not in told:
            told.add(server_of(said))
            yield Said(
                said.asked.of.to_text(),
                f"{server_of(said)} is named for the zone and does not answer for it",
                details=(": ".join(filter(None, (said.answer.code, said.answer.detail))),),
            )


RULE: Final = Rule(
    id="NS_LAME",
    level=Level.WARNING,
    citation="RFC 1912 §2.8",
    remedy="make the server serve the zone, or take it out of the zone's NS records and of its parent's",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
