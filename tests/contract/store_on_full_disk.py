"""Runs of a store on a disk that is full, once it had a record and once from nothing. A script: prints as JSON what was
told of each. ``DISK`` is a small file system of its own.

    store_on_full_disk.py DISK
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from full_disks import fill, free

from danelaw.adapters.store.one_runner import only_runner
from danelaw.adapters.store.sql import SQLStore
from danelaw.core.model import DanelawError, Limits, SubjectName
from danelaw.core.rollover.facts import Fact
from inline_blocking import Inline
from store_writer import told

WWW: Final = SubjectName("www.example.net:443/tcp")
NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
LITTLE: Final = [(40, inodes) for inodes in (0, 1)] + [(pages, 20) for pages in (0, 1, 4, 7, 8, 9)]
"""Free pages and inodes. SQLite wants nine pages and two files before it reads the first record."""


def run(path: Path, turn: int) -> list[Fact]:
    """As a new process does: the lock, all that is known, and something more."""

    async def story() -> list[Fact]:
        with only_runner(path, "a test", NOW):
            store = SQLStore(path, Limits(), Inline())
            try:
                lease = await store.lease(WWW)
                await store.append(WWW, lease, *told(WWW, turn))
                return [event.fact for event in await store.history(None)]
            finally:
                await store.close()

    return asyncio.run(story())


def play(disk: Path, path: Path, *, begun: bool) -> dict[str, Any]:
    kept = run(path, 0) if begun else []
    said = []
    for pages, inodes in LITTLE:
        fill(disk, pages, inodes)
        try:
            run(path, 1)
            said.append((pages, inodes, "", ""))
        except DanelawError as error:
            said.append((pages, inodes, error.code, error.hint))
        finally:
            free(disk)
    return {"said": said, "kept": run(path, 1) == [*kept, *told(WWW, 1)]}


if __name__ == "__main__":
    disk = Path(sys.argv[1])
    print(json.dumps([play(disk, disk / str(begun) / "store.sqlite", begun=begun) for begun in (False, True)]))
