"""What keeps a store in order over the years: what is old enough is deleted, and a copy lies elsewhere."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, and_, delete, func, select

from danelaw.adapters.store import sql_schema as tables
from danelaw.adapters.store.codec import instant, micros
from danelaw.adapters.store.leftovers import remove_leftovers, unborn
from danelaw.adapters.store.sql_database import Database
from danelaw.adapters.store.sql_log import AGAIN, OBSERVED_KINDS, SEEN, Log, Row
from danelaw.core.model import Instant, Limits
from danelaw.core.rollover.actions import Action
from danelaw.core.rollover.compaction import compact, memory
from danelaw.core.rollover.facts import ClockRead, Dated, Done, Intended
from danelaw.core.rollover.fold import Facts

EACH: Final = timedelta(days=1)
"""How often a store is put in order."""

_SOME: Final = 500
_PASSING: Final = (Intended.__name__, Done.__name__, Dated.__name__)
"""What else may go one day, beside what was observed."""


def due(connection: Connection, at: Instant) -> bool:
    tended: int = connection.execute(select(tables.store.c.tended)).scalar_one()
    return not 0 <= micros(at) - tended < EACH // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Needs:
    """What something may yet depend on: all that is not older than ``back``, and these ``deeds``, by when they were."""

    back: timedelta = timedelta(0)
    deeds: frozenset[tuple[Instant | None, Action]] = frozenset()

    def __or__(self, other: Needs) -> Needs:
        return Needs(max(self.back, other.back), self.deeds | other.deeds)


def needs_of(folded: Facts, limits: Limits, at: Instant) -> Needs:
    """``folded``: the facts of subjects that have nothing to do with others. ``at``: now."""
    deeds = compact(folded, at, limits).deeds
    return Needs(memory(folded, limits), frozenset((when, d.action) for d in deeds for when in (d.intended, d.done)))


def stale(connection: Connection, log: Log, keep: timedelta, at: Instant) -> bool:
    """Whether anything was recorded longer than ``keep`` ago that ``tend`` might delete."""
    repeats, facts, bodies = tables.repeats.c, tables.facts.c, tables.bodies.c
    for era, shift in _eras(connection, log):
        bound = micros(at - keep - shift)
        old = (
            select(repeats.number).where(repeats.clock_set == era, repeats.at < bound),
            select(facts.number)
            .join(tables.bodies)
            .where(facts.clock_set == era, facts.at < bound, bodies.kind.in_((*OBSERVED_KINDS, *_PASSING))),
        )
        if any(connection.execute(asked.limit(1)).first() is not None for asked in old):
            return True
    return False


def tend(connection: Connection, log: Log, needs: Needs, keep: timedelta, at: Instant) -> None:
    """Deletes what was recorded longer than ``keep`` ago, unless something may yet depend on it.

    ``needs``: of all subjects. What was seen goes when it is older than anything that may matter, and what was done
    when it is not needed; of what other clocks said the last stays, and operators' words and readings of ours all.
    """
    horizon = at - max(keep, needs.back)
    needed = needs.deeds
    deleted = 0
    for era, shift in _eras(connection, log):
        bound = micros(horizon - shift)
        repeats, facts, bodies = tables.repeats, tables.facts, tables.bodies.c
        deleted += connection.execute(delete(repeats).where(repeats.c.clock_set == era, repeats.c.at < bound)).rowcount
        old = and_(facts.c.clock_set == era, facts.c.at < bound)
        observed = select(bodies.id).where(bodies.kind.in_(OBSERVED_KINDS))
        deleted += connection.execute(delete(facts).where(old, facts.c.body.in_(observed))).rowcount
        dated = select(bodies.id).where(bodies.kind == Dated.__name__)
        last = select(func.max(facts.c.number)).where(facts.c.body.in_(dated)).group_by(facts.c.subject)
        superseded = and_(old, facts.c.body.in_(dated), facts.c.number.not_in(last))
        deleted += connection.execute(delete(facts).where(superseded)).rowcount
        deleted += _forget_deeds(connection, log, _deeds(connection, era, bound), shift, needed)
    if deleted:
        _drop_bodies(connection)


def _eras(connection: Connection, log: Log) -> Iterable[tuple[int, timedelta]]:
    """How often the clock had been set, and by how much it was set afterwards: what was told moves with it."""
    facts, bodies = tables.facts.c, tables.bodies.c
    clocks = select(bodies.id).where(bodies.kind == ClockRead.__name__)
    asked = select(facts.clock_set, facts.at, facts.number, facts.body).where(facts.body.in_(clocks))
    rows = sorted(Row(*row) for row in connection.execute(asked))
    set_by: dict[int, timedelta] = {}
    for row, fact in zip(rows, log.facts(connection, rows), strict=True):
        if isinstance(fact, ClockRead) and fact.by:
            set_by[row.clock_set] = fact.by
    era: int = connection.execute(select(tables.store.c.clock_set)).scalar_one()
    shift = timedelta(0)
    for earlier in range(era, -1, -1):
        yield earlier, shift
        shift += set_by.get(earlier, timedelta(0))


def _deeds(connection: Connection, era: int, bound: int) -> list[Row]:
    facts, bodies = tables.facts.c, tables.bodies.c
    kinds = select(bodies.id).where(bodies.kind.in_((Intended.__name__, Done.__name__)))
    asked = select(facts.clock_set, facts.at, facts.number, facts.body)
    return [
        Row(*row)
        for row in connection.execute(asked.where(facts.clock_set == era, facts.at < bound, facts.body.in_(kinds)))
    ]


def _forget_deeds(
    connection: Connection,
    log: Log,
    rows: list[Row],
    shift: timedelta,
    needed: frozenset[tuple[Instant | None, Action]],
) -> int:
    gone = [
        row.number
        for row, fact in zip(rows, log.facts(connection, rows), strict=True)
        if isinstance(fact, Intended | Done) and (instant(row.at) + shift, fact.action) not in needed
    ]
    for start in range(0, len(gone), _SOME):
        some = gone[start : start + _SOME]
        connection.execute(delete(tables.facts).where(tables.facts.c.number.in_(some)))
    return len(gone)


def _drop_bodies(connection: Connection) -> None:
    """What no fact says any more."""
    used = set(connection.execute(select(tables.facts.c.body).distinct()).scalars())
    for seen in connection.execute(select(tables.subjects.c.seen)).scalars():
        used.update(array(SEEN, seen))
    for again in connection.execute(select(tables.repeats.c.again)).scalars():
        used.update(body for _, _, body in AGAIN.iter_unpack(again))
    idle = sorted(set(connection.execute(select(tables.bodies.c.id)).scalars()) - used)
    for start in range(0, len(idle), _SOME):
        connection.execute(delete(tables.bodies).where(tables.bodies.c.id.in_(idle[start : start + _SOME])))


def copy(database: Database, target: Path) -> None:
    """A copy of the store as it is, in one file, which ``target`` is by one rename: whole, or what it was before."""
    fresh = unborn(target, copy_stem(target))
    fresh.unlink(missing_ok=True)
    try:
        database.copy(fresh)
        sync(fresh)
        remove_leftovers(fresh, copy_stem(target))
        fresh.rename(target)
    finally:
        fresh.unlink(missing_ok=True)
    sync(target.parent)


def copy_stem(target: Path) -> str:
    """What names of copies begin with while they are made."""
    return f".{target.name}"


def sync(path: Path) -> None:
    """What was written to the file, or the names in the directory, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
