"""A TLSA answer without DNSSEC is no TLSA answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import Security
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    tlsa = case.evidence.tlsa
    if tlsa.state is Security.INSECURE:
        found = len(tlsa.rrset.rdatas) if tlsa.rrset is not None else 0
        signed = bool(tlsa.rrsets) and all(rrset.rrsigs for rrset in tlsa.rrsets)
        why = (
            "the records are signed, but the zone's parent does not vouch for its keys by a DS record that validators "
            "can use"
            if signed
            else "the zone is not signed as far as its parents know"
        )
        yield Said(
            case.asked(tlsa),
            f"{why}, so clients use no TLSA record of it" + (f": {found} are there in vain" if found else ""),
            details=tuple(map(str, tlsa.reasons)),
        )


RULE: Final = Rule(
    id="ZONE_INSECURE",
    level=Level.ERROR,
    citation="RFC 6698 §4.1",
    remedy="sign the zone and have its DS records put into the parent zone",
    applies=lambda case: True,
    look=_look,
)
