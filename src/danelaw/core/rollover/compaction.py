"""Facts without what can no longer change any judgement: of years of passes a few lines remain.

For every later instant, and whatever is learnt later from the authorities known so far, the compacted facts lead to
the same answers, chains, judgements and plans; only what is said of times long past is said of the cut. One
difference is meant: a write whose outcome never came, and which every authority has since gone past, is not brought up
again because another authority joins them. So is another: a dns-01 response that an authority brings back from a time
long past is not tidied up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import (
    IP,
    Answer,
    Failed,
    GenerationId,
    HostName,
    Instant,
    Issued,
    Limits,
    Lineage,
    NeedChallenge,
    Pending,
    RRset,
    Unreachable,
    serial_gt,
)
from danelaw.core.rollover.actions import (
    AdvanceOrder,
    ClearChallenge,
    Conflict,
    DestroyKey,
    DestroyZoneKey,
    MakeKey,
    MakeZoneKey,
    MakeZoneKeys,
    PlaceChallenge,
    Publish,
    Receipt,
    Retire,
    ReuseKey,
    Revoke,
    SignZone,
    SubmitDS,
    Switch,
)
from danelaw.core.rollover.answers import possible_writes
from danelaw.core.rollover.chains import drained, seen_since
from danelaw.core.rollover.fold import Deed, Facts, PresentedSpan, RosterSpan, RRsetKey, Span
from danelaw.core.rollover.history import caught_up, listed, newest, rdatas_of, serial_at
from danelaw.core.rollover.versions import signature_end

DNSKEY, SOA, TXT = int(dns.rdatatype.DNSKEY), int(dns.rdatatype.SOA), int(dns.rdatatype.TXT)
COUNTED: Final = 24
"""What is tried again and again is tried ever more seldom: that is told by the last so many times, and by fewer."""
MACHINES: Final = 8
"""So many starts of machines are remembered. One that is not is taken for a new one, and history begins anew."""

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
    new._deeds = _remembered(facts, new, before, now, limits)
    stored = {g.chain for holding in facts._holdings.values() for g in holding.generations}
    new._renewals = {chain: told for chain, told in facts._renewals.items() if chain in stored}
    newest_clocks = sorted(facts._clocks.values(), key=lambda read: read.at)[-MACHINES:]
    new._clocks = {read.boot: read for read in newest_clocks}
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


def _by_the_ca(deed: Deed) -> bool:
    """Whether a step of an order ended with a word of the CA's."""
    return isinstance(deed.outcome, NeedChallenge | Pending | Issued | Failed)


def _remembered(facts: Facts, kept: Facts, before: Instant, now: Instant, limits: Limits) -> tuple[Deed, ...]:
    """The deeds that something still reads."""
    past = _Past(facts, kept, before, now, limits)
    switches = past.switches_gone_by()
    later: list[Deed] = []
    for deed in reversed(facts.deeds):
        if deed not in switches and not past.forgets(deed, later):
            later.append(deed)
    return tuple(reversed(later))


@dataclass(frozen=True, slots=True)
class _Past:
    """``kept``: what is remembered of the sights. What was last done ``before`` may be forgotten."""

    facts: Facts
    kept: Facts
    before: Instant
    now: Instant
    limits: Limits

    def forgets(self, deed: Deed, later: Sequence[Deed]) -> bool:
        """Whether nothing reads a deed any more. ``later``: those after it that are remembered."""
        if not self._old(deed):
            return False
        match deed.action:
            case Publish(zone, _, new):
                if new.type == TXT and self._served(zone, new):
                    return False  # there is something to tidy up
                return self._settled(deed, zone, new)
            case SubmitDS(zone, _, new):
                parents = self.facts.zones_with(zone, new.type)
                return bool(parents) and all(self._settled(deed, parent, new) for parent in parents)
            case SignZone():
                return self._signing_gone_by(deed, deed.action, later)
            case AdvanceOrder(lineage, generation, order):
                return not self._stored(lineage, generation) or any(
                    isinstance(other.action, AdvanceOrder)
                    and (other.action.lineage, other.action.generation) == (lineage, generation)
                    and set(order.names) <= set(other.action.order.names)
                    and (_by_the_ca(other) or not _by_the_ca(deed))
                    for other in later
                )
            case PlaceChallenge(lineage, generation, challenge):
                clear = ClearChallenge(lineage, generation, challenge)
                return not self._awaited(lineage, generation) and any(
                    isinstance(other.outcome, Receipt) for other in self.facts.deeds if other.action == clear
                )
            case ClearChallenge(lineage, generation, challenge):
                place = PlaceChallenge(lineage, generation, challenge)
                return not self._awaited(lineage, generation) and all(
                    self._old(other) for other in self.facts.deeds if other.action == place
                )
            case MakeKey(lineage) | ReuseKey(lineage):
                holding = self.facts.holding(lineage)
                return holding is not None and deed.intended < holding.at
            case DestroyKey(lineage, generation):
                return not isinstance(deed.outcome, Receipt) or not self._stored(lineage, generation)
            case MakeZoneKeys() | MakeZoneKey() | DestroyZoneKey():
                return True
            case Revoke(lineage, generation) if not self._stored(lineage, generation):
                return True
            case Switch() | Retire() | Revoke():
                same = (other for other in later if other.action == deed.action)
                return sum(type(other.outcome) is type(deed.outcome) for other in same) >= COUNTED
            case _:
                return False

    def switches_gone_by(self) -> frozenset[Deed]:
        """Those to credentials that are destroyed and that nobody can present any more, up to the first on a path that
        is not of these: the rest are counted."""
        accepted = [d for d in self.facts.deeds if isinstance(d.action, Switch) and isinstance(d.outcome, Receipt)]
        latest = {(d.action.lineage, d.action.host): d for d in accepted if isinstance(d.action, Switch)}
        ended: set[tuple[Lineage, HostName]] = set()
        found: set[Deed] = set()
        for deed in self.facts.deeds:
            if not isinstance(deed.action, Switch | Retire):
                continue
            path = deed.action.lineage, deed.action.host
            if (
                isinstance(deed.action, Switch)
                and path not in ended
                and self._old(deed)
                and deed is not latest.get(path)
                and not self._stored(deed.action.lineage, deed.action.generation)
                and self._seen_since(deed, deed.action)
            ):
                found.add(deed)
            else:
                ended.add(path)
        return frozenset(found)

    def _seen_since(self, deed: Deed, switch: Switch) -> bool:
        """Whether every address was seen since, by the strictest that any service may take that to be."""
        began = max(self.facts._began.values(), key=lambda told: told.at, default=None)
        return isinstance(deed.outcome, Conflict) or all(
            seen_since(deed, switch, hellos, began, self.now, self.limits) for hellos in self.facts._presented.values()
        )

    def _old(self, deed: Deed) -> bool:
        return max(deed.intended, deed.done or deed.intended) < self.before

    def _stored(self, lineage: Lineage, generation: GenerationId) -> bool:
        holding = self.facts.holding(lineage)
        return holding is None or any(g.generation == generation for g in holding.generations)

    def _awaited(self, lineage: Lineage, generation: GenerationId) -> bool:
        """Whether a certificate may still come."""
        holding = self.facts.holding(lineage)
        return holding is None or any(g.generation == generation and g.chain is None for g in holding.generations)

    def _served(self, zone: Name, answer: Answer) -> bool:
        spans = self.facts.spans(zone, answer.owner, answer.type).values()
        written = rdatas_of(answer) or frozenset()
        return any((rdatas_of(seen[-1].answer) or frozenset()) & written for seen in spans if seen)

    def _settled(self, deed: Deed, zone: Name, written: Answer) -> bool:
        """Whether a write can no longer be held, or is told by the sights as well."""
        if isinstance(deed.outcome, Conflict):
            return True
        key: RRsetKey = (zone, written.owner, written.type)
        if isinstance(deed.outcome, Receipt) and deed.outcome.serial is not None:
            version = (deed.outcome.serial, rdatas_of(written), written.ttl)
            return not any(
                _version(span) == version and signature_end(span.answer) != signature_end(written)
                for spans in self.kept.spans(*key).values()
                for span in spans
            )
        servers = listed(self.facts, zone, self.now, self.limits)
        settled = caught_up(servers, self.facts.spans(*key), deed.intended + self.limits.in_flight)
        return settled is not None and settled + self.limits.hold(written.ttl) <= self.now

    def _signing_gone_by(self, deed: Deed, signing: SignZone, later: Sequence[Deed]) -> bool:
        """Whether what it made is held no longer, and its keys are destroyed, or told of by a later signing."""
        zone, store = signing.zone, self.facts.zone_keys(signing.zone)
        if store is None:
            return False
        there = {pair.dnskey for pair in store.pairs}
        told = {
            key
            for other in later
            if isinstance(other.action, SignZone) and other.action.zone == zone
            for key in other.action.keys | other.action.signers
        }
        if not (signing.keys | signing.signers) & there <= told:
            return False
        for type in (DNSKEY, SOA):
            served = newest(self.facts, zone, zone, type)
            if served is None:
                return False
            stands = replace(served, rrsigs=frozenset()) if isinstance(served, RRset) else served
            if any(possible_writes(self.facts, zone, stands, [deed], self.now, self.limits)):
                return False
        return True
