"""The configuration: one ``danelaw.toml`` and a file per service in ``services.d/`` beside it.

Unknown keys are errors that name the nearest known one. Relative paths start at the file that names them. Secrets are
never inline.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import dns.exception
import dns.name
import msgspec
from dns.name import Name

from danelaw.app.issuer_sections import (
    DIRECTORIES,
    AcmeConfig,
    AcmeSection,
    ChallengeSection,
    CommandConfig,
    CommandSection,
    IssuerConfig,
    IssuerSection,
    SelfSignedConfig,
    SelfSignedSection,
    WatchConfig,
    WatchSection,
)
from danelaw.app.platform_roots import PLATFORM_ROOTS
from danelaw.app.publisher_sections import (
    DesecSection,
    ExecSection,
    ForeignSection,
    ManualSection,
    OctoDNSSection,
    PowerDNSSection,
)
from danelaw.app.section import TTL, Section
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.key_choice import algorithm_for_new_keys
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.model import (
    IP,
    ChallengeType,
    DanelawError,
    Endpoint,
    Forwarder,
    HostName,
    KeyAlgorithm,
    Limits,
    Lineage,
    Lookup,
    SubjectName,
    Target,
    read_forwarder,
    read_target,
)
from danelaw.core.rollover.feasibility import mixes_intermediates
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import CertificateUsage, Combination, MalformedTLSA, MatchingType, Selector

LOCAL: Final = HostName("local")
_ENDPOINT: Final = "write HOST:PORT, or smtp:mail.example.net:2525 where the port does not tell how TLS begins"

TRUST_ANCHOR: Final = "2 1 1"
_PORT_OF_A_HOST: Final = r"(?:[A-Za-z0-9-]+:)?[^:/]+:[0-9]+(?:/tcp)?"
SMTP_LOOKUP_DELAY: Final = 900.0
"""Seconds."""


class ResolverSection(Section, frozen=True):
    """``forwarders``: as ``read_forwarder`` takes them, the system's if none is given; answers are validated here,
    whoever gives them. ``ca``: PEM certificates to check forwarders by. ``trust_anchor``: a file."""

    forwarders: tuple[str, ...] = ()
    ca: str | None = None
    trust_anchor: str | None = None


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


class DeploySection(Section, frozen=True):
    """``directory``: the live directory, with certbot's four names; that of an RSA credential is beside it, with
    ``.rsa`` at its end. ``reload``: what makes the server read them."""

    directory: str
    reload: tuple[str, ...]


class ServiceSection(Section, frozen=True):
    """A file of ``services.d/``. ``endpoints``: as ``read_target`` reads them. ``domains``: whose MX or SRV records
    name their hosts. ``tlsa``: the parameters to publish. ``ta``: those of the CA too. ``allow_full_certificate``:
    permits selector 0, whose records change at every issuance. ``allow_mixed_intermediates``: permits records of a CA
    that issues from several. ``withdrawn``: it is to have no TLSA records any more."""

    endpoints: tuple[str, ...]
    issuer: str
    publisher: str
    deploy: DeploySection
    strategy: Literal["standby", "staged", "pinned"] = "standby"
    algorithms: tuple[Literal["ecdsa", "rsa"], ...] = ("ecdsa",)
    tlsa: tuple[str, ...] = ("3 1 1",)
    tlsa_ttl: TTL = 3600
    ta: bool = False
    allow_full_certificate: bool = False
    allow_mixed_intermediates: bool = False
    domains: tuple[str, ...] = ()
    withdrawn: bool = False


class ClientsSection(Section, frozen=True):
    """``roots``: PEM of the CAs that clients trust."""

    roots: str = PLATFORM_ROOTS


class StateSection(Section, frozen=True):
    """``store``: what was seen and done. ``keep_history``: how long, in seconds, where nothing depends on it."""

    credentials: str = "/var/lib/danelaw/credentials"
    store: str = "/var/lib/danelaw/store.sqlite"
    keep_history: Annotated[int, msgspec.Meta(ge=86400, le=100 * 365 * 86400)] = 63_072_000


class _File(Section, frozen=True):
    resolver: ResolverSection = ResolverSection()
    clients: ClientsSection = ClientsSection()
    state: StateSection = StateSection()
    issuers: dict[str, IssuerSection] = msgspec.field(default_factory=dict)
    publishers: dict[str, ZonefileSection | Rfc2136Section | ForeignSection] = msgspec.field(default_factory=dict)
    limits: dict[str, float] = msgspec.field(default_factory=dict)


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


_ALGORITHMS: Final = (KeyAlgorithm.ECDSA, KeyAlgorithm.RSA)


class ServiceConfig(msgspec.Struct, frozen=True):
    """``domains``: service domains whose MX or SRV records name the hosts of the targets. ``withdrawn``: it is to have
    no TLSA records any more, only its certificate."""

    targets: tuple[Target, ...]
    issuer: str
    zone: Name
    combinations: tuple[Combination, ...]
    tlsa_ttl: int
    live: Path
    reload: tuple[str, ...]
    strategy: Strategy
    domains: tuple[Name, ...] = ()
    withdrawn: bool = False
    algorithms: tuple[KeyAlgorithm, ...] = (KeyAlgorithm.ECDSA,)

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
    def live_paths(self) -> Mapping[Lineage, Path]:
        """From where the server reads each credential."""
        beside = {KeyAlgorithm.RSA: self.live.with_name(f"{self.live.name}.rsa")}
        return {line: beside.get(line.algorithm, self.live) for line in (*self.lineages, *self.leaving)}

    @property
    def subject(self) -> SubjectName:
        return SubjectName(str(self.endpoints[0]))

    @property
    def names(self) -> tuple[Name, ...]:
        """What the certificates are for: the hosts, and the domains whose SRV records name them (RFC 7673 §4.1)."""
        by_srv = any(target.application.lookup is Lookup.SRV for target in self.targets)
        return tuple(dict.fromkeys((*(target.name for target in self.targets), *(self.domains if by_srv else ()))))


class Config(msgspec.Struct, frozen=True):
    """A configuration, parsed and checked: paths absolute, names absolute, references resolved.

    No ``forwarders``: those of the system. ``resolver_ca`` None: its trust store.
    """

    forwarders: tuple[Forwarder, ...]
    resolver_ca: Path | None
    trust_anchor: Path | None
    client_roots: Path
    credentials: Path
    issuers: Mapping[str, IssuerConfig]
    zones: tuple[ZoneConfig, ...]
    services: tuple[ServiceConfig, ...]
    limits: Limits
    store: Path = Path(StateSection().store)
    keep_history: timedelta = timedelta(seconds=StateSection().keep_history)

    @property
    def back_off(self) -> timedelta:
        """How long to leave a CA alone that refused: not less than a pass, an hour where passes are minutes apart."""
        return 12 * self.limits.pass_interval


def load(path: Path) -> Config:
    """Read ``danelaw.toml`` and its ``services.d/``.

    Raises ``DanelawError``: ``CONFIG_UNREADABLE``, ``CONFIG_SYNTAX``, ``CONFIG_INVALID``.
    """
    main = _decode(path, _File)
    base = path.absolute().parent
    zones = {key: _zone(path, base, section) for key, section in main.publishers.items()}
    issuers = {key: _issuer(path, base, section) for key, section in main.issuers.items()}
    services = tuple(
        _service(file, _decode(file, ServiceSection), zones, issuers)
        for file in sorted((base / "services.d").glob("*.toml"))
    )
    _once(path, (f"the zone {zone.zone}" for zone in zones.values()))
    _once(path.parent / "services.d", (f"the endpoint {e}" for service in services for e in service.endpoints))
    return Config(
        forwarders=tuple(_forwarder(path, text) for text in main.resolver.forwarders),
        resolver_ca=base / main.resolver.ca if main.resolver.ca else None,
        trust_anchor=base / main.resolver.trust_anchor if main.resolver.trust_anchor else None,
        client_roots=base / main.clients.roots,
        credentials=base / main.state.credentials,
        issuers=issuers,
        zones=tuple(zones.values()),
        services=services,
        limits=_limits(path, main.limits, services),
        store=base / main.state.store,
        keep_history=timedelta(seconds=main.state.keep_history),
    )


def _once(path: Path, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _invalid(path, f"{name} is named twice")
        seen.add(name)


_S = TypeVar("_S", bound=Section)


def _decode(path: Path, section: type[_S]) -> _S:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DanelawError(
            "CONFIG_UNREADABLE", f"{path} cannot be read", evidence=str(error), hint="name the file with --config"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise DanelawError("CONFIG_SYNTAX", f"{path} is not TOML", evidence=str(error)) from error
    try:
        return msgspec.convert(data, section)
    except msgspec.ValidationError as error:
        raise _invalid(path, str(error), _suggestion(str(error))) from error


def _suggestion(message: str) -> str:
    """A did-you-mean for an unknown key, out of every key that there is."""
    unknown = re.search(r"unknown field `([^`]+)`", message)
    if unknown is None:
        return ""
    known = {field.name for section in Section.__subclasses__() for field in msgspec.structs.fields(section)}
    near = difflib.get_close_matches(unknown.group(1), sorted(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def _invalid(path: Path, evidence: str, hint: str = "") -> DanelawError:
    return DanelawError("CONFIG_INVALID", f"{path} is not right", evidence=evidence, hint=hint)


def _name(path: Path, text: str) -> Name:
    try:
        return dns.name.from_text(text, idna_codec=dns.name.IDNA_2008_Practical).canonicalize()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise _invalid(path, f"{text!r} is no domain name: {error}") from error


def _forwarder(path: Path, text: str) -> Forwarder:
    try:
        return read_forwarder(text)
    except ValueError as error:
        hint = "write IP, IP@PORT, tls://IP#SERVER.NAME or https://SERVER.NAME/dns-query#IP"
        raise _invalid(path, f"forwarder {text!r}: {error}", hint) from error


def _server(path: Path, what: str, text: str) -> tuple[IP, int]:
    address, _, port = text.partition("@")
    try:
        found = ip_address(address), int(port or "53")
    except ValueError as error:
        raise _invalid(path, f"{what} {text!r}: {error}", "write IP or IP@PORT") from error
    if not 0 < found[1] < 65536:
        raise _invalid(path, f"{what} {text!r}: there is no port {found[1]}")
    return found


def _zone(path: Path, base: Path, section: ZonefileSection | Rfc2136Section | ForeignSection) -> ZoneConfig:
    zone = _name(path, section.zone)
    if zone == dns.name.root:
        raise _invalid(path, "the root is not a zone to publish in")
    parent = _name(path, section.parent) if section.parent else zone.parent()
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
                raise _invalid(path, f"{sorted(twice)[0]!r} of {zone} is given twice")
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
        raise _invalid(path, f"{section.zone} needs its {key}", f"give {key}_file or {key}_env, one of them")
    return base / file if file is not None else variable or ""


def _algorithm(path: Path, text: str | None) -> Algorithm | None:
    try:
        return algorithm_for_new_keys(text) if text is not None else None
    except DanelawError as error:
        raise _invalid(path, f"algorithm {text!r}: {error.evidence}", error.hint) from error


def _chain(section: bool | NSEC3Section) -> NSEC3Chain | None:
    """Plain ``true`` asks for what RFC 9276 §3.1 wants."""
    if isinstance(section, bool):
        return NSEC3Chain() if section else None
    return NSEC3Chain(bytes.fromhex(section.salt), section.iterations, section.opt_out)


def _issuer(path: Path, base: Path, section: IssuerSection) -> IssuerConfig:
    lifetime = timedelta(seconds=section.lifetime) if section.lifetime else None
    match section:
        case SelfSignedSection():
            return SelfSignedConfig(lifetime=lifetime)
        case CommandSection():
            return CommandConfig(
                profile=section.profile,
                lifetime=lifetime,
                command=section.command,
                timeout=timedelta(seconds=section.timeout),
            )
        case WatchSection():
            return WatchConfig(
                lifetime=lifetime, client=section.client, directory=base / section.directory, name=section.name
            )
        case AcmeSection():
            return _acme(path, base, section, lifetime)


def _acme(path: Path, base: Path, section: AcmeSection, lifetime: timedelta | None) -> AcmeConfig:
    directory = DIRECTORIES.get(section.directory, section.directory)
    if not directory.startswith(("https://", "http://")):
        near = difflib.get_close_matches(directory, DIRECTORIES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"write its URL, or one of: {', '.join(sorted(DIRECTORIES))}"
        raise _invalid(path, f"directory {directory!r} is no URL", hint)
    challenge = section.challenge
    _one_solver(path, challenge)
    return AcmeConfig(
        directory=directory,
        contact=section.contact,
        account=base / section.account,
        bundle=base / section.bundle if section.bundle else None,
        profile=section.profile,
        lifetime=lifetime,
        challenge=ChallengeType(challenge.type),
        preferred_chain=section.preferred_chain,
        binding=(section.binding.kid, base / section.binding.key_file) if section.binding else None,
        webroot=base / challenge.webroot if challenge.webroot else None,
        listen=_addresses(path, challenge.listen) if challenge.standalone else (),
        preflight=challenge.preflight,
    )


def _one_solver(path: Path, challenge: ChallengeSection) -> None:
    if challenge.type == "dns-01":
        if challenge.standalone:
            raise _invalid(path, "dns-01 needs no web server", "leave standalone out, or use http-01")
    elif challenge.standalone is (challenge.webroot is not None):
        hint = "add webroot to the challenge, or standalone = true; or use dns-01"
        raise _invalid(path, "http-01 needs a webroot, or a listener of its own", hint)


def _addresses(path: Path, texts: Sequence[str]) -> tuple[IP, ...]:
    try:
        return tuple(ip_address(text) for text in texts)
    except ValueError as error:
        raise _invalid(path, f"listen: {error}", 'listen = ["192.0.2.1"]') from error


def _suits(path: Path, section: ServiceSection, issuer: IssuerConfig, combinations: Sequence[Combination]) -> None:
    """What some issuers cannot do."""
    names_ca = any(c.usage in (CertificateUsage.PKIX_TA, CertificateUsage.DANE_TA) for c in combinations)
    mixed = isinstance(issuer, AcmeConfig) and mixes_intermediates(issuer.directory)
    if names_ca and mixed and not section.allow_mixed_intermediates:
        hint = "use usage 3 alone, or set allow_mixed_intermediates = true: a renewal may then wait until caches let go"
        raise _invalid(path, "ta: Let's Encrypt issues from several intermediates, each time from one by chance", hint)
    if isinstance(issuer, SelfSignedConfig) and any((c.usage, c.selector) != (3, 1) for c in combinations):
        hint = 'write tlsa = ["3 1 1"]'
        raise _invalid(path, "tlsa: for a certificate that is signed by its own key, 3 1 1 (or 3 1 2) only", hint)
    if isinstance(issuer, WatchConfig) and section.strategy != "pinned":
        hint = 'write strategy = "pinned": the other client makes the keys, and Danelaw follows'
        raise _invalid(path, f"strategy {section.strategy!r} needs keys, and {section.issuer!r} makes none", hint)
    if isinstance(issuer, WatchConfig) and len(section.algorithms) > 1:
        raise _invalid(path, f"algorithms: {section.issuer!r} has one key for a service", "name one of them")


def _service(
    path: Path, section: ServiceSection, zones: Mapping[str, ZoneConfig], issuers: Mapping[str, IssuerConfig]
) -> ServiceConfig:
    if section.publisher not in zones:
        raise _invalid(path, f"there is no publisher {section.publisher!r}", _one_of("publishers", zones))
    if section.issuer not in issuers:
        raise _invalid(path, f"there is no issuer {section.issuer!r}", _one_of("issuers", issuers))
    targets = tuple(_target(path, text) for text in section.endpoints)
    if not targets:
        raise _invalid(path, "a service needs an endpoint", 'endpoints = ["www.example.net:443"]')
    zone = zones[section.publisher].zone
    for target in targets:
        if not target.name.is_subdomain(zone):
            raise _invalid(path, f"{target.name} does not lie in the zone {zone}")
    domains = tuple(_name(path, text) for text in section.domains)
    if domains and all(target.application.lookup is Lookup.HOST for target in targets):
        hint = "write an endpoint as smtp:mail.example.net:25, or leave domains out"
        raise _invalid(path, "domains: clients of none of the endpoints look for MX or SRV records", hint)
    if not section.algorithms or len(set(section.algorithms)) < len(section.algorithms):
        raise _invalid(path, "algorithms: each once, and one at least", 'algorithms = ["ecdsa", "rsa"]')
    combinations = _combinations(path, section)
    _suits(path, section, issuers[section.issuer], combinations)
    base = path.absolute().parent.parent
    return ServiceConfig(
        targets=targets,
        issuer=section.issuer,
        zone=zone,
        combinations=combinations,
        tlsa_ttl=section.tlsa_ttl,
        live=base / section.deploy.directory,
        reload=section.deploy.reload,
        strategy=Strategy(section.strategy),
        withdrawn=section.withdrawn,
        algorithms=tuple(map(KeyAlgorithm, section.algorithms)),
        domains=domains,
    )


def _one_of(what: str, known: Mapping[str, object]) -> str:
    return f"{what} are: {', '.join(sorted(known))}" if known else f"no {what} are configured"


def _target(path: Path, text: str) -> Target:
    """A port of a host, by TCP."""
    try:
        target = read_target(text)
    except DanelawError as error:
        raise _invalid(path, f"{text!r} is no endpoint: {error.evidence}", _ENDPOINT) from error
    if target.searched or target.transport != "tcp" or not re.fullmatch(_PORT_OF_A_HOST, text.strip()):
        raise _invalid(path, f"{text!r} is no endpoint", _ENDPOINT)
    return replace(target, name=target.name.canonicalize())


def _combinations(path: Path, section: ServiceSection) -> tuple[Combination, ...]:
    try:
        wanted = (*section.tlsa, TRUST_ANCHOR) if section.ta else section.tlsa
        found = tuple(dict.fromkeys(Combination.from_text(text) for text in wanted))
    except MalformedTLSA as error:
        raise _invalid(path, f"tlsa: {error}", 'write tlsa = ["3 1 1"]') from error
    if unknown := [c for c in found if not c.known]:
        raise _invalid(path, f"tlsa: {unknown[0]} is not defined", 'write tlsa = ["3 1 1"]')
    if not any(c.mtype == MatchingType.SHA2_256 for c in found):
        hint = "add a record with matching type 1, the only one that every client must know (RFC 6698 §6)"
        raise _invalid(path, f"tlsa: {', '.join(map(str, found)) or 'nothing'} leaves some clients out", hint)
    if any(c.selector == Selector.CERT and c.usage in (1, 3) for c in found) and not section.allow_full_certificate:
        hint = "use selector 1, or set allow_full_certificate = true"
        raise _invalid(path, "tlsa: selector 0 names a certificate that changes at every issuance", hint)
    return found


def _limits(path: Path, given: Mapping[str, float], services: Iterable[ServiceConfig]) -> Limits:
    """Durations in seconds; what is not given keeps its default. Mail servers take their time between look-up and
    handshake."""
    if any(target.application.opportunistic for service in services for target in service.targets):
        given = {"lookup_delay": SMTP_LOOKUP_DELAY, **given}
    known = Limits().as_seconds()
    for key, value in given.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else _one_of("limits", known)
            raise _invalid(path, f"limits: there is no {key!r}", hint)
        if value < 0:
            raise _invalid(path, f"limits: {key} is negative")
    counts = {"gap_passes", "ttl_factor"}
    plain = counts | {"renew_fraction", "urgent_fraction"}
    values = {key: value if key in plain else timedelta(seconds=value) for key, value in given.items()}
    values |= {key: int(given[key]) for key in counts & set(given)}
    return Limits(**values)  # type: ignore[arg-type] # the keys and their types were checked above
