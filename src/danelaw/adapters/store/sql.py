"""Facts in SQLite: what is recorded outlives the process, the machine's crash, and the program that wrote it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert

from danelaw.adapters.store import sql_schema as tables
from danelaw.adapters.store.codec import micros
from danelaw.adapters.store.sql_database import Database
from danelaw.adapters.store.sql_folds import Folds
from danelaw.adapters.store.sql_leads import keep, overview, unread
from danelaw.adapters.store.sql_log import Log, Row, check
from danelaw.adapters.store.sql_mark import MarkFile
from danelaw.adapters.store.sql_upkeep import Needs, copy, copy_stem, due, needs_of, stale, tend
from danelaw.core.model import DanelawError, Instant, Limits, SubjectName
from danelaw.core.rollover.clock import CLOCK
from danelaw.core.rollover.continuity import Mark, begun_anew, interruption
from danelaw.core.rollover.facts import Fact
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.leads import Overview
from danelaw.ports import Blocking, Event, Lease

T = TypeVar("T")

KEEP: Final = timedelta(days=2 * 365)
COPY: Final = "store.copy.sqlite"
PATIENCE: Final = timedelta(seconds=10)
"""With another process that writes."""
LIMIT: Final = timedelta(minutes=5)
"""For one call. The first fold of years of history, made by another version of Danelaw, takes the longest."""


class SQLStore:
    """``ports.Store`` on one file. Facts are folded in the same order as by ``MemoryStore``.

    ``beside``: a directory that is not put back together with the store, such as that of the credentials. There it is
    marked how far the store has got: one that is behind is an older copy, and history begins anew (``continuity``)
    with the first facts that are appended. There also lies a copy, of the day. ``keep``: how long facts are kept that
    nothing depends on any more.

    Every call takes one transaction, on a thread of ``blocking``. Raises ``DanelawError``: ``LEASE_LOST``, what
    ``Database`` does, and ``STORE_STUCK`` where a call does not end; what it was to append may be recorded or not.
    """

    def __init__(
        self,
        path: Path,
        limits: Limits,
        blocking: Blocking,
        *,
        beside: Path | None = None,
        keep: timedelta = KEEP,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._path = path
        self._limits = limits
        self._blocking = blocking
        self._keep = keep
        self._patience = patience
        self._copy = beside / COPY if beside is not None else None
        self._mark = MarkFile(beside, copy_stem(Path(COPY))) if beside is not None else None
        self._marked: Mark | None = None
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

    async def overview(self) -> Overview:
        return await self._do(self._overview)

    async def history(
        self,
        subject: SubjectName | None = None,
        since: Instant | None = None,
        limit: int | None = None,
        kinds: Collection[type[Fact]] | None = None,
    ) -> Sequence[Event]:
        """The newest ``limit`` facts that said something new, oldest first: of one subject or of all."""
        return await self._do(lambda database: self._history(database, subject, since, limit, kinds))

    async def tend(self, at: Instant, together: Iterable[Collection[SubjectName]] | None = None) -> None:
        """Once a day: delete what is older than ``keep``, and copy the store. ``at``: now.

        ``together``: as in the port. They are folded one after the other, and only if there is anything to delete.
        """
        names = await self._do(lambda database: self._overdue(database, at))
        if names is None:
            return
        needs = Needs()
        for group in _apart(names, together):
            needs |= needs_of(await self.facts(*group), self._limits, at)
        await self._do(lambda database: self._tend(database, needs if names else None, at))

    async def copy(self, target: Path) -> None:
        """A backup in one file, made while others go on."""
        await self._do(lambda database: copy(database, target))

    async def close(self) -> None:
        """No call follows. What was never asked for anything is not opened for it."""

        def close() -> None:
            if self._database is not None:
                self._database.close()

        await self._in_turn(close)

    async def _do(self, work: Callable[[Database], T]) -> T:
        def opened() -> T:
            if self._database is None:
                self._database = Database(self._path, self._patience)
            return work(self._database)

        return await self._in_turn(opened)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        def in_turn() -> T:
            with self._turn:
                return work()

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
        last = self._mark.read() if self._mark is not None and self._marked is None else self._marked
        try:
            with database.writing() as connection:
                check(connection, subject, lease)
                if facts:
                    self._begin_anew(connection, last, facts[0].at)
                number = self._log.append(connection, subject, facts)
                now = Mark(connection.execute(select(tables.store.c.identity)).scalar_one(), number)
            recorded = True
        finally:
            if not recorded:
                self._log.forget()
                self._folds.look_again()
        if self._mark is not None and facts:
            self._mark.write(now)
            self._marked = now

    def _begin_anew(self, connection: Connection, last: Mark | None, at: Instant) -> None:
        """If this is an older copy, or another store. It is recorded together with what is learnt first."""
        kept = Mark(*connection.execute(select(tables.store.c.identity, tables.store.c.numbers)).one())
        reason = interruption(kept, last)
        if reason is None:
            return
        for name in connection.execute(select(tables.subjects.c.name)).scalars().all():
            known, _ = self._folds.fold(connection, frozenset({name}))
            self._log.append(connection, name, begun_anew(name, known, reason, at))

    def _facts(self, database: Database, subjects: frozenset[SubjectName]) -> Facts:
        with database.reading() as connection:
            facts, fresh = self._folds.fold(connection, subjects)
        if fresh:
            self._if_there_is_room(database, lambda connection: self._folds.keep(connection, subjects))
        return facts

    def _overview(self, database: Database) -> Overview:
        with database.reading() as connection:
            found, news = overview(connection, self._log)
        if news is not None:
            self._if_there_is_room(database, lambda connection: keep(connection, news))
        return found

    def _if_there_is_room(self, database: Database, work: Callable[[Connection], None]) -> None:
        """What is only a short cut is kept some other time: what was asked for is here."""
        try:
            with database.writing() as connection:
                work(connection)
        except DanelawError as error:
            if error.code not in ("STORE_FULL", "STORE_LOCKED"):
                raise

    def _history(
        self,
        database: Database,
        subject: SubjectName | None,
        since: Instant | None,
        limit: int | None,
        kinds: Collection[type[Fact]] | None,
    ) -> Sequence[Event]:
        facts, of, bodies = tables.facts.c, tables.subjects.c, tables.bodies.c
        asked = (
            select(facts.clock_set, facts.at, facts.number, facts.body, of.name)
            .join(tables.subjects)
            .order_by(facts.clock_set.desc(), facts.at.desc(), facts.number.desc())
            .limit(limit)
        )
        if subject is not None:
            asked = asked.where(of.name == subject)
        if since is not None:
            asked = asked.where(facts.at >= micros(since))
        if kinds is not None:
            asked = asked.join(tables.bodies).where(bodies.kind.in_([kind.__name__ for kind in kinds]))
        with database.reading() as connection:
            self._log.refresh(connection)
            rows = connection.execute(asked).all()[::-1]
            told = self._log.facts(connection, [Row(*row[:4]) for row in rows])
        return [Event(row.number, SubjectName(row.name), fact) for row, fact in zip(rows, told, strict=True)]

    def _overdue(self, database: Database, at: Instant) -> frozenset[SubjectName] | None:
        """The subjects, of whom something may have to be deleted, if of any; None where it is not time yet."""
        with database.reading() as connection:
            if not due(connection, at):
                return None
            self._log.refresh(connection)
            if not stale(connection, self._log, self._keep, at):
                return frozenset()
            return frozenset(map(SubjectName, connection.execute(select(tables.subjects.c.name)).scalars()))

    def _tend(self, database: Database, needs: Needs | None, at: Instant) -> None:
        """``needs``: None where nothing is to be deleted. What leads to whom outlives the facts that told it."""
        with database.writing() as connection:
            if needs is not None:
                keep(connection, unread(connection, self._log))
                tend(connection, self._log, needs, self._keep, at)
            connection.execute(update(tables.store).values(tended=micros(at)))
        if self._copy is not None:
            copy(database, self._copy)


def _apart(
    names: frozenset[SubjectName], together: Iterable[Collection[SubjectName]] | None
) -> Iterable[Collection[SubjectName]]:
    """Groups of all these that have nothing to do with each other."""
    if together is None or not names:
        return [names] if names else []
    groups = [names.intersection(group) for group in together]
    rest = names.difference(*groups)
    return [*({*group, CLOCK} for group in groups if group), *({one, CLOCK} for one in rest)]


def _lease(database: Database, subject: SubjectName) -> Lease:
    with database.writing() as connection:
        return Lease(subject, connection.execute(_NEXT_TOKEN, {"name": subject}).scalar_one())


_NEXT_TOKEN: Final = (
    insert(tables.subjects)
    .values(name=bindparam("name"), token=1, seen=b"")
    .on_conflict_do_update(index_elements=[tables.subjects.c.name], set_={"token": tables.subjects.c.token + 1})
    .returning(tables.subjects.c.token)
)
