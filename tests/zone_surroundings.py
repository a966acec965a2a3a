"""What zones in files work with, where nothing is to be waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from danelaw.ports import CommandResult

R = TypeVar("R")


@dataclass(frozen=True)
class Surroundings:
    """A clock that is right, or stands at ``at``; work done where it is asked for; and no name server to reload."""

    at: datetime | None = None

    def now(self) -> datetime:
        return self.at or datetime.now(UTC)

    def monotonic(self) -> float:
        return self.now().timestamp()

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("zones wait for nothing")

    async def call(self, fn: Callable[[], R], limit: timedelta) -> R:
        return fn()

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
        raise AssertionError("there is no server to reload")
