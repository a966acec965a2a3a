"""A certificate near its end, or past it, where some clients mind: browsers, and every usage but DANE-EE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.dates import ends, minds_dates
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for view in case.views:
        ending = ends(view, case.notice)
        if ending is not None:
            yield Said(
                str(view.leaf),
                f"the certificate {ending}; clients that match it by DANE-EE ignore that (RFC 7671 §5.1), all others "
                "refuse it from then on",
                view.address,
            )


RULE: Final = Rule(
    id="CERTIFICATE_EXPIRING",
    level=Level.WARNING,
    citation="RFC 5280 §4.1.2.5",
    remedy="renew the certificate, and see what keeps the renewal from happening by itself",
    applies=lambda case: bool(case.views) and minds_dates(case),
    look=_look,
)
