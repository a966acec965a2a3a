"""Writes scenarios as text: the same story gives the same bytes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdatatype import RdataType

from danelaw.core.model import Message, Question, Record
from danelaw.worlds.replay.records import read_question
from told.zones import NOW, Lie, Zone, lies

LAST: Final = 1000
_FLAGS: Final = {0x8000: "QR", 0x0400: "AA", 0x0200: "TC", 0x0100: "RD", 0x0080: "RA"}


def asked(text: str) -> Question:
    """The question in ``name type``."""
    return read_question(text, dns.name.root)


class Script:
    """A scenario in the making. Steps are numbered by tens, as they are told."""

    def __init__(
        self,
        title: str,
        shows: str,
        *,
        anchors: Iterable[str],
        root: str = "192.0.2.1",
        forwarder: str | None = None,
        now: datetime = NOW,
    ) -> None:
        hint = ("forward-zone", "forward-addr", forwarder) if forwarder else ("stub-zone", "stub-addr", root)
        self._head = [
            *(f"; {line}" for line in textwrap.wrap(shows, 110)),
            "; Written by tests/told/stories.py: not to be edited.",
            "server:",
            *(f'    trust-anchor: "{anchor}"' for anchor in anchors),
            f'    val-override-date: "{now:%Y%m%d%H%M%S}"',
            f"{hint[0]}:",
            '    name: "."',
            f"    {hint[1]}: {hint[2]}",
            "CONFIG_END",
            "",
            f"SCENARIO_BEGIN {title}",
        ]
        self._said: list[str] = []
        self._steps: list[str] = []
        self._number = 0

    @property
    def next_step(self) -> int:
        return self._number + 10

    def server(self, address: str, *entries: list[str], first: int = 0, last: int = LAST) -> None:
        """What a server says between two steps."""
        self._said += ["", f"RANGE_BEGIN {first} {last}", f"ADDRESS {address}"]
        for entry in entries:
            self._said += entry
        self._said.append("RANGE_END")

    def query(self, question: str, flags: str = "RD DO") -> None:
        body = ["ENTRY_BEGIN", f"REPLY {flags}", "SECTION QUESTION", _question(asked(question)), "ENTRY_END"]
        self._step("QUERY", *body)

    def check(
        self,
        question: str,
        state: str,
        *answer: str,
        rcode: str = "NOERROR",
        reasons: Iterable[str] = (),
        undecided: bool = False,
    ) -> None:
        """``state`` is what the flags say; ``undecided``: it is INDETERMINATE, and silence is right."""
        flags = "QR RD RA DO"
        flags += {"secure": f" AD {rcode}", "insecure": f" {rcode}", "bogus": " SERVFAIL"}[state]
        match = " ".join(("all", *(f"reason={reason}" for reason in reasons)))
        match += " state=indeterminate" if undecided else f" state={state}"
        body = ["ENTRY_BEGIN", f"MATCH {match}", f"REPLY {flags}", "SECTION QUESTION", _question(asked(question))]
        self._step("CHECK_ANSWER", *body, "SECTION ANSWER", *answer, "ENTRY_END")

    def passes(self, seconds: int) -> None:
        self._step(f"TIME_PASSES ELAPSE {seconds}")

    def _step(self, kind: str, *body: str) -> None:
        self._number += 10
        self._steps += ["", f"STEP {self._number} {kind}", *body]

    def text(self) -> str:
        return "\n".join([*self._head, *self._said, *self._steps, "", "SCENARIO_END", ""])


def said(zone: Zone, *questions: str, lie: Iterable[Lie] = (), transport: str = "") -> list[str]:
    """Entries: what an authority for the zone says to these questions, as it arrives."""
    lines: list[str] = []
    for text in questions:
        question = asked(text)
        lines += entry(question, lies(zone.reply(question), *lie), transport)
    return lines


def entry(question: Question, message: Message, transport: str = "") -> list[str]:
    flags = [name for bit, name in _FLAGS.items() if message.flags & bit]
    lines = [
        "ENTRY_BEGIN",
        " ".join(filter(None, ("MATCH opcode qtype qname", transport))),
        "ADJUST copy_id",
        " ".join(("REPLY", *flags, dns.rcode.to_text(dns.rcode.Rcode.make(message.rcode)))),
        "SECTION QUESTION",
        _question(question),
    ]
    for name, records in (
        ("ANSWER", message.answer),
        ("AUTHORITY", message.authority),
        ("ADDITIONAL", message.additional),
    ):
        lines += [f"SECTION {name}", *map(_record, records)] if records else []
    return [*lines, "ENTRY_END"]


def _question(question: Question) -> str:
    return f"{question.name} IN {dns.rdatatype.to_text(RdataType.make(question.type))}"


def _record(record: Record) -> str:
    type = RdataType.make(record.type)
    try:
        rdata = dns.rdata.from_wire(dns.rdataclass.IN, type, record.rdata, 0, len(record.rdata)).to_text()
    except dns.exception.DNSException:
        rdata = rf"\# {len(record.rdata)} {record.rdata.hex()}"
    return f"{record.owner} {record.ttl} IN {dns.rdatatype.to_text(type)} {rdata}"
