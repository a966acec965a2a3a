"""Synchronous libraries, on daemon threads.

Not ``asyncio.to_thread``: its threads are joined when the loop and the interpreter end, so that one call that hangs
holds back Ctrl-C for as long as it likes. A daemon thread is left behind, and what it says afterwards is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Returned(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class ThreadBlocking:
    """``ports.Blocking``, one thread for each call."""

    async def call(self, fn: Callable[[], T], limit: timedelta) -> T:
        """What ``fn`` returns or raises; ``TimeoutError`` once ``limit`` has passed, with ``fn`` left to itself."""
        loop = asyncio.get_running_loop()
        # The outcome travels as a value: a future refuses to carry some exceptions (StopIteration), and then its
        # waiter would never wake.
        waiting: asyncio.Future[_Returned[T] | _Raised] = loop.create_future()

        def deliver(outcome: _Returned[T] | _Raised) -> None:
            if not waiting.done():
                waiting.set_result(outcome)

        def work() -> None:
            outcome: _Returned[T] | _Raised
            try:
                outcome = _Returned(fn())
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the awaiting task's to handle
                outcome = _Raised(error)
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(deliver, outcome)

        threading.Thread(target=work, name="danelaw-blocking", daemon=True).start()
        async with asyncio.timeout(limit.total_seconds()):
            outcome = await waiting
        if isinstance(outcome, _Raised):
            raise outcome.error
        return outcome.value
