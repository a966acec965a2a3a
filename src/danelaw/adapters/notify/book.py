"""What was told to whom, in a file of its own.

Not in the store: that the store is full, locked or damaged is itself to be told, and told once. Only one runner is at
work at a time, so nobody else writes.
"""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from danelaw.core.model import DanelawError
from danelaw.core.notify.record import Record
from danelaw.ports import Blocking

FORM: Final = "danelaw/notices/1"
PATIENCE: Final = timedelta(seconds=10)
LONGEST: Final = 1 << 24
"""In octets."""


class _Form(msgspec.Struct, forbid_unknown_fields=True):
    form: str
    record: Record


class NoticeFile:
    """``ports.NoticeBook``: one JSON file with mode 600, replaced by one rename."""

    def __init__(self, path: Path, blocking: Blocking) -> None:
        self._path = path
        self._blocking = blocking

    async def read(self) -> Record:
        try:
            return await self._blocking.call(lambda: _read(self._path), PATIENCE)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:  # no answer in time is an OSError too
            raise DanelawError(
                "NOTICES_UNREADABLE",
                f"{self._path} cannot be read",
                evidence=str(error) or "the disk does not answer",
                hint="remove it: what lasts is then told once more",
            ) from error

    async def write(self, record: Record) -> None:
        try:
            await self._blocking.call(lambda: _write(self._path, record), PATIENCE)
        except OSError as error:
            raise DanelawError(
                "NOTICES_UNWRITABLE",
                f"{self._path} cannot be written",
                evidence=str(error) or "the disk does not answer",
                hint=f"is there room, and may this user write there? df {self._path.parent}",
            ) from error


def _read(path: Path) -> Record:
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST)
    except FileNotFoundError:
        return Record()
    found = msgspec.json.decode(data, type=_Form)
    if found.form != FORM:
        raise msgspec.DecodeError(f"its form is {found.form!r}, and not {FORM!r}")
    return found.record


def _write(path: Path, record: Record) -> None:
    fresh = path.with_name(f".{path.name}.new")
    try:
        with open(fresh, "wb", opener=_private) as file:
            file.write(msgspec.json.encode(_Form(FORM, record)))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
