"""What a reply says of one RRset: there, absent, or nothing said."""

from __future__ import annotations

import dns.message
import dns.name
import dns.rrset
import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.message import as_answer, read_message, soa_serial
from danelaw.core.model import Absence, Message, RRset

WWW = dns.name.from_text("www.example.net.")
APEX = dns.name.from_text("example.net.")
A = "www.example.net. 300 IN A 192.0.2.1"
SOA = "example.net. 600 IN SOA ns.example.net. host.example.net. 17 1800 900 604800 60"
NSEC = "www.example.net. 90 IN NSEC example.net. A RRSIG NSEC"
NS = "example.net. 600 IN NS ns.example.net."
CNAME = "www.example.net. 300 IN CNAME web.example.org."


def rrset_of(text: str) -> dns.rrset.RRset:
    owner, ttl, klass, type, rdata = text.split(maxsplit=4)
    return dns.rrset.from_text(owner, int(ttl), klass, type, rdata)


def message(
    answer: list[str], authority: list[str], *, type: str = "A", rcode: int = 0, flags: str = "QR AA"
) -> Message:
    made = dns.message.make_response(dns.message.make_query(WWW, type))
    made.flags = dns.flags.from_text(flags)
    made.set_rcode(dns.rcode.Rcode.make(rcode))
    for section, texts in ((made.answer, answer), (made.authority, authority)):
        section.extend(map(rrset_of, texts))
    return read_message(made.to_wire())


def test_an_rrset() -> None:
    said = as_answer(message([A], []), WWW, T.A)
    assert said == RRset(WWW, T.A, 300, frozenset({bytes([192, 0, 2, 1])}))


def test_a_cname_stands_in_its_place() -> None:
    said = as_answer(message([CNAME, "web.example.org. 300 IN A 192.0.2.9"], []), WWW, T.A)
    assert isinstance(said, RRset)
    assert (said.owner, said.type) == (WWW, T.CNAME)


@pytest.mark.parametrize(("of_the_cname", "lasts"), [(0, 900), (900, 900), (1200, 1200)])
def test_a_cname_made_of_a_dname_lasts_as_long_as_that(of_the_cname: int, lasts: int) -> None:
    """Old servers give it a TTL of 0, and caches make it anew from the DNAME (RFC 6672 §3.1)."""
    made = f"www.example.net. {of_the_cname} IN CNAME www.example.org."
    said = as_answer(message(["example.net. 900 IN DNAME example.org.", made], []), WWW, T.A)
    assert isinstance(said, RRset)
    assert (said.type, said.ttl) == (T.CNAME, lasts)
    elsewhere = as_answer(message(["example.org. 900 IN DNAME example.com.", CNAME], []), WWW, T.A)
    assert isinstance(elsewhere, RRset)
    assert elsewhere.ttl == 300


@pytest.mark.parametrize(
    ("authority", "ttl"),
    [
        ([SOA], 60),  # MINIMUM is less than the SOA's TTL (RFC 2308 §5)
        ([SOA.replace(" 600 ", " 30 ")], 30),
        ([SOA, NSEC], 90),  # what a cache may make of the NSEC lasts longer (RFC 9077)
        ([SOA, NSEC.replace(" 90 ", " 50 ")], 60),
        ([], 0),  # without SOA: not to be cached
    ],
)
@pytest.mark.parametrize("rcode", [0, 3])
def test_an_absence_and_how_long_it_may_be_held(authority: list[str], ttl: int, rcode: int) -> None:
    said = as_answer(message([], authority, rcode=rcode), WWW, T.A)
    assert isinstance(said, Absence)
    assert (said.owner, said.type, said.ttl) == (WWW, T.A, ttl)
    assert {rrset.type for rrset in said.proof} == {T.make(T.from_text(text.split()[3])) for text in authority}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (message([], [NS], flags="QR"), "a referral"),
        (message([], [NS], flags="QR AA"), "a referral that claims authority"),
        (message([], [], flags="QR"), "neither answer nor denial"),
        (message([], [SOA], rcode=5), "REFUSED"),
        (message([], [SOA], rcode=2), "SERVFAIL"),
        (message([A], [], rcode=2), "SERVFAIL with an answer"),
        (message([A], [], flags="QR AA TC"), "truncated"),
        (message([A], [], type="AAAA"), "another question's reply"),
        (message(["ftp.example.net. 300 IN A 192.0.2.1"], []), "another name's address"),
        (message([], [SOA.replace("example.net. 600", "example.org. 600")], flags="QR"), "another zone's denial"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_is_said_by(reply: Message, why: str) -> None:
    assert as_answer(reply, WWW, T.A) is None, why


def test_the_child_does_not_speak_of_its_ds() -> None:
    """RFC 4035 §3.1.4.1: the SOA that denies tells the side."""
    made = dns.message.make_response(dns.message.make_query(APEX, "DS"))
    made.flags |= dns.flags.AA
    for zone, absent in (("example.net.", False), ("net.", True)):
        made.authority = [rrset_of(f"{zone} 600 IN SOA ns.{zone} host.{zone} 17 1800 900 604800 60")]
        assert isinstance(as_answer(read_message(made.to_wire()), APEX, T.DS), Absence) == absent


@pytest.mark.parametrize(
    ("reply", "serial"), [(message([SOA], [NS]), 17), (message([], [SOA]), 17), (message([A], [NS]), None)]
)
def test_the_serial(reply: Message, serial: int | None) -> None:
    assert soa_serial(reply) == serial
