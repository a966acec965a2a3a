"""What servers answer, protocol by protocol, and what comes of it."""

from __future__ import annotations

from typing import Final

import dns.name
import pytest

from danelaw.core.starttls.conversation import MAX_DETAIL
from danelaw.core.starttls.protocols import dialogue
from starttls_transcripts import HOST, POSTFIX, PROCEED, PROSODY, STARTTLS, bytewise, hold, whole

OFFERED, STARTED = POSTFIX[:2], POSTFIX[2]
FEATURES: Final = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
ERROR: Final = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0Fproc.c\0\0"
CAPABLE: Final = b'"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK\r\n'

NOT_OFFERED, REFUSED, OTHER = "STARTTLS_NOT_OFFERED", "STARTTLS_REFUSED", "NOT_THIS_PROTOCOL"


def ldap(response: str, *, message: str = "020101") -> bytes:
    """A message of LDAP, its operation in hexadecimal."""
    body = bytes.fromhex(message + response)
    return bytes([0x30, len(body)]) + body


CASES: Final[tuple[tuple[str, tuple[bytes, ...], str, str], ...]] = (
    # SMTP: RFC 5321 for the codes, RFC 3207 for STARTTLS
    ("smtp", (b"220\r\n", *POSTFIX[1:]), "", ""),
    ("smtp", (b"220-a\n220-b\n220 c\n", b"250-a\n250 starttls\n", b"220 go\n"), "", ""),
    ("smtp", (b"220-early\r\n", b"220 late\r\n", *POSTFIX[1:]), "", ""),
    ("smtp", (b"554 5.7.1 Service unavailable; Client host blocked\r\n",), REFUSED, "554 5.7.1 Service unavailable; "),
    ("smtp", (b"421-4.3.2 too\r\n421 many\r\n",), REFUSED, "421 4.3.2 too many"),
    ("smtp", (b"220 a\r\n", b"502 5.5.1 Error: command not implemented\r\n"), NOT_OFFERED, "it does not know EHLO"),
    ("smtp", (b"220 a\r\n", b"500 5.5.2 Error: command not recognized\r\n"), NOT_OFFERED, "it does not know EHLO"),
    ("smtp", (b"220 a\r\n", b"550 Access denied\r\n"), REFUSED, "550 Access denied"),
    ("smtp", (b"220 a\r\n", b"250 STARTTLS\r\n"), NOT_OFFERED, "the reply to EHLO does not announce STARTTLS"),
    ("smtp", (b"220 a\r\n", b"250-a\r\n250-XXXXXXXA\r\n250 HELP STARTTLS\r\n"), NOT_OFFERED, "the reply to EHLO"),
    ("smtp", (*OFFERED, b"454 4.7.0 TLS not available due to local problem\r\n"), REFUSED, "454 4.7.0 TLS not av"),
    ("smtp", (*OFFERED, b"502 no\r\n"), REFUSED, "502 no"),
    ("smtp", (*OFFERED, b"250 ok\r\n"), OTHER, "the reply to STARTTLS was due, and it says: 250 ok"),
    ("smtp", (b"250 a\r\n",), OTHER, "a greeting of SMTP was due, and it says: 250 a"),
    ("smtp", (b"220 a\r\n", b"220 a\r\n"), OTHER, "the reply to EHLO was due, and it says: 220 a"),
    ("smtp", (b"200 news ready\r\n",), OTHER, "it speaks NNTP"),
    ("smtp", (b"\r\n",), OTHER, "a reply of SMTP was due, and it says: an empty line"),
    ("smtp", (b"2200 a\r\n",), OTHER, "a reply of SMTP was due"),
    ("smtp", (b"\xb2\xb2\xb0 a\r\n",), OTHER, "a reply of SMTP was due"),
    ("smtp", (b"554 " + b"a" * 1000 + b"\r\n",), REFUSED, "554 aaaa"),
    ("lmtp", (b"220 a\r\n", b"500 what?\r\n"), NOT_OFFERED, "it does not know LHLO"),
    # IMAP: RFC 9051
    ("imap", (b"* OK hello\r\n", b"* CAPABILITY IMAP4rev2 starttls\r\na OK done\r\n", b"b OK go\r\n"), "", ""),
    ("imap", (b"* ok [capability STARTTLS] x\n", b"* 1 EXISTS\nb ok\n"), "", ""),
    ("imap", (b"* OK [CAPABILITY IMAP4rev2] x\r\n", b"a OK [CAPABILITY STARTTLS] x\r\n", b"b OK\r\n"), "", ""),
    ("imap", (b"* OK x\r\n", b"* CAPABILITY IMAP4rev2 XSTARTTLS\r\na OK x\r\n"), NOT_OFFERED, "its capabilities"),
    (
        "imap",
        (b"* OK say STARTTLS\r\n", b"* OK [ALERT] STARTTLS\r\na OK STARTTLS\r\n"),
        NOT_OFFERED,
        "its capabilities",
    ),
    ("imap", (b"* OK CAPABILITY STARTTLS\r\n", b"a OK CAPABILITY STARTTLS\r\n"), NOT_OFFERED, "its capabilities"),
    ("imap", (b"* OK x\r\n", b"a BAD what?\r\n"), NOT_OFFERED, "its capabilities"),
    ("imap", (b"* PREAUTH [CAPABILITY STARTTLS] x\r\n",), NOT_OFFERED, "it greets with PREAUTH"),
    ("imap", (b"* BYE too many connections\r\n",), REFUSED, "too many connections"),
    ("imap", (b"* BYE\r\n",), REFUSED, "it gives no reason"),
    ("imap", (b"* OK [CAPABILITY STARTTLS] x\r\n", b"* BYE\r\n"), REFUSED, "it gives no reason"),
    ("imap", (b"* OK [CAPABILITY STARTTLS] x\r\n", b"b NO [ALERT] no certificate\r\n"), REFUSED, "[ALERT] no cert"),
    ("imap", (b"* OK [CAPABILITY STARTTLS] x\r\n", b"b BAD no\r\n"), REFUSED, "no"),
    ("imap", (b"* OK [CAPABILITY STARTTLS] x\r\n", b"* BYE gone\r\n"), REFUSED, "gone"),
    ("imap", (b"* OK [CAPABILITY STARTTLS] x\r\n", b"a OK other tag\r\n"), OTHER, "the response to STARTTLS was due"),
    ("imap", (b"* OK [CAPABILITY STARTTLS] x\r\n", b"+ go on\r\n"), OTHER, "the response to STARTTLS was due"),
    ("imap", (b"* NO x\r\n",), OTHER, "a greeting of IMAP was due"),
    # POP3: RFC 1939, RFC 2449, RFC 2595
    ("pop3", (b"+OK\r\n", b"-ERR unknown command\r\n", b"+OK go\r\n"), "", ""),
    ("pop3", (b"+ok hi\n", b"+ok\nstls\n.\n", b"+ok\n"), "", ""),
    ("pop3", (b"+OK\r\n", b"-ERR a\r\n", b"-ERR b\r\n"), NOT_OFFERED, "it knows neither CAPA nor STLS: -ERR b"),
    ("pop3", (b"+OK\r\n", b"+OK\r\nUSER\r\nSASL STLS\r\n.\r\n"), NOT_OFFERED, "its capabilities do not include STLS"),
    ("pop3", (b"-ERR [SYS/TEMP] busy\r\n",), REFUSED, "-ERR [SYS/TEMP] busy"),
    ("pop3", (b"+OK\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"-ERR no\r\n"), REFUSED, "-ERR no"),
    ("pop3", (b"+OKAY\r\n",), OTHER, "a greeting of POP3 was due, and it says: +OKAY"),
    # ManageSieve: RFC 5804
    ("sieve", (CAPABLE, b"oK\r\n"), "", ""),
    ("sieve", (b'"starttls"\nOK (TAG {3}\na\nb) {2}\nhi\n', b"OK {0}\r\n\r\n"), "", ""),
    ("sieve", (b'"SIEVE" {9}\r\nSTARTTLS\n\r\nOK\r\n',), NOT_OFFERED, "its capabilities do not include STARTTLS"),
    ("sieve", (b'"SIEVE" "STARTTLS"\r\nOK\r\n',), NOT_OFFERED, "its capabilities do not include STARTTLS"),
    ("sieve", (b'BYE "Too many connections"\r\n',), REFUSED, '"Too many connections"'),
    ("sieve", (b"NO {4}\r\nbusy\r\n",), REFUSED, '"busy"'),
    ("sieve", (CAPABLE, b"NO\r\n"), REFUSED, "NO"),
    ("sieve", (CAPABLE, b'BYE "no"\r\n'), REFUSED, '"no"'),
    ("sieve", (b"STARTTLS\r\n",), OTHER, "a response of ManageSieve was due, and it says: STARTTLS"),
    # FTP: RFC 959, RFC 4217
    ("ftp", (b"120 in 1 minute\r\n", b"220 a\r\n", b"234 go\r\n"), "", ""),
    ("ftp", (b"220-a\r\n 220 b\r\n234 c\r\n221 d\r\n220 e\r\n", b"234-\n\n234 \n"), "", ""),
    ("ftp", (b"421 too many\r\n",), REFUSED, "421 too many"),
    ("ftp", (b"220 a\r\n", b"500 AUTH not understood\r\n"), NOT_OFFERED, "it does not know AUTH: 500 AUTH not unders"),
    ("ftp", (b"220 a\r\n", b"502 no\r\n"), NOT_OFFERED, "it does not know AUTH: 502 no"),
    ("ftp", (b"220 a\r\n", b"504 no\r\n"), NOT_OFFERED, "it does not know AUTH TLS: 504 no"),
    ("ftp", (b"220 a\r\n", b"431 later\r\n"), REFUSED, "431 later"),
    ("ftp", (b"220 a\r\n", b"334 ADAT=\r\n"), OTHER, "the reply to AUTH TLS was due, and it says: 334 ADAT="),
    ("ftp", (b"230 in\r\n",), OTHER, "a greeting of FTP was due"),
    # NNTP: RFC 3977, RFC 4642
    ("nntp", (b"201\n", b"101 list\nstarttls\n.\n", b"382\n"), "", ""),
    ("nntp", (b"200 a\r\n", b"101 a\r\nVERSION 2\r\nLIST STARTTLS\r\n.\r\n"), NOT_OFFERED, "its capabilities do not"),
    ("nntp", (b"200 a\r\n", b"500 what?\r\n"), NOT_OFFERED, "it does not know CAPABILITIES"),
    ("nntp", (b"200 a\r\n", b"503 not now\r\n"), REFUSED, "503 not now"),
    ("nntp", (b"200 a\r\n", b"200 a\r\n"), OTHER, "the response to CAPABILITIES was due, and it says: 200 a"),
    ("nntp", (b"400 overloaded\r\n",), REFUSED, "400 overloaded"),
    ("nntp", (b"200 a\r\n", b"101 a\r\nSTARTTLS\r\n.\r\n", b"580 Can not initiate TLS\r\n"), REFUSED, "580 Can not"),
    ("nntp", (b"200 a\r\n", b"101 a\r\nSTARTTLS\r\n.\r\n", b"283 ok\r\n"), OTHER, "the response to STARTTLS was due"),
    ("nntp", (b"220 a\r\n",), OTHER, "it speaks SMTP or FTP"),
    # PostgreSQL
    ("postgres", (b"E" + (4 + len(ERROR)).to_bytes(4) + ERROR,), REFUSED, "sorry, too many clients already"),
    ("postgres", (b"Ecould not fork\n\0",), REFUSED, "could not fork"),
    ("postgres", (b"E\0\0\0\x05\0",), REFUSED, "it gives no reason"),
    ("postgres", (b"R",), OTHER, "S or N was due, and it says: R"),
    # LDAP: RFC 4511
    ("ldap", (ldap("780f 0a0134 0400 0408" + b"no TLS..".hex()),), REFUSED, "unavailable: no TLS.."),
    ("ldap", (ldap("7807 0a0133 0400 0400"),), REFUSED, "busy"),
    ("ldap", (ldap("7809 0a02 1000 0401 61 0400"),), REFUSED, "result code 4096"),
    ("ldap", (ldap("7807 0a0100 0400 0400 a0023000"),), "", ""),
    ("ldap", (ldap("780c 0a0100 0400 0400 a303040161"),), "", ""),
    (
        "ldap",
        (ldap("781f 0a0134 0400 0400 8a16" + b"1.3.6.1.4.1.1466.20036".hex(), message="020101"),),
        REFUSED,
        "it disconnects: unavailable",
    ),
    ("ldap", (ldap("7807 0a0100 0400 0400", message="020100"),), REFUSED, "it disconnects: success"),
    ("ldap", (ldap("6107 0a0100 0400 0400"),), OTHER, "an ExtendedResponse of LDAP (no element with tag 0x78)"),
    ("ldap", (ldap("7807 0a0100 0400 0402"),), OTHER, "an ExtendedResponse of LDAP (an element that is cut short)"),
    ("ldap", (ldap("7880 0a0100 0400 0400 0000"),), OTHER, "an ExtendedResponse of LDAP (a length that cannot be)"),
    ("ldap", (ldap("7885 0000000007 0a0100 0400 0400"),), OTHER, "an ExtendedResponse of LDAP (a length that cannot"),
    ("ldap", (b"\x30\x80\x02\x01\x01\0\0",), OTHER, "a message of LDAP with a length that can be"),
    ("ldap", (b"\x30\x84\x00\x01\x00\x01",), OTHER, "a message of LDAP with a length that can be"),
    ("ldap", (b"\x30\x85\0\0\0\0" + ldap("7807 0a0100 0400 0400")[1:],), OTHER, "a message of LDAP with a length"),
    ("ldap", (b"\x30\x88" + b"\xff" * 8,), OTHER, "a message of LDAP with a length that can be"),
    ("ldap", (b"\x30\x00",), OTHER, "a message of LDAP with a length that can be"),
    # XMPP: RFC 6120
    ("xmpp-client", (PROSODY + b"\n" + FEATURES, PROCEED), "", ""),
    ("xmpp-client", (PROSODY.replace(b"'1.0' xmlns", b"'1.1' xmlns") + FEATURES, PROCEED), "", ""),
    (
        "xmpp-client",
        (
            b'<s:stream xmlns:s="http://etherx.jabber.org/streams" version="1.0" id="a>b">',
            b"<s:features><t:starttls xmlns:t='urn:ietf:params:xml:ns:xmpp-tls'/></s:features>",
            b"<t:proceed xmlns:t='urn:ietf:params:xml:ns:xmpp-tls'\n/>",
        ),
        "",
        "",
    ),
    ("xmpp-client", (PROSODY + b"<stream:features/>",), NOT_OFFERED, "the features of the stream do not include"),
    ("xmpp-client", (PROSODY + b"<stream:features><starttls/></stream:features>",), NOT_OFFERED, "the features"),
    (
        "xmpp-client",
        (PROSODY + b"<stream:features><a>" + STARTTLS + b"</a></stream:features>",),
        NOT_OFFERED,
        "the features",
    ),
    ("xmpp-client", (PROSODY.replace(b" version='1.0' ", b" "),), NOT_OFFERED, "it speaks a version of XMPP"),
    ("xmpp-client", (PROSODY.replace(b" version='1.0' ", b" version='0.9' "),), NOT_OFFERED, "it speaks a version"),
    (
        "xmpp-client",
        (PROSODY.replace(b" version='1.0' ", b" x:version='1.0' "),),
        OTHER,
        "an XMPP stream was due, and it says: <stream:stream",
    ),
    (
        "xmpp-client",
        (PROSODY + FEATURES, b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>"),
        REFUSED,
        "it answers <starttls/> with <failure/>",
    ),
    ("xmpp-client", (PROSODY + b"</stream:stream>",), REFUSED, "it closes the stream"),
    (
        "xmpp-client",
        (
            PROSODY + b"<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text>don&apos;t"
            b" <![CDATA[<you>&lt;]]>&nbsp;</text></stream:error>",
        ),
        REFUSED,
        "policy-violation: don't <you>&lt;&nbsp;",
    ),
    ("xmpp-client", (PROSODY + b"<stream:error/>",), REFUSED, "a stream error"),
    ("xmpp-client", (PROSODY + FEATURES, b"<proceed/>"), OTHER, "the answer to <starttls/> was due, and it says: proc"),
    ("xmpp-client", (PROSODY + PROCEED,), OTHER, "the features of the stream was due"),
)


@pytest.mark.parametrize(("protocol", "turns", "code", "detail"), CASES)
def test_what_comes_of_an_answer(protocol: str, turns: tuple[bytes, ...], code: str, detail: str) -> None:
    for cut in (whole, bytewise):
        outcome = hold(protocol, turns, cut)
        assert outcome.code == code
        if code:
            assert outcome.detail.startswith(detail)
            assert len(outcome.detail) < MAX_DETAIL + 100


FORBIDDEN: Final = (
    b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'>]>" + PROSODY,
    PROSODY + b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'>",
    PROSODY + b"<!-- a -->" + FEATURES,
    PROSODY + b"<?php a ?>" + FEATURES,
    b"<?xml version='1.0'?><?xml version='1.0'?>" + PROSODY,
    PROSODY + b"<stream:features>" + b"<a>" * 20,
    PROSODY + b"<stream:features></stream:error>",
    PROSODY + b"</a>",
    PROSODY + b"text" + FEATURES,
    PROSODY + b"<![CDATA[text]]>" + FEATURES,
    PROSODY + b"<other:features/>",
    PROSODY + b"<stream:features a=b/>",
    PROSODY + b"<stream:features a='<'/>",
    PROSODY + b"<stream:features a='1'b='2'/>",
    PROSODY + b"<stream:features\0/>",
    PROSODY + b"<1/>",
    PROSODY + b"<>",
    b"<stream xmlns='http://etherx.jabber.org/streams'/>",
    b"<stream xmlns='jabber:client'>",
    b"</stream:stream>",
    b"a<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>",
)


@pytest.mark.parametrize("octets", FORBIDDEN)
def test_xml_that_a_stream_may_not_hold_is_not_read(octets: bytes) -> None:
    for cut in (whole, bytewise):
        assert hold("xmpp-client", [octets], cut).code == "NOT_THIS_PROTOCOL"


def test_what_xmpp_says_is_shown_element_by_element() -> None:
    said = hold("xmpp-client", [PROSODY + b"\n" + FEATURES, PROCEED]).said
    assert said[1:] == (
        f"< {PROSODY.decode()}",
        f"< {FEATURES.decode()}",
        f"> {STARTTLS.decode()}",
        f"< {PROCEED.decode()}",
    )


def test_what_is_no_text_is_shown_as_words() -> None:
    assert hold("postgres", [b"S"]).said == ("> SSLRequest", "< S")
    assert hold("postgres", [b"Eno\0\0\0"]).said == ("> SSLRequest", "< E no")
    assert hold("ldap", [ldap("7807 0a0100 0400 0400")]).said == ("> StartTLS", "< success")


def test_names_are_written_as_xml_and_no_server_asks_by_an_address() -> None:
    named = dialogue("xmpp-server", HOST, "a&b.example").begin().send
    assert b" from='a&amp;b.example' to='example.net' " in named
    asked = dialogue("xmpp-client", dns.name.Name([b"a'<&", b"example", b""]), "probe.example").begin().send
    assert b" to='a&#x27;&lt;&amp;.example' " in asked
    assert b" from=" not in dialogue("xmpp-server", HOST, "[192.0.2.1]").begin().send
    assert b" from=" not in dialogue("xmpp-client", HOST, "probe.example").begin().send
