"""What every authoritative server of a zone says by itself to the same questions. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from dns.name import Name

from danelaw.core.model.dns import Answer
from danelaw.core.model.message import Silence
from danelaw.core.model.service import IP


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that every server of a zone was asked. ``of``: the zone whose servers they are."""

    of: Name
    name: Name
    type: int


@dataclass(frozen=True, slots=True)
class Said:
    """What one server said to it. ``serial``: of the SOA, where that was asked for.

    An absence is a denial, and ``rcode`` tells NXDOMAIN (3) from NODATA (0); None where the server was silent.
    """

    asked: Asked
    server: Name
    address: IP
    answer: Answer | Silence
    serial: int | None = None
    rcode: int | None = None


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
