"""Who issues the certificates of each service, and who answers the challenges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from danelaw.app.config import Config
from danelaw.app.issuer_sections import (
    DIRECTORIES,
    AcmeConfig,
    CommandConfig,
    IssuerConfig,
    SelfSignedConfig,
    WatchConfig,
    ca_of,
)
from danelaw.core.model import ChallengeType, Lineage
from danelaw.ports import Credentials, Issuer, Resolver, Revoker, Solver, Surroundings

if TYPE_CHECKING:
    # Most configurations have one kind of issuer: what the others need is imported where they are plugged in.
    from danelaw.adapters.deploy import DirectoryCredentials
    from danelaw.adapters.issue.preflight import Preflight
    from danelaw.adapters.issue.standalone import StandaloneSolver
    from danelaw.adapters.issue.webroot import WebrootSolver


@dataclass(frozen=True, slots=True)
class Issuers:
    """``of``: who issues for each lineage. ``cas``: every CA that is configured, whether a service names it or not."""

    of: Mapping[Lineage, Issuer]
    cas: Mapping[str, Revoker]


def issuers(
    config: Config,
    world: Surroundings,
    credentials: DirectoryCredentials,
    resolver: Resolver,
    placing: Mapping[str, WebrootSolver | StandaloneSolver],
) -> Issuers:
    """Services that name the same issuer share what it remembers. ``placing``: what answers http-01, by issuer."""
    from danelaw.adapters.issue.selfsigned import Own, SelfSignedIssuer

    shared = {
        key: _issuer(issuer, config, world, credentials, resolver, placing.get(key))
        for key, issuer in config.issuers.items()
    }
    found: dict[Lineage, Issuer] = {}
    for service in config.services:
        issuer = config.issuers[service.issuer]
        for line in service.every_lineage:
            if isinstance(issuer, SelfSignedConfig) and issuer.lifetime is not None:
                found[line] = SelfSignedIssuer(line, credentials, world.clock, issuer.lifetime)
            elif (other := shared[service.issuer]) is not None:
                found[line] = other
    return Issuers(found, {ca_of(key, config.issuers[key]): issuer or Own() for key, issuer in shared.items()})


def _issuer(
    issuer: IssuerConfig,
    config: Config,
    world: Surroundings,
    credentials: DirectoryCredentials,
    resolver: Resolver,
    solver: WebrootSolver | StandaloneSolver | None,
) -> Issuer | None:
    """None for one that each lineage has of its own."""
    from danelaw.adapters.issue.command import CommandIssuer
    from danelaw.adapters.issue.watch import WatchIssuer

    match issuer:
        case AcmeConfig():
            from danelaw.adapters.issue.acme import AcmeIssuer
            from danelaw.adapters.issue.registration import Binding

            return AcmeIssuer(
                issuer.directory,
                issuer.contact,
                issuer.account,
                issuer.bundle,
                issuer.challenge,
                issuer.profile,
                world.blocking,
                world.clock,
                back_off=config.back_off,
                preferred=issuer.preferred_chain,
                binding=Binding(*issuer.binding) if issuer.binding is not None else None,
                resolver=resolver,
                preflight=_preflight(issuer, resolver, solver),
                keys=credentials,
            )
        case CommandConfig():
            return CommandIssuer(issuer.command, world.programs, world.clock, issuer.timeout, config.back_off)
        case WatchConfig():
            return WatchIssuer(world.clock)
    return None


def _preflight(
    issuer: AcmeConfig, resolver: Resolver, solver: WebrootSolver | StandaloneSolver | None
) -> Preflight | None:
    from danelaw.adapters.issue.preflight import Preflight
    from danelaw.adapters.issue.standalone import StandaloneSolver

    if not issuer.preflight:
        return None
    ready = solver.ready if isinstance(solver, StandaloneSolver) else None
    return Preflight(resolver, issuer.challenge, issuer.directory in DIRECTORIES.values(), ready)


def watched(
    config: Config, credentials: DirectoryCredentials, world: Surroundings
) -> Iterable[tuple[Lineage, Credentials]]:
    """The stores of services whose credentials another client gets."""
    from danelaw.adapters.issue.watch import Watched, WatchedCredentials

    for service in config.services:
        issuer = config.issuers[service.issuer]
        if isinstance(issuer, WatchConfig):
            other = (
                Watched.of(issuer.client, issuer.directory, issuer.name)
                if issuer.name is not None
                else Watched.of_name(issuer.client, issuer.directory, service.names[0])
            )
            for line in service.lineages:
                yield line, WatchedCredentials(credentials, other, world.blocking)


def placing(config: Config, world: Surroundings) -> dict[str, WebrootSolver | StandaloneSolver]:
    """By the names of their issuers: those that answer http-01."""
    from danelaw.adapters.issue.standalone import StandaloneSolver
    from danelaw.adapters.issue.webroot import WebrootSolver

    return {
        key: WebrootSolver(issuer.webroot)
        if issuer.webroot is not None
        else StandaloneSolver(issuer.listen, world.dialer)
        for key, issuer in config.issuers.items()
        if isinstance(issuer, AcmeConfig) and issuer.challenge is ChallengeType.HTTP_01
    }


def solvers(
    config: Config,
    world: Surroundings,
    resolver: Resolver,
    placing: Mapping[str, WebrootSolver | StandaloneSolver],
) -> dict[str, Solver]:
    """The same, with a look at what they placed where that is wanted."""
    from danelaw.adapters.issue.seen import SeenSolver

    found: dict[str, Solver] = {}
    for key, solver in placing.items():
        issuer = config.issuers[key]
        seen = isinstance(issuer, AcmeConfig) and issuer.preflight
        found[key] = SeenSolver(solver, resolver, world.dialer) if seen else solver
    return found
