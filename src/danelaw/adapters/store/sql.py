"""Facts in SQLite: what is recorded outlives the process, the machine's crash, and the program that wrote it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from danelaw.adapters.store import sql_schema as tables
from danelaw.adapters.store.codec import FORM, decode_fact, encode_fact, instant, micros
from danelaw.adapters.store.sql_database import Database
from danelaw.core.model import DanelawError, Instant, Limits, SubjectName
from danelaw.core.rollover.facts import ClockRead, Fact, Facts
from danelaw.ports import Blocking, Lease

T = TypeVar("T")

PATIENCE: Final = timedelta(seconds=10)
"""With another process that writes."""
LIMIT: Final = timedelta(seconds=60)
"""For one call. The first fold of a long history takes the longest."""

Place = tuple[int, int]
"""Where a fact stands in the order of folding: how often the clock had been set, and its instant in microseconds."""


class _Row(NamedTuple):
    """A fact as it is stored."""

    number: int
    clock_set: int
    at: int
    body: int

    @property
    def place(self) -> Place:
        return self.clock_set, self.at


@dataclass(frozen=True, slots=True)
class _Fold:
    """A fold that is still good: the number of the last append in it, and where its last fact stands in the order."""

    facts: Facts
    taken: int
    latest: Place | None


class SQLStore:
    """``ports.Store`` on one file. Facts are folded in the same order as by ``MemoryStore``.

    Every call takes one transaction, on a thread of ``blocking``. Raises ``DanelawError``: ``LEASE_LOST``, what
    ``Database`` does, and ``STORE_STUCK`` where a call does not end; what it was to append may be recorded or not.
    """

    def __init__(self, path: Path, limits: Limits, blocking: Blocking, patience: timedelta = PATIENCE) -> None:
        self._path = path
        self._limits = limits
        self._blocking = blocking
        self._patience = patience
        self._database: Database | None = None
        self._turn = threading.Lock()
        self._folds: dict[frozenset[SubjectName], _Fold] = {}
        self._written: dict[bytes, int] = {}
        self._read: dict[int, Callable[[Instant], Fact]] = {}

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
        written: dict[bytes, int] = {}
        with database.writing() as connection:
            row = connection.execute(
                select(tables.subjects.c.id, tables.subjects.c.token).where(tables.subjects.c.name == subject)
            ).one_or_none()
            if row is None or lease != Lease(subject, row.token):
                raise DanelawError(
                    "LEASE_LOST",
                    f"another runner has taken over {subject}",
                    evidence=f"lease {lease.token} of {lease.subject}, now {row.token if row is not None else 0}",
                    hint="let the other runner go on, or stop it and start again",
                )
            clock_set: int = connection.execute(select(tables.store.c.clock_set)).scalar_one()
            rows = []
            for fact in facts:
                if isinstance(fact, ClockRead) and fact.by:
                    clock_set += 1
                body = self._body(connection, fact, written)
                rows.append({"subject": row.id, "clock_set": clock_set, "at": micros(fact.at), "body": body})
            if rows:
                connection.execute(tables.facts.insert(), rows)
                connection.execute(update(tables.store).values(clock_set=clock_set))
        self._written |= written  # not before they are there to stay

    def _body(self, connection: Connection, fact: Fact, written: dict[bytes, int]) -> int:
        kind, text = encode_fact(fact)
        digest = hashlib.sha256(f"{kind} {FORM} {text}".encode()).digest()
        known = self._written.get(digest) or written.get(digest)
        if known is None:
            row = {"kind": kind, "form": FORM, "text": text, "digest": digest}
            connection.execute(insert(tables.bodies).values(row).on_conflict_do_nothing())
            known = connection.execute(select(tables.bodies.c.id).where(tables.bodies.c.digest == digest)).scalar_one()
            written[digest] = known
        return known

    def _facts(self, database: Database, subjects: frozenset[SubjectName]) -> Facts:
        fold = self._folds.get(subjects) or self._begun()
        with database.reading() as connection:
            news = self._since(connection, subjects, fold.taken)
            if not news:
                return fold.facts
            if fold.latest is not None and news[0].place < fold.latest:
                fold = self._begun()
                news = self._since(connection, subjects, fold.taken)
        taken = max(row.number for row in news)
        fold = self._folds[subjects] = _Fold(fold.facts.add(*self._decoded(news)), taken, news[-1].place)
        return fold.facts

    def _begun(self) -> _Fold:
        return _Fold(Facts(self._limits.max_gap), 0, None)

    def _since(self, connection: Connection, subjects: frozenset[SubjectName], taken: int) -> Sequence[_Row]:
        """What was appended after ``taken``, in the order in which it is folded; what it says can be decoded then."""
        facts, of = tables.facts.c, tables.subjects.c
        asked = (
            select(facts.number, facts.clock_set, facts.at, facts.body)
            .where(facts.number > taken, facts.subject.in_(select(of.id).where(of.name.in_(subjects))))
            .order_by(facts.clock_set, facts.at, facts.number)
        )
        rows = [_Row(*row) for row in connection.execute(asked)]
        self._learn(connection, {row.body for row in rows} - self._read.keys())
        return rows

    def _learn(self, connection: Connection, ids: set[int]) -> None:
        bodies = tables.bodies.c
        wanted = sorted(ids)
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            for row in connection.execute(
                select(bodies.id, bodies.kind, bodies.form, bodies.text).where(bodies.id.in_(some))
            ):
                self._read[row.id] = decode_fact(row.kind, row.form, row.text)

    def _decoded(self, rows: Iterable[_Row]) -> Iterable[Fact]:
        return (self._read[row.body](instant(row.at)) for row in rows)


def _lease(database: Database, subject: SubjectName) -> Lease:
    of = tables.subjects.c
    with database.writing() as connection:
        statement = insert(tables.subjects).values(name=subject, token=1)
        again = statement.on_conflict_do_update(index_elements=[of.name], set_={"token": of.token + 1})
        return Lease(subject, connection.execute(again.returning(of.token)).scalar_one())
