"""Several hosts serve one credential: each has a serving path of its own, and is switched by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from danelaw.core.model import ChallengeType, CredentialFacts, GenerationId, HandshakeFailure, HostName
from danelaw.core.rollover.actions import DestroyKey, Failure, Receipt, Switch
from danelaw.core.rollover.chains import possible_chains
from danelaw.core.rollover.facts import Got, Holding, OnPath, Requested
from danelaw.core.rollover.gate import Allowed, Refused, judge
from danelaw.core.rollover.lookups import service_addresses
from danelaw.core.rollover.planner import DesiredService, Plan, Wait, plan
from danelaw.core.rollover.reach import Reach
from danelaw.core.tlsa import Combination
from rollover_history import (
    AAAA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    NEW,
    OLD,
    SECOND,
    SERVICE,
    WEB1,
    WEB2,
    ZONE,
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

ALSO = (addresses(WEB1, WEB2), absent(HOST, AAAA))
ONE, TWO = HostName("web1"), HostName("web2")
(HERE,) = reach().endpoints
FIRST_HOST = replace(HERE, hosts=(ONE,), elsewhere=frozenset({(WEB2, TWO)}))
SECOND_HOST = replace(HERE, hosts=(TWO,), elsewhere=frozenset({(WEB1, ONE)}))
EACH_ITS_OWN = Reach((FIRST_HOST, SECOND_HOST))
SHARED = Reach((replace(HERE, hosts=(ONE, TWO)),))
"""Whoever comes to an address may meet either host."""

XY = rrset(record(OLD), record(NEW))
DESIRED = DesiredService(
    SERVICE, (LINEAGE,), ZONE, (HOST,), (Combination(3, 1, 1),), 30, (ONE, TWO), ChallengeType.HTTP_01
)
TO_ONE, TO_TWO = (Switch(LINEAGE, host, GenerationId(2), NEW) for host in (ONE, TWO))


def paths(history: History, second: float, one: int, two: int | None, *, looked: bool = True) -> History:
    """What lies on both hosts' paths."""
    lying = OnPath(TWO, None if two is None else GenerationId(two), looked)
    on_paths = (OnPath(ONE, GenerationId(one)), lying)
    history.log.append(Holding(at(second), LINEAGE, (FIRST, SECOND), GenerationId(one), on_paths))
    return history


def shows(history: History, start: float, end: float, one: Got, two: Got) -> History:
    return history.presents(start, end, one, by=(WEB1,)).presents(start, end, two, by=(WEB2,))


def planned(history: History, second: float, through: Reach = EACH_ITS_OWN) -> Plan:
    return plan(DESIRED, history.facts(), through, at(second), LIMITS)


def waits(step: Plan) -> Wait:
    assert isinstance(step, Wait), step
    return step


# -- where a host is -------------------------------------------------------------------------------------------------


def test_addresses_of_other_hosts_are_none_of_a_host() -> None:
    facts = served(XY).facts()
    assert service_addresses(facts, FIRST_HOST, at(0), LIMITS) == {WEB1}
    assert service_addresses(facts, SECOND_HOST, at(0), LIMITS) == {WEB2}


def test_an_address_that_is_nobodys_may_be_anybodys() -> None:
    facts = served(XY).facts()
    nowhere = replace(FIRST_HOST, elsewhere=frozenset())
    assert service_addresses(facts, nowhere, at(0), LIMITS) == {WEB1, WEB2}


def chains(history: History, second: float, through: Reach) -> list[frozenset[object]]:
    """What each endpoint's own addresses may present."""
    facts = history.facts()
    return [
        possible_chains(facts, reached, ip, at(second), LIMITS)
        for reached in through.endpoints
        for ip in sorted(service_addresses(facts, reached, at(second), LIMITS), key=str)
    ]


def test_what_lies_on_one_hosts_path_is_not_presented_by_another() -> None:
    history = paths(served(XY), 0, 2, 1)
    assert chains(history, 0, EACH_ITS_OWN) == [{OLD, NEW}, {OLD}]
    assert chains(history, 0, SHARED) == [{OLD, NEW}, {OLD, NEW}]


def test_what_one_host_was_handed_is_not_presented_by_another() -> None:
    history = paths(served(XY), -10, 1, 1).does(-5, TO_ONE, Failure("TIMEOUT", "no reply"))
    assert chains(history, 0, EACH_ITS_OWN) == [{OLD, NEW}, {OLD}]
    assert chains(history, 0, SHARED) == [{OLD, NEW}, {OLD, NEW}]


def test_a_host_of_which_nobody_knows_where_it_is_may_be_at_any_address() -> None:
    """It has left the configuration, and its addresses may still be cached."""
    third = Switch(LINEAGE, HostName("web3"), GenerationId(2), NEW)
    history = paths(served(XY), -10, 1, 1).does(-5, third, Failure("TIMEOUT", "no reply"))
    assert chains(history, 0, EACH_ITS_OWN) == [{OLD, NEW}, {OLD, NEW}]


@pytest.mark.parametrize(("looked", "possible"), [(True, {OLD}), (False, {OLD, NEW})])
def test_what_was_handed_to_a_host_that_cannot_be_asked_lies_there_yet(looked: bool, possible: set[object]) -> None:
    """It was reloaded, and presents what it did: the next restart may change that."""
    history = served(XY).does(5, TO_TWO, Receipt())
    shows(history, 10, 100, OLD, OLD)
    paths(history, 100, 1, 1, looked=looked)
    assert chains(history, 100, EACH_ITS_OWN)[1] == possible


@pytest.mark.parametrize("host", [ONE, TWO])
def test_a_key_that_lies_on_any_path_is_not_destroyed(host: HostName) -> None:
    history = shows(served(rrset(record(NEW))), -400, 0, NEW, NEW)
    paths(history, 0, 1 if host == ONE else 2, 1 if host == TWO else 2)
    judgement = judge(DestroyKey(LINEAGE, GenerationId(1)), history.facts(), EACH_ITS_OWN, at(0), LIMITS)
    assert isinstance(judgement, Refused)
    assert [fault.because for fault in judgement.because] == ["generation 1 lies on the serving path"]


def test_a_switch_is_judged_for_the_addresses_of_its_host_alone() -> None:
    """No records yet match the new key: only the host whose servers nobody accepts anyway may be switched."""
    failed = HandshakeFailure("TLS_ALERT")
    history = paths(shows(served(rrset(record(OLD))), 5, 20, OLD, failed), 20, 1, None)
    history.sees(10, 20, 1, rrset(record(OLD)), *ALSO)
    for switch, allowed in ((TO_ONE, False), (TO_TWO, True)):
        judgement = judge(switch, history.facts(), EACH_ITS_OWN, at(20), LIMITS)
        assert isinstance(judgement, Allowed) is allowed


# -- one after the other ---------------------------------------------------------------------------------------------


def test_the_first_host_is_switched_first() -> None:
    assert planned(paths(served(XY), 0, 1, 1), 0) == TO_ONE


def one_switched(one: Got, end: float = 20) -> History:
    history = paths(served(XY), 0, 1, 1).does(5, TO_ONE, Receipt())
    history.sees(10, end, 1, XY, *ALSO).judged(end)
    return paths(shows(history, 10, end, one, OLD), end, 2, 1)


def test_the_next_when_that_presents_its_chain() -> None:
    assert planned(one_switched(NEW), 20) == TO_TWO


def test_no_other_before_and_it_says_which_address_keeps_it() -> None:
    wait = waits(planned(one_switched(OLD), 20))
    assert wait.code == "NOT_CONFIRMED"
    assert "198.51.100.1 port 443 still presents another chain" in wait.because


def test_a_host_that_could_not_be_switched_keeps_its_turn_and_is_named() -> None:
    history = paths(served(XY), 0, 1, 1).does(0, TO_ONE, Failure("DEPLOY_FAILED", "web1 is away"))
    wait = waits(planned(paths(history, 5, 1, 1), 5))
    assert wait.code == "NOT_SWITCHED"
    assert wait.because == "web1 could not be switched: web1 is away"
    assert wait.until == at(20.1)


def test_in_an_emergency_no_host_waits_for_another() -> None:
    history = paths(served(XY), 0, 1, 1).does(0, TO_ONE, Failure("DEPLOY_FAILED", "web1 is away"))
    history.log.append(Requested(at(-998.5), LINEAGE, "operator", emergency=True))
    assert planned(paths(history, 5, 1, 1), 5) == TO_TWO


def test_nor_does_one_whose_certificate_comes_near_its_end() -> None:
    renewed = issue("leaf", INTERMEDIATE, names=("www.example.net",), key=LEAF.key)
    again = CredentialFacts(GenerationId(2), LINEAGE, renewed.spki, chain_of(renewed), at(-10))
    to_one, to_two = (Switch(LINEAGE, host, GenerationId(2), chain_of(renewed)) for host in (ONE, TWO))
    history = served(rrset(record(OLD))).does(0, to_one, Failure("DEPLOY_FAILED", "web1 is away"))
    lying = (OnPath(ONE, GenerationId(1)), OnPath(TWO, GenerationId(1)))
    history.log.append(Holding(at(5), LINEAGE, (FIRST, again), GenerationId(1), lying))
    assert waits(plan(DESIRED, history.facts(), EACH_ITS_OWN, at(5), LIMITS)).code == "NOT_SWITCHED"
    urgent = replace(LIMITS, urgent_fraction=0.0001)
    assert plan(DESIRED, history.facts(), EACH_ITS_OWN, at(5), urgent) == to_two


def test_old_records_stay_until_every_host_has_moved_on() -> None:
    for two, path in ((OLD, 1), (NEW, 1), (OLD, 2)):
        history = paths(served(XY), 0, 1, 1).does(1, TO_ONE, Receipt()).does(2, TO_TWO, Receipt())
        history.sees(10, 100, 1, XY, *ALSO).judged(100)
        paths(shows(history, 10, 100, NEW, two), 100, 2, path)
        assert planned(history, 100) == TO_TWO
