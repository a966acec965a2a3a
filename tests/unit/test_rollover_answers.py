"""What clients may hold: each version's hold, what nobody vouches for, intents without outcome, unknown history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from danelaw.core.model import IP, Answer, Limits, RRset, SubjectName
from danelaw.core.rollover.actions import Conflict, Failure, MakeKey, Outcome, Publish, Receipt
from danelaw.core.rollover.answers import Possible, members, newest, possible_answers, published_since, visible
from danelaw.core.rollover.facts import Began, Sight
from rollover_history import (
    LIMITS,
    LINEAGE,
    NEW,
    NS1,
    NS2,
    NS3,
    OLD,
    OWNER,
    TLSA,
    ZONE,
    History,
    absent,
    at,
    record,
    rrset,
)

X = rrset(record(OLD))
XY = rrset(record(OLD), record(NEW))
Y = rrset(record(NEW))


def possible(history: History, second: float, limits: Limits = LIMITS) -> Possible:
    return possible_answers(history.facts(), ZONE, OWNER, TLSA, at(second), limits)


def ends(history: History, second: float, limits: Limits = LIMITS) -> dict[frozenset[bytes] | None, float | None]:
    """Content of each answer that may be held, with the second at which that ends; None: no end is known."""
    found: dict[frozenset[bytes] | None, float | None] = {}
    for held in possible(history, second, limits).held:
        until = None if held.until is None else (held.until - at(0)).total_seconds()
        found[held.answer.rdatas if isinstance(held.answer, RRset) else None] = until
    return found


def two(primary: bool = True) -> History:
    return History().roster(-500, NS1, NS2, primary=NS1 if primary else None)


def rolled(ttl: int = 30) -> History:
    """X until 0 by both; then XY, at 0 by the first authority and at 20 by the second; seen until 100."""
    old = replace(X, ttl=ttl)
    history = two().sees(-400, -10, 1, old).sees(0, 100, 2, XY, by=[NS1])
    return history.sees(0, 10, 1, old, by=[NS2]).sees(20, 100, 2, XY, by=[NS2])


# -- the hold of a version ------------------------------------------------------------------------------------------


def test_what_all_serve_has_no_end() -> None:
    assert ends(two().sees(-50, 0, 1, X), 0) == {X.rdatas: None}


@pytest.mark.parametrize(
    ("ttl", "limits", "held"),
    [
        (30, LIMITS, 2 * 30 + 5),
        (1, LIMITS, 20 + 5),  # the floor: resolvers that raise small TTLs
        (30, replace(LIMITS, lookup_delay=timedelta(seconds=9)), 2 * 30 + 9),
        (30, replace(LIMITS, propagation=timedelta(seconds=7)), 2 * 30 + 7 + 5),
        (30, replace(LIMITS, ttl_factor=3), 3 * 30 + 5),
    ],
)
def test_a_version_is_held_from_the_moment_the_last_authority_left_it(ttl: int, limits: Limits, held: int) -> None:
    history = rolled(ttl)
    assert ends(history, 100 if held > 80 else 20 + held - 0.1, limits)[X.rdatas] == 20 + held
    assert X.rdatas in ends(history, 20 + held - 0.1, limits)
    assert X.rdatas not in ends(history, 20 + held, limits)


def test_a_denial_is_held_for_its_negative_ttl() -> None:
    history = two().sees(-100, -10, 1, absent(ttl=40)).sees(0, 20, 2, X)
    assert ends(history, 20) == {None: 2 * 40 + 5, X.rdatas: None}


def test_while_one_authority_is_behind_there_is_no_end() -> None:
    history = two().sees(-100, -10, 1, X).sees(0, 100, 2, XY, by=[NS1]).sees(0, 100, 1, X, by=[NS2])
    assert ends(history, 100) == {X.rdatas: None, XY.rdatas: None}


def test_an_authority_that_went_back_counts_from_its_last_return() -> None:
    history = rolled().sees(110, 120, 1, X, by=[NS2]).sees(130, 140, 2, XY, by=[NS2]).sees(110, 140, 2, XY, by=[NS1])
    assert ends(history, 140)[X.rdatas] == 130 + 65


def test_the_same_content_under_a_later_serial_is_another_version() -> None:
    """Publish, abort, resume: a lagging authority's first {A, B} is not the second."""
    history = two().sees(-100, -10, 1, X).sees(0, 10, 2, XY).sees(20, 30, 3, X).sees(40, 50, 4, XY, by=[NS1])
    history.sees(40, 50, 2, XY, by=[NS2])
    assert ends(history, 50)[X.rdatas] is None  # the second authority may serve serial 3 any time
    history.sees(60, 70, 4, XY)
    assert ends(history, 70)[X.rdatas] == 60 + 65


def test_an_unrelated_change_of_the_zone_is_another_version_and_no_sight_of_a_new_answer() -> None:
    history = two().sees(-100, -10, 1, X).sees(0, 10, 2, X).sees(20, 30, 3, Y)
    assert ends(history, 30) == {X.rdatas: 20 + 65, Y.rdatas: None}


def test_two_ttls_of_one_content_end_with_the_longer_hold() -> None:
    history = two().sees(-100, -10, 1, replace(X, ttl=100)).sees(0, 10, 2, X).sees(20, 30, 3, Y)
    assert ends(history, 30)[X.rdatas] == 0 + 205


@pytest.mark.parametrize(("before", "after"), [(0xFFFFFFFF, 0), (0xFFFFFFFE, 5), (0x7FFFFFFF, 0x80000000)])
def test_serials_wrap(before: int, after: int) -> None:
    """RFC 1982 §3.2."""
    history = two().sees(-100, -10, before, X).sees(0, 10, after, Y)
    assert ends(history, 10) == {X.rdatas: 65, Y.rdatas: None}


def test_a_serial_exactly_half_way_round_is_above_nothing() -> None:
    history = two().sees(-100, -10, 0, X).sees(0, 10, 1 << 31, Y)
    assert ends(history, 10)[X.rdatas] is None


# -- what nobody vouches for ----------------------------------------------------------------------------------------


def test_an_authority_that_never_answered_may_serve_anything() -> None:
    history = History().roster(-500, NS1, NS2, NS3, primary=NS1).sees(-100, -10, 1, X).sees(0, 50, 2, Y)
    assert ends(history, 50) == {X.rdatas: None, Y.rdatas: None}


def test_a_silent_authority_may_serve_every_version_seen_anywhere() -> None:
    history = two().sees(-100, -10, 1, X).sees(0, 10, 2, Y, by=[NS2]).sees(0, 200, 2, Y, by=[NS1])
    assert ends(history, 40) == {X.rdatas: 65, Y.rdatas: None}  # vouched for, for 30 s
    assert ends(history, 40.1)[X.rdatas] is None


def test_an_authority_that_gave_no_answer_when_asked_again_is_silent_until_it_does() -> None:
    history = two().sees(-100, -10, 1, X).sees(0, 200, 2, Y, by=[NS1]).sees(0, 10, 2, Y, by=[NS2])
    history.log.append(Sight(at(20), ZONE, NS2, None, OWNER, TLSA, None))
    assert ends(history, 20)[X.rdatas] is None
    history.sees(30, 200, 2, Y, by=[NS2])
    assert ends(history, 40)[X.rdatas] == 0 + 65  # and what broke no history before breaks none now


def test_after_a_gap_everything_retained_was_possible_until_the_next_sight() -> None:
    history = two().sees(-100, -10, 1, X).sees(0, 200, 2, Y, by=[NS1]).sees(0, 10, 2, Y, by=[NS2])
    history.sees(150, 200, 2, Y, by=[NS2])
    assert ends(history, 200)[X.rdatas] == 150 + 65


def test_a_gap_shorter_than_what_a_sight_vouches_for_is_none() -> None:
    history = two().sees(-100, -10, 1, X).sees(0, 40, 2, Y, by=[NS1]).sees(0, 10, 2, Y, by=[NS2])
    history.sees(40, 40, 2, Y, by=[NS2])
    assert ends(history, 40)[X.rdatas] == 0 + 65


def test_silence_ends_with_the_retention_of_what_may_be_served() -> None:
    """A secondary gives a version up SOA EXPIRE after it was last current (RFC 1035 §3.3.13)."""
    history = two().sees(-100, -10, 1, X).sees(0, 1100, 2, Y, by=[NS1]).sees(0, 900, 2, Y, by=[NS2])
    assert ends(history, 1000)[X.rdatas] is None  # silent since 900, and X may have been current until 0
    assert ends(history, 1001)[X.rdatas] == 1000 + 65
    assert X.rdatas not in ends(history, 1065)


def test_a_gap_that_outlasts_the_retention_counts_until_the_retention() -> None:
    history = two().sees(-100, -10, 1, X).sees(0, 1040, 2, Y, by=[NS1]).sees(0, 900, 2, Y, by=[NS2])
    history.sees(1030, 1040, 2, Y, by=[NS2])
    assert ends(history, 1040)[X.rdatas] == 1000 + 65


def test_the_retention_counts_from_when_a_version_may_last_have_been_current() -> None:
    """Nobody looked at the primary from -100 to 50, and the secondary may have been given it just before."""
    history = two().sees(-500, -100, 1, X).sees(50, 1040, 2, Y, by=[NS1])
    assert ends(history, 1040)[X.rdatas] is None
    assert ends(history, 1051)[X.rdatas] == 1050 + 65


def test_an_authority_that_left_the_roster_counts_while_its_name_may_be_cached() -> None:
    """How long that is the facts do not say; not longer than the retention."""
    history = two().sees(-100, 0, 1, X).roster(10, NS1, primary=NS1).sees(10, 1400, 2, Y, by=[NS1])
    facts = history.facts()
    assert members(facts, ZONE, at(1000), LIMITS) == {NS1, NS2}
    assert members(facts, ZONE, at(1001), LIMITS) == {NS1}


def test_with_an_old_list_of_authorities_nothing_is_known() -> None:
    history = two().sees(0, 1500, 1, X)
    assert unknown_until(history, 1530) is None
    history.log += [Sight(at(1500 + 10 * n), ZONE, ip, 1, OWNER, TLSA, X) for n in range(1, 10) for ip in (NS1, NS2)]
    assert unknown_until(history, 1530) is None
    assert unknown_until(history, 1531) == "open"


def test_without_a_roster_nothing_ends() -> None:
    assert ends(History().sees(0, 10, 1, X, by=[NS1]).sees(20, 30, 2, Y, by=[NS1]), 30)[X.rdatas] is None


# -- signatures -------------------------------------------------------------------------------------------------------


def signed(answer: RRset, second: float) -> RRset:
    """With an RRSIG that expires then: the expiration field alone is right (RFC 4034 §3.1)."""
    expiration = int(at(second).timestamp()).to_bytes(4)
    return replace(answer, rrsigs=frozenset({bytes(8) + expiration + bytes(6) + b"\x00signature"}))


DAY = 86400


@pytest.mark.parametrize("expires", [50 - DAY, -DAY])
def test_nobody_holds_an_answer_for_long_after_its_signatures_expired(expires: int) -> None:
    """Validators forgive a day."""
    history = two().sees(-100, 20, 1, signed(X, expires))
    assert ends(history, 0) == {X.rdatas: expires + DAY + 5}


def test_a_signature_that_lasts_longer_than_the_hold_changes_nothing() -> None:
    history = two().sees(-100, -10, 1, signed(X, 60 - DAY + 1)).sees(0, 10, 2, Y)
    assert ends(history, 10)[X.rdatas] == 65


def test_of_several_signatures_seen_the_latest_to_expire_counts() -> None:
    """A restored authority may give the older signatures after the newer ones were seen elsewhere."""
    late, early = signed(X, 1000), signed(X, 10 - DAY)
    history = two().sees(-100, 0, 1, late, by=[NS1]).sees(-100, 5, 1, early, by=[NS2])
    assert ends(history, 6) == {X.rdatas: 1000 + DAY + 5}


def test_a_signature_cut_short_bounds_nothing() -> None:
    history = two().sees(-100, 0, 1, replace(X, rrsigs=frozenset({b"short"})))
    assert ends(history, 0) == {X.rdatas: None}


# -- intents --------------------------------------------------------------------------------------------------------

CHANGE = Publish(ZONE, X, XY)


@pytest.mark.parametrize(
    ("outcome", "possible_for"),
    [
        (Receipt(2), None),  # accepted: a version, that the authorities do not serve yet
        (Receipt(), 15 + 65),  # accepted, and nobody knows under which serial
        (Failure("TIMEOUT", "no reply"), 15 + 65),
        (Conflict(Y), 0),
    ],
)
def test_a_write_that_never_shows_is_possible_as_long_as_its_outcome_leaves_it_open(
    outcome: Outcome, possible_for: float | None
) -> None:
    history = two().sees(-400, 200, 1, X).does(0, CHANGE, outcome)
    if possible_for == 0:
        assert XY.rdatas not in ends(history, 1)
    else:
        assert ends(history, 79)[XY.rdatas] == possible_for


def test_an_intent_without_outcome_is_possible() -> None:
    history = two().sees(-400, 10, 1, X).intends(0, CHANGE)
    assert ends(history, 10)[XY.rdatas] is None  # not yet seen after the in-flight bound
    history.sees(20, 40, 1, X)
    assert ends(history, 40)[XY.rdatas] == 15 + 65


def test_an_intent_stays_possible_while_an_authority_has_not_caught_up() -> None:
    history = two().sees(-400, 100, 1, X, by=[NS1]).sees(-400, 0, 1, X, by=[NS2]).intends(0, CHANGE)
    assert ends(history, 100)[XY.rdatas] is None
    history.sees(90, 100, 1, X, by=[NS2])
    assert ends(history, 100)[XY.rdatas] == 90 + 65


def test_a_lost_reply_whose_write_landed_is_held_like_any_version() -> None:
    history = two().sees(-400, 0, 1, X).intends(1, CHANGE).sees(10, 20, 2, XY).sees(30, 60, 3, X)
    assert ends(history, 60)[XY.rdatas] == 30 + 65


def test_an_outcome_is_that_of_the_latest_such_intent() -> None:
    """A runner was killed in the middle of a write, and the next one found that somebody had been quicker."""
    history = two().sees(-400, 60, 1, X).intends(0, CHANGE).does(20, CHANGE, Conflict(Y))
    assert ends(history, 60)[XY.rdatas] == 15 + 65


def test_intents_for_other_names_zones_and_kinds_are_no_answers_here() -> None:
    elsewhere = replace(XY, owner=ZONE)
    history = two().sees(-400, 0, 1, X).intends(0, Publish(ZONE, elsewhere, elsewhere)).intends(0, MakeKey(LINEAGE))
    history.intends(0, Publish(OWNER, X, XY))
    assert ends(history, 0) == {X.rdatas: None}


# -- unknown history --------------------------------------------------------------------------------------------------


def unknown_until(history: History, second: float, limits: Limits = LIMITS) -> float | str | None:
    """The second at which U ends; "open" where no end is known, None where all is known."""
    unknown = possible(history, second, limits).unknown
    if unknown is None:
        return None
    return "open" if unknown.until is None else (unknown.until - at(0)).total_seconds()


def test_history_begins_when_every_authority_was_seen_at_one_serial() -> None:
    history = two().sees(0, 300, 2, X, by=[NS1]).sees(0, 50, 1, X, by=[NS2]).sees(60, 300, 2, X, by=[NS2])
    assert unknown_until(history, 55) == "open"
    assert unknown_until(history, 70) == 60 + 205


def test_unknown_history_ends_exactly() -> None:
    history = two().sees(0, 300, 1, X)
    assert unknown_until(history, 204.9) == 205
    assert unknown_until(history, 205) is None


def test_the_largest_ttl_seen_counts_where_it_is_larger_than_the_assumed() -> None:
    assert unknown_until(two().sees(0, 10, 1, replace(X, ttl=150)), 10) == 2 * 150 + 5


def test_a_gap_restarts_a_young_history() -> None:
    history = two().sees(0, 300, 1, X, by=[NS1]).sees(0, 100, 1, X, by=[NS2]).sees(140, 300, 1, X, by=[NS2])
    assert unknown_until(history, 300) == 140 + 205


def test_silence_leaves_a_young_history_open() -> None:
    history = two().sees(0, 300, 1, X, by=[NS1]).sees(0, 100, 1, X, by=[NS2])
    assert unknown_until(history, 120) == 205
    assert unknown_until(history, 131) == "open"


def test_a_serial_below_the_first_restarts_a_young_history() -> None:
    history = two().sees(0, 300, 5, X, by=[NS1]).sees(0, 90, 5, X, by=[NS2])
    history.sees(100, 110, 4, X, by=[NS2]).sees(120, 300, 5, X, by=[NS2])
    assert unknown_until(history, 300) == 120 + 205


def test_a_serial_above_the_first_restarts_nothing() -> None:
    assert unknown_until(two().sees(0, 90, 5, X).sees(100, 204, 6, X), 204) == 205


def test_a_gap_at_the_primary_restarts_even_an_old_history() -> None:
    """The runner slept, or its store was lost and an older one restored: what was written meanwhile may be cached."""
    history = two().sees(0, 1500, 1, X).sees(1600, 2000, 2, X)
    assert unknown_until(history, 1700) == 1600 + 205
    assert unknown_until(history, 1805) is None


def test_an_old_history_outlives_gaps_and_a_silent_secondary() -> None:
    history = two().sees(0, 2000, 1, X, by=[NS1]).sees(0, 1100, 1, X, by=[NS2])
    assert unknown_until(history, 2000) is None
    history.sees(1990, 2000, 1, X, by=[NS2])
    assert unknown_until(history, 2000) is None


def test_silence_that_began_while_history_was_young_counts_until_the_retention() -> None:
    """Until then it may have served what was there before the history; nobody serves that any longer."""
    history = two().sees(0, 2000, 1, X, by=[NS1]).sees(0, 900, 1, X, by=[NS2])
    assert unknown_until(history, 950) == "open"
    assert unknown_until(history, 1100) == 1000 + 205
    assert unknown_until(history, 1205) is None
    history.sees(1150, 2000, 1, X, by=[NS2])
    assert unknown_until(history, 1200) == 1000 + 205


def test_a_silent_primary_leaves_even_an_old_history_open() -> None:
    history = two().sees(0, 2000, 1, X, by=[NS2]).sees(0, 1900, 1, X, by=[NS1])
    assert unknown_until(history, 1930) is None
    assert unknown_until(history, 1931) == "open"


def test_where_the_primary_is_not_known_any_silent_authority_may_be_it() -> None:
    history = two(primary=False).sees(0, 2000, 1, X, by=[NS1]).sees(0, 1900, 1, X, by=[NS2])
    assert unknown_until(history, 1931) == "open"


def test_what_the_zone_began_anew_restarts_its_history() -> None:
    history = two().sees(0, 300, 1, X)
    history.log.append(Began(at(100), SubjectName("example.net."), "another store"))
    assert unknown_until(history, 300) == 100 + 205


def test_what_another_subject_began_anew_restarts_nothing() -> None:
    history = two().sees(0, 300, 1, X)
    history.log.append(Began(at(100), LINEAGE.service, "another store"))
    assert unknown_until(history, 300) is None


def test_one_sweep_alone_is_no_history() -> None:
    assert unknown_until(two(), 0) == "open"
    assert unknown_until(History(), 0) == "open"


# -- since when something is published --------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [NS1, NS2])
def test_records_are_published_since_the_last_authority_serves_them(first: IP) -> None:
    last = NS2 if first == NS1 else NS1
    history = two().sees(0, 100, 2, XY, by=[first]).sees(0, 30, 1, X, by=[last])
    y = Y.rdatas
    assert published_since(history.facts(), ZONE, OWNER, TLSA, y, at(30), LIMITS) is None
    history.sees(40, 100, 2, XY, by=[last])
    assert published_since(history.facts(), ZONE, OWNER, TLSA, y, at(100), LIMITS) == at(40)
    assert published_since(history.facts(), ZONE, OWNER, TLSA, X.rdatas, at(100), LIMITS) == at(0)


# -- newest and visible -----------------------------------------------------------------------------------------------


def test_the_newest_answer_is_that_of_the_highest_serial() -> None:
    history = two().sees(0, 10, 2, XY, by=[NS1]).sees(0, 20, 1, X, by=[NS2])
    assert newest(history.facts(), ZONE, OWNER, TLSA) == XY
    assert newest(History().facts(), ZONE, OWNER, TLSA) is None


def test_of_one_serial_the_latest_sight_is_the_newest() -> None:
    late = signed(X, 1000)
    history = two().sees(0, 10, 1, X, by=[NS1]).sees(0, 20, 1, late, by=[NS2])
    assert newest(history.facts(), ZONE, OWNER, TLSA) == late


def test_an_authority_that_was_left_says_nothing_new_however_high_its_serial() -> None:
    history = two().sees(-100, 0, 2026112301, X).roster(10, NS3, primary=NS3).sees(10, 20, 5, Y, by=[NS3])
    assert newest(history.facts(), ZONE, OWNER, TLSA) == Y


@pytest.mark.parametrize(
    ("second", "last", "expected"),
    [
        (40, XY, XY.rdatas),
        (40, X, None),
        (40, absent(), None),
        (60, XY, None),  # not seen for longer than a sight vouches for
    ],
)
def test_what_is_visible_is_what_every_authority_serves(
    second: float, last: Answer, expected: frozenset[bytes] | None
) -> None:
    history = two().sees(0, 60, 2, XY, by=[NS1]).sees(0, 25, 2, last, by=[NS2])
    assert visible(history.facts(), ZONE, OWNER, TLSA, at(second), LIMITS) == expected


def test_nothing_is_visible_while_one_authority_has_not_answered() -> None:
    assert visible(two().sees(0, 10, 1, X, by=[NS1]).facts(), ZONE, OWNER, TLSA, at(10), LIMITS) is None
    assert visible(History().facts(), ZONE, OWNER, TLSA, at(10), LIMITS) is None


def test_unseen_back_ends_of_an_authority_may_give_answers_of_before_the_history_began_for_longer() -> None:
    """The address that was asked is ahead of them by up to ``propagation``."""
    history = History().roster(0, NS1, NS2, primary=NS1).sees(0, 200, 1, rrset(record(OLD)))
    ends = []
    for propagation in (0, 40):
        limits = replace(LIMITS, propagation=timedelta(seconds=propagation))
        unknown = possible_answers(history.facts(), ZONE, OWNER, TLSA, at(200), limits).unknown
        ends.append(unknown.until if unknown is not None else None)
    assert ends == [at(205), at(245)]
