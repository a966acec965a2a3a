"""The time of this machine."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from danelaw.core.model import Instant

COUNTING: Final = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC
"""Linux has one that counts the time of suspension."""
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
LONGEST_NAP = 30.0
"""Seconds after which a sleeper looks at the wall clock again: the clock may be set, or the machine suspended."""


class SystemClock:
    """``ports.Clock`` on the system's clocks."""

    def now(self) -> Instant:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only ever grow, since the machine was started where it tells; suspended, it goes on counting."""
        return time.clock_gettime(COUNTING)

    async def sleep_until(self, when: Instant) -> None:
        """Returns once ``now()`` is at ``when`` or later; at once if it already is.

        Where the clock is set back meanwhile: once as much time has passed as there was left.
        """
        end = self.monotonic() + (when - self.now()).total_seconds()
        while (left := min((when - self.now()).total_seconds(), end - self.monotonic())) > 0:  # noqa: ASYNC110 - time passing is no event
            await asyncio.sleep(min(left, LONGEST_NAP))


@cache
def boot_id() -> str:
    """What ``monotonic`` counts from: this start of the machine, else this process."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return str(uuid.uuid4())
