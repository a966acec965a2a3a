"""Rollovers as Lee et al. counted them, who watched mail servers from outside (USENIX Security 2022).

A ledger looks at what the authorities and the servers of a world do, in short intervals, and says of each change of key
whether it was done wrongly: the new record too late, no new record at all, or the old one retired too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Final

from danelaw.core.model import Chain, Instant
from danelaw.core.tlsa import Combination, associate
from danelaw.core.tlsa.credential import leaf_spki
from danelaw.worlds.sim.world import TLSA, TLSA_OWNER, SimWorld
from danelaw.worlds.sim.zone import Content

EVERY: Final = 0.05
"""Seconds between two looks, where a runner passes once a second or more often; else that part of a pass."""

NOTHING: Final[frozenset[bytes]] = frozenset()


@dataclass(frozen=True, slots=True)
class Rollover:
    """``at``: when the first address presented the new chain. ``key``: whether the key is another."""

    at: Instant
    key: bool
    late: bool = False
    missing: bool = False
    early: bool = False

    @property
    def wrong(self) -> bool:
        return self.late or self.missing or self.early


@dataclass(slots=True)
class Ledger:
    """Looks, and remembers what changed: the records at each authority, and the chain at each address in the DNS.

    ``began``: what was before that is no rollover. ``every``: seconds between two looks.
    """

    world: SimWorld
    combinations: Sequence[Combination]
    published: list[tuple[Instant, tuple[frozenset[bytes], ...]]] = field(default_factory=list)
    presented: list[tuple[Instant, frozenset[Chain]]] = field(default_factory=list)
    began: Instant | None = None
    every: float = EVERY
    _seen: list[Content] = field(default_factory=list)

    def look(self) -> None:
        """Now, and in short intervals from now on."""
        now = self.world.clock.now()
        contents = [a.content for a in self.world.zone.authorities]
        if contents != self._seen:
            self._seen = contents
            found = [content.led_to(TLSA_OWNER, TLSA) for content in contents]
            records = tuple(rrset.rdatas if rrset is not None else NOTHING for rrset in found)
            if not self.published or self.published[-1][1] != records:
                self.published.append((now, records))
        chains = frozenset(a.chain for a in self.world.servers.addresses if a.chain is not None and not a.left)
        if not self.presented or self.presented[-1][1] != chains:
            self.presented.append((now, chains))
        self.world.clock.after(self.every, self.look)

    def rollovers(self) -> list[Rollover]:
        """Every change to a chain that was not presented before, in order."""
        known = set(self.presented[0][1]) if self.presented else set()
        found: list[Rollover] = []
        for index, (at, chains) in enumerate(self.presented[1:], 1):
            for new in sorted(chains - known, key=lambda chain: chain.ders):
                known.add(new)
                if self.began is not None and at >= self.began:
                    found.append(self._judge(at, new, self.presented[index - 1][1], index))
        return found

    def _judge(self, at: Instant, new: Chain, old: frozenset[Chain], index: int) -> Rollover:
        if leaf_spki(new) in {leaf_spki(chain) for chain in old}:
            return Rollover(at, key=False)
        own = self._records(new)
        left = next((when for when, chains in self.presented[index:] if new not in chains), None)
        everywhere = next((when for when, held in self.published if all(own & rdatas for rdatas in held)), None)
        if everywhere is None or (left is not None and everywhere >= left):
            return Rollover(at, key=True, missing=True)
        late = everywhere + timedelta(seconds=self.world.ttl) > at
        return Rollover(at, key=True, late=late, early=any(self._retired_early(chain, at, index) for chain in old))

    def _retired_early(self, old: Chain, at: Instant, index: int) -> bool:
        """Whether some authority no longer had a record of the old chain while some address still presented that.

        Before the new chain came, what counts is whether the operator took the record away: at the primary.
        """
        own = self._records(old)
        since = next(when for when, chains in self.presented if old in chains)
        versions = pairwise(self.published)
        if any(own & was[0] and not own & held[0] for (_, was), (when, held) in versions if since < when <= at):
            return True
        gone = next((when for when, chains in self.presented[index:] if old not in chains), None)
        before = [held for when, held in self.published if when <= at][-1:]
        if not before or not all(own & rdatas for rdatas in before[0]):
            return False
        after = [when for when, held in self.published if when > at and not all(own & rdatas for rdatas in held)]
        return bool(after) and (gone is None or after[0] < gone)

    def _records(self, chain: Chain) -> frozenset[bytes]:
        return frozenset(associate(combination, chain).to_rdata() for combination in self.combinations)
