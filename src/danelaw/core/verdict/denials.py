"""The NSEC3 records that came with denials."""

from __future__ import annotations

import dns.rdatatype

from danelaw.core.model import RRset
from danelaw.core.verdict.case import Case

NSEC3 = int(dns.rdatatype.NSEC3)


def nsec3_of(case: Case) -> tuple[RRset, ...]:
    """Each once, sorted by owner."""
    proofs = (answer.absence.proof for answer in case.answers if answer.absence is not None)
    found = {rrset for proof in proofs for rrset in proof if rrset.type == NSEC3}
    return tuple(sorted(found, key=lambda rrset: rrset.owner))
