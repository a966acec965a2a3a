"""The course that a strategy takes now: what to serve, what to publish beside it, what to order, what to begin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from danelaw.core.model import CredentialFacts, Instant, Lineage
from danelaw.core.rollover.actions import Action, Conflict, MakeKey, Receipt, ReuseKey, Switch
from danelaw.core.rollover.answers import published_since
from danelaw.core.rollover.certificate_planner import Ordering
from danelaw.core.rollover.facts import Holding, Requested
from danelaw.core.rollover.places import kept_places
from danelaw.core.rollover.plans import DesiredService, Outlook
from danelaw.core.rollover.serving import Serving
from danelaw.core.rollover.succession import Complete, Key, Strategy, keys_of, with_key
from danelaw.core.tlsa import TLSA
from danelaw.core.tlsa.credential import associations


@dataclass(frozen=True, slots=True)
class Course:
    """``target``: what every server is to present. ``beside``: keys whose records are to stand beside its own.

    ``ordered``: the generation whose certificate is on order. ``at_once``: what to begin whatever else is going on, and
    ``begin``: once all else is at rest. ``due``: when there will be something to begin. ``emergency``: the key that is
    being left is no longer to be trusted.
    """

    target: Complete | None = None
    beside: tuple[Key, ...] = ()
    ordered: CredentialFacts | None = None
    at_once: Action | None = None
    begin: Action | None = None
    due: Instant | None = None
    emergency: bool = False
    compromised: tuple[Key, ...] = ()
    """The keys that were left because they are no longer to be trusted."""
    kept: frozenset[bytes] = frozenset()
    """Keys, by their SPKI, that something may yet be begun with."""

    @property
    def needed(self) -> frozenset[bytes]:
        """The keys that may not be destroyed."""
        target = {self.target.facts.spki} if self.target is not None else set()
        ordered = {self.ordered.spki} if self.ordered is not None else set()
        return self.kept | target | ordered | {key.spki for key in self.beside}

    @classmethod
    def of(cls, desired: DesiredService, outlook: Outlook, holding: Holding) -> Course:
        return _Charting(desired, outlook, holding, keys_of(holding)).course()


def requested(desired: DesiredService, outlook: Outlook, holding: Holding) -> Requested | None:
    """What the operator asked for of a lineage and has not got yet."""
    return _Charting(desired, outlook, holding, keys_of(holding)).awaited()


def stands_by(desired: DesiredService, outlook: Outlook, holding: Holding) -> bool:
    """Whether a key stands by, and its records have been published for long enough."""
    return _Charting(desired, outlook, holding, keys_of(holding)).has_standby()


@dataclass(frozen=True, slots=True)
class _Charting:
    d: DesiredService
    outlook: Outlook
    holding: Holding
    keys: tuple[Key, ...]

    def awaited(self) -> Requested | None:
        """The operator's request for another key, as long as the one that serves is older."""
        live = self._live or next(iter(self.keys), None)
        asked = live is not None and self._asked(live) is not None
        return self.outlook.facts.requested(self._lineage) if asked else None

    def has_standby(self) -> bool:
        """Whether the key after the one that serves is published and settled."""
        live = self._live
        younger = self.keys[self.keys.index(live) + 1 :] if live is not None else ()
        return self.d.strategy is Strategy.STANDBY and bool(younger) and self._settled(younger[0])

    def course(self) -> Course:
        if self._lineage in self.d.leaving:
            return self._leaving_behind(self._leaving())
        if self.d.withdrawn:
            return self._leaving_behind(self._keeping())
        match self.d.strategy:
            case Strategy.STAGED:
                course = self._renewing(new_key=True)
            case Strategy.PINNED:
                course = self._renewing(new_key=False)
            case Strategy.STANDBY:
                course = self._standing_by()
            case _ as unreachable:
                assert_never(unreachable)
        course = self._starving_nowhere(self._never_starving(course))
        return self._leaving_behind(replace(course, emergency=self._emergency(course.target)))

    # -- strategies ---------------------------------------------------------------------------------------------

    def _renewing(self, *, new_key: bool) -> Course:
        """``staged`` and ``pinned``: the newest key with a certificate serves; what was made since is ordered for."""
        complete = [key for key in self.keys if key.complete is not None]
        target = complete[-1].complete if complete else None
        pending = self.keys[-1].pending if self.keys else None
        course = Course(target, ordered=pending, kept=frozenset(key.spki for key in self.keys[-1:]))
        if target is None or pending is not None:
            return course
        asked = self._asked(complete[-1])
        due = asked or self._orders.due(target)
        if due > self.outlook.now:
            return replace(course, due=due)
        generation = target.facts.generation
        make = MakeKey(self._lineage) if new_key or asked else ReuseKey(self._lineage, generation)
        if self._orders.lacks(target):
            return replace(course, at_once=make)  # nothing else comes to rest before: records at a new name wait for it
        if self._distrusted(complete[-1]):
            return replace(course, at_once=make)  # a host that is away does not come to rest
        return replace(course, begin=make)

    def _standing_by(self) -> Course:
        """``standby``: the key that serves goes on until it has lived its time; the next is published meanwhile."""
        complete = [key for key in self.keys if key.complete is not None]
        active = self._live if self._live in complete else next(iter(complete), None)
        if active is None or active.complete is None:
            return Course(ordered=self.keys[0].pending if self.keys else None)
        younger = self.keys[self.keys.index(active) + 1 :]
        kept = frozenset(key.spki for key in (active, *younger))
        if not younger:
            course = replace(self._renewal(active), kept=kept)
            fresh = self._live is active and course.at_once is None
            return replace(course, at_once=MakeKey(self._lineage)) if fresh else course
        standby = younger[0]
        if self._rolling(active, standby):
            if standby.complete is not None:
                return Course(standby.complete, kept=kept)
            if not self._orders.urgent(active.complete):
                return Course(active.complete, (standby,), ordered=standby.pending, kept=kept)
        return replace(self._renewal(active), beside=(standby,), kept=kept)

    def _keeping(self) -> Course:
        """A service without records: its key goes on, with a new certificate in time, and no other stands by."""
        complete = [key for key in self.keys if key.complete is not None]
        active = self._live if self._live in complete else next(iter(complete), None)
        if active is None or self._asked(active) is not None:
            return self._renewing(new_key=False)
        return replace(self._renewal(active), kept=frozenset({active.spki}))

    def _leaving(self) -> Course:
        """A lineage that is not desired any more lives on as long as some server presents it, and its key with it."""
        live = self._live
        still = Serving(self.d, self.outlook, self.holding).still()
        if live is None or live.complete is None or still is None:
            return Course()
        return self._never_starving(replace(self._renewal(live), kept=frozenset({live.spki})))

    def _renewal(self, key: Key) -> Course:
        """A certificate for the same key, in time; that changes no record and waits for nothing."""
        assert key.complete is not None  # noqa: S101 - both callers saw to that
        if key.pending is not None:
            return Course(key.complete, ordered=key.pending)
        due = self._orders.due(key.complete)
        if due <= self.outlook.now:
            return Course(key.complete, at_once=ReuseKey(self._lineage, key.complete.facts.generation))
        return Course(key.complete, due=min(due, self._key_due(key)))

    def _rolling(self, active: Key, standby: Key) -> bool:
        """Whether the standby is to take over: the operator asked for it, or its time has come and it is settled."""
        if self._asked(active) is not None:
            return True
        return self._key_due(active) <= self.outlook.now and self._settled(standby)

    def _never_starving(self, course: Course) -> Course:
        """Where a roll to another key takes so long that the certificate that is served comes near its end, that is
        renewed with its own key first: no record changes, so nothing can stand in its way. Neither can a server that
        never presents what it should, or old records that linger."""
        live, target = self._live, course.target
        served = next((g for g in self.holding.generations if g.generation == self.holding.live), None)
        if live is None or target is None or served is None or served.chain is None:
            return course
        if not self._orders.urgent(Complete(served, served.chain)):
            return course
        if target.facts.spki == live.spki:
            blocked = course.begin is not None and self._orders.urgent(target)
            return replace(course, at_once=ReuseKey(self._lineage, target.facts.generation)) if blocked else course
        coming = with_key(self.keys, target.facts.generation)
        course = replace(course, beside=(*course.beside, *((coming,) if coming is not None else ())))
        newest = live.complete or Complete(served, served.chain)
        if newest.facts.generation != served.generation:
            course = replace(course, target=newest)
            if not self._orders.urgent(newest):
                return course
        if live.pending is not None:
            return replace(course, ordered=live.pending)
        return replace(course, at_once=ReuseKey(self._lineage, newest.facts.generation))

    def _starving_nowhere(self, course: Course) -> Course:
        """Nor does a certificate run out on a host that has not come as far as the first one: its key goes on too."""
        if course.target is None or course.at_once is not None or course.ordered is not None:
            return course
        for generation in self.holding.generations:
            hosts = (host for host in self.d.hosts if self.holding.on(host) == generation.generation)
            key = with_key(self.keys, generation.generation)
            if key is None or generation.chain is None or key.spki == course.target.facts.spki:
                continue
            if not any(map(self.holding.looked, hosts)):
                continue  # nothing can be brought there now
            newest = key.complete or Complete(generation, generation.chain)
            if self._orders.urgent(newest):
                if key.pending is not None:
                    return replace(course, ordered=key.pending)
                return replace(course, at_once=ReuseKey(self._lineage, newest.facts.generation))
        return course

    # -- what is known ------------------------------------------------------------------------------------------

    @property
    def _lineage(self) -> Lineage:
        return self.holding.lineage

    @property
    def _orders(self) -> Ordering:
        return Ordering(self.d, self._lineage, self.outlook)

    @property
    def _live(self) -> Key | None:
        return with_key(self.keys, self.holding.live)

    def _key_due(self, key: Key) -> Instant:
        """A key lives from when it began to serve: while it stood by, nobody trusted it with anything."""
        return key.due(self.d.subject, self.outlook.limits.key_lifetime) + (self._since(key) - key.created)

    def _asked(self, key: Key) -> Instant | None:
        """When the operator asked for another key than this one; None if he did not, or has got it."""
        requested = self.outlook.facts.requested(self._lineage)
        return requested.at if requested is not None and requested.at > self._since(key) else None

    def _distrusted(self, key: Key) -> bool:
        """Whether a key that serves is said to be trusted no longer."""
        requested = self.outlook.facts.requested(self._lineage)
        return key is self._live and self._asked(key) is not None and requested is not None and requested.emergency

    def _emergency(self, target: Complete | None) -> bool:
        """Whether the roll to this target is, or was, one that an emergency made necessary."""
        requested = self.outlook.facts.requested(self._lineage)
        if requested is None or not requested.emergency or target is None:
            return False
        later = sorted((key for key in self.keys if self._since(key) > requested.at), key=self._since)
        return not later or later[0].spki == target.facts.spki

    def _leaving_behind(self, course: Course) -> Course:
        """With the keys that served when the operator said that they were not to be trusted, once others have their
        place. Each time counts, whatever was asked for since."""
        served: list[Key] = []
        for word in self.outlook.facts.emergencies(self._lineage):
            before = [key for key in self.keys if self._since(key) <= word.at]
            served.extend(sorted(before, key=self._since)[-1:])
        left = tuple(dict.fromkeys(key for key in served if key.spki not in course.needed))
        return replace(course, compromised=left)

    def _since(self, key: Key) -> Instant:
        """Since when a key has been served; since it was made, where it was never switched to. A switch of which it is
        not known that it was done counts if no other does: a reply that was lost is no reason to think of a newer key
        as of the one before."""
        tried = [
            deed
            for deed in self.outlook.facts.deeds
            if isinstance(deed.action, Switch)
            and deed.action.lineage == self._lineage
            and key.has(deed.action.generation)
            and not isinstance(deed.outcome, Conflict)
        ]
        known = (deed.done for deed in tried if isinstance(deed.outcome, Receipt) and deed.done is not None)
        began = next(known, tried[0].intended if tried else key.created)
        return max(key.created, began)

    def _settled(self, standby: Key) -> bool:
        """Whether its records have been published everywhere for as long as is desired of a standby."""
        own = associations(self.d.combinations, standby.newest.chain, standby.spki)
        wanted = frozenset(record.to_rdata() for record in own)
        facts, now, limits = self.outlook.facts, self.outlook.now, self.outlook.limits
        served = [r for r in self.outlook.reach.endpoints if self._lineage in r.lineages]
        places = kept_places(self.d, served, self.outlook)
        for place in places:
            since = published_since(facts, place.zone, place.owner, TLSA, wanted, now, limits)
            if since is None or now < since + limits.standby_settle:
                return False
        return bool(wanted and places)
