"""To whom else each subject leads, found without folding anything: an index of the facts, made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeAlias

import dns.name
from dns.name import Name
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from danelaw.adapters.store import sql_schema as tables
from danelaw.adapters.store.sql_log import Log, Row
from danelaw.core.model import SubjectName
from danelaw.core.model.names import hashed
from danelaw.core.rollover.facts import Dated, Done, Fact, Intended, Roster, Sight
from danelaw.core.rollover.leads import Leads, Overview, leads_of

LATEST: Final = 50
"""So many of the last rows of each table say of whom anything was recorded last."""
_TELLING: Final = tuple(kind.__name__ for kind in (Sight, Roster, Intended, Done, Dated))
_SOME: Final = 10_000
"""How many facts are read at a time."""

Lead: TypeAlias = tuple[int, str, str]
"""A row of ``leads``: the number of a subject, which of its leads, and to which name."""


@dataclass(slots=True)
class News:
    """What there is to add to the index, for the facts up to ``number``. ``dated``: the subject, by its number."""

    number: int
    dated: int | None
    leads: set[Lead] = field(default_factory=set)


def overview(connection: Connection, log: Log) -> tuple[Overview, News | None]:
    """And what it had to read of the facts for it, which is worth keeping."""
    led: int = connection.execute(select(tables.store.c.led)).scalar_one()
    news = unread(connection, log)
    ids = select(tables.subjects.c.id, tables.subjects.c.name)
    subjects = {number: SubjectName(name) for number, name in connection.execute(ids)}
    leads = _by_subject((*map(tuple, connection.execute(select(tables.leads))), *news.leads), subjects)
    told = subjects.get(news.dated) if news.dated is not None else None
    latest = tuple(subjects[number] for number in dict.fromkeys(_latest(connection)))
    return Overview(leads, told, latest), news if news.number > led else None


def unread(connection: Connection, log: Log) -> News:
    """Of the facts that the index does not have yet."""
    _, last = log.refresh(connection)
    news = News(*connection.execute(select(tables.store.c.led, tables.store.c.dated)).one())
    while news.number < last:
        _read(connection, log, news, min(last, news.number + _SOME))
    return news


def keep(connection: Connection, news: News) -> None:
    """Unless another process has got further meanwhile."""
    if connection.execute(select(tables.store.c.led)).scalar_one() >= news.number:
        return
    if news.leads:
        rows = [{"subject": subject, "kind": kind, "name": name} for subject, kind, name in sorted(news.leads)]
        connection.execute(insert(tables.leads).on_conflict_do_nothing(), rows)
    connection.execute(update(tables.store).values(led=news.number, dated=news.dated))


def _read(connection: Connection, log: Log, news: News, until: int) -> None:
    facts, bodies = tables.facts.c, tables.bodies.c
    asked = (
        select(facts.subject, facts.clock_set, facts.at, facts.number, facts.body)
        .join(tables.bodies)
        .where(facts.number > news.number, facts.number <= until, bodies.kind.in_(_TELLING))
        .order_by(facts.number)
    )
    rows = connection.execute(asked).all()
    for row, fact in zip(rows, log.facts(connection, (Row(*row[1:]) for row in rows)), strict=True):
        if isinstance(fact, Dated):
            news.dated = row.subject
        else:
            news.leads.update((row.subject, kind, name) for kind, name in _named(fact))
    news.number = until


def _named(fact: Fact) -> Iterator[tuple[str, str]]:
    found = leads_of((fact,))
    yield from (("zones", zone.to_text()) for zone in found.zones)
    yield from (("aliased", name.to_text()) for name in found.aliased)
    yield from (("servers", name.to_text()) for name in found.servers)


def _by_subject(leads: Iterable[Lead], subjects: dict[int, SubjectName]) -> dict[SubjectName, Leads]:
    found: dict[int, dict[str, list[Name]]] = {}
    name = cache(lambda text: hashed(dns.name.from_text(text)))
    for subject, kind, text in leads:
        found.setdefault(subject, {}).setdefault(kind, []).append(name(text))
    return {
        subjects[subject]: Leads(*(frozenset(led.get(kind, ())) for kind in ("zones", "aliased", "servers")))
        for subject, led in found.items()
    }


def _latest(connection: Connection) -> Iterable[int]:
    """The numbers of subjects, the newest first."""
    found: list[tuple[int, int]] = []
    for table in (tables.facts.c, tables.repeats.c):
        asked = select(table.number, table.subject).order_by(table.number.desc()).limit(LATEST)
        found += ((number, subject) for number, subject in connection.execute(asked))
    return [subject for _, subject in sorted(found, reverse=True)]
