"""What a configuration desires of what: of each zone and service, and where clients reach the services."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dns.name import Name

from danelaw.app.config import Config
from danelaw.app.issuer_sections import ca_of
from danelaw.app.service_sections import ServiceConfig
from danelaw.app.toolbox import Subjects
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.model import Lookup, SubjectName, Target
from danelaw.core.model.names import hashed
from danelaw.core.model.servers import naming_question
from danelaw.core.rollover.planner import Desired, DesiredService, DesiredZone
from danelaw.core.rollover.reach import NamedBy, Reach, Reached
from danelaw.core.tlsa import Reference, base_domains


def subjects(config: Config, handed_over: Collection[Name], roots: tuple[bytes, ...]) -> Subjects:
    """``handed_over``: zones whose DS is handed to the parent. ``roots``: the CAs that clients trust, in DER."""
    desired: dict[SubjectName, Desired] = {}
    for zone in config.zones:
        asks = isinstance(zone, FileZoneConfig) and zone.cds
        parent = zone.parent if asks or zone.zone in handed_over else None
        desired[zone.subject] = DesiredZone(
            zone.subject,
            zone.zone,
            parent,
            zone.ds_ttl,
            signed_by="danelaw" if isinstance(zone, FileZoneConfig) else "server",
            algorithm=int(zone.algorithm) if isinstance(zone, FileZoneConfig) and zone.algorithm else None,
            ksk_lifetime=zone.ksk_lifetime if isinstance(zone, FileZoneConfig) else None,
            zsk_lifetime=zone.zsk_lifetime if isinstance(zone, FileZoneConfig) else None,
        )
    reached: list[Reached] = []
    every = frozenset(hashed(zone.zone) for zone in config.zones)
    for service in config.services:
        issuer = config.issuers[service.issuer]
        desired[service.subject] = DesiredService(
            subject=service.subject,
            lineages=service.lineages,
            zone=service.zone,
            names=service.names,
            combinations=service.combinations,
            tlsa_ttl=service.tlsa_ttl,
            hosts=tuple(host.name for host in service.hosts),
            challenge=issuer.challenge,
            profile=issuer.profile,
            strategy=service.strategy,
            withdrawn=service.withdrawn,
            issuer=ca_of(service.issuer, issuer),
            leaving=service.leaving,
            other_zones=every,
        )
        reached.extend(_reached(service, roots))
    return Subjects(desired, Reach(tuple(reached)))


def _reached(service: ServiceConfig, roots: tuple[bytes, ...]) -> list[Reached]:
    """Each endpoint as each host serves it, at its own addresses."""
    return [
        Reached(
            service=service.subject,
            lineages=service.every_lineage,
            hosts=(host.name,),
            endpoint=target.endpoint,
            zone=service.zone,
            bases=base_domains(target.name),
            reference=_reference(target, service.domains, roots),
            named_by=tuple(_named_by(target, domain) for domain in service.domains if _searched(target)),
            elsewhere=frozenset((ip, o.name) for o in service.hosts for ip in o.addresses - host.addresses),
            withdrawn=service.withdrawn,
        )
        for target in service.targets
        for host in service.hosts
    ]


def _searched(target: Target) -> bool:
    return target.application.lookup is not Lookup.HOST


def _named_by(target: Target, domain: Name) -> NamedBy:
    owner, type = naming_question(target.application, target.transport, domain)
    return NamedBy(domain, owner, type)


def _reference(target: Target, domains: Sequence[Name], roots: tuple[bytes, ...]) -> Reference:
    """The names that every client wants of a certificate are those that it has to be for.

    Behind SRV that is the service domain too: where the SRV records are insecure, it is all that clients know (RFC 7673
    §4.1). Behind MX it is the host: some take the next-hop domain as well, and none takes it alone (RFC 7672 §3.2.2).
    """
    by_srv = bool(domains) and target.application.lookup is Lookup.SRV
    names = base_domains(target.name)
    return Reference(
        tuple(dict.fromkeys((*names, *domains))) if by_srv else names,
        roots,
        opportunistic=target.application.opportunistic,
        smtp_or_srv=target.application.opportunistic or by_srv,
    )
