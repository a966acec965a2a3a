"""Programs that a test has started: that they end, and whether they have."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def stopped(process: subprocess.Popen[bytes]) -> None:
    """It has ended: by itself once it is asked to, else killed after ten seconds."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def hearing(folder: Path) -> Iterator[tuple[str, Callable[[], bool]]]:
    """What a shell does to listen, once it holds its end of a pipe, and whether it goes on: it answers then, or its end
    is closed already."""
    told, says = folder / "told", folder / "says"
    os.mkfifo(told)
    os.mkfifo(says)
    ears, mouth = os.open(says, os.O_RDONLY | os.O_NONBLOCK), os.open(told, os.O_RDWR)

    def alive() -> bool:
        os.write(mouth, b"end\n")
        os.set_blocking(ears, True)
        return b"".join(iter(lambda: os.read(ears, 64), b"")) == b"end\n"

    try:
        yield f"exec 3>{shlex.quote(str(says))}; (read word <{shlex.quote(str(told))}; echo $word >&3)", alive
    finally:
        os.close(ears)
        os.close(mouth)
