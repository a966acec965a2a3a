"""The interfaces that a roll needs are out of order, each in its turn and each in every way: the runner says so, leaves
nothing half done, and asks for nothing twice that it may have once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from life_cycle import find

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(600)]

PLAY: Final = Path(__file__).with_name("api_faults_play.py")
TESTS: Final = Path(__file__).parents[1]
SAID: Final = {
    "CA: 500": 1,
    "CA: 429": 1,
    "CA: truncated directory": 1,
    "CA: finalized, and the reply truncated": 1,
    "API: 429": 1,
    "API: 500": 1,
    "API: truncated JSON": 1,
    "API: 500, though it was done": 2,
    "API: done, and the reply lost": 1,
}
"""How many TLSA records there are once the play has heard of it: what the API did, it did, whatever it said."""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    try:
        namespaces.run(("true",), find())
    except DanelawError as error:
        if error.code not in ("NAMESPACES_FORBIDDEN", "PROGRAM_MISSING"):
            raise
        pytest.skip(f"{error}: {error.evidence}")
    if not namespaces.may_change_user():
        pytest.skip("these servers change their users, which takes root")
    paths = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    words, around = (sys.executable, str(PLAY)), os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(words, env=around, capture_output=True, text=True, check=False, timeout=580)  # noqa: S603  # our own script
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("fault", SAID)
def test_an_interface_out_of_order_is_named_and_nothing_is_half_done(told: dict[str, Any], fault: str) -> None:
    published, said = SAID[fault], told["faults"][fault]
    assert all(said["failed"].values()), "each failure says what to do next"
    assert (said["published"], said["presents"], said["traceback"]) == (published, True, False), said


def test_a_failure_ends_the_run_with_its_status_and_a_ca_that_wants_time_does_not(told: dict[str, Any]) -> None:
    assert {name: said["status"] for name, said in told["faults"].items() if name in ("CA: 500", "CA: 429")} == {
        "CA: 500": 0,
        "CA: 429": 0,
    }
    barred = ("API: 429", "API: 500", "API: truncated JSON")
    assert [told["faults"][name]["status"] for name in barred] == [1, 1, 1]


def test_once_all_is_healed_the_roll_ends_with_one_order_and_two_changes_and_nobody_was_refused(
    told: dict[str, Any],
) -> None:
    assert set(told["faults"]) == set(SAID)
    assert (told["last"]["status"], told["last"]["published"]) == (0, 1)
    assert (told["orders"], told["finalized"], told["changes"]) == (1, 1, 2)
    assert told["refused"] == []
    assert told["connections"] > 300
