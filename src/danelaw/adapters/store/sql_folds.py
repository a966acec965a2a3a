"""Folding what is stored: continued from pass to pass, and from process to process by a fold that is kept."""

from __future__ import annotations

import hashlib
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from danelaw import __version__
from danelaw.adapters.store import sql_schema as tables
from danelaw.adapters.store.codec import decode, encode, instant, schema
from danelaw.adapters.store.sql_log import APPEND_LASTS, START, Log, Place, Row
from danelaw.core.model import Limits, SubjectName
from danelaw.core.rollover.compaction import compact
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.parts import assembled, part_names, parts

OFTEN: Final = 2000
"""After so many facts what can no longer matter is forgotten, and the fold is kept. A pass tells some twenty facts."""

MOST_FOLDS: Final = 1000
"""How many are remembered, those that were asked for last."""


@dataclass(frozen=True, slots=True)
class Base:
    """A compacted fold of all that was there when fact ``number`` was the last, and stands before ``place``."""

    facts: Facts
    number: int = 0
    place: Place = START


@dataclass(frozen=True, slots=True)
class Fold:
    """A fold that is still good. ``number``: of the last fact in it; ``place``: of the last in the order of folding.

    ``news``: how many facts there are in it beside its base; when they are ``due``, it gets another one.
    """

    facts: Facts
    base: Base
    number: int
    place: Place
    news: int
    due: int


class Folds:
    """The folds of one file. What is compacted lies back by ``max_gap`` at least: nobody holds facts back so long."""

    def __init__(self, limits: Limits, log: Log) -> None:
        self._limits = limits
        self._log = log
        self._margin = max(int(limits.max_gap.total_seconds() * 1_000_000), APPEND_LASTS)
        made_by = f"{__version__}\n{schema()}\n{part_names()}\n{sorted(limits.as_seconds().items())}"
        self._made_by = hashlib.sha256(made_by.encode()).digest()
        self._folds: dict[frozenset[SubjectName], Fold] = {}
        self._looked: dict[frozenset[SubjectName], int] = {}  # the store's last number then

    def fold(self, connection: Connection, subjects: frozenset[SubjectName]) -> tuple[Facts, bool]:
        """The fold of these subjects, and whether it is worth keeping now."""
        _, number = self._log.refresh(connection)
        fold = self._folds.get(subjects)
        if fold is not None and self._looked.get(subjects) == number:
            self._remember(subjects, fold)
            return fold.facts, False
        self._looked[subjects] = number
        if fold is None:
            fold, fresh = self._from(connection, subjects, self._kept(connection, subjects))
        else:
            fold, fresh = self._continued(connection, subjects, fold)
        self._remember(subjects, fold)
        return fold.facts, fresh

    def _remember(self, subjects: frozenset[SubjectName], fold: Fold) -> None:
        """For the next pass, unless too many others come before it: a fold takes a quarter of a megabyte, or so."""
        self._folds.pop(subjects, None)
        self._folds[subjects] = fold
        if len(self._folds) > MOST_FOLDS:
            oldest = next(iter(self._folds))
            del self._folds[oldest]
            self._looked.pop(oldest, None)

    def look_again(self) -> None:
        """What was last looked at may have been taken back."""
        self._looked.clear()

    def keep(self, connection: Connection, subjects: frozenset[SubjectName]) -> None:
        """What ``fold`` made last, for the next process."""
        base = self._folds[subjects].base
        text = zlib.compress(encode(parts(base.facts)).encode())
        row = {
            "made_by": self._made_by,
            "number": base.number,
            "clock_set": base.place[0],
            "at": base.place[1],
            "text": text,
        }
        statement = insert(tables.folds).values(row | {"subjects": _digest(subjects)})
        connection.execute(statement.on_conflict_do_update(index_elements=[tables.folds.c.subjects], set_=row))

    def _kept(self, connection: Connection, subjects: frozenset[SubjectName]) -> Base:
        folds = tables.folds.c
        row = connection.execute(
            select(folds.number, folds.clock_set, folds.at, folds.text).where(
                folds.subjects == _digest(subjects), folds.made_by == self._made_by
            )
        ).one_or_none()
        if row is None:
            return Base(Facts(self._limits.max_gap))
        read = cast(dict[str, object], decode(zlib.decompress(row.text).decode()))
        return Base(assembled(self._limits.max_gap, read), row.number, (row.clock_set, row.at))

    def _continued(self, connection: Connection, subjects: frozenset[SubjectName], fold: Fold) -> tuple[Fold, bool]:
        rows = self._log.newer(connection, subjects, fold.number)
        if not rows:
            return fold, False
        if rows[0].place < fold.place or fold.news + len(rows) >= fold.due:
            return self._from(connection, subjects, fold.base)
        facts = fold.facts.add(*self._log.facts(connection, rows))
        number = max(row.number for row in rows)
        return Fold(facts, fold.base, number, rows[-1].place, fold.news + len(rows), fold.due), False

    def _from(self, connection: Connection, subjects: frozenset[SubjectName], base: Base) -> tuple[Fold, bool]:
        rows: list[Row] = []
        number, start = base.number, base
        for window in self._log.windows(connection, subjects, base.number, base.place):
            rows = sorted((*rows, *window))
            number = max((row.number for row in window), default=number)
            if len(rows) >= OFTEN:
                base, rows = self._settled(connection, base, rows)
        base = replace(base, number=number) if base is not start else base
        facts = base.facts.add(*self._log.facts(connection, rows))
        place = rows[-1].place if rows else base.place
        return Fold(facts, base, number, place, len(rows), OFTEN + 2 * len(rows)), base is not start

    def _settled(self, connection: Connection, base: Base, rows: Sequence[Row]) -> tuple[Base, list[Row]]:
        """What is so old that nothing before it will come any more is compacted; and the rest."""
        clock_set, at = rows[-1].place
        place = max((clock_set, at - self._margin), base.place)
        old = bisect_left(rows, place, key=lambda row: row.place)
        if not old:
            return base, list(rows)
        facts = base.facts.add(*self._log.facts(connection, rows[:old]))
        return Base(compact(facts, instant(place[1]), self._limits), base.number, place), list(rows[old:])


def _digest(subjects: Iterable[SubjectName]) -> bytes:
    return hashlib.sha256("\n".join(sorted(subjects)).encode()).digest()
