"""An address that could not be reached from here: nothing is known of what it presents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for address, silence in case.unreached.items():
        yield Said(
            str(case.evidence.endpoint),
            "what this address presents could not be learnt from here",
            address,
            (f"{silence.code}: {silence.detail}" if silence.detail else silence.code,),
        )


RULE: Final = Rule(
    id="ADDRESS_UNREACHABLE",
    level=Level.WARNING,
    citation="RFC 7671 §10.3",
    remedy="check again from where the address can be reached, or look at one family alone with -4 or -6, or at what "
    "--address names; if nobody reaches it, take it out of DNS",
    applies=lambda case: bool(case.addresses),
    look=_look,
)
