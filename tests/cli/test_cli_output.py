"""Standard output or error that takes nothing: no traceback, and nothing is played for a result that would be lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from danelaw.faces.cli import terminal

DANELAW = str(Path(sys.executable).with_name("danelaw"))
FULL = Path("/dev/full")

full = pytest.mark.skipif(not os.access(FULL, os.W_OK), reason="no /dev/full that we may write to here")


def danelaw(
    *arguments: str, out: int = subprocess.PIPE, err: int = subprocess.PIPE, before: Callable[[], object] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [DANELAW, *arguments], stdout=out, stderr=err, preexec_fn=before, text=True, timeout=110, check=False
    )


@full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["lab", "--help"]], ids=" ".join)
def test_a_full_disk_is_an_error_in_one_line(
    arguments: list[str], unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with FULL.open("w") as nowhere:
        said = danelaw(*arguments, out=nowhere.fileno())
    assert said.returncode == 1
    assert said.stderr == "error: cannot write: No space left on device\n"


@full
def test_where_nothing_can_be_said_the_status_is_still_one() -> None:
    with FULL.open("w") as nowhere:
        said = danelaw("labb", err=nowhere.fileno())
    assert (said.returncode, said.stdout) == (1, "")


def closed() -> None:
    os.close(1)


def for_reading() -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 1)


def on_a_full_disk() -> None:
    os.dup2(os.open(FULL, os.O_WRONLY), 1)


@pytest.mark.parametrize("how", [closed, for_reading, pytest.param(on_a_full_disk, marks=full)])
def test_a_result_that_could_not_be_written_is_refused_before_the_play(how: Callable[[], object]) -> None:
    said = danelaw("lab", "--json", before=how)
    assert said.returncode == 2
    error, hint = said.stderr.splitlines()
    assert error.startswith("error: cannot write to standard output [OUTPUT_UNWRITABLE]")
    assert hint.startswith("hint: ")


def test_an_error_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "report.json")
    assert terminal.is_full(error)
    terminal.give_up(error)
    assert capsys.readouterr().err == "error: cannot write report.json: No space left on device\n"


def test_other_errors_of_the_system_are_not_taken_for_it() -> None:
    assert not terminal.is_full(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
