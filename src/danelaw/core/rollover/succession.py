"""Which key of a service serves, which stands by, and which certificate to order: what the strategies differ in.

A generation is a key with one certificate, or with none yet; several generations may share a key, for a renewal need
not change it. What is published and switched to is decided elsewhere, the same way for every strategy.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from danelaw.core.model import Chain, CredentialFacts, GenerationId, Instant, SubjectName
from danelaw.core.rollover.facts import Holding

JITTER: Final = 0.1
"""By how much of its lifetime a key may be rolled sooner, so that those who enrolled together do not roll together."""


class Strategy(enum.Enum):
    """What is desired of a service's keys."""

    STANDBY = "standby"
    """The next key is published long before it serves. Renewals keep the key until that has lived its time."""
    STAGED = "staged"
    """A new key at each renewal: the article's Postscript."""
    PINNED = "pinned"
    """The same key at each renewal, until the operator asks for another."""


@dataclass(frozen=True, slots=True)
class Complete:
    """A generation that has its certificate."""

    facts: CredentialFacts
    chain: Chain


@dataclass(frozen=True, slots=True)
class Key:
    """One key, by its SubjectPublicKeyInfo, and its generations, oldest first: at least one."""

    generations: tuple[CredentialFacts, ...]

    @property
    def spki(self) -> bytes:
        return self.generations[0].spki

    @property
    def created(self) -> Instant:
        return self.generations[0].created

    @property
    def newest(self) -> CredentialFacts:
        return self.generations[-1]

    @property
    def complete(self) -> Complete | None:
        """Its newest certificate."""
        return next((Complete(g, g.chain) for g in reversed(self.generations) if g.chain is not None), None)

    @property
    def pending(self) -> CredentialFacts | None:
        """The generation that waits for its certificate: only the newest is ever ordered for."""
        return self.newest if self.newest.chain is None else None

    def has(self, generation: GenerationId | None) -> bool:
        return any(g.generation == generation for g in self.generations)

    def due(self, subject: SubjectName, lifetime: timedelta) -> Instant:
        """When it is to be rolled: up to ``JITTER`` sooner than its lifetime ends, always as much for the same key."""
        part = int.from_bytes(sha256(subject.encode() + self.spki).digest()[:4]) / 2**32
        return self.created + lifetime * (1 - JITTER * part)


def keys_of(holding: Holding) -> tuple[Key, ...]:
    """The keys of a store, the one that was made first first."""
    found: dict[bytes, list[CredentialFacts]] = {}
    for generation in holding.generations:
        found.setdefault(generation.spki, []).append(generation)
    return tuple(Key(tuple(generations)) for generations in found.values())


def with_key(keys: Iterable[Key], generation: GenerationId | None) -> Key | None:
    """The key of a generation."""
    return next((key for key in keys if key.has(generation)), None)
