"""A certificate near its end, or past it, where nobody minds: all records are DANE-EE, and no client does PKIX."""

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
                f"the certificate {ending}; clients that match it by DANE-EE ignore that, and no others are expected",
                view.address,
            )


RULE: Final = Rule(
    id="CERTIFICATE_DATES_IGNORED",
    level=Level.INFO,
    citation="RFC 7671 §5.1",
    remedy="none; it may be time for a new key",
    applies=lambda case: bool(case.views) and not minds_dates(case),
    look=_look,
)
