"""Which notices are due: once when it begins, again while it lasts, once when it is over, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from danelaw.core.model import SubjectName
from danelaw.core.notify.concern import Concern, Severity, merged
from danelaw.core.notify.record import Moment, Notice, Record, Wants, due, failed, seen, tidied, told

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
WWW, MAIL = SubjectName("www.example.net:443/tcp"), SubjectName("mail.example.net:25/tcp")
BOTH: Final = (WWW, MAIL)
ALL: Final = Wants("me", frozenset(Severity))


def concern(
    severity: Severity = Severity.WARNING,
    code: str = "ORDER_FAILED",
    *,
    since: datetime | None = None,
    deadline: datetime | None = None,
) -> Concern:
    return Concern(WWW, code, severity, ("the CA says no",), since=since, deadline=deadline)


def played(
    course: Sequence[tuple[timedelta, tuple[Concern, ...]]], wants: Wants = ALL, *, taken: bool = True
) -> list[tuple[timedelta, Moment]]:
    """What one way is told in the course of passes over one service, each at its time with what it found."""
    record, heard = Record(), []
    for after, found in course:
        now = NOW + after
        record = tidied(seen(record, found, {WWW}, BOTH, now), [wants], now)
        notices = due(record, wants, now)
        heard += [(after, notice.moment) for notice in notices]
        record = told(record, wants.way, notices, now) if taken else record
    return heard


def every(step: timedelta, count: int, *found: Concern) -> list[tuple[timedelta, tuple[Concern, ...]]]:
    return [(step * index, found) for index in range(count)]


def test_trouble_is_told_once_it_lasts_and_then_once_a_day() -> None:
    heard = played(every(5 * MINUTE, 600, concern()))
    assert heard == [
        (10 * MINUTE, Moment.BEGINS),
        (DAY + 10 * MINUTE, Moment.GOES_ON),
        (2 * DAY + 10 * MINUTE, Moment.GOES_ON),
    ]


def test_what_refuses_clients_is_told_at_once() -> None:
    assert played(every(5 * MINUTE, 20, concern(Severity.CRITICAL))) == [(0 * MINUTE, Moment.BEGINS)]


def test_what_is_known_to_be_old_is_told_at_once() -> None:
    assert played(every(5 * MINUTE, 20, concern(since=NOW - DAY))) == [(0 * MINUTE, Moment.BEGINS)]


def test_trouble_that_was_never_told_ends_untold() -> None:
    assert played([(0 * MINUTE, (concern(),)), *((n * MINUTE, ()) for n in range(5, 60, 5))]) == []


def test_the_end_is_told_once_it_lasts() -> None:
    course = [*every(5 * MINUTE, 4, concern()), *((n * MINUTE, ()) for n in range(20, 120, 5))]
    assert played(course) == [(10 * MINUTE, Moment.BEGINS), (30 * MINUTE, Moment.ENDS)]


def test_trouble_that_comes_and_goes_is_one_trouble() -> None:
    course = [(n * MINUTE, (concern(),) if n % 10 else ()) for n in range(5, 300, 5)]
    assert played(course) == [(15 * MINUTE, Moment.BEGINS)]


def test_critical_trouble_that_comes_and_goes_is_told_once() -> None:
    course = [(n * MINUTE, (concern(Severity.CRITICAL),) if n % 10 else ()) for n in range(5, 300, 5)]
    assert played(course) == [(5 * MINUTE, Moment.BEGINS)]


def test_what_becomes_critical_is_told_at_once_and_what_becomes_less_so_is_not() -> None:
    course = [
        *every(10 * MINUTE, 3, concern()),
        (30 * MINUTE, (concern(Severity.CRITICAL),)),
        (40 * MINUTE, (concern(),)),
    ]
    assert played(course) == [(10 * MINUTE, Moment.BEGINS), (30 * MINUTE, Moment.BEGINS)]


def test_what_was_over_when_it_was_found_is_told_at_once_each_time_and_never_as_over() -> None:
    repaired = replace(concern(Severity.NOTE, "REPAIRED"), over=True)
    rest = every(5 * MINUTE, 600)
    found = [(after, (repaired,) if after in (5 * MINUTE, 50 * MINUTE) else ()) for after, _ in rest]
    assert played(found) == [(5 * MINUTE, Moment.BEGINS), (50 * MINUTE, Moment.BEGINS)]


def test_what_was_over_is_kept_for_a_day_for_a_way_that_does_not_take_it() -> None:
    repaired = replace(concern(Severity.NOTE, "REPAIRED"), over=True)
    found = [(after, (repaired,) if not after else ()) for after, _ in every(DAY / 4, 12)]
    assert [after / DAY for after, _ in played(found, taken=False)] == [0, 0.25, 0.5, 0.75, 1]
    nobody = replace(ALL, severities=frozenset({Severity.CRITICAL}))
    assert tidied(seen(seen(Record(), [repaired], {WWW}, BOTH, NOW), [], {WWW}, BOTH, NOW), [nobody], NOW).known == ()


def test_a_deadline_is_told_at_each_threshold() -> None:
    seldom = replace(ALL, again=100 * DAY, after=timedelta(0))
    heard = played(every(DAY / 2, 30, concern(deadline=NOW + 10 * DAY)), seldom)
    assert [(after / DAY, moment) for after, moment in heard] == [
        (0, Moment.BEGINS),
        (3, Moment.GOES_ON),
        (7, Moment.GOES_ON),
        (9, Moment.GOES_ON),
        (10, Moment.GOES_ON),
    ]


def test_a_way_that_fails_is_tried_again_after_each_pass() -> None:
    heard = played(every(5 * MINUTE, 6, concern()), taken=False)
    assert heard == [(n * MINUTE, Moment.BEGINS) for n in (10, 15, 20, 25)]


def test_a_clock_that_was_put_back_makes_nobody_silent() -> None:
    record = told(seen(Record(), [concern()], {WWW}, BOTH, NOW + 365 * DAY), "me", (), NOW)
    begun = Notice(Moment.BEGINS, concern(), NOW, NOW)
    record = told(record, "me", [begun], NOW + 365 * DAY)
    assert [notice.moment for notice in due(record, ALL, NOW)] == [Moment.GOES_ON]


@pytest.mark.parametrize(
    ("wants", "heard"),
    [
        (ALL, ["CERTIFICATE_EXPIRED", "ORDER_FAILED", "NOTED"]),
        (replace(ALL, severities=frozenset({Severity.CRITICAL})), ["CERTIFICATE_EXPIRED"]),
        (replace(ALL, subjects=frozenset({MAIL})), []),
        (replace(ALL, subjects=frozenset({WWW, MAIL})), ["CERTIFICATE_EXPIRED", "ORDER_FAILED", "NOTED"]),
    ],
    ids=["all", "critical alone", "of another service", "of this one too"],
)
def test_each_way_is_told_what_it_wants_the_worst_first(wants: Wants, heard: list[str]) -> None:
    found = (
        concern(Severity.NOTE, "NOTED"),
        concern(Severity.WARNING),
        concern(Severity.CRITICAL, "CERTIFICATE_EXPIRED"),
    )
    record = seen(Record(), found, {WWW}, BOTH, NOW)
    assert [one.concern.code for one in due(record, wants, NOW + 10 * MINUTE)] == heard


def test_ways_are_told_independently() -> None:
    record = seen(Record(), [concern(Severity.CRITICAL)], {WWW}, BOTH, NOW)
    record = told(record, "me", due(record, ALL, NOW), NOW)
    assert due(record, ALL, NOW) == ()
    assert [one.moment for one in due(record, replace(ALL, way="pager"), NOW)] == [Moment.BEGINS]


def test_what_was_not_looked_at_goes_on() -> None:
    record = seen(Record(), [concern(Severity.CRITICAL)], {WWW}, BOTH, NOW)
    record = seen(record, [], {MAIL}, BOTH, NOW + DAY)
    assert [one.gone for one in record.known] == [None]


def test_a_service_that_is_no_more_is_forgotten() -> None:
    record = seen(Record(), [concern(Severity.CRITICAL)], {WWW}, BOTH, NOW)
    record = told(record, "me", due(record, ALL, NOW), NOW)
    assert seen(record, [], {MAIL}, (MAIL,), NOW + DAY).known == ()


def test_nothing_is_left_of_what_is_over() -> None:
    record = seen(Record(), [concern(Severity.CRITICAL)], {WWW}, BOTH, NOW)
    record = told(record, "me", due(record, ALL, NOW), NOW)
    record = seen(record, [], {WWW}, BOTH, NOW + MINUTE)
    later = NOW + DAY
    assert tidied(record, [ALL], later).known == record.known
    record = told(record, "me", due(record, ALL, later), later)
    assert tidied(record, [ALL], later).known == ()


def test_what_nobody_who_is_left_was_told_of_is_forgotten() -> None:
    record = seen(Record(), [concern(Severity.CRITICAL)], {WWW}, BOTH, NOW)
    record = told(record, "me", due(record, ALL, NOW), NOW)
    record = seen(record, [], {WWW}, BOTH, NOW + MINUTE)
    assert tidied(record, [replace(ALL, way="another")], NOW + DAY).known == ()


def test_that_a_way_fails_is_said_once_a_day_until_it_works() -> None:
    record, first = failed(Record(), "me", "MAIL_NOT_TAKEN", "no", DAY, NOW)
    record, soon = failed(record, "me", "MAIL_NOT_TAKEN", "no", DAY, NOW + MINUTE)
    record, later = failed(record, "me", "MAIL_NOT_TAKEN", "no", DAY, NOW + DAY)
    assert (first, soon, later) == (True, False, True)
    assert record.failing["me"].since == NOW
    assert told(record, "me", (), NOW).failing == {}


def test_troubles_of_one_code_are_one_concern() -> None:
    other = replace(concern(Severity.CRITICAL, since=NOW - DAY), because=("and so does another",), todo=("do",))
    (one,) = merged([concern(deadline=NOW), other])
    assert one == Concern(
        WWW, "ORDER_FAILED", Severity.CRITICAL, ("the CA says no", "and so does another"), ("do",), NOW - DAY, NOW
    )
