"""A server that does not offer to start TLS, though TLSA records may promise that it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for address, failure in case.failures.items():
        if failure.code == "STARTTLS_NOT_OFFERED":
            promised = (
                ", though TLSA records promise TLS: clients that honour DANE do not connect" if case.records else ""
            )
            yield Said(
                str(case.evidence.endpoint),
                f"the server does not offer to start TLS{promised}",
                address,
                (failure.detail,) if failure.detail else (),
            )


RULE: Final = Rule(
    id="STARTTLS_NOT_OFFERED",
    level=Level.ERROR,
    citation="RFC 7672 §2.2",
    remedy="make the server offer it to everybody, or withdraw the TLSA records: they promise TLS",
    applies=lambda case: bool(case.evidence.endpoint.starttls and case.addresses),
    look=_look,
)
