"""Worlds played in several processes at once: each for itself, and what comes of them in their order."""

from __future__ import annotations

import gc
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context
from typing import Final, TypeVar

T = TypeVar("T")

AT_ONCE: Final = 20
"""The most worlds that a process is handed at once."""


def played(one: Callable[[int], T], seeds: Sequence[int], jobs: int) -> Iterator[T]:
    """In the order of the seeds, whoever is done first. Whoever stops asking, or is interrupted, ends them all."""
    if jobs == 1 or len(seeds) < 2 * jobs:
        yield from map(one, seeds)
        return
    others = set(active_children())
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin)
    done = False
    try:
        size = max(1, min(AT_ONCE, len(seeds) // (4 * jobs)))
        parts = deque(pool.submit(_each, one, seeds[i : i + size]) for i in range(0, len(seeds), size))
        while parts:
            yield from parts.popleft().result()
        done = True
    finally:
        if not done:
            for process in set(active_children()) - others:
                process.terminate()
        pool.shutdown(wait=done)


def _each(one: Callable[[int], T], seeds: Sequence[int]) -> list[T]:
    return [one(seed) for seed in seeds]


def _begin() -> None:
    """Interruptions are the parent's affair. What is played is small and soon over: garbage can wait."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.set_threshold(50_000, 20, 50)
