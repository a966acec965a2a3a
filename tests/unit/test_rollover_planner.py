"""The planner: the next step from what is known, for each state of a zone and of a service."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dns.name
import dns.rdatatype
import pytest

from danelaw.core.model import (
    Absence,
    Answer,
    Chain,
    Challenge,
    ChallengeType,
    Failed,
    GenerationId,
    Hello,
    Issued,
    NeedChallenge,
    NotOffered,
    OrderState,
    Pending,
    RRset,
    SubjectName,
    Unreachable,
    Window,
)
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    ClearChallenge,
    Conflict,
    DestroyKey,
    Failure,
    MakeKey,
    Outcome,
    PlaceChallenge,
    Publish,
    Receipt,
    ReuseKey,
    Switch,
)
from danelaw.core.rollover.facts import RenewalInfo, Requested, Sight
from danelaw.core.rollover.planner import TXT, DesiredService, Plan, Settled, Wait, challenge_owner, plan, txt_rdata
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination
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
    OLD,
    OWNER,
    PLAIN,
    SECOND,
    SERVICE,
    TLSA,
    WEB1,
    WEB2,
    ZONE,
    History,
    absent,
    addresses,
    at,
    chain_of,
    credential,
    reach,
    record,
    rrset,
    served,
)
from tlsa_chains import INTERMEDIATE, LEAF, RENEWED, issue

X, XY, Y = rrset(record(OLD)), rrset(record(OLD), record(NEW)), rrset(record(NEW))
STUMP = b"\x03\x01"
FOREIGN = b"\x03\x01\x01" + bytes(32)
TO_OLD = Switch(LINEAGE, LOCAL, GenerationId(1), OLD)
TO_NEW = Switch(LINEAGE, LOCAL, GenerationId(2), NEW)
DESTROY_OLD = DestroyKey(LINEAGE, GenerationId(1))
HTTP = Challenge("https://ca.test/1", ChallengeType.HTTP_01, HOST, "token", "token.thumbprint")
DNS = Challenge("https://ca.test/2", ChallengeType.DNS_01, HOST, "token", "response")
PROOF = challenge_owner(HOST)
ORDER = OrderState((HOST,), url="https://ca.test/order")


def desired(*tlsa: str, challenge: ChallengeType = ChallengeType.HTTP_01) -> DesiredService:
    combinations = tuple(Combination.from_text(text) for text in tlsa or ("3 1 1",))
    return DesiredService(SERVICE, (LINEAGE,), ZONE, (HOST,), combinations, 30, (LOCAL,), challenge)


def planned(history: History, second: float, wanted: DesiredService | None = None) -> Plan:
    return plan(wanted or desired(), history.facts(), reach(), at(second), LIMITS)


def waits(step: Plan) -> tuple[str, float | None]:
    """Its code, and the second at which to look again."""
    assert isinstance(step, Wait), step
    return step.code, None if step.until is None else (step.until - at(0)).total_seconds()


def change(old: Answer, new: Answer) -> Publish:
    return Publish(ZONE, old, new)


def only_old(answer: Answer = X) -> History:
    """One generation, served and published."""
    return served(answer).holds(0, FIRST, live=1)


ALSO = (addresses(WEB1, WEB2), absent(HOST, AAAA))


def switched(answer: Answer = XY, until: float = 100) -> History:
    """The union settled long ago; the new chain is presented since 10."""
    history = served(answer).sees(10, until, 1, answer, *ALSO).presents(10, until, NEW)
    return history.holds(until, FIRST, SECOND, live=2).judged(until)


# -- preparing -------------------------------------------------------------------------------------------------------


def test_nothing_is_planned_for_a_store_that_was_not_looked_at() -> None:
    assert waits(planned(History(), 0))[0] == "UNOBSERVED"


def test_the_first_step_is_a_key() -> None:
    assert planned(served(absent()).holds(0), 0) == MakeKey(LINEAGE)


def pending(*complete: object, live: int | None = None) -> History:
    """A key without a certificate, beside what is given."""
    history = served(absent() if not complete else X)
    generations = [FIRST] if complete else []
    return history.holds(0, *generations, credential(len(generations) + 1, RENEWED, None), live=live)


STEP = AdvanceOrder(LINEAGE, GenerationId(1), OrderState((HOST,)))


def step_after(failed: int) -> AdvanceOrder:
    """A new order, as the CA is told of it after so many that failed."""
    return AdvanceOrder(LINEAGE, GenerationId(1), OrderState((HOST,), failed=failed))


def test_a_key_without_a_certificate_has_it_ordered_and_says_what_it_replaces() -> None:
    assert planned(pending(), 0) == STEP
    renewal = AdvanceOrder(LINEAGE, GenerationId(2), OrderState((HOST,), replaces=OLD))
    assert planned(pending(FIRST, live=1), 0) == renewal


@pytest.mark.parametrize(
    ("outcome", "second", "expected"),
    [
        (NeedChallenge(ORDER, (HTTP,)), 1, PlaceChallenge(LINEAGE, GenerationId(1), HTTP)),
        (Pending(ORDER, at(9)), 9, AdvanceOrder(LINEAGE, GenerationId(1), ORDER)),
        (Issued(ORDER, NEW), 1, AdvanceOrder(LINEAGE, GenerationId(1), ORDER)),  # it was not stored
        (Failed(ORDER, "unauthorized", "no", at(9)), 9, step_after(1)),  # a new order
        (Failed(replace(ORDER, failed=1), "unauthorized", "no", at(9)), 9, step_after(2)),
        (Failed(replace(ORDER, failed=3), "unauthorized", "no", at(9)), 9, step_after(3)),  # no more are counted
        (Pending(replace(ORDER, failed=2), at(9)), 9, AdvanceOrder(LINEAGE, GenerationId(1), replace(ORDER, failed=2))),
        (Failure("TIMEOUT", ""), 20.1, STEP),
    ],
)
def test_an_order_goes_on_from_where_it_stands(outcome: Outcome, second: float, expected: Action) -> None:
    assert planned(pending().does(0, STEP, outcome), second) == expected


@pytest.mark.parametrize(
    ("outcome", "code", "until"),
    [
        (Pending(ORDER, at(9)), "CA_PENDING", 9),
        (Pending(ORDER, at(9), "HTTP 503"), "CA_BUSY", 9),
        (Failed(ORDER, "unauthorized", "no", at(9)), "ORDER_FAILED", 9),
        (Failure("TIMEOUT", ""), "CA_FAILED", 20.1),
    ],
)
def test_a_ca_that_needs_time_is_given_it(outcome: Outcome, code: str, until: float) -> None:
    assert waits(planned(pending().does(0, STEP, outcome), 5)) == (code, until)


def test_it_is_told_what_keeps_a_ca_from_its_work_and_since_when() -> None:
    ill = [Pending(ORDER, at(n + 1), f"HTTP 50{n}") for n in range(4)]
    wait = planned(pending().does(0, STEP, ill[0]).does(1, STEP, ill[1]), 1.5)
    assert isinstance(wait, Wait)
    assert (wait.because, wait.since) == ("the CA puts us off: HTTP 501", at(0.1))
    wait = planned(pending().does(0, STEP, ill[0]).does(1, STEP, Pending(ORDER, at(2))).does(2, STEP, ill[2]), 2.5)
    assert isinstance(wait, Wait)
    assert wait.since == at(2.1)


def test_a_ca_that_could_not_be_asked_is_quoted_as_its_error_says_it() -> None:
    wait = planned(pending().does(0, STEP, Failure("CA_UNREACHABLE", "no answer from the CA [CA_UNREACHABLE]")), 5)
    assert isinstance(wait, Wait)
    assert wait.because == "no answer from the CA [CA_UNREACHABLE]"


def test_an_order_without_an_outcome_is_asked_for_again() -> None:
    assert planned(pending().intends(0, STEP), 1) == STEP


def test_when_each_response_is_placed_the_ca_is_told() -> None:
    history = pending().does(0, STEP, NeedChallenge(ORDER, (HTTP,)))
    history.does(1, PlaceChallenge(LINEAGE, GenerationId(1), HTTP), Receipt())
    told = AdvanceOrder(LINEAGE, GenerationId(1), replace(ORDER, placed=frozenset({HTTP.url})))
    assert planned(history, 2) == told


def test_a_dns_response_is_published_and_waited_for_at_every_authority() -> None:
    wanted = desired(challenge=ChallengeType.DNS_01)
    history = pending().does(0, STEP, NeedChallenge(ORDER, (DNS,)))
    assert waits(planned(history, 2, wanted))[0] == "UNOBSERVED"
    none, response = absent(PROOF, TXT), RRset(PROOF, TXT, 30, frozenset({txt_rdata("response")}))
    history.sees(0, 0, 1, none)
    assert planned(history, 2, wanted) == Publish(ZONE, none, response)
    history.sees(10, 10, 2, response, by=[NS1]).sees(10, 10, 1, none, by=[NS2])
    assert waits(planned(history, 12, wanted))[0] == "CHALLENGE_NOT_VISIBLE"
    history.sees(20, 20, 2, response)
    told = AdvanceOrder(LINEAGE, GenerationId(1), replace(ORDER, placed=frozenset({DNS.url})))
    assert planned(history, 22, wanted) == told


def test_responses_are_taken_away_when_the_order_is_over() -> None:
    history = only_old().does(-50, PlaceChallenge(LINEAGE, GenerationId(1), HTTP), Receipt())
    clear = ClearChallenge(LINEAGE, GenerationId(1), HTTP)
    assert planned(history, 0) == clear
    assert isinstance(planned(history.does(0, clear, Receipt()), 1), Settled)
    response = RRset(PROOF, TXT, 30, frozenset({txt_rdata("response")}))
    history.does(-40, Publish(ZONE, absent(PROOF, TXT), response), Receipt(1)).sees(0, 0, 1, response)
    assert planned(history, 1) == Publish(ZONE, response, Absence(PROOF, TXT, 0))


def test_the_names_of_a_response() -> None:
    assert challenge_owner(dns.name.from_text("*.example.net.")) == challenge_owner(ZONE)
    assert challenge_owner(HOST) == dns.name.from_text("_acme-challenge.www.example.net.")
    assert txt_rdata("ab") == b"\x02ab"


# -- first deployment ------------------------------------------------------------------------------------------------


def test_the_first_certificate_is_served_before_it_is_published() -> None:
    history = served(absent()).holds(0, FIRST)
    assert planned(history, 0) == TO_OLD
    assert planned(served(absent()).holds(0, FIRST, live=1), 0) == change(absent(), X)


def test_after_a_switch_every_address_is_waited_for_and_then_the_server_is_reloaded_again() -> None:
    foreign = chain_of(issue("foreign", INTERMEDIATE, names=("www.example.net",)))
    history = served(absent()).presents(1, 1, foreign, by=[WEB2]).does(2, TO_OLD, Receipt()).holds(3, FIRST, live=1)
    assert waits(planned(history, 4)) == ("NOT_CONFIRMED", 2.1 + 15)
    assert planned(history, 17.2) == TO_OLD


@pytest.mark.parametrize(
    "spoil",
    [
        lambda h: h.presents(0, 0, Unreachable("TIMEOUT"), by=[WEB2]),
        lambda h: h.presents(0, 0, NEW, hellos=[Hello(None)]),
        lambda h: h.holds(0.1, FIRST, SECOND, live=2),
    ],
)
def test_nothing_is_served_until_every_address_presents_it_to_every_client_from_the_path(spoil: object) -> None:
    history = only_old()
    assert isinstance(planned(history, 1), Settled)
    spoil(history)  # type: ignore[operator] # each is a function of a history
    assert not isinstance(planned(history, 1), Settled)


def test_what_is_not_offered_need_not_be_presented() -> None:
    history = only_old().presents(-10, 0, NotOffered(), hellos=[replace(PLAIN, sni=None)])
    assert isinstance(planned(history, 0), Settled)


@pytest.mark.parametrize(("leave_out", "code"), [(HOST, "NO_ADDRESS"), (OWNER, "UNOBSERVED")])
def test_what_was_not_seen_is_waited_for(leave_out: dns.name.Name, code: str) -> None:
    history = only_old()
    history.log = [fact for fact in history.log if getattr(fact, "owner", None) != leave_out]
    assert waits(planned(history, 0))[0] == code


def test_an_alias_in_the_place_of_the_records_that_nobody_followed_is_waited_out() -> None:
    history = only_old()
    alias = RRset(OWNER, int(dns.rdatatype.CNAME), 30, frozenset({b"\x00"}))
    history.log.append(Sight(at(10), ZONE, NS1, 2, OWNER, TLSA, alias))
    assert waits(planned(history, 10))[0] == "UNOBSERVED"


def test_parameters_under_which_the_certificate_has_no_record_are_told() -> None:
    alone = Chain((LEAF.der,))
    history = served(absent()).presents(-10, 0, alone).holds(0, credential(1, LEAF, alone), live=1)
    assert waits(planned(history, 6, desired("2 0 1"))) == ("NO_ASSOCIATION", None)


# -- the roll --------------------------------------------------------------------------------------------------------


def test_a_new_certificate_is_published_beside_the_old_one() -> None:
    assert planned(served(X), 0) == change(X, XY)


def test_an_accepted_change_is_not_repeated_before_it_could_be_served() -> None:
    history = served(X).does(0, change(X, XY), Receipt(2))
    assert waits(planned(history, 1)) == ("NOT_LOADED", 15.1)


def test_what_a_person_is_to_publish_is_what_is_awaited() -> None:
    step = planned(served(X).does(0, change(X, XY), Receipt(note="publish this")), 1)
    assert isinstance(step, Wait)
    assert step.because.endswith("serves it yet: publish this")


def test_the_union_settles_before_the_switch() -> None:
    history = served(X).sees(10, 80, 2, XY, *ALSO).presents(10, 80, OLD).holds(80, FIRST, SECOND, live=1)
    assert waits(planned(history, 70)) == ("ANSWER_HELD", 75)
    assert planned(history, 75) == TO_NEW


def test_old_records_linger_and_then_exactly_they_are_withdrawn() -> None:
    history = switched()
    assert waits(planned(history, 59)) == ("LINGERING", 60)
    assert planned(history, 60) == change(XY, Y)


def test_lingering_counts_from_the_last_address_that_moved_on() -> None:
    history = served(XY).sees(10, 100, 1, XY, *ALSO).presents(10, 100, NEW, by=[WEB1])
    history.presents(10, 30, OLD, by=[WEB2]).presents(40, 100, NEW, by=[WEB2])
    history.holds(100, FIRST, SECOND, live=2).judged(100)
    assert waits(planned(history, 89)) == ("LINGERING", 90)
    assert planned(history, 90) == change(XY, Y)


def test_an_old_key_is_kept_until_nobody_holds_its_record_and_then_destroyed() -> None:
    history = switched().sees(110, 200, 2, Y, *ALSO).presents(110, 200, NEW).holds(200, FIRST, SECOND, live=2)
    assert waits(planned(history, 174)) == ("SETTLING", 175)
    assert planned(history, 175) == DESTROY_OLD
    assert isinstance(planned(history.does(176, DESTROY_OLD, Receipt()), 177), Settled)


def test_a_key_that_is_kept_hides_no_other_that_may_go() -> None:
    third, newest = (
        credential(2, issue("third", INTERMEDIATE, names=("www.example.net",)), None),
        credential(3, RENEWED, NEW),
    )
    history = served(Y).presents(1, 2, NEW).holds(2.1, FIRST, third, newest, live=3)  # the first was left just now
    assert planned(history, 3) == DestroyKey(LINEAGE, GenerationId(2))
    history.holds(2.2, FIRST, newest, live=3)
    assert waits(planned(history, 3))[0] == "KEY_KEPT"


def test_what_the_gate_refuses_is_waited_for_under_its_code() -> None:
    history = served(absent()).presents(1, 1, chain_of(RENEWED), by=[WEB2])
    step = planned(history.holds(2, FIRST, live=1), 2)
    assert isinstance(step, Switch)  # not every address presents it
    young = served(XY, since=0, until=100).holds(100, FIRST, SECOND, live=1)
    assert waits(planned(young, 100)) == ("HISTORY_UNKNOWN", 205)


def test_where_the_union_may_not_be_published_the_published_generation_is_served_again() -> None:
    """A foreign hand put the second generation on the path, and the zone is not secure."""
    history = served(X).presents(10, 10, NEW).holds(10, FIRST, SECOND, live=2)
    history.log = [fact for fact in history.log if type(fact).__name__ != "Judged"]
    assert planned(history, 16) == TO_OLD


def test_a_foreign_renewal_is_repaired_by_publishing_what_is_presented() -> None:
    history = served(X).presents(10, 10, NEW).holds(10, FIRST, SECOND, live=2)
    assert planned(history, 16) == change(X, XY)


# -- what others put there -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [FOREIGN, STUMP, b"", b"\xff\xff\xff\x00"])
def test_foreign_rdata_is_kept_as_it_stands(other: bytes) -> None:
    """Also what is too short to be a record (RFC 6698 §2.1)."""
    with_old = rrset(record(OLD), other)
    assert planned(served(with_old), 0) == change(with_old, rrset(record(OLD), record(NEW), other))
    union = rrset(record(OLD), record(NEW), other)
    assert planned(switched(union), 60) == change(union, rrset(record(NEW), other))
    alone = rrset(other)
    history = served(alone).holds(0, FIRST, live=1)
    assert planned(history, 0) == change(alone, rrset(record(OLD), other))


def test_foreign_records_are_told() -> None:
    step = planned(only_old(rrset(record(OLD), FOREIGN)), 0)
    assert isinstance(step, Settled)
    assert ["is not ours" in note for note in step.notes] == [True]


# -- parameters ------------------------------------------------------------------------------------------------------


def test_parameters_change_under_the_current_key() -> None:
    both = rrset(record(OLD), record(OLD, "3 1 2"))
    assert planned(only_old(), 0, desired("3 1 1", "3 1 2")) == change(X, both)


def test_parameters_that_some_client_may_know_alone_stay_and_are_told() -> None:
    both = rrset(record(OLD), record(OLD, "3 1 2"))
    step = planned(only_old(both), 0, desired("3 1 1"))
    assert isinstance(step, Settled)
    assert any("3 1 2 is configured no longer" in note for note in step.notes)


def test_a_roll_covers_every_combination_of_ours_that_is_there() -> None:
    both = rrset(record(OLD), record(OLD, "3 1 2"))
    four = rrset(record(OLD), record(OLD, "3 1 2"), record(NEW), record(NEW, "3 1 2"))
    assert planned(served(both), 0, desired("3 1 1")) == change(both, four)
    settled = served(four)
    assert planned(settled, 0, desired("3 1 1")) == TO_NEW
    assert planned(switched(four), 60, desired("3 1 1")) == change(four, rrset(record(NEW), record(NEW, "3 1 2")))


# -- renewal ---------------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)
DUE = at(0) - 30 * DAY + 60 * DAY
"""Two thirds of the 90 days and a second of the certificates."""


def test_a_renewal_is_due_after_two_thirds_of_the_lifetime() -> None:
    step = planned(only_old(), 0)
    assert isinstance(step, Settled)
    assert step.until is not None
    assert abs(step.until - DUE) < timedelta(seconds=1)


def due_after(history: History, second: float = 0) -> bool:
    return planned(history, second) == MakeKey(LINEAGE)


def test_the_cas_window_may_call_for_it_earlier_but_never_later() -> None:
    """RFC 9773 §4.2."""
    for start, expected in ((-1, True), (1, False), (10**8, False)):
        history = only_old()
        history.log.append(RenewalInfo(at(0), OLD, Window(at(start), at(start + 100))))
        assert due_after(history) is expected
        step = planned(history, 0)
        if isinstance(step, Settled) and step.until is not None:
            assert step.until <= DUE + timedelta(seconds=1)


def test_an_operator_may_call_for_it_once() -> None:
    history = only_old()
    history.log.append(Requested(at(0), LINEAGE, "operator"))
    assert due_after(history)
    history = only_old()
    history.log.append(Requested(at(-1000), LINEAGE, "operator"))  # the generation is younger
    assert not due_after(history)


MAIL = dns.name.from_text("mail.example.net.")


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [(Strategy.STAGED, MakeKey(LINEAGE)), (Strategy.PINNED, ReuseKey(LINEAGE, GenerationId(1)))],
)
def test_a_name_that_the_certificate_lacks_is_reason_for_a_renewal(strategy: Strategy, expected: Action) -> None:
    two = replace(desired(), names=(HOST, MAIL), strategy=strategy)
    assert planned(only_old(), 0, two) == expected
    assert isinstance(planned(only_old(), 0, replace(two, names=(HOST,))), Settled)


def test_a_name_that_the_ca_left_out_is_not_ordered_again_and_again() -> None:
    two = replace(desired(), names=(HOST, MAIL))
    step = AdvanceOrder(LINEAGE, GenerationId(1), OrderState(two.names))
    assert isinstance(planned(only_old().does(-50, step, Issued(step.order, OLD)), 0, two), Settled)


@pytest.mark.parametrize("name", ["www.example.net.", "*.example.net."])
def test_a_wildcard_covers_what_it_stands_for(name: str) -> None:
    wild = chain_of(issue("wild", INTERMEDIATE, names=("*.example.net",), key=LEAF.key))
    history = served(X).presents(-10, 0, wild).holds(0, credential(1, LEAF, wild), live=1)
    assert isinstance(planned(history, 6, replace(desired(), names=(dns.name.from_text(name),))), Settled)


def test_a_certificate_that_cannot_be_read_is_renewed_at_once() -> None:
    spoilt = Chain((b"x",))
    history = served(X).presents(-10, 0, spoilt).holds(0, credential(1, LEAF, spoilt), live=1)
    assert isinstance(planned(history, 0), Wait | MakeKey | ReuseKey | Publish | AdvanceOrder)


@pytest.mark.parametrize("keeps", ["KEY_KEPT", "SETTLING"])
def test_what_is_kept_for_others_holds_up_no_renewal(keeps: str) -> None:
    history = switched().sees(110, 200, 2, Y, *ALSO).presents(110, 200, NEW).holds(200, FIRST, SECOND, live=2)
    if keeps == "KEY_KEPT":
        history.presents(187, 187, OLD).presents(189, 189, NEW)  # some client may still be looking at it
    second = 190 if keeps == "KEY_KEPT" else 150
    assert waits(planned(history, second))[0] == keeps
    history.log.append(Requested(at(100), LINEAGE, "operator"))
    assert due_after(history, second)


def test_a_renewal_that_just_failed_leaves_the_next_pass_to_repairs() -> None:
    late, renew = 31 * 86400, ReuseKey(LINEAGE, GenerationId(1))
    standing_by = replace(desired(), strategy=Strategy.STANDBY)
    history = only_old().does(late - 10, renew, Failure("DISK_FULL", ""))
    assert planned(history, late, standing_by) != renew
    assert planned(history, late + 11, standing_by) == renew


def test_a_conflict_is_planned_again_from_what_is_there() -> None:
    history = served(X).does(0, change(X, XY), Conflict(Y))
    assert planned(history, 1) == change(X, XY)


def test_another_services_needs_are_not_these() -> None:
    history = only_old().does(
        -50, PlaceChallenge(replace(LINEAGE, service=SubjectName("x")), GenerationId(1), HTTP), Receipt()
    )
    assert isinstance(planned(history, 0), Settled)
