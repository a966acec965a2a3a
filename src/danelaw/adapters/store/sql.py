"""Facts in SQLite: what is recorded outlives the process, the machine's crash, and the program that wrote it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from danelaw.adapters.store import sql_schema as tables
from danelaw.adapters.store.sql_database import Database
from danelaw.adapters.store.sql_folds import Folds
from danelaw.adapters.store.sql_log import Log
from danelaw.core.model import DanelawError, Limits, SubjectName
from danelaw.core.rollover.facts import Fact, Facts
from danelaw.ports import Blocking, Lease

T = TypeVar("T")

PATIENCE: Final = timedelta(seconds=10)
"""With another process that writes."""
LIMIT: Final = timedelta(minutes=5)
"""For one call. The first fold of years of history, made by another version of Danelaw, takes the longest."""


class SQLStore:
    """``ports.Store`` on one file. Facts are folded in the same order as by ``MemoryStore``.

    Every call takes one transaction, on a thread of ``blocking``. Raises ``DanelawError``: ``LEASE_LOST``, what
    ``Database`` does, and ``STORE_STUCK`` where a call does not end; what it was to append may be recorded or not.
    """

    def __init__(self, path: Path, limits: Limits, blocking: Blocking, patience: timedelta = PATIENCE) -> None:
        self._path = path
        self._blocking = blocking
        self._patience = patience
        self._database: Database | None = None
        self._turn = threading.Lock()
        self._log = Log()
        self._folds = Folds(limits, self._log)

    async def lease(self, subject: SubjectName) -> Lease:
        """The right to append, taken from whoever had it before, in whatever process."""
        return await self._do(lambda database: _lease(database, subject))

    async def append(self, subject: SubjectName, lease: Lease, *facts: Fact) -> None:
        """Records all of these, or none. Raises ``DanelawError("LEASE_LOST")`` when the lease is not the newest."""
        await self._do(lambda database: self._append(database, subject, lease, facts))

    async def facts(self, *subjects: SubjectName) -> Facts:
        return await self._do(lambda database: self._facts(database, frozenset(subjects)))

    async def close(self) -> None:
        """No call follows."""
        await self._do(Database.close)

    async def _do(self, work: Callable[[Database], T]) -> T:
        def in_turn() -> T:
            with self._turn:
                if self._database is None:
                    self._database = Database(self._path, self._patience)
                return work(self._database)

        try:
            return await self._blocking.call(in_turn, LIMIT)
        except TimeoutError as error:
            raise DanelawError(
                "STORE_STUCK",
                f"{self._path} did not answer within {LIMIT.total_seconds():.0f} seconds",
                hint=f"is the disk in order? Look at: dmesg | tail; df {self._path.parent}",
            ) from error

    # -- in a thread ------------------------------------------------------------------------------------------------

    def _append(self, database: Database, subject: SubjectName, lease: Lease, facts: Sequence[Fact]) -> None:
        recorded = False
        try:
            with database.writing() as connection:
                self._log.append(connection, subject, lease, facts)
            recorded = True
        finally:
            if not recorded:
                self._log.forget()

    def _facts(self, database: Database, subjects: frozenset[SubjectName]) -> Facts:
        with database.reading() as connection:
            facts, fresh = self._folds.fold(connection, subjects)
        if fresh:
            try:
                with database.writing() as connection:
                    self._folds.keep(connection, subjects)
            except DanelawError as error:
                if error.code not in ("STORE_FULL", "STORE_LOCKED"):
                    raise  # else the fold is kept some other time: what was asked for is here
        return facts


def _lease(database: Database, subject: SubjectName) -> Lease:
    of = tables.subjects.c
    with database.writing() as connection:
        statement = insert(tables.subjects).values(name=subject, token=1, seen=b"")
        again = statement.on_conflict_do_update(index_elements=[of.name], set_={"token": of.token + 1})
        connection.execute(again)
        return Lease(subject, connection.execute(select(of.token).where(of.name == subject)).scalar_one())
