"""A file of ``services.d/``, what is made of it, and how: what is served where, and with which records."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import msgspec
from dns.name import Name

from danelaw.app.deploy_sections import DeploySection, HostConfig, read_hosts
from danelaw.app.issuer_sections import AcmeConfig, IssuerConfig, SelfSignedConfig, WatchConfig
from danelaw.app.section import TTL, Section, invalid, one_of, read_name
from danelaw.app.zone_sections import ZoneConfig
from danelaw.core.model import (
    ChallengeType,
    DanelawError,
    Endpoint,
    KeyAlgorithm,
    Lineage,
    Lookup,
    SubjectName,
    Target,
    read_target,
)
from danelaw.core.model.names import longest_above
from danelaw.core.rollover.feasibility import mixes_intermediates
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import CertificateUsage, Combination, MalformedTLSA, MatchingType, Selector

TRUST_ANCHOR: Final = "2 1 1"
_ENDPOINT: Final = "write HOST:PORT, or smtp:mail.example.net:2525 where the port does not tell how TLS begins"
_PORT_OF_A_HOST: Final = r"(?:[A-Za-z0-9-]+:)?[^:/]+:[0-9]+(?:/tcp)?"
_ALGORITHMS: Final = (KeyAlgorithm.ECDSA, KeyAlgorithm.RSA)


class ServiceSection(Section, frozen=True):
    """A file of ``services.d/``. ``endpoints``: as ``read_target`` reads them. ``publisher``: if not given, that of the
    longest zone above the hosts. ``domains``: whose MX or SRV records name their hosts. ``names``: what else the
    certificates are for. ``tlsa``: the parameters to publish. ``ta``: those of the CA too. ``allow_full_certificate``:
    permits selector 0, whose records change at every issuance. ``allow_mixed_intermediates``: permits records of a CA
    that issues from several. ``withdrawn``: it is to have no TLSA records any more."""

    endpoints: tuple[str, ...]
    issuer: str
    deploy: DeploySection | tuple[DeploySection, ...]
    publisher: str | None = None
    strategy: Literal["standby", "staged", "pinned"] = "standby"
    algorithms: tuple[Literal["ecdsa", "rsa"], ...] = ("ecdsa",)
    tlsa: tuple[str, ...] = ("3 1 1",)
    tlsa_ttl: TTL = 3600
    ta: bool = False
    allow_full_certificate: bool = False
    allow_mixed_intermediates: bool = False
    domains: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    withdrawn: bool = False


class ServiceConfig(msgspec.Struct, frozen=True):
    """``domains``: service domains whose MX or SRV records name the hosts of the targets. ``further_names``: what else
    its certificates are for, wildcards among them. ``withdrawn``: it is to have
    no TLSA records any more, only its certificate."""

    targets: tuple[Target, ...]
    issuer: str
    zone: Name
    combinations: tuple[Combination, ...]
    tlsa_ttl: int
    hosts: tuple[HostConfig, ...]
    strategy: Strategy
    domains: tuple[Name, ...] = ()
    withdrawn: bool = False
    algorithms: tuple[KeyAlgorithm, ...] = (KeyAlgorithm.ECDSA,)
    further_names: tuple[Name, ...] = ()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(target.endpoint for target in self.targets)

    @property
    def lineages(self) -> tuple[Lineage, ...]:
        return tuple(Lineage(self.subject, algorithm) for algorithm in self.algorithms)

    @property
    def leaving(self) -> tuple[Lineage, ...]:
        """What it may have had before, and is to have no more."""
        return tuple(Lineage(self.subject, other) for other in _ALGORITHMS if other not in self.algorithms)

    @property
    def every_lineage(self) -> tuple[Lineage, ...]:
        """Those that it has, and those that it may have had."""
        return (*self.lineages, *self.leaving)

    @property
    def subject(self) -> SubjectName:
        return SubjectName(str(self.endpoints[0]))

    @property
    def names(self) -> tuple[Name, ...]:
        """What the certificates are for: the hosts, the domains whose SRV records name them (RFC 7673 §4.1), and what
        the operator adds."""
        by_srv = any(target.application.lookup is Lookup.SRV for target in self.targets)
        hosts = (target.name for target in self.targets)
        return tuple(dict.fromkeys((*hosts, *(self.domains if by_srv else ()), *self.further_names)))


def read_service(
    path: Path,
    section: ServiceSection,
    zones: Mapping[str, ZoneConfig],
    issuers: Mapping[str, IssuerConfig],
    apexes: Container[Name],
) -> ServiceConfig:
    """``path``: its file in ``services.d/``. ``apexes``: the names of all of ``zones``.

    Raises ``DanelawError("CONFIG_INVALID")``.
    """
    if section.publisher is not None and section.publisher not in zones:
        raise invalid(path, f"there is no publisher {section.publisher!r}", one_of("publishers", zones))
    if section.issuer not in issuers:
        raise invalid(path, f"there is no issuer {section.issuer!r}", one_of("issuers", issuers))
    targets = tuple(_target(path, text) for text in section.endpoints)
    if not targets:
        raise invalid(path, "a service needs an endpoint", 'endpoints = ["www.example.net:443"]')
    zone = _zone(path, section.publisher, targets, zones, apexes)
    domains = tuple(read_name(path, text) for text in section.domains)
    if domains and all(target.application.lookup is Lookup.HOST for target in targets):
        hint = "write an endpoint as smtp:mail.example.net:25, or leave domains out"
        raise invalid(path, "domains: clients of none of the endpoints look for MX or SRV records", hint)
    if not section.algorithms or len(set(section.algorithms)) < len(section.algorithms):
        raise invalid(path, "algorithms: each once, and one at least", 'algorithms = ["ecdsa", "rsa"]')
    combinations = _combinations(path, section)
    _suits(path, section, issuers[section.issuer], combinations)
    base = path.absolute().parent.parent
    deploy = (section.deploy,) if isinstance(section.deploy, DeploySection) else section.deploy
    return ServiceConfig(
        targets=targets,
        issuer=section.issuer,
        zone=zone,
        combinations=combinations,
        tlsa_ttl=section.tlsa_ttl,
        hosts=read_hosts(path, base, deploy),
        strategy=Strategy(section.strategy),
        withdrawn=section.withdrawn,
        algorithms=tuple(map(KeyAlgorithm, section.algorithms)),
        domains=domains,
        further_names=_names(path, section, issuers[section.issuer]),
    )


def _zone(
    path: Path,
    publisher: str | None,
    targets: Sequence[Target],
    zones: Mapping[str, ZoneConfig],
    apexes: Container[Name],
) -> Name:
    """The zone that the hosts lie in: the publisher's, or the longest of which that is true."""
    hosts = dict.fromkeys(target.name for target in targets)
    if publisher is not None:
        zone = zones[publisher].zone
        for host in hosts:
            if not host.is_subdomain(zone):
                raise invalid(path, f"{host} does not lie in the zone {zone}")
        return zone
    nearest = {host: longest_above(host, apexes) for host in hosts}
    for host, zone_of_host in nearest.items():
        if zone_of_host is None:
            raise invalid(path, f"{host} lies in no zone of a publisher", one_of("publishers", zones))
    first, *others = dict.fromkeys(zone for zone in nearest.values() if zone is not None)
    if others:
        hint = "make a service of each, or name the publisher"
        raise invalid(path, f"the hosts lie in several zones: {', '.join(map(str, (first, *others)))}", hint)
    return first


def _names(path: Path, section: ServiceSection, issuer: IssuerConfig) -> tuple[Name, ...]:
    names = tuple(read_name(path, text) for text in section.names)
    for name in names:
        if name.is_wild() and isinstance(issuer, AcmeConfig) and issuer.challenge is not ChallengeType.DNS_01:
            hint = 'set challenge = { type = "dns-01" } for the issuer, or leave the name out'
            raise invalid(path, f"names: {name} is a wildcard, which no CA issues for by http-01", hint)
    return names


def _suits(path: Path, section: ServiceSection, issuer: IssuerConfig, combinations: Sequence[Combination]) -> None:
    """What some issuers cannot do."""
    names_ca = any(c.usage in (CertificateUsage.PKIX_TA, CertificateUsage.DANE_TA) for c in combinations)
    mixed = isinstance(issuer, AcmeConfig) and mixes_intermediates(issuer.directory)
    if names_ca and mixed and not section.allow_mixed_intermediates:
        hint = "use usage 3 alone, or set allow_mixed_intermediates = true: a renewal may then wait until caches let go"
        raise invalid(path, "ta: Let's Encrypt issues from several intermediates, each time from one by chance", hint)
    if isinstance(issuer, SelfSignedConfig) and any((c.usage, c.selector) != (3, 1) for c in combinations):
        hint = 'write tlsa = ["3 1 1"]'
        raise invalid(path, "tlsa: for a certificate that is signed by its own key, 3 1 1 (or 3 1 2) only", hint)
    if isinstance(issuer, WatchConfig) and section.strategy != "pinned":
        hint = 'write strategy = "pinned": the other client makes the keys, and Danelaw follows'
        raise invalid(path, f"strategy {section.strategy!r} needs keys, and {section.issuer!r} makes none", hint)
    if isinstance(issuer, WatchConfig) and len(section.algorithms) > 1:
        raise invalid(path, f"algorithms: {section.issuer!r} has one key for a service", "name one of them")


def _target(path: Path, text: str) -> Target:
    """A port of a host, by TCP."""
    try:
        target = read_target(text)
    except DanelawError as error:
        raise invalid(path, f"{text!r} is no endpoint: {error.evidence}", _ENDPOINT) from error
    if target.searched or target.transport != "tcp" or not re.fullmatch(_PORT_OF_A_HOST, text.strip()):
        raise invalid(path, f"{text!r} is no endpoint", _ENDPOINT)
    return replace(target, name=target.name.canonicalize())


def _combinations(path: Path, section: ServiceSection) -> tuple[Combination, ...]:
    try:
        wanted = (*section.tlsa, TRUST_ANCHOR) if section.ta else section.tlsa
        found = tuple(dict.fromkeys(Combination.from_text(text) for text in wanted))
    except MalformedTLSA as error:
        raise invalid(path, f"tlsa: {error}", 'write tlsa = ["3 1 1"]') from error
    if unknown := [c for c in found if not c.known]:
        raise invalid(path, f"tlsa: {unknown[0]} is not defined", 'write tlsa = ["3 1 1"]')
    if not any(c.mtype == MatchingType.SHA2_256 for c in found):
        hint = "add a record with matching type 1, the only one that every client must know (RFC 6698 §6)"
        raise invalid(path, f"tlsa: {', '.join(map(str, found)) or 'nothing'} leaves some clients out", hint)
    if any(c.selector == Selector.CERT and c.usage in (1, 3) for c in found) and not section.allow_full_certificate:
        hint = "use selector 1, or set allow_full_certificate = true"
        raise invalid(path, "tlsa: selector 0 names a certificate that changes at every issuance", hint)
    return found
