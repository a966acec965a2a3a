"""The configuration: one ``danelaw.toml`` and a file per service in ``services.d/`` beside it.

Unknown keys are errors that name the nearest known one. Relative paths start at the file that names them. Secrets are
never inline.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from dns.name import Name

from danelaw.app.deploy_sections import require_own_directories
from danelaw.app.issuer_sections import IssuerConfig, IssuerSection, read_issuer
from danelaw.app.notify_sections import (
    MetricsConfig,
    MetricsSection,
    NotifyConfig,
    NotifySection,
    read_metrics,
    read_notify,
)
from danelaw.app.platform_roots import PLATFORM_ROOTS
from danelaw.app.section import Section, decode, invalid, one_of
from danelaw.app.service_sections import ServiceConfig, ServiceSection, read_service
from danelaw.app.zone_sections import PublisherSection, ZoneConfig, read_zone
from danelaw.core.model import Forwarder, Limits, read_forwarder

SMTP_LOOKUP_DELAY: Final = 900.0
"""Seconds."""


class ResolverSection(Section, frozen=True):
    """``forwarders``: as ``read_forwarder`` takes them, the system's if none is given; answers are validated here,
    whoever gives them. ``ca``: PEM certificates to check forwarders by. ``trust_anchor``: a file."""

    forwarders: tuple[str, ...] = ()
    ca: str | None = None
    trust_anchor: str | None = None


class ClientsSection(Section, frozen=True):
    """``roots``: PEM of the CAs that clients trust."""

    roots: str = PLATFORM_ROOTS


class StateSection(Section, frozen=True):
    """``store``: what was seen and done. ``keep_history``: how long, in seconds, where nothing depends on it."""

    credentials: str = "/var/lib/danelaw/credentials"
    store: str = "/var/lib/danelaw/store.sqlite"
    keep_history: Annotated[int, msgspec.Meta(ge=86400, le=100 * 365 * 86400)] = 63_072_000


class _File(Section, frozen=True):
    resolver: ResolverSection = ResolverSection()
    clients: ClientsSection = ClientsSection()
    state: StateSection = StateSection()
    issuers: dict[str, IssuerSection] = msgspec.field(default_factory=dict)
    publishers: dict[str, PublisherSection] = msgspec.field(default_factory=dict)
    notify: dict[str, NotifySection] = msgspec.field(default_factory=dict)
    metrics: MetricsSection = MetricsSection()
    limits: dict[str, float] = msgspec.field(default_factory=dict)


class Config(msgspec.Struct, frozen=True):
    """A configuration, parsed and checked: paths absolute, names absolute, references resolved.

    No ``forwarders``: those of the system. ``resolver_ca`` None: its trust store. ``publishers``: the zone of each, by
    its name.
    """

    forwarders: tuple[Forwarder, ...]
    resolver_ca: Path | None
    trust_anchor: Path | None
    client_roots: Path
    credentials: Path
    issuers: Mapping[str, IssuerConfig]
    zones: tuple[ZoneConfig, ...]
    services: tuple[ServiceConfig, ...]
    limits: Limits
    store: Path = Path(StateSection().store)
    keep_history: timedelta = timedelta(seconds=StateSection().keep_history)
    publishers: Mapping[str, Name] = {}
    notify: Mapping[str, NotifyConfig] = {}
    metrics: MetricsConfig = MetricsConfig()

    @property
    def back_off(self) -> timedelta:
        """How long to leave a CA alone that refused: not less than a pass, an hour where passes are minutes apart."""
        return 12 * self.limits.pass_interval


def service_files(path: Path) -> tuple[Path, ...]:
    """The files of ``services.d/``, in the order of ``Config.services``."""
    return tuple(sorted((path.absolute().parent / "services.d").glob("*.toml")))


def load(path: Path, instead: Mapping[Path, str] | None = None) -> Config:
    """Read ``danelaw.toml`` and its ``services.d/``. ``instead``: what files of that are to hold, and do not yet.

    Raises ``DanelawError``: ``CONFIG_UNREADABLE``, ``CONFIG_SYNTAX``, ``CONFIG_INVALID``.
    """
    main = decode(path, _File)
    base, to_be = path.absolute().parent, instead or {}
    zones = {key: read_zone(path, base, section) for key, section in main.publishers.items()}
    issuers = {key: read_issuer(path, base, section) for key, section in main.issuers.items()}
    apexes = frozenset(zone.zone for zone in zones.values())
    services = tuple(
        read_service(file, decode(file, ServiceSection, to_be.get(file)), zones, issuers, apexes)
        for file in sorted({*service_files(path), *to_be})
    )
    _once(path, (f"the zone {zone.zone}" for zone in zones.values()))
    _once(path.parent / "services.d", (f"the endpoint {e}" for service in services for e in service.endpoints))
    require_own_directories(
        path.parent / "services.d", {str(one.subject): (one.every_lineage, one.hosts) for one in services}
    )
    subjects = [*(zone.subject for zone in zones.values()), *(service.subject for service in services)]
    return Config(
        forwarders=tuple(_forwarder(path, text) for text in main.resolver.forwarders),
        resolver_ca=base / main.resolver.ca if main.resolver.ca else None,
        trust_anchor=base / main.resolver.trust_anchor if main.resolver.trust_anchor else None,
        client_roots=base / main.clients.roots,
        credentials=base / main.state.credentials,
        issuers=issuers,
        zones=tuple(zones.values()),
        publishers={key: zone.zone for key, zone in zones.items()},
        services=services,
        limits=_limits(path, main.limits, services),
        store=base / main.state.store,
        keep_history=timedelta(seconds=main.state.keep_history),
        notify={name: read_notify(path, base, name, one, subjects) for name, one in main.notify.items()},
        metrics=read_metrics(path, base, main.metrics),
    )


def _once(path: Path, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(path, f"{name} is named twice")
        seen.add(name)


def _forwarder(path: Path, text: str) -> Forwarder:
    try:
        return read_forwarder(text)
    except ValueError as error:
        hint = "write IP, IP@PORT, tls://IP#SERVER.NAME or https://SERVER.NAME/dns-query#IP"
        raise invalid(path, f"forwarder {text!r}: {error}", hint) from error


def _limits(path: Path, given: Mapping[str, float], services: Iterable[ServiceConfig]) -> Limits:
    """Durations in seconds; what is not given keeps its default. Mail servers take their time between look-up and
    handshake."""
    if any(target.application.opportunistic for service in services for target in service.targets):
        given = {"lookup_delay": SMTP_LOOKUP_DELAY, **given}
    known = Limits().as_seconds()
    for key, value in given.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else one_of("limits", known)
            raise invalid(path, f"limits: there is no {key!r}", hint)
        if value < 0:
            raise invalid(path, f"limits: {key} is negative")
    counts = {"gap_passes", "ttl_factor"}
    plain = counts | {"renew_fraction", "urgent_fraction"}
    values = {key: value if key in plain else timedelta(seconds=value) for key, value in given.items()}
    values |= {key: int(given[key]) for key in counts & set(given)}
    return Limits(**values)  # type: ignore[arg-type] # the keys and their types were checked above
