"""``danelaw zone remove``: records out of a zone file, and the zone signed, in one step."""

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

_HEADING: Final = Heading("danelaw/zone-edit/1", "removed", "not there, so nothing is removed")


@click.command()
@click.argument("zone")
@click.argument("owner")
@click.argument("type")
@click.argument("rdata", nargs=-1)
@placed
def remove(where: Where, *, owner: str, type: str, rdata: tuple[str, ...]) -> None:
    """Remove a record from ZONE, raise the serial, sign, and reload.

    As ``danelaw zone add``. Without RDATA all records of OWNER and TYPE go. Of the file only the lines of these records
    go; where others depend on them, nothing is done, and it says why.

    Exit status: 0 it is gone; 2 it cannot be removed, and nothing was written; 3 not every server serves the new
    serial.
    """

    def by_options(file: Path, keys: Path) -> FileZoneConfig:
        name = domain_name(where.zone)
        return at_files(name, file, keys, where.signed, where.reload, validity=SigningTimes().validity)

    change = RecordChange(owner, type, rdata, remove=True)
    carry_out(where, find(where, by_options), lambda desk, now: desk.edit(change, now), _HEADING)
