"""Publishing into a zone that is kept in a file (see ``adapters.zone``)."""

from __future__ import annotations

from dns.rdatatype import RdataType

from danelaw.adapters.publish.change import accept, already, same
from danelaw.adapters.zone.edit import held, replace_rrset
from danelaw.adapters.zone.file_zones import FileZones
from danelaw.adapters.zone.master_file import ZoneSource
from danelaw.core.model import RRset
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
        accept(change)

        def edit(source: ZoneSource) -> ZoneSource | Conflict:
            found = held(source, change.replace.owner, change.replace.type)
            if already(found, change.replace):
                return source
            if isinstance(alias := held(source, change.replace.owner, RdataType.CNAME), RRset):
                return Conflict(alias)
            if not same(found, change.expect):
                return Conflict(found)
            return replace_rrset(source, change.replace)

        concerned = (change.replace.owner, change.replace.type)
        return await self._zones.update(change.zone, concerned, self._clock.now(), edit)
