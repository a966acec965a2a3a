"""Conversations before TLS as real servers held them, recorded on the loopback interface; and how to hold them again.

Recorded on Debian 12 with Postfix 3.7.11, Dovecot 2.3.19.1 with Pigeonhole, Prosody 0.12.3, PostgreSQL 15.18,
slapd 2.5.13 and vsftpd 3.0.3; identifiers of streams are shortened. Made by hand are those of
NNTP, after the examples of RFC 4642 §2.1 and §2.2.3, lengths in four octets, as Active Directory writes them, and a
proceed with a closing tag of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import dns.name

from danelaw.core.starttls.dialogue import Dialogue, Ready, Stopped
from danelaw.core.starttls.protocols import dialogue

Cut: TypeAlias = Callable[[bytes], Iterable[bytes]]
"""How the octets of one turn come in."""

HOST: Final = dns.name.from_text("example.net")
CLIENT: Final = "probe.example.org"


@dataclass(frozen=True)
class Transcript:
    """``turns``: the server's octets, each sent once all before it in ``ours`` was heard. ``end``: the code of
    ``Stopped``, or empty: TLS starts."""

    protocol: str
    server: str
    turns: tuple[bytes, ...]
    ours: tuple[bytes, ...]
    end: str = ""

    def __str__(self) -> str:
        return f"{self.protocol}, {self.server}"


@dataclass(frozen=True)
class Outcome:
    end: Ready | Stopped | None
    said: tuple[str, ...]
    sent: bytes

    @property
    def code(self) -> str | None:
        """Empty: TLS starts. None: the server is to go on."""
        if self.end is None:
            return None
        return self.end.code if isinstance(self.end, Stopped) else ""

    @property
    def detail(self) -> str:
        assert isinstance(self.end, Stopped)
        return self.end.detail


def whole(octets: bytes) -> Iterable[bytes]:
    return (octets,)


def bytewise(octets: bytes) -> Iterator[bytes]:
    return (octets[i : i + 1] for i in range(len(octets)))


def fresh(protocol: str) -> Dialogue:
    return dialogue(protocol, HOST, CLIENT)


def hold(protocol: str, turns: Iterable[bytes], cut: Cut = whole) -> Outcome:
    """What comes of what a server says. An empty turn: it closes the connection."""
    conversation = fresh(protocol)
    step = conversation.begin()
    sent = step.send
    for turn in turns:
        for octets in cut(turn) if turn else (b"",):
            step = conversation.receive(octets)
            sent += step.send
            if step.end is not None:
                return Outcome(step.end, conversation.said, sent)
    return Outcome(None, conversation.said, sent)


POSTFIX: Final = (
    b"220 mail.example.net ESMTP Postfix\r\n",
    b"250-mail.example.net\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n"
    b"250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n",
    b"220 2.0.0 Ready to start TLS\r\n",
)
EHLO: Final = b"EHLO probe.example.org\r\n"

STREAM: Final = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:%s' xmlns:stream='http://etherx.jabber.org/streams'%s"
    b" to='example.net' version='1.0'>"
)
STARTTLS: Final = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
PROCEED: Final = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
PROSODY: Final = (
    b"<?xml version='1.0'?><stream:stream xml:lang='en' xmlns:stream='http://etherx.jabber.org/streams'"
    b" id='b46fc263' from='example.net' version='1.0' xmlns='jabber:client'>"
)

START_TLS: Final = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")

RECORDED: Final = (
    Transcript("smtp", "Postfix", POSTFIX, (EHLO, b"STARTTLS\r\n")),
    Transcript("submission", "Postfix", POSTFIX, (EHLO, b"STARTTLS\r\n")),
    Transcript(
        "smtp",
        "Postfix without TLS",
        (POSTFIX[0], POSTFIX[1].replace(b"250-STARTTLS\r\n", b"")),
        (EHLO,),
        "STARTTLS_NOT_OFFERED",
    ),
    Transcript(
        "lmtp",
        "Dovecot",
        (
            b"220 mail Dovecot (Debian) ready.\r\n",
            b"250-mail\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n"
            b"250 STARTTLS\r\n",
            b"220 2.0.0 Begin TLS negotiation now.\r\n",
        ),
        (b"LHLO probe.example.org\r\n", b"STARTTLS\r\n"),
    ),
    Transcript(
        "imap",
        "Dovecot",
        (
            b"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN]"
            b" Dovecot (Debian) ready.\r\n",
            b"b OK Begin TLS negotiation now.\r\n",
        ),
        (b"b STARTTLS\r\n",),
    ),
    Transcript(
        "pop3",
        "Dovecot",
        (
            b"+OK Dovecot (Debian) ready.\r\n",
            b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\n"
            b"STLS\r\nUSER\r\nSASL PLAIN\r\n.\r\n",
            b"+OK Begin TLS negotiation now.\r\n",
        ),
        (b"CAPA\r\n", b"STLS\r\n"),
    ),
    Transcript(
        "sieve",
        "Dovecot",
        (
            b'"IMPLEMENTATION" "Dovecot (Debian) Pigeonhole"\r\n"SIEVE" "fileinto reject envelope encoded-character'
            b' vacation subaddress comparator-i;ascii-numeric relational regex imap4flags copy include"\r\n'
            b'"NOTIFY" "mailto"\r\n"SASL" "PLAIN"\r\n"STARTTLS"\r\n"VERSION" "1.0"\r\n'
            b'OK "Dovecot (Debian) ready."\r\n',
            b'OK "Begin TLS negotiation now."\r\n',
        ),
        (b"STARTTLS\r\n",),
    ),
    Transcript(
        "xmpp-client",
        "Prosody",
        (
            PROSODY + b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
            b"</stream:features>",
            PROCEED,
        ),
        (STREAM % (b"client", b""), STARTTLS),
    ),
    Transcript(
        "xmpp-client",
        "Prosody, of a domain it does not serve",
        (
            PROSODY + b"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text"
            b" xmlns='urn:ietf:params:xml:ns:xmpp-streams'>This server does not serve example.net</text>"
            b"</stream:error></stream:stream>",
        ),
        (STREAM % (b"client", b""),),
        "STARTTLS_REFUSED",
    ),
    Transcript(
        "xmpp-server",
        "Prosody",
        (
            b"<?xml version='1.0'?><stream:stream xmlns:db='jabber:server:dialback' xml:lang='en'"
            b" xmlns:stream='http://etherx.jabber.org/streams' id='f34cbf5e' from='example.net' version='1.0'"
            b" xmlns='jabber:server' to='probe.example.org'><stream:features><starttls"
            b" xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls><dialback"
            b" xmlns='urn:xmpp:features:dialback'/></stream:features>",
            PROCEED,
        ),
        (STREAM % (b"server", b" from='probe.example.org'"), STARTTLS),
    ),
    Transcript("postgres", "PostgreSQL", (b"S",), (SSL_REQUEST,)),
    Transcript("postgres", "PostgreSQL without TLS", (b"N",), (SSL_REQUEST,), "STARTTLS_REFUSED"),
    Transcript("ftp", "vsftpd", (b"220 (vsFTPd 3.0.3)\r\n", b"234 Proceed with negotiation.\r\n"), (b"AUTH TLS\r\n",)),
    Transcript(
        "ftp",
        "vsftpd without TLS",
        (b"220 (vsFTPd 3.0.3)\r\n", b"530 Please login with USER and PASS.\r\n"),
        (b"AUTH TLS\r\n",),
        "STARTTLS_REFUSED",
    ),
    Transcript("ldap", "slapd", (bytes.fromhex("300c02010178070a010004000400"),), (START_TLS,)),
    Transcript(
        "ldap",
        "slapd without TLS",
        (bytes.fromhex("302a02010178250a01020400041e") + b"unsupported extended operation",),
        (START_TLS,),
        "STARTTLS_NOT_OFFERED",
    ),
)

MADE: Final = (
    Transcript(
        "nntp",
        "the examples of the RFC",
        (
            b"200 news.example.net ready\r\n",
            b"101 Capability list:\r\nVERSION 2\r\nREADER\r\nIHAVE\r\nSTARTTLS\r\nLIST ACTIVE NEWSGROUPS\r\n.\r\n",
            b"382 Continue with TLS negotiation\r\n",
        ),
        (b"CAPABILITIES\r\n", b"STARTTLS\r\n"),
    ),
    Transcript(
        "ldap",
        "in the manner of Active Directory",
        (bytes.fromhex("30840000002802010178840000001f0a010004000400") + b"\x8a\x16" + START_TLS[-22:],),
        (START_TLS,),
    ),
    Transcript(
        "xmpp-client",
        "a proceed with a closing tag",
        (
            b"<?xml version='1.0'?><stream:stream id='1' version='1.0' xml:lang='en' from='example.net'"
            b" xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'>",
            b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
            b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>",
        ),
        (STREAM % (b"client", b""), STARTTLS),
    ),
)

TRANSCRIPTS: Final = (*RECORDED, *MADE)
STARTED: Final = tuple(transcript for transcript in TRANSCRIPTS if not transcript.end)
