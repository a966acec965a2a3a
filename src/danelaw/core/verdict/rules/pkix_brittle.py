"""Only records that ask clients to trust a public CA as well: many have no list of CAs, and do not connect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import CertificateUsage
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_PKIX: Final = frozenset({CertificateUsage.PKIX_TA, CertificateUsage.PKIX_EE})


def _look(case: Case) -> Iterable[Said]:
    if all(record.combination.usage in _PKIX for record in case.usable):
        yield Said(
            case.asked(case.evidence.tlsa),
            "every record has a PKIX usage: clients without a list of public CAs, or that know DANE usages alone, have "
            "no use for them",
        )


RULE: Final = Rule(
    id="PKIX_BRITTLE",
    level=Level.INFO,
    citation="RFC 7671 §4",
    remedy="publish 3 1 1 beside them",
    applies=lambda case: bool(case.usable),
    look=_look,
)
