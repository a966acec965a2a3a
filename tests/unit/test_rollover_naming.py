"""What is told of the MX and SRV records that name the hosts of services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import dns.name
import dns.rdatatype
import pytest
from dns.name import Name

from danelaw.core.model import Absence, Answer, Endpoint, Hello, RRset
from danelaw.core.model.servers import MX, SRV
from danelaw.core.rollover.chains import possible_chains
from danelaw.core.rollover.facts import Roster, Sight
from danelaw.core.rollover.lookups import questions
from danelaw.core.rollover.naming import of_naming
from danelaw.core.rollover.plans import Outlook
from danelaw.core.rollover.reach import NamedBy, Reach, Reached
from rollover_history import LIMITS, NEW, NS1, NS3, OLD, WEB1, ZONE, History, at, reach, served

DOMAIN = dns.name.from_text("example.org.")
MAIL, MAIL2 = (dns.name.from_text(f"{name}.example.net.") for name in ("mail", "mail2"))
BY_MX = NamedBy(DOMAIN, DOMAIN, MX)
IMAPS = dns.name.from_text("_imaps._tcp.example.org.")
BY_SRV = NamedBy(DOMAIN, IMAPS, SRV)


def endpoint(host: Name, port: int, by: NamedBy) -> Reached:
    (here,) = reach().endpoints
    return replace(here, endpoint=Endpoint(host, port), bases=(host,), named_by=(by,))


def mx(*hosts: Name) -> RRset:
    return RRset(DOMAIN, MX, 30, frozenset(b"\x00\x0a" + host.to_digestable() for host in hosts))


def srv(host: Name, port: int) -> RRset:
    return RRset(IMAPS, SRV, 30, frozenset({bytes(4) + port.to_bytes(2) + host.to_digestable()}))


def says(answer: Answer, *later: Answer) -> History:
    """The domain's one authority says the one thing until 0, and after that the other, until 200."""
    history = History()
    for second in range(-400, 201, 10):
        now = later[0] if later and second >= 0 else answer
        history.log.append(Roster(at(second), DOMAIN, frozenset({NS3}), NS3))
        history.log.append(Sight(at(second), DOMAIN, NS3, 1 + (second >= 0), answer.owner, answer.type, now))
    return history


def told(history: History, second: float, *endpoints: Reached, others: Sequence[Reached] = ()) -> list[str]:
    outlook = Outlook(history.facts(), Reach((*endpoints, *others)), at(second), LIMITS)
    return list(of_naming(endpoints, outlook))


@pytest.mark.parametrize(
    ("answer", "here"),
    [
        (mx(MAIL), endpoint(MAIL, 25, BY_MX)),
        (Absence(DOMAIN, MX, 30), endpoint(DOMAIN, 25, BY_MX)),  # the domain itself is the server
        (srv(MAIL, 993), endpoint(MAIL, 993, BY_SRV)),
        (mx(dns.name.root), endpoint(dns.name.root, 443, NamedBy(MAIL, MAIL, MX))),  # not looked for
    ],
)
def test_where_they_name_what_is_configured_there_is_nothing_to_tell(answer: Answer, here: Reached) -> None:
    assert told(says(answer), 200, here) == []


def test_a_host_that_no_service_is_configured_for_is_told() -> None:
    here = endpoint(MAIL, 25, BY_MX)
    (note,) = told(says(mx(MAIL, MAIL2)), 200, here)
    assert note == "MX of example.org. names mail2.example.net., which no service is configured for"
    assert told(says(mx(MAIL, MAIL2)), 200, here, others=[replace(endpoint(MAIL2, 25, BY_MX), named_by=())]) == []
    (note,) = told(says(srv(MAIL, 9993)), 200, replace(here, named_by=(BY_SRV,)))[:1]
    assert note == "SRV of _imaps._tcp.example.org. names mail.example.net.:9993, which no service is configured for"


def test_a_host_that_is_named_no_longer_is_gone_to_as_long_as_caches_remember() -> None:
    """Twice the TTL of 30, and the look-up delay."""
    here, other = endpoint(MAIL, 25, BY_MX), endpoint(MAIL2, 25, BY_MX)
    history = says(mx(MAIL), mx(MAIL2))
    (note,) = told(history, 60, here, other)
    until = at(65).isoformat(timespec="seconds")
    assert note.startswith("MX of example.org. does not name mail.example.net:25/tcp any more; ")
    assert note.endswith(f"; clients may hold that it does until {until}")
    (note,) = told(history, 70, here, other)
    assert note == "MX of example.org. does not name mail.example.net:25/tcp, and no client holds that it does"


def test_a_host_that_a_silent_authority_may_still_name_has_no_end() -> None:
    history = says(mx(MAIL), mx(MAIL2))
    history.log = [fact for fact in history.log if not (isinstance(fact, Sight) and fact.at > at(-10))]
    history.log.append(Sight(at(50), DOMAIN, NS1, 2, DOMAIN, MX, mx(MAIL2)))
    (note,) = told(history, 60, endpoint(MAIL, 25, BY_MX), endpoint(MAIL2, 25, BY_MX))
    assert note.endswith("clients may hold that it does")


def test_nothing_is_told_before_anybody_has_looked_and_it_is_asked_for() -> None:
    here = endpoint(MAIL, 25, BY_MX)
    assert told(History(), 0, here) == []
    assert (None, DOMAIN, MX) in questions(History().facts(), here, at(0), LIMITS)
    assert (DOMAIN, DOMAIN, MX) in questions(says(mx(MAIL)).facts(), here, at(200), LIMITS)


def test_the_name_of_an_mx_record_may_be_an_alias() -> None:
    alias = RRset(DOMAIN, int(dns.rdatatype.CNAME), 30, frozenset({ZONE.to_digestable()}))
    here = endpoint(MAIL, 25, BY_MX)
    history = says(replace(alias, type=int(dns.rdatatype.CNAME)))
    for fact in [fact for fact in history.log if isinstance(fact, Sight)]:
        history.log[history.log.index(fact)] = replace(fact, type=MX)
        history.log.append(Roster(fact.at, ZONE, frozenset({NS1}), NS1))
        history.log.append(Sight(fact.at, ZONE, NS1, 1, ZONE, MX, replace(mx(MAIL2), owner=ZONE)))
    assert [note for note in told(history, 200, here) if "mail2.example.net." in note]


def test_who_comes_by_srv_sends_the_service_domain_too() -> None:
    """RFC 7673 §4.1; and what is presented to those counts."""
    (here,) = reach().endpoints
    by_srv = replace(here, named_by=(BY_SRV,))
    assert by_srv.sent == (*here.bases, DOMAIN)
    assert replace(here, named_by=(BY_MX,)).sent == here.bases
    history = served(Absence(here.owners[0], 52, 30)).presents(-10, 0, NEW, by=[WEB1], hellos=[Hello(DOMAIN)])
    assert possible_chains(history.facts(), by_srv, WEB1, at(0), LIMITS) == {OLD, NEW}
    assert possible_chains(history.facts(), here, WEB1, at(0), LIMITS) == {OLD}
