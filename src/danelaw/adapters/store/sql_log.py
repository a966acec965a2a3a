"""Facts to rows, and back: what is new stands by itself, what was seen again is packed."""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

from danelaw.adapters.store import sql_schema as tables
from danelaw.adapters.store.codec import FORM, decode_fact, encode_fact, instant, micros
from danelaw.core.model import DanelawError, Instant, SubjectName
from danelaw.core.rollover.facts import (
    ClockRead,
    Fact,
    Holding,
    Judged,
    Presented,
    RenewalInfo,
    Roster,
    Sight,
    ZoneKeys,
)
from danelaw.ports import Lease

SEEN: Final = "I"
"""Of ``subjects.seen``: an array of the numbers of bodies."""
AGAIN: Final = struct.Struct("<HII")
"""Of ``repeats.again``: how far the number and the instant (microseconds) lie before those of the row; the body."""

OBSERVED: Final = (Sight, Roster, Judged, Presented, Holding, ZoneKeys, RenewalInfo)
"""What every pass tells. Seen once more, it is no news; anything else always is."""
OBSERVED_KINDS: Final = frozenset(kind.__name__ for kind in OBSERVED)

Place: TypeAlias = tuple[int, int]
"""Where a fact stands in the order of folding: how often the clock had been set, and its instant in microseconds."""
START: Final[Place] = (-1, 0)

APPEND_LASTS: Final = 60_000_000
"""How far the instants of one row of ``repeats`` lie apart at most, in microseconds."""
MOST_NUMBERS: Final = 1 << 16
MOST_BODIES: Final = 20_000
"""How many are remembered."""
WINDOW: Final = 20_000
"""How many facts are read at a time, or so."""
A_PASS: Final = 20
"""How many facts stand in a row of ``repeats``, or so."""


# Asked at every pass: SQLAlchemy takes longer to put a statement together than SQLite to answer it.
_STATE: Final = select(tables.store.c.clock_set, tables.store.c.numbers, tables.store.c.tended)
_SEEN_BY: Final = select(tables.subjects.c.id, tables.subjects.c.seen).where(
    tables.subjects.c.name == bindparam("name")
)
_TOKEN: Final = select(tables.subjects.c.token).where(tables.subjects.c.name == bindparam("name"))
_IDS: Final = select(tables.subjects.c.id).where(tables.subjects.c.name.in_(bindparam("names", expanding=True)))
_NEWER_FACTS: Final = select(
    tables.facts.c.clock_set, tables.facts.c.at, tables.facts.c.number, tables.facts.c.body
).where(tables.facts.c.subject.in_(bindparam("subjects", expanding=True)), tables.facts.c.number > bindparam("number"))
_NEWER_REPEATS: Final = select(
    tables.repeats.c.clock_set, tables.repeats.c.at, tables.repeats.c.number, tables.repeats.c.again
).where(
    tables.repeats.c.subject.in_(bindparam("subjects", expanding=True)),
    tables.repeats.c.number > bindparam("number"),
)


class Row(NamedTuple):
    """A fact as it is stored. Rows sort in the order of folding."""

    clock_set: int
    at: int
    number: int
    body: int

    @property
    def place(self) -> Place:
        return self.clock_set, self.at


class Log:
    """Reads and writes facts of one file. It remembers the bodies that it came across."""

    def __init__(self) -> None:
        self._written: dict[bytes, int] = {}
        self._read: dict[int, Callable[[Instant], Fact]] = {}
        self._tended: int | None = None

    # -- writing ----------------------------------------------------------------------------------------------------

    def append(self, connection: Connection, subject: SubjectName, facts: Sequence[Fact]) -> int:
        """Records these, inside the caller's transaction. Returns the number of the last fact of the store."""
        clock_set, number = self.refresh(connection)
        row = connection.execute(_SEEN_BY, {"name": subject}).one()
        seen = frozenset(array(SEEN, row.seen))
        news: list[Row] = []
        again: list[Row] = []
        told: set[int] = set()
        for fact in facts:
            if isinstance(fact, ClockRead) and fact.by:
                clock_set += 1
            number += 1
            body = self._body(connection, fact)
            observed = isinstance(fact, OBSERVED)
            (again if observed and body in seen else news).append(Row(clock_set, micros(fact.at), number, body))
            if observed:
                told.add(body)
        if news:
            connection.execute(tables.facts.insert(), [{**new._asdict(), "subject": row.id} for new in news])
        for packed in _packed(again):
            connection.execute(tables.repeats.insert(), {**packed, "subject": row.id})
        if told and told != seen:
            connection.execute(
                update(tables.subjects)
                .where(tables.subjects.c.id == row.id)
                .values(seen=array(SEEN, sorted(told)).tobytes())
            )
        if facts:
            connection.execute(update(tables.store).values(clock_set=clock_set, numbers=number))
        return int(number)

    def _body(self, connection: Connection, fact: Fact) -> int:
        kind, text = encode_fact(fact)
        digest = hashlib.sha256(f"{kind} {FORM} {text}".encode()).digest()
        known = self._written.get(digest)
        if len(self._written) > MOST_BODIES:
            self._written.clear()
        if known is None:
            row = {"kind": kind, "form": FORM, "text": text, "digest": digest}
            connection.execute(insert(tables.bodies).values(row).on_conflict_do_nothing())
            known = connection.execute(select(tables.bodies.c.id).where(tables.bodies.c.digest == digest)).scalar_one()
            self._written[digest] = known
        return known

    def refresh(self, connection: Connection) -> tuple[int, int]:
        """How often the clock was set, and the number of the last fact.

        Nothing is remembered from before bodies were deleted, by whatever process: their numbers are used again.
        """
        clock_set, number, tended = connection.execute(_STATE).one()
        if tended != self._tended:
            self.forget()
            self._tended = tended
        return clock_set, number

    def forget(self) -> None:
        """What was written may not be there: the transaction ended otherwise, or bodies were deleted."""
        self._written.clear()
        self._read.clear()

    # -- reading ----------------------------------------------------------------------------------------------------

    def newer(self, connection: Connection, subjects: Iterable[SubjectName], number: int) -> list[Row]:
        """What was appended after ``number``, in the order of folding."""
        since = {"subjects": _ids(connection, subjects), "number": number}
        return sorted(
            (
                *(Row(*row) for row in connection.execute(_NEWER_FACTS, since)),
                *_rows(connection.execute(_NEWER_REPEATS, since)),
            )
        )

    def windows(
        self, connection: Connection, subjects: Iterable[SubjectName], number: int, place: Place
    ) -> Iterator[list[Row]]:
        """What was appended after ``number`` or stands at ``place`` or later, some ten thousand rows at a time.

        Each is in the order of folding; of one append, some rows may come in the next window: see ``APPEND_LASTS``.
        """
        ids = _ids(connection, subjects)
        facts, repeats = tables.facts, tables.repeats
        of_facts = and_(facts.c.subject.in_(ids), or_(facts.c.number > number, _from(facts, place)))
        of_repeats = and_(repeats.c.subject.in_(ids), or_(repeats.c.number > number, _from(repeats, place)))
        begin: Place | None = START
        while begin is not None:
            ends = (
                *_nth(connection, facts, of_facts, begin, WINDOW),
                *_nth(connection, repeats, of_repeats, begin, WINDOW // A_PASS),
            )
            end = min(ends, default=None)
            rows = (
                *_single(connection, and_(of_facts, *_between(facts, begin, end))),
                *_unpacked(connection, and_(of_repeats, *_between(repeats, begin, end))),
            )
            yield sorted(row for row in rows if row.number > number or row.place >= place)
            begin = end

    def facts(self, connection: Connection, rows: Iterable[Row]) -> list[Fact]:
        """What the rows say. Raises ``DanelawError``: ``STORE_NEWER``, ``STORE_DAMAGED``."""
        rows = list(rows)
        self.learn(connection, {row.body for row in rows})
        return [self._read[row.body](instant(row.at)) for row in rows]

    def learn(self, connection: Connection, ids: Iterable[int]) -> None:
        bodies = tables.bodies.c
        if len(self._read) > MOST_BODIES:
            self._read.clear()
        wanted = sorted(set(ids) - self._read.keys())
        for start in range(0, len(wanted), 500):  # SQLite takes no more than so many parameters everywhere
            some = wanted[start : start + 500]
            asked = select(bodies.id, bodies.kind, bodies.form, bodies.text).where(bodies.id.in_(some))
            for row in connection.execute(asked):
                self._read[row.id] = decode_fact(row.kind, row.form, row.text)


def check(connection: Connection, subject: SubjectName, lease: Lease) -> None:
    """Raises ``DanelawError("LEASE_LOST")`` unless the lease is the newest of the subject."""
    token = connection.execute(_TOKEN, {"name": subject}).scalar_one_or_none() or 0
    if token == 0 or lease != Lease(subject, token):
        raise DanelawError(
            "LEASE_LOST",
            f"another runner has taken over {subject}",
            evidence=f"lease {lease.token} of {lease.subject}, now {token}",
            hint="let the other runner go on, or stop it and start again",
        )


def _ids(connection: Connection, subjects: Iterable[SubjectName]) -> list[int]:
    return list(connection.execute(_IDS, {"names": list(subjects)}).scalars())


def _from(table: Table, place: Place) -> ColumnElement[bool]:
    return tuple_(table.c.clock_set, table.c.at) >= place


def _between(table: Table, begin: Place, end: Place | None) -> list[ColumnElement[bool]]:
    """From ``begin`` on, and before ``end``."""
    return [_from(table, begin), *([tuple_(table.c.clock_set, table.c.at) < end] if end is not None else [])]


def _nth(connection: Connection, table: Table, where: ColumnElement[bool], begin: Place, n: int) -> list[Place]:
    """The place of the nth row that stands after ``begin``, if there is one."""
    columns = (table.c.clock_set, table.c.at)
    asked = select(*columns).where(where, tuple_(*columns) > begin).order_by(*columns).limit(1).offset(n)
    return [(clock_set, at) for clock_set, at in connection.execute(asked)]


def _single(connection: Connection, where: ColumnElement[bool]) -> Iterator[Row]:
    facts = tables.facts.c
    asked = select(facts.clock_set, facts.at, facts.number, facts.body).where(where)
    return (Row(*row) for row in connection.execute(asked))


def _unpacked(connection: Connection, where: ColumnElement[bool]) -> Iterator[Row]:
    repeats = tables.repeats.c
    yield from _rows(
        connection.execute(select(repeats.clock_set, repeats.at, repeats.number, repeats.again).where(where))
    )


def _rows(packed: Iterable[Any]) -> Iterator[Row]:
    for clock_set, at, last, again in packed:
        for before, ago, body in AGAIN.iter_unpack(again):
            yield Row(clock_set, at - ago, last - before, body)


def _packed(again: Sequence[Row]) -> Iterable[dict[str, object]]:
    """Rows as few rows: those that lie near enough to their last."""
    rest = list(again)
    while rest:
        first = rest[0]
        near = [row for row in rest if _near(row, first)]
        at, number = max(row.at for row in near), max(row.number for row in near)
        packed = b"".join(AGAIN.pack(number - row.number, at - row.at, row.body) for row in near)
        yield {"number": number, "clock_set": first.clock_set, "at": at, "again": packed}
        rest = [row for row in rest if not _near(row, first)]


def _near(row: Row, first: Row) -> bool:
    return (
        row.clock_set == first.clock_set
        and row.number - first.number < MOST_NUMBERS
        and abs(row.at - first.at) <= APPEND_LASTS // 2
    )
