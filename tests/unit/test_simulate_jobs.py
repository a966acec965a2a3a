"""Worlds in several processes: their order, and what becomes of the processes."""

from __future__ import annotations

import os
import time
from multiprocessing import active_children
from multiprocessing.connection import wait

import pytest

from danelaw.core.model import DanelawError
from danelaw.faces.cli.simulate_jobs import played

pytestmark = pytest.mark.slow


def squared(seed: int) -> int:
    return seed * seed


def forever(seed: int) -> int:
    while seed:
        time.sleep(60)  # what is waited for is that somebody ends it
    return os.getpid()


def full(seed: int) -> int:
    raise DanelawError("STORE_FULL", "there is no room", evidence=f"world {seed}", hint="make some")


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_comes_of_the_worlds_comes_in_their_order(jobs: int) -> None:
    assert list(played(squared, range(30), jobs)) == [seed * seed for seed in range(30)]
    assert active_children() == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_in_a_world_reaches_us_whole(jobs: int) -> None:
    with pytest.raises(DanelawError) as caught:
        list(played(full, range(30), jobs))
    error = caught.value
    assert (error.code, str(error), error.hint) == ("STORE_FULL", "there is no room [STORE_FULL]: world 0", "make some")


def test_whoever_stops_asking_ends_all_processes_at_once() -> None:
    results = played(forever, [0, *range(1, 8)], 2)
    assert next(results) != os.getpid()
    working = active_children()
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(working) == 2
    assert all(wait([process.sentinel], 10) for process in working)  # the pool reaps them: is_alive may not know yet
