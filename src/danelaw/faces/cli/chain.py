"""``danelaw chain``: the chain of trust of one RRset, from the trust anchor to the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import dns.exception
import dns.name
import dns.rdatatype

from danelaw import wiring
from danelaw.app.chain import default_type, look
from danelaw.app.config import load
from danelaw.core.model import DanelawError, Security, domain_name
from danelaw.core.picture.json_form import as_json
from danelaw.core.picture.seen import Picture
from danelaw.core.picture.svg import as_svg
from danelaw.core.picture.tree import Line, tree
from danelaw.faces.cli import interruption, terminal
from danelaw.faces.cli.arguments import forwarder, instant
from danelaw.faces.cli.terminal import Ink

STDOUT: Final = "-"
_COLOURS: Final = {
    Security.SECURE: "green",
    Security.INSECURE: "yellow",
    Security.BOGUS: "red",
    Security.INDETERMINATE: "magenta",
}
_STATUS: Final = {Security.SECURE: 0, Security.INSECURE: 0, Security.BOGUS: 1, Security.INDETERMINATE: 3}


@click.command()
@click.argument("name")
@click.argument("type", required=False)
@click.option("--json", "json_form", is_flag=True, help="Give the result as JSON.")
@click.option("--svg", metavar="FILE", help="Draw the picture into FILE; - for standard output.")
@click.option(
    "--anchor", type=click.Path(path_type=Path), metavar="FILE", help="Trust anchors; those of the IANA if not given."
)
@click.option(
    "--resolver",
    "resolvers",
    multiple=True,
    metavar="IP[@PORT]",
    help="Whom to ask, also tls://IP or https://HOST/PATH#IP; several in turn. The system's if not given.",
)
@click.option("--all-servers", is_flag=True, help="Ask every authoritative server on the way, each by itself.")
@click.option("--probe", is_flag=True, help="For TLSA records: connect, and compare them with the certificates.")
@click.option("--now", metavar="INSTANT", help="Judge as of this instant, such as 2026-11-23T12:00:00Z.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="A danelaw.toml, for its [resolver].")
def chain(
    name: str,
    type: str | None,
    json_form: bool,
    svg: str | None,
    anchor: Path | None,
    resolvers: Sequence[str],
    all_servers: bool,
    probe: bool,
    now: str | None,
    config: Path | None,
) -> None:
    """Show the chain of trust from the trust anchor down to NAME.

    TYPE is a type of records; if none is given, A, and TLSA for names such as _443._tcp.www.example.net. Everything is
    validated here, whoever answers.

    Exit status: 0 secure, also where it is proven that there is no answer, or insecure: proven to be unsigned, which
    is no fault; 1 bogus, or a certificate that no TLSA record matches; 3 not decided.
    """
    if json_form and svg == STDOUT:
        raise click.UsageError("--json and --svg - both want standard output")
    owner = domain_name(name)
    asked = _type(type) if type is not None else default_type(owner)
    settings = load(config) if config is not None else None
    eyes = wiring.eyes(settings, [forwarder(text) for text in resolvers], anchor, instant(now))
    roots = wiring.client_roots(settings) if probe else None
    target = _writable(svg) if svg not in (None, STDOUT) else None
    terminal.need_output()
    picture = interruption.run(look(owner, asked, eyes, all_servers=all_servers, probe=roots))
    if target is not None:
        _write(target, as_svg(picture))
    if svg == STDOUT:
        terminal.raw(as_svg(picture))
    elif json_form:
        terminal.data(json.dumps(as_json(picture), indent=2))
    else:
        _show(picture)
    if target is not None:
        terminal.say(f"wrote {target}")
    raise click.exceptions.Exit(exit_status(picture))


def exit_status(picture: Picture) -> int:
    """What is wrong goes before what is not known."""
    status = _STATUS[picture.answer.state]
    if status or picture.presented is None:
        return status
    if any(one.matched is False for one in picture.presented):
        return 1
    return 0 if picture.presented and all(one.matched for one in picture.presented) else 3


def _show(picture: Picture) -> None:
    lines = tree(picture, width=terminal.width())
    if terminal.plain_only("".join(line.text for line in lines)):
        lines = tree(picture, width=terminal.width(), plain=True)
    for line in lines:
        terminal.show(_ink(line))


def _ink(line: Line) -> Ink:
    colour = _COLOURS[line.state] if line.state is not None else None
    return Ink(line.text, fg=colour, bold=line.strong)


def _type(text: str) -> int:
    hint = "write a type of records, such as A, AAAA, TLSA or MX; signatures are shown with what they sign"
    try:
        found = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise DanelawError("BAD_TYPE", f"there is no type {text!r}", hint=hint) from error
    if dns.rdatatype.is_metatype(found) or found in (dns.rdatatype.RRSIG, 0):
        raise DanelawError("BAD_TYPE", f"{text.upper()} cannot be validated by itself", hint=hint)
    return int(found)


def _writable(text: str | None) -> Path:
    """Found out before anything is asked: a picture that has nowhere to go is not to be waited for."""
    target = Path(text or "")
    try:
        with target.open("a", encoding="utf-8"):
            return target
    except OSError as error:
        raise _unwritable(target, error) from error


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> DanelawError:
    return DanelawError(
        "OUTPUT_UNWRITABLE",
        f"cannot write to {target}",
        evidence=error.strerror or "",
        hint="name another file with --svg, or - for standard output",
    )
