"""TLSA records that caches keep for less than a minute: every connection waits for DNS, and fails with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import RRset
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_SHORT: Final = 60


def _look(case: Case) -> Iterable[Said]:
    """As authoritative servers say it: in what a cache gives out, the TTL has run down."""
    for asked, versions in case.served:
        ttls = [version.answer.ttl for version in versions if isinstance(version.answer, RRset)]
        if ttls and min(ttls) < _SHORT:
            yield Said(
                case.asked(asked),
                f"caches hold this answer for {min(ttls)} s only: while the name servers are away, nobody connects",
            )


RULE: Final = Rule(
    id="TLSA_TTL_SHORT",
    level=Level.INFO,
    citation="RFC 7671 §13",
    remedy="raise the TTL to some minutes, or an hour",
    applies=lambda case: case.evidence.sweep is not None,
    look=_look,
)
