"""When which subject is to be looked at, and which are looked at one after the other.

Of a group (``app.groups``) one subject is looked at at a time. What holds one group up, such as a CA that takes its
time, is no matter of another.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from datetime import timedelta

from danelaw.core.model import Instant, SubjectName


class Agenda:
    """Subjects in the order in which they are due, those that were given first first where they are so at once.

    ``group``: that of a subject, which may grow at any time: two that are looked at may come to be of one.
    """

    def __init__(self, subjects: Iterable[SubjectName], group: Callable[[SubjectName], object], now: Instant) -> None:
        self._places = {subject: place for place, subject in enumerate(subjects)}
        self._group = group
        self._due = [(now, place, subject) for subject, place in self._places.items()]
        self._busy: dict[SubjectName, list[tuple[Instant, int, SubjectName]]] = {}
        """Those that are being looked at, each with others of its group that were due meanwhile."""

    def take(self, now: Instant) -> SubjectName | None:
        """One that is due and may be looked at; then the others of its group wait until it is ``put`` back."""
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            group = self._group(entry[2])
            before = next((busy for busy in self._busy if self._group(busy) is group), None)
            if before is None:
                self._busy[entry[2]] = []
                return entry[2]
            self._busy[before].append(entry)
        return None

    def put(self, subject: SubjectName, due: Instant) -> None:
        """It was looked at, and is to be so again."""
        for entry in self._busy.pop(subject):
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
            busy: [(due + by, place, subject) for due, place, subject in waiting]
            for busy, waiting in self._busy.items()
        }
