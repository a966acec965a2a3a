"""Contestants that take turns at the same work, and the ratios of what they need."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process while ``work`` runs, user and system."""
    gc.collect()
    before = time.process_time()
    work()
    return time.process_time() - before


def medians(rounds: int, contestants: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Each contestant's median CPU seconds over ``rounds``, in which they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds):
        names = list(contestants)
        for name in names if turn % 2 == 0 else reversed(names):
            taken[name].append(cpu_seconds(contestants[name]))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}
