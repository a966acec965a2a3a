"""Publishing where changes cannot be bound to what was there: read, compare, write, read again.

Between reading and writing somebody else may write, and is overwritten then. Who can do better, does: see ``rfc2136``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.publish.change import accept, already, same
from danelaw.adapters.publish.presentation import rdata_text, type_text
from danelaw.core.model import Absence, Answer, DanelawError, RRset, serial_gt
from danelaw.core.rollover.actions import Conflict, Publish, Receipt


@dataclass(frozen=True, slots=True)
class Found:
    """What a place holds: an RRset, none, or the alias (CNAME) in its place.

    ``serial``: that of the zone as it is served, None where the place does not tell it. ``texts``: the records as the
    place writes them, where it wants to see them again so.
    """

    answer: Answer
    serial: int | None = None
    texts: tuple[str, ...] = ()


class Place(Protocol):
    """Where one zone is kept."""

    @property
    def zone(self) -> Name: ...

    async def read(self, owner: Name, type: int) -> Found: ...

    async def write(self, wanted: Answer, before: Found) -> bool:
        """Make it hold ``wanted``, which may be an ``Absence``, instead of ``before``.

        False: it saw by itself that ``before`` is not there any more, and changed nothing. Raises ``DanelawError``, and
        ``TimeoutError`` where it may have been done or not.
        """
        ...


class ComparedPublisher:
    """Implements ``ports.Publisher`` over a ``Place``.

    Raises ``NOT_PUBLISHABLE``, what the place raises, and ``UPDATE_WITHOUT_EFFECT`` and ``SERIAL_STUCK`` after it said
    that it made the change.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    async def publish(self, change: Publish) -> Receipt | Conflict:
        """Makes the place hold ``replace`` if it holds ``expect``; if it holds ``replace`` already, nothing."""
        accept(change)
        if change.zone != self._place.zone:
            raise DanelawError("NOT_PUBLISHABLE", f"this publisher is configured for {self._place.zone}")
        wanted = change.replace
        before = await self._place.read(wanted.owner, wanted.type)
        if _there(before.answer, wanted):
            return Receipt(before.serial, "was there already")
        if not same(before.answer, change.expect):
            return Conflict(before.answer)
        written = await self._place.write(wanted, before)
        after = await self._place.read(wanted.owner, wanted.type)
        if _there(after.answer, wanted):
            _require_raised(before, after)
            return Receipt(after.serial)
        if not written:
            return Conflict(after.answer)
        if isinstance(after.answer, RRset) and same(after.answer, wanted):
            raise DanelawError(
                "UPDATE_WITHOUT_EFFECT",
                f"the records of {wanted.owner} are there, and with another TTL than was asked for",
                evidence=f"TTL {after.answer.ttl}, not {wanted.ttl}",
                hint=f"where the place has bounds for TTLs, have the service's tlsa_ttl be {after.answer.ttl}",
            )
        raise DanelawError(
            "UPDATE_WITHOUT_EFFECT",
            f"the change of {wanted.owner} was accepted, and is not there",
            evidence=words(after.answer),
            hint="does somebody else write there? See the place's own log",
        )


def _there(found: Answer, wanted: Answer) -> bool:
    """Whether nothing needs to be changed. Some places raise small TTLs, and of a text, which only a CA reads, at the
    authorities, that is no matter."""
    return same(found, wanted) if wanted.type == RdataType.TXT else already(found, wanted)


def _require_raised(before: Found, after: Found) -> None:
    if before.serial is None or after.serial is None or serial_gt(after.serial, before.serial):
        return
    raise DanelawError(
        "SERIAL_STUCK",
        f"the change was made, and the serial is still {after.serial}",
        hint="secondaries never hear of such changes: let the server raise the serial at updates",
    )


def words(answer: Answer) -> str:
    """An answer as a person reads it."""
    kind = type_text(answer.type)
    if isinstance(answer, Absence):
        return f"no {kind} at {answer.owner}"
    return "; ".join(
        f"{answer.owner} {answer.ttl} {kind} {text}"
        for text in sorted(rdata_text(answer.type, r) for r in answer.rdatas)
    )
