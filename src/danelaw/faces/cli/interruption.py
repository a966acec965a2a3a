"""Ctrl-C, SIGTERM and SIGHUP: whoever asks the program to end finds everything taken down first."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any, Final, TypeVar

T = TypeVar("T")

REQUESTS: Final = (signal.SIGTERM, signal.SIGHUP)
"""Asked for otherwise than by Ctrl-C, which Python and asyncio know."""


def heed() -> None:
    """From now on a request to end is a KeyboardInterrupt; one that is ignored, as under nohup, stays so."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # no other handler does asyncio replace by its own
    for request in _heeded():
        signal.signal(request, _interrupt)


def run(work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run``, with every request to end treated as Ctrl-C: ``work`` is cancelled and may tidy up.

    Raises ``KeyboardInterrupt`` then.
    """
    import asyncio  # here, since not every command asks the network, and it takes long to import

    async def interruptible() -> T:
        with _cancelling():
            return await work

    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@contextlib.contextmanager
def _cancelling() -> Iterator[None]:
    """A request to end cancels the current task. (asyncio itself does so for Ctrl-C alone.)"""
    import asyncio

    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # for the type checker: a coroutine runs in a task
    loop = asyncio.get_running_loop()

    def cancel(number: int, frame: FrameType | None) -> None:
        del number, frame
        loop.call_soon_threadsafe(task.cancel)

    before = {request: signal.signal(request, cancel) for request in _heeded()}
    try:
        yield
    finally:
        for request, handler in before.items():
            signal.signal(request, handler)


@contextlib.contextmanager
def heard(tell: Callable[[signal.Signals], bool]) -> Iterator[None]:
    """In a coroutine: every request to end, Ctrl-C too, is given to ``tell``, between two steps of the event loop.

    It says whether the request is to cancel the current task after all.
    """
    import asyncio

    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # for the type checker: a coroutine runs in a task
    loop = asyncio.get_running_loop()

    def told(request: signal.Signals) -> None:
        if tell(request):
            task.cancel()

    def hear(number: int, frame: FrameType | None) -> None:
        del frame
        loop.call_soon_threadsafe(told, signal.Signals(number))

    heeded = _heeded()
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        heeded.append(signal.SIGINT)
    before = {request: signal.signal(request, hear) for request in heeded}
    try:
        yield
    finally:
        for request, handler in before.items():
            signal.signal(request, handler)


def _heeded() -> list[signal.Signals]:
    return [request for request in REQUESTS if signal.getsignal(request) is not signal.SIG_IGN]


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
