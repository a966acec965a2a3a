"""Whether the authoritative servers of a zone say the same."""

from __future__ import annotations

from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.model import Absence, Asked, RRset, Said, Silence, Sweep


def same(left: Said, right: Said) -> bool:
    """Whether two servers say the same: same rdata in canonical form, or the same absence. TTLs are aside."""
    return _content(left) == _content(right)


def differs(sweep: Sweep, asked: Asked) -> bool:
    """Whether servers disagree, or one of them says nothing of use."""
    replies = sweep.to(asked)
    return any(isinstance(said.answer, Silence) or not same(said, replies[0]) for said in replies)


def _content(said: Said) -> object:
    answer = said.answer
    if isinstance(answer, RRset):
        if said.serial is not None:
            return said.serial
        return frozenset(canonical_rdata(answer.type, rdata) for rdata in answer.rdatas)
    return Absence if isinstance(answer, Absence) else answer.code
