"""The reader against arbitrary octets, and against dnspython on what both can read."""

from __future__ import annotations

import contextlib

import dns.message
import dns.name
import dns.rdata
import dns.rrset
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from danelaw.core.dnssec.message import MessageError, as_answer, make_query, read_message, rrsets, soa_serial
from danelaw.core.model import Message, Record

LABELS = st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=4)
NAMES = LABELS.map(lambda labels: Name([*labels, b"example", b""]))
TEXTS = st.sampled_from(
    [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("NS", "ns.example."),
        ("MX", "10 mail.example."),
        ("SOA", "ns.example. host.example. 1 2 3 4 5"),
        ("CNAME", "www.example."),
        ("TXT", '"some" "text"'),
        ("SRV", "1 2 3 server.example."),
        ("NAPTR", '1 2 "u" "s" "!x!y!" r.example.'),
        ("RP", "mbox.example. txt.example."),
        ("TLSA", "3 1 1 " + "ab" * 32),
        ("DS", "1 13 2 " + "cd" * 32),
        ("NSEC", "z.example. A NS TLSA"),
        ("RRSIG", "A 13 2 300 20261201000000 20261101000000 1 example. AAAA"),
    ]
)
RRSETS = st.builds(
    lambda name, ttl, text: dns.rrset.from_text(name, ttl, "IN", *text), NAMES, st.integers(0, 2**31 - 1), TEXTS
)


@given(st.binary(max_size=600))
def test_octets_give_a_message_or_a_message_error(wire: bytes) -> None:
    with contextlib.suppress(MessageError):
        _use(read_message(wire))


@given(st.lists(RRSETS, max_size=6), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8))
def test_damaged_messages_give_a_message_or_a_message_error(
    found: list[dns.rrset.RRset], damage: list[tuple[int, int]]
) -> None:
    wire = bytearray(_message(found, [], []).to_wire())
    for at, octet in damage:
        wire[at % len(wire)] = octet
    with contextlib.suppress(MessageError):
        _use(read_message(bytes(wire)))


@given(st.lists(RRSETS, max_size=4), st.lists(RRSETS, max_size=4), st.lists(RRSETS, max_size=4))
def test_what_dnspython_writes_is_read_as_it_was_meant(
    answer: list[dns.rrset.RRset], authority: list[dns.rrset.RRset], additional: list[dns.rrset.RRset]
) -> None:
    made = _message(answer, authority, additional)
    read = read_message(made.to_wire())
    assert (read.id, read.rcode) == (made.id, made.rcode())
    assert [(q.name, q.type) for q in read.question] == [(q.name, q.rdtype) for q in made.question]
    for ours, theirs in ((read.answer, answer), (read.authority, authority), (read.additional, additional)):
        meant = [(rrset.name, int(rrset.rdtype), rrset.ttl, rdata.to_wire()) for rrset in theirs for rdata in rrset]
        assert [(record.owner, record.type, record.ttl, record.rdata) for record in ours] == meant


@given(NAMES, st.integers(1, 65535), st.integers(0, 65535))
def test_a_query_is_read_as_it_was_made(name: Name, type: int, id: int) -> None:
    read = read_message(make_query(name, type, id=id, recursion_desired=False))
    assert (read.id, read.question[0].name, read.question[0].type) == (id, name, type)
    assert not read.answer + read.authority + read.additional


def _message(
    answer: list[dns.rrset.RRset], authority: list[dns.rrset.RRset], additional: list[dns.rrset.RRset]
) -> dns.message.Message:
    made = dns.message.make_response(dns.message.make_query("www.example.", "A", use_edns=0))
    made.answer, made.authority, made.additional = list(answer), list(authority), list(additional)
    return made


def _use(message: Message) -> None:
    """Everything that is built on the reader must bear what it lets through."""
    soa_serial(message)
    rrsets((*message.answer, *message.authority, *message.additional))
    for one in message.question:
        as_answer(message, one.name, one.type)
    for record in message.answer:
        _parse(record)


def _parse(record: Record) -> None:
    """Rdata came out of the message whole: another library may read it by itself or refuse it, nothing else."""
    with contextlib.suppress(dns.exception.DNSException, ValueError):
        dns.rdata.from_wire(
            RdataClass.make(record.klass), RdataType.make(record.type), record.rdata, 0, len(record.rdata)
        )
