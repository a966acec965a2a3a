"""How long something takes, on a machine that may be busy with something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

TRIES: Final = 5


def shortest(seconds: Callable[[], float], promise: float) -> float:
    """The least that ``seconds`` gives when it is tried a few times, or the first that is less than ``promise``.

    Others at work only ever add to the time that something takes; what waits for something that does not come, waits
    each time.
    """
    took: list[float] = []
    while len(took) < TRIES and (not took or took[-1] >= promise):
        took.append(seconds())
    return min(took)
