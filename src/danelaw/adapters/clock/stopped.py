"""A clock that stands at one instant: to judge as of another day."""

from __future__ import annotations

import time
from dataclasses import dataclass

from danelaw.core.model import Instant


@dataclass(frozen=True, slots=True)
class StoppedClock:
    """``ports.Clock`` whose wall clock never moves. Limits on waiting go by the other one, which does."""

    at: Instant

    def now(self) -> Instant:
        return self.at

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep_until(self, when: Instant) -> None:
        """Returns at once: nothing that waits for a wall clock has a place beside one that stands."""
        del when
