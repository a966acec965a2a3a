"""Whom an action would harm, of everybody who may come: brute force over cache histories, servers and clients.

Time is in seconds from the truth's origin, and moves in steps: what is served and presented at step ``n`` is so from
``n * step`` until just before the next one. Past is what happened. The future without the action is the present going
on; with it, what it changes is changed from now on. Nothing foreign happens in the future: nobody can win that race.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product

from oracle.certificates import read
from oracle.clients import Client, Presented, Records, Service, accepting, parameters


@dataclass(frozen=True, slots=True)
class Zone:
    """What an authority has: one version of the zone."""

    serial: int
    tlsa: Records
    ttl: int
    addresses: frozenset[str]
    address_ttl: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How long clients and resolvers take things, in seconds: the model's assumptions."""

    stretch: int
    """How many TTLs some caches keep an answer."""
    floor: int
    """What some caches raise smaller TTLs to."""
    delay: int
    """Between the look-up and the handshake's check, whichever comes first."""
    lag: int
    """How far back ends that nobody can see may lag behind the address that was asked."""
    notice: int
    """How soon whatever comes after the action can be undone."""

    def kept(self, ttl: int) -> int:
        return max(self.stretch * ttl, self.floor)


@dataclass(frozen=True, slots=True)
class Coming:
    """An update that was sent off and may still arrive: from step ``sent`` to the end of step ``latest``."""

    tlsa: Records
    ttl: int
    sent: int
    latest: int


@dataclass
class Truth:
    """Everything that happened, whoever saw it. All timelines have the same number of steps; the first is ``begin``."""

    origin: datetime
    step: int
    begin: int
    service: Service
    patience: Patience
    primary: str
    authorities: dict[str, list[Zone]] = field(default_factory=dict)
    servers: dict[str, list[Presented]] = field(default_factory=dict)
    coming: list[Coming] = field(default_factory=list)

    def zone(self, authority: str, at: int) -> Zone:
        return self.authorities[authority][at // self.step - self.begin]

    def presented(self, server: str, at: int) -> Presented:
        return self.servers[server][at // self.step - self.begin]

    def moments(self, now: int) -> range:
        """The beginnings of all steps up to ``now``."""
        return range(self.begin * self.step, now + 1, self.step)


@dataclass(frozen=True, slots=True)
class Cached:
    """An answer that some client may act upon, before ``until``, if nothing is done about it earlier."""

    answer: Records
    until: int
    source: str
    served: bool
    """Whether it can still be fetched."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A client that is refused because of the action."""

    client: Client
    before: Records
    after: Records
    server: str
    was_presented: Presented
    is_presented: Presented
    at: int
    source: str


class Oracle:
    """What might happen at one moment, ``now``, a whole multiple of the step. Each question gets a victim or None."""

    def __init__(self, truth: Truth, now: int) -> None:
        self.truth = truth
        self.now = now
        self.answers = tuple(self._answers())
        self.addresses = tuple(sorted(self._addresses()))

    def publishing(self, new: Records, ttl: int) -> Victim | None:
        """Whoever gets the new answer would have got the primary's present one, at the same moment by the same way.

        What they check it against was presented within the delay before, or will be: what is presented now.
        """
        old = self.truth.zone(self.truth.primary, self.now).tlsa
        for server in self.addresses:
            for chain, until in self._shown(server, self._from_now(ttl)).items():
                if victim := self._refused_anew(server, (old, chain), (new, chain), until, "published"):
                    return victim
        return None

    def switching(self, chain: Presented) -> Victim | None:
        """Whoever is presented the new chain would have been presented what is now, whatever answer they hold."""
        for held, server in product(self.answers, self.addresses):
            was = self.truth.presented(server, self.now)
            before, after = (held.answer, was), (held.answer, chain)
            if victim := self._refused_anew(server, before, after, held.until - 1, held.source):
                return victim
        return None

    def destroying(self, spki: bytes) -> Victim | None:
        """A server that presents the key will not any more, once it is restarted."""
        for held, server in product(self.answers, self.addresses):
            was = self.truth.presented(server, self.now)
            if was is not None and read(was[0]).spki == spki:
                before, after = (held.answer, was), (held.answer, None)
                if victim := self._refused_anew(server, before, after, self.now, held.source):
                    return victim
        return None

    def _answers(self) -> Iterable[Cached]:
        """Each TLSA answer that a resolver fetched from any authority at any moment, and a client still acts upon.

        Of equal ones the one that is held longest.
        """
        longest: dict[Records, Cached] = {}

        def note(answer: Records, until: int, source: str, served: bool = True) -> None:
            if until > self.now and (answer not in longest or until > longest[answer].until):
                longest[answer] = Cached(answer, until, source, served)

        for authority, moment, zone in self._served():
            served = moment + self.truth.step > self.now
            note(zone.tlsa, self._acted_upon_until(moment, zone.ttl), f"{authority} at {moment}", served)
        current = self.truth.zone(self.truth.primary, self.now)
        note(current.tlsa, self._from_now(current.ttl), "the primary, by the next transfer")
        for update in self.truth.coming:
            if update.sent * self.truth.step <= self.now < (update.latest + 1) * self.truth.step:
                note(update.tlsa, self._from_now(update.ttl), f"sent at step {update.sent}")
        return longest.values()

    def _addresses(self) -> frozenset[str]:
        """Every address that some client may go to from now on, or went to within the delay before."""
        found = self.truth.zone(self.truth.primary, self.now).addresses
        for _, moment, zone in self._served():
            if self._acted_upon_until(moment, zone.address_ttl) > self.now:
                found |= zone.addresses
        return found

    def _served(self) -> Iterator[tuple[str, int, Zone]]:
        for authority, moment in product(self.truth.authorities, self.truth.moments(self.now)):
            yield authority, moment, self.truth.zone(authority, moment)

    def _shown(self, server: str, last: int) -> dict[Presented, int]:
        """What clients were presented and may still look records up for, or will be, and until when at most."""
        found: dict[Presented, int] = {}
        for moment in self.truth.moments(self.now):
            left = moment + self.truth.step
            until = last if left > self.now else min(last, left + self.truth.patience.delay - 1)
            if until >= self.now:
                found[self.truth.presented(server, moment)] = until
        return found

    def _acted_upon_until(self, moment: int, ttl: int) -> int:
        """When the last client is done with what was served in the step that began at a moment."""
        served_until = moment + self.truth.step
        if served_until > self.now:
            return self._from_now(ttl)
        patience = self.truth.patience
        return served_until + patience.lag + patience.kept(ttl) + patience.delay

    def _from_now(self, ttl: int) -> int:
        """How long what is served now is acted upon at least, even if it is changed at the next opportunity."""
        patience = self.truth.patience
        return self.now + patience.notice + patience.lag + patience.kept(ttl) + patience.delay

    def _refused_anew(
        self,
        server: str,
        before: tuple[Records, Presented],
        after: tuple[Records, Presented],
        until: int,
        source: str,
    ) -> Victim | None:
        if before == after:
            return None
        service = self.truth.service
        present = parameters(before[0]) | parameters(after[0])
        for second in _telling(self.truth, (before[1], after[1]), self.now, until):
            at = self.truth.origin + timedelta(seconds=second)
            anew = accepting(present, *before, at, service) - accepting(present, *after, at, service)
            if anew:
                client = min(anew, key=lambda one: (len(one.knows), str(one)))
                return Victim(client, before[0], after[0], server, before[1], after[1], max(second, self.now), source)
        return None


def _telling(truth: Truth, chains: Iterable[Presented], now: int, until: int) -> list[int]:
    """The seconds from now on around a date of a certificate; and one for all before the first."""
    edges = {
        round((date - truth.origin).total_seconds()) + near
        for chain in chains
        for der in chain or ()
        for date in (read(der).start, read(der).end)
        for near in (-1, 0, 1)
    }
    return [max((edge for edge in edges if edge <= now), default=now), *sorted(e for e in edges if now < e <= until)]
