"""A server that offers to start TLS, and then does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for address, failure in case.failures.items():
        if failure.code == "STARTTLS_REFUSED":
            promised = (
                ", though TLSA records promise TLS: clients that honour DANE do not connect" if case.records else ""
            )
            yield Said(
                str(case.evidence.endpoint),
                f"the server offers to start TLS, and refuses when it is asked to, or takes nobody now{promised}",
                address,
                (failure.detail,) if failure.detail else (),
            )


RULE: Final = Rule(
    id="STARTTLS_REFUSED",
    level=Level.ERROR,
    citation="RFC 7672 §2.2",
    remedy="see the server's log for what keeps it from TLS: often a key or certificate that it cannot read",
    applies=lambda case: bool(case.evidence.endpoint.starttls and case.addresses),
    look=_look,
)
