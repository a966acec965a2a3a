"""What servers may present: what was seen, what was just left, what lies on the path, what was handed over."""

from __future__ import annotations

import pytest

from danelaw.core.model import (
    IP,
    GenerationId,
    HandshakeFailure,
    Hello,
    KeyAlgorithm,
    Lineage,
    NotOffered,
    RRset,
    SubjectName,
    Unreachable,
)
from danelaw.core.model.addresses import addresses_in
from danelaw.core.rollover.actions import Conflict, Failure, Outcome, Receipt, Switch
from danelaw.core.rollover.chains import possible_chains
from danelaw.core.rollover.facts import Began, Done, Got, Intended
from danelaw.core.rollover.lookups import service_addresses
from danelaw.core.rollover.reach import Unprobed
from rollover_history import (
    ECDSA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    NS1,
    NS2,
    OLD,
    PLAIN,
    RSA,
    SECOND,
    WEB1,
    WEB2,
    A,
    History,
    absent,
    addresses,
    at,
    chain_of,
    credential,
    reach,
)
from tlsa_chains import LEAF, issue

REACHED = reach().endpoints[0]
FAILED = HandshakeFailure("TLS_ALERT")
SWITCH = Switch(LINEAGE, LOCAL, GenerationId(2), NEW)
BACK = Switch(LINEAGE, LOCAL, GenerationId(1), OLD)
FOREIGN = chain_of(issue("foreign", names=("www.example.net",)))


def chains(history: History, second: float, ip: IP = WEB1) -> set[str]:
    """By name: old, new, foreign, failed, unprobed."""
    names: dict[object, str] = {OLD: "old", NEW: "new", FOREIGN: "foreign", FAILED: "failed", Unprobed(): "unprobed"}
    return {names[chain] for chain in possible_chains(history.facts(), REACHED, ip, at(second), LIMITS)}


# -- what was seen ---------------------------------------------------------------------------------------------------


def test_an_address_that_was_never_probed_may_present_anything() -> None:
    assert chains(History(), 0) == {"unprobed"}
    assert chains(History().presents(0, 10, OLD, by=[WEB2]), 10) == {"unprobed"}


@pytest.mark.parametrize(("got", "expected"), [(OLD, {"old"}), (FAILED, {"failed"}), (FOREIGN, {"foreign"})])
def test_what_was_seen_last_is_presented_until_something_else_is_seen(got: Got, expected: set[str]) -> None:
    assert chains(History().presents(0, 10, got), 5000) == expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [(10, {"old"}), (20, {"old", "new"}), (25, {"old", "new"}), (25.1, {"new"})],
)
def test_a_chain_that_was_left_is_still_being_checked_for_the_look_up_delay(second: float, expected: set[str]) -> None:
    """It may have been presented until the moment before the other was first seen."""
    history = History().presents(0, 10, OLD)
    assert chains(history if second < 20 else history.presents(20, 20, NEW), second) == expected


def test_a_failure_that_is_over_refuses_nobody() -> None:
    assert chains(History().presents(0, 10, FAILED).presents(20, 20, NEW), 20) == {"new"}


def test_an_address_that_cannot_be_reached_keeps_what_was_seen_last() -> None:
    assert chains(History().presents(0, 10, OLD).presents(20, 90, Unreachable("TIMEOUT")), 90) == {"old"}


def test_an_address_that_could_never_be_reached_may_present_anything() -> None:
    assert chains(History().presents(0, 90, Unreachable("TIMEOUT")), 90) == {"unprobed"}


def test_each_kind_of_client_is_seen_by_itself() -> None:
    history = History().presents(0, 50, NEW, hellos=[PLAIN, ECDSA]).presents(0, 50, OLD, hellos=[Hello(None)])
    assert chains(history, 50) == {"old", "new"}


def test_an_rsa_chain_beside_an_ecdsa_chain_is_presented_too() -> None:
    assert chains(History().presents(0, 50, NEW, hellos=[PLAIN, ECDSA]).presents(0, 50, OLD, hellos=[RSA]), 50) == {
        "old",
        "new",
    }


def test_what_is_not_offered_is_presented_to_nobody() -> None:
    history = History().presents(0, 50, NEW).presents(0, 50, NotOffered(), hellos=[RSA])
    assert chains(history, 50) == {"new"}


def test_a_credential_that_is_offered_no_longer_is_left_like_any_other() -> None:
    history = History().presents(0, 20, NEW).presents(0, 10, OLD, hellos=[RSA])
    history.presents(20, 20, NotOffered(), hellos=[RSA])
    assert chains(history, 25) == {"old", "new"}
    assert chains(history, 25.1) == {"new"}


def test_what_was_seen_before_the_history_began_anew_is_not_vouched_for() -> None:
    history = History().presents(0, 10, OLD)
    history.log.append(Began(at(15), REACHED.service, "generation 2 was made by other hands"))
    assert chains(history, 16) == {"unprobed"}
    assert chains(history.presents(20, 20, NEW), 20) == {"new"}


def test_what_another_service_began_anew_does_not_matter_here() -> None:
    history = History().presents(0, 10, OLD)
    history.log.append(Began(at(15), SubjectName("mail.example.net:25/tcp"), "new"))
    assert chains(history, 16) == {"old"}


# -- what lies on the path, what was handed over ---------------------------------------------------------------------


def test_what_lies_on_the_serving_path_may_be_presented_whoever_put_it_there() -> None:
    assert chains(History().presents(0, 10, OLD).holds(10, FIRST, SECOND, live=2), 10) == {"old", "new"}
    assert chains(History().presents(0, 10, OLD).holds(10, FIRST, SECOND, live=1), 10) == {"old"}
    assert chains(History().presents(0, 10, OLD).holds(10, FIRST, SECOND), 10) == {"old"}


def test_a_generation_without_a_certificate_is_presented_nowhere() -> None:
    waiting = credential(2, LEAF, None)
    assert chains(History().presents(0, 10, OLD).holds(10, FIRST, waiting, live=2), 10) == {"old"}


def test_a_generation_handed_over_may_be_presented_before_it_was_seen() -> None:
    assert chains(History().presents(0, 10, OLD).does(12, SWITCH, Receipt()), 13) == {"old", "new"}


def test_a_probe_before_the_hand_over_was_done_says_nothing_about_it() -> None:
    history = History().presents(0, 12, OLD)
    history.log += [Intended(at(11), SWITCH), Done(at(14), SWITCH, Receipt())]
    history.holds(15, FIRST, SECOND, live=1)
    assert chains(history, 16) == {"old", "new"}


def test_a_switch_that_did_nothing_may_take_effect_while_it_lies_on_the_path() -> None:
    """A server that was not reloaded presents the new chain when it is next restarted."""
    history = History().presents(0, 90, OLD).does(12, SWITCH, Receipt()).holds(20, FIRST, SECOND, live=2)
    assert chains(history, 90) == {"old", "new"}


def test_until_the_path_was_looked_at_the_last_hand_over_lies_there() -> None:
    history = History().presents(0, 90, OLD).does(12, SWITCH, Receipt())
    assert chains(history, 90) == {"old", "new"}
    assert chains(history.holds(90, FIRST, SECOND, live=1), 90) == {"old"}


def test_a_hand_over_that_was_undone_is_over_once_the_server_was_seen() -> None:
    history = History().presents(0, 10, OLD).does(12, SWITCH, Receipt()).does(13, BACK, Receipt())
    assert chains(history, 14) == {"old", "new"}
    assert chains(history.presents(20, 20, OLD).holds(20, FIRST, SECOND, live=1), 20) == {"old"}


@pytest.mark.parametrize("outcome", [None, Failure("TIMEOUT", "no reply")])
def test_a_switch_without_a_known_outcome_may_land_within_the_in_flight_bound(outcome: Outcome | None) -> None:
    history = History().presents(0, 10, OLD).holds(10, FIRST, SECOND, live=1)
    history = history.intends(12, SWITCH) if outcome is None else history.does(12, SWITCH, outcome)
    assert chains(history, 20) == {"old", "new"}
    assert chains(history.presents(20, 27, OLD), 27) == {"old", "new"}  # 15 s have not passed yet
    assert chains(history.presents(28, 28, OLD), 28) == {"old", "new"}  # somebody may check it still
    assert chains(history, 33.1) == {"old"}


def test_a_switch_whose_outcome_is_unknown_may_land_after_a_later_one() -> None:
    history = History().presents(0, 10, OLD).does(11, SWITCH, Failure("TIMEOUT", "")).does(12, BACK, Receipt())
    history.holds(13, FIRST, SECOND, live=1).presents(13, 20, OLD)
    assert chains(history, 20) == {"old", "new"}
    assert chains(history.presents(30, 36, OLD), 36) == {"old"}


def test_a_switch_that_changed_nothing_hands_nothing_over() -> None:
    assert chains(History().presents(0, 10, OLD).does(12, SWITCH, Conflict(absent())), 13) == {"old"}


def test_hand_overs_of_other_services_are_none_here() -> None:
    other = Switch(Lineage(SubjectName("mail.example.net:25/tcp")), LOCAL, GenerationId(2), NEW)
    assert chains(History().presents(0, 10, OLD).does(12, other, Receipt()), 13) == {"old"}


def test_with_two_lineages_what_lies_on_either_path_may_be_presented() -> None:
    both = reach(lineages=(LINEAGE, Lineage(LINEAGE.service, KeyAlgorithm.RSA))).endpoints[0]
    history = History().presents(0, 10, OLD).holds(10, FIRST, SECOND, live=1)
    history.does(12, Switch(Lineage(LINEAGE.service, KeyAlgorithm.RSA), LOCAL, GenerationId(1), NEW), Receipt())
    assert possible_chains(history.facts(), both, WEB1, at(13), LIMITS) == {OLD, NEW}


# -- addresses -------------------------------------------------------------------------------------------------------


def test_an_address_that_left_the_dns_counts_while_it_may_be_cached() -> None:
    history = History().roster(-100, NS1, NS2, primary=NS1).sees(-100, -10, 1, addresses(WEB1, WEB2))
    history.sees(0, 70, 2, addresses(WEB1))
    facts = history.facts()
    assert service_addresses(facts, REACHED, at(64), LIMITS) == {WEB1, WEB2}
    assert service_addresses(facts, REACHED, at(65), LIMITS) == {WEB1}


@pytest.mark.parametrize("rdata", [b"", b"\xc0\x00\x02", b"\xc0\x00\x02\x01\x00"])
def test_malformed_addresses_are_passed_over(rdata: bytes) -> None:
    assert addresses_in(RRset(HOST, A, 30, frozenset({rdata, WEB1.packed}))) == {WEB1}
    assert addresses_in(absent(HOST, A)) == set()
