"""Publishing into a zone that is kept in a file (see ``adapters.zone``)."""

from __future__ import annotations

import dns.rdatatype
from dns.rdatatype import RdataType

from danelaw.adapters.zone.edit import held, replace_rrset
from danelaw.adapters.zone.file_zones import FileZones
from danelaw.adapters.zone.master_file import ZoneSource
from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.dnssec.sign import MADE_BY_SIGNING
from danelaw.core.model import Absence, Answer, DanelawError
from danelaw.core.rollover.actions import Conflict, Publish, Receipt
from danelaw.ports import Clock


class ZonefilePublisher:
    """Implements ``ports.Publisher``: compare-and-swap on the operator's source file.

    Raises ``NOT_PUBLISHABLE`` for what is no plain RRset of the zone, and what ``FileZones.update`` raises.
    """

    def __init__(self, zones: FileZones, clock: Clock) -> None:
        self._zones = zones
        self._clock = clock

    async def publish(self, change: Publish) -> Receipt | Conflict:
        """Makes the source hold ``replace`` if it holds ``expect``, and serves it.

        If it holds ``replace`` already, then only the served file is seen to: doing it again does nothing.
        """
        _accept(change)

        def edit(source: ZoneSource) -> ZoneSource | Conflict:
            found = held(source, change.replace.owner, change.replace.type)
            if _same(found, change.replace) and _ttl(found) == _ttl(change.replace):
                return source
            if not _same(found, change.expect):
                return Conflict(found)
            return replace_rrset(source, change.replace)

        return await self._zones.update(change.zone, self._clock.now(), edit)


def _accept(change: Publish) -> None:
    expected, wanted = change.expect, change.replace
    if (expected.owner, expected.type) != (wanted.owner, wanted.type):
        raise DanelawError("NOT_PUBLISHABLE", f"{expected.owner} cannot be replaced by {wanted.owner}")
    if not wanted.owner.is_subdomain(change.zone) or wanted.type in {*MADE_BY_SIGNING, RdataType.SOA}:
        kind = dns.rdatatype.to_text(RdataType.make(wanted.type))
        raise DanelawError("NOT_PUBLISHABLE", f"{wanted.owner} {kind} is not for publishers of {change.zone}")


def _same(left: Answer, right: Answer) -> bool:
    """The same records, whatever the case of names in them, or none: TTLs and signatures aside."""
    return _records(left) == _records(right)


def _records(answer: Answer) -> frozenset[bytes]:
    if isinstance(answer, Absence):
        return frozenset()
    return frozenset(canonical_rdata(answer.type, rdata) for rdata in answer.rdatas)


def _ttl(answer: Answer) -> int | None:
    return None if isinstance(answer, Absence) else answer.ttl
