"""A server that has no version of TLS but such as are not to be used any more: up-to-date clients do not connect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for address, failure in case.failures.items():
        if failure.code == "TLS_OUTDATED":
            yield Said(
                str(case.evidence.endpoint),
                "the server offers no version of TLS that is still to be used, and up-to-date clients do not connect",
                address,
                (failure.detail,) if failure.detail else (),
            )


RULE: Final = Rule(
    id="TLS_OUTDATED",
    level=Level.ERROR,
    citation="RFC 8996 §4",
    remedy="make the server offer TLS 1.3 and 1.2, and nothing before",
    applies=lambda case: bool(case.addresses),
    look=_look,
)
