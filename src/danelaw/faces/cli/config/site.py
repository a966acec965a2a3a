"""What a snippet is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """What one service serves at one host name. ``ports``: each with the name of its application. ``credentials``: a
    live directory for each kind of key. ``group``: whose the private keys are, if any."""

    host: str
    service: str
    ports: tuple[tuple[str, int], ...]
    credentials: tuple[Path, ...]
    domains: tuple[str, ...] = ()
    group: str | None = None

    def numbers(self, *applications: str) -> tuple[int, ...]:
        """The ports of these applications."""
        return tuple(port for name, port in self.ports if name in applications)

    @property
    def keys_and_chains(self) -> Iterable[tuple[Path, Path]]:
        return [(folder / "privkey.pem", folder / "fullchain.pem") for folder in self.credentials]

    @property
    def combined(self) -> tuple[Path, ...]:
        """Key and chain in one file, the key first."""
        return tuple(folder / "combined.pem" for folder in self.credentials)
