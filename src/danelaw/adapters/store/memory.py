"""Facts in memory: for the lab, the simulator and tests. What is kept is gone with the process."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeAlias

from danelaw.core.model import DanelawError, Instant, Limits, SubjectName
from danelaw.core.rollover.compaction import compact
from danelaw.core.rollover.facts import ClockRead, Dated, Fact
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.leads import Leads, Overview, leads_of
from danelaw.ports import Lease

OFTEN: Final = 2000
"""After so many facts what can no longer matter is forgotten. A pass tells some twenty of a subject."""

LATEST: Final = 50
"""Of so many subjects the overview says that they were recorded last."""

Entry: TypeAlias = tuple[int, Instant, int, Fact]
"""A fact, and before it what orders it: how often the clock had been set, its instant, the number of its append."""


@dataclass(slots=True)
class _Log:
    """What was recorded of one subject. ``forgotten``: how many entries there were before the first that is here.

    ``leads``: what the first ``led`` entries lead to. ``dated``: the number of the last that told of another clock;
    ``last``: of the last of all.
    """

    token: int = 0
    forgotten: int = 0
    entries: list[Entry] = field(default_factory=list)
    led: int = 0
    leads: Leads = field(default_factory=Leads)
    dated: int = 0
    last: int = 0

    @property
    def end(self) -> int:
        return self.forgotten + len(self.entries)

    def since(self, start: int) -> Sequence[Entry]:
        return self.entries[max(start - self.forgotten, 0) :]

    def learn(self) -> None:
        """What the entries lead to that were not looked at yet."""
        news = self.since(self.led)
        if not news:
            return
        self.leads |= leads_of(fact for _, _, _, fact in news)
        self.dated = max((number for _, _, number, fact in news if isinstance(fact, Dated)), default=self.dated)
        self.led, self.last = self.end, news[-1][2]


@dataclass(frozen=True, slots=True)
class _Base:
    """A fold to begin from, and how far into each log it reaches."""

    facts: Facts
    taken: dict[SubjectName, int]


@dataclass(frozen=True, slots=True)
class _Fold:
    """A fold that is still good: how far into each log it reaches, and where its last entry stands in the order."""

    facts: Facts
    taken: dict[SubjectName, int]
    latest: tuple[int, Instant] | None
    base: _Base


class MemoryStore:
    """``ports.Store``: one append-only log for each subject.

    ``max_gap``: ``Limits.max_gap``, where spans break. Facts of several subjects are folded in the order of their
    instants, equal instants in the order in which they were appended; what was appended before the clock was set comes
    before what was appended afterwards. A fold is continued, not made anew, unless something was appended that belongs
    before its end. With ``limits`` it is compacted now and then, up to ``max_gap`` ago. What is then folded of all
    subjects that anybody ever asked for is dropped from their logs; whoever asks for other subjects together begins
    with that. Where they are asked for by groups, nothing is dropped: of two groups one may be made any day.
    """

    def __init__(self, max_gap: timedelta, limits: Limits | None = None) -> None:
        self._max_gap = max_gap
        self._limits = limits
        self._logs: dict[SubjectName, _Log] = {}
        self._folds: dict[frozenset[SubjectName], _Fold] = {}
        self._asked: set[SubjectName] = set()
        self._dropped = _Base(Facts(max_gap), {})
        """A fold of exactly what is in the logs no more."""
        self._appended = 0
        self._clock_set = 0

    async def lease(self, subject: SubjectName) -> Lease:
        """The right to append, taken from whoever had it before."""
        log = self._logs.setdefault(subject, _Log())
        log.token += 1
        return Lease(subject, log.token)

    async def append(self, subject: SubjectName, lease: Lease, *facts: Fact) -> None:
        """Records all of these, or none. Raises ``DanelawError("LEASE_LOST")`` when the lease is not the newest."""
        log = self._logs.get(subject)
        if log is None or lease != Lease(subject, log.token):
            raise DanelawError(
                "LEASE_LOST",
                f"another runner has taken over {subject}",
                evidence=f"lease {lease.token} of {lease.subject}, now {log.token if log else 0}",
                hint="let the other runner go on, or stop it and start again",
            )
        for fact in facts:
            if isinstance(fact, ClockRead) and fact.by:
                self._clock_set += 1
            self._appended += 1
            log.entries.append((self._clock_set, fact.at, self._appended, fact))

    async def facts(self, *subjects: SubjectName) -> Facts:
        key = frozenset(subjects)
        fold = self._folds.get(key)
        if fold is None:
            self._asked |= key
            fold = self._begun(self._ground(key))
        news = self._since(key, fold.taken)
        if not news:
            return fold.facts
        if fold.latest is not None and news[0][:2] < fold.latest:
            fold = self._begun(fold.base)
            news = self._since(key, fold.taken)
        taken = {subject: self._logs[subject].end for subject in key if subject in self._logs}
        fold = _Fold(fold.facts.add(*_facts(news)), taken, news[-1][:2], fold.base)
        if self._limits is not None and _count(taken) - _count(fold.base.taken) >= OFTEN:
            fold = self._compacted(key, fold, self._limits)
        self._folds[key] = fold
        return fold.facts

    async def overview(self) -> Overview:
        logs = {subject: log for subject, log in self._logs.items() if log.end}
        for log in logs.values():
            log.learn()
        newest = max(logs, key=lambda subject: logs[subject].dated, default=None)
        latest = heapq.nlargest(LATEST, logs, key=lambda subject: logs[subject].last)
        dated = newest if newest is not None and logs[newest].dated else None
        return Overview({subject: log.leads for subject, log in logs.items()}, dated, tuple(latest))

    def _begun(self, base: _Base) -> _Fold:
        return _Fold(base.facts, base.taken, None, base)

    def _since(self, key: Iterable[SubjectName], taken: dict[SubjectName, int]) -> list[Entry]:
        """What was appended after ``taken``, in the order in which it is folded."""
        logs = ((subject, self._logs[subject]) for subject in key if subject in self._logs)
        return sorted((e for subject, log in logs for e in log.since(taken.get(subject, 0))), key=lambda e: e[:3])

    def _compacted(self, key: frozenset[SubjectName], fold: _Fold, limits: Limits) -> _Fold:
        """What is older than what may still come late is compacted; a runner holds a fact back for no longer."""
        news = self._since(key, fold.base.taken)
        last = news[-1]
        cut = (last[0], last[1] - self._max_gap)
        taken = dict(fold.base.taken)
        settled: list[Entry] = []
        for subject in key & self._logs.keys():
            for entry in self._logs[subject].since(taken.get(subject, 0)):
                if entry[:2] >= cut:
                    break
                settled.append(entry)
                taken[subject] = taken.get(subject, self._logs[subject].forgotten) + 1
        settled.sort(key=lambda entry: entry[:3])
        if not settled or settled[-1][0] != last[0]:
            return fold  # the clock was set just now: what is older is told by the clock as it was
        base = _Base(compact(fold.base.facts.add(*_facts(settled)), cut[1], limits), taken)
        rest = self._since(key, taken)
        self._folds[key] = compacted = _Fold(base.facts.add(*_facts(rest)), fold.taken, last[:2], base)
        if len(key) == len(self._asked):
            self._drop(base)
        return compacted

    def _drop(self, base: _Base) -> None:
        """Out of the logs, what the fold of all has in it. Folds that lie further back are begun anew."""
        self._dropped = base
        for subject, passed in base.taken.items():
            log = self._logs[subject]
            log.learn()
            del log.entries[: passed - log.forgotten]
            log.forgotten = passed
        self._folds = {
            key: fold
            for key, fold in self._folds.items()
            if all(fold.base.taken.get(subject, 0) >= base.taken.get(subject, 0) for subject in key)
        }

    def _ground(self, key: frozenset[SubjectName]) -> _Base:
        """Where to begin: with nothing, unless some of it is in the logs no more."""
        taken = {subject: n for subject, n in self._dropped.taken.items() if subject in key}
        return _Base(self._dropped.facts, taken) if taken else _Base(Facts(self._max_gap), {})


def _facts(entries: Iterable[Entry]) -> Iterable[Fact]:
    return (entry[3] for entry in entries)


def _count(taken: dict[SubjectName, int]) -> int:
    return sum(taken.values())
