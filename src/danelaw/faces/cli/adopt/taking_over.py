"""Certificates of certbot's become services: each is planned first, and refused or taken over then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import dns.name

from danelaw import wiring
from danelaw.app.adopt import Adoption, ClientFiles, named_by, take_over
from danelaw.app.adopt_certbot import Renewal, issuer_of, read_renewal, reload_of, sorted_names
from danelaw.app.config import Config, load
from danelaw.app.deploy_sections import USUAL
from danelaw.app.operators_words import record
from danelaw.app.promise import require_feasible
from danelaw.app.service_file import Enrolment, enrolled
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import Chain, DanelawError
from danelaw.core.rollover.words import Adopted
from danelaw.core.tlsa.credential import leaf_algorithm
from danelaw.core.tlsa.x509 import parse
from danelaw.faces.cli import interruption, saying, service_files, terminal
from danelaw.faces.cli.adopt.certificates import Told, published
from danelaw.faces.cli.arguments import command


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator says of the services to be."""

    endpoints: tuple[str, ...]
    issuer: str | None
    servers: tuple[str, ...]
    reload: str | None
    strategy: str


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


def taken(
    path: Path, directory: Path, names: Sequence[str], asked: Asked, *, yes: bool, dry_run: bool
) -> Sequence[Told]:
    """None of them where one cannot be, which is told before anything is done.

    Raises ``DanelawError``: ``CERTBOT_BUSY``, ``CERTBOT_MIXED``, ``CERTBOT_SHARED_KEY``, ``SERVICE_FILE_EXISTS``,
    ``PUBLISHER_UNCLEAR``, ``ISSUER_UNCLEAR``, ``RELOAD_UNCLEAR``, and as the configuration and the steps do.
    """
    if dry_run:
        return [_would(plan) for plan in _plans(path, directory, names, asked)]
    with wiring.certbot_locked(directory):
        plans = _plans(path, directory, names, asked)
        going = [plan.name for plan in plans if not plan.done]
        if going and not yes and terminal.interactive():
            terminal.say(f"certbot will renew no more: {', '.join(going)}. Danelaw will.")
            click.confirm("Take over?", abort=True, err=True)
        return [_done(path, plan) for plan in plans]


def _plans(path: Path, directory: Path, names: Sequence[str], asked: Asked) -> Sequence[_Plan]:
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


def _plan(path: Path, directory: Path, name: str, asked: Asked, beside: dict[Path, str]) -> _Plan:
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
    file = service_files.place(path, name)
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


def _text(name: str, renewal: Renewal, chain: Chain, config: Config, asked: Asked, base: Path) -> str:
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


def _reload(name: str, renewal: Renewal, asked: Asked) -> tuple[tuple[str, ...], tuple[str, ...]]:
    told = command(asked.reload) if asked.reload is not None else ()
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


def _would(plan: _Plan) -> Told:
    lines = list(_where(plan))
    if plan.text is not None:
        lines += [("", line) for line in plan.text.splitlines() if line]
    what = "is Danelaw's already" if plan.done else "would be taken over"
    return Told(plan.name, plan.service.subject, what, plan.file, tuple(lines))


def _done(path: Path, plan: _Plan) -> Told:
    if plan.done:
        return Told(plan.name, plan.service.subject, "is Danelaw's already", plan.file, _where(plan))
    one = plan.adoption

    def enrol() -> None:
        if plan.text is not None:
            service_files.create(plan.file, plan.text)

    config = load(path, {plan.file: plan.text} if plan.text is not None else None)
    store = wiring.own_credentials(config, {one.lineage: one.target})
    interruption.run(take_over(one, plan.files, store, wiring.live_paths(), enrol))
    records = interruption.run(_records(load(path), plan))
    lines = (*_where(plan), *records, ("type", f"danelaw run {plan.service.subject}"))
    return Told(plan.name, plan.service.subject, "taken over", plan.file, lines)


def _where(plan: _Plan) -> tuple[tuple[str, str], ...]:
    return (
        ("service", f"{plan.service.subject} in {plan.file}"),
        ("server", f"{plan.files.live} leads to {plan.adoption.target}"),
    )


async def _records(config: Config, plan: _Plan) -> Sequence[tuple[str, str]]:
    """The TLSA records that match are Danelaw's from now on."""
    found, unknown = await published(config, plan.service)
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
