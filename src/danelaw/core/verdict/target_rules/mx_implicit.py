"""No MX record: the domain itself is where mail goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    lookup = case.lookup
    if lookup is not None and lookup.rrset is None:
        yield Said(case.subject, "there is no MX record, so clients take the domain itself for its mail server")


RULE: Final = TargetRule(
    id="MX_IMPLICIT",
    level=Level.INFO,
    citation="RFC 5321 §5.1",
    remedy="publish an MX record; if the domain is to take no mail, a null MX (RFC 7505)",
    applies=lambda case: case.by_mx and case.known,
    look=_look,
)
