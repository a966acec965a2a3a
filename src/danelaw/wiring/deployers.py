"""Who brings the credentials of each service to its hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from danelaw.adapters.deploy import DirectoryDeployer, Server
from danelaw.app.config import Config
from danelaw.app.deploy_sections import HostConfig
from danelaw.core.model import HostName, Lineage
from danelaw.ports import Deployer, Surroundings

if TYPE_CHECKING:
    # Most services are served by this machine alone: what other hosts need is imported where they are plugged in.
    from danelaw.adapters.deploy import DirectoryCredentials
    from danelaw.adapters.deploy.copied import Way


def deployers(
    config: Config, world: Surroundings, credentials: DirectoryCredentials
) -> dict[tuple[Lineage, HostName], Deployer]:
    found: dict[tuple[Lineage, HostName], Deployer] = {}
    for service in config.services:
        for host in service.hosts:
            made = _deployer(host, service.every_lineage, world, credentials)
            found |= {(lineage, host.name): made for lineage in service.every_lineage}
    return found


def _deployer(
    host: HostConfig, lineages: tuple[Lineage, ...], world: Surroundings, credentials: DirectoryCredentials
) -> Deployer:
    if host.linked:
        server = Server(world.commands, host.reloads, host.tests, host.timeout)
        return DirectoryDeployer(credentials, server, world.blocking, host=host.name)
    from danelaw.adapters.deploy.copied import CopyingDeployer
    from danelaw.adapters.deploy.scripts import Owned

    return CopyingDeployer(
        host.name,
        {lineage: host.path(lineage) for lineage in lineages},
        credentials,
        _way(host),
        world.programs,
        tests=host.tests,
        reloads=host.reloads,
        owned=Owned(host.owner, host.group, host.mode),
        limit=host.timeout,
    )


def _way(host: HostConfig) -> Way:
    from danelaw.adapters.deploy.copied import HERE, Way, by_ssh

    if host.ssh is not None:
        return by_ssh(host.ssh, host.ssh_config)
    return Way(host.command or HERE)
