"""A host without an IPv6 address: clients that have nothing else do not reach it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    aaaa, a = case.evidence.aaaa, case.evidence.a
    if aaaa.rrset is None and a.rrset is not None:
        yield Said(case.evidence.endpoint.host.to_text(omit_final_dot=True), "the host has no IPv6 address")


RULE: Final = Rule(
    id="NO_IPV6",
    level=Level.INFO,
    citation="RFC 6540 §2",
    remedy="give the host an AAAA record, and see that the server listens there",
    applies=lambda case: case.evidence.aaaa.state in (Security.SECURE, Security.INSECURE),
    look=_look,
)
