"""A configuration's service as a world to simulate: its waits, TTLs, records and strategy, in a made-up network."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from danelaw.app.config import Config, load
from danelaw.app.promise import require_feasible, terms_of
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError
from danelaw.worlds.sim.scenario import Scenario, World

LAG: Final = 5.0
"""Seconds until the first secondary follows; each of the others takes twice as long as the one before it."""
UNKNOWN: Final = timedelta(days=90)
"""How long certificates live where that is neither configured nor announced."""
CLIENTS: Final = 12
PACES: Final = 8
"""How often a client connects while an answer may be held, about."""


def configured(path: Path, named: str | None, *, secondaries: int, addresses: int) -> Scenario:
    """The service that is named, or the only one. Raises as ``load`` does, and ``SERVICE_UNKNOWN``."""
    config = load(path)
    require_feasible(config)
    service = _service(config, path, named)
    limits = config.limits
    lifetime = terms_of(service, config).lifetime
    return Scenario(
        title=f"{service.subject}, as {path} has it",
        source="In the made-up world it is www.dotnxdomain.net.",
        strategy=service.strategy.value,
        rolls=("request", "renewal"),
        tlsa=tuple(map(str, service.combinations)),
        limits=limits.as_seconds(),
        world=World(
            lags=tuple(LAG * 2**number for number in range(secondaries)),
            addresses=tuple(_address(number) for number in range(addresses)),
            ttl=service.tlsa_ttl,
            negative_ttl=service.tlsa_ttl,
            clients=CLIENTS,
            pace=limits.hold(service.tlsa_ttl).total_seconds() / PACES,
            most_delay=limits.lookup_delay.total_seconds(),
            challenge=config.issuers[service.issuer].challenge.value,
            certificate_lifetime=(lifetime or UNKNOWN).total_seconds(),
        ),
    )


def _service(config: Config, path: Path, named: str | None) -> ServiceConfig:
    def called(service: ServiceConfig) -> set[str]:
        endpoints = {str(endpoint) for endpoint in service.endpoints}
        return endpoints | {text.partition("/")[0] for text in endpoints}

    found = [one for one in config.services if named is None or named in called(one)]
    if len(found) == 1:
        return found[0]
    there = ", ".join(str(one.subject) for one in config.services)
    raise DanelawError(
        "SERVICE_UNKNOWN",
        f"{path} has no service {named!r}" if named is not None else f"which service of {path}?",
        evidence=f"its services are {there}" if there else "it has none",
        hint="name one of them" if there else "services are files in services.d/ beside it",
    )


def _address(number: int) -> str:
    return f"192.0.2.{80 + number // 2}" if number % 2 == 0 else f"2001:db8::{80 + number // 2}"
