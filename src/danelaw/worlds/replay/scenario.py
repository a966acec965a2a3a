"""What a scenario holds: settings, what servers say and when, and steps. Times are seconds, steps are numbers."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from danelaw.core.dnssec.anchors import Anchors
from danelaw.core.dnssec.iterate import Delegation
from danelaw.core.model import IP, Instant, Message, Question, Security, Silence

_TRANSPORTS: Final = frozenset({"udp", "tcp"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a server says, and to what.

    ``match``: of "opcode", "qname", "qtype", "question", "subdomain", "udp", "tcp", those that must fit.
    ``copy_question``: the reply repeats the question, not the entry's own. ``silent``: nothing is said.
    """

    line: int
    match: frozenset[str]
    reply: Message
    copy_question: bool = False
    silent: bool = False

    def fits(self, question: Question, transport: str) -> bool:
        if self.match & _TRANSPORTS and transport not in self.match:
            return False
        if not self.reply.question:
            return not self.match - _TRANSPORTS - {"opcode"}
        own = self.reply.question[0]
        if self.match & {"qtype", "question"} and own.type != question.type:
            return False
        if self.match & {"qname", "question"} and own.name != question.name:
            return False
        return "subdomain" not in self.match or question.name.is_subdomain(own.name)


@dataclass(frozen=True, slots=True)
class Range:
    """What the servers at ``addresses``, or all servers if there are none, say from one step to another."""

    first: int
    last: int
    addresses: frozenset[IP]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What servers say, and when."""

    ranges: tuple[Range, ...]

    def answer(self, steps: Collection[int], address: IP, question: Question) -> Message | Silence:
        """The first entry that fits, of a range that any of ``steps`` lies in. A truncated reply is asked for by TCP.

        A reply that repeats another question is as good as none (RFC 5452 §9.1).
        """
        for transport in ("udp", "tcp"):
            reply = self._said(steps, address, question, transport)
            if isinstance(reply, Silence) or not reply.truncated:
                return reply
        return reply

    def _said(self, steps: Collection[int], address: IP, question: Question, transport: str) -> Message | Silence:
        for step in steps:
            for span in self.ranges:
                if not span.first <= step <= span.last or (span.addresses and address not in span.addresses):
                    continue
                for entry in span.entries:
                    if entry.fits(question, transport):
                        return _reply(entry, question)
        return Silence("TIMEOUT", f"{address} has nothing to say")


def _reply(entry: Entry, question: Question) -> Message | Silence:
    if entry.silent:
        return Silence("TIMEOUT", f"silent by line {entry.line}")
    if entry.copy_question:
        return replace(entry.reply, question=(question,))
    if entry.reply.question and entry.reply.question != (question,):
        return Silence("MALFORMED", f"line {entry.line} answers another question")
    return entry.reply


class Aspect(enum.Enum):
    """What a CHECK_ANSWER looks at."""

    STATE = "state"
    RCODE = "rcode"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Query:
    """A question, validated. ``checking``: False where the client asked for no validation (CD, RFC 4035 §3.2.2)."""

    step: int
    line: int
    question: Question
    checking: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """What is to have come of the last query.

    ``states``: any of these; BOGUS or INDETERMINATE may also be where the client is to get SERVFAIL, and INDETERMINATE
    where it is to get an answer without AD because no trust anchor is of use (RFC 4035 §4.3). Silence where the
    conversation has nothing for a question makes nothing right, unless ``silence`` is awaited. ``expected``: a message
    whose RCODE and answer section count, as far as ``aspects`` say so. ``reasons``: codes that must be among the
    result's.
    """

    step: int
    line: int
    states: frozenset[Security]
    silence: bool
    expected: Message
    aspects: frozenset[Aspect] = frozenset(Aspect)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TimePasses:
    """Moves the clock."""

    step: int
    line: int
    seconds: int


Step: TypeAlias = Query | Check | TimePasses


@dataclass(frozen=True, slots=True)
class Settings:
    """``now``: what the clock says at the start. ``old_algorithms``: signatures with SHA-1 and DSA count.

    ``nsec3_iterations``: what NSEC3 records may have at most, if not what the policy says.
    """

    now: Instant
    anchors: Anchors
    hints: tuple[Delegation, ...] = ()
    old_algorithms: bool = False
    nsec3_iterations: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story of questions and answers."""

    title: str
    settings: Settings
    conversation: Conversation
    steps: tuple[Step, ...] = field(default=())
