"""What tests of stores share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


class Inline:
    """``ports.Blocking`` as in the simulator: called at once, without a thread."""

    async def call(self, fn: Callable[[], T], limit: timedelta) -> T:
        del limit
        return fn()
