"""How certificates of certbot's become services: each is planned, or refused, before anything is done."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import dns.name

from danelaw import wiring
from danelaw.app.adopt import Adoption
from danelaw.app.adopt_certbot import Renewal, issuer_of, reload_of, sorted_names
from danelaw.app.config import Config, load, service_files
from danelaw.app.deploy_sections import USUAL
from danelaw.app.promise import require_feasible
from danelaw.app.service_file import Enrolment, enrolled
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError, KeyAlgorithm, read_target
from danelaw.faces.cli import saying
from danelaw.faces.cli import service_files as files_of_services
from danelaw.faces.cli.adopt.held import Held, held, of_one_service
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
class Plan:
    """How one certificate, or a pair, becomes a service, or what is left to do where that has begun.

    ``names`` and ``adoptions``: one for each. ``text``: of the file; None: it is there. ``lost``: what certbot runs at
    renewals, and Danelaw will not. ``renewal``: of the first.
    """

    names: tuple[str, ...]
    service: ServiceConfig
    file: Path
    text: str | None
    adoptions: tuple[Adoption, ...]
    notices: tuple[str, ...]
    renewal: Renewal

    @property
    def done(self) -> bool:
        return self.text is None and all(
            one.files.suspended and one.files.taken == one.target for one in self.adoptions
        )


def plans(path: Path, directory: Path, names: Sequence[str], asked: Asked) -> Sequence[Plan]:
    """Raises ``DanelawError`` where one of them cannot be taken over."""
    groups = of_one_service([held(directory, name) for name in names])
    if len(groups) > 1 and asked.endpoints:
        raise click.UsageError("--endpoint is for one certificate: name it with --cert-name")
    to_be: dict[Path, str] = {}
    found = []
    for group in groups:
        plan = _plan(path, group, asked, to_be)
        if plan.text is not None:
            to_be[plan.file] = plan.text
        found.append(plan)
    require_feasible(load(path, to_be))
    return found


def _plan(path: Path, group: Sequence[Held], asked: Asked, beside: dict[Path, str]) -> Plan:
    config, first = load(path), group[0]
    base, file = config.credentials.parent / "live" / first.name, files_of_services.place(path, first.name)
    there = [
        (place, service)
        for place, service in zip(service_files(path), config.services, strict=True)
        if len(service.hosts) == 1 and service.hosts[0].directory == base and service.hosts[0].linked
    ]
    text, notices = None, tuple[str, ...]()
    if there:
        ((file, service),) = there
    elif file.exists() or file.is_symlink():
        raise DanelawError(
            "SERVICE_FILE_EXISTS",
            f"{file} is there already, and its service does not read {base}",
            hint="it is another service's: move it away, or take this certificate over by hand",
        )
    else:
        text, notices = _text(group, load(path, beside), asked, base)
        service = next(one for one in load(path, {**beside, file: text}).services if one.hosts[0].directory == base)
    adoptions = tuple(_adoption(one, service, file, new=text is not None) for one in group)
    return Plan(tuple(one.name for one in group), service, file, text, adoptions, notices, first.renewal)


def _adoption(one: Held, service: ServiceConfig, file: Path, *, new: bool) -> Adoption:
    lineage = next((lineage for lineage in service.lineages if lineage.algorithm is one.algorithm), None)
    if lineage is None:
        raise DanelawError(
            "SERVICE_FILE_EXISTS",
            f"{file} is of a service with other keys",
            evidence=f"the key of {one.name} is {one.algorithm.name}",
            hint="take it away, or name the kind under algorithms",
        )
    target = service.hosts[0].path(lineage)
    if not new and target.is_symlink() and one.files.taken != target:
        raise DanelawError(
            "CERTBOT_SAME_NAMES",
            f"{service.subject} has an {one.algorithm.name} credential of Danelaw's own",
            evidence=f"it lies in {target}, and certbot's {one.name} beside it",
            hint=f"have the server read {target}, and then: certbot delete --cert-name {one.name}",
        )
    return Adoption(one.files, lineage, one.key, one.chain, target)


def _text(group: Sequence[Held], config: Config, asked: Asked, base: Path) -> tuple[str, tuple[str, ...]]:
    """The file of a service that is not there yet, and what is to be noticed. ``config``: with all that was planned."""
    first = group[0]
    every = [dns.name.from_text(one) for one in first.names]
    hosts = list(dict.fromkeys(read_target(text).name.canonicalize() for text in asked.endpoints))
    names = sorted_names(every, list(config.publishers.values()), hosts)
    if names is None:
        raise _without_zone(first, config, asked)
    endpoints = asked.endpoints or tuple(f"{one.to_text(omit_final_dot=True)}:443" for one in names.served)
    _require_free(group, endpoints, config)
    servers, reload = _reload(group, asked, config)
    text = enrolled(
        Enrolment(
            endpoints=endpoints,
            names=tuple(one.to_text(omit_final_dot=True) for one in names.others),
            issuer=asked.issuer or _issuer(group, config),
            publisher=next(key for key, zone in config.publishers.items() if zone == names.zone),
            strategy=asked.strategy,
            algorithms=() if first.algorithm is KeyAlgorithm.ECDSA and len(group) == 1 else _values(group),
            directory=str(base),
            servers=servers,
            reload=reload,
            by=saying.who(),
            at=wiring.clock().now(),
            how="Adopted from certbot",
        )
    )
    return text, tuple(_notices(group, asked, reload, config))


def _notices(group: Sequence[Held], asked: Asked, reload: tuple[str, ...], config: Config) -> Iterator[str]:
    told = bool(asked.servers or asked.reload)
    hooks = (one.renewal.hook for one in group if one.renewal.hook and not told and reload != _hook(one))
    for hook in dict.fromkeys((*hooks, *_always_run(group))):
        yield f"certbot runs at its renewals, and Danelaw will not: {hook}"
    user = wiring.runs_as(config)
    if user is not None and not told and reload[:2] != ("systemctl", "reload"):
        yield f"certbot runs as root, and Danelaw as user {user}, who will run {shlex.join(reload)}: see that it works"


def _values(group: Sequence[Held]) -> tuple[str, ...]:
    return tuple(one.algorithm.value for one in group)


def _without_zone(one: Held, config: Config, asked: Asked) -> DanelawError:
    zones = ", ".join(sorted(zone.to_text(omit_final_dot=True) for zone in config.publishers.values()))
    wild = not asked.endpoints and zones and all(name.startswith("*.") for name in one.names)
    return DanelawError(
        "PUBLISHER_UNCLEAR",
        f"{one.name} is for all names below another: which of them has a server?"
        if wild
        else f"no publisher has a zone that a name of {one.name} lies in",
        evidence=f"it is for {', '.join(one.names)}; there are the zones {zones}" if zones else "there is none",
        hint="--endpoint HOST:443" if wild else "docs/how-to/publishers.md says how to write one",
    )


def _require_free(group: Sequence[Held], endpoints: Sequence[str], config: Config) -> None:
    wanted = {str(read_target(text).endpoint) for text in endpoints}
    for service in config.services:
        if common := sorted(wanted & {str(one) for one in service.endpoints}):
            raise DanelawError(
                "CERTBOT_SAME_NAMES",
                f"{common[0]} is an endpoint of {service.subject}, and cannot be of {group[0].name} too",
                evidence=f"{group[0].name} is for {', '.join(group[0].names)}",
                hint="if one has an RSA key and the other an ECDSA key, name both with --cert-name at once; if it "
                "serves elsewhere, --endpoint HOST:PORT; else certbot delete --cert-name what no server reads",
            )


def _issuer(group: Sequence[Held], config: Config) -> str:
    found = {issuer_of(one.renewal, config.issuers) for one in group}
    if len(found) == 1:
        return found.pop()
    raise DanelawError(
        "ISSUER_UNCLEAR",
        f"{' and '.join(one.name for one in group)} are of different CAs, and one service has one issuer",
        evidence=f"their issuers are {', '.join(sorted(found))}",
        hint=f"--issuer {' or '.join(sorted(found))}",
    )


# -- what makes the server read it ------------------------------------------------------------------------------------


def _hook(one: Held) -> tuple[str, ...]:
    return reload_of(one.renewal, one.files.live, one.names)


def _always_run(group: Sequence[Held]) -> tuple[str, ...]:
    """What certbot runs whether this was renewed or another."""
    return tuple(text for one in group for text in (*one.renewal.other_hooks, *map(str, one.files.hooks())))


def _reload(group: Sequence[Held], asked: Asked, config: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    told = command(asked.reload) if asked.reload is not None else ()
    if asked.servers or told:
        return asked.servers, told
    if one := next((one.renewal for one in group if one.renewal.server is not None), None):
        return ((one.server or "",), ()) if wiring.runs_as(config) is None else ((), one.unit_reload)
    if hook := next((hook for one in group if (hook := _hook(one))), ()):
        return (), hook
    hooks = tuple(dict.fromkeys((*(one.renewal.hook for one in group if one.renewal.hook), *_always_run(group))))
    raise DanelawError(
        "RELOAD_UNCLEAR",
        f"what makes the server read a new certificate of {group[0].name}?",
        evidence=f"certbot runs, in a shell: {'; '.join(hooks)}" if hooks else "certbot's configuration does not say",
        hint=f"--server {' or '.join(USUAL)}; of another one: --reload 'systemctl reload NAME'",
    )
