"""``danelaw zone sign``: the zone that you edit to the zone that is served."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from danelaw.app.zone_place import placed as at_files
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.signing_times import SigningTimes
from danelaw.core.model import DanelawError, domain_name
from danelaw.faces.cli.arguments import duration
from danelaw.faces.cli.zone.telling import Heading
from danelaw.faces.cli.zone.work import Where, carry_out, find, placed

_HEADING: Final = Heading("danelaw/zone-sign/1")
_SHORTEST: Final = timedelta(hours=1)
_LONGEST: Final = timedelta(days=365)


@click.command()
@click.argument("zone")
@placed
@click.option("--nsec3", is_flag=True, help="Names are denied by their hashes: without salt or further iterations.")
@click.option("--opt-out", is_flag=True, help="With --nsec3: insecure delegations are left out, in very large zones.")
@click.option("--zonemd", is_flag=True, help="A digest of the whole zone, for who loads it.")
@click.option("--cds", is_flag=True, help="CDS and CDNSKEY records, for a parent that takes the DS from them.")
@click.option("--validity", metavar="TIME", help="How long signatures are valid, as 14d, which it is if not given.")
@click.option("--full", is_flag=True, help="Keep no signature: make all anew.")
def sign(
    where: Where, *, nsec3: bool, opt_out: bool, zonemd: bool, cds: bool, validity: str | None, full: bool
) -> None:
    """Sign ZONE: the file that you edit stays as it is but for its serial, and beside it stands the signed zone.

    The keys are those in DIR, used as the times in their files say. Run again, it signs what was changed and what
    comes near its end, and writes nothing where there is nothing to do: run it every day. The name server loads SIGNED.

    With --reload every name server of the zone is then asked until it serves the new serial.

    Exit status: 0 signed, or nothing to do; 2 something is wrong with what was given, and nothing was written; 3 not
    every server serves the new serial.
    """
    if opt_out and not nsec3:
        raise click.UsageError("--opt-out is a way of --nsec3: give that too")
    span = SigningTimes().validity if validity is None else duration(validity)
    if not _SHORTEST <= span <= _LONGEST:
        raise DanelawError(
            "BAD_DURATION", f"--validity {validity} is out of bounds", hint="from 1h to 365d; 14d serves most"
        )

    def by_options(file: Path, keys: Path) -> FileZoneConfig:
        chain = NSEC3Chain(opt_out=opt_out) if nsec3 else None
        return at_files(
            domain_name(where.zone),
            file,
            keys,
            where.signed,
            where.reload,
            nsec3=chain,
            zonemd=zonemd,
            cds=cds,
            validity=span,
        )

    given = {"--nsec3": nsec3, "--zonemd": zonemd, "--cds": cds, "--validity": validity is not None}
    found = find(where, by_options, [option for option, said in given.items() if said])
    carry_out(where, found, lambda desk, now: desk.sign(now, full=full), _HEADING)
