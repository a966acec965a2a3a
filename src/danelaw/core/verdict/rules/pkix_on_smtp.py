"""PKIX usages where mail servers are the clients: they have no roots in common, and take the record for unusable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import CertificateUsage
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for combination in sorted({record.combination for record in case.records}):
        if combination.usage in (CertificateUsage.PKIX_TA, CertificateUsage.PKIX_EE):
            yield Said(
                f"TLSA {combination}",
                "mail servers cannot be expected to use this record: what it means to them is undefined",
            )


RULE: Final = Rule(
    id="PKIX_ON_SMTP",
    level=Level.WARNING,
    citation="RFC 7672 §3.1.3",
    remedy="publish 3 1 1, or 2 0 1 of the CA, and withdraw these records",
    applies=lambda case: case.reference.opportunistic and bool(case.records),
    look=_look,
)
