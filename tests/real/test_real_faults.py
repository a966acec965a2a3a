"""Each step of a roll meets a fault on real servers: the runner names it, leaves nothing half done, and goes on once it
is healed. In all that, no secret gets to where others could read it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces, programs

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(900)]

PLAY: Final = Path(__file__).with_name("faults_play.py")
SAID: Final = {
    "store full": ({2}, "STORE_FULL", 1),
    "disk full": ({3}, "STORE_UNUSABLE", 1),
    "store full after the key": ({3}, "STORE_FULL", 1),
    "CA unreachable": ({1}, "CA_UNREACHABLE", 1),
    "CA refuses": ({1}, "ORDER_FAILED", 1),
    "store full after the certificate": ({3}, "STORE_FULL", 1),
    "TSIG wrong": ({1}, "TSIG_REJECTED", 1),
    "primary down": ({1}, "PRIMARY_UNREACHABLE", 1),
    "primary killed before it reads": ({1}, "REPLY_LOST", 1),
    "primary killed before it is heard": ({1, 3}, "NOT_LOADED", 1),  # 1 once the update was tried again
    "update refused": ({1}, "UPDATE_REFUSED", 1),
    "live directory full": ({1}, "DEPLOY_FAILED", 2),
    "test fails": ({1}, "DEPLOY_CONFIG_TEST", 2),
    "reload fails": ({1}, "RELOAD_FAILED", 2),
    "store full after the switch": ({3}, "STORE_FULL", 2),
}
"""Exit statuses that are right, a code, and how many TLSA records the secondary has then: the new one comes before the
switch, never after."""
UNHEARD: Final = "primary killed before it is heard"


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    try:
        namespaces.run(("true",), programs.find())
    except DanelawError as error:
        if error.code not in ("NAMESPACES_FORBIDDEN", "PROGRAM_MISSING"):
            raise
        pytest.skip(f"{error}: {error.evidence}")
    done = subprocess.run((sys.executable, str(PLAY)), capture_output=True, text=True, check=False, timeout=880)  # noqa: S603  # our own script
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture(autouse=True)
def _possible(require_program: Callable[..., str]) -> None:
    for program, package in programs.PACKAGES.items():
        require_program(program, package=package)


@pytest.mark.parametrize("fault", SAID)
def test_a_fault_is_named_and_nothing_is_half_done(told: dict[str, Any], fault: str) -> None:
    statuses, code, published = SAID[fault]
    said = told["faults"][fault]
    assert said["status"] in statuses, said
    assert code in {*said["failed"], *said["waits"], *said["codes"]}, said
    assert all(said["failed"].values()), "each failure says what to do next"
    assert (said["published"], said["presents"], said["traceback"]) == (published, True, False), said
    assert said["kept"] == (2 if fault == UNHEARD else published), "a primary that was killed forgets no update it took"


def test_once_all_is_healed_the_roll_ends_and_nobody_was_refused(told: dict[str, Any]) -> None:
    assert set(told["faults"]) == set(SAID)
    assert (told["last"]["status"], told["published"], told["left"]) == (0, 1, [])
    assert told["crowd"]["refused"] == []
    assert told["crowd"]["connections"] > 500 > 10 * told["crowd"]["undecided"]


def test_what_was_done_when_the_store_had_no_room_is_not_done_again(told: dict[str, Any]) -> None:
    assert told["generations"] == 2, "one key, and the one that it was rolled to"


def test_status_says_of_a_full_disk_that_it_is_full(told: dict[str, Any]) -> None:
    assert told["status"]["codes"] == ["STORE_FULL"]
    assert "df " in told["status"]["err"]


def test_no_secret_is_in_what_was_said_in_a_process_or_in_a_file_of_others(told: dict[str, Any]) -> None:
    """TSIG, the account's key, and the keys of all generations; looked for in every form in which they are written."""
    assert told["leaks"] == []
    assert told["planted"] == {"environ": True, "log": True, "file": True}, "the hunt finds what is there"
    assert told["secrets"] >= 4
    assert told["processes"] > 1000
