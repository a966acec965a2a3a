"""What stands beside the credentials of how far the store had got: so an older copy of it is known for what it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from danelaw.adapters.store.leftovers import remove_leftovers, unborn
from danelaw.adapters.store.sql_database import PRIVATE_FILE
from danelaw.core.model import DanelawError
from danelaw.core.rollover.continuity import Mark

NAME: Final = "store.mark"

_ILLEGIBLE: Final = Mark("", 0)
"""Equals the mark of no store, so that history begins anew."""


class MarkFile:
    """The mark of one store, in ``directory``, which is made if it is missing.

    What writers that were killed have left there is removed by the first one that writes in a new process: marks half
    written, and what begins with ``others``.
    """

    def __init__(self, directory: Path, *others: str) -> None:
        self._path = directory / NAME
        self._left = (self._path.stem, *others)
        self._swept = False

    def read(self) -> Mark | None:
        """None: nothing was marked yet. Raises ``DanelawError("STORE_UNUSABLE")``."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error
        try:
            return msgspec.json.decode(text, type=Mark)
        except msgspec.DecodeError:
            return _ILLEGIBLE

    def write(self, mark: Mark) -> None:
        """By one rename. It need not survive a power cut: a mark that is behind its store says nothing."""
        fresh = unborn(self._path, self._path.stem)
        try:
            self._path.parent.mkdir(0o700, parents=True, exist_ok=True)
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(msgspec.json.encode(mark))
                if not self._swept:
                    remove_leftovers(fresh, *self._left)
                    self._swept = True
                fresh.rename(self._path)
            finally:
                fresh.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> DanelawError:
        return DanelawError(
            "STORE_UNUSABLE",
            f"what is marked of the store in {self._path} cannot be kept",
            evidence=str(error),
            hint=f"the user that runs Danelaw must own it, and there must be room: ls -ld {self._path.parent}",
        )
