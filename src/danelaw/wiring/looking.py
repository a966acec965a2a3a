"""The ports that look and change nothing, and what they judge by."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dns.name import Name

from danelaw.adapters.clock import StatedPorts, StoppedClock
from danelaw.adapters.probe import TLSProber
from danelaw.adapters.resolve import AuthorityAsker, ForwardingResolver, Patience, system_forwarders
from danelaw.adapters.resolve.stated import ONCE, StatedAuthorities
from danelaw.app.eyes import Eyes
from danelaw.app.platform_roots import PLATFORM_ROOTS
from danelaw.core.dnssec.anchors import Anchors, read_anchors
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import IP, DanelawError, Forwarder, Instant
from danelaw.ports import Authorities, ProbeLimits
from danelaw.wiring.surroundings import clock, dialer

if TYPE_CHECKING:
    from danelaw.app.config import Config
    from danelaw.app.delegation import Onlookers
    from danelaw.app.toolbox import Subjects

_LONGEST_ANCHORS: Final = 1 << 20
_LONGEST_ROOTS: Final = 1 << 24


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


def client_roots(config: Config | None, ca: Path | None = None) -> tuple[bytes, ...]:
    """The CAs that clients trust, in DER: of ``ca``, of the configuration, or the platform's, if it has any.

    Raises ``DanelawError("ROOTS_UNREADABLE")``.
    """
    if ca is not None:
        return _roots(ca)
    if config is None and not Path(PLATFORM_ROOTS).exists():
        return ()
    return _roots(config.client_roots if config is not None else Path(PLATFORM_ROOTS))


def subjects_of(config: Config, handed_over: Collection[Name] | None = None) -> Subjects:
    """What is desired of what. ``handed_over``: zones whose DS is handed to the parent; every one if None, for whoever
    only reads what is recorded.

    Raises ``DanelawError("ROOTS_UNREADABLE")``.
    """
    from danelaw.app.subjects import subjects

    if handed_over is None:
        handed_over = {zone.zone for zone in config.zones}
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
