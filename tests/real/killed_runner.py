"""``danelaw`` that dies by SIGKILL at a durable step: once at each, over all its lives. A script.

A step is a file that is made, written, renamed, linked, removed, synced or given a mode; a program that is started; a
connection; and a fact that is recorded, before it is and after. What comes between two of these changes nothing that
anybody else could see. Steps are told apart by what they are done to, without numbers, tokens and times.

    killed_runner.py DEATHS FOLDER SHARE LIFE WORDS…

``DEATHS``: the file that remembers them. ``FOLDER``: what is outside of it is not counted. ``SHARE``: one step in so
many. ``LIFE``: a word that steps of one part of the story are told apart by from those of another.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import sys
import threading
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

DEATHS, FOLDER, SHARE, LIFE = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
ON_PATHS: Final = ("os.rename", "os.remove", "os.symlink", "os.link", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate")
_TOKENS: Final = re.compile(r"(?<=acme-challenge/)[^.\s]+|(?<=[.-])[a-z0-9_]{8}(?= |$)|[0-9a-f]{12,}|[0-9]+")

_passed: Final = set(DEATHS.read_text().splitlines()) if DEATHS.exists() else set()
_one: Final = threading.RLock()


def at(step: str) -> None:
    """Die here, unless that has happened."""
    place = f"{LIFE}: {step if step.startswith('connect') else _TOKENS.sub('*', step.replace(FOLDER, ''))}"
    if place in _passed or zlib.crc32(place.encode()) % SHARE:
        return
    with _one:
        handle = os.open(DEATHS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, f"{place}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()


def heard(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook (PEP 578): called before what it tells of is done."""
    if event == "open":
        path, _, flags = args
        if isinstance(flags, int) and flags & WRITING and str(path).startswith(FOLDER) and Path(str(path)) != DEATHS:
            at(f"open {path}")
    elif event in ON_PATHS:
        at(f"{event.removeprefix('os.')} {' '.join(str(arg) for arg in args if str(arg).startswith(FOLDER))}")
    elif event == "subprocess.Popen":
        at(f"start {args[0]}")
    elif event == "socket.connect" and isinstance(args[1], tuple):
        at(f"connect {args[1][0]} {args[1][1]}")


def syncing(fsync: Callable[[int], None]) -> Callable[[int], None]:
    def sync(handle: int) -> None:
        at(f"sync {Path(f'/proc/self/fd/{handle}').readlink()}")
        fsync(handle)

    return sync


def recording(append: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """``ports.Store.append``."""

    @functools.wraps(append)
    async def recorded(store: object, subject: str, lease: object, *facts: Any) -> None:
        what = sorted({type(fact).__name__ + type(getattr(fact, "action", None)).__name__ for fact in facts})
        at(f"before {subject} records {what}")
        await append(store, subject, lease, *facts)
        at(f"after {subject} records {what}")

    return recorded


if __name__ == "__main__":
    from danelaw.adapters.store.sql import SQLStore
    from danelaw.faces import cli

    sys.addaudithook(heard)
    setattr(os, "fsync", syncing(os.fsync))  # noqa: B010  # a function, which mypy lets nobody assign another
    setattr(SQLStore, "append", recording(SQLStore.append))  # noqa: B010  # a method, which mypy lets nobody assign
    sys.argv = ["danelaw", *sys.argv[5:]]
    cli.main()
