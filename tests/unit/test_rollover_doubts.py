"""What makes any rest doubtful: nobody is told to wait for name servers where the resolver is what is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import dns.name
import pytest

from danelaw.app.standing import State, standing
from danelaw.core.model import Limits, Reason, Security, SubjectName
from danelaw.core.rollover.actions import MakeZoneKeys
from danelaw.core.rollover.doubts import doubted
from danelaw.core.rollover.facts import Dated, Judged, Roster
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.planner import SOA, DesiredZone, Plan, Settled, Wait
from danelaw.core.rollover.reach import Reach

NOW = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=3)
ZONE = dns.name.from_text("example.net.")
LIMITS = Limits()
SILENT = Reason("NO_ANSWER", "RFC 4035 §4.3", "example.net. SOA", "UNREACHABLE 127.0.0.1 port 9")
WAIT = Wait("DNSKEY_NOT_VISIBLE", "not every authority serves the same", NOW, LATER)


def judged(state: Security, *reasons: Reason) -> Facts:
    return Facts(LIMITS.max_gap).add(Judged(NOW, ZONE, SOA, state, reasons))


@pytest.mark.parametrize("planned", [WAIT, Settled(LATER)], ids=["a wait", "what was settled before"])
def test_where_nobody_answers_that_is_what_is_told(planned: Plan) -> None:
    found = doubted(planned, ZONE, judged(Security.INDETERMINATE, SILENT), LIMITS)
    assert isinstance(found, Wait)
    assert (found.code, found.blind, found.until) == ("LOOKUP_FAILED", True, LATER)
    assert found.otherwise is planned
    assert found.because == (
        "example.net. could not be looked up, so that nothing is known of it now: "
        "example.net. SOA: UNREACHABLE 127.0.0.1 port 9"
    )


@pytest.mark.parametrize("state", [Security.SECURE, Security.INSECURE, Security.BOGUS])
def test_what_was_answered_leaves_the_plan_as_it_is(state: Security) -> None:
    for planned in (WAIT, Settled(LATER)):
        assert doubted(planned, ZONE, judged(state, SILENT), LIMITS) is planned
    assert doubted(WAIT, ZONE, Facts(LIMITS.max_gap), LIMITS) is WAIT


def test_what_may_be_done_may_be_done() -> None:
    action = MakeZoneKeys(ZONE)
    assert doubted(action, ZONE, judged(Security.INDETERMINATE, SILENT), LIMITS) is action


def test_a_clock_that_is_wrong_is_told_first_and_what_is_awaited_beside_it() -> None:
    known = judged(Security.INDETERMINATE, SILENT).add(Dated(NOW, "the CA", NOW - timedelta(days=2)))
    found = doubted(WAIT, ZONE, known, LIMITS)
    assert isinstance(found, Wait)
    assert found.code == "CLOCK_WRONG"
    assert found.because.endswith("; beside that, not every authority serves the same")


@pytest.mark.parametrize("known_before", [False, True], ids=["never seen", "seen before"])
def test_a_zone_that_was_looked_for_in_vain_is_not_one_that_nobody_looked_at(known_before: bool) -> None:
    """The runner is at work: to have it run is no remedy."""
    known = judged(Security.INDETERMINATE, SILENT)
    if known_before:
        server = frozenset({ip_address("192.0.2.1")})
        known = Facts(LIMITS.max_gap).add(
            Roster(NOW - 2 * LIMITS.max_gap, ZONE, server), Judged(NOW, ZONE, SOA, Security.INDETERMINATE, (SILENT,))
        )
    one = standing(DesiredZone(SubjectName("example.net."), ZONE, ZONE.parent()), known, Reach(), NOW, LIMITS)
    assert one.state is State.UNKNOWN
    assert one.trouble == ()
    assert (one.seen, one.since) == (NOW, None)
    assert isinstance(one.plan, Wait)
    assert one.plan.code == "LOOKUP_FAILED"
