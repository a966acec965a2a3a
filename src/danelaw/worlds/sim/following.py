"""DANE clients that follow aliases, in virtual time. Independent, as those of ``clients`` are, whose habits they share.

Each link of a chain of aliases is cached by itself, so that an old one leads to new records and a new one to old. Where
every link to the host's end is secure, records are looked for there first, and then at the host; some clients know only
the one way, and some only the other.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from danelaw.worlds.sim.clients import (
    ALL,
    FALLBACKS,
    HABITS,
    Connection,
    Delegation,
    Fallback,
    Parameters,
    Timeline,
    matches,
    stronger,
)

MOST_LINKS: Final = 8


class Bases(enum.Enum):
    """At which names a client looks for records."""

    BOTH = "the end of the aliases, then the host"
    END = "the end of the aliases alone"
    HOST = "the host alone"


BASES: Final = (Bases.BOTH, Bases.BOTH, Bases.END, Bases.HOST)


@dataclass(frozen=True, slots=True)
class Said:
    """What an authority said of a name and a type: rdata, or what the name is an alias of, or neither; the TTL, and the
    keys that signed it."""

    rdatas: frozenset[bytes] | None
    alias: str | None
    ttl: float
    keys: frozenset[bytes]


class Names(Protocol):
    """What these clients can see of the world. Names are text in lower case that ends with a dot."""

    def zone_of(self, name: str) -> str: ...
    def authorities(self, zone: str) -> Sequence[str]: ...
    def ask(self, authority: str, name: str, type: str) -> Said | None: ...
    def delegation(self, zone: str) -> Delegation: ...
    def addresses(self, rdatas: frozenset[bytes]) -> Sequence[str]: ...
    def handshake(self, address: str, sni: str) -> Sequence[bytes] | None: ...
    def trusts(self, chain: Sequence[bytes]) -> bool: ...
    def digests(self, zone: str, keys: frozenset[bytes]) -> frozenset[bytes]: ...


class _LostError(Exception):
    """Nobody answers, what is answered does not validate, or aliases go round in a circle."""


@dataclass(frozen=True, slots=True)
class _End:
    name: str
    rdatas: frozenset[bytes] | None
    secure: bool


@dataclass(slots=True)
class Follower:
    """One client of ``host`` and a port."""

    number: int
    host: str
    port: int
    timeline: Timeline
    names: Names
    rng: random.Random
    record: list[Connection]
    knows: frozenset[Parameters] = ALL
    agile: bool = False
    fallback: Fallback = Fallback.PKIX
    bases: Bases = Bases.BOTH
    stretch: float = 1.0
    most_delay: float = 0.5
    _cache: dict[tuple[str, str], tuple[Said, datetime]] = field(default_factory=dict)
    _cuts: dict[str, tuple[Delegation, datetime]] = field(default_factory=dict)

    def start(self, pace: float) -> None:
        def once() -> None:
            self.connect()
            self.timeline.after(pace * self.rng.uniform(0.5, 1.5), once)

        self.timeline.after(pace * self.rng.random(), once)

    def connect(self) -> None:
        try:
            found = [self._resolve(self.host, type) for type in ("A", "AAAA")]
            there = [(end, ip) for end in found for ip in self.names.addresses(end.rdatas or frozenset())]
            if not there:
                self._note("NO_SERVICE")
                return
            end, address = self.rng.choice(there)
            base, records = self._records(end)
        except _LostError as error:
            self._note(str(error))
            return

        def shake() -> None:
            self._note(self._judge(records, self.names.handshake(address, base)))

        self.timeline.after(self.rng.uniform(0, self.most_delay), shake)

    def _records(self, end: _End) -> tuple[str, frozenset[bytes] | None]:
        """The name to send, and its secure records; None where there are none at any base."""
        bases = [self.host] if self.bases is Bases.HOST else [end.name] if self.bases is Bases.END else []
        for base in dict.fromkeys(bases or [end.name, self.host]):
            if base == end.name != self.host and not end.secure:
                continue
            found = self._resolve(f"_{self.port}._tcp.{base}", "TLSA")
            if found.secure and found.rdatas is not None:
                return base, found.rdatas
        return self.host, None

    def _resolve(self, name: str, type: str) -> _End:
        secure = True
        for _ in range(MOST_LINKS):
            said = self._cached(name, type)
            secure = self._secure(name, said) and secure
            if said.alias is None:
                return _End(name, said.rdatas, secure)
            name = said.alias
        raise _LostError("ALIAS_LOOP")

    def _cached(self, name: str, type: str) -> Said:
        now = self.timeline.now()
        # Whatever was asked for, a cache that holds an alias follows it.
        for kept in ((name, type), (name, "CNAME")):
            if kept in self._cache and self._cache[kept][1] > now:
                return self._cache[kept][0]
        servers = list(self.names.authorities(self.names.zone_of(name)))
        self.rng.shuffle(servers)
        for server in servers:
            said = self.names.ask(server, name, type)
            if said is not None:
                kind = type if said.alias is None else "CNAME"
                self._cache[name, kind] = (said, now + timedelta(seconds=said.ttl * self.stretch))
                return said
        raise _LostError("NO_ANSWER")

    def _secure(self, name: str, said: Said) -> bool:
        zone, now = self.names.zone_of(name), self.timeline.now()
        if zone not in self._cuts or self._cuts[zone][1] <= now:
            found = self.names.delegation(zone)
            self._cuts[zone] = (found, now + timedelta(seconds=found.ttl))
        digests = self._cuts[zone][0].digests
        if digests and not digests & self.names.digests(zone, said.keys):
            raise _LostError("BOGUS")
        return bool(digests)

    def _judge(self, records: frozenset[bytes] | None, chain: Sequence[bytes] | None) -> str:
        if chain is None:
            return "NO_SERVICE" if records is None else "NO_TLS"
        usable = [rdata for rdata in records or () if tuple(rdata[:3]) in self.knows]
        if self.agile:
            usable = [rdata for rdata in usable if not any(stronger(other, rdata) for other in usable)]
        if usable:
            return "" if any(matches(rdata, chain, self.timeline.now()) for rdata in usable) else "TLSA_MISMATCH"
        return "" if self.fallback is Fallback.ANY or self.names.trusts(chain) else "PKIX_UNTRUSTED"

    def _note(self, reason: str) -> None:
        self.record.append(Connection(self.timeline.now(), self.number, reason))


@dataclass(slots=True)
class FollowingCrowd:
    """``size`` clients of one host, of every habit. Thirty-two are enough for all of them."""

    timeline: Timeline
    names: Names
    host: str
    port: int = 443
    size: int = 32
    pace: float = 0.5
    seed: int = 0
    record: list[Connection] = field(default_factory=list)

    def start(self) -> None:
        for number in range(self.size):
            knows, agile = HABITS[number // 4 % len(HABITS)]
            fallback = FALLBACKS[number % len(FALLBACKS)]
            Follower(
                number=number,
                host=self.host,
                port=self.port,
                timeline=self.timeline,
                names=self.names,
                rng=random.Random(f"{self.seed}/{self.host}/{number}"),  # noqa: S311  # a simulation is to be repeated
                record=self.record,
                knows=knows,
                agile=agile,
                fallback=Fallback.PKIX if fallback is Fallback.REFUSE else fallback,
                bases=BASES[number // 3 % len(BASES)],
                stretch=2.0 if number % 4 == 0 else 1.0,
            ).start(self.pace)

    def refused(self) -> list[Connection]:
        return [connection for connection in self.record if connection.refused]
