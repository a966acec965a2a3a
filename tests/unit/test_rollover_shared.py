"""One RRset, one credential, one host for several endpoints: the gate judges for each of them."""

from __future__ import annotations

from dataclasses import replace

import dns.name
import pytest

from danelaw.core.model import Chain, Endpoint, GenerationId, Lineage, RRset, SubjectName
from danelaw.core.rollover.actions import Action, DestroyKey, Publish, Switch
from danelaw.core.rollover.facts import Holding, Presented, Sight
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge, violations
from danelaw.core.rollover.reach import Reach, Reached
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

XY, Y = rrset(record(OLD), record(NEW)), rrset(record(NEW))
TO_NEW = Switch(LINEAGE, LOCAL, GenerationId(2), NEW)
HERE = reach().endpoints[0]

MAIL = dns.name.from_text("mail.example.net.")
OTHER_SERVICE = SubjectName("mail.example.net:443/tcp")
OTHER_LINEAGE = Lineage(OTHER_SERVICE)


def codes(judgement: Judgement) -> set[str]:
    return {fault.code for fault in judgement.because} if isinstance(judgement, Refused) else set()


def verdict(action: Action, history: History, through: Reach, second: float = 0) -> Judgement:
    return judge(action, history.facts(), through, at(second), LIMITS)


# -- one RRset, two services: two hosts whose clients ask for the same records ---------------------------------------


def another_service() -> Reached:
    """A second host with addresses and a credential of its own, whose clients ask for the first one's records."""
    return replace(HERE, service=OTHER_SERVICE, lineages=(OTHER_LINEAGE,), endpoint=Endpoint(MAIL, 443), bases=(HOST,))


def switched() -> History:
    """The first service has settled on the new key; nobody needs the old record for it any more."""
    history = served(XY).sees(10, 100, 1, XY, addresses(WEB1, WEB2), absent(HOST, AAAA)).presents(10, 100, NEW)
    return history.holds(100, FIRST, SECOND, live=2).judged(100)


def with_mail(history: History, chain: Chain, live: int) -> History:
    for second in range(-400, 101, 10):
        history.log += [
            Sight(at(second), ZONE, ip, 1, MAIL, type, answer)
            for ip in (NS1, NS2)
            for type, answer in (
                (A, RRset(MAIL, A, 30, frozenset({WEB1.packed}))),
                (AAAA, absent(MAIL, AAAA)),
            )
        ]
        history.log.append(Presented(at(second), Endpoint(MAIL, 443), WEB1, PLAIN, chain))
    both = (replace(FIRST, lineage=OTHER_LINEAGE), replace(SECOND, lineage=OTHER_LINEAGE))
    history.log.append(Holding(at(100), OTHER_LINEAGE, both, GenerationId(live)))
    return history


@pytest.mark.parametrize("turned", [False, True])
def test_a_record_that_two_services_share_is_not_withdrawn_by_the_first_that_needs_it_no_longer(turned: bool) -> None:
    ours, theirs = HERE, another_service()
    both = Reach((theirs, ours) if turned else (ours, theirs))
    withdraw = Publish(ZONE, XY, Y)
    still = verdict(withdraw, with_mail(switched(), OLD, 1), both, 100)
    assert codes(still) == {"CHAIN_UNMATCHED"}
    assert isinstance(still, Refused)
    assert {fault.address for fault in still.because} == {WEB1}


@pytest.mark.parametrize("turned", [False, True])
def test_its_last_owner_withdraws_it(turned: bool) -> None:
    ours, theirs = HERE, another_service()
    both = Reach((theirs, ours) if turned else (ours, theirs))
    assert verdict(Publish(ZONE, XY, Y), with_mail(switched(), NEW, 2), both, 100) == Allowed()


# -- one credential, two endpoints -----------------------------------------------------------------------------------

SMTPS = Endpoint(HOST, 465)


def two_ports() -> tuple[Reached, Reached]:
    return HERE, replace(HERE, endpoint=SMTPS)


def second_port(history: History, answer: RRset) -> History:
    """The second port's records are ``answer``; its servers present the old chain."""
    owner = two_ports()[1].owners[0]
    for second in range(-400, 101, 10):
        theirs = replace(answer, owner=owner)
        history.log += [Sight(at(second), ZONE, ip, 1, owner, TLSA, theirs) for ip in (NS1, NS2)]
        history.log += [Presented(at(second), SMTPS, ip, PLAIN, OLD) for ip in (WEB1, WEB2)]
    return history


def union_everywhere() -> History:
    history = served(XY).sees(10, 100, 1, XY, addresses(WEB1, WEB2), absent(HOST, AAAA)).presents(10, 100, OLD)
    return history.holds(100, FIRST, SECOND, live=1).judged(100)


@pytest.mark.parametrize("turned", [False, True])
def test_a_switch_waits_for_the_records_of_every_port_that_the_credential_serves(turned: bool) -> None:
    ports = Reach(two_ports()[:: -1 if turned else 1])
    lacking = second_port(union_everywhere(), rrset(record(OLD)))
    assert codes(verdict(TO_NEW, lacking, ports, 100)) == {"ANSWER_HELD"}
    assert verdict(TO_NEW, second_port(union_everywhere(), XY), ports, 100) == Allowed()


@pytest.mark.parametrize("turned", [False, True])
def test_a_key_is_kept_while_another_port_presents_it(turned: bool) -> None:
    ports = Reach(two_ports()[:: -1 if turned else 1])
    history = served(Y).presents(10, 100, NEW).holds(100, FIRST, SECOND, live=2)
    history.sees(10, 100, 1, Y, addresses(WEB1, WEB2), absent(HOST, AAAA))
    destroy = DestroyKey(LINEAGE, GenerationId(1))
    assert verdict(destroy, history, reach(), 100) == Allowed()
    assert codes(verdict(destroy, second_port(history, Y), ports, 100)) == {"KEY_IN_USE"}


# -- one endpoint, two base domains (RFC 7671 §7) --------------------------------------------------------------------

BASE = dns.name.from_text("real.example.net.")


def second_base(history: History, answer: RRset) -> History:
    owner = dns.name.from_text("_443._tcp.real.example.net.")
    for second in range(-400, 101, 10):
        theirs = replace(answer, owner=owner)
        history.log += [Sight(at(second), ZONE, ip, 1, owner, TLSA, theirs) for ip in (NS1, NS2)]
    return history


@pytest.mark.parametrize("bases", [(HOST, BASE), (BASE, HOST)])
def test_a_switch_waits_for_the_records_at_every_base_that_clients_may_ask_for(
    bases: tuple[dns.name.Name, ...],
) -> None:
    through = Reach((replace(HERE, bases=bases),))
    lacking = second_base(union_everywhere(), rrset(record(OLD)))
    assert codes(verdict(TO_NEW, lacking, through, 100)) == {"ANSWER_HELD"}
    assert verdict(TO_NEW, second_base(union_everywhere(), XY), through, 100) == Allowed()


@pytest.mark.parametrize("bases", [(HOST, BASE), (BASE, HOST)])
def test_clients_that_are_refused_at_any_base_are_told(bases: tuple[dns.name.Name, ...]) -> None:
    through = Reach((replace(HERE, bases=bases),))
    stale = second_base(union_everywhere(), Y)
    told = violations(stale.facts(), through, at(100), LIMITS)
    assert {fault.address for fault in told} == {WEB1, WEB2}
    assert violations(second_base(union_everywhere(), XY).facts(), through, at(100), LIMITS) == ()


def test_a_key_is_kept_while_a_record_at_any_base_names_it() -> None:
    history = served(Y).presents(10, 100, NEW).holds(100, FIRST, SECOND, live=2)
    history.sees(10, 100, 1, Y, addresses(WEB1, WEB2), absent(HOST, AAAA))
    destroy = DestroyKey(LINEAGE, GenerationId(1))
    through = Reach((replace(HERE, bases=(HOST, BASE)),))
    assert codes(verdict(destroy, second_base(history, XY), through, 100)) == {"KEY_PUBLISHED"}


def test_owners_of_two_bases_are_two() -> None:
    assert replace(HERE, bases=(HOST, BASE)).owners == (OWNER, dns.name.from_text("_443._tcp.real.example.net."))
