"""SRV records without DNSSEC: clients do not use DANE for the servers that they name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    lookup = case.lookup
    if lookup is not None and lookup.state is Security.INSECURE:
        yield Said(
            Case.asked(lookup),
            "the SRV records are not signed, so clients ask for no TLSA records of the servers that they name "
            "(RFC 7673 §3.1)",
            details=tuple(map(str, lookup.reasons)),
        )


RULE: Final = TargetRule(
    id="SRV_INSECURE",
    level=Level.ERROR,
    citation="RFC 7673 §6",
    remedy="sign the domain's zone and have its DS records put into the parent zone",
    applies=lambda case: case.by_srv and case.found and not case.nobody,
    look=_look,
)
