"""A certificate near its end, or past it. DANE-EE ignores dates; browsers and every other usage don't."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa.x509 import parse
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_LAST_PART: Final = 4
"""A short-lived certificate is reported in the last quarter of its life: by then a renewal is late."""


def _look(case: Case) -> Iterable[Said]:
    for view in case.views:
        leaf = parse(view.handshake.chain.ders[0]) if view.handshake.chain.ders else None
        if leaf is None:
            continue
        validity = leaf.validity
        notice = min(case.notice, (validity.end - validity.start) / _LAST_PART)
        left = validity.end - view.at
        if left > notice:
            continue
        when = f"{validity.end:%Y-%m-%d %H:%M:%S} UTC"
        verb = "has been out of date since" if left.total_seconds() <= 0 else "ends at"
        yield Said(
            str(leaf),
            f"the certificate {verb} {when}; clients that match it by DANE-EE ignore that (RFC 7671 §5.1), all others "
            "refuse it from then on",
            view.address,
        )


RULE: Final = Rule(
    id="CERTIFICATE_EXPIRING",
    level=Level.WARNING,
    citation="RFC 5280 §4.1.2.5",
    remedy="renew the certificate, and see what keeps the renewal from happening by itself",
    applies=lambda case: bool(case.views),
    look=_look,
)
