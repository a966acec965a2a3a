"""Publishing by the HTTP API of PowerDNS's authoritative server, into a zone that it signs.

The API changes whole RRsets and knows no preconditions: see ``compared``. It raises the serial only where the zone's
SOA-EDIT-API metadata tells it to, and what is served may be yet another serial, which it calls the edited one.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.publish.change import same
from danelaw.adapters.publish.compared import Found
from danelaw.adapters.publish.presentation import rdata_of, rdata_text, type_text
from danelaw.adapters.publish.web import WebApi, segment
from danelaw.core.model import Absence, Answer, DanelawError, RRset

_COPIES: Final = frozenset({"slave", "secondary", "consumer"})


class Entry(msgspec.Struct, frozen=True):
    """A record. One that is disabled is not served, and belongs to who disabled it."""

    content: str
    disabled: bool = False


class Entries(msgspec.Struct, frozen=True):
    """An RRset as the API shows it."""

    name: str
    type: str
    ttl: int
    records: tuple[Entry, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """A zone as the API shows it."""

    kind: str
    serial: int
    edited_serial: int | None = None
    soa_edit_api: str = ""
    dnssec: bool = False
    api_rectify: bool = False
    rrsets: tuple[Entries, ...] = ()


class PowerDNSZone:
    """Implements ``compared.Place``. ``server``: the API's name of the server, which is ``localhost`` nearly always.

    Raises what ``WebApi`` raises, and ``ZONE_UNSUITED`` for a zone whose changes would not be served as they should.
    """

    def __init__(self, api: WebApi, zone: Name, server: str = "localhost") -> None:
        self._api = api
        self._zone = zone
        self._path = f"/api/v1/servers/{segment(server)}/zones/{_zone_id(zone)}"

    @property
    def zone(self) -> Name:
        return self._zone

    async def read(self, owner: Name, type: int) -> Found:
        # Servers before 4.7 do not know rrset_name, and give the whole zone.
        return self._found(await self._api.get(self._path, Shown, rrset_name=owner.to_text()), owner, type)

    async def write(self, wanted: Answer, before: Found) -> bool:
        # Only in the whole zone are disabled records shown, which are to stay as they are.
        shown = await self._api.get(self._path, Shown)
        if not same(self._found(shown, wanted.owner, wanted.type).answer, before.answer):
            return False
        kind = type_text(wanted.type)
        here = [entries for entries in shown.rrsets if entries.type == kind and _same_name(entries.name, wanted.owner)]
        records = [entry for entries in here for entry in entries.records if entry.disabled]
        if isinstance(wanted, RRset):
            records += [Entry(rdata_text(wanted.type, rdata)) for rdata in sorted(wanted.rdatas)]
        change: dict[str, object] = {"name": wanted.owner.to_text(), "type": kind}
        if records:
            change |= {"changetype": "REPLACE", "ttl": wanted.ttl, "records": records}
        else:
            change |= {"changetype": "DELETE"}
        await self._api.send("PATCH", self._path, {"rrsets": [change]})
        return True

    def _found(self, shown: Shown, owner: Name, type: int) -> Found:
        self._require_suited(shown)
        serial = shown.serial if shown.edited_serial is None else shown.edited_serial
        here = {entries.type: entries for entries in shown.rrsets if _same_name(entries.name, owner)}
        for kind in (type, RdataType.CNAME):
            entries = here.get(type_text(kind), Entries("", "", 0))
            if served := [entry.content for entry in entries.records if not entry.disabled]:
                return Found(RRset(owner, kind, entries.ttl, self._rdatas(kind, served)), serial)
        return Found(Absence(owner, type, 0), serial)

    def _require_suited(self, shown: Shown) -> None:
        zone = self._zone.to_text()
        if shown.kind.lower() in _COPIES:
            wrong, hint = f"it is of kind {shown.kind}", "url must be that of the primary"
        elif not shown.soa_edit_api:
            wrong, hint = "its serial is not raised", f"pdnsutil set-meta {zone} SOA-EDIT-API INCREASE"
        elif shown.dnssec and not shown.api_rectify:
            wrong, hint = "it is signed, and not rectified after changes", f"pdnsutil set-meta {zone} API-RECTIFY 1"
        else:
            return
        raise DanelawError("ZONE_UNSUITED", f"{zone} cannot be changed by this API as it is", evidence=wrong, hint=hint)

    def _rdatas(self, type: int, texts: list[str]) -> frozenset[bytes]:
        try:
            return frozenset(rdata_of(type, text) for text in texts)
        except ValueError as error:
            raise DanelawError(
                "API_REPLY_UNREADABLE",
                "PowerDNS shows a record that cannot be read",
                evidence=self._api.shown(str(error)),
                hint="mend it by hand, with pdnsutil edit-zone",
            ) from None  # it has the record whole


def _same_name(text: str, name: Name) -> bool:
    return text.lower() == name.to_text().lower()


def _zone_id(zone: Name) -> str:
    """PowerDNS has an escape of its own for what paths should not hold."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda match: f"={ord(match.group()):02X}", zone.to_text())
