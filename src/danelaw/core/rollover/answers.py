"""What clients may hold: every answer that a cache or an authority may supply.

An answer is a version: SOA serial, rdata and TTL. A version may be obtained as long as any authority may serve it, and
for a hold after the last one has left it behind; an authority has left it behind at its first sight above the version's
serial since its last sight at or below it. What no sight vouches for stays possible: silence, gaps, intents without an
outcome, and the time before the history began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, zip_longest
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import (
    IP,
    Absence,
    Answer,
    Instant,
    Limits,
    RRset,
    SubjectName,
    serial_gt,
)
from danelaw.core.model.dns import SERIAL_HALF
from danelaw.core.rollover.actions import Conflict, Publish, Receipt, SubmitDS
from danelaw.core.rollover.facts import Deed, Facts, Refusals, RosterSpan, Span
from danelaw.core.rollover.waivers import waivers, without

SIGNATURE_SKEW: Final = timedelta(days=1)
"""Validators forgive expired signatures for up to this long (Unbound's val-sig-skew-max)."""

_OF_EPOCHS: Final = frozenset({int(dns.rdatatype.DNSKEY), int(dns.rdatatype.SOA)})

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


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


def zone_subject(zone: Name) -> SubjectName:
    return SubjectName(zone.to_text())


def members(facts: Facts, zone: Name, now: Instant, limits: Limits) -> frozenset[IP]:
    """The addresses that clients may still take for authorities of the zone, without those that are waived."""
    return without(listed(facts, zone, now, limits), waivers(facts, zone_subject(zone), now))


def listed(facts: Facts, zone: Name, now: Instant, limits: Limits) -> frozenset[IP]:
    """The authorities of the zone that are listed now or were within the retention.

    How long an NS set is cached is not known to the facts; it is not cached for longer than that.
    """
    rosters = facts.rosters(zone)
    fresh = now - max(limits.retention, limits.hold(int(limits.assumed_past_ttl.total_seconds())))
    lately: Iterable[RosterSpan] = (roster for roster in rosters if roster.last >= fresh)
    return frozenset(ip for roster in (*rosters[-1:], *lately) for ip in roster.servers)


def newest(facts: Facts, zone: Name, owner: Name, type: int) -> Answer | None:
    """What the authority furthest ahead says, by serial: of those listed last, once one of them has answered.

    A primary that was seen as lately and is behind has been restored: what is written starts from what it holds.
    """
    rosters = facts.rosters(zone)
    listed = rosters[-1].servers if rosters else frozenset[IP]()
    seen = facts.spans(zone, owner, type)
    lasts = [spans[-1] for ip, spans in seen.items() if ip in listed] or [spans[-1] for spans in seen.values()]
    best: Span | None = None
    for span in lasts:
        if best is None or _above(span.serial, best.serial) or (span.serial == best.serial and span.last > best.last):
            best = span
    primary = seen.get(rosters[-1].primary) if rosters and rosters[-1].primary is not None else None
    if best is not None and primary and _above(best.serial, primary[-1].serial):
        best = primary[-1] if best.last - primary[-1].last <= facts.max_gap else best
    return best.answer if best else None


def visible(facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> frozenset[bytes] | None:
    """The rdata that every authority serves at its last sight; None while one is silent or says otherwise."""
    answers = []
    for ip in _answering(facts, zone, owner, type, now, limits):
        spans = facts.spans(zone, owner, type).get(ip)
        if not spans or now - spans[-1].last > limits.max_gap:
            return None
        answers.append(_rdatas(spans[-1].answer))
    return answers[0] if answers and all(a == answers[0] for a in answers) else None


def published_since(
    facts: Facts, zone: Name, owner: Name, type: int, rdatas: frozenset[bytes], now: Instant, limits: Limits
) -> Instant | None:
    """Since when every authority has served these records, whatever else beside them; None while one does not."""
    firsts = []
    for ip in _answering(facts, zone, owner, type, now, limits):
        first: Instant | None = None
        for span in reversed(facts.spans(zone, owner, type).get(ip, ())):
            if not rdatas <= (_rdatas(span.answer) or frozenset()):
                break
            first = span.first
        if first is None:
            return None
        firsts.append(first)
    return max(firsts, default=None)


def _refusing(facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> Mapping[IP, Refusals]:
    """The secondaries that refuse to answer: nobody gets anything from them. What is written to a primary is unknown
    while it refuses, as while it is silent."""
    refusing = facts.refusing(zone, owner, type)
    if not refusing:
        return refusing
    servers = members(facts, zone, now, limits)
    secondaries = servers - _primaries(facts, zone, servers, now)
    return {ip: r for ip, r in refusing.items() if ip in secondaries and now - r.last <= limits.max_gap}


def _answering(facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> frozenset[IP]:
    return members(facts, zone, now, limits) - _refusing(facts, zone, owner, type, now, limits).keys()


# -- answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the authorities of a zone were seen to say of one RRset.

    ``servers``: those that answer, or may again. ``refusing``: the others. ``silent``: those whose last sight vouches
    for nothing now: it is older than ``max_gap``, or they were asked again since and gave no answer.
    """

    servers: frozenset[IP]
    refusing: Mapping[IP, Refusals]
    spans: Mapping[IP, tuple[Span, ...]]
    silent: frozenset[IP]
    now: Instant
    limits: Limits

    @classmethod
    def of(cls, facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> _Seen:
        spans = facts.spans(zone, owner, type)
        old = (ip for ip, seen in spans.items() if now - seen[-1].last > limits.max_gap)
        silent = facts.unanswered(zone, owner, type).union(old)
        refusing = _refusing(facts, zone, owner, type, now, limits)
        servers = members(facts, zone, now, limits) - refusing.keys()
        return cls(servers, refusing, spans, silent, now, limits)


@dataclass(frozen=True, slots=True)
class _Version:
    serial: int
    answer: Answer
    known: Instant
    """Until when it may have been current: when something else was first seen where it was seen last, or the write."""


def possible_answers(facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> Possible:
    """Every answer for (owner, type) that a client may obtain at ``now`` or later without a new action."""
    key = (possible_answers, zone, owner, type, now, limits)
    return facts.once(key, lambda: _possible(facts, zone, owner, type, now, limits))


def _possible(facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> Possible:
    seen = _Seen.of(facts, zone, owner, type, now, limits)
    held: list[Held] = []
    for version in _foremost(_versions(facts, zone, owner, type)):
        gone, because = _gone(version, seen)
        held.append(_hold(version.answer, gone, because, limits))
    held.extend(_pending(facts, seen, zone, owner, type))
    unknown = _unknown(facts, zone, seen)
    alive = [h for h in held if h.until is None or h.until > now]
    return Possible(_merged(alive), unknown)


def _versions(facts: Facts, zone: Name, owner: Name, type: int) -> tuple[_Version, ...]:
    found: dict[tuple[int, frozenset[bytes] | None, int, frozenset[bytes]], _Version] = {}

    def note(serial: int, answer: Answer, known: Instant) -> None:
        key = (serial, _rdatas(answer), answer.ttl, _signed_by(answer))
        before = found.get(key)
        if before is not None:
            known = max(known, before.known)
            answer = max(before.answer, answer, key=_signature_end)
        found[key] = _Version(serial, answer, known)

    for spans in facts.spans(zone, owner, type).values():
        for span, later in zip_longest(spans, spans[1:]):
            if span.serial is not None:
                note(span.serial, span.answer, later.first if later is not None else span.last)
    for deed, written in _writes(facts, zone, owner, type):
        if isinstance(deed.outcome, Receipt) and deed.outcome.serial is not None and deed.done is not None:
            note(deed.outcome.serial, written, deed.done)
    return tuple(found.values())


def _foremost(versions: Sequence[_Version]) -> Sequence[_Version]:
    """Without those that are held no longer than a later one of the same content.

    Each authority left the later serial last, and until when an answer may be held is told of a content, not of a
    version: of years of serials that changed something else, one is looked at. Where serials lie so far apart that
    their order goes round in a circle (RFC 1982 §3.2), each is looked at.
    """
    serials = [version.serial for version in versions]
    if serials and max(serials) - min(serials) >= SERIAL_HALF:
        return versions
    kept: dict[tuple[frozenset[bytes] | None, int, int, frozenset[bytes]], list[_Version]] = {}
    for version in versions:
        answer = version.answer
        same = kept.setdefault((_rdatas(answer), answer.type, answer.ttl, _signed_by(answer)), [])
        if not any(_outlives(other, version) for other in same):
            same[:] = [other for other in same if not _outlives(version, other)]
            same.append(version)
    return [version for same in kept.values() for version in same]


def _outlives(later: _Version, earlier: _Version) -> bool:
    """Whether a version is held for as long as an earlier one of the same content, or longer."""
    return (
        later.serial > earlier.serial
        and later.known >= earlier.known
        and _signature_end(later.answer) >= _signature_end(earlier.answer)
    )


def _gone(version: _Version, seen: _Seen) -> tuple[Instant | None, str]:
    """When the last authority left a version behind; None while one may still serve it.

    Nobody serves what was last current longer ago than the retention: secondaries let it expire (RFC 1035 §3.3.13), and
    a silent primary is another matter (U).
    """
    expired = version.known + seen.limits.retention
    latest: Instant | None = None
    because = ""
    for ip in sorted(seen.servers.union(seen.refusing), key=str):
        at, why = _left(version, ip, seen) if ip in seen.servers else _refused(version, ip, seen)
        if at is None and seen.now <= expired:
            return None, why
        if at is None or at > expired:
            at, why = expired, f"{ip} may have served it until it expired at {_clock(expired)}"
        if latest is None or at > latest:
            latest, because = at, why
    if latest is None:
        return None, "no authority is known"
    return latest, because


def _left(version: _Version, ip: IP, seen: _Seen) -> tuple[Instant | None, str]:
    spans = seen.spans.get(ip)
    if not spans:
        return None, f"{ip} has never answered"
    expired = version.known + seen.limits.retention
    if ip in seen.silent and spans[-1].last <= expired:
        return None, f"{ip} is silent since {_clock(spans[-1].last)} and may serve any version since"
    if not _above(spans[-1].serial, version.serial):
        return None, f"{ip} serves serial {spans[-1].serial}"
    low = max((i for i, span in enumerate(spans) if not _above(span.serial, version.serial)), default=-1)
    at = spans[low + 1].first
    for before, after in pairwise(spans):
        gap = after.first - before.last > seen.limits.max_gap
        if gap and after.first > at and before.last <= expired:
            at = after.first
    return at, f"{ip} was first seen above serial {version.serial} at {_clock(at)}"


def _refused(version: _Version, ip: IP, seen: _Seen) -> tuple[Instant, str]:
    """When an authority that refuses now left a version behind: not after the first refusal."""
    since, spans = seen.refusing[ip].first, seen.spans.get(ip, ())
    low = max((i for i, span in enumerate(spans) if not _above(span.serial, version.serial)), default=-1)
    gaps = [b.first for a, b in pairwise(spans) if b.first - a.last > seen.limits.max_gap]
    if low == len(spans) - 1 or since - spans[-1].last > seen.limits.max_gap:
        at = since
    else:
        at = max(spans[low + 1].first, *gaps)
    return at, f"{ip} has refused to answer since {_clock(since)}"


def _pending(facts: Facts, seen: _Seen, zone: Name, owner: Name, type: int) -> Iterable[Held]:
    """Intents without an outcome: possible until every address, caught up, was sighted after the in-flight bound."""
    for deed, written in _writes(facts, zone, owner, type):
        known = isinstance(deed.outcome, Conflict) or (
            isinstance(deed.outcome, Receipt) and deed.outcome.serial is not None
        )
        if not known:
            settled = _caught_up(seen.servers, seen.spans, deed.intended + seen.limits.in_flight, seen.limits)
            because = f"the write begun at {_clock(deed.intended)} has no known outcome"
            yield _hold(written, settled, because, seen.limits)


def possible_writes(
    facts: Facts, zone: Name, answer: Answer, deeds: Iterable[Deed], now: Instant, limits: Limits
) -> Iterable[tuple[Deed, Held]]:
    """Deeds whose effect may be held, though perhaps no authority was seen to serve it, and until when.

    ``answer``: what stands for the effect; it is held for its TTL.
    """
    seen = _Seen.of(facts, zone, answer.owner, answer.type, now, limits)
    for deed in deeds:
        if isinstance(deed.outcome, Receipt) and deed.outcome.serial is not None and deed.done is not None:
            gone, because = _gone(_Version(deed.outcome.serial, answer, deed.done), seen)
        elif not isinstance(deed.outcome, Conflict):
            gone = _caught_up(seen.servers, seen.spans, deed.intended + limits.in_flight, limits)
            because = f"what was begun at {_clock(deed.intended)} has no known outcome"
        else:
            continue
        held = _hold(answer, gone, because, limits)
        if held.until is None or held.until > now:
            yield deed, held


def _hold(answer: Answer, gone: Instant | None, because: str, limits: Limits) -> Held:
    until = None if gone is None else gone + limits.hold(answer.ttl)
    end = _signature_end(answer)
    bound = None if end == _NEVER else end + SIGNATURE_SKEW + limits.lookup_delay
    if bound is not None and (until is None or bound < until):
        return Held(
            answer, bound, because if gone is None else f"{because}; its signatures end before caches forget it"
        )
    if until is not None:
        because += f"; caches may keep it for {limits.hold(answer.ttl).total_seconds():g} s"
    return Held(answer, until, because)


def _signature_end(answer: Answer) -> Instant:
    """When the last signature expires: no client accepts the answer for long after that. Far off where none bounds."""
    if not isinstance(answer, RRset) or not answer.rrsigs or any(len(sig) < 18 for sig in answer.rrsigs):
        return _NEVER
    # RFC 4034 §3.1.5: the expiration field, seconds since the epoch; read as they stand until 2106.
    last = max(int.from_bytes(sig[8:12], "big") for sig in answer.rrsigs)
    return datetime.fromtimestamp(last, UTC)


def _merged(held: Iterable[Held]) -> tuple[Held, ...]:
    """One entry for each content, with its latest end."""
    best: dict[tuple[frozenset[bytes] | None, int | None, frozenset[bytes]], Held] = {}
    for item in held:
        alias = item.answer.type if isinstance(item.answer, RRset) else None
        key = (_rdatas(item.answer), alias, _signed_by(item.answer))
        before = best.get(key)
        if before is None or (before.until is not None and (item.until is None or item.until > before.until)):
            best[key] = item
    return tuple(best.values())


def _unknown(facts: Facts, zone: Name, seen: _Seen) -> Unknown | None:
    rosters, limits = facts.rosters(zone), seen.limits
    if not rosters or seen.now - rosters[-1].last > limits.max_gap:
        return Unknown(None, f"which authorities {zone} has is not known any more")
    for ip in _primaries(facts, zone, seen.servers, seen.now):
        if ip not in seen.spans or ip in seen.silent:
            return Unknown(None, f"{ip} is silent, and what is written there is not known")
    since = _observed_since(facts, zone, seen)
    if since is None:
        return Unknown(None, "not every authority has been seen at the same serial without a gap")
    largest = max((span.answer.ttl for spans in seen.spans.values() for span in spans), default=0)
    past = max(timedelta(seconds=largest), limits.assumed_past_ttl)
    until = since + limits.ttl_factor * past + limits.lookup_delay
    if until <= seen.now:
        return None
    return Unknown(until, f"the history began at {_clock(since)}, and earlier answers may be cached")


def _observed_since(facts: Facts, zone: Name, seen: _Seen) -> Instant | None:
    """Since when every authority has been seen without interruption; None: not yet, or not any more.

    It starts when all are first seen at one serial, and while it is younger than ``retention``, a gap, a silence or a
    serial below the first restarts it. A silence that outlasts the ``retention`` moves it there: what was written
    before it began has expired by then. A gap at the primary restarts it at any age: nobody saw what was written there.
    """
    servers, limits = seen.servers, seen.limits
    began = facts.began(zone_subject(zone))
    start = began.at if began else datetime.min.replace(tzinfo=UTC)
    for ip in _primaries(facts, zone, servers, seen.now):
        gaps = [b.first for a, b in pairwise(seen.spans.get(ip, ())) if b.first - a.last > limits.max_gap]
        start = max(start, *gaps) if gaps else start
    while True:
        since = _caught_up(servers, seen.spans, start, limits)
        if since is None or since > seen.now:
            return None
        disturbed = _disturbed(seen, since)
        if disturbed is None:
            return since
        if disturbed > since + limits.retention:
            return since + limits.retention
        start = disturbed


def _primaries(facts: Facts, zone: Name, servers: frozenset[IP], now: Instant) -> frozenset[IP]:
    """Where updates arrive; any of the servers, if that is not known. One that is waived is not waited for."""
    rosters = facts.rosters(zone)
    primary = rosters[-1].primary if rosters else None
    if primary is None:
        return servers
    return frozenset({primary}) - (waivers(facts, zone_subject(zone), now).keys() - servers)


def _caught_up(
    servers: frozenset[IP], seen: Mapping[IP, tuple[Span, ...]], start: Instant, limits: Limits
) -> Instant | None:
    """The first instant at or after ``start`` at which every authority is vouched for at one and the same serial."""
    if not servers or any(ip not in seen for ip in servers):
        return None
    firsts = {span.first for ip in servers for span in seen[ip]}
    for at in sorted({max(first, start) for first in firsts} | {start}):
        serials = {_serial_at(seen[ip], at, limits) for ip in servers}
        if len(serials) == 1 and None not in serials:
            return at
    return None


def _serial_at(spans: tuple[Span, ...], at: Instant, limits: Limits) -> int | None:
    """The serial that a sight at or before ``at`` vouches for. At ``at`` itself there must have been a sight since."""
    current = None
    for span in spans:
        if span.first <= at:
            current = span
    if current is None or at > current.last:
        return None
    return current.serial


def _disturbed(seen: _Seen, since: Instant) -> Instant | None:
    """The first sight after the first disturbance that began while the history was younger than the retention."""
    servers, limits = seen.servers, seen.limits
    first_serial = next((s for ip in servers if (s := _serial_at(seen.spans[ip], since, limits)) is not None), None)
    events: list[Instant] = []
    young = since + limits.retention
    for ip in servers:
        spans = [span for span in seen.spans[ip] if span.last >= since]
        for before, after in pairwise(spans):
            gap = after.first - before.last > limits.max_gap
            back = first_serial is not None and _above(first_serial, after.serial)
            if (gap or back) and before.last <= young:
                events.append(after.first)
        if ip in seen.silent and spans[-1].last <= young:
            events.append(seen.now)
    return min((event for event in events if event > since), default=None)


# -- small things -----------------------------------------------------------------------------------------------------


def _writes(facts: Facts, zone: Name, owner: Name, type: int) -> Iterable[tuple[Deed, Answer]]:
    """What was written to an RRset: by a ``Publish`` into its zone, or, for a DS, handed to its parent."""
    for deed in facts.deeds:
        match deed.action:
            case Publish(at, _, new) if (at, new.owner, new.type) == (zone, owner, type):
                yield deed, new
            case SubmitDS(child, _, new) if (child, new.owner, new.type) == (owner, owner, type):
                yield deed, new


def _above(left: int | None, right: int | None) -> bool:
    """Whether a serial is above another; an unusable one is above nothing, and nothing is above it."""
    return left is not None and right is not None and serial_gt(left, right)


def _rdatas(answer: Answer) -> frozenset[bytes] | None:
    return None if isinstance(answer, Absence) else answer.rdatas


def _signed_by(answer: Answer) -> frozenset[bytes]:
    """Algorithms and tags of the keys that sign what zone epochs are told by (RFC 4034 §3.1); of the rest that is no
    matter: its version says it."""
    if not isinstance(answer, RRset) or answer.type not in _OF_EPOCHS:
        return frozenset()
    return frozenset(sig[2:3] + sig[16:18] for sig in answer.rrsigs)


def _clock(at: Instant) -> str:
    # As %H:%M:%S has it, which takes ten times as long.
    clock = f"{at.hour:02}:{at.minute:02}:{at.second:02}"
    return clock if at.microsecond == 0 else f"{clock}.{at.microsecond // 100_000}"
