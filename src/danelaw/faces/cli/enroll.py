"""``danelaw enroll``: a service is taken into the configuration, and brought on at once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import dns.name
from dns.rdatatype import RdataType

from danelaw import wiring
from danelaw.app.config import Config, load
from danelaw.app.deploy_sections import USUAL
from danelaw.app.eyes import Eyes
from danelaw.app.issuer_sections import WatchConfig
from danelaw.app.promise import require_feasible
from danelaw.app.service_file import Enrolment, enrolled
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError, Security, Target, read_target
from danelaw.core.rollover.succession import Strategy
from danelaw.faces.cli import interruption, saying, service_files, terminal
from danelaw.faces.cli.arguments import command
from danelaw.faces.cli.configured import config_path, of_many
from danelaw.faces.cli.run import run as run_command
from danelaw.faces.cli.terminal import Ink

SCHEMA: Final = "danelaw/enroll/1"
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


@click.command()
@of_many("endpoints")
@click.option("--service", "name", metavar="NAME", help="Of its file in services.d; else the first host.")
@click.option("--issuer", metavar="NAME", help="Who issues its certificates; needed where there are several.")
@click.option("--publisher", metavar="NAME", help="Who publishes its records; else that of the nearest zone.")
@click.option("--strategy", type=click.Choice([one.value for one in Strategy]), help="How keys change; else standby.")
@click.option("--directory", metavar="DIR", help="Where the server reads its certificate and key.")
@click.option("--server", "servers", multiple=True, type=click.Choice(list(USUAL)), help="What reads them.")
@click.option("--reload", metavar="COMMAND", help="What makes the server read them; not needed with --server.")
@click.option("--dry-run", is_flag=True, help="Show the file and what is noticed; write nothing, and run nothing.")
def enroll(
    endpoints: tuple[str, ...],
    named: Path | None,
    name: str | None,
    issuer: str | None,
    publisher: str | None,
    strategy: str | None,
    directory: str | None,
    servers: tuple[str, ...],
    reload: str | None,
    *,
    dry_run: bool,
    json_form: bool,
) -> None:
    """Take a service into the configuration, and begin with it: a certificate, the server, its TLSA records.

    ENDPOINTS are written as for danelaw check: www.example.net, mail.example.net:25, smtp:mail.example.net:2525; all
    endpoints that share one certificate. Writes one file into services.d beside the configuration, and does what
    danelaw run would. No file is written over; what could not be kept is refused, and nothing is left behind.

    Exit status: as danelaw run, or 2: nothing was written.
    """
    terminal.need_output()
    path = config_path(named)
    config = load(path)
    targets = [_target(text) for text in endpoints]
    key = publisher or _publisher(config, targets)
    new = Enrolment(
        endpoints=tuple(dict.fromkeys(map(str, targets))),
        issuer=(by := issuer or _issuer(config)),
        publisher=key,
        strategy=strategy or _strategy(config, by),
        directory=_directory(directory, config, targets[0]),
        servers=servers,
        reload=_reload(reload, servers),
        by=saying.who(),
        at=wiring.clock().now(),
    )
    file = service_files.place(path, _name(name or _host(targets[0])))
    if file.exists() or file.is_symlink():
        raise service_files.exists(file)
    text = enrolled(new)
    to_be = load(path, {file: text})
    require_feasible(to_be)
    (service,) = [one for one in to_be.services if one not in config.services]
    advice = interruption.run(_advice(to_be, service))
    if not dry_run:
        service_files.create(file, text)
    _Answer(file, text, service, advice, written=not dry_run).give(json_form=json_form)
    if dry_run:
        return
    raise click.exceptions.Exit(_bring_on(path, service, json_form=json_form))


@dataclass(frozen=True, slots=True)
class _Answer:
    file: Path
    text: str
    service: ServiceConfig
    advice: Sequence[str]
    written: bool

    def give(self, *, json_form: bool) -> None:
        if json_form:
            told = {"subject": self.service.subject, "file": str(self.file), "written": self.written}
            more = {"text": self.text, "advice": list(self.advice)}
            terminal.data(json.dumps({"schema": SCHEMA, **told, **more}))
            return
        terminal.show(Ink(self.service.subject, bold=True), "  enrolled" if self.written else "  would be enrolled")
        saying.line("file", str(self.file))
        if not self.written:
            for line in self.text.splitlines():
                terminal.show(f"    {line}")
        for one in self.advice:
            saying.line("notice", one)
        for host in self.service.hosts:
            saying.line("server", f"it is to read {host.directory}/fullchain.pem and privkey.pem")


# -- what is guessed --------------------------------------------------------------------------------------------------


def _target(text: str) -> Target:
    target = read_target(text)
    if target.searched:
        host = target.name.to_text(omit_final_dot=True)
        raise DanelawError(
            "BAD_ENDPOINT",
            f"{text!r} is a domain whose records name its hosts, and these are what has certificates",
            hint=f"name the hosts, such as {target.application.name}:mail.{host}:{target.port}",
        )
    return target


def _host(target: Target) -> str:
    return target.name.to_text(omit_final_dot=True)


def _issuer(config: Config) -> str:
    if len(config.issuers) == 1:
        return next(iter(config.issuers))
    raise DanelawError(
        "ISSUER_UNCLEAR",
        "who is to issue the certificates?" if config.issuers else "the configuration has no issuer",
        evidence=f"there are {', '.join(sorted(config.issuers))}" if config.issuers else "",
        hint=f"--issuer {' or '.join(sorted(config.issuers))}"
        if config.issuers
        else "write one: docs/how-to/issuers.md",
    )


def _publisher(config: Config, targets: Sequence[Target]) -> str:
    """That of the nearest zone above all of the hosts."""
    fitting = {key: zone for key, zone in config.publishers.items() if all(t.name.is_subdomain(zone) for t in targets)}
    if fitting:
        return max(fitting, key=lambda key: len(fitting[key].labels))
    zones = ", ".join(sorted(zone.to_text(omit_final_dot=True) for zone in config.publishers.values()))
    raise DanelawError(
        "PUBLISHER_UNCLEAR",
        f"no publisher has a zone that {' and '.join(dict.fromkeys(map(_host, targets)))} lies in",
        evidence=f"there are those of {zones}" if zones else "the configuration has none",
        hint="docs/how-to/publishers.md says how to write one; hosts of several zones are several services",
    )


def _strategy(config: Config, issuer: str) -> str:
    """Where another client makes the keys, they can but be followed."""
    strategy = Strategy.PINNED if isinstance(config.issuers.get(issuer), WatchConfig) else Strategy.STANDBY
    return str(strategy.value)


def _directory(given: str | None, config: Config, target: Target) -> str:
    """Absolute: a relative one is from where it is typed, and in a service's file it would be from the configuration.
    What is no name of a directory is left as it is, for the file is refused for it."""
    if given is None:
        return str(config.credentials.absolute().parent / "live" / _host(target))
    return str(Path(given).absolute()) if Path(given).name.strip(".") else given


def _reload(reload: str | None, servers: Sequence[str]) -> tuple[str, ...]:
    if reload is None and not servers:
        raise DanelawError(
            "RELOAD_UNCLEAR",
            "what makes the server read a new certificate?",
            hint=f"--server {' or '.join(USUAL)}; of another one: --reload 'systemctl reload NAME'",
        )
    return command(reload) if reload is not None else ()


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise DanelawError("BAD_NAME", f"{name!r} cannot be the name of a file in services.d", hint="--service NAME")
    return name


# -- what is noticed --------------------------------------------------------------------------------------------------


async def _advice(config: Config, service: ServiceConfig) -> Sequence[str]:
    """What would have to be waited for, or mended first. It is no reason not to begin."""
    try:
        eyes = wiring.build(config, wiring.open_world({})).tools.eyes
        hosts = dict.fromkeys(target.name for target in service.targets)
        found = await asyncio.gather(_of_zone(eyes, service), *(_of_host(eyes, host.to_text()) for host in hosts))
    except DanelawError as error:
        return [f"nothing could be looked up: {error}"]
    return [one for told in found for one in told]


async def _of_zone(eyes: Eyes, service: ServiceConfig) -> Sequence[str]:
    zone = service.zone.to_text(omit_final_dot=True)
    soa = await eyes.resolver.resolve(service.zone, RdataType.SOA)
    match soa.state:
        case Security.SECURE:
            return ()
        case Security.INSECURE:
            return [
                f"{zone} is not secure yet: no TLSA records are published before it is. "
                f"Its DS has to be at the parent: danelaw check {service.endpoints[0]}"
            ]
        case _:
            is_so = "could not be looked up" if soa.state is Security.INDETERMINATE else f"is {soa.state.value}"
            return [f"{zone} {is_so}: {'; '.join(map(str, soa.reasons)) or 'nobody answers'}"]


async def _of_host(eyes: Eyes, host: str) -> Sequence[str]:
    name = dns.name.from_text(host)
    answers = await asyncio.gather(*(eyes.resolver.resolve(name, type) for type in (RdataType.A, RdataType.AAAA)))
    shown = name.to_text(omit_final_dot=True)
    if all(answer.state is Security.INDETERMINATE for answer in answers):
        return [f"the addresses of {shown} could not be looked up"]
    if not any(answer.rrsets for answer in answers):
        return [f"{shown} has no address that could be found: the CA will find none either"]
    return ()


# -- the first run ----------------------------------------------------------------------------------------------------


def _bring_on(path: Path, service: ServiceConfig, *, json_form: bool) -> int:
    """As ``danelaw run``. A runner that is at work already does not know the service before it reads its file."""
    try:
        click.get_current_context().invoke(
            run_command,
            service=service.subject,
            named=path,
            json_form=json_form,
            watch=False,
            patience=30.0,
            quiet=False,
        )
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except DanelawError as error:
        if error.code != "RUNNER_BUSY":
            raise
        terminal.say(f"{error.evidence} is at work; have it read the configuration again:")
        terminal.say("  systemctl reload danelaw, or kill -HUP, if it stays; else the next run takes the service up")
    return 0
