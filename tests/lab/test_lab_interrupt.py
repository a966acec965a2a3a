"""However a lab is ended, it ends at once and leaves nothing behind; what cannot work is said before the play."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_process import DANELAW, Ended, ended, processes_left, start

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

STALLED = Path(__file__).with_name("stalled_lab.py")
LAB = (*DANELAW, "lab")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def lines_of(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stderr is not None
    for line in process.stderr:
        yield line.decode()


def say_until(process: subprocess.Popen[bytes], wanted: str) -> str:
    """What it says up to the line with ``wanted`` in it."""
    said = ""
    for line in lines_of(process):
        said += line
        if wanted in line:
            return said
    raise AssertionError(f"it never said {wanted!r}: {said}")


def interrupted(process: subprocess.Popen[bytes], number: signal.Signals, temporary: Path) -> Ended:
    """Send the signal; what is demanded of every end but the hardest."""
    process.send_signal(number)
    began = time.monotonic()
    outcome = ended(process, 10)
    assert time.monotonic() - began < 1, "it took too long to end"
    assert outcome.status == 130, outcome
    assert outcome.out == ""
    assert outcome.err.endswith("interrupted\n"), outcome
    assert "Traceback" not in outcome.err
    assert "Warning" not in outcome.err
    assert list(temporary.iterdir()) == []
    assert not processes_left(process)
    return outcome


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_interrupted_while_it_starts(tmp_path: Path, number: signal.Signals) -> None:
    process = start(LAB, tmp_path)
    for _ in itertools.count():  # a folder of its own is the first thing that can be seen of it
        if any(tmp_path.iterdir()) or process.poll() is not None:
            break
        os.sched_yield()
    interrupted(process, number, tmp_path)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_interrupted_while_it_waits(tmp_path: Path, number: signal.Signals) -> None:
    process = start(LAB, tmp_path)
    say_until(process, "  wait  ")
    interrupted(process, number, tmp_path)


@pytest.mark.parametrize("trouble", ["the CA hangs", "the authorities are silent"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupted_while_somebody_does_not_answer(tmp_path: Path, trouble: str, number: signal.Signals) -> None:
    process = start((sys.executable, str(STALLED), trouble), tmp_path)
    say_until(process, "stalled")
    interrupted(process, number, tmp_path)


def test_killed_it_leaves_no_process(tmp_path: Path) -> None:
    process = start(LAB, tmp_path)
    say_until(process, "1  DNSSEC")
    process.kill()
    assert ended(process, 10).status == -signal.SIGKILL
    assert not processes_left(process)


# -- where the files go ------------------------------------------------------------------------------------------------


def refused(process: subprocess.Popen[bytes]) -> Ended:
    """What is demanded of an error that is found before the play."""
    outcome = ended(process, 20)
    assert outcome.status == 2
    assert outcome.out == ""
    assert "DNSSEC" not in outcome.err
    assert "Traceback" not in outcome.err
    return outcome


def unwritable(tmp_path: Path, where: str) -> Path:
    """A folder that cannot be made or written to, by root neither."""
    file = tmp_path / "file"
    file.write_text("in the way", encoding="utf-8")
    return {
        "below a file": file / "folder",
        "below a device": Path("/dev/full/folder"),
        "a file system that takes none": Path("/proc/danelaw"),
        "a folder that takes none": Path("/proc"),
    }[where]


@pytest.mark.parametrize(
    "where", ["below a file", "below a device", "a file system that takes none", "a folder that takes none"]
)
def test_an_artifacts_folder_that_cannot_be_written_is_an_error_before_the_play(tmp_path: Path, where: str) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    outcome = refused(start((*LAB, "--artifacts", str(unwritable(tmp_path, where))), temporary))
    error, hint = outcome.err.splitlines()
    assert error.startswith("error: the lab's files cannot be written")
    assert "[ARTIFACTS_UNWRITABLE]" in error
    assert hint == "hint: name another folder with --artifacts"
    assert list(temporary.iterdir()) == []


def test_a_file_instead_of_an_artifacts_folder_is_a_wrong_argument(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("keep me", encoding="utf-8")
    assert "is a file" in refused(start((*LAB, "--artifacts", str(file)), tmp_path)).err
    assert file.read_text(encoding="utf-8") == "keep me"


def test_an_artifacts_folder_that_was_there_survives_an_interruption(tmp_path: Path) -> None:
    folder, temporary = tmp_path / "mine", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    process = start((*LAB, "--artifacts", str(folder)), temporary)
    say_until(process, "1  DNSSEC")
    interrupted(process, signal.SIGINT, temporary)
    assert folder.is_dir()
