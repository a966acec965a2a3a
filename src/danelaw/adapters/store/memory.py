"""Facts in memory: for the lab, the simulator and tests. What is kept is gone with the process."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from danelaw.core.model import DanelawError, Instant, SubjectName
from danelaw.core.rollover.facts import Fact, Facts
from danelaw.ports import Lease


@dataclass(slots=True)
class _Log:
    """What was recorded of one subject. ``numbers`` count the appends of the whole store: they order equal instants."""

    token: int = 0
    numbers: list[int] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Fold:
    """A fold that is still good: how far into each log it reaches, and the latest instant in it."""

    facts: Facts
    taken: dict[SubjectName, int]
    latest: Instant | None


class MemoryStore:
    """``ports.Store``: one append-only log for each subject.

    ``max_gap``: ``Limits.max_gap``, where spans break. Facts of several subjects are folded in the order of their
    instants, equal instants in the order in which they were appended. A fold is continued, not made anew, unless
    something was appended that belongs before its end.
    """

    def __init__(self, max_gap: timedelta) -> None:
        self._max_gap = max_gap
        self._logs: dict[SubjectName, _Log] = {}
        self._folds: dict[frozenset[SubjectName], _Fold] = {}
        self._appended = 0

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
            self._appended += 1
            log.numbers.append(self._appended)
            log.facts.append(fact)

    async def facts(self, *subjects: SubjectName) -> Facts:
        key = frozenset(subjects)
        fold = self._folds.get(key) or _Fold(Facts(self._max_gap), dict.fromkeys(key, 0), None)
        news = self._since(fold.taken)
        if not news:
            return fold.facts
        if fold.latest is not None and news[0].at < fold.latest:
            fold = _Fold(Facts(self._max_gap), dict.fromkeys(key, 0), None)
            news = self._since(fold.taken)
        taken = {subject: len(self._logs[subject].facts) if subject in self._logs else 0 for subject in key}
        fold = self._folds[key] = _Fold(fold.facts.add(*news), taken, news[-1].at)
        return fold.facts

    def _since(self, taken: dict[SubjectName, int]) -> list[Fact]:
        """What was appended after ``taken``, in the order in which it is folded."""
        numbered = [
            (fact.at, number, fact)
            for subject, start in taken.items()
            if (log := self._logs.get(subject)) is not None
            for number, fact in zip(log.numbers[start:], log.facts[start:], strict=True)
        ]
        return [fact for _, _, fact in sorted(numbered, key=lambda entry: entry[:2])]
