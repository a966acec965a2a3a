"""``danelaw adopt certbot``: certificates of certbot's become services, and the other way round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from danelaw import wiring
from danelaw.app.config import load
from danelaw.app.deploy_sections import USUAL
from danelaw.core.model import DanelawError
from danelaw.core.rollover.succession import Strategy
from danelaw.faces.cli import terminal
from danelaw.faces.cli.adopt.giving_back import given_back
from danelaw.faces.cli.adopt.planning import Asked
from danelaw.faces.cli.adopt.taking_over import taken
from danelaw.faces.cli.configured import config_path

SCHEMA: Final = "danelaw/adopt/1"


@click.command()
@click.option(
    "--config-dir",
    "directory",
    default="/etc/letsencrypt",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where certbot keeps what it has.",
)
@click.option("--cert-name", "wanted", multiple=True, metavar="NAME", help="Which certificate; else all that it has.")
@click.option("--endpoint", "endpoints", multiple=True, metavar="HOST:PORT", help="Where it serves; else port 443.")
@click.option("--issuer", metavar="NAME", help="Who issues from now on; else the issuer that is the same CA.")
@click.option("--server", "servers", multiple=True, type=click.Choice(list(USUAL)), help="What reads the certificate.")
@click.option("--reload", metavar="COMMAND", help="What makes the server read it; not needed with --server.")
@click.option(
    "--strategy", type=click.Choice([one.value for one in Strategy]), default="standby", help="How keys change."
)
@click.option("--undo", is_flag=True, help="Give it back: certbot renews again, and servers read what it has.")
@click.option("--keep-records", is_flag=True, help="With --undo: TLSA records stay, and are the operator's business.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--config", "named", metavar="FILE", type=click.Path(path_type=Path), help="As of danelaw run.")
@click.option("--json", "json_form", is_flag=True, help="Give the result as JSON.")
def certbot(
    directory: Path,
    wanted: tuple[str, ...],
    endpoints: tuple[str, ...],
    issuer: str | None,
    servers: tuple[str, ...],
    reload: str | None,
    strategy: str,
    named: Path | None,
    *,
    undo: bool,
    keep_records: bool,
    yes: bool,
    dry_run: bool,
    json_form: bool,
) -> None:
    """Take over certificates that certbot got, without an outage.

    Each becomes a service with the key and the certificate that serve now. Servers go on reading live/NAME, which leads
    to Danelaw's directory from then on, and certbot renews it no more. Nothing that certbot keeps is deleted or
    changed, and --undo gives all of it back, with the certificate that serves then.

    Exit status: 0 done; 2 nothing was done; 3 it is not known, or a runner is at work; 4 refused because unsafe.
    """
    terminal.need_output()
    path, directory = config_path(named), directory.absolute()
    load(path)
    names = tuple(dict.fromkeys(wanted)) or wiring.certbot_names(directory)
    if not names:
        raise DanelawError(
            "CERTBOT_UNKNOWN",
            f"certbot has no certificates in {directory}",
            hint="--config-dir says where else to look",
        )
    if undo:
        every = not wanted
        told = given_back(path, directory, names, every=every, keep_records=keep_records, yes=yes, dry_run=dry_run)
    else:
        asked = Asked(endpoints, issuer, servers, reload, strategy)
        told = taken(path, directory, names, asked, yes=yes, dry_run=dry_run)
    if json_form:
        terminal.data(json.dumps({"schema": SCHEMA, "certificates": [one.as_json() for one in told]}))
    else:
        for one in told:
            one.show()
