"""``ports.Blocking`` for tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


class Inline:
    """Calls at once, without a thread, as in the simulator."""

    async def call(self, fn: Callable[[], T], limit: timedelta) -> T:
        del limit
        return fn()
