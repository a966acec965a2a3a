"""Who publishes in each zone, and who takes its DS."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dns.name import Name

from danelaw.app.config import Config
from danelaw.app.zone_sections import (
    ApiZoneConfig,
    ExecZoneConfig,
    FileZoneConfig,
    ManualZoneConfig,
    OctoDNSZoneConfig,
    UpdatedZoneConfig,
    ZoneConfig,
)
from danelaw.ports import Parent, Publisher, Surroundings

if TYPE_CHECKING:
    # Most configurations have one kind of publisher: what the others need is imported where they are plugged in.
    from danelaw.adapters.publish.compared import Place
    from danelaw.adapters.zone.file_zones import FileZones


def publisher(zone: ZoneConfig, config: Config, world: Surroundings) -> Publisher | None:
    """For a zone that others keep. An update that may have been made or not must be so by ``in_flight``."""
    match zone:
        case UpdatedZoneConfig(server=(ip, port)):
            from danelaw.adapters.publish.rfc2136 import Primary, Rfc2136Publisher
            from danelaw.adapters.publish.tsig import read_key

            primary = Primary(ip, port, zone.zone, read_key(zone.key_file))
            return Rfc2136Publisher(primary, world.dialer, world.clock, lifetime=config.limits.in_flight)
        case ManualZoneConfig():
            from danelaw.adapters.publish.manual import ManualPublisher

            return ManualPublisher(zone.zone, world.clock, world.blocking, zone.instructions)
        case ApiZoneConfig() | OctoDNSZoneConfig() | ExecZoneConfig():
            from danelaw.adapters.publish.compared import ComparedPublisher

            return ComparedPublisher(_place(zone, world, config.limits.in_flight))
    return None


def _place(zone: ApiZoneConfig | OctoDNSZoneConfig | ExecZoneConfig, world: Surroundings, most: timedelta) -> Place:
    """``most``: how long a step may be on its way."""
    from danelaw.adapters.publish import octodns, web
    from danelaw.adapters.publish.desec import DesecZone
    from danelaw.adapters.publish.exec import ProgramZone
    from danelaw.adapters.publish.powerdns import PowerDNSZone
    from danelaw.adapters.publish.secret import read_secret

    if isinstance(zone, ApiZoneConfig):
        secret = read_secret(zone.secret)
        if zone.kind == "desec":
            site = web.Site(zone.url, "Authorization", secret, "Token", zone.ca)
            return DesecZone(web.WebApi(site, world.clock, min(web.PATIENCE, most)), zone.zone)
        site = web.Site(zone.url, "X-API-Key", secret, ca=zone.ca)
        return PowerDNSZone(web.WebApi(site, world.clock, min(web.PATIENCE, most)), zone.zone, zone.server)
    if isinstance(zone, OctoDNSZoneConfig):
        secrets = {key: read_secret(source) for key, source in zone.secrets.items()}
        patience = min(octodns.PATIENCE, most)
        return octodns.OctoDNSZone(zone.zone, zone.provider, zone.options, secrets, world.blocking, patience)
    return ProgramZone(zone.command, zone.zone, world.programs, min(zone.timeout, most))


def parents(config: Config, world: Surroundings, files: FileZones) -> dict[Name, Parent]:
    """Who takes the DS of each zone; zones that publish CDS records ask for it by these too."""
    from danelaw.adapters.zone.asking import AskedByCDS

    found = {zone.zone: world.parents[zone.zone] for zone in config.zones if zone.zone in world.parents}
    for zone in config.zones:
        if isinstance(zone, FileZoneConfig) and zone.cds:
            found[zone.zone] = AskedByCDS(files, world.clock, found.get(zone.zone))
    return found
