"""When which subject is to be looked at, and which are looked at one after the other.

Subjects that share a zone, a credential or a host form a group, and of a group one is looked at at a time. What holds
one group up, such as a CA that takes its time, is no matter of another.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Mapping
from datetime import timedelta

from danelaw.core.model import Instant, SubjectName
from danelaw.core.rollover.planner import Desired, DesiredService
from danelaw.core.rollover.reach import Reach


class Agenda:
    """Subjects in the order in which they are due, those that were given first first where they are so at once."""

    def __init__(self, subjects: Iterable[SubjectName], groups: Mapping[SubjectName, int], now: Instant) -> None:
        self._places = {subject: place for place, subject in enumerate(subjects)}
        self._groups = groups
        self._due = [(now, place, subject) for subject, place in self._places.items()]
        self._busy: dict[int, list[tuple[Instant, int, SubjectName]]] = {}
        """Groups of which a subject is being looked at, and those that were due meanwhile."""

    def take(self, now: Instant) -> SubjectName | None:
        """One that is due and may be looked at; then the others of its group wait until it is ``put`` back."""
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            group = self._groups[entry[2]]
            if group not in self._busy:
                self._busy[group] = []
                return entry[2]
            self._busy[group].append(entry)
        return None

    def put(self, subject: SubjectName, due: Instant) -> None:
        """It was looked at, and is to be so again."""
        for entry in self._busy.pop(self._groups[subject]):
            heapq.heappush(self._due, entry)
        heapq.heappush(self._due, (due, self._places[subject], subject))

    @property
    def soonest(self) -> Instant | None:
        """When the next is due, of those that wait for nothing else."""
        return self._due[0][0] if self._due else None

    def move(self, by: timedelta) -> None:
        """The clock was set: everything is as far away as it was."""
        self._due = [(due + by, place, subject) for due, place, subject in self._due]
        self._busy = {
            group: [(due + by, place, subject) for due, place, subject in waiting]
            for group, waiting in self._busy.items()
        }


def groups(desired: Mapping[SubjectName, Desired], reach: Reach) -> dict[SubjectName, int]:
    """To which group each subject belongs."""
    parents: dict[Hashable, Hashable] = {}

    def root(of: Hashable) -> Hashable:
        while (above := parents.setdefault(of, of)) != of:
            parents[of] = parents[above]
            of = above
        return of

    for subject, wanted in desired.items():
        for shared in _shared(wanted):
            parents[root(subject)] = root(shared)
    for reached in reach.endpoints:
        names = (reached.zone, reached.endpoint.host, *reached.bases, *(named.domain for named in reached.named_by))
        for shared in (*names, *reached.lineages):
            parents[root(reached.service)] = root(shared)
    numbers: dict[Hashable, int] = {}
    return {subject: numbers.setdefault(root(subject), len(numbers)) for subject in desired}


def _shared(wanted: Desired) -> Iterable[Hashable]:
    """What others may have to do with as well."""
    yield wanted.zone
    if isinstance(wanted, DesiredService):
        yield from wanted.lineages
        yield from wanted.leaving
        yield from () if wanted.challenge_zone is None else (wanted.challenge_zone,)
