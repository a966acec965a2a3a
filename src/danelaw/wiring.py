"""The plug board: the only module that imports adapters, and hands them to the app as ports."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dns.name import Name
from msgspec import structs

from danelaw.adapters.clock import (
    DirectDialer,
    StatedPorts,
    StoppedClock,
    SubprocessCommands,
    SystemClock,
    ThreadBlocking,
)
from danelaw.adapters.probe import TLSProber
from danelaw.adapters.resolve import AuthorityAsker, ForwardingResolver, Patience, system_forwarders
from danelaw.adapters.resolve.stated import ONCE, StatedAuthorities
from danelaw.app.eyes import Eyes
from danelaw.app.platform_roots import PLATFORM_ROOTS
from danelaw.core.dnssec.anchors import Anchors, read_anchors
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import (
    IP,
    ChallengeType,
    DanelawError,
    Forwarder,
    Instant,
    Limits,
    Lineage,
    Record,
)
from danelaw.ports import (
    Authorities,
    Blocking,
    Clock,
    Commands,
    Credentials,
    Dialer,
    Issuer,
    KeyFiles,
    LastingStore,
    Parent,
    ProbeLimits,
    Publisher,
    Resolver,
    Solver,
    Store,
    Surroundings,
    ZoneDesk,
)

if TYPE_CHECKING:
    # What only one of these functions needs is imported there: to look at the network takes a quarter of it all.
    from danelaw.adapters.deploy import DirectoryCredentials
    from danelaw.adapters.publish.compared import Place
    from danelaw.adapters.zone.file_zones import FileZones, ZoneFile
    from danelaw.app.config import (
        ApiZoneConfig,
        Config,
        ExecZoneConfig,
        FileZoneConfig,
        OctoDNSZoneConfig,
        ZoneConfig,
    )
    from danelaw.app.delegation import Onlookers
    from danelaw.app.engine import Engine
    from danelaw.app.issuer_sections import IssuerConfig
    from danelaw.app.toolbox import Subjects, Toolbox


@dataclass(frozen=True, slots=True)
class Wired:
    """A configuration that is plugged in. ``tools`` are the ports behind the engine."""

    engine: Engine
    tools: Toolbox
    subjects: Subjects
    store: Store


def clock() -> Clock:
    return SystemClock()


def blocking() -> Blocking:
    return ThreadBlocking()


def commands() -> Commands:
    return SubprocessCommands()


def dialer() -> Dialer:
    return DirectDialer()


def key_files(directory: Path) -> KeyFiles:
    from danelaw.adapters.zone.key_directory import KeyDirectory

    return KeyDirectory(directory)


def zone_records(path: Path, apex: Name) -> tuple[Record, ...]:
    """All records of a master file. Raises ``DanelawError``: see ``read_records``."""
    from danelaw.adapters.zone.records import read_records

    return read_records(path, apex)


def trust_anchors(source: Path | str | None, now: Instant) -> Anchors:
    """The anchors that hold ``now``: of a file, of a text, or those of the IANA for the root, which are shipped.

    Raises ``DanelawError``: ``ANCHOR_UNREADABLE``, ``ANCHOR_SYNTAX``.
    """
    if isinstance(source, Path):
        text = _read(source)
        try:
            return read_anchors(text, now)
        except DanelawError as error:
            raise DanelawError(
                error.code, f"{source}: {error.message}", evidence=error.evidence, hint=error.hint
            ) from error
    shipped = files("danelaw.core.dnssec") / "root-anchors.xml"
    return read_anchors(shipped.read_text(encoding="utf-8") if source is None else source, now)


def eyes(
    config: Config | None = None,
    forwarders: Sequence[Forwarder] = (),
    anchor: Path | None = None,
    now: Instant | None = None,
    *,
    ports: Mapping[IP, int] | None = None,
    warm: bool = False,
    step: timedelta | None = None,
) -> Eyes:
    """The ports that look at the network as it is, and change nothing; what they find is told with all its faults.

    ``forwarders`` and ``anchor`` go before what the configuration says of them; failing both, the system's and the
    root's. ``now``: as of when to judge. ``ports``: of services that are not where they usually are. ``warm``: zone
    keys that one answer rests on serve the next ones too, and a zone's servers are found once a minute, for who looks
    at much in a short time. ``step``: how long one step may take, such as a question to one server or a handshake;
    None for what suits most. Raises ``DanelawError``: ``NO_FORWARDERS``, and as ``trust_anchors`` does.
    """
    world, at = dialer(), StoppedClock(now) if now is not None else clock()
    chosen = tuple(forwarders) or (config.forwarders if config is not None else ()) or system_forwarders()
    ca = config.resolver_ca if config is not None else None
    anchors = trust_anchors(anchor or (config.trust_anchor if config is not None else None), at.now())
    cache = ZoneKeyCache()
    new_cache = (lambda: cache) if warm else ZoneKeyCache
    patience = Patience(first=min(step, Patience().first), tcp=step) if step is not None else Patience()
    return Eyes(
        clock=at,
        resolver=ForwardingResolver(
            chosen, world, at, anchors, patience=patience, ca=ca, new_cache=new_cache, thorough=not warm
        ),
        authorities=AuthorityAsker(chosen, world, patience=patience, ca=ca, warm=warm),
        prober=TLSProber(
            StatedPorts(ports) if ports else world, ProbeLimits.each(step) if step is not None else ProbeLimits()
        ),
    )


def onlookers(forwarders: Sequence[Forwarder] = ()) -> Onlookers:
    """The ports that look at a delegation, through these forwarders or the system's. Raises as ``eyes`` does."""
    from danelaw.app.delegation import Onlookers

    world, at = dialer(), clock()
    chosen = tuple(forwarders) or system_forwarders()
    anchors = trust_anchors(None, at.now())
    return Onlookers(at, ForwardingResolver(chosen, world, at, anchors), AuthorityAsker(chosen, world))


def authorities(
    config: Config | None, forwarders: Sequence[Forwarder], servers: Sequence[tuple[IP, int]] = ()
) -> Authorities:
    """Whom to ask what is served, again and again: ``servers``, else those that the DNS names, as forwarders tell.

    These are the given ones, else those of the configuration or the system. Raises ``DanelawError("NO_FORWARDERS")``.
    """
    if servers:
        return StatedAuthorities([ip for ip, _ in servers], StatedPorts(dict(servers)), patience=ONCE)
    chosen = tuple(forwarders) or (config.forwarders if config is not None else ()) or system_forwarders()
    return AuthorityAsker(chosen, dialer(), ca=config.resolver_ca if config is not None else None)


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


def client_roots(config: Config | None, ca: Path | None = None) -> tuple[bytes, ...]:
    """The CAs that clients trust, in DER: of ``ca``, of the configuration, or the platform's, if it has any.

    Raises ``DanelawError("ROOTS_UNREADABLE")``.
    """
    if ca is not None:
        return _roots(ca)
    if config is None and not Path(PLATFORM_ROOTS).exists():
        return ()
    return _roots(config.client_roots if config is not None else Path(PLATFORM_ROOTS))


def memory_store(limits: Limits) -> Store:
    """A store that lasts as long as the process."""
    from danelaw.adapters.store import MemoryStore

    return MemoryStore(limits.max_gap, limits)


def lasting_store(config: Config, blocking: Blocking) -> LastingStore:
    """The store that the configuration names, with its mark and its copy beside the credentials."""
    from danelaw.adapters.store.sql import SQLStore

    return SQLStore(config.store, config.limits, blocking, beside=config.credentials, keep=config.keep_history)


def only_runner(config: Config, what: str) -> AbstractContextManager[None]:
    """While it is entered, no other process is the runner of this configuration's store. See there."""
    from danelaw.adapters.store.one_runner import only_runner as alone

    return alone(config.store, what, clock().now())


def zone_store(zone: FileZoneConfig, config: Config | None, blocking: Blocking) -> LastingStore:
    """The store of the configuration; without one, a file beside the signed zone."""
    from danelaw.adapters.store.sql import SQLStore

    if config is not None:
        return lasting_store(config, blocking)
    return SQLStore(zone.signed.with_name(f"{zone.signed.name}.danelaw-history"), Limits(), blocking)


def build(config: Config, surroundings: Surroundings, store: Store | None = None) -> Wired:
    """Plug a configuration into its surroundings.

    Raises ``DanelawError`` for files that the configuration names and that cannot be read, and ``CONFIG_INFEASIBLE``
    for a service that cannot be kept as it is configured.
    """
    from danelaw.app.engine import Engine
    from danelaw.app.promise import require_feasible

    require_feasible(config)
    store = store or memory_store(config.limits)
    subjects = _subjects(config, surroundings.parents)
    tools = _tools(config, surroundings, store)
    return Wired(Engine(tools, subjects, config.limits), tools, subjects, store)


def open_world(parents: Mapping[Name, Parent]) -> Surroundings:
    """The Internet, this machine's clock and its programs. ``parents``: who takes the DS of which zone."""
    return Surroundings(clock(), dialer(), blocking(), commands(), parents)


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
    from danelaw.adapters.resolve.stated import StatedZone
    from danelaw.adapters.zone.before import signed_before
    from danelaw.app.config import Config
    from danelaw.app.engine import Engine

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
    subjects, tools = _subjects(one, world.parents), _tools(one, world, store)
    if servers:
        stated = StatedZone(zone.zone, servers, StatedPorts(dict(servers)), tools.authorities)
        tools = replace(tools, authorities=stated)
    return Wired(Engine(tools, subjects, one.limits), tools, subjects, store)


def _tools(config: Config, world: Surroundings, store: Store) -> Toolbox:
    from danelaw.adapters.clock import boot_id
    from danelaw.adapters.deploy import DirectoryCredentials, DirectoryDeployer
    from danelaw.adapters.publish.zonefile import ZonefilePublisher
    from danelaw.adapters.zone.file_zones import FileZones
    from danelaw.app.config import LOCAL, FileZoneConfig
    from danelaw.app.toolbox import Toolbox

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
    live = {lineage: path for service in config.services for lineage, path in service.live_paths.items()}
    credentials = DirectoryCredentials(config.credentials, world.blocking, world.clock, live)
    solvers = _solvers(config, world, resolver)
    return Toolbox(
        clock=world.clock,
        store=store,
        resolver=resolver,
        authorities=AuthorityAsker(forwarders, world.dialer, ca=config.resolver_ca),
        prober=TLSProber(world.dialer),
        cuts=resolver,
        zones={zone.zone: files for zone in filed},
        publishers={zone.zone: _publisher(zone, config, world) or in_files for zone in config.zones},
        parents=_parents(config, world, files),
        credentials=dict.fromkeys(live, credentials) | dict(_watched(config, credentials, world)),
        deployers={
            (lineage, LOCAL): DirectoryDeployer(credentials, service.reload, world.commands, world.blocking)
            for service in config.services
            for lineage in service.live_paths
        },
        issuers=_issuers(config, world, credentials, resolver),
        solvers={line: solvers[s.issuer] for s in config.services if s.issuer in solvers for line in s.live_paths},
        boot=boot_id(),
    )


def _issuers(
    config: Config, world: Surroundings, credentials: DirectoryCredentials, resolver: Resolver
) -> dict[Lineage, Issuer]:
    """Who issues for each lineage; services that name the same issuer share what it remembers."""
    from danelaw.adapters.issue.selfsigned import SelfSignedIssuer
    from danelaw.app.issuer_sections import SelfSignedConfig

    shared = {key: _issuer(issuer, config, world, resolver) for key, issuer in config.issuers.items()}
    found: dict[Lineage, Issuer] = {}
    for service in config.services:
        issuer = config.issuers[service.issuer]
        for line in service.live_paths:
            if isinstance(issuer, SelfSignedConfig) and issuer.lifetime is not None:
                found[line] = SelfSignedIssuer(line, credentials, world.clock, issuer.lifetime)
            elif (other := shared[service.issuer]) is not None:
                found[line] = other
    return found


def _issuer(issuer: IssuerConfig, config: Config, world: Surroundings, resolver: Resolver) -> Issuer | None:
    """None for one that each lineage has of its own."""
    from danelaw.adapters.issue.command import CommandIssuer
    from danelaw.adapters.issue.watch import WatchIssuer
    from danelaw.app.issuer_sections import AcmeConfig, CommandConfig, WatchConfig

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
            return CommandIssuer(issuer.command, world.clock, issuer.timeout, config.back_off)
        case WatchConfig():
            return WatchIssuer(world.clock)
    return None


def _watched(
    config: Config, credentials: DirectoryCredentials, world: Surroundings
) -> Iterable[tuple[Lineage, Credentials]]:
    """The stores of services whose credentials another client gets."""
    from danelaw.adapters.issue.watch import Watched, WatchedCredentials
    from danelaw.app.issuer_sections import WatchConfig

    for service in config.services:
        issuer = config.issuers[service.issuer]
        if isinstance(issuer, WatchConfig):
            watched = (
                Watched.of(issuer.client, issuer.directory, issuer.name)
                if issuer.name is not None
                else Watched.of_name(issuer.client, issuer.directory, service.names[0])
            )
            for line in service.lineages:
                yield line, WatchedCredentials(credentials, watched, world.blocking)


def _solvers(config: Config, world: Surroundings, resolver: Resolver) -> dict[str, Solver]:
    """By the names of their issuers: those that answer http-01."""
    from danelaw.adapters.issue.seen import SeenSolver
    from danelaw.adapters.issue.standalone import StandaloneSolver
    from danelaw.adapters.issue.webroot import WebrootSolver
    from danelaw.app.issuer_sections import AcmeConfig

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


def _parents(config: Config, world: Surroundings, files: FileZones) -> dict[Name, Parent]:
    """Who takes the DS of each zone; zones that publish CDS records ask for it by these too."""
    from danelaw.adapters.zone.asking import AskedByCDS
    from danelaw.app.config import FileZoneConfig

    parents = {zone.zone: world.parents[zone.zone] for zone in config.zones if zone.zone in world.parents}
    for zone in config.zones:
        if isinstance(zone, FileZoneConfig) and zone.cds:
            parents[zone.zone] = AskedByCDS(files, world.clock, parents.get(zone.zone))
    return parents


def zone_file(zone: FileZoneConfig) -> ZoneFile:
    """Where the zone is kept, and how it is signed."""
    from danelaw.adapters.zone.file_zones import Signing, ZoneFile

    signing = Signing(zone.nsec3, zone.zonemd, zone.cds, zone.validity, zone.dnskey_ttl)
    return ZoneFile(zone.file, zone.keys, zone.signed, zone.reload, signing)


def _publisher(zone: ZoneConfig, config: Config, world: Surroundings) -> Publisher | None:
    """For a zone that others keep. An update that may have been made or not must be so by ``in_flight``."""
    from danelaw.app.config import (
        ApiZoneConfig,
        ExecZoneConfig,
        ManualZoneConfig,
        OctoDNSZoneConfig,
        UpdatedZoneConfig,
    )

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
    from danelaw.app.config import ApiZoneConfig, OctoDNSZoneConfig

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
    return ProgramZone(zone.command, zone.zone, min(zone.timeout, most))


def subjects_of(config: Config) -> Subjects:
    """What is desired of what, every DS included, for whoever only reads what is recorded.

    Raises ``DanelawError("ROOTS_UNREADABLE")``.
    """
    return _subjects(config, {zone.zone for zone in config.zones})


def _subjects(config: Config, handed_over: Collection[Name]) -> Subjects:
    """``handed_over``: zones whose DS is handed to the parent."""
    from danelaw.app.subjects import subjects

    return subjects(config, handed_over, client_roots(config) if config.services else ())


def _roots(path: Path) -> tuple[bytes, ...]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.utils import CryptographyDeprecationWarning

    try:
        with warnings.catch_warnings():
            # Some old roots have serial numbers that RFC 5280 forbids: no matter of the user's.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificates = x509.load_pem_x509_certificates(_octets(path, _LONGEST_ROOTS))
    except (OSError, ValueError) as error:
        raise DanelawError(
            "ROOTS_UNREADABLE",
            f"the roots that clients trust cannot be read from {path}",
            evidence=str(error),
            hint="name a PEM file: with --ca, or as roots under [clients]",
        ) from error
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)


_LONGEST_ANCHORS: Final = 1 << 20
_LONGEST_ROOTS: Final = 1 << 24


def _octets(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        octets = file.read(most + 1)
    if len(octets) > most:
        raise ValueError(f"it has more than {most} octets")
    return octets


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST_ANCHORS + 1)
        if len(text) > _LONGEST_ANCHORS:
            raise ValueError(f"it has more than {_LONGEST_ANCHORS} characters")
        return text
    except (OSError, ValueError) as error:
        raise DanelawError(
            "ANCHOR_UNREADABLE",
            f"{path} cannot be read",
            evidence=str(error),
            hint="name a file of trust anchors, or none: the IANA's anchors of the root come along",
        ) from error
