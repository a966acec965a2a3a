"""What was seen and what it vouches for: the authorities, what each said last, and since when nothing is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise

from dns.name import Name

from danelaw.core.model import IP, Absence, Answer, Instant, Limits, SubjectName, serial_gt
from danelaw.core.rollover.facts import Began
from danelaw.core.rollover.fold import Facts, Refusals, RosterSpan, Span
from danelaw.core.rollover.waivers import waivers, without


def zone_subject(zone: Name) -> SubjectName:
    return _named(zone.labels)


@lru_cache(maxsize=4096)
def _named(labels: tuple[bytes, ...]) -> SubjectName:
    return SubjectName(Name(labels).to_text())


def members(facts: Facts, zone: Name, now: Instant, limits: Limits) -> frozenset[IP]:
    """The addresses that clients may still take for authorities of the zone, without those that are waived."""
    every, waived = listed(facts, zone, now, limits), waivers(facts, zone_subject(zone), now)
    return without(every, waived) if waived else every


def listed(facts: Facts, zone: Name, now: Instant, limits: Limits) -> frozenset[IP]:
    """The authorities of the zone that are listed now or were within the retention.

    How long an NS set is cached is not known to the facts; it is not cached for longer than that.
    """
    rosters = facts.rosters(zone)
    if len(rosters) == 1:
        return rosters[0].servers
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
        if best is None or above(span.serial, best.serial) or (span.serial == best.serial and span.last > best.last):
            best = span
    primary = seen.get(rosters[-1].primary) if rosters and rosters[-1].primary is not None else None
    if best is not None and primary and above(best.serial, primary[-1].serial):
        best = primary[-1] if best.last - primary[-1].last <= facts.max_gap else best
    return best.answer if best else None


def visible(facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> frozenset[bytes] | None:
    """The rdata that every authority serves at its last sight; None while one is silent or says otherwise."""
    answers = []
    for ip in _answering(facts, zone, owner, type, now, limits):
        spans = facts.spans(zone, owner, type).get(ip)
        if not spans or now - spans[-1].last > limits.max_gap:
            return None
        answers.append(rdatas_of(spans[-1].answer))
    return answers[0] if answers and all(a == answers[0] for a in answers) else None


def published_since(
    facts: Facts, zone: Name, owner: Name, type: int, rdatas: frozenset[bytes], now: Instant, limits: Limits
) -> Instant | None:
    """Since when every authority has served these records, whatever else beside them; None while one does not."""
    firsts = []
    for ip in _answering(facts, zone, owner, type, now, limits):
        first: Instant | None = None
        for span in reversed(facts.spans(zone, owner, type).get(ip, ())):
            if not rdatas <= (rdatas_of(span.answer) or frozenset()):
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
    secondaries = servers - primaries(facts, zone, servers, now)
    return {ip: r for ip, r in refusing.items() if ip in secondaries and now - r.last <= limits.max_gap}


def _answering(facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> frozenset[IP]:
    return members(facts, zone, now, limits) - _refusing(facts, zone, owner, type, now, limits).keys()


@dataclass(frozen=True, slots=True)
class Seen:
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
    def of(cls, facts: Facts, zone: Name, owner: Name, type: int, now: Instant, limits: Limits) -> Seen:
        spans = facts.spans(zone, owner, type)
        unanswered, vouching = facts.unanswered(zone, owner, type), now - limits.max_gap
        old = [ip for ip, seen in spans.items() if seen[-1].last < vouching]
        silent = unanswered.union(old) if old else unanswered
        refusing = _refusing(facts, zone, owner, type, now, limits)
        servers = members(facts, zone, now, limits)
        return cls(servers - refusing.keys() if refusing else servers, refusing, spans, silent, now, limits)


def observed_since(seen: Seen, primaries: frozenset[IP], began: Began | None) -> Instant | None:
    """Since when every authority has been seen without interruption; None: not yet, or not any more.

    It starts when all are first seen at one serial, and while it is younger than ``retention``, a gap, a silence or a
    serial below the first restarts it. A silence that outlasts the ``retention`` moves it there: what was written
    before it began has expired by then. A gap at the primary restarts it at any age: nobody saw what was written there.
    """
    servers, limits = seen.servers, seen.limits
    start = began.at if began else datetime.min.replace(tzinfo=UTC)
    for ip in primaries:
        gaps = [b.first for a, b in pairwise(seen.spans.get(ip, ())) if b.first - a.last > limits.max_gap]
        start = max(start, *gaps) if gaps else start
    while True:
        since = caught_up(servers, seen.spans, start)
        if since is None or since > seen.now:
            return None
        disturbed = _disturbed(seen, since)
        if disturbed is None:
            return since
        if disturbed > since + limits.retention:
            return since + limits.retention
        start = disturbed


def primaries(facts: Facts, zone: Name, servers: frozenset[IP], now: Instant) -> frozenset[IP]:
    """Where updates arrive; any of the servers, if that is not known. One that is waived is not waited for."""
    rosters = facts.rosters(zone)
    primary = rosters[-1].primary if rosters else None
    if primary is None:
        return servers
    return frozenset({primary}) - (waivers(facts, zone_subject(zone), now).keys() - servers)


def caught_up(servers: frozenset[IP], seen: Mapping[IP, tuple[Span, ...]], start: Instant) -> Instant | None:
    """The first instant at or after ``start`` at which every authority is vouched for at one and the same serial."""
    if not servers or any(ip not in seen for ip in servers):
        return None
    firsts = {span.first for ip in servers for span in seen[ip]}
    for at in sorted({max(first, start) for first in firsts} | {start}):
        serials = {serial_at(seen[ip], at) for ip in servers}
        if len(serials) == 1 and None not in serials:
            return at
    return None


def serial_at(spans: tuple[Span, ...], at: Instant) -> int | None:
    """The serial that a sight at or before ``at`` vouches for. At ``at`` itself there must have been a sight since."""
    current = next((span for span in reversed(spans) if span.first <= at), None)
    if current is None or at > current.last:
        return None
    return current.serial


def in_order(ips: Iterable[IP]) -> list[IP]:
    """Always in the same order."""
    return sorted(ips, key=_text)


@lru_cache(maxsize=4096)
def _text(ip: IP) -> str:
    return str(ip)


def _disturbed(seen: Seen, since: Instant) -> Instant | None:
    """The first sight after the first disturbance that began while the history was younger than the retention."""
    servers, limits = seen.servers, seen.limits
    first_serial = next((s for ip in servers if (s := serial_at(seen.spans[ip], since)) is not None), None)
    events: list[Instant] = []
    young = since + limits.retention
    for ip in servers:
        spans = [span for span in seen.spans[ip] if span.last >= since]
        for before, after in pairwise(spans):
            gap = after.first - before.last > limits.max_gap
            back = first_serial is not None and above(first_serial, after.serial)
            if (gap or back) and before.last <= young:
                events.append(after.first)
        if ip in seen.silent and spans[-1].last <= young:
            events.append(seen.now)
    return min((event for event in events if event > since), default=None)


def above(left: int | None, right: int | None) -> bool:
    """Whether a serial is above another; an unusable one is above nothing, and nothing is above it."""
    return left is not None and right is not None and serial_gt(left, right)


def rdatas_of(answer: Answer) -> frozenset[bytes] | None:
    return None if isinstance(answer, Absence) else answer.rdatas
