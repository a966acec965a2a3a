"""The RRSIGs of what was seen: until when each RRset can be believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, near, type_text
from danelaw.core.model import Evidence, Instant, RRset, Security, Validated
from danelaw.core.verdict.authorities import server_of

LATE: Final = timedelta(days=3)
_LAST_PART: Final = 8


@dataclass(frozen=True, slots=True)
class Signed:
    """An RRset and the signature on it that lasts longest. ``where``: who serves it so; the resolver, if nobody is
    named."""

    rrset: RRset
    where: str
    inception: Instant
    expiration: Instant

    @property
    def subject(self) -> str:
        return f"{self.rrset.owner.to_text(omit_final_dot=True)} {type_text(self.rrset.type)}"

    @property
    def lifetime(self) -> timedelta:
        return self.expiration - self.inception


def rrsigs_of(rrset: RRset) -> Iterator[RRSIG]:
    """Its signatures, as far as they can be read."""
    for rdata in sorted(rrset.rrsigs):
        try:
            yield RRSIG.from_rdata(rdata)
        except MalformedSignatureError:
            continue


def signed(rrset: RRset, at: Instant, where: str = "") -> Signed | None:
    """None for an RRset without a signature that can be read. A client needs no more than one that is valid."""
    spans = [(near(rrsig.expiration, at), near(rrsig.inception, at)) for rrsig in rrsigs_of(rrset)]
    if not spans:
        return None
    expiration, inception = max(spans)
    return Signed(rrset, where, inception, expiration)


def all_signed(evidence: Evidence) -> Iterator[Signed]:
    """Every signed RRset that clients of an endpoint need: as it was resolved, and as each authoritative server gives
    it."""
    for answer in (evidence.tlsa, evidence.a, evidence.aaaa):
        yield from in_answer(answer, evidence.at)
    for said in evidence.sweep.said if evidence.sweep is not None else ():
        one = signed(said.answer, evidence.at, server_of(said)) if isinstance(said.answer, RRset) else None
        if one is not None:
            yield one


def in_answer(answer: Validated, at: Instant) -> Iterator[Signed]:
    """The links of a secure answer."""
    for rrset in answer.rrsets if answer.state is Security.SECURE else ():
        one = signed(rrset, at)
        if one is not None:
            yield one


def is_late(one: Signed, at: Instant) -> bool:
    """Whether the zone should have been signed again by now: what remains is less than three days, or of signatures
    that live shortly less than an eighth of their life; or less than caches may hold the records."""
    left = one.expiration - at
    return left < max(min(LATE, one.lifetime / _LAST_PART), timedelta(seconds=one.rrset.ttl))
