"""A record that names the server's certificate, and not its key: each renewal needs a new one, in time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import CertificateUsage, Selector
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_OF_THE_LEAF: Final = frozenset({CertificateUsage.PKIX_EE, CertificateUsage.DANE_EE})


def _look(case: Case) -> Iterable[Said]:
    for combination in sorted({record.combination for record in case.usable}):
        if combination.selector == Selector.CERT and combination.usage in _OF_THE_LEAF:
            yield Said(
                f"TLSA {combination}",
                f"{combination} names the certificate itself, so every renewal breaks it, unless its next record is "
                "published before",
            )


RULE: Final = Rule(
    id="BREAKS_AT_RENEWAL",
    level=Level.WARNING,
    citation="RFC 7671 §5.1",
    remedy="publish 3 1 1, and keep the key at renewals; or see that each record is there before its certificate",
    applies=lambda case: bool(case.usable),
    look=_look,
)
