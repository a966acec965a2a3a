"""What the authoritative servers of a zone said, laid side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import IP, Absence, Answer, Asked, RRset, Said, Silence, Sweep, serial_gt
from danelaw.core.tlsa import TLSA

SOA = int(dns.rdatatype.SOA)
_NOWHERE: Final = frozenset({"TIMEOUT", "UNREACHABLE"})


@dataclass(frozen=True, slots=True)
class Version:
    """What one server serves. ``newest``: whether no other server of the zone has a later SOA serial, as far as its own
    is known."""

    said: Said
    answer: Answer
    newest: bool

    @property
    def server(self) -> str:
        return server_of(self.said)


def answers_to(sweep: Sweep | None, zone: Name | None = None) -> tuple[Said, ...]:
    """Everything that was said, of one zone or of all."""
    return tuple(said for said in sweep.said if zone in (None, said.asked.of)) if sweep is not None else ()


def server_of(said: Said) -> str:
    """``ns1.example.net (192.0.2.53)``."""
    return f"{said.server.to_text(omit_final_dot=True)} ({said.address})"


def tlsa_versions(sweep: Sweep) -> Iterator[tuple[Asked, tuple[Version, ...]]]:
    """For each question for TLSA, what each server that answered serves: the records, an alias, or their absence."""
    for zone in sweep.zones():
        serials = serials_of(sweep, zone)
        newest = newest_of(serials.values())
        for asked in sweep.questions(zone):
            if asked.type == TLSA:
                yield (
                    asked,
                    tuple(
                        Version(said, said.answer, newest is None or serials.get(said.address) == newest)
                        for said in sweep.to(asked)
                        if not isinstance(said.answer, Silence)
                    ),
                )


def serials_of(sweep: Sweep, zone: Name) -> dict[IP, int]:
    """The SOA serial at each address that told one."""
    soas = (said for said in sweep.said if said.asked.of == zone and said.asked.type == SOA)
    return {said.address: said.serial for said in soas if said.serial is not None}


def newest_of(serials: Iterable[int]) -> int | None:
    """The latest of these serials (RFC 1982 §3.2)."""
    newest: int | None = None
    for serial in serials:
        if newest is None or serial_gt(serial, newest):
            newest = serial
    return newest


def rdatas_of(answer: Answer) -> frozenset[bytes] | None:
    """What servers are compared by: type and rdata, TTLs and signatures aside; None for an absence."""
    return None if isinstance(answer, Absence) else frozenset(bytes([answer.type & 0xFF]) + r for r in answer.rdatas)


def is_tlsa(answer: Answer) -> bool:
    return isinstance(answer, RRset) and answer.type == TLSA


def anyone_answered(sweep: Sweep | None) -> bool:
    """Whether any name server could be asked from here: where none could, it is likely this place that is cut off."""
    return any(not isinstance(said.answer, Silence) or said.answer.code not in _NOWHERE for said in answers_to(sweep))


def unreachable_family(sweep: Sweep | None) -> frozenset[int]:
    """The IP versions, 4 or 6, in which no server at all could be reached: then it is this place that lacks them."""
    reached: dict[int, bool] = {}
    for said in answers_to(sweep):
        silent = isinstance(said.answer, Silence) and said.answer.code == "UNREACHABLE"
        reached[said.address.version] = reached.get(said.address.version, False) or not silent
    return frozenset(version for version, any_reached in reached.items() if not any_reached)
