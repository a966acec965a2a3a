"""What clients may hold: every answer that a cache or an authority may supply.

An answer is a version: SOA serial, rdata and TTL. A version may be obtained as long as any authority may serve it, and
for a hold after the last one has left it behind. What no sight vouches for stays possible: silence, gaps, intents
without an outcome, and the time before the history began.

While nothing else is seen, the same answers may be held, so what was worked out is kept from pass to pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dns.name import Name

from danelaw.core.model import IP, Answer, Instant, Limits, RRset
from danelaw.core.rollover.actions import Conflict, Receipt
from danelaw.core.rollover.facts import Began
from danelaw.core.rollover.fold import Deed, Facts, RosterSpan, Span
from danelaw.core.rollover.history import (
    Seen,
    caught_up,
    members,
    newest,
    observed_since,
    primaries,
    published_since,
    rdatas_of,
    visible,
    zone_subject,
)
from danelaw.core.rollover.versions import (
    NEVER,
    Version,
    clock,
    foremost,
    gone_at,
    signature_end,
    signed_by,
    versions_of,
    writes,
)

SIGNATURE_SKEW: Final = timedelta(days=1)
"""Validators forgive expired signatures for up to this long (Unbound's val-sig-skew-max)."""


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that some client may act on, until ``until``; None: no end is known yet."""

    answer: Answer
    until: Instant | None
    because: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """U: answers given before the history began may still be held. None: no end is known yet."""

    until: Instant | None
    because: str


@dataclass(frozen=True, slots=True)
class Possible:
    """Every answer that a client may obtain now."""

    held: tuple[Held, ...]
    unknown: Unknown | None


def possible_answers(facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> Possible:
    """Every answer for (owner, type) that a client may obtain at ``now`` or later without a new action."""
    key = (possible_answers, zone, owner, type)
    told = facts.told.get(key)
    if isinstance(told, _Told) and told.now == now and (told.limits is limits or told.limits == limits):
        return told.possible
    possible = _found_again(facts, zone, owner, type, now, limits)
    facts.told[key] = _Told(possible, now, limits)
    return possible


@dataclass(frozen=True, slots=True)
class _Told:
    """What was last said of one RRset, on the same facts."""

    possible: Possible
    now: Instant
    limits: Limits


def _found_again(facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> Possible:
    """What was found on earlier facts, where that still holds."""
    key = (possible_answers, zone, owner, type)
    seen, rosters = Seen.of(facts, zone, owner, type, now, limits), facts.rosters(zone)
    basis = _Basis(
        seen,
        rosters,
        primaries(facts, zone, seen.servers, now),
        facts.began(zone_subject(zone)),
        writes(facts, zone, owner, type),
    )
    kept = facts.kept.get(key)
    if isinstance(kept, _Kept) and basis.says_no_more_than(kept):
        return kept.possible
    possible, until = _possible(zone, basis)
    facts.kept[key] = _Kept(possible, basis, until)
    return possible


@dataclass(frozen=True, slots=True)
class _Basis:
    """All that is asked when it is told what may be held of one RRset."""

    seen: Seen
    rosters: tuple[RosterSpan, ...]
    primaries: frozenset[IP]
    began: Began | None
    written: tuple[tuple[Deed, Answer], ...]

    def says_no_more_than(self, kept: _Kept) -> bool:
        """Whether the same follows: from the same, or as every authority went on as it was, and it is not too late."""
        then, seen = kept.basis.seen, self.seen
        if (
            then.servers != seen.servers
            or then.limits != seen.limits
            or kept.basis.primaries != self.primaries
            or kept.basis.began != self.began
            or kept.basis.written != self.written
        ):
            return False
        if then.now == seen.now and then.spans is seen.spans and then.silent == seen.silent:
            return then.refusing == seen.refusing and kept.basis.rosters is self.rosters
        return (
            then.now <= seen.now < kept.until
            and self.all_vouched_for
            and _went_on(then.spans, seen.spans, seen.servers)
        )

    @property
    def all_vouched_for(self) -> bool:
        """Whether it is known who the authorities are, and what each of them says now."""
        seen, rosters = self.seen, self.rosters
        return (
            bool(rosters)
            and seen.now - rosters[-1].last <= seen.limits.max_gap
            and self.primaries <= seen.servers
            and seen.servers.isdisjoint(seen.silent)
            and not seen.refusing
        )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was found on some basis. Before ``until``, it is found on others too that only say that all goes on."""

    possible: Possible
    basis: _Basis
    until: Instant


def _went_on(then: Mapping[IP, tuple[Span, ...]], now: Mapping[IP, tuple[Span, ...]], servers: frozenset[IP]) -> bool:
    """Whether nothing was seen in between but that the authorities say what they said last."""
    if len(then) != len(now):
        return False
    for (ip, before), (its, after) in zip(then.items(), now.items(), strict=True):
        if before is after:
            continue
        if ip not in servers or ip != its or len(before) != len(after):
            return False
        old, new = before[-1], after[-1]
        same = old.answer is new.answer or old.answer == new.answer
        if old.serial != new.serial or old.first != new.first or old.last > new.last or not same:
            return False
        if len(before) > 1 and before[:-1] != after[:-1]:
            return False
    return True


def _possible(zone: Name, basis: _Basis) -> tuple[Possible, Instant]:
    """What may be held, and from when on that may be otherwise though all goes on as it is."""
    seen, limits = basis.seen, basis.seen.limits
    held: list[Held] = []
    ends: list[Instant] = []
    for version in foremost(versions_of(seen, basis.written)):
        gone, because = gone_at(version, seen)
        held.append(_hold(version.answer, gone, because, limits))
        if gone is None and version.known is not None:
            ends.append(version.known + limits.retention)
    unsettled = False
    for deed, written, settled in _pending(basis):
        because = f"the write begun at {clock(deed.intended)} has no known outcome"
        held.append(_hold(written, settled, because, limits))
        unsettled |= settled is None
    unknown = _unknown(zone, basis)
    alive = [h for h in held if h.until is None or h.until > seen.now]
    ends += [h.until for h in alive if h.until is not None]
    if unknown is not None:
        ends.append(unknown.until or seen.now)
    if unsettled or not basis.all_vouched_for or any(ip not in seen.spans for ip in seen.servers):
        ends.append(seen.now)
    return Possible(_merged(alive), unknown), min(ends, default=NEVER)


def _pending(basis: _Basis) -> Iterable[tuple[Deed, Answer, Instant | None]]:
    """Intents without an outcome: possible until every address, caught up, was sighted after the in-flight bound."""
    seen = basis.seen
    for deed, written in basis.written:
        known = isinstance(deed.outcome, Conflict) or (
            isinstance(deed.outcome, Receipt) and deed.outcome.serial is not None
        )
        if not known:
            settled = caught_up(seen.servers, seen.spans, deed.intended + seen.limits.in_flight)
            yield deed, written, settled


def possible_writes(
    facts: Facts, zone: Name, answer: Answer, deeds: Iterable[Deed], now: Instant, limits: Limits
) -> Iterable[tuple[Deed, Held]]:
    """Deeds whose effect may be held, though perhaps no authority was seen to serve it, and until when.

    ``answer``: what stands for the effect; it is held for its TTL.
    """
    seen = Seen.of(facts, zone, answer.owner, answer.type, now, limits)
    for deed in deeds:
        if isinstance(deed.outcome, Receipt) and deed.outcome.serial is not None and deed.done is not None:
            gone, because = gone_at(Version(deed.outcome.serial, answer, deed.done), seen)
        elif not isinstance(deed.outcome, Conflict):
            gone = caught_up(seen.servers, seen.spans, deed.intended + limits.in_flight)
            because = f"what was begun at {clock(deed.intended)} has no known outcome"
        else:
            continue
        held = _hold(answer, gone, because, limits)
        if held.until is None or held.until > now:
            yield deed, held


def _hold(answer: Answer, gone: Instant | None, because: str, limits: Limits) -> Held:
    until = None if gone is None else gone + limits.hold(answer.ttl)
    end = signature_end(answer)
    bound = None if end == NEVER else end + SIGNATURE_SKEW + limits.lookup_delay
    if bound is not None and (until is None or bound < until):
        return Held(
            answer, bound, because if gone is None else f"{because}; its signatures end before caches forget it"
        )
    if until is not None:
        because += f"; caches may keep it for {limits.hold(answer.ttl).total_seconds():g} s"
    return Held(answer, until, because)


def _merged(held: Iterable[Held]) -> tuple[Held, ...]:
    """One entry for each content, with its latest end."""
    best: dict[tuple[frozenset[bytes] | None, int | None, frozenset[bytes]], Held] = {}
    for item in held:
        alias = item.answer.type if isinstance(item.answer, RRset) else None
        key = (rdatas_of(item.answer), alias, signed_by(item.answer))
        before = best.get(key)
        if before is None or (before.until is not None and (item.until is None or item.until > before.until)):
            best[key] = item
    return tuple(best.values())


def _unknown(zone: Name, basis: _Basis) -> Unknown | None:
    seen, rosters, limits = basis.seen, basis.rosters, basis.seen.limits
    if not rosters or seen.now - rosters[-1].last > limits.max_gap:
        return Unknown(None, f"which authorities {zone} has is not known any more")
    for ip in basis.primaries:
        if ip not in seen.spans or ip in seen.silent:
            return Unknown(None, f"{ip} is silent, and what is written there is not known")
    since = observed_since(seen, basis.primaries, basis.began)
    if since is None:
        return Unknown(None, "not every authority has been seen at the same serial without a gap")
    largest = max((span.answer.ttl for spans in seen.spans.values() for span in spans), default=0)
    past = max(timedelta(seconds=largest), limits.assumed_past_ttl)
    until = since + limits.ttl_factor * past + limits.propagation + limits.lookup_delay
    if until <= seen.now:
        return None
    return Unknown(until, f"the history began at {clock(since)}, and earlier answers may be cached")


__all__ = [
    "SIGNATURE_SKEW",
    "Held",
    "Possible",
    "Unknown",
    "members",
    "newest",
    "possible_answers",
    "possible_writes",
    "published_since",
    "visible",
    "zone_subject",
]
