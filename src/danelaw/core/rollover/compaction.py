"""Facts without what can no longer change any judgement: of years of passes a few lines remain.

For every later instant, and whatever is learnt later from the authorities known so far, the compacted facts lead to
the same answers, chains, judgements and plans; only what is said of times long past is said of the cut. One
difference is meant: a write whose outcome never came, and which every authority has since gone past, is not brought up
again because another authority joins them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

import dns.rdatatype

from danelaw.core.model import IP, Instant, Limits, Unreachable, serial_gt
from danelaw.core.rollover.actions import AdvanceOrder, Conflict, MakeKey, Publish, Receipt, ReuseKey
from danelaw.core.rollover.chains import drained
from danelaw.core.rollover.facts import Deed, Facts, PresentedSpan, RosterSpan, RRsetKey, Span
from danelaw.core.rollover.history import caught_up, listed, rdatas_of, serial_at
from danelaw.core.rollover.versions import signature_end

TXT = int(dns.rdatatype.TXT)

Seen = Mapping[IP, tuple[Span, ...]]


def compact(facts: Facts, now: Instant, limits: Limits) -> Facts:
    """The same for every judgement at ``now`` or later. Facts that are added afterwards are not older than ``now``."""
    reach_back = memory(facts, limits)
    before = now - reach_back
    new = facts.add()
    for key, seen in facts._spans.items():
        servers = listed(facts, key[0], now, limits)  # a waiver ends one day
        cut = _cut(servers, seen, before, now, reach_back, limits)
        if cut is not None:
            new._spans[key] = _since(cut, servers, seen)
    for zone, rosters in facts._rosters.items():
        fresh = [r for r in rosters[:-1] if r.last >= before]
        new._rosters[zone] = tuple(_roster_since(before, r) for r in (*fresh, rosters[-1]))
    for address, hellos in facts._presented.items():
        new._presented[address] = {hello: _presented_since(before, spans, limits) for hello, spans in hellos.items()}
    new._deeds = tuple(d for d in facts.deeds if not _forgotten(d, facts, new, before, now, limits))
    return new


def memory(facts: Facts, limits: Limits) -> timedelta:
    """How long ago something may lie and yet matter."""
    ttls = (span.answer.ttl for seen in facts._spans.values() for spans in seen.values() for span in spans)
    written = (d.action.replace.ttl for d in facts.deeds if isinstance(d.action, Publish))
    longest = max(*ttls, *written, *facts._zone_ttls.values(), int(limits.assumed_past_ttl.total_seconds()), 0)
    cached = limits.hold(longest)
    presented = limits.in_flight + limits.drain + limits.lookup_delay
    others = (limits.linger, limits.standby_settle, limits.in_flight + cached, 2 * limits.pass_interval, presented)
    return max(limits.retention + cached, *others) + limits.max_gap


def _cut(
    servers: frozenset[IP], seen: Seen, before: Instant, now: Instant, reach_back: timedelta, limits: Limits
) -> Instant | None:
    """From when on to remember: there all authorities were seen at one serial, and for long nothing was amiss."""
    if not servers or any(not seen.get(ip) for ip in servers):
        return None
    amiss = sorted(_amiss(servers, seen, now, limits), reverse=True)
    cut: Instant | None = before
    while cut is not None:
        near = [at for at in amiss if cut - limits.max_gap <= at <= cut + reach_back]
        if near:
            cut = near[-1] - reach_back - limits.max_gap
            continue
        together = _together(servers, seen, cut, limits)
        if together == cut or together is None:
            return together
        cut = together
    return None


def _amiss(servers: frozenset[IP], seen: Seen, now: Instant, limits: Limits) -> Iterable[Instant]:
    """The last sights before a gap, a silence, or a step back to a lower serial."""
    for ip in servers:
        spans = seen[ip]
        for i, span in enumerate(spans):
            following = spans[i + 1] if i + 1 < len(spans) else None
            if following is None:
                if now - span.last > limits.max_gap:
                    yield span.last
            elif following.first - span.last > limits.max_gap or not _above_or_same(following, span):
                yield span.last


def _above_or_same(later: Span, earlier: Span) -> bool:
    if later.serial is None or earlier.serial is None:
        return False
    return later.serial == earlier.serial or serial_gt(later.serial, earlier.serial)


def _together(servers: frozenset[IP], seen: Seen, cut: Instant, limits: Limits) -> Instant | None:
    """The latest instant up to ``cut`` at which all were vouched for at one serial."""
    ends = {span.last for ip in servers for span in seen[ip] if span.last <= cut}
    for at in sorted({cut} | ends, reverse=True):
        serials = {serial_at(seen[ip], at) for ip in servers}
        if len(serials) == 1 and None not in serials:
            return at
    return None


def _since(cut: Instant, servers: frozenset[IP], seen: Seen) -> dict[IP, tuple[Span, ...]]:
    kept = {ip: _spans_since(cut, spans) if ip in servers else spans for ip, spans in seen.items()}
    remaining = {_version(span): span.answer for spans in kept.values() for span in spans}
    if any(remaining.get(_version(s), s.answer) != s.answer for spans in seen.values() for s in spans):
        return dict(seen)  # the same version was signed otherwise: what is to be forgotten says more of it
    largest = max(span.answer.ttl for spans in kept.values() for span in spans)
    for ip, spans in seen.items():
        longest = max(spans, key=lambda span: span.answer.ttl)
        if longest.answer.ttl > largest:
            largest = longest.answer.ttl
            kept[ip] = (longest, *kept[ip])  # how long anything may be cached is not forgotten
    return kept


def _spans_since(cut: Instant, spans: tuple[Span, ...]) -> tuple[Span, ...]:
    start = max((i for i, span in enumerate(spans) if span.first < cut), default=0)
    return tuple(replace(s, first=max(s.first, min(cut, s.last))) for s in spans[start:])


def _version(span: Span) -> tuple[int | None, frozenset[bytes] | None, int]:
    return span.serial, rdatas_of(span.answer), span.answer.ttl


def _roster_since(before: Instant, roster: RosterSpan) -> RosterSpan:
    return replace(roster, first=max(roster.first, min(before, roster.last)))


def _presented_since(before: Instant, spans: tuple[PresentedSpan, ...], limits: Limits) -> tuple[PresentedSpan, ...]:
    kept: list[PresentedSpan] = []
    for i, span in enumerate(spans):
        later = [s for s in spans[i + 1 :] if not isinstance(s.got, Unreachable)]
        silent = isinstance(span.got, Unreachable) and i + 1 < len(spans)
        if not silent and (not later or later[0].first >= before or not drained(later, limits)):
            kept.append(replace(span, first=max(span.first, min(before, span.last))))
    return tuple(kept)


def _forgotten(deed: Deed, facts: Facts, kept: Facts, before: Instant, now: Instant, limits: Limits) -> bool:
    """Whether nothing reads a deed any more. Switches, destructions and challenges are counted, and kept."""
    if max(deed.intended, deed.done or deed.intended) >= before:
        return False
    match deed.action:
        case Publish(_, _, new) if new.type != TXT:
            return _write_forgotten(deed, deed.action, facts, kept, now, limits)
        case AdvanceOrder(lineage, generation, _):
            holding = facts.holding(lineage)
            return holding is not None and any(
                g.generation == generation and g.chain is not None for g in holding.generations
            )
        case MakeKey(lineage) | ReuseKey(lineage):
            holding = facts.holding(lineage)
            return holding is not None and deed.intended < holding.at
        case _:
            return False


def _write_forgotten(deed: Deed, change: Publish, facts: Facts, kept: Facts, now: Instant, limits: Limits) -> bool:
    if isinstance(deed.outcome, Conflict):
        return True
    key: RRsetKey = (change.zone, change.replace.owner, change.replace.type)
    if isinstance(deed.outcome, Receipt) and deed.outcome.serial is not None:
        version = (deed.outcome.serial, rdatas_of(change.replace), change.replace.ttl)
        return not any(
            _version(span) == version and signature_end(span.answer) != signature_end(change.replace)
            for spans in kept.spans(*key).values()
            for span in spans
        )
    servers = listed(facts, change.zone, now, limits)
    settled = caught_up(servers, facts.spans(*key), deed.intended + limits.in_flight)
    return settled is not None and settled + limits.hold(change.replace.ttl) <= now
