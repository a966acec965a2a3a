"""TLSA records that caches keep for more than a day: every roll waits for that long, an emergency too."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from danelaw.core.model import RRset
from danelaw.core.model.length import in_words
from danelaw.core.verdict.authorities import answers_to
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_LONG: Final = timedelta(days=1)


def _look(case: Case) -> Iterable[Said]:
    """As any authoritative server says it, and as it was resolved: in what a cache gives out, the TTL has run down."""
    owners = {rrset.owner for rrset in case.evidence.tlsa.rrsets}
    served = [said.answer for said in answers_to(case.evidence.sweep) if isinstance(said.answer, RRset)]
    for owner in sorted(owners):
        rrsets = [rrset for rrset in (*case.evidence.tlsa.rrsets, *served) if rrset.owner == owner]
        longest = timedelta(seconds=max(rrset.ttl for rrset in rrsets))
        if longest > _LONG:
            yield Said(
                owner.to_text(omit_final_dot=True),
                f"caches may hold this answer for {in_words(longest)}: so long a lost key's record keeps a new one "
                "waiting",
            )


RULE: Final = Rule(
    id="TLSA_TTL_LONG",
    level=Level.INFO,
    citation="RFC 7671 §13",
    remedy="lower the TTL to an hour or so; what caches hold already lasts as long as it says",
    applies=lambda case: case.rrset is not None,
    look=_look,
)
