"""``danelaw zone``: DNSSEC for zones kept in files. One file per subcommand."""

from __future__ import annotations

from typing import Final

import click

from danelaw.faces.cli.lazily import LazyGroup

COMMANDS: Final = {
    "keygen": "make a key, in BIND's key files",
    "sign": "sign a zone file, or what has changed in it",
    "add": "add a record to a zone file, and sign it",
    "remove": "remove records from a zone file, and sign it",
    "ds": "the DS for the registrar, and whether the parent has it",
    "verify": "judge a whole signed zone: every signature, every name",
    "roll": "other keys for a zone, step by step, while it stays valid",
}
"""What there is, and what it does, in the order of use."""


@click.group(cls=LazyGroup, package=__name__, table=COMMANDS)
def zone() -> None:
    """DNSSEC for zones kept in files.

    Keys are in files as BIND writes them, zones in master files: what dnssec-keygen and dnssec-signzone made is taken
    over as it is, and may be taken back.
    """
