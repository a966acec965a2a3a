"""Zones in files, and their keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dns.name import Name

from danelaw.core.model import Record
from danelaw.ports import KeyFiles, ZoneDesk
from danelaw.wiring.surroundings import blocking, clock, commands

if TYPE_CHECKING:
    from danelaw.adapters.zone.file_zones import ZoneFile
    from danelaw.app.zone_sections import FileZoneConfig


def key_files(directory: Path) -> KeyFiles:
    from danelaw.adapters.zone.key_directory import KeyDirectory

    return KeyDirectory(directory)


def zone_records(path: Path, apex: Name) -> tuple[Record, ...]:
    """All records of a master file. Raises ``DanelawError``: see ``read_records``."""
    from danelaw.adapters.zone.records import read_records

    return read_records(path, apex)


def zone_desk(
    zone: FileZoneConfig, patience: timedelta, reload: timedelta, waiting: Callable[[Path], None], *, as_before: bool
) -> ZoneDesk:
    """A zone in a file, for its operator: see ``FileDesk``."""
    from danelaw.adapters.zone.desk import FileDesk

    return FileDesk(
        zone_file(zone),
        zone.zone,
        clock(),
        blocking(),
        commands(),
        as_before=as_before,
        patience=patience,
        reload=reload,
        waiting=waiting,
    )


def zone_file(zone: FileZoneConfig) -> ZoneFile:
    """Where the zone is kept, and how it is signed."""
    from danelaw.adapters.zone.file_zones import Signing, ZoneFile

    signing = Signing(zone.nsec3, zone.zonemd, zone.cds, zone.validity, zone.dnskey_ttl)
    return ZoneFile(zone.file, zone.keys, zone.signed, zone.reload, signing)
