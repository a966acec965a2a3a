"""``danelaw tlsa``: TLSA records from a certificate, a key, a request or a live server.

Without a question to anybody it imports next to nothing: what it does then is typed by hand, and called in loops.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click
import dns.name

from danelaw.core.model.errors import DanelawError
from danelaw.core.model.target import Target, read_target
from danelaw.core.tlsa.advice import Advice, Place, advise
from danelaw.core.tlsa.material import (
    LARGEST,
    Material,
    demand_same_key,
    read_certificates,
    read_key,
    read_request,
    record_for,
)
from danelaw.core.tlsa.notation import WILDCARD, Entry, is_wildcard, nsupdate, owner_of
from danelaw.core.tlsa.records import Combination, MalformedTLSA
from danelaw.faces.cli import terminal
from danelaw.faces.cli.terminal import Ink

if TYPE_CHECKING:
    from danelaw.app.eyes import Eyes
    from danelaw.app.tlsa_records import Comparison, Presented
    from danelaw.core.model import IP

STDIN: Final = "-"
_LARGEST_TTL: Final = 2**31 - 1
_READERS: Final = {"--cert": read_certificates, "--csr": read_request, "--key": read_key}
_COLOURS: Final = {"valid": "green", "undecided": "magenta"}


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="HOST:PORT[/PROTO]...")
@click.option("--cert", metavar="FILE", help="The server's certificate, alone or at the head of its chain.")
@click.option("--key", metavar="FILE", help="Its key, private or public; only the public half is used.")
@click.option("--csr", metavar="FILE", help="A certificate signing request.")
@click.option("--from-server", is_flag=True, help="What the live server presents, at every address.")
@click.option(
    "--usage", "usages", multiple=True, default=("3",), metavar="U", help="Certificate usage; 3 if not given."
)
@click.option("--selector", "selectors", multiple=True, default=("1",), metavar="S", help="Selector; 1 if not given.")
@click.option("--mtype", "mtypes", multiple=True, default=("1",), metavar="M", help="Matching type; 1 if not given.")
@click.option("--ttl", type=click.IntRange(0, _LARGEST_TTL), default=3600, show_default=True, help="In seconds.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["zone", "generic", "nsupdate", "json"]),
    default="zone",
    show_default=True,
    help="Lines of a zone file, the same as TYPE52 (RFC 3597), a script for nsupdate, or JSON.",
)
@click.option("--json", "json_form", is_flag=True, help="As --format json.")
@click.option("--compare", is_flag=True, help="Say whether the DNS holds these records now, securely.")
@click.option("--resolver", "resolvers", multiple=True, metavar="IP[@PORT]", help="Whom to ask; as for danelaw chain.")
@click.option("--anchor", metavar="FILE", help="Trust anchors; those of the IANA if not given.")
@click.option("--address", "addresses", multiple=True, metavar="IP[@PORT]", help="Where the server is; repeatable.")
@click.option("--starttls", metavar="PROTO", help="How TLS begins there, where the port does not tell.")
@click.option("--now", metavar="INSTANT", help="Judge as of this instant, such as 2026-11-23T12:00:00Z.")
def tlsa(
    targets: Sequence[str],
    cert: str | None,
    key: str | None,
    csr: str | None,
    from_server: bool,
    usages: Sequence[str],
    selectors: Sequence[str],
    mtypes: Sequence[str],
    ttl: int,
    form: str,
    json_form: bool,
    compare: bool,
    resolvers: Sequence[str],
    anchor: str | None,
    addresses: Sequence[str],
    starttls: str | None,
    now: str | None,
) -> None:
    """Make TLSA records for HOST:PORT; several targets share one command.

    A record says in the DNS which key or certificate a TLS service presents. FILE is in PEM or DER; - is standard
    input. Unless asked otherwise the records are 3 1 1: SHA-256 of the server's own key, which outlives renewals that
    keep the key. U, S and M are numbers or acronyms such as DANE-EE, SPKI, SHA2-256; each may be given several times,
    and every combination is made. Advice goes to standard error.

    Exit status: 0 made; with --compare, 0 only if the DNS holds every record securely, 1 if not; 2 for what cannot be
    made; 3 not decided.
    """
    files = {option: file for option, file in (("--cert", cert), ("--csr", csr), ("--key", key)) if file is not None}
    _demand_one_source(files, from_server)
    wanted = [_target(text, starttls) for text in targets]
    combinations = _combinations(usages, selectors, mtypes)
    _demand_hosts(wanted, from_server)
    at = _instant(now)
    terminal.need_output()
    eyes = _eyes(resolvers, anchor, addresses, now) if from_server or compare else None
    if from_server:
        assert eyes is not None  # noqa: S101 - for the type checker
        entries, advice = _served(_look(wanted, eyes, addresses), combinations, ttl, at)
    else:
        material = _material(files)
        places = list(dict.fromkeys(Place(one.name, one.port, one.transport) for one in wanted))
        entries = _entries(places, combinations, [material], ttl)
        advice = advise(combinations, material, places, at)
    comparisons = _compared(entries, eyes) if compare and eyes is not None else None
    if json_form or form == "json":
        import json

        terminal.data(json.dumps(_as_json(entries, advice, comparisons), indent=2))
    else:
        _show(entries, form)
        _tell(advice, comparisons)
    if comparisons is not None:
        from danelaw.app.tlsa_records import exit_status

        raise click.exceptions.Exit(exit_status(comparisons))


# -- what was asked for -----------------------------------------------------------------------------------------------


def _demand_one_source(files: dict[str, str], from_server: bool) -> None:
    if from_server and files:
        raise click.UsageError(f"--from-server and {' and '.join(files)}: records are made from one of them")
    if not from_server and not files:
        raise click.UsageError("what are the records for? Give --cert, --key, --csr or --from-server.")
    if "--cert" in files and "--csr" in files:
        raise click.UsageError("--cert and --csr: records are made from one of them")
    if list(files.values()).count(STDIN) > 1:
        raise click.UsageError("standard input can be read only once")


def _target(text: str, starttls: str | None) -> Target:
    """As ``read_target``; also a wildcard, which is no host and may have records."""
    stripped = text.strip()
    if not stripped.startswith("*."):
        return read_target(text, starttls)
    below = read_target(stripped[2:], starttls)
    try:
        return replace(below, name=dns.name.Name((WILDCARD, *below.name.labels)))
    except dns.name.NameTooLong as error:
        raise DanelawError("NAME_TOO_LONG", "no room for a wildcard", evidence=str(below.name)) from error


def _demand_hosts(targets: Sequence[Target], from_server: bool) -> None:
    """To be asked, a server has to have a name; to have records, to be known."""
    for target in targets:
        host = target.name.to_text(omit_final_dot=True)
        if from_server and is_wildcard(target.name):
            raise DanelawError("HOST_NEEDED", f"{host} is no server that could be asked", hint="name each host")
        if target.searched and not from_server:
            raise DanelawError(
                "HOST_NEEDED",
                f"{target} names a service, and records stand at the hosts of its servers",
                evidence=f"clients find them by the {target.application.lookup.value} records of {host}",
                hint=f"name each host with its port, such as mail.{host}:{target.application.port}, "
                "or use --from-server",
            )


def _combinations(usages: Sequence[str], selectors: Sequence[str], mtypes: Sequence[str]) -> list[Combination]:
    found = []
    for words in itertools.product(usages, selectors, mtypes):
        try:
            combination = Combination.from_text(" ".join(word.strip() or "?" for word in words))
        except MalformedTLSA as error:
            raise click.UsageError(str(error)) from error
        if not combination.known:
            hint = "usages are 0 to 3, selectors 0 and 1, matching types 0 to 2"
            raise DanelawError("UNKNOWN_COMBINATION", f"no record can be made under {combination}", hint=hint)
        found.append(combination)
    return list(dict.fromkeys(found))


def _instant(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    from danelaw.faces.cli.arguments import instant

    return instant(text) or datetime.now(UTC)


def _material(files: dict[str, str]) -> Material:
    """Of the first file; a key beside it has to be its own."""
    found = [(file, _READERS[option](_read(file), _shown(file))) for option, file in files.items()]
    material = found[0][1]
    for file, key in found[1:]:
        demand_same_key(material, key, _shown(file))
    return material


def _read(file: str) -> bytes:
    try:
        if file == STDIN:
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with open(file, "rb") as opened:  # noqa: PTH123 - pathlib takes longer to import than the file to read
                data = opened.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = "name a file that holds a certificate, a key or a request, or - for standard input"
        raise DanelawError("FILE_UNREADABLE", f"{file} cannot be read", evidence=why, hint=hint) from error
    if len(data) > LARGEST:
        raise DanelawError(
            "FILE_TOO_LARGE",
            f"{_shown(file)} is no certificate, key or request",
            evidence=f"it has more than {LARGEST} octets",
        )
    return data


def _shown(file: str) -> str:
    return "standard input" if file == STDIN else file


# -- records ----------------------------------------------------------------------------------------------------------


def _entries(
    places: Sequence[Place], combinations: Sequence[Combination], materials: Sequence[Material], ttl: int
) -> list[Entry]:
    """Every record at every place, once: what is common to several places or certificates has one record."""
    records = [record_for(combination, material) for combination in combinations for material in materials]
    owners = [owner_of(place.port, place.transport, place.host) for place in places]
    return list(dict.fromkeys(Entry(owner, ttl, record) for owner in owners for record in records))


def _served(
    seen: Sequence[Presented], combinations: Sequence[Combination], ttl: int, now: datetime
) -> tuple[list[Entry], tuple[Advice, ...]]:
    entries: dict[Entry, None] = {}
    advice: dict[Advice, None] = {}
    for one in seen:
        materials = [material for material, _ in one.materials]
        entries |= dict.fromkeys(_entries([one.place], combinations, materials, ttl))
        advice |= dict.fromkeys(one.advice)
        for material in materials:
            advice |= dict.fromkeys(advise(combinations, material, [one.place], now))
    return list(entries), tuple(advice)


# -- the network ------------------------------------------------------------------------------------------------------


def _eyes(resolvers: Sequence[str], anchor: str | None, addresses: Sequence[str], now: str | None) -> Eyes:
    from pathlib import Path

    from danelaw import wiring
    from danelaw.faces.cli.arguments import address, forwarder, instant

    ports = {ip: port for ip, port in map(address, addresses) if port is not None}
    return wiring.eyes(
        None,
        [forwarder(text) for text in resolvers],
        Path(anchor) if anchor is not None else None,
        instant(now),
        ports=ports or None,
    )


def _look(targets: Sequence[Target], eyes: Eyes, addresses: Sequence[str]) -> list[Presented]:
    from danelaw import wiring
    from danelaw.app.tlsa_records import presented
    from danelaw.faces.cli import interruption
    from danelaw.faces.cli.arguments import address

    ips: list[IP] = [address(text)[0] for text in addresses]
    roots = wiring.client_roots(None)

    async def every() -> list[Presented]:
        return [one for target in dict.fromkeys(targets) for one in await presented(target, eyes, ips, roots)]

    return interruption.run(every())


def _compared(entries: Sequence[Entry], eyes: Eyes) -> tuple[Comparison, ...]:
    from danelaw.app.tlsa_records import compared
    from danelaw.faces.cli import interruption

    return interruption.run(compared(entries, eyes))


# -- what is said -----------------------------------------------------------------------------------------------------


def _show(entries: Sequence[Entry], form: str) -> None:
    lines = (
        nsupdate(entries) if form == "nsupdate" else map(Entry.generic if form == "generic" else Entry.zone, entries)
    )
    for line in lines:
        terminal.data(line)


def _tell(advice: Sequence[Advice], comparisons: Sequence[Comparison] | None) -> None:
    for one in advice:
        terminal.hanging(
            (Ink("note: ", fg="yellow", bold=True),), f"{one.about} {one.text} [{one.code}, {one.citation}]"
        )
    for comparison in comparisons or ():
        word = comparison.holding.value
        head = (Ink(f"{word}: ", fg=_COLOURS.get(word, "red"), bold=True),)
        terminal.hanging(head, _sentence(comparison))


def _sentence(comparison: Comparison) -> str:
    return " ".join(text for _, text in _findings(comparison))


def _findings(comparison: Comparison) -> list[tuple[str, str]]:
    """What the DNS says of one owner, as codes and sentences; the first is the most telling."""
    owner, answer = comparison.owner.to_text(omit_final_dot=True), comparison.answer
    why = "; ".join(map(str, answer.reasons[:2]))
    found: list[tuple[str, str]] = []
    holding = comparison.holding.value
    if holding == "bogus":
        return [("TLSA_BOGUS", f"what the DNS says of {owner} does not validate: clients refuse to connect. {why}")]
    if holding == "undecided":
        return [("TLSA_UNDECIDED", f"nobody could say what the DNS holds at {owner}. {why}")]
    if comparison.missing:
        listed = ", ".join(record.brief() for record in comparison.missing)
        there = "has none of its records" if answer.rrset is None else "lacks"
        found.append(("TLSA_MISSING", f"{owner} {there}: {listed}."))
    if answer.rrset is not None and answer.state.value == "insecure":
        found.append(("TLSA_INSECURE", f"{owner} is not secured by DNSSEC: no client heeds its records."))
    if comparison.beside:
        listed = ", ".join(record.brief() for record in comparison.beside)
        found.append(("TLSA_BESIDE", f"{owner} also holds {listed}: of a roll, or left over?"))
    if holding == "valid" and answer.rrset is not None:
        found.insert(0, ("", f"the DNS holds what belongs at {owner}, securely, with a TTL of {answer.rrset.ttl} s."))
    return found


def _as_json(
    entries: Sequence[Entry], advice: Sequence[Advice], comparisons: Sequence[Comparison] | None
) -> dict[str, object]:
    form: dict[str, object] = {
        "schema": "danelaw/tlsa/1",
        "records": [_record_json(entry) for entry in entries],
        "advice": [
            {"code": one.code, "citation": one.citation, "about": one.about, "text": one.text} for one in advice
        ],
    }
    if comparisons is not None:
        from danelaw.app.tlsa_records import verdict

        form |= {
            "verdict": verdict(comparisons),
            "dns": [_comparison_json(one) for one in comparisons],
            "findings": [
                {"code": code, "owner": one.owner.to_text(), "text": text}
                for one in comparisons
                for code, text in _findings(one)
                if code
            ],
        }
    return form


def _record_json(entry: Entry) -> dict[str, object]:
    combination = entry.record.combination
    return {
        "owner": entry.owner.to_text(),
        "ttl": entry.ttl,
        "usage": combination.usage,
        "selector": combination.selector,
        "mtype": combination.mtype,
        "acronyms": combination.acronyms,
        "data": entry.record.data.hex(),
        "zone": entry.zone(),
        "generic": entry.generic(),
        "nsupdate": entry.update(),
    }


def _comparison_json(one: Comparison) -> dict[str, object]:
    return {
        "owner": one.owner.to_text(),
        "verdict": one.holding.value,
        "state": one.answer.state.value,
        "ttl": one.answer.rrset.ttl if one.answer.rrset is not None else None,
        "missing": [record.to_text() for record in one.missing],
        "beside": [record.to_text() for record in one.beside],
    }
