"""A host without an address has nothing to connect to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    if not case.addresses and not case.evidence.other_family:
        yield Said(str(case.evidence.endpoint), "the host has no address, so nothing could be connected to")


RULE: Final = Rule(
    id="NO_ADDRESS",
    level=Level.ERROR,
    citation="RFC 1035 §3.4.1",
    remedy="publish an A or AAAA record for the host, or withdraw its TLSA records",
    applies=lambda case: {case.evidence.a.state, case.evidence.aaaa.state} <= {Security.SECURE, Security.INSECURE},
    look=_look,
)
