"""Signed trees, what is asked in them, the honest replies, and the honest verdicts: the truth that no lie may alter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.anchors import Anchors
from danelaw.core.dnssec.authenticate import Verifier
from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import Message, Question, Record, Security, Silence, Validated
from fault_garden import honest
from fault_garden.damages import PLAINLY
from fault_garden.garden import Garden, Layout, plant

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
LAYOUTS: Final[Mapping[str, Layout]] = {"NSEC": PLAINLY, "NSEC3": honest.SALTED, "opt-out": honest.OPT_OUT}
ASKED: Final = tuple(dict.fromkeys(entry.asked for entry in honest.ENTRIES if entry.layout == PLAINLY))

Reply = Message | Silence
Replies = Mapping[Question, Reply]


@dataclass(frozen=True)
class Case:
    """A question, every honest reply that its validation wants, and the verdict on them."""

    asked: Question
    replies: Mapping[Question, Message] = field(repr=False)
    truth: Validated = field(repr=False)


@dataclass(frozen=True)
class Ground:
    """One tree. ``stock``: honest records of all its zones; ``stale``: some whose signatures are over since long."""

    word: str
    garden: Garden = field(repr=False)
    cases: tuple[Case, ...] = field(repr=False)
    stock: tuple[Record, ...] = field(repr=False)
    stale: tuple[Record, ...] = field(repr=False)

    @property
    def anchors(self) -> Anchors:
        return self.garden.anchors

    def honestly(self, asked: Question) -> Reply:
        return self.garden.answer(asked)


@cache
def ground(word: str) -> Ground:
    """The tree of that layout."""
    garden = plant(LAYOUTS[word], dns.name.root, NOW)
    old = plant(LAYOUTS[word], dns.name.root, NOW - timedelta(days=60))
    cases = tuple(_case(garden, garden.question(asked)) for asked in ASKED)
    stale = tuple(record for case in cases for reply in case.replies for record in _records(old.answer(reply)))
    return Ground(word, garden, cases, _distinct(cases), stale)


def _case(garden: Garden, asked: Question) -> Case:
    replies: dict[Question, Message] = {}

    def answer(question: Question) -> Message:
        reply = garden.answer(question)
        assert isinstance(reply, Message)
        replies[question] = reply
        return reply

    return Case(asked, replies, drive(Validation(asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW), answer))


def _records(reply: Reply) -> tuple[Record, ...]:
    return (*reply.answer, *reply.authority, *reply.additional) if isinstance(reply, Message) else ()


def _distinct(cases: tuple[Case, ...]) -> tuple[Record, ...]:
    return tuple(dict.fromkeys(one for case in cases for reply in case.replies.values() for one in _records(reply)))


def told(
    ground: Ground,
    asked: Question,
    answer: Callable[[Question], Reply],
    cache: ZoneKeyCache | None = None,
    verifier: Verifier | None = None,
) -> Validated:
    """The verdict on replies."""
    validation = Validation(asked.name, asked.type, ground.anchors, DEFAULT_POLICY, NOW, cache, verifier=verifier)
    return drive(validation, answer)


def lie_believed(truth: Validated, verdict: Validated) -> str:
    """What is wrong with a verdict on lies; empty if nothing is.

    Secure is only what is true, and what is signed is never taken for unsigned.
    """
    if verdict.state is Security.INSECURE:
        return "what is secure is said to be insecure" if truth.state is Security.SECURE else ""
    if verdict.state is not Security.SECURE:
        return "" if verdict.reasons and not verdict.rrsets and verdict.absence is None else "data, or no reasons"
    if truth.state is not Security.SECURE:
        return f"what is {truth.state.value} is said to be secure"
    if (verdict.absence is None) != (truth.absence is None):
        return "what is there is denied, or what is not there is shown"
    if _content(verdict) != _content(truth):
        return "other data are said to be secure"
    signed = {(rrset.owner, rrset.type): rrset.ttl for rrset in truth.rrsets}
    if any(rrset.ttl > signed[rrset.owner, rrset.type] for rrset in verdict.rrsets):
        return "the TTL is above the signed one"
    return ""


def _content(verdict: Validated) -> list[tuple[Name, int, frozenset[bytes]]]:
    """The data in canonical form: the case of letters is not signed (RFC 4034 §6.2)."""
    return [
        (rrset.owner, rrset.type, frozenset(canonical_rdata(rrset.type, rdata) for rdata in rrset.rdatas))
        for rrset in verdict.rrsets
    ]


def is_signature(record: Record) -> bool:
    return record.type == T.RRSIG
