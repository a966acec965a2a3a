"""Cleartext behind the reply that starts TLS: somebody may put words into what the client takes for the server's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for address, failure in case.failures.items():
        if failure.code == "STARTTLS_INJECTED":
            yield Said(
                str(case.evidence.endpoint),
                "cleartext stands behind the reply that starts TLS, so the connection was given up",
                address,
                (failure.detail,) if failure.detail else (),
            )


RULE: Final = Rule(
    id="STARTTLS_INJECTED",
    level=Level.ERROR,
    citation="RFC 3207 §6",
    remedy="bring the server, or the relay before it, up to date: it has to drop what came before TLS",
    applies=lambda case: bool(case.evidence.endpoint.starttls and case.addresses),
    look=_look,
)
