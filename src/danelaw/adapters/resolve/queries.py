"""Queries, and what may be taken for the reply to one, by whatever way both go."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from dns.rcode import Rcode
from dns.rcode import to_text as rcode_text
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.message import make_query, read_message
from danelaw.core.model import Message, Question, Silence

LONGEST: Final = 65535
"""Octets that a message may have outside of UDP (RFC 1035 §4.2.2)."""
_RESPONSE: Final = 0x8000
_OPCODE: Final = 0x7800
_ADDITIONAL_COUNT: Final = slice(10, 12)

Ask: TypeAlias = Callable[[Question], Awaitable[Message | Silence]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server, and how often to ask again by UDP; each try waits twice as long as the last.

    ``tcp``: for one question by TCP, TLS or HTTPS in all, the connection's making included.
    """

    first: timedelta = timedelta(seconds=1.5)
    tries: int = 3
    tcp: timedelta = timedelta(seconds=5)


class Channel(Protocol):
    """The way to one forwarder."""

    async def ask(self, question: Question) -> Message | Silence:
        """The reply, whatever its RCODE, or why there is none. In bounded time, and for many at once."""
        ...

    async def close(self) -> None:
        """Let go of what the questions have left open."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it is sent, DO and CD set. ``recursion_desired`` is set for forwarders and for nobody else."""

    id: int
    question: Question
    recursion_desired: bool
    wire: bytes

    @classmethod
    def make(cls, question: Question, *, recursion_desired: bool, id: int | None = None, payload: int = 1232) -> Query:
        """``id``: unpredictable unless it is given (RFC 5452 §9.2). ``payload``: what a datagram may hold."""
        number = secrets.randbits(16) if id is None else id
        wire = make_query(question.name, question.type, id=number, recursion_desired=recursion_desired, payload=payload)
        return cls(number, question, recursion_desired, wire)

    def matched_by(self, message: Message) -> bool:
        """What makes a message the reply (RFC 5452 §9.1). Addresses are the connected socket's to check."""
        if message.id != self.id or not message.flags & _RESPONSE or message.flags & _OPCODE:
            return False
        if not message.question:  # some servers send errors, and nothing but errors, without the question
            return message.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN)
        return message.question == (self.question,)

    def read(self, wire: bytes, where: str) -> Message | Silence | None:
        """The reply in ``wire``; None: it is not the reply to this. Raises ``MessageError`` if it cannot be read.

        ``NO_EDNS``: a forwarder's reply shows that it passes no signatures on. What it says would look bogus.
        """
        message = read_message(wire)
        if not self.matched_by(message):
            return None
        if self.recursion_desired and (sign := _without_edns(wire, message)):
            return Silence("NO_EDNS", f"{where}: {sign}, so it cannot be used for DNSSEC")
        return message


def _without_edns(wire: bytes, message: Message) -> str:
    """How a reply to a query with an OPT record shows that its sender knows none (RFC 6891 §7); empty if it does not.

    One without OPT that has signatures all the same is as good as any. An error, other than those that reject the OPT
    record, says nothing: some send errors in their barest form.
    """
    if int.from_bytes(wire[_ADDITIONAL_COUNT]) > len(message.additional):  # what the reader took out is the OPT record
        return ""
    if message.rcode in (Rcode.FORMERR, Rcode.NOTIMP):
        return f"{rcode_text(Rcode.make(message.rcode))} to a query with EDNS"
    sections = (message.answer, message.authority, message.additional)
    signed = any(record.type == T.RRSIG for section in sections for record in section)
    if message.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) and not message.truncated and not signed:
        return "a reply without EDNS and without signatures"
    return ""
