"""A signature by SHA-1 on what clients need: validators count it as none, today or soon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said
from danelaw.core.verdict.signatures import rrsigs_of

_SHA1: Final = frozenset({Algorithm.RSASHA1, Algorithm.RSASHA1_NSEC3_SHA1, Algorithm.DSA, Algorithm.DSA_NSEC3_SHA1})


def _look(case: Case) -> Iterable[Said]:
    told: set[tuple[str, int]] = set()
    for answer in case.answers:
        for rrset in answer.rrsets:
            algorithms = {rrsig.algorithm for rrsig in rrsigs_of(rrset)}
            for rrsig in rrsigs_of(rrset):
                key = (rrsig.signer.to_text(), rrsig.algorithm)
                if algorithms <= _SHA1 and key not in told:
                    told.add(key)
                    yield Said(
                        rrsig.signer.to_text(),
                        f"the zone is signed with {Algorithm(rrsig.algorithm).name} ({rrsig.algorithm}), which rests "
                        "on SHA-1: many validators count it as unsigned",
                    )


RULE: Final = Rule(
    id="ALGORITHM_DEPRECATED",
    level=Level.WARNING,
    citation="RFC 9905 §2",
    remedy="roll the zone's keys to ECDSAP256SHA256 (13)",
    applies=lambda case: True,
    look=_look,
)
