"""What every dialogue does, whatever it speaks: whole, octet by octet, injected into, closed, flooded, mistaken."""

from __future__ import annotations

from itertools import chain, repeat

import pytest

from danelaw.core.model import DanelawError
from danelaw.core.model.application import APPLICATIONS
from danelaw.core.starttls.conversation import MAX_DETAIL, MAX_LINE, MAX_SHOWN
from danelaw.core.starttls.dialogue import MAX_OCTETS, MAX_SAID, Ready
from danelaw.core.starttls.protocols import PROTOCOLS, dialogue
from starttls_transcripts import HOST, POSTFIX, STARTED, TRANSCRIPTS, Cut, Transcript, bytewise, fresh, hold, whole

LINES = ("smtp", "submission", "lmtp", "imap", "pop3", "sieve", "ftp", "nntp")
XMPP = ("xmpp-client", "xmpp-server")
BINARY = ("postgres", "ldap")


def test_there_is_a_dialogue_for_every_application_that_needs_one_and_a_transcript_of_each() -> None:
    assert set(PROTOCOLS) == {one.starttls for one in APPLICATIONS.values()} - {None}
    assert set(PROTOCOLS) == {transcript.protocol for transcript in STARTED} == {*LINES, *XMPP, *BINARY}


def test_there_is_none_for_others() -> None:
    with pytest.raises(DanelawError, match="STARTTLS_UNSUPPORTED"):
        dialogue("gopher", HOST, "localhost")


@pytest.mark.parametrize("client", ["", "a b", "a\r\nMAIL FROM:<>", "ä.example", "a" * 256])
def test_a_client_does_not_call_itself_what_cannot_be_said_in_one_word(client: str) -> None:
    with pytest.raises(DanelawError, match="BAD_NAME"):
        dialogue("smtp", HOST, client)


@pytest.mark.parametrize("cut", [whole, bytewise])
@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=str)
def test_a_conversation_ends_as_it_did(transcript: Transcript, cut: Cut) -> None:
    outcome = hold(transcript.protocol, transcript.turns, cut)
    assert outcome.code == transcript.end
    assert outcome.sent == b"".join(transcript.ours)
    assert [line[:2] for line in outcome.said].count("> ") == len(transcript.ours)
    assert outcome.said[-1].startswith("< ")


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=str)
def test_nothing_is_said_before_it_is_due(transcript: Transcript) -> None:
    """What we send is sent after the turn that calls for it, and not before its last octet."""
    conversation = fresh(transcript.protocol)
    ours = list(transcript.ours)
    first = conversation.begin()
    if first.send:
        assert first.send == ours.pop(0)
    for turn in transcript.turns:
        for octet in list(bytewise(turn))[:-1]:
            assert conversation.receive(octet).send == b""
        step = conversation.receive(turn[-1:])
        if step.send:
            assert step.send == ours.pop(0)
    assert not ours


@pytest.mark.parametrize("behind", [b"\n", b" ", b"\0", b"250 injected\r\n", b"\x16\x03\x01", b"x" * (MAX_OCTETS * 2)])
@pytest.mark.parametrize("transcript", STARTED, ids=str)
def test_whatever_stands_behind_the_reply_that_starts_tls_was_injected(transcript: Transcript, behind: bytes) -> None:
    outcome = hold(transcript.protocol, (*transcript.turns[:-1], transcript.turns[-1] + behind))
    assert outcome.code == "STARTTLS_INJECTED"
    assert len(outcome.detail) < MAX_DETAIL + 100


@pytest.mark.parametrize("transcript", STARTED, ids=str)
def test_what_was_injected_is_told(transcript: Transcript) -> None:
    outcome = hold(transcript.protocol, (*transcript.turns[:-1], transcript.turns[-1] + b"evil\x1b[2J\r\n"))
    assert outcome.detail.endswith("evil\x1b[2J")


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=str)
def test_a_server_may_close_the_connection_at_any_octet(transcript: Transcript) -> None:
    octets = b"".join(transcript.turns)
    for end in range(len(octets)):
        code = hold(transcript.protocol, [octets[:end], b""]).code
        assert code == "CLOSED" or (code == transcript.end and end > len(b"".join(transcript.turns[:-1])))
    assert hold(transcript.protocol, [octets, b""]).code == transcript.end


def test_where_the_connection_was_closed_is_told() -> None:
    assert hold("smtp", [b""]).detail == "it closed the connection, and had said nothing"
    assert hold("ldap", [b""]).detail == "it closed the connection, and had said nothing"
    assert hold("smtp", [b"220 a\r\n", b""]).detail == "it closed the connection after EHLO probe.example.org"
    assert hold("smtp", [b"220 a\r\n", b"250-a\r\n250-STA", b""]).detail == (
        "it closed the connection within a reply: 250-STA"
    )


FLOODS = {
    "lines without an end": dict.fromkeys((*LINES, *XMPP), b"a" * 1000),
    "replies without an end": {
        **dict.fromkeys(("smtp", "submission", "lmtp", "ftp"), b"220-more\r\n"),
        "imap": b"* OK more\r\n",
        "pop3": b"+OK more\r\n",
        "nntp": b"more\r\n",
        "sieve": b'"MORE" "more"\r\n',
    },
    "elements without an end": dict.fromkeys(XMPP, b"<more/>"),
    "text without an end": dict.fromkeys(XMPP, b"more>"),
    "quotes without an end": dict.fromkeys(XMPP, b">>"),
}
PREFIXES = dict.fromkeys(XMPP, b"<stream:stream version='1.0' xmlns:stream='http://etherx.jabber.org/streams'>")


@pytest.mark.parametrize(
    ("kind", "protocol"), [(kind, protocol) for kind, floods in FLOODS.items() for protocol in floods]
)
def test_a_server_that_does_not_stop_is_stopped(kind: str, protocol: str) -> None:
    prefix = PREFIXES.get(protocol, b"") + {
        "elements without an end": b"<stream:features>",
        "replies without an end": b"200 a\r\n101 a\r\n" if protocol == "nntp" else b"",
        "quotes without an end": b"<stream:features a='",
    }.get(kind, b"")
    flood = FLOODS[kind][protocol]
    octets = flood * (5000 // len(flood))
    outcome = hold(protocol, chain([prefix] if prefix else [], repeat(octets, MAX_OCTETS // 4000)))
    assert outcome.code == "NOT_THIS_PROTOCOL"
    assert "octets" in outcome.detail
    assert len(outcome.said) <= MAX_SAID
    assert max(map(len, outcome.said), default=0) <= MAX_SHOWN


def test_a_line_has_a_bound_and_so_has_all_that_is_said() -> None:
    long = b"220 " + b"a" * (MAX_LINE - 5) + b"\n"
    assert hold("smtp", [long]).end is None
    longer = hold("smtp", [long[:-1] + b"a\n"])
    assert longer.code == "NOT_THIS_PROTOCOL"
    assert longer.detail == f"it says more than {MAX_LINE} octets in one line"
    assert hold("smtp", [long[:-1]]).end is None
    assert hold("smtp", [long[:-1] + b"a"]) == longer
    most = b"220-a\n" * (MAX_OCTETS // 6 - 1)
    assert hold("smtp", [most + b"220 a".ljust(MAX_OCTETS - len(most) - 1) + b"\n"]).end is None
    assert hold("smtp", [most + b"220 a".ljust(MAX_OCTETS - len(most)) + b"\n"]).code == "NOT_THIS_PROTOCOL"


def test_what_is_beyond_the_bound_is_not_read_although_it_has_come() -> None:
    rest = b"220 a\n" + b"".join(POSTFIX[1:])
    outcome = hold("smtp", [b"220-a\n" * (MAX_OCTETS // 6) + rest])
    assert outcome.code == "NOT_THIS_PROTOCOL"
    assert outcome.sent == b""
    room = MAX_OCTETS - len(rest)
    filling = b"220-" + b"a" * (room % 6 + 1) + b"\n" + b"220-a\n" * (room // 6 - 1)
    assert hold("smtp", [filling + rest]).code == ""
    assert hold("smtp", [filling + rest + b"a"]).code == "STARTTLS_INJECTED"


def test_of_a_long_conversation_the_beginning_and_the_end_are_kept() -> None:
    lines = b"".join(b"220-%d\r\n" % number for number in range(100))
    said = hold("smtp", [lines + b"220 last\r\n"]).said
    assert len(said) == MAX_SAID
    assert said[0] == "< 220-0"
    assert said[MAX_SAID // 2] == "…"
    assert said[-2:] == ("< 220 last", "> EHLO probe.example.org")


STRANGERS = (
    (b"\x15\x03\x01\x00\x02\x02\x46", "TLS from the first octet", (*LINES, *XMPP, *BINARY)),
    (b"\x15\x03\x03\x00\x02\x0a\x0a", "TLS from the first octet", (*LINES, *XMPP, *BINARY)),
    (b"HTTP/1.1 400 Bad Request\r\nServer: a\r\n\r\n<html>\r\n", "HTTP", (*LINES, *XMPP, *BINARY)),
    (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH", LINES),
    (b"* OK IMAP4rev1 ready\r\n", "IMAP", (*LINES[:3], *LINES[4:])),
    (b"+OK ready\r\n", "POP3", ("smtp", "imap", "sieve", "ftp")),
    (b"220 ready\r\n", "SMTP or FTP", ("imap", "pop3", "sieve")),
    (b"RFB 003.008\n", "RFB", LINES),
    (b'"IMPLEMENTATION" "a"\r\n', "ManageSieve", ("smtp", "imap", "pop3", "ftp")),
)


@pytest.mark.parametrize(
    ("octets", "what", "protocol"), [(octets, what, one) for octets, what, protocols in STRANGERS for one in protocols]
)
def test_another_protocol_is_told_by_its_name(octets: bytes, what: str, protocol: str) -> None:
    for cut in (whole, bytewise):
        outcome = hold(protocol, [octets], cut)
        assert outcome.code == "NOT_THIS_PROTOCOL"
        assert outcome.detail.startswith(f"it speaks {what}")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_not_known_is_quoted_and_bounded(protocol: str) -> None:
    outcome = hold(protocol, [b"\x1b]0;" + b"\xff" * 2000 + b"<>\r\n"])
    assert outcome.code == "NOT_THIS_PROTOCOL"
    assert "\x1b" in outcome.detail
    assert len(outcome.detail) < MAX_DETAIL + 100


FAREWELLS = {
    **dict.fromkeys(("smtp", "submission", "lmtp", "pop3", "ftp", "nntp"), b"QUIT\r\n"),
    "imap": b"z LOGOUT\r\n",
    "sieve": b"LOGOUT\r\n",
    "ldap": bytes.fromhex("30050201024200"),
    "postgres": b"",
}


@pytest.mark.parametrize("transcript", STARTED, ids=str)
def test_a_client_can_take_its_leave(transcript: Transcript) -> None:
    conversation = fresh(transcript.protocol)
    conversation.begin()
    before = conversation.farewell
    last = [conversation.receive(turn) for turn in transcript.turns][-1]
    assert last.end == Ready()
    if transcript.protocol in XMPP:
        assert before == b"</stream:stream>"
        assert conversation.farewell == transcript.ours[0] + before
    else:
        assert before == conversation.farewell == FAREWELLS[transcript.protocol]
