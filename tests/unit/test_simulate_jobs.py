"""Worlds in several processes: their order, and what becomes of the processes."""

from __future__ import annotations

import os
import time
from multiprocessing import active_children
from multiprocessing.connection import wait

import pytest

from danelaw.faces.cli.simulate_jobs import played

pytestmark = pytest.mark.slow


def squared(seed: int) -> int:
    return seed * seed


def forever(seed: int) -> int:
    while seed:
        time.sleep(60)  # what is waited for is that somebody ends it
    return os.getpid()


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_comes_of_the_worlds_comes_in_their_order(jobs: int) -> None:
    assert list(played(squared, range(30), jobs)) == [seed * seed for seed in range(30)]
    assert active_children() == []


def test_whoever_stops_asking_ends_all_processes_at_once() -> None:
    results = played(forever, [0, *range(1, 8)], 2)
    assert next(results) != os.getpid()
    working = active_children()
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(working) == 2
    assert all(wait([process.sentinel], 10) for process in working)  # the pool reaps them: is_alive may not know yet
