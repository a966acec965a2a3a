"""However a lab is ended, it ends at once and leaves nothing behind; what cannot work is said before the play."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab_process import DANELAW, Ended, ended, processes_left, start

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

STRUCK = Path(__file__).parents[1] / "struck"
STALLED = Path(__file__).with_name("stalled_lab.py")
LAB = (*DANELAW, "lab")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
PROMISE = 1.0
"""Seconds within which it ends, whatever it was doing."""
TRIES = 3


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


def saying(wanted: str, argv: tuple[str, ...], temporary: Path) -> subprocess.Popen[bytes]:
    """A process that was started and has said ``wanted``."""
    process = start(argv, temporary)
    say_until(process, wanted)
    return process


def ends_at_once(begin: Callable[[], subprocess.Popen[bytes]], number: signal.Signals | None, temporary: Path) -> None:
    """What is demanded of every end but the hardest: it is clean, and comes within ``PROMISE``.

    ``begin``: starts it, up to the instant. ``number``: the signal; None: it has struck already. A busy machine only
    ever adds to the time that an end takes, so the shortest of a few is nearest to what the program itself needs; one
    that waits for something that does not come, waits each time.
    """
    took: list[float] = []
    while len(took) < TRIES and (not took or took[-1] >= PROMISE):
        process = begin()
        if number is not None:
            process.send_signal(number)
        began = time.monotonic()
        outcome = ended(process, 60)
        took.append(time.monotonic() - began)
        assert outcome.status == 130, outcome
        assert outcome.out == ""
        assert outcome.err.endswith("interrupted\n"), outcome
        assert "Traceback" not in outcome.err
        assert "Warning" not in outcome.err
        assert list(temporary.iterdir()) == []
        assert not processes_left(process)
    assert min(took) < PROMISE, f"it took too long to end: {took}"


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_interrupted_while_it_starts(tmp_path: Path, number: signal.Signals) -> None:
    def begin() -> subprocess.Popen[bytes]:
        """Its first folder has just been made, and it is about to make the second."""
        strike = f"tempfile.mkdtemp danelaw-world- {number.name}"
        process = start(LAB, tmp_path, PYTHONPATH=str(STRUCK), STRIKE=strike)
        say_until(process, "struck")
        return process

    ends_at_once(begin, None, tmp_path)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_interrupted_while_it_waits(tmp_path: Path, number: signal.Signals) -> None:
    ends_at_once(lambda: saying("  wait  ", LAB, tmp_path), number, tmp_path)


@pytest.mark.parametrize("trouble", ["the CA hangs", "the authorities are silent"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_interrupted_while_somebody_does_not_answer(tmp_path: Path, trouble: str, number: signal.Signals) -> None:
    ends_at_once(lambda: saying("stalled", (sys.executable, str(STALLED), trouble), tmp_path), number, tmp_path)


def test_killed_it_leaves_no_process(tmp_path: Path) -> None:
    process = saying("1  DNSSEC", LAB, tmp_path)
    process.kill()
    assert ended(process, 60).status == -signal.SIGKILL
    assert not processes_left(process)


# -- where the files go ------------------------------------------------------------------------------------------------


def refused(process: subprocess.Popen[bytes]) -> Ended:
    """What is demanded of an error that is found before the play."""
    outcome = ended(process, 60)
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
    lab = (*LAB, "--artifacts", str(folder))
    ends_at_once(lambda: saying("1  DNSSEC", lab, temporary), signal.SIGINT, temporary)
    assert folder.is_dir()
