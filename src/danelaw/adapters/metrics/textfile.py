"""A file for the textfile collector of the node exporter."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Final

from danelaw.core.model import DanelawError
from danelaw.ports import Blocking

PATIENCE: Final = timedelta(seconds=10)


class WholeFile:
    """``ports.TextFile``: everybody may read it, and it is replaced by one rename.

    The new one does not end in ``.prom`` before: the collector reads all that does.
    """

    def __init__(self, path: Path, blocking: Blocking) -> None:
        self._path = path
        self._blocking = blocking

    async def write(self, text: str) -> None:
        try:
            await self._blocking.call(lambda: _write(self._path, text), PATIENCE)
        except OSError as error:  # no answer in time is one too
            raise DanelawError(
                "METRICS_UNWRITABLE",
                f"{self._path} cannot be written",
                evidence=str(error) or "the disk does not answer",
                hint=f"is there {self._path.parent}, and may this user write there?",
            ) from error


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    try:
        with open(fresh, "w", encoding="utf-8", newline="\n", opener=_open) as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
        fresh.rename(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o644)
