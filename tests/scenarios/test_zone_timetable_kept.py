"""What ``danelaw zone roll`` tells beforehand is what the runner then does, where nothing fails."""

from __future__ import annotations

import pytest
from virtual import LAB_LIMITS
from zone_rolling import Rolling

from danelaw.core.rollover.actions import DestroyZoneKey, SignZone, SubmitDS
from danelaw.core.rollover.zone_rolls import RollKind
from danelaw.core.rollover.zone_timetable import ZoneTTLs, timetable

KINDS = {"zsk": RollKind.ZSK, "ksk": RollKind.KSK, "algorithm": RollKind.ALGORITHM}
TTLS = ZoneTTLs(keys=2, longest=2, ds=1)
"""Those of the simulated zone."""
SLACK = 0.5
"""Seconds: what is done takes some time, and whatever comes later comes as much later."""


@pytest.mark.parametrize("kind", KINDS)
def test_no_step_is_taken_before_its_earliest_instant_nor_much_later(kind: str) -> None:
    rolling = Rolling(kind, lag=0.0)
    runner = rolling.begin()
    begun = rolling.world.clock.now()
    rolling.finish(runner)
    taken = [told.at for told in runner.told if isinstance(told.acting, SignZone | SubmitDS | DestroyZoneKey)]
    table = timetable(KINDS[kind], TTLS, begun, LAB_LIMITS)
    earliest = [*(at for _, at in table.steps), table.end]
    late = [(found - due).total_seconds() for found, due in zip(taken, earliest, strict=False)]
    assert len(late) == len(earliest)
    assert all(0 <= seconds < SLACK for seconds in late), late
