"""``danelaw zone keygen``: a new key for a zone, in BIND's key files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from danelaw import wiring
from danelaw.app.zone_keys import MadeKey
from danelaw.app.zone_keys import keygen as make
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.dnssec.keys import key_bits
from danelaw.core.model import domain_name
from danelaw.faces.cli import terminal
from danelaw.faces.cli.terminal import Ink

_SIGNS = {
    KeyRole.CSK: "it signs the whole zone",
    KeyRole.KSK: "it signs the zone's keys",
    KeyRole.ZSK: "it signs the zone's records",
}


@click.command()
@click.argument("zone")
@click.option(
    "--keys",
    "directory",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the zone's keys are; made if it is not there.",
)
@click.option(
    "--algorithm",
    "-a",
    metavar="ALG",
    help="ECDSAP256SHA256 (13) if not given, or that of the zone's other keys; ECDSAP384SHA384 (14), ED25519 (15), "
    "ED448 (16) or RSASHA256 (8).",
)
@click.option("--bits", "-b", type=int, metavar="N", help="The size of an RSA key, 2048 if not given.")
@click.option("--csk", "role", flag_value="csk", help="One key that signs everything. This is the default.")
@click.option("--ksk", "role", flag_value="ksk", help="A key-signing key, which the DS points to; make a ZSK too.")
@click.option("--zsk", "role", flag_value="zsk", help="A zone-signing key, beside a KSK.")
@click.option("--json", "json_form", is_flag=True, help="Give the result as JSON.")
def keygen(
    zone: str, directory: Path, algorithm: str | None, bits: int | None, role: str | None, json_form: bool
) -> None:
    """Make a key for ZONE.

    One key that signs everything (a CSK) is all that a zone needs, and is what is made unless --ksk or --zsk says
    otherwise. It is active at once: the next signing uses it. No key is ever overwritten, and none gets the key tag of
    another key of the zone.

    The name of the key's files, without their endings, goes to standard output.

    Exit status: 0 it is made; 2 it is not.
    """
    name = domain_name(zone)
    terminal.need_output()
    made = make(
        wiring.key_files(directory), name, KeyRole(role or KeyRole.CSK.value), algorithm, bits, wiring.clock().now()
    )
    if json_form:
        terminal.data(json.dumps(_as_json(made), indent=2))
        return
    terminal.data(made.file.stem)
    _tell(made, directory)


def _tell(made: MadeKey, directory: Path) -> None:
    dnskey, zone = made.key.dnskey, made.key.zone.to_text(omit_final_dot=True)
    algorithm = Algorithm(dnskey.algorithm).name
    size = f" of {key_bits(dnskey)} bits" if dnskey.algorithm == Algorithm.RSASHA256 else ""
    terminal.hanging(
        (Ink(f"{made.role.name} {made.key.tag}", bold=True), f" of {zone}: "), f"{algorithm}{size}; {_SIGNS[made.role]}"
    )
    private = made.file.with_suffix(".private")
    terminal.say(f"  {made.file}  (public)")
    terminal.say(f"  {private}  (secret: for its owner only)")
    for note in made.notes:
        terminal.hanging((Ink("note: ", bold=True),), note)
    terminal.hanging((Ink("next: ", bold=True),), f"danelaw zone sign {zone} --file ZONEFILE --keys {directory}")
    if dnskey.is_sep:
        terminal.hanging((Ink("then: ", bold=True),), f"danelaw zone ds {zone} --keys {directory}")


def _as_json(made: MadeKey) -> dict[str, object]:
    dnskey = made.key.dnskey
    return {
        "schema": "danelaw/zone-keygen/1",
        "zone": made.key.zone.to_text(),
        "role": made.role.value,
        "tag": made.key.tag,
        "flags": dnskey.flags,
        "algorithm": dnskey.algorithm,
        "mnemonic": Algorithm(dnskey.algorithm).name,
        "bits": key_bits(dnskey),
        "created": f"{made.created:%Y-%m-%dT%H:%M:%SZ}",
        "public": str(made.file),
        "private": str(made.file.with_suffix(".private")),
        "notes": list(made.notes),
    }
