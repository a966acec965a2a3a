"""A name server that gives no usable answer: clients wait for another, or get nothing if its trouble spreads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Silence
from danelaw.core.verdict.authorities import answers_to, anyone_answered, server_of, unreachable_family
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_LAME: Final = frozenset({"LAME", "REFUSED"})


def _look(case: Case) -> Iterable[Said]:
    told: set[tuple[str, str]] = set()
    nowhere = unreachable_family(case.evidence.sweep)
    for said in answers_to(case.evidence.sweep) if anyone_answered(case.evidence.sweep) else ():
        silence = said.answer
        if not isinstance(silence, Silence) or silence.code in _LAME:
            continue
        if silence.code == "UNREACHABLE" and said.address.version in nowhere:
            continue
        if (server_of(said), silence.code) not in told:
            told.add((server_of(said), silence.code))
            yield Said(
                case.asked(said.asked),
                f"{server_of(said)} gives no answer that could be used",
                details=(": ".join(filter(None, (silence.code, silence.detail))),),
            )


RULE: Final = Rule(
    id="NS_SILENT",
    level=Level.WARNING,
    citation="RFC 2182 §3",
    remedy="see that the server is up and can be reached by UDP and TCP",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
