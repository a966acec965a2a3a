"""The tables of publishers, what is made of them, and how: zones, and who keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import dns.name
import msgspec
from dns.name import Name

from danelaw.app.publisher_sections import (
    DesecSection,
    ExecSection,
    ForeignSection,
    ManualSection,
    OctoDNSSection,
    PowerDNSSection,
)
from danelaw.app.section import TTL, Section, invalid, read_name
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.key_choice import algorithm_for_new_keys
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.model import IP, DanelawError, SubjectName


class NSEC3Section(Section, frozen=True):
    """``salt`` in hexadecimal."""

    salt: Annotated[str, msgspec.Meta(pattern=r"\A([0-9A-Fa-f]{2}){0,255}\Z")] = ""
    iterations: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = 0
    opt_out: bool = False


class ZonefileSection(Section, frozen=True, tag_field="type", tag="zonefile"):
    """A zone kept in a file. ``signed``: what the name server serves, FILE.signed if not given. ``parent``: the parent
    zone, one label up if not given. ``validity``: of signatures, in seconds. ``dnskey_ttl``: the SOA's if not given.
    ``algorithm``: of the zone's keys, as ``algorithm_for_new_keys`` reads it; that of its present keys if not given.
    ``ksk_lifetime`` and ``zsk_lifetime``: when keys are replaced, in seconds; never by age if not given."""

    zone: str
    file: str
    keys: str
    reload: tuple[str, ...]
    signed: str | None = None
    parent: str | None = None
    ds_ttl: TTL = 3600
    nsec3: bool | NSEC3Section = False
    zonemd: bool = False
    cds: bool = False
    validity: Annotated[int, msgspec.Meta(ge=3600, le=365 * 86400)] = 1_209_600
    dnskey_ttl: TTL | None = None
    algorithm: str | None = None
    ksk_lifetime: Annotated[int, msgspec.Meta(ge=3600)] | None = None
    zsk_lifetime: Annotated[int, msgspec.Meta(ge=3600)] | None = None


class Rfc2136Section(Section, frozen=True, tag_field="type", tag="rfc2136"):
    """A zone that a name server keeps and signs. ``server``: the primary, IP[@PORT]. ``key_file``: the TSIG key, in
    BIND's form. ``parent``: as in ``ZonefileSection``."""

    zone: str
    server: str
    key_file: str
    parent: str | None = None
    ds_ttl: TTL = 3600


PublisherSection: TypeAlias = ZonefileSection | Rfc2136Section | ForeignSection


class ZoneConfig(msgspec.Struct, frozen=True, kw_only=True):
    zone: Name
    parent: Name
    ds_ttl: int

    @property
    def subject(self) -> SubjectName:
        return SubjectName(self.zone.to_text())


class FileZoneConfig(ZoneConfig, frozen=True, kw_only=True):
    """A zone in a file, with keys of ours. ``nsec3``: NSEC if None. ``dnskey_ttl``: the SOA's if None. ``algorithm``:
    of its keys; that of those which are there if None."""

    file: Path
    signed: Path
    keys: Path
    reload: tuple[str, ...]
    nsec3: NSEC3Chain | None
    zonemd: bool
    cds: bool
    validity: timedelta
    dnskey_ttl: int | None
    algorithm: Algorithm | None = None
    ksk_lifetime: timedelta | None = None
    zsk_lifetime: timedelta | None = None


class UpdatedZoneConfig(ZoneConfig, frozen=True, kw_only=True):
    """A zone that its server keeps and signs, changed by RFC 2136 updates."""

    server: tuple[IP, int]
    key_file: Path


class ApiZoneConfig(ZoneConfig, frozen=True, kw_only=True):
    """A zone that PowerDNS or deSEC keeps and signs. ``secret``: its file, or the name of an environment variable."""

    kind: Literal["powerdns", "desec"]
    url: str
    secret: Path | str
    ca: Path | None = None
    server: str = ""


class OctoDNSZoneConfig(ZoneConfig, frozen=True, kw_only=True):
    """A zone that is changed through an octoDNS provider. ``secrets``: as in ``ApiZoneConfig``, by option."""

    provider: str
    options: Mapping[str, str | int | float | bool]
    secrets: Mapping[str, Path | str]


class ExecZoneConfig(ZoneConfig, frozen=True, kw_only=True):
    """A zone that is changed by a program."""

    command: tuple[str, ...]
    timeout: timedelta


class ManualZoneConfig(ZoneConfig, frozen=True, kw_only=True):
    """A zone that is changed by a person."""

    instructions: Path | None


def read_zone(path: Path, base: Path, section: PublisherSection) -> ZoneConfig:
    """``path``: the file that it stands in, ``base``: where its relative paths start. Raises as ``decode`` does."""
    zone = read_name(path, section.zone)
    if zone == dns.name.root:
        raise invalid(path, "the root is not a zone to publish in")
    parent = read_name(path, section.parent) if section.parent else zone.parent()
    if isinstance(section, Rfc2136Section):
        return UpdatedZoneConfig(
            zone=zone,
            parent=parent,
            ds_ttl=section.ds_ttl,
            server=_server(path, "server", section.server),
            key_file=base / section.key_file,
        )
    if not isinstance(section, ZonefileSection):
        return _foreign(path, base, section, zone, parent)
    file = base / section.file
    return FileZoneConfig(
        zone=zone,
        parent=parent,
        ds_ttl=section.ds_ttl,
        file=file,
        signed=base / section.signed if section.signed else file.parent / f"{file.name}.signed",
        keys=base / section.keys,
        reload=section.reload,
        nsec3=_chain(section.nsec3),
        zonemd=section.zonemd,
        cds=section.cds,
        validity=timedelta(seconds=section.validity),
        dnskey_ttl=section.dnskey_ttl,
        algorithm=_algorithm(path, section.algorithm),
        ksk_lifetime=timedelta(seconds=section.ksk_lifetime) if section.ksk_lifetime else None,
        zsk_lifetime=timedelta(seconds=section.zsk_lifetime) if section.zsk_lifetime else None,
    )


def _server(path: Path, what: str, text: str) -> tuple[IP, int]:
    address, _, port = text.partition("@")
    try:
        found = ip_address(address), int(port or "53")
    except ValueError as error:
        raise invalid(path, f"{what} {text!r}: {error}", "write IP or IP@PORT") from error
    if not 0 < found[1] < 65536:
        raise invalid(path, f"{what} {text!r}: there is no port {found[1]}")
    return found


def _foreign(path: Path, base: Path, section: ForeignSection, zone: Name, parent: Name) -> ZoneConfig:
    match section:
        case PowerDNSSection() | DesecSection():
            return ApiZoneConfig(
                zone=zone,
                parent=parent,
                ds_ttl=section.ds_ttl,
                kind="powerdns" if isinstance(section, PowerDNSSection) else "desec",
                url=section.url,
                secret=_secret(path, base, section),
                ca=base / section.ca if section.ca else None,
                server=section.server if isinstance(section, PowerDNSSection) else "",
            )
        case OctoDNSSection():
            files, variables, options = section.secret_files or {}, section.secret_env or {}, section.options or {}
            if twice := (set(files) & set(variables)) | (set(options) & {*files, *variables}):
                raise invalid(path, f"{sorted(twice)[0]!r} of {zone} is given twice")
            return OctoDNSZoneConfig(
                zone=zone,
                parent=parent,
                ds_ttl=section.ds_ttl,
                provider=section.provider,
                options=options,
                secrets={**variables, **{key: base / file for key, file in files.items()}},
            )
        case ExecSection():
            return ExecZoneConfig(
                zone=zone,
                parent=parent,
                ds_ttl=section.ds_ttl,
                command=section.command,
                timeout=timedelta(seconds=section.timeout),
            )
        case ManualSection():
            instructions = base / section.instructions if section.instructions else None
            return ManualZoneConfig(zone=zone, parent=parent, ds_ttl=section.ds_ttl, instructions=instructions)


def _secret(path: Path, base: Path, section: PowerDNSSection | DesecSection) -> Path | str:
    if isinstance(section, PowerDNSSection):
        key, file, variable = "api_key", section.api_key_file, section.api_key_env
    else:
        key, file, variable = "token", section.token_file, section.token_env
    if (file is None) is (variable is None):
        raise invalid(path, f"{section.zone} needs its {key}", f"give {key}_file or {key}_env, one of them")
    return base / file if file is not None else variable or ""


def _algorithm(path: Path, text: str | None) -> Algorithm | None:
    try:
        return algorithm_for_new_keys(text) if text is not None else None
    except DanelawError as error:
        raise invalid(path, f"algorithm {text!r}: {error.evidence}", error.hint) from error


def _chain(section: bool | NSEC3Section) -> NSEC3Chain | None:
    """Plain ``true`` asks for what RFC 9276 §3.1 wants."""
    if isinstance(section, bool):
        return NSEC3Chain() if section else None
    return NSEC3Chain(bytes.fromhex(section.salt), section.iterations, section.opt_out)
