"""What an operator accepts by name is done in spite of the gate, and recorded; some things nobody may accept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import dns.name
import pytest

from danelaw.core.model import Chain, GenerationId, HandshakeFailure, Lineage, Security, SubjectName
from danelaw.core.rollover.acceptance import ACCEPTABLE, NEVER, acceptance
from danelaw.core.rollover.actions import Action, DestroyKey, Publish, SubmitDS, Switch
from danelaw.core.rollover.answers import zone_subject
from danelaw.core.rollover.facts import Holding, Presented, Sight
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.steps import STEPS
from danelaw.core.rollover.words import Accepted
from danelaw.core.tlsa import Reference
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
    PLAIN,
    SECOND,
    SERVICE,
    WEB1,
    WEB2,
    ZONE,
    A,
    History,
    absent,
    addresses,
    at,
    chain_of,
    reach,
    record,
    rrset,
    served,
)
from tlsa_chains import INTERMEDIATE, LEAF, issue

X, XY, Y = rrset(record(OLD)), rrset(record(OLD), record(NEW)), rrset(record(NEW))
TO_NEW = Switch(LINEAGE, LOCAL, GenerationId(2), NEW)
FOREIGN = b"\x03\x01\x01" + bytes(32)


def accept(
    history: History, *codes: str, subject: SubjectName = SERVICE, second: float = -1, until: float = 1000
) -> History:
    history.log.append(Accepted(at(second), subject, frozenset(codes), at(until), "eva", "the key was stolen"))
    return history


def verdict(action: Action, history: History, through: Reach | None = None, second: float = 0) -> Judgement:
    return judge(action, history.facts(), through or reach(), at(second), LIMITS)


def codes(judgement: Judgement) -> set[str]:
    return {found.code for found in judgement.because} if isinstance(judgement, Refused) else set()


def young() -> History:
    """The union is there, and has not been for long: nobody knows what was before."""
    return served(XY, since=-20)


# -- what may be accepted ---------------------------------------------------------------------------------------------


def test_every_refusal_of_the_gate_may_be_accepted_or_not_and_says_why() -> None:
    waits_too = {"NO_ADDRESS", "CLOCK_WRONG"}  # they stand with the waits
    given = {code for row in STEPS for code in row.refusals} | waits_too
    assert given == ACCEPTABLE.keys() | NEVER.keys()
    assert not ACCEPTABLE.keys() & NEVER.keys()


ALLOWED: list[tuple[Callable[[], History], Action, set[str]]] = [
    (lambda: served(X), TO_NEW, {"ANSWER_HELD"}),
    (young, TO_NEW, {"HISTORY_UNKNOWN"}),
    (lambda: served(XY), Publish(ZONE, XY, Y), {"CHAIN_UNMATCHED"}),
    (lambda: served(X), Publish(ZONE, X, absent()), {"MANDATORY_CLIENTS"}),
    (lambda: young(), Publish(ZONE, XY, Y), {"CHAIN_UNMATCHED", "ADDRESSES_UNKNOWN"}),
    (lambda: served(X).judged(0, Security.INSECURE), Publish(ZONE, X, XY), {"ZONE_NOT_SECURE"}),
    (
        lambda: served(absent()).presents(0, 0, HandshakeFailure("CLOSED"), by=[WEB2]),
        Publish(ZONE, absent(), X),
        {"NO_TLS"},
    ),
]


@pytest.mark.parametrize(("history", "action", "named"), ALLOWED)
def test_who_names_all_that_is_refused_has_it_done(
    history: Callable[[], History], action: Action, named: set[str]
) -> None:
    bare = verdict(action, history())
    assert isinstance(bare, Refused)
    assert codes(bare) == named
    judgement = verdict(action, accept(history(), *named))
    assert judgement == Allowed(accepted=bare.because)
    assert isinstance(verdict(action, accept(history(), *named, "UNPROBED")), Allowed)


@pytest.mark.parametrize(("history", "action", "named"), ALLOWED)
def test_who_leaves_one_out_has_nothing_done(history: Callable[[], History], action: Action, named: set[str]) -> None:
    bare = verdict(action, history())
    for code in named:
        others = (named | {"UNPROBED", "DS_HELD"}) - {code}
        assert verdict(action, accept(history(), *others)) == bare


REFUSED: list[tuple[Callable[[], History], Action, str]] = [
    (lambda: served(X), Publish(ZONE, X, rrset()), "EMPTY_RRSET"),
    (lambda: served(X), Publish(ZONE, X, rrset(record(OLD), FOREIGN)), "FOREIGN_ASSOCIATION"),
    (lambda: served(X).holds(0, replace(FIRST, chain=NEW), SECOND), Publish(ZONE, X, XY), "KEY_MISMATCH"),
    (lambda: served(X).holds(0, FIRST), TO_NEW, "NOT_STORED"),
    (lambda: served(absent()), Publish(ZONE, absent(), rrset(record(OLD, "3 1 2"))), "NO_SHA256"),
    (lambda: served(X), DestroyKey(LINEAGE, GenerationId(1)), "KEY_IN_USE"),
    (lambda: History().roster(-20, NS1, NS2), TO_NEW, "NOT_STORED"),
    (lambda: served(X), Publish(ZONE, absent(HOST, A), addresses(WEB1)), "NOT_JUDGED"),
]


@pytest.mark.parametrize(("history", "action", "code"), REFUSED)
def test_what_nobody_may_accept_stays_refused(history: Callable[[], History], action: Action, code: str) -> None:
    judgement = verdict(action, accept(history(), *ACCEPTABLE, *NEVER))
    assert code in codes(judgement)
    assert code in NEVER


def test_a_service_that_only_dane_vouches_for_is_not_withdrawn_whatever_is_accepted() -> None:
    alone = Reach((replace(reach().endpoints[0], reference=Reference((HOST,), ())),))
    judgement = verdict(Publish(ZONE, X, absent()), accept(served(X), *ACCEPTABLE, *NEVER), alone)
    assert codes(judgement) == {"NO_FALLBACK"}
    assert isinstance(judgement, Refused)
    assert "first let it present a certificate of a CA that clients trust" in judgement.because[0].because


def test_who_could_fall_back_only_until_the_certificate_ends_is_told_apart() -> None:
    """Clients that have no record to go by any more are refused when it does: the instants to come count too."""
    ending = chain_of(issue("leaf", INTERMEDIATE, names=("www.example.net",), end=at(250), key=LEAF.key))
    history = served(X).sees(10, 100, 1, X, addresses(WEB1, WEB2), absent(HOST, AAAA)).presents(10, 100, ending)
    history.holds(100, replace(FIRST, chain=ending), SECOND, live=1).judged(100)
    judgement = verdict(Publish(ZONE, X, absent()), accept(history, "MANDATORY_CLIENTS"), second=100)
    assert codes(judgement) == {"MANDATORY_CLIENTS", "NO_FALLBACK"}


def test_no_key_is_destroyed_because_another_action_was_accepted() -> None:
    """A key that is gone does not come back; so who accepts that history is unknown does not speak of keys."""
    gone = DestroyKey(LINEAGE, GenerationId(2))
    history = served(X, since=-20)
    assert codes(verdict(gone, history)) == {"HISTORY_UNKNOWN"}
    assert codes(verdict(gone, accept(history, *ACCEPTABLE))) == {"HISTORY_UNKNOWN"}


# -- for whom, and for how long ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "until", "holds"), [(-1, 1, True), (0, 1, True), (-1, 0, False), (-1, -1, False), (1, 2, False)]
)
def test_an_acceptance_holds_for_its_time(second: float, until: float, holds: bool) -> None:
    facts = accept(served(X), "ANSWER_HELD", second=second, until=until).facts()
    assert (acceptance(facts, SERVICE, at(0)) is not None) is holds
    assert isinstance(judge(TO_NEW, facts, reach(), at(0), LIMITS), Allowed) is holds


def test_the_latest_acceptance_counts_and_an_empty_one_takes_it_back() -> None:
    replaced = accept(accept(served(X), "ANSWER_HELD", second=-2), "UNPROBED")
    assert codes(verdict(TO_NEW, replaced)) == {"ANSWER_HELD"}
    taken_back = accept(accept(served(X), "ANSWER_HELD", second=-2))
    assert codes(verdict(TO_NEW, taken_back)) == {"ANSWER_HELD"}
    assert acceptance(taken_back.facts(), SERVICE, at(0)) is None


@pytest.mark.parametrize("subject", [zone_subject(ZONE), SubjectName("mail.example.net:443/tcp")])
def test_who_speaks_for_another_subject_does_not_speak_for_this(subject: SubjectName) -> None:
    assert codes(verdict(TO_NEW, accept(served(X), "ANSWER_HELD", subject=subject))) == {"ANSWER_HELD"}


DS = SubmitDS(ZONE, absent(ZONE, 43), replace(rrset(), owner=ZONE, type=43, rdatas=frozenset({b"ds"})))


@pytest.mark.parametrize("subject", [zone_subject(ZONE), SERVICE])
def test_of_a_zones_keys_the_zone_speaks(subject: SubjectName) -> None:
    history = served(X).sees(-400, 0, 1, absent(ZONE, 48))
    bare = verdict(DS, history)
    assert codes(bare) == {"UNSIGNED_HELD"}
    allowed = verdict(DS, accept(history, "UNSIGNED_HELD", "DS_MISMATCH", subject=subject))
    assert isinstance(allowed, Allowed) is (subject == zone_subject(ZONE))


# -- who shares a record does not speak for others --------------------------------------------------------------------

MAIL = dns.name.from_text("mail.example.net.")
OTHER = SubjectName("mail.example.net:443/tcp")
OTHER_LINEAGE = Lineage(OTHER)


def shared(first: Chain = NEW, second: Chain = OLD) -> tuple[History, Reach]:
    """Two services whose clients ask for the same records, each with what it presents."""
    here = reach().endpoints[0]
    there = replace(
        here, service=OTHER, lineages=(OTHER_LINEAGE,), endpoint=replace(ENDPOINT, host=MAIL), bases=(HOST,)
    )
    history = served(XY).sees(10, 100, 1, XY, addresses(WEB1, WEB2), absent(HOST, AAAA))
    history.presents(10, 100, first).holds(100, FIRST, SECOND, live=2).judged(100)
    for s in range(-400, 101, 10):
        for ip in (NS1, NS2):
            found = replace(addresses(WEB1), owner=MAIL)
            history.log += [
                Sight(at(s), ZONE, ip, 1, MAIL, A, found),
                Sight(at(s), ZONE, ip, 1, MAIL, AAAA, absent(MAIL, AAAA)),
            ]
        history.log.append(Presented(at(s), there.endpoint, WEB1, PLAIN, second))
    both = (replace(FIRST, lineage=OTHER_LINEAGE), replace(SECOND, lineage=OTHER_LINEAGE))
    history.log.append(Holding(at(100), OTHER_LINEAGE, both, GenerationId(1)))
    return history, Reach((here, there))


@pytest.mark.parametrize(
    ("speakers", "allowed"), [((SERVICE,), False), ((OTHER,), True), ((SERVICE, OTHER), True), ((), False)]
)
def test_only_those_whose_clients_are_refused_can_accept_it(speakers: Iterable[SubjectName], allowed: bool) -> None:
    history, both = shared()
    assert codes(verdict(Publish(ZONE, XY, Y), history, both, 100)) == {"CHAIN_UNMATCHED"}
    for speaker in speakers:
        accept(history, "CHAIN_UNMATCHED", subject=speaker)
    assert isinstance(verdict(Publish(ZONE, XY, Y), history, both, 100), Allowed) is allowed


@pytest.mark.parametrize("speaker", [SERVICE, OTHER])
def test_who_loses_more_at_the_same_address_has_not_been_spoken_for(speaker: SubjectName) -> None:
    """The other service has no CA to fall back on: to its clients more is lost by the same change."""
    history, both = shared(OLD, OLD)
    here, there = both.endpoints
    both = Reach((here, replace(there, reference=Reference(there.reference.names, ()))))
    mixed, rest = rrset(record(OLD), record(NEW, "3 1 2")), rrset(record(NEW, "3 1 2"))
    assert codes(verdict(Publish(ZONE, mixed, rest), history, both, 100)) == {"CHAIN_UNMATCHED"}
    accept(history, "CHAIN_UNMATCHED", subject=speaker)
    assert codes(verdict(Publish(ZONE, mixed, rest), history, both, 100)) == {"CHAIN_UNMATCHED"}
    accept(history, "CHAIN_UNMATCHED", subject=SERVICE)
    accept(history, "CHAIN_UNMATCHED", subject=OTHER)
    assert isinstance(verdict(Publish(ZONE, mixed, rest), history, both, 100), Allowed)


def test_a_repair_that_needs_no_acceptance_is_still_called_one() -> None:
    """And names nothing that was accepted."""
    history = served(X).presents(0, 0, NEW)
    bare = verdict(Publish(ZONE, X, XY), history)
    assert bare == Allowed(repair=True)
    assert verdict(Publish(ZONE, X, XY), accept(history, "ANSWER_HELD")) == bare


def test_facts_without_words_are_the_same_but_for_the_words() -> None:
    spoken = accept(served(X), "ANSWER_HELD").facts()
    assert spoken != served(X).facts()
    assert spoken.without_words() == served(X).facts()
