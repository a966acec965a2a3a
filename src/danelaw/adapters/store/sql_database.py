"""One SQLite file: opened for its owner alone, brought up to date, and every error of it told as ours.

Write-ahead logging, and each commit is on the disk before it is believed. Writers take turns from their first statement
on, so that what a transaction has read is still so when it writes.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from danelaw.adapters.store.sql_schema import REVISIONS
from danelaw.core.model import DanelawError

PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700
MIGRATIONS: Final = Path(__file__).with_name("migrations")
GUIDE: Final = "docs/how-to/back-up-and-restore.md"

_NO_FILE: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What it says, among other things, where it cannot make the files that it needs beside the first one, even to read."""
_BESIDE: Final = 1 << 16
"""In octets: an index of 32 KiB, and a log."""
_FILES_BESIDE: Final = 2


class Database:
    """``path``: the file; it and its directory are made where they are missing. ``patience``: with other writers.

    Raises ``DanelawError``, here and wherever it is used: ``STORE_LOCKED``, ``STORE_FULL``, ``STORE_DAMAGED``,
    ``STORE_UNUSABLE``; here also ``STORE_NEWER``.
    """

    def __init__(self, path: Path, patience: timedelta) -> None:
        self._path = path
        try:
            _prepare(path)
        except OSError as error:
            raise _unusable(path, error) from error
        self._patience = patience
        self._engine = _engine(path, patience)
        self._bring_up_to_date()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """What is there at one instant."""
        with _told(self._path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """All of it or nothing. No one else writes meanwhile."""
        engine = self._engine.execution_options(writes=True)
        with _told(self._path), engine.begin() as connection:
            yield connection

    def copy(self, target: Path) -> None:
        """All of it as it is now, in one new file."""
        with _told(target), self._engine.connect() as connection:
            try:
                _prepare(target)
            except OSError as error:
                raise _unusable(target, error) from error
            driver = cast(
                sqlite3.Connection, connection.connection.driver_connection
            )  # in no transaction: VACUUM's wish
            driver.execute("VACUUM INTO ?", (str(target),))

    def close(self) -> None:
        self._engine.dispose()

    def _bring_up_to_date(self) -> None:
        with self.reading() as connection:
            revision = _revision(connection)
        if revision == REVISIONS[-1]:
            return
        if revision is not None and revision not in REVISIONS:
            raise DanelawError(
                "STORE_NEWER",
                f"{self._path} was written by a later Danelaw",
                evidence=f"revision {revision}, here {REVISIONS[-1]}",
                hint=f"use the Danelaw that wrote it, or go back to a backup from before: {GUIDE}",
            )
        # Alembic is not needed otherwise, and takes longer to import than a pass needs the store.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        # Tables that others refer to are made anew; that all refer to what is there again is checked at the end.
        engine = _engine(self._path, self._patience, foreign_keys=False).execution_options(writes=True)
        with _told(self._path), engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            dangling = connection.execute(text("PRAGMA foreign_key_check")).all()
            if dangling:
                raise DanelawError(
                    "STORE_DAMAGED",
                    f"{self._path} lacks what is referred to in it, and was left as it is",
                    evidence=", ".join(map(str, dangling[:3])),
                    hint=f"stop Danelaw, put a backup in its place, and start it again: {GUIDE}",
                )
        engine.dispose()


def _prepare(path: Path) -> None:
    """SQLite gives the files beside it the mode of the first one."""
    if not path.parent.is_dir():
        path.parent.mkdir(PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        if os.fstat(handle).st_mode & 0o077:
            os.fchmod(handle, PRIVATE_FILE)
    finally:
        os.close(handle)


def _engine(path: Path, patience: timedelta, *, foreign_keys: bool = True) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": patience.total_seconds()})

    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins no transaction by itself
        checked = "ON" if foreign_keys else "OFF"
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"foreign_keys = {checked}"):
            connection.execute(f"PRAGMA {pragma}")

    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _revision(connection: Connection) -> str | None:
    if not connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")).scalar():
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


# -- errors -----------------------------------------------------------------------------------------------------------


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (DatabaseError, sqlite3.Error) as error:
        raise _as_ours(path, error) from error


def _as_ours(path: Path, error: Exception) -> DanelawError:
    """By SQLite's primary result code (the low octet of the extended one)."""
    origin = error.orig if isinstance(error, DatabaseError) and error.orig is not None else error
    primary = getattr(origin, "sqlite_errorcode", 0) & 0xFF
    evidence = str(origin)
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DanelawError(
            "STORE_LOCKED",
            f"{path} is held by another program",
            evidence=evidence,
            hint=f"find it with: fuser {path}",
        )
    if primary == sqlite3.SQLITE_FULL or (primary in _NO_FILE and _no_room(path.parent)):
        return _full(path, evidence)
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DanelawError(
            "STORE_DAMAGED",
            f"{path} cannot be read as a store",
            evidence=evidence,
            hint=f"stop Danelaw, put a backup in its place, and start it again: {GUIDE}",
        )
    return _unusable(path, origin)


def _no_room(directory: Path) -> bool:
    """Whether the files that SQLite makes beside the first one have no place."""
    try:
        there = os.statvfs(directory)
    except OSError:
        return False
    return there.f_bavail * there.f_frsize < _BESIDE or (there.f_files > 0 and there.f_favail < _FILES_BESIDE)


def _full(path: Path, evidence: str) -> DanelawError:
    return DanelawError(
        "STORE_FULL",
        f"there is no room to record anything in {path}, so nothing is done",
        evidence=evidence,
        hint=f"make room: df {path.parent}; df -i {path.parent}",
    )


def _unusable(path: Path, error: BaseException) -> DanelawError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(path, error.strerror or str(error))
    return DanelawError(
        "STORE_UNUSABLE",
        f"{path} cannot be used as a store",
        evidence=str(error),
        hint=f"the user that runs Danelaw must own it, and its directory: ls -ld {path.parent} {path}",
    )
