"""The NSEC3 records that came with what was asked."""

from __future__ import annotations

from collections.abc import Iterator

import dns.rdatatype

from danelaw.core.model import RRset
from danelaw.core.verdict.case import Case

NSEC3 = int(dns.rdatatype.NSEC3)


def nsec3_of(case: Case) -> tuple[RRset, ...]:
    """Each once, sorted by owner: of denials, and of what the validation looked at besides."""
    return tuple(sorted(set(_found(case)), key=lambda rrset: rrset.owner))


def _found(case: Case) -> Iterator[RRset]:
    for answer in case.answers:
        proofs = answer.absence.proof if answer.absence is not None else frozenset()
        yield from (rrset for rrset in proofs if rrset.type == NSEC3)
        for link in answer.proof.links if answer.proof is not None else ():
            records = link.denial.records if link.denial is not None else ()
            yield from (judged.rrset for judged in records if judged.rrset.type == NSEC3)
