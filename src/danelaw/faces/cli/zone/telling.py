"""What ``sign``, ``add`` and ``remove`` print."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.app.served import Loaded, ServerSays
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.model import DanelawError
from danelaw.core.model.instants import rfc3339, to_minute
from danelaw.faces.cli import terminal
from danelaw.faces.cli.terminal import Ink
from danelaw.ports import ZoneWork

_MOST_TOLD: Final = 5
"""Of oddities in the file: the others are in the JSON."""


@dataclass(frozen=True, slots=True)
class Heading:
    """``schema`` of the JSON; of an edit, what is said when it was made, and when it was not needed."""

    schema: str
    done: str = ""
    idle: str = ""


def tell(work: ZoneWork, zone: FileZoneConfig, heading: Heading) -> None:
    """What was done to the zone, to standard output."""
    signing = work.signing
    if work.owner is not None:
        _tell_record(work, zone, heading)
    name = str(signing.zone)
    if not signing.changed:
        terminal.show(Ink(f"{name} unchanged", bold=True), f", serial {signing.serial}: every signature is good")
    else:
        was = f", was {signing.served_before}" if signing.served_before is not None else ""
        terminal.show(Ink(f"{name} signed", fg="green", bold=True), f", serial {signing.serial}{was}")
    _line("file", str(zone.signed))
    keys = [f"{role.value} {key.tag} {_mnemonic(key.algorithm)}" for key, role in signing.keys]
    for at, key in enumerate(keys):
        _line("keys" if at == 0 else "", key)
    if signing.changed:
        _line("RRsets", f"{signing.signed} signed anew, {signing.kept} kept their signatures")
        if signing.full:
            _line("all anew", signing.full)
        if signing.edited:
            _line("went live", ", ".join(signing.edited))
        if signing.validity > signing.asked_validity:
            _line("validity", f"{signing.validity.days} days, since the SOA's EXPIRE and the TTLs need as much")
    _line("first ends", to_minute(signing.first_expiration))
    _line("sign again", f"{to_minute(signing.again_by)} at the latest")
    if zone.reload:
        _line("reloaded", f"by {shlex.join(zone.reload)}")
    elif signing.changed:
        _line("next", f"let the name server load {zone.signed}, or give its command with --reload")
    for reason in signing.advice:
        _line("advice", f"{reason.detail} ({reason.section}) [{reason.code}]")
    for code, text in work.oddities[:_MOST_TOLD]:
        _line("oddity", f"{text} [{code}]")
    if len(work.oddities) > _MOST_TOLD:
        _line("", f"and {len(work.oddities) - _MOST_TOLD} more such, which --json tells")


def _tell_record(work: ZoneWork, zone: FileZoneConfig, heading: Heading) -> None:
    terminal.show(Ink(heading.done if work.changed else heading.idle, bold=True))
    shown = f"{work.owner} {dns.rdatatype.to_text(dns.rdatatype.RdataType.make(work.type))}"
    if not work.records:
        terminal.show(f"  {zone.file} holds no {shown} now")
    for record in work.records:
        terminal.show(f"  {record}")


def tell_served(said: Sequence[ServerSays]) -> None:
    """What every server says of it."""
    for at, one in enumerate(said):
        _line("served" if at == 0 else "", f"{_says(one)}")


def not_served(zone: FileZoneConfig, serial: int, said: Sequence[ServerSays], waited: float) -> DanelawError:
    """Why it is not known that the zone is served."""
    late = [one for one in said if not one.good]
    command = shlex.join(zone.reload)
    hint = "see the name server's log; ask other servers with --server IP, or wait longer with --wait"
    if command and all(one.loaded is Loaded.NOT_YET for one in late):
        hint = f"does {command} load {zone.signed}, and do the secondaries hear of it? See the name server's log"
    return DanelawError(
        "SERIAL_NOT_SERVED",
        f"{len(late)} of {len(said)} servers did not serve {serial} within {waited:g} s",
        evidence="; ".join(map(_says, late)),
        hint=hint,
    )


class Waiting:
    """Says which servers are awaited: each thing once, on a terminal in one line."""

    def __init__(self, serial: int) -> None:
        self._serial = serial
        self._said = ""

    def __call__(self, said: Sequence[ServerSays]) -> None:
        late = [one for one in said if not one.good]
        more = f" and {len(late) - 2} more" if len(late) > 2 else ""
        text = f"waiting for serial {self._serial} at {', '.join(map(_says, late[:2]))}{more}"
        if terminal.interactive():
            terminal.wait(text)
        elif text != self._said:
            terminal.say(text)
        self._said = text


def wait_for_lock(zone: Name, path: Path) -> None:
    text = f"waiting for another process that is changing {zone} (it holds {path})"
    if terminal.interactive():
        terminal.wait(text)
    else:
        terminal.say(text)


def as_json(
    work: ZoneWork, zone: FileZoneConfig, said: Sequence[ServerSays] | None, heading: Heading
) -> dict[str, object]:
    signing = work.signing
    form: dict[str, object] = {
        "schema": heading.schema,
        "zone": str(signing.zone),
        "file": str(zone.file),
        "signed_file": str(zone.signed),
    }
    if work.owner is not None:
        form["record"] = {
            "owner": str(work.owner),
            "type": dns.rdatatype.to_text(dns.rdatatype.RdataType.make(work.type)),
            "changed": work.changed,
            "there_now": list(work.records),
        }
    return form | {
        "changed": signing.changed,
        "serial": signing.serial,
        "served_before": signing.served_before,
        "keys": [
            {"tag": key.tag, "role": role.name.lower(), "flags": key.flags, "algorithm": key.algorithm}
            for key, role in signing.keys
        ],
        "rrsets": {"signed": signing.signed, "kept": signing.kept},
        "full": signing.full or None,
        "went_live": list(signing.edited),
        "validity": int(signing.validity.total_seconds()),
        "first_expiration": rfc3339(signing.first_expiration),
        "sign_again_by": rfc3339(signing.again_by),
        "reload": list(zone.reload),
        "served": None if said is None else all(one.good for one in said),
        "servers": [] if said is None else [_server_json(one) for one in said],
        "findings": [
            *(
                {"code": one.code, "section": one.section, "about": one.blamed, "text": one.detail}
                for one in signing.advice
            ),
            *({"code": code, "section": None, "about": None, "text": text} for code, text in work.oddities),
        ],
    }


def _server_json(one: ServerSays) -> dict[str, object]:
    return {
        "name": None if one.name == dns.name.root else str(one.name),
        "address": str(one.ip),
        "loaded": one.loaded.value,
        "serial": one.serial,
        "detail": one.detail,
    }


def _says(one: ServerSays) -> str:
    named = str(one.ip) if one.name == dns.name.root else f"{one.name} {one.ip}"
    return f"{named} has {one.serial}" if one.serial is not None else f"{named} {one.detail}"


def _line(head: str, text: str) -> None:
    terminal.show_hanging(f"  {head:<11}", text)


def _mnemonic(algorithm: int) -> str:
    try:
        return Algorithm(algorithm).name
    except ValueError:
        return str(algorithm)
