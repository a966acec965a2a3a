"""Programs that a test has started, and that must not outlive it."""

from __future__ import annotations

import subprocess


def stopped(process: subprocess.Popen[bytes]) -> None:
    """It has ended: by itself once it is asked to, else killed after ten seconds."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
