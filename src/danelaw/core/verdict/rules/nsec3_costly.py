"""A zone that hashes its denials more than once, or with salt: it protects nothing, and some validators refuse it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.denials import nsec3_of
from danelaw.core.verdict.report import Level, Rule, Said

_SALT: Final = 5


def _look(case: Case) -> Iterable[Said]:
    told: set[str] = set()
    for rrset in nsec3_of(case):
        zone = rrset.owner.parent().to_text()
        for rdata in sorted(rrset.rdatas):
            if zone not in told and len(rdata) >= _SALT and (any(rdata[2:4]) or rdata[4]):
                told.add(zone)
                yield Said(
                    zone,
                    f"the NSEC3 records have {int.from_bytes(rdata[2:4])} iterations and {rdata[4]} octets of salt, "
                    "where there should be none",
                )


RULE: Final = Rule(
    id="NSEC3_COSTLY",
    level=Level.INFO,
    citation="RFC 9276 §3.1",
    remedy="sign again with no salt and 0 iterations",
    applies=lambda case: bool(nsec3_of(case)),
    look=_look,
)
