"""The tables of issuers, and what is made of them: where certificates come from."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from danelaw.app.section import Section, invalid
from danelaw.core.model import IP, ChallengeType

Lifetime: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=10**9)]
"""Of certificates, in seconds."""

DIRECTORIES: Final = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
"""CAs that are known by name."""


class ChallengeSection(Section, frozen=True):
    """``listen``: addresses of ``standalone``. ``preflight``: look for a response before the CA is told to."""

    type: Literal["http-01", "dns-01"] = "http-01"
    webroot: str | None = None
    standalone: bool = False
    listen: tuple[str, ...] = ("0.0.0.0", "::")  # noqa: S104 - where the CA may come from, while a challenge is placed
    preflight: bool = True


class BindingSection(Section, frozen=True):
    """External account binding. ``key_file``: the HMAC key, in base64url as CAs show it."""

    kid: str
    key_file: str


class AcmeSection(Section, frozen=True, tag_field="type", tag="acme"):
    """An ACME CA. ``directory``: its URL, or a name of ``DIRECTORIES``. ``bundle``: PEM certificates to check its HTTPS
    by, the platform's if not given. ``lifetime``: of its certificates; what it has announced, if not given.
    ``preferred_chain``: the common name of the root."""

    directory: str
    account: str
    contact: str | None = None
    bundle: str | None = None
    profile: str | None = None
    lifetime: Lifetime | None = None
    preferred_chain: str | None = None
    binding: BindingSection | None = None
    challenge: ChallengeSection = ChallengeSection()


class SelfSignedSection(Section, frozen=True, tag_field="type", tag="selfsigned"):
    """No CA."""

    lifetime: Lifetime = 31_536_000


class CommandSection(Section, frozen=True, tag_field="type", tag="command"):
    """A program. ``timeout``: of each run, in seconds."""

    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    timeout: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 60
    profile: str | None = None
    lifetime: Lifetime | None = None


class WatchSection(Section, frozen=True, tag_field="type", tag="watch"):
    """Another client. ``directory``: where it keeps its certificates. ``name``: of the certificate, the first host of
    the service if not given."""

    client: Literal["certbot", "lego", "dehydrated"]
    directory: str
    name: str | None = None
    lifetime: Lifetime | None = None


IssuerSection: TypeAlias = AcmeSection | SelfSignedSection | CommandSection | WatchSection


class IssuerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``challenge``: how control of names is shown, where that is Danelaw's task."""

    profile: str | None = None
    lifetime: timedelta | None = None
    challenge: ChallengeType = ChallengeType.HTTP_01


class AcmeConfig(IssuerConfig, frozen=True, kw_only=True):
    """``binding``: the key identifier, and the file of the MAC key. ``webroot`` or ``listen``: for http-01."""

    directory: str
    contact: str | None
    account: Path
    bundle: Path | None = None
    preferred_chain: str | None = None
    binding: tuple[str, Path] | None = None
    webroot: Path | None = None
    listen: tuple[IP, ...] = ()
    preflight: bool = True


class SelfSignedConfig(IssuerConfig, frozen=True, kw_only=True):
    """Each certificate is signed by its own key."""


class CommandConfig(IssuerConfig, frozen=True, kw_only=True):
    command: tuple[str, ...]
    timeout: timedelta


class WatchConfig(IssuerConfig, frozen=True, kw_only=True):
    client: Literal["certbot", "lego", "dehydrated"]
    directory: Path
    name: str | None


def ca_of(name: str, issuer: IssuerConfig) -> str:
    """Which CA an issuer stands for: it is no other because it is called so."""
    return issuer.directory if isinstance(issuer, AcmeConfig) else name


def read_issuer(path: Path, base: Path, section: IssuerSection) -> IssuerConfig:
    """``path``: the file that it stands in, ``base``: where its relative paths start. Raises as ``decode`` does."""
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
        raise invalid(path, f"directory {directory!r} is no URL", hint)
    if not _is_confidential(directory):
        hint = "write https://…; for a CA of your own, bundle names the root of its HTTPS"
        raise invalid(path, f"directory {directory!r} would be asked in the clear, by way of others", hint)
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


def _is_confidential(directory: str) -> bool:
    """Whether nobody on the way can read or change what is said (RFC 8555 §6.1): HTTPS, or HTTP to this machine."""
    try:
        parts = urlsplit(directory)
        return parts.scheme == "https" or parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:  # no host that this machine has
        return False


def _one_solver(path: Path, challenge: ChallengeSection) -> None:
    if challenge.type == "dns-01":
        if challenge.standalone:
            raise invalid(path, "dns-01 needs no web server", "leave standalone out, or use http-01")
    elif challenge.standalone is (challenge.webroot is not None):
        hint = "add webroot to the challenge, or standalone = true; or use dns-01"
        raise invalid(path, "http-01 needs a webroot, or a listener of its own", hint)


def _addresses(path: Path, texts: Sequence[str]) -> tuple[IP, ...]:
    try:
        return tuple(ip_address(text) for text in texts)
    except ValueError as error:
        raise invalid(path, f"listen: {error}", 'listen = ["192.0.2.1"]') from error
