"""Which zone file is meant: the one that the command line names, or that of the configuration."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from dns.name import Name

from danelaw.app.config import Config
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.model import DanelawError

PLACES: Final = ("danelaw.toml", "/etc/danelaw/danelaw.toml")
"""Where a configuration is that nobody names; the first is in the working directory."""
_VARIABLE: Final = "DANELAW_CONFIG"
_NO_PARENT_TTL: Final = 3600


def configuration(named: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The configuration file: the one that is named, that of the environment, or the first that is there."""
    if named is not None:
        return named
    if environment.get(_VARIABLE):
        return Path(environment[_VARIABLE])
    return next((path for path in map(Path, PLACES) if path.is_file()), None)


def configured(config: Config, path: Path, zone: Name) -> FileZoneConfig:
    """The zone file that the configuration has for ``zone``. Raises ``DanelawError("ZONE_UNKNOWN")``."""
    there = {one.zone: one for one in config.zones}
    found = there.get(zone)
    if isinstance(found, FileZoneConfig):
        return found
    files = [str(one.zone) for one in config.zones if isinstance(one, FileZoneConfig)]
    said = f"{path} has no zone file for {zone}"
    if found is not None:
        said = f"by {path} the zone {zone} is kept and signed by its name server, not in a file"
    raise DanelawError(
        "ZONE_UNKNOWN",
        said,
        evidence=f"its zone files are of {', '.join(files)}" if files else "it has no publisher of type zonefile",
        hint="name the zone's file and its keys with --file and --keys",
    )


def placed(
    zone: Name,
    file: Path,
    keys: Path,
    signed: Path | None = None,
    reload: str | None = None,
    *,
    nsec3: NSEC3Chain | None = None,
    zonemd: bool = False,
    cds: bool = False,
    validity: timedelta,
) -> FileZoneConfig:
    """A zone by its files. ``signed``: FILE.signed if None. ``reload``: a command line, which no shell will see.

    Raises ``DanelawError("BAD_COMMAND")``.
    """
    return FileZoneConfig(
        zone=zone,
        parent=zone.parent() if len(zone) > 1 else zone,
        ds_ttl=_NO_PARENT_TTL,
        file=file,
        signed=signed or file.parent / f"{file.name}.signed",
        keys=keys,
        reload=_words(reload),
        nsec3=nsec3,
        zonemd=zonemd,
        cds=cds,
        validity=validity,
        dnskey_ttl=None,
    )


def _words(command: str | None) -> tuple[str, ...]:
    if command is None:
        return ()
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise DanelawError(
            "BAD_COMMAND",
            f"{command!r} is no command",
            evidence=str(error),
            hint="a program and its arguments, such as 'rndc reload example.net'; there is no shell",
        ) from error
    if not words:
        raise DanelawError("BAD_COMMAND", "the reload command is empty", hint="leave --reload out to reload nothing")
    return words
