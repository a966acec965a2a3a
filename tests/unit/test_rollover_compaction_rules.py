"""What compaction may not forget, one rule at a time: facts that something yet depends on, though they are old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

import dns.name
import dns.rdatatype
import pytest

from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.model import Absence, Challenge, ChallengeType, GenerationId, OrderState, RRset, Window
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    DestroyKey,
    Failure,
    MakeKey,
    Outcome,
    PlaceChallenge,
    Publish,
    Receipt,
    Retire,
    SignZone,
    SubmitDS,
    Switch,
)
from danelaw.core.rollover.answers import SIGNATURE_SKEW, possible_answers
from danelaw.core.rollover.chains import possible_chains
from danelaw.core.rollover.compaction import COUNTED, compact
from danelaw.core.rollover.facts import (
    Began,
    ClockRead,
    Dated,
    Holding,
    OnPath,
    Presented,
    RenewalInfo,
    Requested,
    RequestedZoneRoll,
    Roster,
    Sight,
    ZoneKeyPair,
    ZoneKeys,
)
from danelaw.core.rollover.fold import _VALUE_SLOTS, Facts
from danelaw.core.rollover.words import Disowned, Waived
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
    SECOND,
    SERVICE,
    SOA,
    TLSA,
    WEB1,
    ZONE,
    History,
    at,
    reach,
    record,
    rrset,
    served,
)

BRIEF: Final = replace(
    LIMITS,
    retention=timedelta(seconds=60),
    assumed_past_ttl=timedelta(seconds=20),
    standby_settle=timedelta(seconds=40),
)
"""What is older than 155 s may be forgotten, unless something depends on it."""
X, XY = rrset(record(OLD)), rrset(record(OLD), record(NEW))
TXT, DS, DNSKEY = int(dns.rdatatype.TXT), int(dns.rdatatype.DS), int(dns.rdatatype.DNSKEY)
TO_FIRST, TO_SECOND = Switch(LINEAGE, LOCAL, GenerationId(1), OLD), Switch(LINEAGE, LOCAL, GenerationId(2), NEW)
(REACHED,) = reach().endpoints


def held(facts: Facts, second: float) -> set[object]:
    possible = possible_answers(facts, ZONE, OWNER, TLSA, at(second), BRIEF)
    told: set[object] = {(h.answer, h.until) for h in possible.held}
    return told | {possible.unknown and possible.unknown.until}


def folded(history: History) -> Facts:
    """Facts with nothing worked out of them yet."""
    return history.facts()


def holds_the_same(history: History, cut: float, *later: float) -> None:
    compacted = compact(folded(history), at(cut), BRIEF)
    assert [held(compacted, second) for second in (cut, *later)] == [
        held(folded(history), second) for second in (cut, *later)
    ]


def presents_the_same(history: History, cut: float, *later: float) -> None:
    compacted = compact(folded(history), at(cut), BRIEF)
    for second in (cut, *later):
        whole = possible_chains(folded(history), REACHED, WEB1, at(second), BRIEF)
        assert possible_chains(compacted, REACHED, WEB1, at(second), BRIEF) == whole


def signature(second: float) -> bytes:
    """RRSIG rdata of which only the end counts (RFC 4034 §3.1)."""
    return bytes(8) + int(at(second).timestamp()).to_bytes(4) + bytes(7)


def deeds(facts: Facts, second: float) -> list[Action]:
    """What is remembered of them."""
    return [deed.action for deed in compact(facts, at(second), BRIEF).deeds]


# -- writes ----------------------------------------------------------------------------------------------------------


def test_a_write_of_which_nobody_knows_whether_it_landed_counts_until_all_have_caught_up() -> None:
    """A secondary that is silent since may have it."""
    history = served(X).sees(10, 400, 1, X, by=[NS1]).intends(5, Publish(ZONE, X, XY))
    assert (XY, None) in held(folded(history), 400)
    holds_the_same(history, 400, 500)


def test_and_for_as_long_as_it_is_held_then() -> None:
    history = served(X).sees(10, 370, 1, X, by=[NS1]).intends(5, Publish(ZONE, X, XY)).sees(380, 400, 1, X)
    assert (XY, at(380 + 65)) in held(folded(history), 400)
    holds_the_same(history, 400, 440, 450)


def test_a_write_that_nobody_saw_counts_for_as_long_as_the_last_authority_may_have_served_it() -> None:
    """It was overwritten at once, and one authority followed a minute later."""
    history = served(X).does(5, Publish(ZONE, X, XY), Receipt(2))
    history.sees(10, 50, 3, X, by=[NS1]).sees(55, 100, 3, X)
    assert (XY, at(55 + 65)) in held(folded(history), 100)
    for cut in range(60, 130, 10):
        holds_the_same(history, cut, 119, 121)


def test_a_write_of_just_now_is_not_old() -> None:
    history = served(X, until=390).does(395, Publish(ZONE, X, XY), Receipt(2))
    assert (XY, None) in held(folded(history), 400)
    holds_the_same(history, 400, 500)


def test_a_ds_that_may_have_gone_over_counts_until_every_authority_of_the_parent_has_caught_up() -> None:
    parent = dns.name.from_text("net.")
    old, new = (RRset(ZONE, DS, 30, frozenset({rdata})) for rdata in (b"old", b"new"))
    history = served(X, until=400).intends(5, SubmitDS(ZONE, old, new))
    for second in range(-400, 401, 10):
        history.log.append(Roster(at(second), parent, frozenset({NS1, NS2}), NS1))
        history.log += [Sight(at(second), parent, ip, 1, ZONE, DS, old) for ip in (NS1, NS2) if ip == NS1 or second < 5]

    def possible(facts: Facts) -> set[object]:
        return {h.answer for h in possible_answers(facts, parent, ZONE, DS, at(410), BRIEF).held}

    assert possible(folded(history)) == {old, new}
    assert possible(compact(folded(history), at(400), BRIEF)) == {old, new}


def test_a_response_that_is_still_served_is_to_be_tidied_up() -> None:
    name = dns.name.from_text("_acme-challenge", HOST)
    response = RRset(name, TXT, 30, frozenset({b"\x01x"}))
    placed = Publish(ZONE, Absence(name, TXT, 30), response)
    history = served(X, until=400).sees(-400, 400, 1, response).does(-300, placed, Receipt(1))
    assert deeds(history.facts(), 400) == [placed]


# -- sights ----------------------------------------------------------------------------------------------------------


def test_since_when_all_is_known_is_remembered() -> None:
    history = served(X, until=400)
    assert None in held(folded(history), 400)
    holds_the_same(history, 400, 420)


def test_who_left_the_zone_lately_counts_as_before() -> None:
    history = served(X, until=340).roster(350, NS1, primary=NS1).sees(350, 390, 2, XY, by=[NS1])
    assert X in {entry[0] for entry in held(folded(history), 390) if isinstance(entry, tuple)}
    holds_the_same(history, 390, 400, 450, 520)


def test_the_largest_ttl_is_remembered_that_anything_had() -> None:
    """Once the history is unknown, for so long something may be cached."""
    lasting = rrset(record(OLD), ttl=300)
    history = served(lasting, until=-200).sees(-190, 800, 2, X)
    later = History().roster(900, NS1, NS2, primary=NS1).sees(900, 990, 2, X)
    whole, compacted = folded(history), compact(folded(history), at(800), BRIEF)
    assert held(compacted.add(*later.log), 990) == held(whole.add(*later.log), 990)
    assert {at(900) + 2 * timedelta(seconds=300) + BRIEF.lookup_delay} <= held(whole.add(*later.log), 990)


def test_for_how_long_a_version_was_ever_signed_is_remembered() -> None:
    """The same version, signed again for a shorter time: the signatures of before may still be cached."""
    longer, shorter = (replace(X, rrsigs=frozenset({signature(second)})) for second in (90_000, 80_000))
    history = served(longer, until=-200).sees(-190, 400, 1, shorter)
    until = at(90_000) + SIGNATURE_SKEW + BRIEF.lookup_delay
    assert until in {entry[1] for entry in held(folded(history), 400) if isinstance(entry, tuple)}
    holds_the_same(history, 400)


# -- what is presented -----------------------------------------------------------------------------------------------


def test_a_switch_that_may_have_worked_counts_until_somebody_looks() -> None:
    """Also if what it was to has been taken out of the store meanwhile."""
    history = History().roster(-400, NS1, NS2, primary=NS1).sees(-400, 400, 1, X).presents(-400, -10, OLD)
    history.does(0, TO_SECOND, Failure("TIMEOUT", ""))
    history.holds(390, FIRST, live=1)
    assert NEW in possible_chains(history.facts(), REACHED, WEB1, at(400), BRIEF)
    presents_the_same(history, 400)


@pytest.mark.parametrize("outcome", [Receipt(), Failure("TIMEOUT", "")], ids=["accepted", "unknown"])
def test_a_switch_to_what_is_no_longer_stored_is_forgotten_once_every_address_was_seen_since(outcome: Outcome) -> None:
    history = served(X, until=400).does(0, TO_SECOND, outcome)
    history.does(1, TO_FIRST, Receipt()).holds(400, FIRST, live=1)
    assert deeds(history.facts(), 400) == [TO_FIRST]


def test_how_often_a_switch_was_accepted_is_counted() -> None:
    history = served(X, until=400).holds(400, FIRST, SECOND, live=1)
    for number in range(3):
        history.does(number, TO_SECOND, Receipt())
    assert deeds(history.facts(), 400) == [TO_SECOND] * 3


def test_what_is_tried_in_vain_for_years_does_not_fill_the_store() -> None:
    """Each is tried as seldom as before: after a day at the most."""
    history = served(X, until=4000)
    for number in range(100):
        history.does(number * 10, TO_SECOND, Receipt())
        history.does(number * 10 + 1, Retire(LINEAGE, LOCAL), Failure("RELOAD_FAILED", ""))
    kept = deeds(history.facts(), 4000)
    assert [kept.count(TO_SECOND), kept.count(Retire(LINEAGE, LOCAL))] == [COUNTED, COUNTED]


def test_until_when_a_chain_was_presented_is_remembered() -> None:
    """Somebody who was shown the old one looks up its records for a while."""
    history = served(X, until=100).holds(100, FIRST, SECOND, live=2)
    history.log = [fact for fact in history.log if not isinstance(fact, Presented)]
    history.presents(-400, 40, OLD).presents(50, 100, NEW)
    presents_the_same(history, 54, 55, 56)
    presents_the_same(history, 100, 102)
    assert OLD in possible_chains(folded(history), REACHED, WEB1, at(54), BRIEF)
    assert OLD not in possible_chains(folded(history), REACHED, WEB1, at(102), BRIEF)


def test_the_last_switch_counts_where_nobody_could_look_what_lies_there() -> None:
    history = served(X, until=400).does(1, TO_SECOND, Receipt())
    history.log.append(Holding(at(400), LINEAGE, (FIRST,), paths=(OnPath(LOCAL, GenerationId(1), looked=False),)))
    assert NEW in possible_chains(folded(history), REACHED, WEB1, at(400), BRIEF)
    presents_the_same(history, 400, 500)


# -- what was begun ----------------------------------------------------------------------------------------------------

ORDER: Final = AdvanceOrder(LINEAGE, GenerationId(2), OrderState((HOST,)))
CHALLENGE: Final = Challenge("https://ca/1", ChallengeType.HTTP_01, HOST, "token", "response")


@pytest.mark.parametrize(
    "action",
    [
        ORDER,
        PlaceChallenge(LINEAGE, GenerationId(2), CHALLENGE),
        DestroyKey(LINEAGE, GenerationId(2)),
        SignZone(ZONE, frozenset({b"key"})),
    ],
    ids=lambda action: type(action).__name__,
)
def test_what_was_begun_with_what_is_still_there_is_remembered(action: Action) -> None:
    """An order that goes on, a response that lies there, a key that was to be destroyed, keys that a zone had."""
    ordered = replace(SECOND, chain=None)
    history = served(X, until=400).holds(400, FIRST, ordered, live=1).does(0, action, Receipt())
    history.log.append(ZoneKeys(at(400), ZONE, frozenset({b"key"}), frozenset(), pairs=(ZoneKeyPair(b"key", at(-9)),)))
    assert deeds(history.facts(), 400) == [action]


def test_a_key_that_was_made_when_nobody_had_looked_since_is_remembered() -> None:
    history = History().roster(-400, NS1, NS2, primary=NS1).sees(-400, 400, 1, X).holds(-300, FIRST, live=1)
    history.does(-200, MakeKey(LINEAGE), Receipt())
    assert deeds(history.facts(), 400) == [MakeKey(LINEAGE)]


def test_a_signing_by_a_key_that_is_there_is_remembered() -> None:
    """It says that the key was in use, and is to be destroyed once nobody can need it."""
    keys, soa = RRset(ZONE, DNSKEY, 30, frozenset({b"key"})), RRset(ZONE, SOA, 30, frozenset({b"soa"}))
    history = served(X, until=400).sees(-400, 400, 1, keys, soa)
    history.does(-300, SignZone(ZONE, frozenset({b"old"})), Receipt(1))
    there = ZoneKeys(at(400), ZONE, frozenset({b"key"}), frozenset(), pairs=(ZoneKeyPair(b"old", at(-500)),))
    assert deeds(history.facts().add(there), 400) == [SignZone(ZONE, frozenset({b"old"}))]
    assert deeds(history.facts().add(replace(there, pairs=())), 400) == []


def test_a_signing_counts_for_as_long_as_an_authority_may_serve_it() -> None:
    """Its keys are destroyed, and a secondary is silent that may have it."""
    keys = RRset(ZONE, DNSKEY, 30, frozenset({b"key"}))
    soa = RRset(ZONE, SOA, 30, frozenset({b"soa"}))
    history = served(X, until=400).sees(-400, 0, 1, keys, soa).sees(10, 400, 1, keys, soa, by=[NS1])
    signing = SignZone(ZONE, frozenset({b"gone"}))
    history.does(5, signing, Failure("TIMEOUT", ""))
    history.log.append(ZoneKeys(at(400), ZONE, frozenset({b"key"}), frozenset(), pairs=(ZoneKeyPair(b"key", at(-9)),)))
    assert deeds(history.facts(), 400) == [signing]


# -- what is no history ---------------------------------------------------------------------------------------------


def test_nothing_is_forgotten_but_sights_deeds_and_what_belongs_to_certificates_that_are_gone() -> None:
    """What was last learnt, asked for or decided stands, however long ago it was."""
    history = served(X, until=-300)
    history.log += [
        Requested(at(-300), LINEAGE, "somebody", emergency=True),
        RequestedZoneRoll(at(-300), ZONE, KeyRole.ZSK, "somebody"),
        Waived(at(-300), SERVICE, WEB1, at(-200), "somebody"),
        Disowned(at(-300), LINEAGE, frozenset({b"record"}), "somebody"),
        Began(at(-300), SERVICE, "because"),
        Dated(at(-300), "the CA", at(-300)),
        ClockRead(at(-300), "this boot", 1),
        ZoneKeys(at(-300), ZONE, frozenset(), frozenset()),
        RenewalInfo(at(-300), OLD, Window(at(0), at(1))),
        Sight(at(-300), ZONE, NS2, None, HOST, AAAA, None, refused=True),
    ]
    whole = history.facts()
    compacted = compact(whole, at(400), BRIEF)
    for slot in _VALUE_SLOTS:
        if slot not in ("_spans", "_rosters", "_presented", "_deeds"):
            assert getattr(compacted, slot) == getattr(whole, slot), slot
