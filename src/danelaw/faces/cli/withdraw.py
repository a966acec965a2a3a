"""``danelaw withdraw``: a service is to be without DANE, and that as safely as it came to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from danelaw import wiring
from danelaw.app.config import Config, load, service_files
from danelaw.app.foresight import Foreseen, foreseen
from danelaw.app.service_file import with_withdrawn
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError
from danelaw.core.rollover.acceptance import ACCEPTABLE
from danelaw.faces.cli import interruption, saying, terminal
from danelaw.faces.cli import service_files as files
from danelaw.faces.cli.configured import chosen, found, of_one_subject, recorded, store_of
from danelaw.faces.cli.plan import foreseen_json, tell
from danelaw.faces.cli.terminal import Ink

SCHEMA: Final = "danelaw/withdraw/1"


@click.command()
@of_one_subject
@click.option("--undo", is_flag=True, help="It is to have TLSA records again.")
def withdraw(service: str, named: Path | None, *, undo: bool, json_form: bool) -> None:
    """Take the TLSA records of SERVICE away, safely; it keeps its certificate.

    Writes withdrawn = true into the service's file in services.d, and leaves all else in it as it is. The runner takes
    the records away, exactly those that are its own, when no client is refused but those that must have DANE: these you
    have to accept by name. The certificate is renewed as before, with the key that serves; keys that stand by are
    destroyed when no client can hold their records. No file of yours is removed.

    Exit status: 0 it is written, or was so before; 2 it is not.
    """
    terminal.need_output()
    path, config = found(named)
    file, wanted = _file_of(path, config, service)
    before = files.read(file)
    after = with_withdrawn(file, before, withdrawn=not undo)
    if after != before:
        load(path, {file: after})
        files.replace(file, after)
    config = load(path)
    comes = interruption.run(_follows(config, wanted))
    if json_form:
        told = {"subject": wanted.subject, "withdrawn": not undo, "file": str(file), "changed": after != before}
        plan = foreseen_json(comes, config.limits) if comes is not None else None
        terminal.data(json.dumps({"schema": SCHEMA, **told, "plan": plan}, indent=2))
        return
    terminal.show(Ink(wanted.subject, bold=True), "  is to have TLSA records" if undo else "  is to be without DANE")
    saying.line("file", f"{file}{'' if after != before else ', which said so already'}")
    for what, rest in () if undo else _becomes(wanted):
        saying.line(what, rest)
    if comes is not None:
        tell(comes)
    for command in _commands(wanted, comes, undo=undo):
        saying.line("type", command)


def _file_of(path: Path, config: Config, service: str) -> tuple[Path, ServiceConfig]:
    """Raises ``DanelawError``: ``SERVICE_UNKNOWN``, ``NOT_A_SERVICE``."""
    (name,) = chosen(config, service)
    for file, one in zip(service_files(path), config.services, strict=True):
        if one.subject == name:
            return file, one
    raise DanelawError(
        "NOT_A_SERVICE",
        f"{name} is a zone, and has no TLSA records of its own",
        hint="name a service, as danelaw status lists them",
    )


async def _follows(config: Config, service: ServiceConfig) -> Foreseen | None:
    """What comes next, by what is recorded; None where nothing is."""
    store = store_of(config)
    if store is None:
        return None
    try:
        subjects = wiring.subjects_of(config)
        facts, group = await recorded(config, subjects, store).around(service.subject)
    finally:
        await store.close()
    return foreseen(subjects.desired[service.subject], facts, group.reach, wiring.clock().now(), config.limits)


def _becomes(service: ServiceConfig) -> Sequence[tuple[str, str]]:
    """What becomes of keys and files."""
    where = ", ".join(str(host.directory) for host in service.hosts)
    return (
        ("records", "go when no client is refused but those that must have DANE, whom you accept by name"),
        ("certificate", "is renewed as before, with the key that serves"),
        ("other keys", "are destroyed when no client can hold a record of theirs"),
        ("files", f"stay where they are: {where}"),
    )


def _commands(service: ServiceConfig, comes: Foreseen | None, *, undo: bool) -> Sequence[str]:
    """In this order: what is accepted before the runner has read the file ends with the service settled as it was."""
    waits = "" if comes is None else getattr(comes.plan, "code", "")
    accept = f"danelaw accept {service.subject} {waits} --for 1d --reason …"
    return (
        f"danelaw run {service.subject}, or where a runner stays, have it read this: kill -HUP",
        *([accept] if not undo and waits in ACCEPTABLE else []),
    )
