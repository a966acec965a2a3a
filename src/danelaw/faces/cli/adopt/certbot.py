"""``danelaw adopt certbot``: certificates of certbot's become services, and the other way round."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import dns.name

from danelaw import wiring
from danelaw.app.adopt import Adoption, ClientFiles, give_back, named_by, take_over
from danelaw.app.adopt_certbot import Renewal, issuer_of, read_renewal, reload_of, sorted_names
from danelaw.app.config import Config, load
from danelaw.app.deploy_sections import USUAL
from danelaw.app.operators_words import record
from danelaw.app.promise import require_feasible
from danelaw.app.service_file import Enrolment, enrolled
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import Chain, DanelawError, RRset, Security
from danelaw.core.rollover.lookups import TLSA
from danelaw.core.rollover.succession import Strategy
from danelaw.core.rollover.words import Adopted
from danelaw.core.tlsa import tlsa_owner
from danelaw.core.tlsa.credential import leaf_algorithm
from danelaw.core.tlsa.x509 import parse
from danelaw.faces.cli import interruption, saying, service_files, terminal
from danelaw.faces.cli.configured import config_path
from danelaw.faces.cli.terminal import Ink

SCHEMA: Final = "danelaw/adopt/1"
RETIRED: Final = ".given-back"


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
    if len(names) > 1 and endpoints:
        raise click.UsageError("--endpoint is for one certificate: name it with --cert-name")
    if undo:
        told = _undo(path, directory, names, keep_records=keep_records, yes=yes, dry_run=dry_run)
    else:
        asked = _Asked(endpoints, issuer, servers, reload, strategy)
        told = _adopt(path, directory, names, asked, yes=yes, dry_run=dry_run)
    if json_form:
        terminal.data(json.dumps({"schema": SCHEMA, "certificates": [one.as_json() for one in told]}))
    else:
        for one in told:
            one.show()


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the operator says of the services to be."""

    endpoints: tuple[str, ...]
    issuer: str | None
    servers: tuple[str, ...]
    reload: str | None
    strategy: str


@dataclass(frozen=True, slots=True)
class _Told:
    """What was done to one certificate. ``lines``: what else is to be said, each with a word before it."""

    name: str
    subject: str | None
    what: str
    file: Path
    lines: tuple[tuple[str, str], ...]

    def show(self) -> None:
        terminal.show(Ink(self.name, bold=True), f"  {self.what}")
        for head, rest in self.lines:
            saying.line(head, rest)

    def as_json(self) -> dict[str, object]:
        told = [{"about": head, "text": rest} for head, rest in self.lines]
        return {"name": self.name, "subject": self.subject, "what": self.what, "file": str(self.file), "told": told}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one certificate becomes a service, or what is left to do where that has begun."""

    name: str
    files: ClientFiles
    service: ServiceConfig
    file: Path
    text: str | None
    adoption: Adoption

    @property
    def done(self) -> bool:
        return self.text is None and self.files.suspended and self.files.taken == self.adoption.target


# -- taking over ------------------------------------------------------------------------------------------------------


def _adopt(
    path: Path, directory: Path, names: Sequence[str], asked: _Asked, *, yes: bool, dry_run: bool
) -> Sequence[_Told]:
    if dry_run:
        return [_would(plan) for plan in _plans(path, directory, names, asked)]
    with wiring.certbot_locked(directory):
        plans = _plans(path, directory, names, asked)
        going = [plan.name for plan in plans if not plan.done]
        if going and not yes and terminal.interactive():
            terminal.say(f"certbot will renew no more: {', '.join(going)}. Danelaw will.")
            click.confirm("Take over?", abort=True, err=True)
        return [_done(path, plan) for plan in plans]


def _plans(path: Path, directory: Path, names: Sequence[str], asked: _Asked) -> Sequence[_Plan]:
    """Raises ``DanelawError`` before anything is done where one of them cannot be taken over."""
    to_be: dict[Path, str] = {}
    found = []
    for name in names:
        plan = _plan(path, directory, name, asked, to_be)
        if plan.text is not None:
            to_be[plan.file] = plan.text
        found.append(plan)
    require_feasible(load(path, to_be))
    return found


def _plan(path: Path, directory: Path, name: str, asked: _Asked, beside: dict[Path, str]) -> _Plan:
    config = load(path)
    files = wiring.certbot_files(directory, name)
    renewal = read_renewal(files.renewal())
    credential = wiring.certbot_credential(directory, name)
    if credential is None:
        raise DanelawError("CERTBOT_MIXED", f"key and certificate of {name} in {files.live} do not belong together")
    key, chain = credential
    if files.taken is None and (others := files.read_by_others()) is not None:
        raise DanelawError(
            "CERTBOT_SHARED_KEY",
            f"servers that do not start as root may read the key of {name}, and Danelaw's store is root's alone",
            evidence=others,
            hint="enroll it, with owner, group and mode under deploy: docs/how-to/adopt-certbot.md",
        )
    file = path.absolute().parent / "services.d" / f"{name}.toml"
    base = config.credentials.parent / "live" / name
    there = file.exists()
    text = None if there else _text(name, renewal, chain, config, asked, base)
    loaded = load(path, {**beside, file: text} if text is not None else beside)
    service = _service(loaded, base, file)
    algorithm = leaf_algorithm(chain)
    for lineage in service.lineages:
        if lineage.algorithm is algorithm:
            target = service.hosts[0].path(lineage)
            since = f"{wiring.clock().now():%Y-%m-%d}"
            return _Plan(name, files, service, file, text, Adoption(lineage, key, chain, target, since))
    raise DanelawError(
        "SERVICE_FILE_EXISTS",
        f"{file} is of a service with other keys",
        evidence=f"the key of {name} is {algorithm.name if algorithm else 'of an unknown kind'}",
        hint="take it away, or name the kind under algorithms",
    )


def _service(config: Config, base: Path, file: Path) -> ServiceConfig:
    for service in config.services:
        if len(service.hosts) == 1 and service.hosts[0].directory == base and service.hosts[0].linked:
            return service
    raise DanelawError(
        "SERVICE_FILE_EXISTS",
        f"{file} is there already, and its service does not read {base}",
        hint="it is another service's: move it away, or take this certificate over by hand",
    )


def _text(name: str, renewal: Renewal, chain: Chain, config: Config, asked: _Asked, base: Path) -> str:
    """The file of a service that is not there yet."""
    leaf, algorithm = parse(chain.ders[0]), leaf_algorithm(chain)
    if leaf is None or algorithm is None:
        raise DanelawError("BAD_CHAIN", f"the certificate of {name} cannot be read")
    every = [dns.name.from_text(one) for one in leaf.names]
    names = sorted_names(every, list(config.publishers.values()))
    if names is None:
        zones = ", ".join(sorted(zone.to_text(omit_final_dot=True) for zone in config.publishers.values()))
        raise DanelawError(
            "PUBLISHER_UNCLEAR",
            f"no publisher has a zone that a name of {name} lies in",
            evidence=f"it is for {', '.join(leaf.names)}; there are the zones {zones}" if zones else "there is none",
            hint="docs/how-to/publishers.md says how to write one",
        )
    served = tuple(f"{one.to_text(omit_final_dot=True)}:443" for one in names.served)
    hosts = {text.rpartition(":")[0].rpartition(":")[2] for text in asked.endpoints}
    others = (*names.others, *(one for one in names.served if asked.endpoints))
    further = [text for one in others if (text := one.to_text(omit_final_dot=True)) not in hosts]
    servers, reload = _reload(name, renewal, asked)
    return enrolled(
        Enrolment(
            endpoints=asked.endpoints or served,
            names=tuple(further),
            issuer=asked.issuer or issuer_of(renewal, config.issuers),
            publisher=next(key for key, zone in config.publishers.items() if zone == names.zone),
            strategy=asked.strategy,
            algorithms=() if algorithm.value == "ecdsa" else (algorithm.value,),
            directory=str(base),
            servers=servers,
            reload=reload,
            by=saying.who(),
            at=wiring.clock().now(),
            how="Adopted from certbot",
        )
    )


def _reload(name: str, renewal: Renewal, asked: _Asked) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        told = tuple(shlex.split(asked.reload)) if asked.reload is not None else ()
    except ValueError as error:
        raise DanelawError("BAD_COMMAND", f"{asked.reload!r} is no command", evidence=str(error)) from error
    if asked.servers or told:
        return asked.servers, told
    if renewal.server is not None:
        return (renewal.server,), ()
    if hook := reload_of(renewal):
        return (), hook
    raise DanelawError(
        "RELOAD_UNCLEAR",
        f"what makes the server read a new certificate of {name}?",
        evidence=f"certbot runs, in a shell: {renewal.hook}"
        if renewal.hook
        else "certbot's configuration does not say",
        hint=f"--server {' or '.join(USUAL)}; of another one: --reload 'systemctl reload NAME'",
    )


def _would(plan: _Plan) -> _Told:
    lines = list(_where(plan))
    if plan.text is not None:
        lines += [("", line) for line in plan.text.splitlines() if line]
    what = "is Danelaw's already" if plan.done else "would be taken over"
    return _Told(plan.name, plan.service.subject, what, plan.file, tuple(lines))


def _done(path: Path, plan: _Plan) -> _Told:
    if plan.done:
        return _Told(plan.name, plan.service.subject, "is Danelaw's already", plan.file, _where(plan))
    one = plan.adoption

    def enrol() -> None:
        if plan.text is not None:
            service_files.create(plan.file, plan.text)

    config = load(path, {plan.file: plan.text} if plan.text is not None else None)
    store = wiring.own_credentials(config, {one.lineage: one.target})
    interruption.run(take_over(one, plan.files, store, wiring.live_paths(), enrol))
    records = interruption.run(_records(load(path), plan))
    lines = (*_where(plan), *records, ("type", f"danelaw run {plan.service.subject}"))
    return _Told(plan.name, plan.service.subject, "taken over", plan.file, lines)


def _where(plan: _Plan) -> tuple[tuple[str, str], ...]:
    return (
        ("service", f"{plan.service.subject} in {plan.file}"),
        ("server", f"{plan.files.live} leads to {plan.adoption.target}"),
    )


async def _records(config: Config, plan: _Plan) -> Sequence[tuple[str, str]]:
    """The TLSA records that match are Danelaw's from now on."""
    found, unknown = await _published(config, plan.service)
    matching = named_by(found, plan.adoption.chain)
    if matching:
        rdatas = frozenset(one.to_rdata() for one in matching)
        store = wiring.lasting_store(config, wiring.blocking())
        try:
            word = Adopted(wiring.clock().now(), plan.adoption.lineage, rdatas, saying.who())
            await record(store, plan.service.subject, word)
        finally:
            await store.close()
    told = [("records", f"adopted: {', '.join(sorted(one.brief() for one in matching))}")] if matching else []
    return [*told, *(("notice", one) for one in unknown)]


async def _published(config: Config, service: ServiceConfig) -> tuple[Sequence[RRset], Sequence[str]]:
    """The TLSA RRsets of a service, and what could not be found out."""
    try:
        resolver = wiring.build(config, wiring.open_world({})).tools.resolver
    except DanelawError as error:
        return [], [f"no TLSA records could be looked up: {error}"]
    found, unknown = list[RRset](), list[str]()
    for endpoint in service.endpoints:
        owner = tlsa_owner(endpoint.port, endpoint.transport, endpoint.host)
        answer = await resolver.resolve(owner, TLSA)
        if answer.rrset is not None:
            found.append(answer.rrset)
        elif answer.state in (Security.BOGUS, Security.INDETERMINATE):
            unknown.append(f"whether there are TLSA records at {owner} is not known: {answer.state.value}")
    return found, unknown


# -- giving back ------------------------------------------------------------------------------------------------------


def _undo(
    path: Path, directory: Path, names: Sequence[str], *, keep_records: bool, yes: bool, dry_run: bool
) -> Sequence[_Told]:
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
            told.append(_given_back(path, name, files, target, service, dry_run=dry_run))
        return told


def _target(base: Path) -> Path:
    """Danelaw's live directory, where certbot's leads no more to it: an RSA credential's has another name."""
    rsa = base.with_name(f"{base.name}.rsa")
    return rsa if rsa.is_symlink() and not base.is_symlink() else base


def _reads(service: ServiceConfig, target: Path) -> bool:
    return any(host.linked and host.path(one) == target for host in service.hosts for one in service.every_lineage)


def _require_no_records(config: Config, service: ServiceConfig, name: str) -> None:
    """certbot renews with another key: records of this one would match nothing then."""
    found, unknown = interruption.run(_published(config, service))
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


def _given_back(
    path: Path, name: str, files: ClientFiles, target: Path, service: ServiceConfig | None, *, dry_run: bool
) -> _Told:
    file = path.absolute().parent / "services.d" / f"{name}.toml"
    retired = file.with_name(f"{file.name}{RETIRED}")
    subject = service.subject if service is not None else None
    if dry_run:
        return _Told(name, subject, "would be given back", file, ())

    def retire() -> None:
        if service is not None:
            service_files.move(file, retired)

    renewed = give_back(files, wiring.live_paths(), target, retire)
    lines = [("server", f"{files.live} is certbot's directory again")]
    if renewed:
        lines.append(("archive", "what Danelaw renewed is certbot's newest certificate now"))
    lines += [("service", f"its file is {retired} now"), ("type", f"certbot renew --cert-name {name} --dry-run")]
    return _Told(name, subject, "given back", file, tuple(lines))
