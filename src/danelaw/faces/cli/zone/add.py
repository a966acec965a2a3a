"""``danelaw zone add``: a record into a zone file, and signed, in one step."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from danelaw.app.zone_place import placed as at_files
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.dnssec.signing_times import SigningTimes
from danelaw.core.model import domain_name
from danelaw.faces.cli.zone.telling import Heading
from danelaw.faces.cli.zone.work import Where, carry_out, find, placed
from danelaw.ports import RecordChange

_HEADING: Final = Heading("danelaw/zone-edit/1", "added", "there already, so nothing is added")


@click.command()
@click.argument("zone")
@click.argument("owner")
@click.argument("type")
@click.argument("rdata", nargs=-1, required=True)
@click.option("--ttl", metavar="TTL", help="Seconds, or a time such as 1h; that of the records it joins if not given.")
@placed
def add(where: Where, *, owner: str, type: str, rdata: tuple[str, ...], ttl: str | None) -> None:
    """Add a record to ZONE, raise the serial, sign, and reload.

    OWNER is relative to the zone, as _443._tcp.www, or whole; @ is the zone itself. RDATA is as in a zone file, but a
    name that ends with the zone's own is whole, and texts need no quotes besides the shell's. The record goes into a
    block at the end of the file that Danelaw keeps. The zone is signed as it was last; one that is there changes
    nothing.

    Exit status: 0 it is there; 2 it cannot be, and nothing was written; 3 not every server serves the new serial.
    """

    def by_options(file: Path, keys: Path) -> FileZoneConfig:
        name = domain_name(where.zone)
        return at_files(name, file, keys, where.signed, where.reload, validity=SigningTimes().validity)

    change = RecordChange(owner, type, rdata, ttl)
    carry_out(where, find(where, by_options), lambda desk, now: desk.edit(change, now), _HEADING)
