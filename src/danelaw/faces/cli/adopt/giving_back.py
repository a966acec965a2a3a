"""Certificates are certbot's again, with the key that serves, and their services are none of Danelaw's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from danelaw import wiring
from danelaw.app.adopt import ClientFiles, give_back
from danelaw.app.adopt_certbot import read_renewal
from danelaw.app.config import Config, load
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError
from danelaw.faces.cli import interruption, service_files, terminal
from danelaw.faces.cli.adopt.certificates import Told, published

RETIRED: Final = ".given-back"


def given_back(
    path: Path, directory: Path, names: Sequence[str], *, keep_records: bool, yes: bool, dry_run: bool
) -> Sequence[Told]:
    """One after the other, while no runner and no certbot is at work.

    Raises ``DanelawError``: ``CERTBOT_NOT_ADOPTED``, ``CERTBOT_BUSY``, ``RUNNER_BUSY``, and as the steps do; and ends
    the command with 4 while there are TLSA records that would match no more.
    """
    config = load(path)
    with wiring.only_runner(config, "danelaw adopt certbot --undo"), wiring.certbot_locked(directory):
        told = []
        for name in names:
            files = wiring.certbot_files(directory, name)
            renewal = read_renewal(files.renewal())
            if files.taken is None and not files.suspended:
                raise DanelawError(
                    "CERTBOT_NOT_ADOPTED",
                    f"certbot has {name} itself: nothing is to be given back",
                    hint="danelaw status lists the services that there are",
                )
            target = files.taken or _target(config.credentials.parent / "live" / name)
            service = next((one for one in config.services if _reads(one, target)), None)
            if service is not None and not keep_records and not renewal.reuses_key:
                _require_no_records(config, service, name)
            if not dry_run and not yes and terminal.interactive():
                terminal.say(f"certbot will renew {name} again, and Danelaw will no more.")
                click.confirm("Give it back?", abort=True, err=True)
            told.append(_one_given_back(path, name, files, target, service, dry_run=dry_run))
        return told


def _target(base: Path) -> Path:
    """Danelaw's live directory, where certbot's leads no more to it: an RSA credential's has another name."""
    rsa = base.with_name(f"{base.name}.rsa")
    return rsa if rsa.is_symlink() and not base.is_symlink() else base


def _reads(service: ServiceConfig, target: Path) -> bool:
    return any(host.linked and host.path(one) == target for host in service.hosts for one in service.every_lineage)


def _require_no_records(config: Config, service: ServiceConfig, name: str) -> None:
    """certbot renews with another key: records of this one would match nothing then."""
    found, unknown = interruption.run(published(config, service))
    if not found and not unknown:
        return
    terminal.error(
        DanelawError(
            "CERTBOT_RECORDS_LEFT",
            f"the TLSA records of {service.subject} would match no more when certbot renews, with another key",
            evidence="; ".join((*(f"there are {len(one.rdatas)} at {one.owner}" for one in found), *unknown)),
            hint=f"danelaw withdraw {service.subject}, and danelaw run until they are gone; or reuse_key = True in "
            f"certbot's configuration of {name}; or --keep-records, if you look after them",
        )
    )
    raise click.exceptions.Exit(4)


def _one_given_back(
    path: Path, name: str, files: ClientFiles, target: Path, service: ServiceConfig | None, *, dry_run: bool
) -> Told:
    file = service_files.place(path, name)
    retired = file.with_name(f"{file.name}{RETIRED}")
    subject = service.subject if service is not None else None
    if dry_run:
        return Told(name, subject, "would be given back", file, ())

    def retire() -> None:
        if service is not None:
            service_files.move(file, retired)

    renewed = give_back(files, wiring.live_paths(), target, retire)
    lines = [("server", f"{files.live} is certbot's directory again")]
    if renewed:
        lines.append(("archive", "what Danelaw renewed is certbot's newest certificate now"))
    lines += [("service", f"its file is {retired} now"), ("type", f"certbot renew --cert-name {name} --dry-run")]
    return Told(name, subject, "given back", file, tuple(lines))
