"""A name server that gives records of a signed zone without their signatures: to who asks it, they are bogus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import RRset, Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_SIGNED: Final = frozenset({Security.SECURE, Security.BOGUS})


def _look(case: Case) -> Iterable[Said]:
    for asked, versions in case.served:
        unsigned = [version for version in versions if isinstance(version.answer, RRset) and not version.answer.rrsigs]
        for version in unsigned if case.evidence.tlsa.state in _SIGNED else ():
            yield Said(case.asked(asked), f"{version.server} gives these records without a signature")


RULE: Final = Rule(
    id="NS_UNSIGNED",
    level=Level.ERROR,
    citation="RFC 4035 §3.1.1",
    remedy="make the server serve the signed zone, and its software DNSSEC",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
