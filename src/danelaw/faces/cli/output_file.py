"""Files that a command is asked to write: whole or not at all, where that can be."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import IO

from danelaw.core.model import DanelawError


class OutputFile:
    """A file that takes the place of the one before when ``close`` is called, and not before.

    A pipe or a device is written to as one goes. Errors are ``DanelawError("OUTPUT_UNWRITABLE")``, of the constructor
    too: what has nowhere to go is found out before the work.
    """

    def __init__(self, path: Path, option: str) -> None:
        self._path = path
        self._option = option
        try:
            place = path.resolve()
            if place.exists() and not place.is_file():
                self._place, self._new = None, None
                self._file: IO[str] = place.open("w", encoding="utf-8")
            else:
                self._place = place
                self._new = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
                self._file = self._new.open("x", encoding="utf-8")
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links; a name with a null character
            raise self._unwritable(error) from error

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """All is written: now it counts."""
        try:
            self._file.close()
            if self._new is not None and self._place is not None:
                self._new.replace(self._place)
        except OSError as error:
            raise self._unwritable(error) from error

    def give_up(self) -> None:
        """Leave what was there before; nothing after ``close``."""
        with contextlib.suppress(OSError):
            self._file.close()
        if self._new is not None:
            self._new.unlink(missing_ok=True)

    def _unwritable(self, error: Exception) -> DanelawError:
        return DanelawError(
            "OUTPUT_UNWRITABLE",
            f"cannot write to {self._path}",
            evidence=(error.strerror or "") if isinstance(error, OSError) else str(error),
            hint=f"name another file with {self._option}, or - for standard output",
        )
