"""Something else answers than the protocol that was asked about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for address, failure in case.failures.items():
        if failure.code == "NOT_THIS_PROTOCOL":
            promised = (
                ", though TLSA records promise TLS: clients that honour DANE do not connect" if case.records else ""
            )
            yield Said(
                str(case.evidence.endpoint),
                f"what answers does not speak this protocol{promised}",
                address,
                (failure.detail,) if failure.detail else (),
            )


RULE: Final = Rule(
    id="NOT_THIS_PROTOCOL",
    level=Level.ERROR,
    citation="RFC 7671 §10.3",
    remedy="see what listens on this port, and whether another protocol was meant",
    applies=lambda case: bool(case.evidence.endpoint.starttls and case.addresses),
    look=_look,
)
