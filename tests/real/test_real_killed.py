"""The runner is killed by SIGKILL at each durable step, and the next one goes on: nothing is mixed or left over, and
nobody is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces, programs

SHARE: Final = int(os.environ.get("KILLED_SHARE", "6"))
"""One step in so many; ``make prove`` takes every one."""
PATIENCE: Final = 400 if SHARE > 1 else 1500

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(PATIENCE)]

PLAY: Final = Path(__file__).with_name("killed_play.py")


@pytest.fixture(autouse=True)
def _possible(require_program: Callable[..., str]) -> None:
    for program, package in programs.PACKAGES.items():
        require_program(program, package=package)
    try:
        namespaces.run(("true",), programs.find())
    except DanelawError as error:
        if error.code != "NAMESPACES_FORBIDDEN":
            raise
        pytest.skip(f"{error}: {error.evidence}")


def test_killed_at_any_step_it_leaves_nothing_that_the_next_one_does_not_finish() -> None:
    """From the first key of zone and service to the end of a roll."""
    words = (sys.executable, str(PLAY), str(SHARE))
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE - 10)  # noqa: S603  # our own script
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["faults"] == []
    assert told["left"] == []
    assert len(told["generations"]) == 1, "keys without a certificate are used or destroyed"
    assert told["presented"] == [], "every server presents a certificate"
    assert {scene: one["refused"] for scene, one in told["crowd"].items()} == {"": 0, "roll": 0}
    assert all(one["connections"] > 100 for one in told["crowd"].values())
    steps = told["steps"]
    assert sum(told["deaths"].values()) == len(steps) == len(set(steps))
    assert min(told["deaths"].values()) > 60 / SHARE, told["deaths"]
    again = sum("connect 192.0.2.14" in step or "AdvanceOrder" in step for step in steps)
    assert 2 <= told["orders"] <= 2 + again, "an order is made twice only where nobody could know of the first"
