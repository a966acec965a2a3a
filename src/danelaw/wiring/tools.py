"""A configuration plugged into its surroundings: every port behind the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from msgspec import structs

from danelaw.adapters.clock import StatedPorts, boot_id
from danelaw.adapters.deploy import DirectoryCredentials
from danelaw.adapters.probe import TLSProber
from danelaw.adapters.publish.zonefile import ZonefilePublisher
from danelaw.adapters.resolve import AuthorityAsker, ForwardingResolver, system_forwarders
from danelaw.adapters.resolve.stated import StatedZone
from danelaw.adapters.zone.before import signed_before
from danelaw.adapters.zone.file_zones import FileZones
from danelaw.app.config import Config
from danelaw.app.engine import Engine
from danelaw.app.platform_roots import PLATFORM_ROOTS
from danelaw.app.promise import require_feasible
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.model import IP, Forwarder, Limits
from danelaw.ports import Store, Surroundings
from danelaw.wiring.deployers import deployers
from danelaw.wiring.issuers import issuers, placing, solvers, watched
from danelaw.wiring.looking import subjects_of, trust_anchors
from danelaw.wiring.publishers import parents, publisher
from danelaw.wiring.stores import memory_store
from danelaw.wiring.zone_files import zone_file

AT_ONCE: Final = 8
"""Passes under way, over subjects that share nothing: most of a pass is waiting for the network."""


@dataclass(frozen=True, slots=True)
class Wired:
    """A configuration that is plugged in. ``tools`` are the ports behind the engine."""

    engine: Engine
    tools: Toolbox
    subjects: Subjects
    store: Store


def build(config: Config, surroundings: Surroundings, store: Store | None = None) -> Wired:
    """Plug a configuration into its surroundings.

    Raises ``DanelawError`` for files that the configuration names and that cannot be read, and ``CONFIG_INFEASIBLE``
    for a service that cannot be kept as it is configured.
    """
    require_feasible(config)
    store = store or memory_store(config.limits)
    subjects = subjects_of(config, surroundings.parents)
    tools = _tools(config, surroundings, store)
    return Wired(Engine(tools, subjects, config.limits, at_once=AT_ONCE), tools, subjects, store)


def zone_runner(
    zone: FileZoneConfig,
    config: Config | None,
    world: Surroundings,
    forwarders: Sequence[Forwarder] = (),
    servers: Sequence[tuple[IP, int]] = (),
    *,
    store: Store | None = None,
    as_before: bool,
) -> Wired:
    """A runner for one zone in files, and nothing else of its configuration.

    ``forwarders`` and ``servers``: as for ``authorities``. ``store``: one in memory if None. ``as_before``: it is
    signed as it was signed before, not as ``zone`` says. Raises as ``build`` does.
    """
    before = signed_before(zone_file(zone), zone.zone) if as_before else None
    if before is not None:
        zone = structs.replace(zone, **{name: getattr(before, name) for name in before.__slots__})
    one = Config(
        forwarders=tuple(forwarders) or (config.forwarders if config is not None else ()),
        resolver_ca=config.resolver_ca if config is not None else None,
        trust_anchor=config.trust_anchor if config is not None else None,
        client_roots=config.client_roots if config is not None else Path(PLATFORM_ROOTS),
        credentials=zone.keys,  # of services, of which there are none
        issuers={},
        zones=(zone,),
        services=(),
        limits=config.limits if config is not None else Limits(),
    )
    store = store or memory_store(one.limits)
    subjects, tools = subjects_of(one, world.parents), _tools(one, world, store)
    if servers:
        stated = StatedZone(zone.zone, servers, StatedPorts(dict(servers)), tools.authorities)
        tools = replace(tools, authorities=stated)
    return Wired(Engine(tools, subjects, one.limits), tools, subjects, store)


def _tools(config: Config, world: Surroundings, store: Store) -> Toolbox:
    anchors = trust_anchors(config.trust_anchor or world.trust_anchors, world.clock.now())
    forwarders = config.forwarders or system_forwarders()
    resolver = ForwardingResolver(forwarders, world.dialer, world.clock, anchors, ca=config.resolver_ca)
    filed = [zone for zone in config.zones if isinstance(zone, FileZoneConfig)]
    files = FileZones(
        {zone.zone: zone_file(zone) for zone in filed},
        world.clock,
        world.blocking,
        world.commands,
    )
    in_files = ZonefilePublisher(files, world.clock)
    lineages = [lineage for service in config.services for lineage in service.every_lineage]
    linked = [(service, host) for service in config.services for host in service.hosts if host.linked]
    live = {lineage: host.path(lineage) for service, host in linked for lineage in service.every_lineage}
    credentials = DirectoryCredentials(config.credentials, world.blocking, world.clock, live)
    placed_by = placing(config, world)
    issuing = issuers(config, world, credentials, resolver, placed_by)
    answering = solvers(config, world, resolver, placed_by)
    return Toolbox(
        clock=world.clock,
        store=store,
        resolver=resolver,
        authorities=AuthorityAsker(forwarders, world.dialer, ca=config.resolver_ca),
        prober=TLSProber(world.dialer),
        cuts=resolver,
        zones={zone.zone: files for zone in filed},
        publishers={zone.zone: publisher(zone, config, world) or in_files for zone in config.zones},
        parents=parents(config, world, files),
        credentials=dict.fromkeys(lineages, credentials) | dict(watched(config, credentials, world)),
        deployers=deployers(config, world, credentials),
        issuers=issuing.of,
        cas=issuing.cas,
        solvers={
            line: answering[s.issuer] for s in config.services if s.issuer in answering for line in s.every_lineage
        },
        boot=boot_id(),
    )
