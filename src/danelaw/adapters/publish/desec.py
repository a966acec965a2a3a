"""Publishing at deSEC, by its REST API, into a zone that it signs.

One request changes one RRset or nothing. It has no preconditions (see ``compared``), tells no serial, and takes no TTL
below the domain's minimum, an hour as a rule. Requests are counted; who makes too many is told for how long to stop.
"""

from __future__ import annotations

from typing import Final

import msgspec
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.publish.compared import Found
from danelaw.adapters.publish.presentation import rdata_of, rdata_text, type_text
from danelaw.adapters.publish.web import WebApi, segment
from danelaw.core.model import Absence, Answer, DanelawError, RRset

URL: Final = "https://desec.io/api/v1"


class Entries(msgspec.Struct, frozen=True):
    """An RRset as the API shows it."""

    subname: str
    type: str
    ttl: int
    records: tuple[str, ...]


class Domain(msgspec.Struct, frozen=True):
    """``minimum_ttl`` in seconds."""

    name: str
    minimum_ttl: int


class DesecZone:
    """Implements ``compared.Place``. Raises what ``WebApi`` raises, and ``TTL_TOO_LOW``."""

    def __init__(self, api: WebApi, zone: Name) -> None:
        self._api = api
        self._zone = zone
        self._domain = f"/domains/{segment(zone.to_text(omit_final_dot=True))}/"
        self._minimum: int | None = None

    @property
    def zone(self) -> Name:
        return self._zone

    async def read(self, owner: Name, type: int) -> Found:
        listed = await self._api.get(f"{self._domain}rrsets/", tuple[Entries, ...], subname=self._subname(owner))
        here = {entries.type: entries for entries in listed if entries.subname == self._subname(owner)}
        for kind in (type, RdataType.CNAME):
            entries = here.get(type_text(kind))
            if entries is not None:
                return Found(RRset(owner, kind, entries.ttl, self._rdatas(kind, entries.records)))
        return Found(Absence(owner, type, 0))

    async def write(self, wanted: Answer, before: Found) -> bool:
        subname, kind = self._subname(wanted.owner), type_text(wanted.type)
        change: dict[str, object] = {"subname": subname, "type": kind, "records": []}
        if isinstance(wanted, RRset):
            texts = sorted(rdata_text(wanted.type, rdata) for rdata in wanted.rdatas)
            change |= {"ttl": await self._ttl(wanted), "records": texts}
        await self._api.send("PATCH", f"{self._domain}rrsets/", [change])
        return True

    async def _ttl(self, wanted: RRset) -> int:
        """What is asked for, or the minimum for texts, whose TTL matters to nobody: see ``compared``."""
        if self._minimum is None:
            self._minimum = (await self._api.get(self._domain, Domain)).minimum_ttl
        if wanted.ttl >= self._minimum or wanted.type == RdataType.TXT:
            return max(wanted.ttl, self._minimum)
        raise DanelawError(
            "TTL_TOO_LOW",
            f"deSEC takes no TTL of {wanted.ttl} s in {self._zone}",
            evidence=f"minimum_ttl is {self._minimum}",
            hint=f"set tlsa_ttl to {self._minimum} or more",
        )

    def _subname(self, owner: Name) -> str:
        relative = owner.relativize(self._zone).to_text()
        return "" if relative == "@" else relative.lower()

    def _rdatas(self, type: int, texts: tuple[str, ...]) -> frozenset[bytes]:
        try:
            return frozenset(rdata_of(type, text) for text in texts)
        except ValueError as error:
            what = "deSEC shows a record that cannot be read"
            raise DanelawError("API_REPLY_UNREADABLE", what, evidence=self._api.shown(str(error))) from None
