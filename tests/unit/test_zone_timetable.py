"""When the steps of a roll can be taken at the earliest: what is told beforehand is what the gate then does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from danelaw.core.model import Limits
from danelaw.core.rollover.zone_rolls import RollKind
from danelaw.core.rollover.zone_timetable import ZoneTTLs, timetable

BEGUN = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TTLS = ZoneTTLs(keys=7200, longest=4 * 86400, ds=86400)
"""A hold is two TTLs and a minute."""
KEYS, ALL, DS = 4 * HOUR + MINUTE, 8 * 24 * HOUR + MINUTE, 48 * HOUR + MINUTE


@pytest.mark.parametrize(
    ("kind", "spans"),
    [
        (RollKind.ZSK, [ALL, ALL, KEYS]),  # what came before the history is known, and it knew nothing shorter
        (RollKind.KSK, [ALL, DS, KEYS]),
        (RollKind.ALGORITHM, [ALL, KEYS, DS, KEYS, timedelta(0)]),
    ],
)
def test_each_step_waits_for_what_the_one_before_it_changed(kind: RollKind, spans: list[timedelta]) -> None:
    found = timetable(kind, TTLS, BEGUN, Limits())
    instants = [*(at for _, at in found.steps), found.end]
    assert instants[0] == BEGUN
    assert [later - earlier for earlier, later in pairwise(instants)] == spans


def test_where_nothing_is_known_of_the_past_the_second_step_waits_for_two_days_at_the_least() -> None:
    found = timetable(RollKind.ZSK, ZoneTTLs(300, 300, 300), BEGUN, Limits())
    assert found.steps[1][1] == BEGUN + 48 * HOUR + MINUTE
    assert found.steps[2][1] == found.steps[1][1] + HOUR + MINUTE
