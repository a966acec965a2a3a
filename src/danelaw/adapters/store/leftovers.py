"""Names that files have while they are written, with the number of the process that writes them: so what a process that
was killed has left is known, and goes."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

_OLD: Final = 3600.0
"""Seconds. Nothing takes so long to write: the number is that of another process by now."""


def unborn(path: Path, stem: str) -> Path:
    """What ``path`` is called until it is whole, and one rename makes it that."""
    return path.with_name(f"{stem}.{os.getpid()}.new")


def remove_leftovers(fresh: Path, *stems: str) -> None:
    """Those beside ``fresh``, which was just written, whose processes are there no more, and those that are old."""
    left = re.compile(rf"(?:{'|'.join(map(re.escape, stems))})\.([0-9]+)\.new(?:-journal)?")
    with suppress(OSError), os.scandir(fresh.parent) as entries:  # they are in nobody's way
        now = fresh.stat().st_mtime
        for entry in entries:
            found = left.fullmatch(entry.name)
            if found is None or entry.name.startswith(fresh.name):
                continue
            if _ended(int(found[1])) or now - entry.stat(follow_symlinks=False).st_mtime > _OLD:
                Path(entry).unlink(missing_ok=True)


def _ended(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:  # it is somebody else's
        return False
    except (ProcessLookupError, OverflowError):
        return True
    return False
