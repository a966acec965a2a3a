"""Addresses without DNSSEC, where clients then ask for no TLSA records: of SMTP, and behind SRV."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.identity import PassedOver, by_srv
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    if case.passed_over is PassedOver.ADDRESSES and case.evidence.tlsa.state is not Security.INSECURE:
        there = case.evidence.tlsa.rrset is not None
        yield Said(
            case.evidence.endpoint.host.to_text(omit_final_dot=True),
            f"{case.passed_over.value}, so clients do not ask for TLSA records"
            + (": those that are there are in vain" if there else ", whatever the answer would be"),
        )


RULE: Final = Rule(
    id="ADDRESSES_INSECURE",
    level=Level.ERROR,
    citation="RFC 7672 §2.2.2",
    remedy="sign the zone of the host and have its DS records put into the parent zone",
    applies=lambda case: case.reference.opportunistic or by_srv(case.evidence),
    look=_look,
)
