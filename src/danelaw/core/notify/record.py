"""What was told to whom: so nothing is told twice, by whatever process, and nothing ends that was not told of.

::

    unseen -- seen --> lasting -- `after` has passed, or critical --> told -- every `again`, and at thresholds --> told
                          |                                             |
                          +-- gone for `after` --> forgotten            +-- gone for `after` --> told that it is over

What is gone and comes back within ``after`` was never gone: a trouble that comes and goes is told of once. What was
over as it was found has no such life: it is told each time that it is found.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from danelaw.core.model import Instant, SubjectName
from danelaw.core.notify.concern import RANK, Concern, Severity

REMEMBERED: Final = timedelta(days=1)
"""For how long what was over as it was found is kept for ways that do not take it."""

THRESHOLDS: Final = (timedelta(days=7), timedelta(days=3), timedelta(days=1), timedelta(0))
"""Before a deadline: at each it is told again."""


class Moment(enum.Enum):
    """Where in the life of a concern a notice stands. ``TEST``: of no concern at all."""

    BEGINS = "begins"
    GOES_ON = "goes on"
    ENDS = "ends"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """``since``: when the concern began. ``at``: now; of one that ends, when it was found to be over."""

    moment: Moment
    concern: Concern
    since: Instant
    at: Instant


@dataclass(frozen=True, slots=True)
class Wants:
    """What one way is to be told. No ``subjects``: of all.

    ``after``: how long it must last, unless it is critical, and how long it must be gone. ``again``: how often it is
    told while it lasts.
    """

    way: str
    severities: frozenset[Severity]
    subjects: frozenset[SubjectName] = frozenset()
    after: timedelta = timedelta(minutes=10)
    again: timedelta = timedelta(days=1)

    def of(self, concern: Concern) -> bool:
        return concern.severity in self.severities and (not self.subjects or concern.subject in self.subjects)


@dataclass(frozen=True, slots=True)
class Told:
    """When one way was told last, and how bad it was then."""

    at: Instant
    severity: Severity


@dataclass(frozen=True, slots=True)
class Known:
    """A concern, from when it was seen first until all who were told of it are told that it is over.

    ``gone``: since when it is not seen any more. ``told``: by way.
    """

    concern: Concern
    first: Instant
    gone: Instant | None = None
    told: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failing:
    """A way that does not take what it is told: why, since when, and when somebody was told of that last."""

    code: str
    because: str
    since: Instant
    said: Instant


@dataclass(frozen=True, slots=True)
class Record:
    """All that is remembered. ``succeeded``: when each subject had its last pass without fault. ``counts``: of each
    counter, by its name and labels as ``danelaw.app.metrics`` makes them."""

    known: tuple[Known, ...] = ()
    failing: Mapping[str, Failing] = field(default_factory=dict)
    succeeded: Mapping[str, Instant] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


def seen(
    record: Record, concerns: Iterable[Concern], looked_at: Collection[str], every: Collection[str], now: Instant
) -> Record:
    """What is known after a look at some subjects, of which there is nothing but these ``concerns``.

    ``every``: all subjects that there are; what concerns another one is forgotten.
    """
    found = {one.key: one for one in concerns}
    known = []
    for one in record.known:
        fresh = found.pop(one.concern.key, None)
        if fresh is not None and fresh.over:
            known.append(Known(fresh, _first(fresh, now)))
        elif fresh is not None:
            known.append(replace(one, concern=fresh, first=min(one.first, _first(fresh, now)), gone=None))
        elif one.concern.subject in looked_at and one.gone is None:
            known.append(replace(one, gone=now))
        elif one.concern.subject in every:
            known.append(one if one.gone is None or one.gone <= now else replace(one, gone=now))
    known.extend(Known(one, _first(one, now)) for one in found.values())
    return replace(record, known=tuple(known))


def _first(concern: Concern, now: Instant) -> Instant:
    return now if concern.since is None else min(concern.since, now)


def due(record: Record, wants: Wants, now: Instant) -> tuple[Notice, ...]:
    """What one way is to be told now, the worst first, and last what is over."""
    found = [notice for one in record.known if (notice := _due(one, wants, now)) is not None]
    order = (Moment.BEGINS, Moment.GOES_ON, Moment.ENDS)
    return tuple(
        sorted(found, key=lambda n: (n.moment is Moment.ENDS, RANK.index(n.concern.severity), order.index(n.moment)))
    )


def _due(one: Known, wants: Wants, now: Instant) -> Notice | None:
    told = one.told.get(wants.way)
    if one.concern.over:
        again = told is None and wants.of(one.concern)
        return Notice(Moment.BEGINS, one.concern, one.first, now) if again else None
    if one.gone is not None:
        over = told is not None and now - one.gone >= wants.after
        return Notice(Moment.ENDS, one.concern, one.first, one.gone) if over else None
    if not wants.of(one.concern):
        return None
    if told is None:
        lasts = one.concern.severity is Severity.CRITICAL or now - one.first >= wants.after
        return Notice(Moment.BEGINS, one.concern, one.first, now) if lasts else None
    if RANK.index(one.concern.severity) < RANK.index(told.severity):
        return Notice(Moment.BEGINS, one.concern, one.first, now)
    rested = told.at <= now < told.at + wants.again  # told in the future: the clock was set since
    if rested and not _crossed(one.concern.deadline, told.at, now):
        return None
    return Notice(Moment.GOES_ON, one.concern, one.first, now)


def _crossed(deadline: Instant | None, before: Instant, now: Instant) -> bool:
    return deadline is not None and any(before < deadline - left <= now for left in THRESHOLDS)


def told(record: Record, way: str, notices: Collection[Notice], now: Instant) -> Record:
    """One way has taken these notices."""
    by_key = {notice.concern.key: notice for notice in notices}
    known = []
    for one in record.known:
        notice = by_key.get(one.concern.key)
        if notice is None:
            known.append(one)
        elif notice.moment is Moment.ENDS:
            known.append(replace(one, told={name: at for name, at in one.told.items() if name != way}))
        else:
            known.append(replace(one, told={**one.told, way: Told(now, notice.concern.severity)}))
    failing = {name: why for name, why in record.failing.items() if name != way}
    return replace(record, known=tuple(known), failing=failing)


def failed(record: Record, way: str, code: str, because: str, again: timedelta, now: Instant) -> tuple[Record, bool]:
    """One way has not taken its notices; and whether somebody is to be told of that now."""
    before = record.failing.get(way)
    if before is None:
        return replace(record, failing={**record.failing, way: Failing(code, because, now, now)}), True
    say = not before.said <= now < before.said + again
    fresh = replace(before, code=code, because=because, said=now if say else before.said)
    return replace(record, failing={**record.failing, way: fresh}), say


def tidied(record: Record, ways: Collection[Wants], now: Instant) -> Record:
    """Without what is over and was told to all who are to hear of it, and without ways that are no more."""
    names = {wants.way for wants in ways}
    longest = max((wants.after for wants in ways), default=timedelta(0))
    known = [one for one in record.known if one.gone is None or _kept(one, ways, longest, now)]
    failing = {name: why for name, why in record.failing.items() if name in names}
    return replace(record, known=tuple(known), failing=failing)


def _kept(one: Known, ways: Collection[Wants], longest: timedelta, now: Instant) -> bool:
    """Of what is gone: whether somebody is to hear of it yet."""
    if one.concern.over:
        untold = any(wants.of(one.concern) and wants.way not in one.told for wants in ways)
        return untold and one.gone is not None and now - one.gone < REMEMBERED
    told = not {wants.way for wants in ways}.isdisjoint(one.told.keys())
    return told or (one.gone is not None and now - one.gone < longest)
