"""What certificates are taken over from: another client's directory, and where they go to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from danelaw.app.adopt import ClientFiles, LivePaths, OwnCredentials
from danelaw.app.config import Config
from danelaw.app.issuer_sections import AcmeConfig
from danelaw.core.model import Chain, CredentialFacts, GenerationId, Lineage
from danelaw.wiring.surroundings import blocking, clock


def certbot_locked(directory: Path) -> AbstractContextManager[None]:
    """While it is entered, no certbot works in its directory. Raises as ``adapters.deploy.certbot.locked``."""
    from danelaw.adapters.deploy.certbot import locked

    return locked(directory)


def certbot_names(directory: Path) -> tuple[str, ...]:
    """The certificates that it has, by name."""
    from danelaw.adapters.deploy.certbot import names

    return names(directory)


def certbot_files(directory: Path, name: str) -> ClientFiles:
    """The files of one of them."""
    from danelaw.adapters.deploy.certbot import CertbotFiles

    return CertbotFiles(directory, name)


def certbot_credential(directory: Path, name: str) -> tuple[bytes, Chain] | None:
    """Its key (PEM) and chain; None where they do not belong together.

    Raises ``DanelawError("WATCHED_UNREADABLE")``.
    """
    from danelaw.adapters.issue.watch import Watched

    return Watched.of("certbot", directory / "live", name).read()


def certbot_account(directory: Path, ca: str, name: str) -> tuple[bytes, str] | None:
    """The key (PEM) and the URL of its account at a CA. Raises ``DanelawError("ACCOUNT_UNREADABLE")``."""
    from danelaw.adapters.issue.certbot import account

    found = account(directory, ca, name)
    return (found.key, found.url) if found is not None else None


def take_account(config: Config, issuer: AcmeConfig, key: bytes, url: str) -> bool:
    """Let an issuer have the account of another client; False: it has one of its own, which stays.

    Raises ``DanelawError("ACCOUNT_UNREADABLE")``, also where whoever runs Danelaw could not go by it.
    """
    from danelaw.adapters.issue.account import AccountFiles

    with as_owner_of(config.credentials):
        return AccountFiles(issuer.account).take(key, issuer.directory, url)


def as_owner_of(path: Path) -> AbstractContextManager[None]:
    """While it is entered, root is the user whose the path is, as Danelaw runs as that one."""
    from danelaw.adapters.deploy.live_paths import as_owner_of as entered

    return entered(path)


def runs_as(config: Config) -> int | None:
    """The number of the user who runs Danelaw, by whose the credential store is; None: whoever asks."""
    from danelaw.adapters.deploy.live_paths import owner_of

    owner = owner_of(config.credentials)
    return owner if owner != os.geteuid() else None


def own_credentials(config: Config, live: Mapping[Lineage, Path]) -> OwnCredentials:
    """The credential store, used as whose it is. ``live``: where the server of each lineage looks."""
    from danelaw.adapters.deploy import DirectoryCredentials

    return _AsOwner(DirectoryCredentials(config.credentials, blocking(), clock(), live), config.credentials)


@dataclass(frozen=True, slots=True)
class _AsOwner:
    store: OwnCredentials
    root: Path

    async def list(self, lineage: Lineage) -> Sequence[CredentialFacts]:
        with as_owner_of(self.root):
            return await self.store.list(lineage)

    async def adopt(self, lineage: Lineage, key: bytes, chain: Chain) -> GenerationId:
        with as_owner_of(self.root):
            return await self.store.adopt(lineage, key, chain)

    async def deployable(self, lineage: Lineage, generation: GenerationId, chain: Chain) -> Path:
        with as_owner_of(self.root):
            return await self.store.deployable(lineage, generation, chain)


def live_paths() -> LivePaths:
    """Danelaw's own live directories on this machine."""
    from danelaw.adapters.deploy import live_paths as made

    return LivePaths(made.serve, made.served, made.unserve)
