"""Where the questions of clients lead: every alias that may be held is followed, into whatever zone (RFC 7671 §7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import dns.name
import dns.rdatatype
import pytest
from dns.name import Name

from danelaw.core.model import IP, Absence, Answer, Chain, CredentialFacts, GenerationId, Hello, RRset, Security
from danelaw.core.rollover.actions import Action, Publish, Switch
from danelaw.core.rollover.answers import Held
from danelaw.core.rollover.facts import Judged, Presented, Roster, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge, violations
from danelaw.core.rollover.lookups import (
    MOST_NAMES,
    Place,
    bases,
    every_base,
    follow,
    host_way,
    questions,
    service_addresses,
    through,
    tlsa_answers,
    tlsa_places,
)
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
    SOA,
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
    reach,
    record,
    rrset,
)
from tlsa_chains import INTERMEDIATE, LEAF, issue

CNAME = int(dns.rdatatype.CNAME)
CDN = dns.name.from_text("cdn.example.")
END = dns.name.from_text("www.cdn.example.")
OTHER_END = dns.name.from_text("www2.cdn.example.")
END_OWNER = dns.name.from_text("_443._tcp.www.cdn.example.")
SHARED = dns.name.from_text("_dane.cdn.example.")
REACH = reach()
HERE = REACH.endpoints[0]
NAMELESS = reach(opportunistic=True)
"""Clients that check no names without a reason: the certificates are for the host alone."""
X, XY, Y = rrset(record(OLD)), rrset(record(OLD), record(NEW)), rrset(record(NEW))
TO_NEW = Switch(LINEAGE, LOCAL, GenerationId(2), NEW)
RENEWED = chain_of(issue("leaf", INTERMEDIATE, names=("www.example.net",), key=LEAF.key))


def alias(owner: Name, target: Name, ttl: int = 30) -> RRset:
    return RRset(owner, CNAME, ttl, frozenset({target.to_digestable()}))


def at_owner(owner: Name, answer: RRset) -> RRset:
    return replace(answer, owner=owner)


def host_at(owner: Name, *ips: IP) -> tuple[Answer, ...]:
    return replace(addresses(*ips), owner=owner), absent(owner, AAAA)


def sights(
    history: History,
    start: int,
    end: int,
    zone: Name,
    by: Iterable[IP],
    serial: int,
    *answers: tuple[int, Answer],
) -> History:
    """Every ten seconds each authority says this: the type asked for, and the answer. An alias is answered to both."""
    for second in range(start, end + 1, 10):
        history.log.append(Roster(at(second), zone, frozenset(by), min(by, key=str)))
        history.log += [
            Sight(at(second), zone, ip, serial, answer.owner, type, answer) for ip in by for type, answer in answers
        ]
    return history


def led(host: Answer | None = None, owner: Answer | None = None, *, since: int = -400, until: int = 0) -> History:
    """The host, or its TLSA owner, is an alias; both zones are known for long. Nothing is said of where it leads."""
    history = History()
    hosts = [(A, host), (AAAA, host)] if host is not None else [(A, addresses(WEB1)), (AAAA, absent(HOST, AAAA))]
    sights(history, since, until, ZONE, (NS1, NS2), 1, *hosts, (TLSA, owner or X))
    history.presents(since, until, OLD, by=[WEB1, WEB2]).presents(
        since, until, OLD, by=[WEB1, WEB2], hellos=[Hello(END)]
    )
    history.presents(since, until, OLD, by=[WEB1, WEB2], hellos=[Hello(OTHER_END)])
    history.log.append(Judged(at(until), CDN, SOA, Security.SECURE))
    return history.holds(until, FIRST, SECOND, live=1).judged(until)


def there(
    history: History, *answers: tuple[int, Answer], since: int = -400, until: int = 0, serial: int = 1
) -> History:
    return sights(history, since, until, CDN, (NS3,), serial, *answers)


def host_led(end_records: Answer | None = None) -> History:
    """The host is an alias into the other zone; there are records at the end of it, or none."""
    a, aaaa = host_at(END, WEB1)
    return there(led(alias(HOST, END)), (A, a), (AAAA, aaaa), (TLSA, end_records or absent(END_OWNER)))


def owner_led(records: Answer) -> History:
    return there(led(owner=alias(OWNER, SHARED)), (TLSA, records))


def verdict(action: Action, history: History, second: float = 0) -> Judgement:
    return judge(action, history.facts(), REACH, at(second), LIMITS)


def codes(judgement: Judgement) -> set[str]:
    return {fault.code for fault in judgement.because} if isinstance(judgement, Refused) else set()


# -- where it leads ---------------------------------------------------------------------------------------------------


def test_without_aliases_an_endpoint_has_its_own_base_alone() -> None:
    facts = led().facts()
    assert [(base.name, base.own) for base in bases(facts, HERE, at(0), LIMITS)] == [(HOST, True)]
    assert tlsa_places(facts, HERE, at(0), LIMITS) == (Place(ZONE, OWNER),)
    assert service_addresses(facts, HERE, at(0), LIMITS) == {WEB1}
    assert every_base(facts, HERE, at(0), LIMITS) == HERE


def test_the_end_of_the_hosts_aliases_is_tried_first_and_then_the_host() -> None:
    facts = host_led().facts()
    assert [(base.name, base.own) for base in bases(facts, HERE, at(0), LIMITS)] == [(END, False), (HOST, True)]
    assert tlsa_places(facts, HERE, at(0), LIMITS) == (Place(CDN, END_OWNER), Place(ZONE, OWNER))
    assert service_addresses(facts, HERE, at(0), LIMITS) == {WEB1}
    assert every_base(facts, HERE, at(0), LIMITS).bases == (END, HOST)


def test_a_name_in_the_middle_of_a_chain_is_no_base() -> None:
    a, aaaa = host_at(OTHER_END, WEB1)
    middle = alias(END, OTHER_END)
    history = there(led(alias(HOST, END)), (A, middle), (AAAA, middle))
    facts = there(history, (A, a), (AAAA, aaaa)).facts()
    assert [base.name for base in bases(facts, HERE, at(0), LIMITS)] == [OTHER_END, HOST]


def test_records_lie_where_the_alias_of_their_owner_leads() -> None:
    facts = owner_led(at_owner(SHARED, X)).facts()
    assert tlsa_places(facts, HERE, at(0), LIMITS) == (Place(CDN, SHARED),)
    (found,) = tlsa_answers(facts, HERE, at(0), LIMITS)
    assert [held.answer for held in found.possible.held] == [at_owner(SHARED, X)]
    assert [come.reached for come in through(facts, REACH, CDN, SHARED, at(0), LIMITS)] == [HERE]
    assert through(facts, REACH, ZONE, OWNER, at(0), LIMITS) == ()


def turned(ttl: int = 30) -> History:
    """At 0 the alias of the host was turned to another name; each name has a server of its own."""
    history = led(alias(HOST, END, ttl), until=-10)
    new = alias(HOST, OTHER_END, ttl)
    sights(history, 0, 200, ZONE, (NS1, NS2), 2, (A, new), (AAAA, new), (TLSA, X))
    for name, ip in ((END, WEB1), (OTHER_END, WEB2)):
        a, aaaa = host_at(name, ip)
        owner = Name((b"_443", b"_tcp", *name.labels))
        there(history, (A, a), (AAAA, aaaa), (TLSA, absent(owner)), until=200)
    return history


@pytest.mark.parametrize(("second", "held"), [(0, True), (64, True), (66, False)])
def test_what_an_alias_led_to_is_reached_as_long_as_it_may_be_held(second: int, held: bool) -> None:
    """Twice its TTL of 30 and the look-up delay."""
    facts = turned().facts()
    ends = {base.name for base in bases(facts, HERE, at(second), LIMITS)}
    assert ends == ({OTHER_END, END, HOST} if held else {OTHER_END, HOST})
    assert service_addresses(facts, HERE, at(second), LIMITS) == ({WEB1, WEB2} if held else {WEB2})


def test_a_circle_of_aliases_ends() -> None:
    back = alias(END, HOST)
    facts = there(led(alias(HOST, END)), (A, back), (AAAA, back)).facts()
    way = host_way(facts, HERE, at(0), LIMITS)
    assert way.asked == (Place(ZONE, HOST), Place(CDN, END))
    assert way.ends == ()
    assert "NO_ADDRESS" in codes(verdict(TO_NEW, there(led(alias(HOST, END)), (A, back), (AAAA, back))))


def test_a_chain_that_grows_without_end_is_left() -> None:
    history = led(alias(HOST, Name((b"n0", *CDN.labels))))
    for number in range(2 * MOST_NAMES):
        name, following = (Name((f"n{n}".encode(), *CDN.labels)) for n in (number, number + 1))
        there(history, (A, alias(name, following)), (AAAA, alias(name, following)), since=-20)
    way = follow(history.facts(), Place(ZONE, HOST), (A, AAAA), at(0), LIMITS)
    assert len(way.asked) == MOST_NAMES
    assert way.lost
    assert all(zone is not None for zone, _, type in questions(history.facts(), HERE, at(0), LIMITS) if type == A)
    assert "ALIAS_UNSEEN" in codes(verdict(TO_NEW, history))


def test_where_nobody_has_looked_is_to_be_asked_next() -> None:
    history = led(alias(HOST, END))
    assert (None, END, A) in questions(history.facts(), HERE, at(0), LIMITS)
    assert "ALIAS_UNSEEN" in codes(verdict(TO_NEW, history))
    a, aaaa = host_at(END, WEB1)
    there(history, (A, a), (AAAA, aaaa))
    asked = questions(history.facts(), HERE, at(0), LIMITS)
    assert (CDN, END, AAAA) in asked
    assert (CDN, END_OWNER, TLSA) in asked
    assert all(zone is not None for zone, _, _ in asked)


def test_an_alias_of_what_is_no_name_leads_nowhere() -> None:
    broken = RRset(HOST, CNAME, 30, frozenset({b"\x05abc"}))
    assert "ALIAS_UNSEEN" in codes(verdict(TO_NEW, led(broken)))


@pytest.mark.parametrize(
    ("generation", "chain", "harmless"),
    [(GenerationId(2), NEW, False), (GenerationId(3), RENEWED, True)],
)
def test_where_an_alias_leads_that_nobody_has_looked_at_the_same_key_is_as_good(
    generation: GenerationId, chain: Chain, harmless: bool
) -> None:
    """As while the history is unknown: a renewal does not starve because somebody else's zone is dead."""
    again = CredentialFacts(GenerationId(3), LINEAGE, FIRST.spki, RENEWED, at(-10))
    history = led(owner=alias(OWNER, SHARED)).holds(0, FIRST, SECOND, again, live=1)
    judgement = verdict(Switch(LINEAGE, LOCAL, generation, chain), history)
    assert codes(judgement) == (set() if harmless else {"ALIAS_UNSEEN"})


def test_a_name_lies_in_the_zone_in_which_it_was_seen_last() -> None:
    """Zone cuts come and go."""
    deeper = dns.name.from_text("www.cdn.example.")
    history = there(led(alias(HOST, END), until=100), (A, host_at(END, WEB1)[0]), (AAAA, absent(END, AAAA)), until=50)
    sights(history, 60, 100, deeper, (NS3,), 1, (A, host_at(END, WEB2)[0]), (AAAA, absent(END, AAAA)))
    assert host_way(history.facts(), HERE, at(100), LIMITS).ends == (Place(deeper, END),)


# -- what the gate makes of it ----------------------------------------------------------------------------------------


def test_a_switch_needs_the_new_record_at_every_base() -> None:
    both = host_led(at_owner(END_OWNER, XY))
    for fact in [f for f in both.log if isinstance(f, Sight) and f.type == TLSA and f.owner == OWNER]:
        both.log[both.log.index(fact)] = replace(fact, answer=XY)
    assert isinstance(verdict(TO_NEW, both), Allowed)
    assert codes(verdict(TO_NEW, host_led(at_owner(END_OWNER, XY)))) == {"ANSWER_HELD"}  # X at the host
    alone = host_led(at_owner(END_OWNER, X))
    for fact in [f for f in alone.log if isinstance(f, Sight) and f.type == TLSA and f.owner == OWNER]:
        alone.log[alone.log.index(fact)] = replace(fact, answer=XY)
    assert codes(verdict(TO_NEW, alone)) == {"ANSWER_HELD"}


def test_a_switch_needs_the_new_record_where_the_owner_leads() -> None:
    assert codes(verdict(TO_NEW, owner_led(at_owner(SHARED, X)))) == {"ANSWER_HELD"}
    assert isinstance(verdict(TO_NEW, owner_led(at_owner(SHARED, XY))), Allowed)


def test_records_are_withdrawn_where_the_owner_leads_only_when_nobody_needs_them() -> None:
    union, new = at_owner(SHARED, XY), at_owner(SHARED, Y)
    assert codes(verdict(Publish(CDN, union, new), owner_led(union))) == {"CHAIN_UNMATCHED"}
    old = at_owner(SHARED, X)
    assert isinstance(verdict(Publish(CDN, union, old), owner_led(union)), Allowed)


def test_nothing_is_put_beside_an_alias() -> None:
    history = owner_led(at_owner(SHARED, X))
    assert codes(verdict(Publish(ZONE, alias(OWNER, SHARED), X), history)) == {"OWNER_IS_ALIAS"}
    challenge = dns.name.from_text("_acme-challenge.www.example.net.")
    text = RRset(challenge, int(dns.rdatatype.TXT), 30, frozenset({b"\x01x"}))
    assert codes(verdict(Publish(ZONE, alias(challenge, SHARED), text), history)) == {"OWNER_IS_ALIAS"}


def test_whoever_finds_nothing_at_the_end_any_more_goes_on_with_the_host() -> None:
    """There stands a record that nothing matches, and nobody saw it so far."""
    end = at_owner(END_OWNER, X)
    gone = Publish(CDN, end, absent(END_OWNER))
    fine, stale = host_led(end), host_led(end)
    for fact in [f for f in stale.log if isinstance(f, Sight) and f.type == TLSA and f.owner == OWNER]:
        stale.log[stale.log.index(fact)] = replace(fact, answer=Y)
    goes_on = [f for f in judged_faults(gone, stale) if str(OWNER) in f]
    assert goes_on
    assert not [f for f in judged_faults(gone, fine) if str(OWNER) in f]


def judged_faults(action: Action, history: History) -> list[str]:
    found = verdict(action, history)
    return [fault.because for fault in found.because] if isinstance(found, Refused) else []


def test_no_records_at_the_end_are_no_violation_where_the_host_has_some() -> None:
    assert violations(host_led().facts(), REACH, at(0), LIMITS) == ()
    right, wrong = host_led(at_owner(END_OWNER, X)), host_led(at_owner(END_OWNER, Y))
    assert violations(right.facts(), NAMELESS, at(0), LIMITS) == ()
    assert violations(wrong.facts(), NAMELESS, at(0), LIMITS) != ()


def test_the_certificate_has_to_be_for_the_end_of_the_aliases_too_where_records_are_there() -> None:
    """It is the primary name that clients want (RFC 7671 §7), and some want it under DANE-EE too."""
    right = host_led(at_owner(END_OWNER, X))
    assert {
        str(violation.held.answer.owner)
        for violation in violations(right.facts(), REACH, at(0), LIMITS)
        if isinstance(violation.held, Held)
    } == {str(END_OWNER)}
    first = Publish(CDN, absent(END_OWNER), at_owner(END_OWNER, X))
    assert codes(verdict(first, host_led())) == {"CHAIN_UNMATCHED"}
    assert isinstance(judge(first, host_led().facts(), NAMELESS, at(0), LIMITS), Allowed)


def test_what_is_presented_to_those_who_send_another_name_is_judged_with_the_records_there() -> None:
    """The server has the new certificate for the end of the aliases already, and the old one for the host."""
    history = host_led(at_owner(END_OWNER, XY))
    history.log = [f for f in history.log if not (isinstance(f, Presented) and f.hello.sni == END)]
    history.presents(-400, 0, NEW, by=[WEB1, WEB2], hellos=[Hello(END)])
    assert violations(history.facts(), NAMELESS, at(0), LIMITS) == ()
    keeps_old = Publish(CDN, at_owner(END_OWNER, XY), at_owner(END_OWNER, X))
    assert "CHAIN_UNMATCHED" in codes(verdict(keeps_old, history))


def test_what_is_not_known_of_an_alias_is_not_known_of_what_lies_behind_it() -> None:
    """The zone of the alias was first seen a moment ago: it may have led elsewhere before."""
    history = there(led(alias(HOST, END), since=-20), (A, host_at(END, WEB1)[0]), (AAAA, absent(END, AAAA)))
    there(history, (TLSA, at_owner(END_OWNER, XY)))
    answers = tlsa_answers(history.facts(), HERE, at(0), LIMITS)
    assert all(found.possible.unknown is not None for found in answers)
    assert "HISTORY_UNKNOWN" in codes(verdict(TO_NEW, history))
    first = Publish(CDN, Absence(END_OWNER, TLSA, 30), at_owner(END_OWNER, X))
    assert "ADDRESSES_UNKNOWN" in codes(verdict(first, history))


# -- wildcards --------------------------------------------------------------------------------------------------------


def signed(answer: RRset, labels: int) -> RRset:
    expiration = int(at(14 * 86400).timestamp()).to_bytes(4)
    signature = answer.type.to_bytes(2) + bytes((13, labels)) + bytes(4) + expiration + bytes(6) + b"\x00" + bytes(64)
    return replace(answer, rrsigs=frozenset({signature}))


@pytest.mark.parametrize(
    ("labels", "new", "hidden"),
    [
        (1, "_443._tcp.www.cdn.example.", True),  # *.example. no more covers www.cdn.example., which exists now
        (2, "_443._tcp.www.cdn.example.", True),  # likewise *.cdn.example.
        (3, "_443._tcp.www.cdn.example.", False),  # www.cdn.example. has it by itself
        (2, "_443._tcp.mail.cdn.example.", False),  # beside it: cdn.example. exists in any case
        (1, "_443._tcp.mail.cdn.example.", True),  # below *.example., now that cdn.example. exists
    ],
)
def test_a_new_name_hides_wildcards_above_which_it_makes_names_exist(labels: int, new: str, hidden: bool) -> None:
    """Empty non-terminals exist too, and a closer name is the closest encloser then (RFC 4592 §2.2.2, §3.3.1)."""
    a = signed(replace(addresses(WEB1), owner=END), labels)
    history = there(led(alias(HOST, END)), (A, a), (AAAA, absent(END, AAAA)), (TLSA, absent(END_OWNER)))
    owner = dns.name.from_text(new)
    found = verdict(Publish(CDN, Absence(owner, TLSA, 30), at_owner(owner, X)), history)
    assert ("WILDCARD_HOST" in codes(found)) is hidden


def test_an_alias_from_a_wildcard_is_hidden_too() -> None:
    made = signed(alias(OWNER, SHARED), 2)
    history = there(led(owner=made), (TLSA, at_owner(SHARED, X)))
    other = dns.name.from_text("_25._tcp.www.example.net.")
    challenge = dns.name.from_text("_acme-challenge.www.example.net.")
    text = RRset(challenge, int(dns.rdatatype.TXT), 30, frozenset({b"\x01x"}))
    assert codes(verdict(Publish(ZONE, Absence(challenge, text.type, 30), text), history)) == {"WILDCARD_HOST"}
    assert "WILDCARD_HOST" in codes(verdict(Publish(ZONE, Absence(other, TLSA, 30), at_owner(other, X)), history))


def test_facts_are_looked_through_once() -> None:
    facts: Facts = host_led().facts()
    assert tlsa_answers(facts, HERE, at(0), LIMITS) is tlsa_answers(facts, HERE, at(0), LIMITS)
