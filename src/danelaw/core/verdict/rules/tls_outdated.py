"""A version of TLS that is not to be used any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_OUTDATED: Final = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"})


def _look(case: Case) -> Iterable[Said]:
    for view in case.views:
        if view.handshake.version in _OUTDATED:
            yield Said(
                str(case.evidence.endpoint),
                f"the best that the server offers {view.whom} is {view.handshake.version}, and up-to-date clients "
                "refuse that",
                view.address,
            )


RULE: Final = Rule(
    id="TLS_OUTDATED",
    level=Level.WARNING,
    citation="RFC 8996 §4",
    remedy="make the server offer TLS 1.3 and 1.2, and nothing before",
    applies=lambda case: bool(case.views),
    look=_look,
)
