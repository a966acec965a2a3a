"""What is to be drawn: a validated answer, what each server said by itself, what TLSA records were compared with."""

from __future__ import annotations

from dataclasses import dataclass

from dns.name import Name

from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.model import IP, Absence, Answer, Instant, RRset, Silence, Validated


@dataclass(frozen=True, slots=True)
class Presented:
    """A certificate that was presented, or the lack of one, and whether a TLSA record matches it.

    ``subject``: what it says of itself, or why there is none. ``depth``: in the presented chain, the leaf being 0.
    ``matched``: None where nothing was learnt, ``trouble`` then says why, as it does for a mismatch.
    """

    address: IP
    matched: bool | None
    subject: str
    record: str = ""
    depth: int | None = None
    until: Instant | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that every server of a zone was asked. ``of``: the zone whose servers they are."""

    of: Name
    name: Name
    type: int


@dataclass(frozen=True, slots=True)
class Said:
    """What one server said to it."""

    asked: Asked
    server: Name
    address: IP
    answer: Answer | Silence
    serial: int | None = None
    """Of the SOA, where that was asked for."""

    def same(self, other: Said) -> bool:
        """Whether two servers say the same: same rdata in canonical form, or the same absence. TTLs are aside."""
        return _content(self) == _content(other)


def _content(said: Said) -> object:
    answer = said.answer
    if isinstance(answer, RRset):
        if said.serial is not None:
            return said.serial
        return frozenset(canonical_rdata(answer.type, rdata) for rdata in answer.rdatas)
    return Absence if isinstance(answer, Absence) else answer.code


@dataclass(frozen=True, slots=True)
class Sweep:
    """What every authoritative server said. ``unknown``: zones whose servers could not all be found, and why."""

    said: tuple[Said, ...] = ()
    unknown: tuple[tuple[Name, str], ...] = ()

    def zones(self) -> tuple[Name, ...]:
        return tuple(dict.fromkeys([*(said.asked.of for said in self.said), *(zone for zone, _ in self.unknown)]))

    def questions(self, zone: Name) -> tuple[Asked, ...]:
        return tuple(dict.fromkeys(said.asked for said in self.said if said.asked.of == zone))

    def to(self, asked: Asked) -> tuple[Said, ...]:
        return tuple(said for said in self.said if said.asked == asked)

    def differs(self, asked: Asked) -> bool:
        """Whether servers disagree, or one of them says nothing of use."""
        replies = self.to(asked)
        return any(isinstance(said.answer, Silence) or not said.same(replies[0]) for said in replies)


@dataclass(frozen=True, slots=True)
class Picture:
    """``sweep`` and ``presented`` are None where nobody looked."""

    answer: Validated
    sweep: Sweep | None = None
    presented: tuple[Presented, ...] | None = None
