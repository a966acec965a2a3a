"""Every kind of client that may come, and which kinds refuse: what the gate before each action is built upon.

Clients differ in the combinations that they support, in digest agility (RFC 7671 §9), and in what they do when nothing
usable is there. A publisher cannot know which will come, so each combination that is present has to match by itself
(RFC 7671 §8). And some are more lenient than a publisher may count on: what they accept is not to be taken from them
because stricter ones refused it all along.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import chain as concatenated
from itertools import combinations as subsets
from typing import Final

from danelaw.core.model import Answer, Chain, HandshakeFailure, Instant, RRset
from danelaw.core.tlsa.kept import kept
from danelaw.core.tlsa.match import set_aside, strongest_digests, weaker
from danelaw.core.tlsa.paths import pkix_paths
from danelaw.core.tlsa.profiles import RFC, STRICT
from danelaw.core.tlsa.records import TLSA, Combination, MalformedTLSA, TLSARecord
from danelaw.core.tlsa.reference import Reference
from danelaw.core.tlsa.standing import standing
from danelaw.core.tlsa.x509 import ALWAYS, Validity

__all__ = [
    "MOST_COMBINATIONS",
    "ClientKind",
    "Fallback",
    "Reference",
    "client_kinds",
    "combinations_of",
    "records_of",
    "refused",
    "safe_match",
    "validity_changes",
]

MOST_COMBINATIONS: Final = 8
"""Up to here every subset is a kind. Kinds double with each combination: 8 make 2048 of them."""


class Fallback(enum.Enum):
    """What a client does where nothing usable is there (RFC 6698 §4.1, RFC 7671 §10.3)."""

    PKIX = "pkix"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class ClientKind:
    """``lenient``: it asks no more than RFC 7671 does, of one of the names, and its clock is right.

    The others are as strict as any client (``profiles.STRICT``), want every name, and distrust their clocks.
    """

    supported: frozenset[Combination]
    agility: bool
    fallback: Fallback
    lenient: bool = False

    def __str__(self) -> str:
        listed = ", ".join(map(str, sorted(self.supported))) or "nothing"
        agility = "agile" if self.agility else "not agile"
        manner = "; lenient" if self.lenient else ""
        return f"supports {listed}; {agility}; else {self.fallback.value}{manner}"


@lru_cache(maxsize=256)
def client_kinds(combinations: frozenset[Combination]) -> frozenset[ClientKind]:
    """Every kind of client over these combinations: each subset supported, with and without agility, either fallback,
    strict and lenient.

    Above ``MOST_COMBINATIONS`` only the subsets of at most two. They tell as much: where some kind accepts one RRset by
    a combination c and refuses another because of d, the kind that supports c and d alone does so too; and where it
    falls back for one of them, the kind that supports the other's c or d alone does.
    """
    most = len(combinations) if len(combinations) <= MOST_COMBINATIONS else 2
    supports = concatenated.from_iterable(subsets(sorted(combinations), n) for n in range(most + 1))
    return frozenset(
        ClientKind(frozenset(supported), agility, fallback, lenient)
        for supported in supports
        for agility in (True, False)
        for fallback in Fallback
        for lenient in (True, False)
    )


def combinations_of(answer: Answer) -> frozenset[Combination]:
    """The known combinations of an answer's records: those that clients may differ in supporting."""
    return frozenset(record.combination for record in records_of(answer) if record.combination.known)


def records_of(answer: Answer) -> tuple[TLSARecord, ...]:
    """The records of an answer, sorted; rdata too short to be a record's is left out, as clients leave it out.

    An alias in their place has none.
    """
    return _records(answer.rdatas) if isinstance(answer, RRset) and answer.type == TLSA else ()


@lru_cache(maxsize=4096)
def _records(rdatas: frozenset[bytes]) -> tuple[TLSARecord, ...]:
    records = []
    for rdata in sorted(rdatas):
        try:
            records.append(TLSARecord.from_rdata(rdata))
        except MalformedTLSA:
            continue
    return tuple(records)


def refused(
    answer: Answer,
    chain: Chain | HandshakeFailure,
    at: Instant,
    reference: Reference,
    kinds: frozenset[ClientKind],
    skew: timedelta,
) -> frozenset[ClientKind]:
    """The kinds, of those given, that refuse this chain when they hold this answer.

    The answer is judged as if secure. Dates are judged with clocks that are wrong by up to ``skew`` under usages 0 to
    2, and at ``at`` itself by lenient kinds and for a fallback to PKIX. A client that finds nothing usable falls back:
    to PKIX for all of the reference's names, a lenient one for one of them, except that on port 25 TLS alone is enough,
    and where no record is even there, cleartext.
    A failed handshake is refused by everybody else.
    """
    rdatas = answer.rdatas if isinstance(answer, RRset) else frozenset()
    if isinstance(chain, HandshakeFailure):
        if rdatas or not reference.opportunistic:
            return kinds
        return _refusing(frozenset(), frozenset(), True, kinds)
    found: frozenset[ClientKind] = frozenset()
    for lenient, some in _by_manner(kinds):
        seen = _seen(chain, rdatas, reference, lenient)
        falls_well = reference.opportunistic or any(v.covers(at) for v in seen.pkix)
        wrong = timedelta(0) if lenient else skew
        good = frozenset(c for c, spans in seen.combinations if any(v.covers(at, wrong) for v in spans))
        found |= _refusing(frozenset(c for c, _ in seen.combinations), good, falls_well, some)
    return found


def safe_match(
    answer: Answer, chain: Chain | HandshakeFailure, at: Instant, reference: Reference, skew: timedelta
) -> bool:
    """Whether something usable is there, and each usable combination has a record that matches (RFC 7671 §8).

    Then every kind of client that supports anything in the answer accepts the chain.
    """
    if isinstance(chain, HandshakeFailure) or not isinstance(answer, RRset):
        return False
    seen = _seen(chain, answer.rdatas, reference, lenient=False)
    return bool(seen.combinations) and all(any(v.covers(at, skew) for v in spans) for _, spans in seen.combinations)


def validity_changes(
    answer: Answer, chain: Chain | HandshakeFailure, reference: Reference, skew: timedelta
) -> tuple[Instant, ...]:
    """The instants, sorted, from which on ``refused`` for this answer and chain may say something else."""
    if isinstance(chain, HandshakeFailure):
        return ()
    rdatas = answer.rdatas if isinstance(answer, RRset) else frozenset[bytes]()
    edges: set[Instant] = set()
    for lenient in (True, False):
        seen = _seen(chain, rdatas, reference, lenient)
        exact, wary = set(seen.pkix), set(concatenated.from_iterable(spans for _, spans in seen.combinations))
        if lenient:
            exact, wary = exact | wary, set()
        edges |= {edge for span in exact - {ALWAYS} for edge in (span.start, span.end)}
        edges |= {edge for span in wary - {ALWAYS} for edge in (span.start + skew, span.end - skew)}
    return tuple(sorted(edges))


@dataclass(frozen=True, slots=True)
class _Seen:
    """An answer beside a chain, for all time: when each usable combination matches, and when PKIX accepts."""

    combinations: tuple[tuple[Combination, tuple[Validity, ...]], ...]
    pkix: tuple[Validity, ...]


@kept(8192)
def _seen(chain: Chain, rdatas: frozenset[bytes], reference: Reference, lenient: bool) -> _Seen:
    spans: dict[Combination, tuple[Validity, ...]] = {}
    for record in _records(rdatas):
        if set_aside(record, reference, None) is None:
            found = standing(record, chain, reference, RFC if lenient else STRICT)
            matches = (ALWAYS,) if found.always else tuple(path.validity for path in found.paths)
            spans[record.combination] = spans.get(record.combination, ()) + matches
    wanted = tuple((name,) for name in reference.names) if lenient else (reference.names,)
    paths = tuple(path for names in wanted for path in pkix_paths(chain, names, reference.roots).found)
    return _Seen(tuple(sorted(spans.items())), tuple(path.validity for path in paths))


@lru_cache(maxsize=256)
def _by_manner(kinds: frozenset[ClientKind]) -> tuple[tuple[bool, frozenset[ClientKind]], ...]:
    """The kinds that are lenient, and those that are not; those that there are."""
    parts = ((manner, frozenset(k for k in kinds if k.lenient is manner)) for manner in (True, False))
    return tuple((manner, some) for manner, some in parts if some)


@lru_cache(maxsize=8192)
def _refusing(
    present: frozenset[Combination], good: frozenset[Combination], falls_well: bool, kinds: frozenset[ClientKind]
) -> frozenset[ClientKind]:
    return frozenset(kind for kind in kinds if not _accepts(kind, present, good, falls_well))


def _accepts(kind: ClientKind, present: Iterable[Combination], good: frozenset[Combination], falls_well: bool) -> bool:
    """Whether a kind accepts, given which usable combinations are there and which of them have a match."""
    usable = [combination for combination in present if combination in kind.supported]
    if not usable:
        return falls_well and kind.fallback is Fallback.PKIX
    strongest = strongest_digests(usable) if kind.agility else {}
    return any(combination in good and not weaker(combination, strongest) for combination in usable)
