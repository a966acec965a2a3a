"""No SRV record: clients that know the domain take it for the server itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    lookup = case.lookup
    if lookup is not None and lookup.rrset is None:
        yield Said(case.subject, "there is no SRV record, so the domain itself was taken for the server")


RULE: Final = TargetRule(
    id="SRV_ABSENT",
    level=Level.INFO,
    citation="RFC 7673 §3.1",
    remedy="none, if clients are told the host; otherwise publish SRV records",
    applies=lambda case: case.by_srv and case.known,
    look=_look,
)
