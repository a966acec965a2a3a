"""Who issues the certificates of each service, and who answers the challenges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from danelaw.app.config import Config
from danelaw.app.issuer_sections import AcmeConfig, CommandConfig, IssuerConfig, SelfSignedConfig, WatchConfig
from danelaw.core.model import ChallengeType, Lineage
from danelaw.ports import Credentials, Issuer, Resolver, Solver, Surroundings

if TYPE_CHECKING:
    # Most configurations have one kind of issuer: what the others need is imported where they are plugged in.
    from danelaw.adapters.deploy import DirectoryCredentials


def issuers(
    config: Config, world: Surroundings, credentials: DirectoryCredentials, resolver: Resolver
) -> dict[Lineage, Issuer]:
    """Who issues for each lineage; services that name the same issuer share what it remembers."""
    from danelaw.adapters.issue.selfsigned import SelfSignedIssuer

    shared = {key: _issuer(issuer, config, world, resolver) for key, issuer in config.issuers.items()}
    found: dict[Lineage, Issuer] = {}
    for service in config.services:
        issuer = config.issuers[service.issuer]
        for line in service.every_lineage:
            if isinstance(issuer, SelfSignedConfig) and issuer.lifetime is not None:
                found[line] = SelfSignedIssuer(line, credentials, world.clock, issuer.lifetime)
            elif (other := shared[service.issuer]) is not None:
                found[line] = other
    return found


def _issuer(issuer: IssuerConfig, config: Config, world: Surroundings, resolver: Resolver) -> Issuer | None:
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
            )
        case CommandConfig():
            return CommandIssuer(issuer.command, world.programs, world.clock, issuer.timeout, config.back_off)
        case WatchConfig():
            return WatchIssuer(world.clock)
    return None


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


def solvers(config: Config, world: Surroundings, resolver: Resolver) -> dict[str, Solver]:
    """By the names of their issuers: those that answer http-01."""
    from danelaw.adapters.issue.seen import SeenSolver
    from danelaw.adapters.issue.standalone import StandaloneSolver
    from danelaw.adapters.issue.webroot import WebrootSolver

    found: dict[str, Solver] = {}
    for key, issuer in config.issuers.items():
        if not isinstance(issuer, AcmeConfig) or issuer.challenge is not ChallengeType.HTTP_01:
            continue
        if issuer.webroot is not None:
            found[key] = WebrootSolver(issuer.webroot)
        else:
            found[key] = StandaloneSolver(issuer.listen, world.dialer)
        if issuer.preflight:
            found[key] = SeenSolver(found[key], resolver, world.dialer)
    return found
