"""The fold of all that was learnt or intended: what the gate and the planner read.

``Facts`` folds the facts: sights of the same version that follow each other without a gap become one ``Span``, so that
years of passes stay small. Folding in one go or piece by piece gives the same value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeAlias, TypeVar, cast

from dns.name import Name

from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.model import (
    IP,
    Answer,
    Chain,
    Endpoint,
    Failed,
    Hello,
    Instant,
    Issued,
    Lineage,
    NeedChallenge,
    OrderState,
    Pending,
    SubjectName,
)
from danelaw.core.rollover.actions import Action, AdvanceOrder, Outcome
from danelaw.core.rollover.facts import (
    Began,
    ClockRead,
    Dated,
    Done,
    Fact,
    Got,
    Holding,
    Intended,
    Judged,
    Presented,
    RenewalInfo,
    Requested,
    RequestedZoneRoll,
    Roster,
    Sight,
    ZoneKeys,
)
from danelaw.core.rollover.words import Accepted, Adopted, Disowned, Paused, RequestedRemoval, Waived, Word

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """Sights of one version at one authority that followed each other with no gap and nothing else between."""

    serial: int | None
    answer: Answer
    first: Instant
    last: Instant


@dataclass(frozen=True, slots=True)
class PresentedSpan:
    got: Got
    first: Instant
    last: Instant


@dataclass(frozen=True, slots=True)
class Deed:
    """An intent with its outcome, once there is one."""

    intended: Instant
    action: Action
    done: Instant | None = None
    outcome: Outcome | None = None
    despite: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusals:
    """From when to when an authority refused to answer, each time that it was asked, without a gap."""

    first: Instant
    last: Instant


RRsetKey: TypeAlias = tuple[Name, Name, int]
"""(zone, owner, type)"""


@dataclass(frozen=True, slots=True)
class RosterSpan:
    servers: frozenset[IP]
    primary: IP | None
    first: Instant
    last: Instant


class Facts:
    """The fold of a fact log: an immutable, hashable value.

    ``max_gap``: how long a sight vouches (``Limits.max_gap``); it decides where spans break. Facts of one kind and key
    are added in the order of their instants.
    """

    __slots__ = (
        "_began",
        "_clocks",
        "_dates",
        "_deeds",
        "_emergencies",
        "_hash",
        "_holdings",
        "_judged",
        "_memo",
        "_presented",
        "_refusals",
        "_renewals",
        "_requested",
        "_rosters",
        "_spans",
        "_unanswered",
        "_words",
        "_zone_keys",
        "_zone_rolls",
        "_zone_ttls",
        "kept",
        "max_gap",
        "told",
    )

    def __init__(self, max_gap: timedelta) -> None:
        self.max_gap = max_gap
        self._spans: dict[RRsetKey, dict[IP, tuple[Span, ...]]] = {}
        self._unanswered: dict[RRsetKey, frozenset[IP]] = {}
        self._refusals: dict[RRsetKey, dict[IP, Refusals]] = {}
        self._rosters: dict[Name, tuple[RosterSpan, ...]] = {}
        self._presented: dict[tuple[Endpoint, IP], dict[Hello, tuple[PresentedSpan, ...]]] = {}
        self._judged: dict[tuple[Name, int], Judged] = {}
        self._holdings: dict[Lineage, Holding] = {}
        self._zone_keys: dict[Name, ZoneKeys] = {}
        self._zone_rolls: dict[tuple[Name, bool], RequestedZoneRoll] = {}
        self._zone_ttls: dict[Name, int] = {}
        self._renewals: dict[Chain, RenewalInfo] = {}
        self._requested: dict[Lineage, Requested] = {}
        self._emergencies: dict[Lineage, tuple[Requested, ...]] = {}
        self._began: dict[SubjectName, Began] = {}
        self._clocks: dict[str, ClockRead] = {}
        self._dates: dict[str, Dated] = {}
        self._deeds: tuple[Deed, ...] = ()
        self._words: tuple[Word, ...] = ()
        self._hash: int | None = None
        self._memo: dict[Hashable, object] = {}
        self.told: dict[Hashable, object] = {}
        """What was worked out of these facts and is asked for again and again."""
        self.kept: dict[Hashable, object] = {}
        """What was worked out of these facts, or of others that they were added to or that were added to them: no part
        of the value. Whoever takes it up again sees for himself that it still holds."""

    # -- folding ------------------------------------------------------------------------------------------------

    def add(self, *facts: Fact) -> Facts:
        """These facts and the given ones; this value stays as it is."""
        new = Facts(self.max_gap)
        new.kept = self.kept
        for slot in _VALUE_SLOTS:
            value = getattr(self, slot)
            setattr(new, slot, dict(value) if isinstance(value, dict) else value)
        for fact in facts:
            new._fold(fact)
        return new

    def _fold(self, fact: Fact) -> None:
        match fact:
            case Sight():
                self._fold_sight(fact)
            case Roster():
                self._fold_roster(fact)
            case Presented():
                self._fold_presented(fact)
            case Judged():
                self._judged[fact.owner, fact.type] = fact
            case Holding():
                self._fold_holding(fact)
            case ZoneKeys():
                self._fold_zone_keys(fact)
                self._zone_ttls[fact.zone] = max(fact.longest_ttl, self._zone_ttls.get(fact.zone, 0))
            case RenewalInfo():
                self._renewals[fact.chain] = fact
            case Requested():
                self._requested[fact.lineage] = fact
                if fact.emergency:
                    self._emergencies[fact.lineage] = (*self.emergencies(fact.lineage), fact)
            case RequestedZoneRoll():
                self._zone_rolls[fact.zone, fact.role is not KeyRole.ZSK] = fact
            case Began():
                self._began[fact.subject] = fact
            case Waived() | Accepted() | Paused() | Adopted() | Disowned() | RequestedRemoval():
                self._words += (fact,)
            case Intended():
                self._deeds += (Deed(fact.at, fact.action, despite=fact.despite),)
            case Done():
                self._fold_done(fact)
            case ClockRead():
                self._fold_clock(fact)
            case Dated():
                self._dates[fact.source] = fact

    def _fold_sight(self, sight: Sight) -> None:
        key = (sight.zone, sight.owner, sight.type)
        unanswered = self._unanswered.get(key, frozenset())
        self._fold_refusal(key, sight)
        if sight.answer is None:
            self._unanswered[key] = unanswered | {sight.server}
            return
        answer = sight.answer
        if sight.server in unanswered:
            self._unanswered[key] = unanswered - {sight.server}
        servers = self._spans[key] = dict(self._spans.get(key, {}))
        seen = servers.get(sight.server, ())
        last = seen[-1] if seen else None
        if (
            last is not None
            and (last.serial, last.answer) == (sight.serial, answer)
            and sight.at - last.last <= self.max_gap
        ):
            servers[sight.server] = (*seen[:-1], Span(last.serial, last.answer, last.first, max(last.last, sight.at)))
        else:
            servers[sight.server] = (*seen, Span(sight.serial, answer, sight.at, sight.at))

    def _fold_refusal(self, key: RRsetKey, sight: Sight) -> None:
        before = self._refusals.get(key, {})
        if not sight.refused:
            if sight.server in before:
                self._refusals[key] = {ip: told for ip, told in before.items() if ip != sight.server}
            return
        told = before.get(sight.server)
        if told is None or sight.at - told.last > self.max_gap:
            told = Refusals(sight.at, sight.at)
        self._refusals[key] = {**before, sight.server: replace(told, last=max(told.last, sight.at))}

    def _fold_roster(self, roster: Roster) -> None:
        seen = self._rosters.get(roster.zone, ())
        if seen and (seen[-1].servers, seen[-1].primary) == (roster.servers, roster.primary):
            last = seen[-1]
            on = RosterSpan(last.servers, last.primary, last.first, max(last.last, roster.at))
            self._rosters[roster.zone] = (*seen[:-1], on)
        else:
            self._rosters[roster.zone] = (*seen, RosterSpan(roster.servers, roster.primary, roster.at, roster.at))

    def _fold_presented(self, sight: Presented) -> None:
        key = (sight.endpoint, sight.address)
        hellos = self._presented[key] = dict(self._presented.get(key, {}))
        seen = hellos.get(sight.hello, ())
        if seen and seen[-1].got == sight.got:
            last = seen[-1]
            hellos[sight.hello] = (*seen[:-1], PresentedSpan(last.got, last.first, max(last.last, sight.at)))
        else:
            hellos[sight.hello] = (*seen, PresentedSpan(sight.got, sight.at, sight.at))

    def _fold_done(self, done: Done) -> None:
        for index in range(len(self._deeds) - 1, -1, -1):
            deed = self._deeds[index]
            if deed.action == done.action and deed.done is None:
                told = replace(deed, done=done.at, outcome=done.outcome)
                self._deeds = (*self._deeds[:index], told, *self._deeds[index + 1 :])
                return
        self._deeds += (Deed(done.at, done.action, done.at, done.outcome),)

    def _fold_holding(self, holding: Holding) -> None:
        """When a key was made is told once: the store knows it by a clock that may have been set since.

        It was made before it was seen, whatever the store says: the clock may have been set back before that.
        """
        before = self._holdings.get(holding.lineage)
        told = {(g.generation, g.spki): g.created for g in before.generations} if before is not None else {}
        made = [min(told.get((g.generation, g.spki), g.created), holding.at) for g in holding.generations]
        if any(g.created != created for g, created in zip(holding.generations, made, strict=True)):
            kept = (replace(g, created=created) for g, created in zip(holding.generations, made, strict=True))
            holding = replace(holding, generations=tuple(kept))
        self._holdings[holding.lineage] = holding

    def _fold_zone_keys(self, keys: ZoneKeys) -> None:
        """As in ``_fold_holding``."""
        before = self._zone_keys.get(keys.zone)
        told = {p.dnskey: p.created for p in before.pairs if p.created is not None} if before is not None else {}
        made = [_earlier(told.get(pair.dnskey, pair.created), keys.at) for pair in keys.pairs]
        if any(pair.created != created for pair, created in zip(keys.pairs, made, strict=True)):
            kept = (replace(pair, created=created) for pair, created in zip(keys.pairs, made, strict=True))
            keys = replace(keys, pairs=tuple(kept))
        self._zone_keys[keys.zone] = keys

    def _fold_clock(self, read: ClockRead) -> None:
        """Move what was told, and let zones begin anew where nobody can say that no more time has passed than that.

        The machine may have stood still while its clocks did, or been off: what a sight vouches for may be over.
        """
        known = read.boot in self._clocks
        last = {zone: rosters[-1].last for zone, rosters in self._rosters.items() if rosters}
        if read.by:
            self._move(read.by)
            self.kept = {}  # it is told by instants that are no more
        reason = "the clock was set" if known else "the machine was started again, or it is another one"
        for zone, seen in last.items():
            if read.at - seen > self.max_gap or (read.at < seen and not known):
                subject = SubjectName(zone.to_text())
                self._began[subject] = Began(read.at, subject, reason)
        self._clocks[read.boot] = read

    def _move(self, by: timedelta) -> None:
        """Every instant of ours, and none that the world has: the dates of certificates, signatures and windows."""
        self._spans = {
            key: {
                ip: tuple(replace(s, first=s.first + by, last=s.last + by) for s in spans) for ip, spans in seen.items()
            }
            for key, seen in self._spans.items()
        }
        self._refusals = {
            key: {ip: replace(told, first=told.first + by, last=told.last + by) for ip, told in refusing.items()}
            for key, refusing in self._refusals.items()
        }
        self._rosters = {
            zone: tuple(replace(r, first=r.first + by, last=r.last + by) for r in rosters)
            for zone, rosters in self._rosters.items()
        }
        self._presented = {
            key: {
                hello: tuple(replace(s, first=s.first + by, last=s.last + by) for s in spans)
                for hello, spans in hellos.items()
            }
            for key, hellos in self._presented.items()
        }
        self._holdings = {
            lineage: replace(
                told,
                at=told.at + by,
                generations=tuple(replace(g, created=g.created + by) for g in told.generations),
            )
            for lineage, told in self._holdings.items()
        }
        self._zone_keys = {
            zone: replace(
                told,
                at=told.at + by,
                pairs=tuple(replace(p, created=p.created + by) if p.created else p for p in told.pairs),
            )
            for zone, told in self._zone_keys.items()
        }
        self._judged = {key: replace(told, at=told.at + by) for key, told in self._judged.items()}
        self._zone_rolls = {key: replace(told, at=told.at + by) for key, told in self._zone_rolls.items()}
        self._renewals = {key: replace(told, at=told.at + by) for key, told in self._renewals.items()}
        self._requested = {key: replace(told, at=told.at + by) for key, told in self._requested.items()}
        self._emergencies = {
            key: tuple(replace(told, at=told.at + by) for told in words) for key, words in self._emergencies.items()
        }
        self._began = {key: replace(told, at=told.at + by) for key, told in self._began.items()}
        self._dates = {key: replace(told, at=told.at + by) for key, told in self._dates.items()}
        self._clocks = {boot: replace(read, at=read.at + by) for boot, read in self._clocks.items()}
        self._deeds = tuple(_moved(deed, by) for deed in self._deeds)
        self._words = tuple(word.moved(by) for word in self._words)

    # -- reading ------------------------------------------------------------------------------------------------

    def spans(self, zone: Name, owner: Name, type: int) -> Mapping[IP, tuple[Span, ...]]:
        """What each authority was seen to say, oldest first."""
        return self._spans.get((zone, owner, type), {})

    def unanswered(self, zone: Name, owner: Name, type: int) -> frozenset[IP]:
        """The authorities that gave no answer when they were asked last."""
        return self._unanswered.get((zone, owner, type), frozenset())

    def refusing(self, zone: Name, owner: Name, type: int) -> Mapping[IP, Refusals]:
        """The authorities that refused to answer when they were asked last."""
        return self._refusals.get((zone, owner, type), {})

    def zones_with(self, owner: Name, type: int) -> tuple[Name, ...]:
        """The zones in which (owner, type) was sighted: for a DS, the parent."""
        return tuple(zone for zone, seen_owner, seen_type in self._spans if (seen_owner, seen_type) == (owner, type))

    def places_of(self, type: int) -> tuple[tuple[Name, Name], ...]:
        """Every (zone, owner) of which this type was sighted."""
        return tuple((zone, owner) for zone, owner, seen in self._spans if seen == type)

    def sighted(self, zone: Name) -> tuple[tuple[Name, int], ...]:
        """Every (owner, type) that was sighted in the zone."""
        return tuple((owner, type) for in_zone, owner, type in self._spans if in_zone == zone)

    def zone_spans(self, zone: Name) -> Iterable[Span]:
        """Every span of every RRset sighted in the zone."""
        for (in_zone, _, _), servers in self._spans.items():
            if in_zone == zone:
                for spans in servers.values():
                    yield from spans

    @property
    def zones(self) -> frozenset[Name]:
        """Every zone whose authorities were looked for or asked, whether they answered or not."""
        return frozenset((*self._rosters, *(zone for zone, _, _ in (*self._spans, *self._unanswered))))

    @property
    def answers(self) -> Iterable[Answer]:
        """Every answer that any authority was seen to give."""
        return (span.answer for servers in self._spans.values() for spans in servers.values() for span in spans)

    def rosters(self, zone: Name) -> tuple[RosterSpan, ...]:
        return self._rosters.get(zone, ())

    def presented(self, endpoint: Endpoint, address: IP) -> Mapping[Hello, tuple[PresentedSpan, ...]]:
        return self._presented.get((endpoint, address), {})

    def judged(self, owner: Name, type: int) -> Judged | None:
        return self._judged.get((owner, type))

    def holding(self, lineage: Lineage) -> Holding | None:
        return self._holdings.get(lineage)

    def zone_keys(self, zone: Name) -> ZoneKeys | None:
        return self._zone_keys.get(zone)

    def longest_ttl(self, zone: Name) -> int:
        """The largest TTL that anything in the zone was ever known to have, in seconds."""
        seen = max((span.answer.ttl for span in self.zone_spans(zone)), default=0)
        return max(seen, self._zone_ttls.get(zone, 0))

    def zone_roll(self, zone: Name, *, sep: bool) -> RequestedZoneRoll | None:
        """Whether new keys were asked for, with the SEP flag or without: the latest request."""
        return self._zone_rolls.get((zone, sep))

    def renewal(self, chain: Chain) -> RenewalInfo | None:
        return self._renewals.get(chain)

    def requested(self, lineage: Lineage) -> Requested | None:
        return self._requested.get(lineage)

    def emergencies(self, lineage: Lineage) -> tuple[Requested, ...]:
        """Every time that the key was said to be trusted no longer, oldest first."""
        return self._emergencies.get(lineage, ())

    def began(self, subject: SubjectName) -> Began | None:
        return self._began.get(subject)

    def clock(self, boot: str) -> ClockRead | None:
        """How the clocks of a machine were last compared, since it was started."""
        return self._clocks.get(boot)

    def dated_by(self, source: str) -> Dated | None:
        """What one other clock said last."""
        return self._dates.get(source)

    @property
    def dated(self) -> Dated | None:
        """What somebody else's clock said last."""
        return max(self._dates.values(), key=lambda told: told.at, default=None)

    @property
    def latest(self) -> Instant | None:
        """When anything was last swept or done."""
        swept = (rosters[-1].last for rosters in self._rosters.values() if rosters)
        return max((*swept, *(deed.done or deed.intended for deed in self._deeds[-1:])), default=None)

    @property
    def deeds(self) -> tuple[Deed, ...]:
        """What was intended and done, oldest first."""
        return self._deeds

    @property
    def words(self) -> tuple[Word, ...]:
        """What the operator decided, oldest first."""
        return self._words

    def without_words(self) -> Facts:
        """The same, as if the operator had decided nothing."""
        new = self.add()
        new._words = ()
        return new

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What ``compute`` makes of these facts and ``key``, worked out once: it must depend on nothing else."""
        found = self._memo.get(key, _NOTHING)
        if found is _NOTHING:
            found = self._memo[key] = compute()
        return cast(T, found)

    # -- as a value ---------------------------------------------------------------------------------------------

    def _key(self) -> tuple[object, ...]:
        return (self.max_gap, *(getattr(self, slot) for slot in _VALUE_SLOTS))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Facts) and self._key() == other._key()

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(_frozen(self._key()))
        return self._hash


def _moved(deed: Deed, by: timedelta) -> Deed:
    """With what a CA's reply asked to be waited for, and since when it is at work: that was told by our clock."""
    action, outcome = deed.action, deed.outcome
    if isinstance(action, AdvanceOrder):
        action = replace(action, order=_order_moved(action.order, by))
    match outcome:
        case Pending(order, until, _):
            outcome = replace(outcome, order=_order_moved(order, by), until=until + by)
        case Failed(order, _, _, retry_at):
            outcome = replace(outcome, order=_order_moved(order, by), retry_at=retry_at + by)
        case NeedChallenge(order) | Issued(order):
            outcome = replace(outcome, order=_order_moved(order, by))
    done = None if deed.done is None else deed.done + by
    return replace(deed, intended=deed.intended + by, action=action, done=done, outcome=outcome)


def _order_moved(order: OrderState, by: timedelta) -> OrderState:
    return order if order.since is None else replace(order, since=order.since + by)


def _earlier(created: Instant | None, seen: Instant) -> Instant | None:
    return None if created is None else min(created, seen)


_NOTHING: Final = object()
_VALUE_SLOTS: Final = tuple(
    slot for slot in Facts.__slots__ if slot not in ("_hash", "_memo", "kept", "max_gap", "told")
)


def _frozen(value: object) -> object:
    if isinstance(value, dict):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, tuple) and any(isinstance(v, dict) for v in value) else value
