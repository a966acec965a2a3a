"""Whose the records of one RRset are: what two services share, what others published, what the operator says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import dns.name
import pytest

from danelaw.core.model import Chain, ChallengeType, CredentialFacts, GenerationId, Lineage, RRset, SubjectName
from danelaw.core.rollover.actions import Action, DestroyKey, Publish, Receipt
from danelaw.core.rollover.facts import Holding, Presented, Sight
from danelaw.core.rollover.lookups import Place
from danelaw.core.rollover.ownership import Ownership, ownership
from danelaw.core.rollover.planner import DesiredService, Plan, Settled, Wait, plan
from danelaw.core.rollover.plans import Outlook
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.succession import Strategy
from danelaw.core.rollover.words import Accepted, Adopted, Disowned, RequestedRemoval
from danelaw.core.tlsa import Combination, TLSARecord
from rollover_history import (
    AAAA,
    ENDPOINT,
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
    A,
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
from tlsa_chains import issue

X, XY, Y = rrset(record(OLD)), rrset(record(OLD), record(NEW)), rrset(record(NEW))
STRANGE = TLSARecord.from_rdata(b"\x03\x01\x01" + bytes(32))
PINNED = DesiredService(
    SERVICE,
    (LINEAGE,),
    ZONE,
    (HOST,),
    (Combination(3, 1, 1),),
    30,
    (LOCAL,),
    ChallengeType.HTTP_01,
    strategy=Strategy.PINNED,
)
OTHER = SubjectName("mail.example.net:443/tcp")
OTHER_LINEAGE = Lineage(OTHER)
MAIL = dns.name.from_text("mail.example.net.")
THIRD_PARTY = issue("third", names=("www.example.net",))
THIRD = chain_of(THIRD_PARTY)


def settled_on_new(answer: RRset = XY) -> History:
    """The service has been on its new key for long; the old one is destroyed, and its record still there."""
    history = served(answer).sees(10, 200, 1, answer, addresses(WEB1, WEB2), absent(HOST, AAAA))
    history.does(190, DestroyKey(LINEAGE, GenerationId(1)), Receipt())
    return history.presents(10, 200, NEW).holds(200, FIRST, SECOND, live=2).judged(200)


def with_other(
    history: History, generations: tuple[CredentialFacts, ...], live: int | None, presented: Chain
) -> tuple[History, Reach]:
    """Another service, whose clients are led to the same records."""
    here = reach().endpoints[0]
    there = replace(
        here, service=OTHER, lineages=(OTHER_LINEAGE,), endpoint=replace(ENDPOINT, host=MAIL), bases=(HOST,)
    )
    for second in range(-400, 201, 10):
        for ip in (NS1, NS2):
            history.log += [
                Sight(at(second), ZONE, ip, 1, MAIL, A, replace(addresses(WEB1), owner=MAIL)),
                Sight(at(second), ZONE, ip, 1, MAIL, AAAA, absent(MAIL, AAAA)),
            ]
        history.log.append(Presented(at(second), there.endpoint, WEB1, PLAIN, presented))
    theirs = tuple(replace(g, lineage=OTHER_LINEAGE) for g in generations)
    history.log.append(Holding(at(200), OTHER_LINEAGE, theirs, None if live is None else GenerationId(live)))
    return history, Reach((here, there))


def owned(history: History, answer: RRset, through: Reach | None = None) -> Ownership:
    outlook = Outlook(history.facts(), through or reach(), at(200), LIMITS)
    published = frozenset(TLSARecord.from_rdata(rdata) for rdata in answer.rdatas)
    return ownership(PINNED, Place(ZONE, OWNER), published, outlook)


def next_step(history: History, through: Reach | None = None, d: DesiredService = PINNED) -> Plan:
    return plan(d, history.facts(), through or reach(), at(200), LIMITS)


# -- one service ------------------------------------------------------------------------------------------------------


def test_records_of_stored_keys_are_ours_under_whatever_parameters() -> None:
    every = rrset(record(OLD), record(NEW, "3 0 1"), STRANGE)
    found = owned(settled_on_new(every), every)
    assert found.ours == {record(OLD), record(NEW, "3 0 1")}
    assert found.strange == {STRANGE}
    assert found.removable == found.ours


SAID: list[tuple[Callable[..., object], str]] = [
    (Adopted, "adopted"),
    (Disowned, "disowned"),
    (RequestedRemoval, "asked"),
]


@pytest.mark.parametrize(("word", "name"), SAID)
@pytest.mark.parametrize("earlier", [None, *(word for word, _ in SAID)])
def test_the_last_word_on_a_record_counts(
    word: Callable[..., Adopted], name: str, earlier: Callable[..., Adopted] | None
) -> None:
    answer = rrset(record(NEW), STRANGE)
    history = settled_on_new(answer)
    if earlier is not None:
        history.log.append(earlier(at(100), LINEAGE, frozenset({STRANGE.to_rdata()}), "eva"))
    history.log.append(word(at(110), LINEAGE, frozenset({STRANGE.to_rdata()}), "eva"))
    found = owned(history, answer)
    assert {said for _, said in SAID if getattr(found, said)} == {name}
    assert (STRANGE in found.ours) is (name == "adopted")
    assert (STRANGE in found.removable) is (name != "disowned")
    assert found.strange == frozenset()


def test_what_the_operator_looks_after_is_not_ours_though_the_key_is() -> None:
    history = settled_on_new()
    history.log.append(Disowned(at(100), LINEAGE, frozenset({record(OLD).to_rdata()}), "eva"))
    assert owned(history, XY).ours == {record(NEW)}
    assert not isinstance(next_step(history), Publish)


def test_a_word_on_another_service_is_none_here() -> None:
    answer = rrset(record(NEW), STRANGE)
    history = settled_on_new(answer)
    history.log.append(Adopted(at(100), OTHER_LINEAGE, frozenset({STRANGE.to_rdata()}), "eva"))
    assert owned(history, answer).strange == {STRANGE}


def test_adopted_records_go_with_our_own_old_ones() -> None:
    answer = rrset(record(OLD), record(NEW), STRANGE)
    history = settled_on_new(answer)
    assert next_step(history) == Publish(ZONE, answer, rrset(record(NEW), STRANGE))
    history.log.append(Adopted(at(100), LINEAGE, frozenset({STRANGE.to_rdata()}), "eva"))
    assert next_step(history) == Publish(ZONE, answer, Y)


def test_what_is_to_be_removed_goes_by_itself() -> None:
    answer = rrset(record(NEW), STRANGE)
    history = settled_on_new(answer)
    history.log.append(RequestedRemoval(at(100), LINEAGE, frozenset({STRANGE.to_rdata()}), "eva"))
    assert next_step(history) == Publish(ZONE, answer, Y)


def test_what_the_gate_holds_back_is_told_and_holds_nothing_up() -> None:
    """Somebody may still be presented what it matches."""
    answer = rrset(record(NEW), record(THIRD))
    history = settled_on_new(answer).presents(190, 195, THIRD, by=[WEB2]).presents(196, 200, NEW, by=[WEB2])
    history.log.append(RequestedRemoval(at(100), LINEAGE, frozenset({record(THIRD).to_rdata()}), "eva"))
    step = next_step(history)
    assert isinstance(step, Wait)
    assert step.code == "REMOVAL_REFUSED"
    assert "is to be removed: 198.51.100.2 may present a chain" in step.because


def test_a_record_that_is_wanted_is_not_removed_whoever_asks() -> None:
    history = settled_on_new(Y)
    history.log.append(RequestedRemoval(at(100), LINEAGE, frozenset({record(NEW).to_rdata()}), "eva"))
    assert not isinstance(next_step(history), Action)


# -- two services that share records ----------------------------------------------------------------------------------

BOTH = (FIRST, SECOND)
ELSEWHERE = credential(1, THIRD_PARTY, THIRD)


@pytest.mark.parametrize(
    ("generations", "live", "presented", "needed"),
    [
        (BOTH, 1, OLD, {record(OLD), record(NEW)}),  # the second is to follow what it serves
        (BOTH, 2, NEW, {record(NEW)}),  # it has moved on too
        (BOTH, 2, OLD, {record(OLD), record(NEW)}),  # its server has not
        ((FIRST,), 1, OLD, {record(OLD)}),
        ((FIRST,), None, THIRD, {record(OLD)}),  # nothing lies on its path yet
        ((ELSEWHERE,), 1, THIRD, set()),  # a key of its own, not published here
    ],
)
def test_another_service_needs_what_it_serves_and_what_is_to_follow(
    generations: tuple[CredentialFacts, ...], live: int | None, presented: Chain, needed: set[TLSARecord]
) -> None:
    history, both = with_other(settled_on_new(), generations, live, presented)
    assert owned(history, XY, both).needed == needed
    assert owned(history, XY, both).strange == frozenset()


def test_a_record_that_another_service_needs_is_disowned_and_its_last_owner_withdraws_it() -> None:
    history, both = with_other(settled_on_new(), BOTH, 1, OLD)
    step = next_step(history, both)
    assert not isinstance(step, Action), "nothing is withdrawn, and nothing waits for that"
    assert not isinstance(step, Wait) or step.code in ("SETTLING", "KEY_KEPT")
    moved, both = with_other(settled_on_new(), BOTH, 2, NEW)
    assert next_step(moved, both) == Publish(ZONE, XY, Y)


def test_a_service_that_is_withdrawn_too_needs_nothing_more() -> None:
    """Else each would leave what both share, such as a CA's record, to the other."""
    history, both = with_other(settled_on_new(), BOTH, 1, OLD)
    here, there = both.endpoints
    assert owned(history, XY, both).needed == {record(OLD), record(NEW)}
    assert owned(history, XY, Reach((here, replace(there, withdrawn=True)))).needed == set()


def test_records_of_another_service_are_not_strange_and_not_ours() -> None:
    answer = rrset(record(NEW), record(THIRD))
    history, both = with_other(settled_on_new(answer), (ELSEWHERE,), 1, THIRD)
    found = owned(history, answer, both)
    assert found.ours == {record(NEW)}
    assert found.needed == {record(THIRD)}
    assert found.strange == set()


def test_old_records_of_another_service_are_its_own_to_withdraw() -> None:
    answer = rrset(record(NEW), record(THIRD))
    later = replace(SECOND, generation=GenerationId(2))
    history, both = with_other(settled_on_new(answer), (ELSEWHERE, later), 2, NEW)
    found = owned(history, answer, both)
    assert found.needed == {record(NEW)}
    assert found.strange == set()
    assert found.removable == set()


def test_what_another_service_presents_it_needs_whosever_key_that_is() -> None:
    """And so it stays, whatever is asked here."""
    answer = rrset(record(NEW), record(THIRD))
    history, both = with_other(settled_on_new(answer), (SECOND,), 2, THIRD)
    assert owned(history, answer, both).needed == {record(NEW), record(THIRD)}
    assert owned(history, answer, both).strange == set()
    history.log.append(RequestedRemoval(at(100), LINEAGE, frozenset({record(THIRD).to_rdata()}), "eva"))
    assert isinstance(next_step(history, both), Settled)


def test_a_record_of_parameters_that_are_desired_no_longer_can_be_removed_by_name() -> None:
    """It is not published again; whoever knows no other parameters has to be accepted."""
    answer = rrset(record(NEW), record(NEW, "3 0 1"))
    history = settled_on_new(answer)
    assert "3 0 1 is configured no longer" in str(next_step(history))
    history.log.append(RequestedRemoval(at(100), LINEAGE, frozenset({record(NEW, "3 0 1").to_rdata()}), "eva"))
    step = next_step(history)
    assert isinstance(step, Wait)
    assert step.code == "MANDATORY_CLIENTS"
    assert next_step(accepted(history)) == Publish(ZONE, answer, Y)


# -- without DANE -----------------------------------------------------------------------------------------------------

WITHDRAWN = replace(PINNED, withdrawn=True)


def accepted(history: History) -> History:
    history.log.append(Accepted(at(150), SERVICE, frozenset({"MANDATORY_CLIENTS"}), at(999), "eva"))
    return history


@pytest.mark.parametrize(
    ("answer", "left"),
    [(Y, absent()), (XY, absent()), (rrset(record(NEW), record(NEW, "3 0 1")), absent())],
)
def test_a_service_that_is_to_be_without_dane_gives_up_what_is_its_own(answer: RRset, left: object) -> None:
    assert next_step(accepted(settled_on_new(answer)), d=WITHDRAWN) == Publish(ZONE, answer, left)  # type: ignore[arg-type] # an answer


def test_before_it_waits_for_the_operator() -> None:
    step = next_step(settled_on_new(Y), d=WITHDRAWN)
    assert isinstance(step, Wait)
    assert step.code == "MANDATORY_CLIENTS"


def test_it_is_not_left_with_records_of_others_alone() -> None:
    answer = rrset(record(NEW), STRANGE)
    step = next_step(accepted(settled_on_new(answer)), d=WITHDRAWN)
    assert isinstance(step, Wait)
    assert step.code == "FOREIGN_LEFT"
    assert step.because.endswith("adopt it or have it removed")
    history = accepted(settled_on_new(answer))
    history.log.append(RequestedRemoval(at(100), LINEAGE, frozenset({STRANGE.to_rdata()}), "eva"))
    assert next_step(history, d=WITHDRAWN) == Publish(ZONE, answer, absent())


def test_what_another_service_needs_stays() -> None:
    history, both = with_other(accepted(settled_on_new(Y)), (SECOND,), 2, NEW)
    step = next_step(history, both, WITHDRAWN)
    assert isinstance(step, Settled)
    assert any("stays: another service needs it" in note for note in step.notes)


def test_records_where_no_endpoint_leads_any_more_are_shown_and_not_withdrawn() -> None:
    """An endpoint was taken out of the configuration."""
    former = dns.name.from_text("_8443._tcp.www.example.net.")
    history = settled_on_new(Y)
    history.log += [Sight(at(-50), ZONE, ip, 1, former, TLSA, replace(Y, owner=former)) for ip in (NS1, NS2)]
    step = next_step(history)
    assert isinstance(step, Settled)
    assert [note.split(" ")[0] for note in step.notes] == ["_8443._tcp.www.example.net."]
    assert "is ours, and no endpoint that is configured leads there" in step.notes[0]
