"""``danelaw zone ds``: the DS for the registrar, compared with what every server of the parent says."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from dns.name import Name

from danelaw import wiring
from danelaw.app import delegation
from danelaw.app.config import load
from danelaw.app.delegation import Awaited
from danelaw.app.zone_place import configuration, configured
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.delegation_records import (
    DelegationRecords,
    delegated_keys,
    digest_name,
    ds_text,
    read_digests,
    without_entry_point,
)
from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.dnssec.parent_check import Comparison, Match, ParentSays, ZoneSays
from danelaw.core.model import DanelawError, Forwarder, domain_name
from danelaw.faces.cli import interruption, terminal
from danelaw.faces.cli.arguments import forwarder
from danelaw.faces.cli.terminal import Ink

_STATUS: Final = {"valid": 0, "mismatch": 1, "undecided": 3}
_COLOURS: Final = {Match.RIGHT: "green", Match.MISSING: "yellow", Match.OTHER: "red", Match.SILENT: "magenta"}


@click.command()
@click.argument("zone")
@click.option(
    "--keys",
    "directory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the zone's keys are; if not given, the configuration says it.",
)
@click.option(
    "--config",
    "named",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A danelaw.toml that says where the keys are. Without --keys it is looked for.",
)
@click.option(
    "--digest",
    "digests",
    default="sha256,sha384",
    show_default=True,
    metavar="A,B",
    help="What the DS records are made with.",
)
@click.option(
    "--resolver",
    "resolvers",
    multiple=True,
    metavar="IP[@PORT]",
    help="Whom to ask where the servers are, also tls://IP or https://HOST/PATH#IP. The system's if not given.",
)
@click.option("--offline", is_flag=True, help="Only print the records, and ask nobody.")
@click.option("--watch", is_flag=True, help="Wait until every server of the parent has the DS.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="N",
    help="With --watch: look every N seconds.",
)
@click.option("--json", "json_form", is_flag=True, help="Give the result as JSON.")
def ds(
    zone: str,
    directory: Path | None,
    named: Path | None,
    digests: str,
    resolvers: Sequence[str],
    offline: bool,
    watch: bool,
    every: float,
    json_form: bool,
) -> None:
    """Print the DS records of ZONE, and say whether its parent has them.

    The records are for the keys that sign the zone's keys, in DIR or where the configuration says: DS for the parent,
    and CDS and CDNSKEY for a parent that looks for them in the zone. Every server of the parent is asked for the DS
    that it has, and every server of the zone whether it serves these keys, signed: a DS for a key that is not served
    breaks the zone.

    Exit status: 0 every server has what it should; 1 something is wrong or has yet to be done; 3 not decided.
    """
    if offline and (watch or resolvers):
        raise click.UsageError("--offline asks nobody: leave out --watch and --resolver")
    name, made_with = domain_name(zone), read_digests(digests)
    asked = [forwarder(text) for text in resolvers]
    now = wiring.clock().now()
    terminal.need_output()
    keys = wiring.key_files(_directory(name, directory, named)).needed(name)
    wanted = delegated_keys(keys, now)
    if not wanted:
        raise without_entry_point(name, keys, now)
    records = DelegationRecords(name, wanted, made_with)
    if not json_form:
        _print(records)
        for key, times in keys:
            if key.dnskey.is_sep and key.dnskey not in wanted:
                terminal.hanging(
                    (Ink("note: ", bold=True),), f"no DS for KSK {key.tag}, which is {times.state(now).value}"
                )
    if offline:
        if json_form:
            terminal.data(json.dumps(_as_json(records, None), indent=2))
        return
    try:
        seen = interruption.run(_look(records, [key.dnskey for key, _ in keys], asked, every if watch else None))
    except DanelawError as error:
        if error.code != "NO_FORWARDERS" and error.code not in terminal.UNDECIDED:
            raise
        if json_form:
            terminal.data(json.dumps(_as_json(records, None), indent=2))
        terminal.error(error)
        raise click.exceptions.Exit(3) from error
    if json_form:
        terminal.data(json.dumps(_as_json(records, seen), indent=2))
    else:
        _compare(seen)
    raise click.exceptions.Exit(_STATUS[seen.verdict])


async def _look(
    records: DelegationRecords, ours: Sequence[DNSKEY], asked: Sequence[Forwarder], every: float | None
) -> Comparison:
    look = wiring.onlookers(asked)
    parent = await delegation.parent_of(records.zone, look)
    if every is None:
        return await delegation.look_at(records, ours, parent, look)
    return await delegation.watch(records, ours, parent, look, timedelta(seconds=every), _Waiting())


class _Waiting:
    """Says what is awaited: each thing once, and on a terminal how long already."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, awaited: Awaited) -> None:
        text = _awaited(awaited)
        if terminal.interactive():
            terminal.wait(f"{text}, since {awaited.since:%H:%M:%S} UTC, looked at {awaited.at:%H:%M:%S}")
        elif text != self._said:
            terminal.say(f"{awaited.at:%Y-%m-%dT%H:%M:%SZ} {text}")
        self._said = text


def _awaited(awaited: Awaited) -> str:
    if awaited.seen is None:
        return f"the servers could not be asked: {awaited.because}"
    servers = awaited.seen.parent_servers
    late = [says for says in servers if says.match is not Match.RIGHT]
    named = ", ".join(f"{says.server[0]} ({says.server[1]}): {_short(says)}" for says in late[:2])
    more = f" and {len(late) - 2} more" if len(late) > 2 else ""
    return f"waiting for {len(late)} of {len(servers)} servers of {awaited.seen.parent}: {named}{more}"


def _short(says: ParentSays) -> str:
    match says.match:
        case Match.RIGHT:
            return "has the DS"
        case Match.MISSING:
            return "no DS"
        case Match.OTHER:
            return "another DS"
        case Match.SILENT:
            return "silent"


def _directory(zone: Name, given: Path | None, named: Path | None) -> Path:
    """Where the zone's keys are."""
    if given is not None and named is not None:
        raise click.UsageError("--keys and --config: the one or the other says where the keys are")
    if given is not None:
        return given
    path = configuration(named, os.environ)
    if path is None:
        raise click.UsageError("where are the keys? Name their directory with --keys, or use --config")
    try:
        return configured(load(path), path, zone).keys
    except DanelawError as error:
        raise DanelawError(
            error.code,
            str(error),
            evidence=error.evidence,
            hint=f"danelaw status {zone} shows a DS to hand over; if its keys are files, say where with --keys",
        ) from error


# -- what is printed ----------------------------------------------------------------------------------------------


def _print(records: DelegationRecords) -> None:
    """The records, as data; what forms ask for, as talk."""
    terminal.data("; for the parent zone")
    for line in records.ds_lines():
        terminal.data(line)
    terminal.data("; for the zone itself, where a parent may look for them (RFC 7344)")
    for line in (*records.cds_lines(), *records.cdnskey_lines()):
        terminal.data(line)
    terminal.say()
    terminal.say(Ink("For a registrar's form", bold=True))
    for key in records.keys:
        algorithm = f"{key.algorithm} ({Algorithm(key.algorithm).name})"
        terminal.say(f"  key tag      {key.tag}")
        terminal.say(f"  algorithm    {algorithm}")
        for one in records.ds:
            if one.tag == key.tag and one.algorithm == key.algorithm:
                terminal.say(f"  digest type  {one.digest_type} ({digest_name(one.digest_type)})")
                terminal.hanging(("  digest       ",), one.digest.hex().upper())
        terminal.say(f"  or flags {key.flags}, protocol {key.protocol}, algorithm {key.algorithm}, and")
        terminal.hanging(("  public key   ",), base64.b64encode(key.public_key).decode())
    if len(records.digests) > 1:
        terminal.say("  One digest is enough; where only one is taken, SHA-256.")


def _compare(seen: Comparison) -> None:
    terminal.say()
    terminal.say(Ink(f"Servers of {seen.parent}", bold=True))
    _table(
        [
            (_server(says), Ink(f"{says.match.value:<7}", fg=_COLOURS[says.match]), _told(says))
            for says in seen.parent_servers
        ]
    )
    terminal.say()
    terminal.say(Ink(f"Servers of {seen.records.zone}", bold=True))
    if not seen.zone_servers:
        terminal.say("  none could be found: is the zone delegated, and do its servers answer?")
    rows = []
    for says in seen.zone_servers:
        good = says.signing is not None and set(seen.records.keys) <= set(says.signing)
        word, colour = (
            ("silent", "magenta") if says.signing is None else ("signed", "green") if good else ("other", "red")
        )
        rows.append((_server(says), Ink(f"{word:<7}", fg=colour), _served(says)))
    _table(rows)
    terminal.say()
    for one in seen.advice:
        head = Ink("to do: " if one.wrong else "note: ", fg="yellow" if one.wrong else None, bold=True)
        terminal.hanging((head,), f"{one.text} [{one.code}]")
    if seen.verdict == "valid":
        terminal.say(Ink("The parent and the zone agree.", fg="green", bold=True))
        ttl = max(says.ttl for says in seen.parent_servers)
        terminal.paragraph(f"Resolvers may hold what was there before for its TTL, now {ttl} s.")
    elif seen.verdict == "undecided":
        terminal.say(Ink("Not decided: not every server answered.", fg="magenta", bold=True))


def _table(rows: Sequence[tuple[str, Ink, str]]) -> None:
    widest = max((len(server) for server, _, _ in rows), default=0)
    for server, word, told in rows:
        terminal.hanging((f"  {server:<{widest}}  ", word, " "), told)


def _server(says: ParentSays | ZoneSays) -> str:
    return f"{says.server[0]} {says.server[1]}"


def _told(says: ParentSays) -> str:
    if says.match is Match.SILENT:
        return says.detail
    if not says.records:
        return "no DS"
    tags: dict[str, list[str]] = {}
    for one in says.records:
        tags.setdefault(f"DS {one.ds.tag}, for {one.target.value}", []).append(digest_name(one.ds.digest_type))
    return "; ".join(f"{head} ({', '.join(digests)})" for head, digests in tags.items())


def _served(says: ZoneSays) -> str:
    if says.signing is None or says.served is None:
        return says.detail
    if not says.served:
        return "no DNSKEY records: it serves the zone unsigned"
    signing = ", ".join(_key(key) for key in says.signing) or "no key"
    silent = [_key(key) for key in says.served if key not in says.signing]
    return f"DNSKEY records signed by {signing}" + (f"; beside {', '.join(silent)}" if silent else "")


def _key(key: DNSKEY) -> str:
    return f"{'KSK' if key.is_sep else 'ZSK'} {key.tag}"


# -- JSON ---------------------------------------------------------------------------------------------------------


def _as_json(records: DelegationRecords, seen: Comparison | None) -> dict[str, object]:
    form: dict[str, object] = {
        "schema": "danelaw/zone-ds/1",
        "zone": records.zone.to_text(),
        "ds": [
            {
                "key_tag": one.tag,
                "algorithm": one.algorithm,
                "digest_type": one.digest_type,
                "digest": one.digest.hex().upper(),
            }
            for one in records.ds
        ],
        "dnskey": [
            {
                "key_tag": key.tag,
                "flags": key.flags,
                "protocol": key.protocol,
                "algorithm": key.algorithm,
                "public_key": base64.b64encode(key.public_key).decode(),
            }
            for key in records.keys
        ],
        "records": {"ds": records.ds_lines(), "cds": records.cds_lines(), "cdnskey": records.cdnskey_lines()},
        "verdict": seen.verdict if seen is not None else "undecided",
    }
    if seen is not None:
        form |= {
            "parent": seen.parent.to_text(),
            "parent_servers": [_parent_json(says) for says in seen.parent_servers],
            "zone_servers": [_zone_json(says) for says in seen.zone_servers],
            "findings": [{"code": one.code, "wrong": one.wrong, "text": one.text} for one in seen.advice],
        }
    return form


def _parent_json(says: ParentSays) -> dict[str, object]:
    records = [{"ds": ds_text(one.ds), "points_to": one.target.name.lower()} for one in says.records]
    return {
        "server": says.server[0].to_text(),
        "address": str(says.server[1]),
        "match": says.match.value,
        "records": records,
        "ttl": says.ttl,
        "detail": says.detail,
    }


def _zone_json(says: ZoneSays) -> dict[str, object]:
    return {
        "server": says.server[0].to_text(),
        "address": str(says.server[1]),
        "served": [key.tag for key in says.served] if says.served is not None else None,
        "signing": [key.tag for key in says.signing] if says.signing is not None else None,
        "ttl": says.ttl,
        "detail": says.detail,
    }
