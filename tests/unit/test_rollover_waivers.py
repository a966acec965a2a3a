"""Addresses that the operator waives, and authorities that refuse: what is not waited for, what goes on to count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from danelaw.core.model import IP, Answer, GenerationId, HandshakeFailure, SubjectName, Unreachable
from danelaw.core.rollover.actions import Action, Publish, Switch
from danelaw.core.rollover.answers import members, possible_answers, visible, zone_subject
from danelaw.core.rollover.compaction import compact
from danelaw.core.rollover.facts import Got, Sight
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge, violations
from danelaw.core.rollover.history import listed
from danelaw.core.rollover.waivers import says_waived
from danelaw.core.rollover.words import Waived
from rollover_history import (
    AAAA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    NS1,
    NS2,
    NS3,
    OLD,
    OWNER,
    SECOND,
    SERVICE,
    TLSA,
    WEB1,
    WEB2,
    ZONE,
    A,
    History,
    absent,
    addresses,
    at,
    reach,
    record,
    rrset,
    served,
)

X, XY, Y = rrset(record(OLD)), rrset(record(OLD), record(NEW)), rrset(record(NEW))
TO_NEW = Switch(LINEAGE, LOCAL, GenerationId(2), NEW)
SILENT = Unreachable("TIMEOUT")


def waive(history: History, ip: IP, subject: SubjectName, second: float = 300, until: float = 800) -> History:
    history.log.append(Waived(at(second), subject, ip, at(until), "an operator", "it is on its way out"))
    return history


def codes(judgement: Judgement) -> set[str]:
    return {found.code for found in judgement.because} if isinstance(judgement, Refused) else set()


def verdict(action: Action, history: History, second: float) -> Judgement:
    return judge(action, history.facts(), reach(), at(second), LIMITS)


def contents(history: History, second: float) -> set[Answer]:
    possible = possible_answers(history.facts(), ZONE, OWNER, TLSA, at(second), LIMITS)
    return {held.answer for held in possible.held}


def rest(history: History, start: float, end: float, *, presented: Got = OLD) -> History:
    """The rest of the world goes on: addresses, what is presented, the store, the validator."""
    history.sees(start, end, 2, addresses(WEB1, WEB2), absent(HOST, AAAA), by=[NS1])
    return history.presents(start, end, presented).holds(end, FIRST, SECOND, live=1).judged(end)


# -- authorities ------------------------------------------------------------------------------------------------------


def stuck_secondary() -> History:
    """The union is on the primary for long; the secondary has been silent since before."""
    return rest(served(X).sees(10, 400, 2, XY, by=[NS1]), 10, 400)


def test_a_silent_secondary_is_waited_for_until_it_is_waived() -> None:
    assert X in contents(stuck_secondary(), 400)
    assert codes(verdict(TO_NEW, stuck_secondary(), 400)) == {"ANSWER_HELD", "HISTORY_UNKNOWN"}
    waived = waive(stuck_secondary(), NS2, zone_subject(ZONE))
    assert contents(waived, 400) == {XY}
    assert isinstance(verdict(TO_NEW, waived, 400), Allowed)


@pytest.mark.parametrize(
    ("ip", "subject", "second", "until", "holds"),
    [
        (NS2, zone_subject(ZONE), 300, 401, True),
        (NS2, zone_subject(ZONE), 400, 401, True),
        (NS2, zone_subject(ZONE), 300, 400, False),  # it has ended
        (NS2, zone_subject(ZONE), 300, 300, False),  # it was taken back
        (NS3, zone_subject(ZONE), 300, 500, False),  # another address
        (NS2, SERVICE, 300, 500, False),  # another subject
    ],
)
def test_a_waiver_holds_for_its_address_subject_and_time(
    ip: IP, subject: SubjectName, second: float, until: float, holds: bool
) -> None:
    waived = waive(stuck_secondary(), ip, subject, second, until)
    assert (NS2 not in members(waived.facts(), ZONE, at(400), LIMITS)) is holds
    assert isinstance(verdict(TO_NEW, waived, 400), Allowed) is holds


def test_the_latest_word_on_an_address_counts() -> None:
    subject = zone_subject(ZONE)
    taken_back = waive(waive(stuck_secondary(), NS2, subject, 300, 800), NS2, subject, 350, 350)
    assert members(taken_back.facts(), ZONE, at(400), LIMITS) == {NS1, NS2}
    prolonged = waive(waive(stuck_secondary(), NS2, subject, 300, 350), NS2, subject, 340, 800)
    assert members(prolonged.facts(), ZONE, at(400), LIMITS) == {NS1}


def test_when_a_waiver_ends_all_is_as_it_was() -> None:
    """Also where the facts were compacted while it held."""
    waived = waive(stuck_secondary(), NS2, zone_subject(ZONE), 300, 500)
    for second in (500, 600, 3000):
        for facts in (waived.facts(), compact(waived.facts(), at(450), LIMITS)):
            bare = possible_answers(stuck_secondary().facts(), ZONE, OWNER, TLSA, at(second), LIMITS)
            assert possible_answers(facts, ZONE, OWNER, TLSA, at(second), LIMITS) == bare


def test_what_a_waiver_hid_is_not_forgotten_while_it_holds() -> None:
    long_gone = rest(served(X).sees(10, 5000, 2, XY, by=[NS1]), 10, 5000)
    bare, waived = long_gone.facts(), waive(long_gone, NS2, zone_subject(ZONE), 300, 5001).facts()
    brief = replace(LIMITS, standby_settle=timedelta(0))  # so that little has to be remembered
    compacted = compact(waived, at(5000), brief)
    for second in (5001, 5020):
        expected = possible_answers(bare, ZONE, OWNER, TLSA, at(second), brief)
        assert possible_answers(compacted, ZONE, OWNER, TLSA, at(second), brief) == expected


def test_the_last_authority_cannot_be_waived() -> None:
    subject = zone_subject(ZONE)
    both = waive(waive(stuck_secondary(), NS1, subject), NS2, subject)
    assert members(both.facts(), ZONE, at(400), LIMITS) == listed(both.facts(), ZONE, at(400), LIMITS) == {NS1, NS2}
    assert contents(both, 400) == contents(stuck_secondary(), 400)


def test_a_waived_primary_is_not_taken_for_silent() -> None:
    """What is written there nobody gets: its zone is served by others."""
    history = rest(served(X).sees(10, 400, 1, X, by=[NS2]), 10, 400)
    silent = possible_answers(history.facts(), ZONE, OWNER, TLSA, at(400), LIMITS).unknown
    assert silent is not None
    assert "192.0.2.1 is silent" in silent.because
    waived = waive(history, NS1, zone_subject(ZONE))
    assert possible_answers(waived.facts(), ZONE, OWNER, TLSA, at(400), LIMITS).unknown is None


def test_what_is_published_everywhere_is_so_without_the_waived() -> None:
    facts = waive(stuck_secondary(), NS2, zone_subject(ZONE)).facts()
    assert visible(stuck_secondary().facts(), ZONE, OWNER, TLSA, at(400), LIMITS) is None
    assert visible(facts, ZONE, OWNER, TLSA, at(400), LIMITS) == XY.rdatas


# -- authorities that refuse ------------------------------------------------------------------------------------------


def refusing(history: History, start: int, end: int, by: Iterable[IP] = (NS2,)) -> History:
    """They refuse to answer for the zone, whatever they are asked, every ten seconds."""
    for second in range(start, end + 1, 10):
        history.log += [
            Sight(at(second), ZONE, ip, None, owner, type, None, refused=True)
            for ip in by
            for owner, type in ((OWNER, TLSA), (HOST, A), (HOST, AAAA))
        ]
    return history


def test_a_secondary_that_refuses_has_left_everything_at_its_first_refusal() -> None:
    history = refusing(stuck_secondary(), 20, 400)
    held = possible_answers(history.facts(), ZONE, OWNER, TLSA, at(60), LIMITS).held
    (old,) = [h for h in held if h.answer == X]
    assert old.until == at(20) + LIMITS.hold(30)
    assert "refused to answer since" in old.because
    assert contents(history, 400) == {XY}
    assert isinstance(verdict(TO_NEW, history, 400), Allowed)


@pytest.mark.parametrize(
    "refusals",
    [
        [(20, 60)],
        [(20, 100), (200, 220)],  # nobody looked meanwhile: it may have served anything
        [(350, 390)],  # it was silent before
    ],
)
def test_a_refusal_vouches_for_as_long_as_a_sight_does(refusals: list[tuple[int, int]]) -> None:
    history = stuck_secondary()
    for start, end in refusals:
        refusing(history, start, end)
    since, second = refusals[-1]
    held = possible_answers(history.facts(), ZONE, OWNER, TLSA, at(second), LIMITS).held
    assert [h.until for h in held if h.answer == X] == [at(since) + LIMITS.hold(30)]


def test_a_secondary_that_had_moved_on_before_it_refused_left_when_it_was_seen_to() -> None:
    history = stuck_secondary().sees(10, 20, 2, XY, by=[NS2])
    held = possible_answers(refusing(history, 30, 60).facts(), ZONE, OWNER, TLSA, at(60), LIMITS).held
    assert [h.until for h in held if h.answer == X] == [at(10) + LIMITS.hold(30)]


def test_a_refusal_that_is_long_over_is_silence() -> None:
    history = refusing(stuck_secondary(), 10, 300)
    assert X in contents(history, 400)


def test_an_authority_that_refused_and_then_answers_counts_again() -> None:
    history = refusing(stuck_secondary(), 10, 300)
    history.sees(310, 400, 1, X, addresses(WEB1, WEB2), absent(HOST, AAAA), by=[NS2])
    assert contents(history, 400) == {X, XY}


def test_an_authority_that_refused_and_is_silent_now_may_serve_anything() -> None:
    timeouts = [Sight(at(s), ZONE, NS2, None, OWNER, TLSA, None) for s in range(310, 401, 10)]
    history = refusing(stuck_secondary(), 10, 300)
    history.log += timeouts
    assert X in contents(history, 400)


def test_a_primary_that_refuses_is_silent() -> None:
    history = refusing(rest(served(X).sees(10, 400, 1, X, by=[NS2]), 10, 400), 10, 400, by=[NS1])
    unknown = possible_answers(history.facts(), ZONE, OWNER, TLSA, at(400), LIMITS).unknown
    assert unknown is not None
    assert unknown.until is None


def test_where_nobody_knows_which_the_primary_is_one_that_refuses_may_be_it() -> None:
    history = History().roster(-400, NS1, NS2).sees(-400, 0, 1, X).sees(10, 400, 1, X, by=[NS1])
    unknown = possible_answers(refusing(history, 10, 400).facts(), ZONE, OWNER, TLSA, at(400), LIMITS).unknown
    assert unknown is not None
    assert unknown.until is None


# -- servers ----------------------------------------------------------------------------------------------------------


def union() -> History:
    """The union is settled, and the first address presents the new chain."""
    history = served(XY).sees(10, 400, 1, XY, addresses(WEB1, WEB2), absent(HOST, AAAA))
    return history.presents(10, 400, NEW, by=[WEB1]).holds(400, FIRST, SECOND, live=2).judged(400)


WITHDRAW = Publish(ZONE, XY, Y)


def test_a_server_that_cannot_be_probed_is_kept_until_it_is_waived() -> None:
    """What it presented last it may present still."""
    gone = union().presents(10, 400, SILENT, by=[WEB2])
    assert codes(verdict(WITHDRAW, gone, 400)) == {"CHAIN_UNMATCHED"}
    judgement = verdict(WITHDRAW, waive(gone, WEB2, SERVICE), 400)
    assert isinstance(judgement, Allowed)
    assert {(found.code, found.address) for found in judgement.waived} == {("CHAIN_UNMATCHED", WEB2)}
    assert judgement.accepted == ()
    assert codes(verdict(WITHDRAW, gone, 800)) >= {"CHAIN_UNMATCHED"}


@pytest.mark.parametrize("got", [OLD, HandshakeFailure("CLOSED")])
def test_a_server_that_answers_is_not_waived_away(got: Got) -> None:
    answering = waive(union().presents(10, 400, got, by=[WEB2]), WEB2, SERVICE)
    expected = {"CHAIN_UNMATCHED"} if got == OLD else set()
    assert codes(verdict(WITHDRAW, answering, 400)) == expected
    assert codes(verdict(TO_NEW, waive(rest(served(X), 10, 400), WEB2, SERVICE), 400)) >= {"ANSWER_HELD"}


def test_an_address_that_was_never_probed_is_waived_by_name() -> None:
    history = served(X, since=-400).sees(10, 400, 1, X, addresses(WEB1, WEB2, NS3), absent(HOST, AAAA))
    history.presents(10, 400, OLD).holds(400, FIRST, SECOND, live=1).judged(400)
    longer = Publish(ZONE, X, rrset(record(OLD), record(OLD, "3 1 2")))
    assert codes(verdict(longer, history, 400)) == {"UNPROBED"}
    judgement = verdict(longer, waive(history, NS3, SERVICE), 400)
    assert isinstance(judgement, Allowed)
    assert {found.code for found in judgement.waived} == {"UNPROBED"}


def test_the_last_server_cannot_be_waived() -> None:
    gone = union().presents(10, 400, SILENT, by=[WEB2]).presents(401, 401, SILENT, by=[WEB1])
    both = waive(waive(gone, WEB1, SERVICE), WEB2, SERVICE)
    assert verdict(WITHDRAW, both, 401) == verdict(WITHDRAW, gone, 401)


def test_clients_that_are_refused_at_a_waived_address_are_told() -> None:
    gone = rest(served(Y), 10, 400).presents(10, 400, SILENT, by=[WEB2]).presents(10, 400, NEW, by=[WEB1])
    (told,) = {(v.code, v.address) for v in violations(gone.facts(), reach(), at(400), LIMITS) if v.address == WEB2}
    assert told == ("VIOLATION", WEB2)
    waived = violations(waive(gone, WEB2, SERVICE).facts(), reach(), at(400), LIMITS)
    assert {v.code for v in waived if v.address == WEB2} == {"VIOLATION_WAIVED"}
    assert all(v.because.endswith("; waived") for v in waived if v.address == WEB2)


def test_who_is_refused_for_two_reasons_is_told_of_once() -> None:
    """Clients may hold the old record from the primary for a while, and from the silent secondary for ever."""
    history = rest(served(X).sees(10, 40, 2, XY, by=[NS1]), 10, 40, presented=NEW)
    told = violations(waive(history, NS2, zone_subject(ZONE), 5).facts(), reach(), at(40), LIMITS)
    assert {v.code for v in told} == {"VIOLATION"}
    assert {v.address for v in told} == {WEB1, WEB2}


def test_a_waiver_is_told_in_a_sentence() -> None:
    word = Waived(at(0), SERVICE, WEB2, at(3600), "eva", "no IPv6 here")
    assert says_waived(word) == "198.51.100.2 is waived by eva until 2026-11-23 13:00:00 UTC: no IPv6 here"
    assert says_waived(replace(word, reason="")).endswith("until 2026-11-23 13:00:00 UTC")


def test_without_a_word_nothing_changes() -> None:
    assert verdict(TO_NEW, stuck_secondary(), 400) == verdict(TO_NEW, waive(stuck_secondary(), NS3, SERVICE), 400)
