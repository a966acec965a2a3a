"""Virtual time: an agenda of events, run in order whenever the clock moves."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from danelaw.core.model import Instant

START: Final = datetime(2016, 12, 22, 23, 13, tzinfo=UTC)
"""When the article's first key was made."""


class VirtualClock:
    """``ports.Clock``: time moves when somebody sleeps or ticks, and whatever is due on the way happens in order."""

    def __init__(self, start: Instant = START) -> None:
        self._now = start
        self._start = start
        self._agenda: list[tuple[Instant, int, Callable[[], object]]] = []
        self._count = 0

    def now(self) -> Instant:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep_until(self, when: Instant) -> None:
        self.advance(when)

    def at(self, when: Instant, event: Callable[[], object]) -> None:
        """Let ``event`` happen at ``when``, or as soon as time moves if that is past."""
        self._count += 1
        heapq.heappush(self._agenda, (max(when, self._now), self._count, event))

    def after(self, seconds: float, event: Callable[[], object]) -> None:
        self.at(self._now + timedelta(seconds=seconds), event)

    def tick(self, seconds: float = 0.002) -> None:
        """The time that one exchange with a server takes."""
        self.advance(self._now + timedelta(seconds=seconds))

    def advance(self, when: Instant) -> None:
        while self._agenda and self._agenda[0][0] <= when:
            due, _, event = heapq.heappop(self._agenda)
            self._now = max(self._now, due)
            event()
        self._now = max(self._now, when)
