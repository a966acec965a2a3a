"""A parent that is asked by the zone itself: by CDS and CDNSKEY records at its apex (RFC 7344 §4).

They change when the DS may change and at no other time, so that a parent which follows them at once does what the gate
has allowed, and one that looks once a day does it later.
"""

from __future__ import annotations

from danelaw.adapters.zone.file_zones import FileZones
from danelaw.core.model import RRset
from danelaw.core.rollover.actions import Conflict, Receipt, SubmitDS
from danelaw.ports import Clock, Parent


class AskedByCDS:
    """``ports.Parent``. ``then``: who is told besides; None: the records are all that the parent gets."""

    def __init__(self, files: FileZones, clock: Clock, then: Parent | None = None) -> None:
        self._files = files
        self._clock = clock
        self._then = then

    async def submit_ds(self, change: SubmitDS) -> Receipt | Conflict:
        """Raises as ``FileZones.ask`` does."""
        wanted = change.replace.rdatas if isinstance(change.replace, RRset) else frozenset[bytes]()
        asked = await self._files.ask(change.zone, wanted, self._clock.now())
        return asked if self._then is None else await self._then.submit_ds(change)
