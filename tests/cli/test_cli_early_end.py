"""Ctrl-C while the program is still being imported: it ends with status 130 and without a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DANELAW = (str(Path(sys.executable).with_name("danelaw")),)
MODULE = (sys.executable, "-m", "danelaw")
STRUCK = Path(__file__).parents[1] / "struck"

# Modules in the order in which they are imported for `danelaw lab`.
INSTANTS = (
    "danelaw.faces",
    "click",
    "danelaw.core.model",
    "danelaw.faces.cli.terminal",
    "danelaw.wiring",
    "cryptography",
    "acme",
    "danelaw.worlds.lab.real.world",
)


def struck(
    argv: tuple[str, ...], module: str, number: signal.Signals, before: Callable[[], object]
) -> subprocess.CompletedProcess[str]:
    """What became of a program that got the signal when it began to import the module."""
    return subprocess.run(  # noqa: S603 - our own command
        argv,
        env=os.environ | {"PYTHONPATH": str(STRUCK), "STRIKE": f"import {module} {number.name}"},
        preexec_fn=before,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def heard() -> None:
    """As a shell starts a program in the foreground."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def ignored() -> None:
    """As nohup, or a shell in the background, starts one."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.parametrize("module", INSTANTS)
def test_ctrl_c_while_a_module_is_imported(module: str) -> None:
    end = struck((*DANELAW, "lab", "--json"), module, signal.SIGINT, heard)
    said = end.stderr.splitlines()  # once the command has begun, an empty line ends that on which a terminal shows ^C
    assert (end.returncode, end.stdout, [line for line in said if line]) == (130, "", ["struck", "interrupted"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("argv", [DANELAW, MODULE], ids=["danelaw", "python -m danelaw"])
def test_any_request_to_end_however_it_was_started(argv: tuple[str, ...], number: signal.Signals) -> None:
    end = struck((*argv, "lab", "--json"), "danelaw.wiring", number, heard)
    assert (end.returncode, end.stdout, end.stderr) == (130, "", "struck\ninterrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_that_is_ignored_stays_so(number: signal.Signals) -> None:
    end = struck((*DANELAW, "--version"), "click", number, ignored)
    assert (end.returncode, end.stderr) == (0, "struck\n")
    assert end.stdout
