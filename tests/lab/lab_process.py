"""``danelaw lab`` as its users start it: a process of its own, with its own folder for temporary files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DANELAW: Final = (str(Path(sys.executable).with_name("danelaw")),)


def environment(temporary: Path, **more: str) -> dict[str, str]:
    """80 columns, no colour from outside, temporary files in ``temporary``."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COVERAGE")}
    return kept | {"COLUMNS": "80", "TMPDIR": str(temporary), **more}


def start(argv: tuple[str, ...], temporary: Path, **more: str) -> subprocess.Popen[bytes]:
    """A process in a session of its own, where Ctrl-C works even if it is ignored here."""
    return subprocess.Popen(  # noqa: S603  # programs of this package and of its tests
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(temporary, **more),
        start_new_session=True,
        preexec_fn=_hear_ctrl_c,
    )


def _hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended: its exit status and what it wrote."""

    status: int
    out: str
    err: str


def ended(process: subprocess.Popen[bytes], limit: float) -> Ended:
    """Wait for the end. Raises ``subprocess.TimeoutExpired`` after ``limit`` seconds, and the process is gone."""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Ended(process.returncode, out.decode(), err.decode())


def processes_left(process: subprocess.Popen[bytes]) -> bool:
    """Whether anything is left of the session that ``start`` began."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
