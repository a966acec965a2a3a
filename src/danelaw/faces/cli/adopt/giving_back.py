"""Certificates are certbot's again, with the keys that serve, and their services are none of Danelaw's."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from danelaw import wiring
from danelaw.app.adopt import Return, give_back
from danelaw.app.adopt_certbot import Renewal, read_renewal
from danelaw.app.config import Config, load, service_files
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError
from danelaw.faces.cli import interruption, terminal
from danelaw.faces.cli import service_files as files_of_services
from danelaw.faces.cli.adopt.certificates import Told, published

RETIRED: Final = ".given-back"


@dataclass(frozen=True, slots=True)
class _Taken:
    """One certificate that Danelaw has."""

    name: str
    back: Return
    renewal: Renewal


@dataclass(frozen=True, slots=True)
class _Departure:
    """What goes back at once: the certificates of one service. ``service`` None: there is none that reads them."""

    certificates: tuple[_Taken, ...]
    service: ServiceConfig | None
    file: Path


def given_back(
    path: Path, directory: Path, names: Sequence[str], *, every: bool, keep_records: bool, yes: bool, dry_run: bool
) -> Sequence[Told]:
    """None of them where one cannot be, which is told before anything is done; no runner and no certbot is at work.
    ``every``: only those that Danelaw has are meant.

    Raises ``DanelawError``: ``CERTBOT_NOT_ADOPTED``, ``CERTBOT_BUSY``, ``RUNNER_BUSY``, and as the steps do; and ends
    the command with 4 while there are TLSA records that would match no more.
    """
    config = load(path)
    with contextlib.ExitStack() as held:
        with wiring.as_owner_of(config.store):
            held.enter_context(wiring.only_runner(config, "danelaw adopt certbot --undo"))
        held.enter_context(wiring.certbot_locked(directory))
        taken = _taken(config, directory, names, every=every)
        going = _departures(path, config, directory, taken)
        for one in going:
            for certificate in one.certificates:
                certificate.back.files.require_returnable()
            if not keep_records and not all(certificate.renewal.reuses_key for certificate in one.certificates):
                _require_no_records(config, one)
        if not dry_run and not yes and terminal.interactive():
            terminal.say(f"certbot will renew again, and Danelaw will no more: {', '.join(one.name for one in taken)}.")
            click.confirm("Give back?", abort=True, err=True)
        return [told for one in going for told in _given_back(one, dry_run=dry_run)]


def _taken(config: Config, directory: Path, names: Sequence[str], *, every: bool) -> Sequence[_Taken]:
    taken = []
    for name in names:
        files = wiring.certbot_files(directory, name)
        renewal = read_renewal(files.renewal())
        if files.away or files.suspended:
            target = files.taken or _target(config.credentials.parent / "live" / name)
            taken.append(_Taken(name, Return(files, target), renewal))
        elif not every:
            raise _not_adopted(f"certbot has {name} itself")
    if not taken:
        raise _not_adopted(f"certbot has all that is in {directory} itself")
    return taken


def _not_adopted(what: str) -> DanelawError:
    hint = "danelaw status lists the services that there are"
    return DanelawError("CERTBOT_NOT_ADOPTED", f"{what}: nothing is to be given back", hint=hint)


def _target(base: Path) -> Path:
    """Danelaw's live directory, where certbot's leads no more to it: an RSA credential's has another name."""
    rsa = base.with_name(f"{base.name}.rsa")
    return rsa if rsa.is_symlink() and not base.is_symlink() else base


def _departures(path: Path, config: Config, directory: Path, taken: Sequence[_Taken]) -> Sequence[_Departure]:
    """Raises ``DanelawError("CERTBOT_PAIR")`` where a service would be left with but one of its certificates."""
    found, rest = [], list(taken)
    for file, service in zip(service_files(path), config.services, strict=True):
        read = {host.path(one) for host in service.hosts if host.linked for one in service.every_lineage}
        if together := [one for one in rest if one.back.target in read]:
            names = [one.name for one in together]
            others = (name for name in wiring.certbot_names(directory) if name not in names)
            if left := [name for name in others if wiring.certbot_files(directory, name).taken in read]:
                raise DanelawError(
                    "CERTBOT_PAIR",
                    f"{' and '.join(names)} and {' and '.join(left)} are one service, and go back together",
                    evidence=str(file),
                    hint=" ".join(("name both:", *(f"--cert-name {name}" for name in (*names, *left)))),
                )
            found.append(_Departure(tuple(together), service, file))
            rest = [one for one in rest if one not in together]
    return [*found, *(_Departure((one,), None, files_of_services.place(path, one.name)) for one in rest)]


def _require_no_records(config: Config, one: _Departure) -> None:
    """certbot renews with another key: records of this one would match nothing then."""
    if one.service is None:
        return
    with wiring.as_owner_of(config.store):
        found, unknown = interruption.run(published(config, one.service))
    if not found and not unknown:
        return
    subject, names = one.service.subject, " and ".join(certificate.name for certificate in one.certificates)
    terminal.error(
        DanelawError(
            "CERTBOT_RECORDS_LEFT",
            f"the TLSA records of {subject} would match no more when certbot renews, with another key",
            evidence="; ".join((*(f"there are {len(one.rdatas)} at {one.owner}" for one in found), *unknown)),
            hint=f"danelaw withdraw {subject}, and danelaw run until they are gone; or reuse_key = True in "
            f"certbot's configuration of {names}; or --keep-records, if you look after them",
        )
    )
    raise click.exceptions.Exit(4)


def _given_back(one: _Departure, *, dry_run: bool) -> Sequence[Told]:
    retired = one.file.with_name(f"{one.file.name}{RETIRED}")
    subject = one.service.subject if one.service is not None else None
    if dry_run:
        return [
            Told(certificate.name, subject, "would be given back", one.file, ()) for certificate in one.certificates
        ]

    def retire() -> None:
        if one.service is not None:
            files_of_services.move(one.file, retired)

    renewed = give_back([certificate.back for certificate in one.certificates], wiring.live_paths(), retire)
    service = f"its file is {retired} now" if one.service is not None else "no file of services.d names it"
    told = []
    for certificate, new in zip(one.certificates, renewed, strict=True):
        lines = [("server", f"{certificate.back.files.live} is certbot's directory again")]
        if new:
            lines.append(("archive", "what Danelaw renewed is certbot's newest certificate now"))
        lines += [("service", service), *_stranded(one)]
        lines.append(("type", f"certbot renew --cert-name {certificate.name} --dry-run"))
        told.append(Told(certificate.name, subject, "given back", one.file, tuple(lines)))
    return told


def _stranded(one: _Departure) -> Sequence[tuple[str, str]]:
    """Credentials that Danelaw got beside certbot's, and that nobody renews any more."""
    if one.service is None:
        return ()
    back = {certificate.back.target for certificate in one.certificates}
    own = {host.path(lineage) for host in one.service.hosts for lineage in one.service.lineages} - back
    return [("notice", f"nobody renews what is in {path} any more: have no server read it") for path in sorted(own)]
