"""What a pause of a zone endangers: its signatures end, whether anybody renews them or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from danelaw.app.pausing import endangered, outlasts
from danelaw.core.rollover.answers import zone_subject
from danelaw.core.rollover.facts import ZoneKeys
from danelaw.core.rollover.planner import DesiredZone
from danelaw.core.rollover.plans import Outlook
from rollover_history import HOST, LIMITS, OLD, ZONE, at, reach, record, rrset, served

DAY = 86400.0
DESIRED = DesiredZone(zone_subject(ZONE), ZONE, None)


def signed(until: float) -> bytes:
    """RRSIG rdata of which nothing is read but its expiration field (RFC 4034 §3.1.5)."""
    return bytes(8) + int(at(until).timestamp()).to_bytes(4, "big") + bytes(8)


def outlook() -> Outlook:
    """To be signed again in four days; the first of the signatures ends in eight, the others in fourteen."""
    tlsa = rrset(record(OLD))
    history = served(tlsa)
    first, others = frozenset({signed(8 * DAY)}), frozenset({signed(14 * DAY)})
    history.sees(0, 1, 2, replace(tlsa, rrsigs=others), replace(tlsa, owner=HOST, rrsigs=first))
    history.log.append(ZoneKeys(at(1), ZONE, frozenset(), frozenset(), due=at(4 * DAY)))
    return Outlook(history.facts(), reach(), at(2), LIMITS)


@pytest.mark.parametrize(
    ("days", "too_long", "says"),
    [
        (3, False, None),
        (5, False, "are to be renewed from"),
        (9, True, "before the pause does: the zone is bogus from then on"),
    ],
)
def test_signatures_that_end_in_a_pause_are_told(days: int, too_long: bool, says: str | None) -> None:
    until = at(days * DAY)
    told = endangered(DESIRED, outlook(), until)
    assert outlasts(DESIRED, outlook(), until) is too_long
    assert len(told) == (says is not None)
    assert says is None or says in told[0]
