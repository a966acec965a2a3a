"""``danelaw zone verify``: whether a whole signed zone is right, whoever signed it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
from dns.name import Name

from danelaw import wiring
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import DS, make_ds
from danelaw.core.dnssec.rrsig import type_text
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.dnssec.zone_verdict import SOON, SeenKey, ZoneVerdict, judge_zone
from danelaw.core.model import DanelawError, Instant, domain_name
from danelaw.core.model.instants import rfc3339
from danelaw.core.model.length import in_words
from danelaw.faces.cli import terminal
from danelaw.faces.cli.arguments import instant
from danelaw.faces.cli.terminal import Ink

SHOWN: Final = 5
"""So many findings of a kind are shown to people, if they do not ask for more."""
SCHEMA: Final = "danelaw/zone-verify/1"


@click.command()
@click.argument("zone")
@click.option(
    "--file",
    "file",
    required=True,
    metavar="SIGNED",
    type=click.Path(path_type=Path),
    help="The signed zone, a master file.",
)
@click.option(
    "--ds",
    "--anchor",
    "ds_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What the parent has: DS or DNSKEY records of the zone. That they lead into it is judged too.",
)
@click.option("--now", metavar="INSTANT", help="Judge as of this instant, such as 2026-11-23T12:00:00Z.")
@click.option(
    "--days",
    type=click.FloatRange(min=0, max=10_000),
    default=SOON / timedelta(days=1),
    show_default=True,
    metavar="N",
    help="Tell of signatures that expire in less than this.",
)
@click.option(
    "--shown",
    type=click.IntRange(min=1),
    default=SHOWN,
    show_default=True,
    metavar="N",
    help="How many findings of a kind are shown.",
)
@click.option("--json", "json_form", is_flag=True, help="Give the result as JSON, with every finding.")
def verify(
    zone: str, file: Path, ds_file: Path | None, now: str | None, days: float, shown: int, json_form: bool
) -> None:
    """Judge every name of a signed ZONE.

    All signatures are verified, the chain of NSEC or NSEC3 records is followed, and the keys, CDS, CDNSKEY and ZONEMD
    records are held against the zone. Whoever signed it.

    Exit status: 0 every name is right; advice, such as signatures that soon expire, does not change that; 1 something
    is wrong; 2 the file cannot be read.
    """
    apex, clock = domain_name(zone), wiring.clock()
    at = instant(now) or clock.now()
    terminal.need_output()
    parent = _parent_ds(ds_file, apex, at) if ds_file is not None else None
    records = wiring.zone_records(file, apex)
    began = clock.monotonic()
    verdict = judge_zone(apex, records, at, ds=parent, soon=timedelta(days=days))
    took = clock.monotonic() - began
    if json_form:
        terminal.data(json.dumps(as_json(verdict), indent=2))
    else:
        _show(verdict, shown, took)
    raise click.exceptions.Exit(0 if verdict.right else 1)


def _parent_ds(path: Path, apex: Name, now: Instant) -> frozenset[DS]:
    anchors = wiring.trust_anchors(path, now)
    found = [anchor for anchor in anchors if anchor.zone == apex]
    if not found:
        held = ", ".join(sorted(str(anchor.zone) for anchor in anchors))
        raise DanelawError(
            "DS_NOT_FOR_ZONE",
            f"{path} holds no DS of {apex}",
            evidence=f"it is about {held}",
            hint="name the file with the DS records that the parent has for the zone",
        )
    return frozenset(ds for one in found for ds in (*one.ds, *(make_ds(apex, key) for key in one.keys)))


# -- for people -----------------------------------------------------------------------------------------------------


def _show(verdict: ZoneVerdict, shown: int, took: float) -> None:
    for title, colour, findings in (("fault", "red", verdict.faults), ("advice", "yellow", verdict.advice)):
        for kind in _grouped(findings):
            _show_kind(kind, title, colour, shown)
            terminal.show("")
    _show_summary(verdict, took)
    name = verdict.apex.to_text(omit_final_dot=len(verdict.apex.labels) > 1)
    if verdict.right:
        said = f", with advice of {_count(len(verdict.advice), 'finding')}" if verdict.advice else ""
        terminal.show(Ink(f"{name} is right", fg="green", bold=True), said)
    else:
        wrong = len({(finding.owner, finding.type) for finding in verdict.faults})
        terminal.show(
            Ink(f"{name} is not right", fg="red", bold=True),
            f": {_count(len(verdict.faults), 'fault')} at ",
            _count(wrong, "RRset"),
        )


def _grouped(findings: Iterable[ZoneFinding]) -> list[list[ZoneFinding]]:
    """By code, in the order in which each is first met."""
    kinds: dict[str, list[ZoneFinding]] = {}
    for finding in findings:
        kinds.setdefault(finding.code, []).append(finding)
    return list(kinds.values())


def _show_kind(findings: Sequence[ZoneFinding], title: str, colour: str, shown: int) -> None:
    first = findings[0]
    sections = ", ".join(dict.fromkeys(finding.section for finding in findings))
    many = f", {len(findings):,} times" if len(findings) > 1 else ""
    terminal.show(Ink(f"{title}: ", fg=colour, bold=True), Ink(first.code, bold=True), f"{many} ({sections})")
    for finding in findings[:shown]:
        terminal.show_hanging(f"  {finding.blamed}: ", finding.detail, indent=4)
    if len(findings) > shown:
        terminal.show(Ink(f"  and {len(findings) - shown:,} more", dim=True))
    terminal.show_hanging("  hint: ", first.hint, indent=4)


def _show_summary(verdict: ZoneVerdict, took: float) -> None:
    rate = f", {verdict.signatures / took:,.0f} a second" if verdict.signatures >= 1000 and took > 0 else ""
    serial = f" of serial {verdict.serial}" if verdict.serial is not None else ""
    terminal.show_hanging(
        "zone: ",
        f"{_count(verdict.names, 'name')}, {_count(verdict.rrsets, 'RRset')}{serial}; "
        f"{_count(verdict.signatures, 'signature')} checked{rate}; denials by "
        f"{' and '.join(verdict.chains) or 'nothing'}",
    )
    for key in verdict.keys:
        terminal.show_hanging("key:  ", f"{_key_told(key)}")
    if verdict.first is not None:
        first, left = verdict.first, verdict.first.at - verdict.now
        told = f"in {in_words(left)}" if left >= timedelta(0) else f"{in_words(-left)} ago"
        terminal.show_hanging(
            "until: ",
            f"{first.at:%Y-%m-%dT%H:%M:%SZ}, {told}, when the signature over {first.owner} "
            f"{type_text(first.type)} expires, the first of all",
        )


def _key_told(seen: SeenKey) -> str:
    dnskey = seen.dnskey
    role = "revoked" if dnskey.revoked else "KSK" if dnskey.is_sep else "ZSK"
    does = ["the keys"] * seen.keys + [_count(seen.records, "RRset")] * bool(seen.records)
    return f"{role} {dnskey.tag} ({_algorithm(dnskey.algorithm)}) signs {' and '.join(does) or 'nothing'}"


def _algorithm(number: int) -> str:
    return Algorithm(number).name if number in set(Algorithm) else f"algorithm {number}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


# -- for programs ---------------------------------------------------------------------------------------------------


def as_json(verdict: ZoneVerdict) -> dict[str, object]:
    """The document of docs/reference/zone-verify-json.md."""
    first = verdict.first
    return {
        "schema": SCHEMA,
        "zone": str(verdict.apex),
        "now": rfc3339(verdict.now),
        "verdict": "valid" if verdict.right else "bogus",
        "serial": verdict.serial,
        "names": verdict.names,
        "rrsets": verdict.rrsets,
        "signatures": verdict.signatures,
        "chains": list(verdict.chains),
        "keys": [
            {
                "tag": seen.dnskey.tag,
                "flags": seen.dnskey.flags,
                "algorithm": seen.dnskey.algorithm,
                "mnemonic": _algorithm(seen.dnskey.algorithm),
                "revoked": seen.dnskey.revoked,
                "signs_keys": seen.keys,
                "signs_rrsets": seen.records,
            }
            for seen in verdict.keys
        ],
        "first_expiration": (
            {"at": rfc3339(first.at), "owner": str(first.owner), "type": type_text(first.type)} if first else None
        ),
        "findings": [_finding("fault", one) for one in verdict.faults]
        + [_finding("advice", one) for one in verdict.advice],
    }


def _finding(level: str, finding: ZoneFinding) -> dict[str, str]:
    return {
        "level": level,
        "code": finding.code,
        "section": finding.section,
        "owner": str(finding.owner),
        "type": type_text(finding.type),
        "detail": finding.detail,
        "hint": finding.hint,
    }
