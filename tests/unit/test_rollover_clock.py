"""The clocks of a machine, compared; and what facts say after the wall clock was set."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dns.name
import dns.rdatatype
import pytest

from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.model import Absence, Failed, GenerationId, Instant, OrderState, Pending, RRset
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    DestroyKey,
    DestroyZoneKey,
    MakeKey,
    Publish,
    ReuseKey,
    SignZone,
    SubmitDS,
    Switch,
)
from danelaw.core.rollover.answers import possible_answers, zone_subject
from danelaw.core.rollover.clock import compared, harmed, told, wrong
from danelaw.core.rollover.facts import (
    ClockRead,
    Dated,
    Done,
    Holding,
    Intended,
    Requested,
    RequestedZoneRoll,
    ZoneKeyPair,
    ZoneKeys,
)
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge
from rollover_history import (
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    OLD,
    OWNER,
    SECOND,
    TLSA,
    ZONE,
    at,
    reach,
    record,
    rrset,
    served,
)

HERE = "this boot"
GAP = LIMITS.max_gap.total_seconds()
X, XY = rrset(record(OLD)), rrset(record(OLD), record(NEW))
TXT, DS = int(dns.rdatatype.TXT), int(dns.rdatatype.DS)
CHALLENGED = dns.name.from_text("_acme-challenge", HOST)
SAME_KEY = Switch(LINEAGE, LOCAL, GenerationId(1), OLD)
OTHER_KEY = Switch(LINEAGE, LOCAL, GenerationId(2), NEW)


def read(second: float, monotonic: float, facts: Facts) -> ClockRead | None:
    return compared(facts, at(second), HERE, monotonic, LIMITS)


def since(first: float = 0, monotonic: float = 100) -> Facts:
    """A served history whose clocks were read at ``first``."""
    return Facts(LIMITS.max_gap).add(ClockRead(at(first), HERE, monotonic))


# -- comparing -------------------------------------------------------------------------------------------------------


def test_the_first_reading_is_recorded() -> None:
    assert read(0, 100, Facts(LIMITS.max_gap)) == ClockRead(at(0), HERE, 100)


@pytest.mark.parametrize("seconds", [1, 300, 86400 * 400])
def test_clocks_that_go_together_tell_nothing(seconds: float) -> None:
    assert read(seconds, 100 + seconds, since()) is None


@pytest.mark.parametrize("by", [2.1, 3600, 86400 * 30, -2.1, -3600])
def test_a_step_is_what_the_wall_clock_went_beyond_the_other(by: float) -> None:
    assert read(300 + by, 400, since()) == ClockRead(at(300 + by), HERE, 400, timedelta(seconds=by))


def test_drift_that_adds_up_is_a_step_in_the_end() -> None:
    """Each pass is a second off; they are all compared with the one reading."""
    assert read(300 + 1, 400, since()) is None
    assert read(600 + 2.5, 700, since()) == ClockRead(at(602.5), HERE, 700, timedelta(seconds=2.5))


@pytest.mark.parametrize(
    ("second", "uptime", "by"),
    [
        (100, 10, 90 - 15),  # it was off for a minute, or its clock jumped: that is not known, and waited again
        (100, 5000, 0),  # the last that was told may be from after its start, by another machine
        (-3600, 10, -3600 - 15),  # it came up with a slow clock
    ],
)
def test_after_a_start_what_was_told_is_as_long_ago_as_is_certain(second: float, uptime: float, by: float) -> None:
    facts = served(X).sees(0, 15, 1, X).facts()
    assert facts.latest == at(15)
    found = compared(facts, at(second), "another boot", uptime, LIMITS)
    assert found is not None
    assert found.by == timedelta(seconds=by)


# -- what facts say then ---------------------------------------------------------------------------------------------


def told_of_a_roll() -> Facts:
    """Seen since long, on a machine that was on all the time; and a write whose outcome nobody heard of."""
    history = served(X).sees(10, 12, 2, XY).presents(10, 12, OLD).intends(11, Publish(ZONE, X, XY))
    told = sorted(history.log, key=lambda fact: fact.at)
    return Facts(LIMITS.max_gap).add(ClockRead(at(-500), HERE, -500), *told)


@pytest.mark.parametrize("by", [-3600, -5, 5, GAP / 2])
def test_what_is_held_is_held_for_as_long_as_it_would_have_been(by: float) -> None:
    before = told_of_a_roll()
    after = before.add(ClockRead(at(13 + by), HERE, 13, timedelta(seconds=by)))

    def held(facts: Facts, second: float) -> set[object]:
        found = possible_answers(facts, ZONE, OWNER, TLSA, at(second), LIMITS)
        until = found.unknown.until if found.unknown is not None else None
        return {(h.answer, h.until and h.until - at(second)) for h in found.held} | {until and until - at(second)}

    assert held(after, 13 + by) == held(before, 13)


def test_a_step_beyond_what_a_sight_vouches_for_begins_the_history_of_the_zone_anew() -> None:
    """The machine may have stood still, and its clock been put right."""
    facts = told_of_a_roll()
    short = facts.add(ClockRead(at(12 + GAP), HERE, 13, timedelta(seconds=GAP - 1)))
    long = facts.add(ClockRead(at(13 + GAP), HERE, 13, timedelta(seconds=GAP)))
    assert short.began(zone_subject(ZONE)) is None
    began = long.began(zone_subject(ZONE))
    assert began is not None
    assert began.at == at(13 + GAP)


@pytest.mark.parametrize(("second", "anew"), [(13, False), (12 + GAP, False), (13 + GAP, True), (11, True)])
def test_another_start_of_the_machine_begins_the_history_anew_unless_it_was_off_for_a_short_time(
    second: float, anew: bool
) -> None:
    facts = told_of_a_roll().add(ClockRead(at(second), "another boot", 1))
    assert (facts.began(zone_subject(ZONE)) is not None) == anew


def test_where_nothing_was_told_before_no_history_begins_anew() -> None:
    assert Facts(LIMITS.max_gap).add(ClockRead(at(13), "another boot", 1)).began(zone_subject(ZONE)) is None


def test_what_a_ca_asked_to_be_waited_for_is_waited_for() -> None:
    order, hour = OrderState((HOST,)), timedelta(hours=1)
    advance = AdvanceOrder(LINEAGE, GenerationId(2), order)
    for outcome, moved in (
        (Pending(order, at(9)), Pending(order, at(9) + hour)),
        (Failed(order, "x", "y", at(9)), Failed(order, "x", "y", at(9) + hour)),
    ):
        facts = since().add(Intended(at(1), advance), Done(at(2), advance, outcome))
        (deed,) = facts.add(ClockRead(at(3) + hour, HERE, 103, hour)).deeds
        assert (deed.intended, deed.done, deed.outcome) == (at(1) + hour, at(2) + hour, moved)


@pytest.mark.parametrize("by", [3600, -3600])
def test_a_key_that_was_made_for_a_request_is_still_younger_than_it(by: float) -> None:
    """The store tells when a key was made by the clock of that time."""
    made = replace(SECOND, created=at(20))
    holding = Holding(at(21), LINEAGE, (FIRST, made), GenerationId(1))
    step = ClockRead(at(30 + by), HERE, 130, timedelta(seconds=by))
    again = replace(holding, at=at(31 + by))
    facts = since().add(Requested(at(10), LINEAGE, "me"), holding, step, again)
    held, requested = facts.holding(LINEAGE), facts.requested(LINEAGE)
    assert held is not None
    assert requested is not None
    assert held.at == at(31 + by)
    assert held.generations[1].created - requested.at == timedelta(seconds=10)


@pytest.mark.parametrize("by", [3600, -3600])
def test_so_is_a_zone_key(by: float) -> None:
    keys = ZoneKeys(at(21), ZONE, frozenset(), frozenset(), pairs=(ZoneKeyPair(b"one"), ZoneKeyPair(b"two", at(20))))
    step = ClockRead(at(30 + by), HERE, 130, timedelta(seconds=by))
    facts = since().add(RequestedZoneRoll(at(10), ZONE, KeyRole.ZSK, "me"), keys, step, replace(keys, at=at(31 + by)))
    held, requested = facts.zone_keys(ZONE), facts.zone_roll(ZONE, sep=False)
    assert held is not None
    assert requested is not None
    assert [pair.created for pair in held.pairs] == [None, requested.at + timedelta(seconds=10)]


# -- the clock of a CA -----------------------------------------------------------------------------------------------

SKEW = LIMITS.clock_skew.total_seconds()


def dated(off: float) -> Facts:
    """A served history, and a CA whose clock is so much behind ours."""
    return served(X).facts().add(ClockRead(at(0), HERE, 100), Dated(at(0), "the CA", at(-off)))


@pytest.mark.parametrize(("off", "is_wrong"), [(0, False), (SKEW, False), (SKEW + 1, True), (-SKEW - 1, True)])
def test_a_clock_is_wrong_that_is_further_from_a_ca_than_the_skew(off: float, is_wrong: bool) -> None:
    assert (wrong(dated(off), LIMITS) is not None) == is_wrong


def test_nobody_else_s_clock_is_no_clock() -> None:
    assert wrong(served(X).facts(), LIMITS) is None


def test_a_step_is_measured_by_what_the_ca_said_before() -> None:
    facts = dated(0).add(ClockRead(at(3600), HERE, 100, timedelta(hours=1)))
    assert wrong(facts, LIMITS) is not None
    assert wrong(facts.add(ClockRead(at(1), HERE, 101, -timedelta(hours=1))), LIMITS) is None


def test_the_latest_word_counts() -> None:
    assert wrong(dated(3600).add(Dated(at(1), "another CA", at(1))), LIMITS) is None


def test_both_times_are_told() -> None:
    found = wrong(dated(3600), LIMITS)
    assert found is not None
    assert {f"{at(0):%H:%M:%S}", f"{at(-3600):%H:%M:%S}"} <= set(told(found).split())


def codes(judgement: Judgement) -> set[str]:
    return {fault.code for fault in judgement.because} if isinstance(judgement, Refused) else set()


@pytest.mark.parametrize(
    "action",
    [
        Publish(ZONE, X, XY),
        OTHER_KEY,
        DestroyKey(LINEAGE, GenerationId(2)),
        SubmitDS(ZONE, Absence(ZONE, DS, 30), Absence(ZONE, DS, 30)),
        SignZone(ZONE, frozenset()),
        DestroyZoneKey(ZONE, b"key"),
    ],
    ids=lambda action: type(action).__name__,
)
def test_with_a_wrong_clock_nothing_is_changed(action: Action) -> None:
    assert codes(judge(action, dated(3600), reach(), at(1), LIMITS)) == {"CLOCK_WRONG"}
    assert "CLOCK_WRONG" not in codes(judge(action, dated(0), reach(), at(1), LIMITS))


@pytest.mark.parametrize(
    "action",
    [
        SAME_KEY,
        MakeKey(LINEAGE),
        ReuseKey(LINEAGE, GenerationId(1)),
        AdvanceOrder(LINEAGE, GenerationId(1), OrderState((HOST,))),
        Publish(ZONE, Absence(CHALLENGED, TXT, 30), RRset(CHALLENGED, TXT, 30, frozenset({b"\x01x"}))),
    ],
    ids=lambda action: type(action).__name__,
)
def test_with_a_wrong_clock_the_key_that_serves_is_renewed(action: Action) -> None:
    assert judge(action, dated(3600), reach(), at(1), LIMITS) == Allowed()


@pytest.mark.parametrize(
    ("off", "refused"),
    [(3600, {"CLOCK_WRONG"}), (-3600, set()), (-86400, {"CLOCK_WRONG"})],
    ids=["ahead", "slow by an hour", "slow by a day"],
)
def test_nothing_is_signed_for_later_so_that_a_ca_may_find_its_response(off: float, refused: set[str]) -> None:
    """With a clock that is ahead the SOA of a zone of ours would be bogus, and with days all that is signed with it.

    One that is slow by some hours signs for some hours less.
    """
    respond = Publish(ZONE, Absence(CHALLENGED, TXT, 30), RRset(CHALLENGED, TXT, 30, frozenset({b"\x01x"})))
    facts = dated(off).add(ZoneKeys(at(0), ZONE, frozenset({b"key"}), frozenset()))
    assert codes(judge(respond, facts, reach(), at(1), LIMITS)) == refused


def test_where_nothing_is_known_of_what_serves_no_key_is_the_same() -> None:
    assert harmed(SAME_KEY, Facts(LIMITS.max_gap))
    assert harmed(SAME_KEY, served(X).holds(1, FIRST, SECOND).facts())
    assert not harmed(SAME_KEY, served(X).facts())


def test_when_a_key_was_made_is_taken_from_whoever_knows_it_first() -> None:
    """A key whose age was not known has one from when it is told."""

    def keys(second: float, created: Instant | None) -> ZoneKeys:
        return ZoneKeys(at(second), ZONE, frozenset(), frozenset(), pairs=(ZoneKeyPair(b"one", created),))

    facts = Facts(LIMITS.max_gap).add(keys(21, None), keys(22, at(10)), keys(23, at(15)))
    held = facts.zone_keys(ZONE)
    assert held is not None
    assert [pair.created for pair in held.pairs] == [at(10)]
