"""A trust anchor named by its key alone: limits in its certificate do not bind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import CertificateUsage, Selector
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for combination in sorted({record.combination for record in case.usable}):
        if (combination.usage, combination.selector) == (CertificateUsage.DANE_TA, Selector.SPKI):
            yield Said(
                f"TLSA {combination}",
                "the record names a CA's key alone, so what its certificate limits, names and path lengths, is free",
            )


RULE: Final = Rule(
    id="CA_KEY_ALONE",
    level=Level.INFO,
    citation="RFC 7671 §5.2.1",
    remedy="publish 2 0 1 of the CA's certificate instead",
    applies=lambda case: bool(case.usable),
    look=_look,
)
