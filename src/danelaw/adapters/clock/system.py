"""The time of this machine."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from danelaw.core.model import Instant

LONGEST_NAP = 30.0
"""Seconds after which a sleeper looks at the wall clock again: the clock may be set, or the machine suspended."""


class SystemClock:
    """``ports.Clock`` on the system's clocks."""

    def now(self) -> Instant:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only ever grow, from an arbitrary start."""
        return time.monotonic()

    async def sleep_until(self, when: Instant) -> None:
        """Returns once ``now()`` is at ``when`` or later; at once if it already is."""
        while (left := (when - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time passing is no event
            await asyncio.sleep(min(left, LONGEST_NAP))
