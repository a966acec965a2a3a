"""The cast of a small world: a zone on a few authorities, a service on a few servers, a handful of credentials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from typing import Final

import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.core.model import (
    IP,
    Absence,
    Answer,
    Chain,
    ChallengeType,
    Endpoint,
    GenerationId,
    Hello,
    HostName,
    Limits,
    Lineage,
    RRset,
    SubjectName,
)
from danelaw.core.model.names import hashed
from danelaw.core.rollover.planner import DesiredService
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination, Reference
from danelaw.core.tlsa.associate import associate
from danelaw.core.tlsa.credential import leaf_spki
from danelaw.worlds.sim.service import issue, root_certificate

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""The instant of every pass: facts are moved back, tick by tick."""
TICK: Final = timedelta(seconds=10)

ZONE: Final = hashed(dns.name.from_text("example.net."))
HOST: Final = hashed(dns.name.from_text("www.example.net."))
OWNER: Final = hashed(dns.name.from_text("_443._tcp.www.example.net."))
A, AAAA, SOA, TLSA = (int(dns.rdatatype.from_text(t)) for t in ("A", "AAAA", "SOA", "TLSA"))
ENDPOINT: Final = Endpoint(HOST, 443)
SUBJECT: Final = SubjectName("www.example.net:443/tcp")
LINEAGE: Final = Lineage(SUBJECT)
LOCAL: Final = HostName("local")
HELLO: Final = Hello(HOST)
FOREIGN_KEY: Final = 9
"""The number of the key that other hands put on a server."""


@dataclass(frozen=True)
class Scene:
    """A small world's constants. ``hold``, ``retention`` and the like are in ticks.

    ``roll``: what begins it: an operator's ``request`` for another key, or a ``renewal`` that the CA suggests.
    ``gap``: for how long a sight vouches; with 1, every pass that is missed is a gap. ``elsewhere``: there is one more
    server, which is no address of the service until its operator makes it the only one.
    """

    authorities: int = 2
    servers: int = 1
    strategy: Strategy = Strategy.STAGED
    roll: str = "request"
    tlsa: str = "3 1 1"
    ttl: int = 1
    lookup: int = 1
    retention: int = 4
    in_flight: int = 1
    linger: int = 1
    settle: int = 3
    past: int = 1
    gap: int = 1
    elsewhere: bool = False

    @cached_property
    def limits(self) -> Limits:
        return Limits(
            pass_interval=TICK,
            gap_passes=self.gap,
            hold_floor=timedelta(0),
            lookup_delay=self.lookup * TICK,
            assumed_past_ttl=self.past * TICK,
            retention=self.retention * TICK,
            in_flight=self.in_flight * TICK,
            linger=self.linger * TICK,
            standby_settle=self.settle * TICK,
            key_lifetime=timedelta(days=36500),
        )

    @property
    def hold(self) -> int:
        """For how many ticks a client may act on an answer that it was just given."""
        return 2 * self.ttl + self.lookup

    @cached_property
    def ns(self) -> tuple[IP, ...]:
        """The authorities; the first is the primary."""
        return tuple(ip_address(f"192.0.2.{n + 1}") for n in range(self.authorities))

    @cached_property
    def web(self) -> tuple[IP, ...]:
        """The servers; the last is the one elsewhere, if there is one."""
        return tuple(ip_address(f"198.51.100.{n + 1}") for n in range(self.servers + self.elsewhere))

    def site(self, number: int) -> range:
        """Which servers are the service's: in DNS it has the addresses of site 0, or, once moved, of site 1."""
        return range(self.servers, self.servers + 1) if number else range(self.servers)

    @cached_property
    def combinations(self) -> tuple[Combination, ...]:
        return tuple(Combination.from_text(text) for text in self.tlsa.split(","))

    @cached_property
    def desired(self) -> DesiredService:
        seconds = int(self.ttl * TICK.total_seconds())
        service = (SUBJECT, (LINEAGE,), ZONE, (HOST,), self.combinations, seconds, (LOCAL,), ChallengeType.HTTP_01)
        return DesiredService(*service, strategy=self.strategy)

    @cached_property
    def reference(self) -> Reference:
        return Reference((HOST,), (root_certificate(),))

    @cached_property
    def reach(self) -> Reach:
        return Reach((Reached(SUBJECT, (LINEAGE,), (LOCAL,), ENDPOINT, ZONE, (HOST,), self.reference),))

    @cached_property
    def addresses(self) -> tuple[tuple[Answer, ...], ...]:
        """What an authority says of the host, by its site."""
        seconds = int(self.ttl * TICK.total_seconds())
        packed = [frozenset(self.web[i].packed for i in self.site(n)) for n in range(1 + self.elsewhere)]
        return tuple((RRset(HOST, A, seconds, ips), Absence(HOST, AAAA, seconds)) for ips in packed)

    @cached_property
    def asked(self) -> tuple[tuple[Name, int], ...]:
        """What every authority is asked in a pass."""
        return (*((answer.owner, answer.type) for answer in self.addresses[0]), (OWNER, TLSA))

    def chain(self, key: int, certificate: int = 1) -> Chain:
        """The n-th certificate of a key."""
        begin = NOW - timedelta(days=100) + certificate * TICK
        return issue(key, (HOST,), begin, timedelta(days=36500))

    def spki(self, key: int) -> bytes:
        found = leaf_spki(self.chain(key))
        assert found is not None  # noqa: S101 - the certificate was just made
        return found

    def records(self, *keys: int) -> RRset:
        """The TLSA RRset of some keys."""
        rdatas = frozenset(associate(c, self.chain(key)).to_rdata() for c in self.combinations for key in keys)
        return RRset(OWNER, TLSA, self.desired.tlsa_ttl, rdatas)

    def created(self, generation: GenerationId) -> datetime:
        """Long ago: the first generation before the request, all others after it."""
        return NOW - timedelta(days=90 if generation == 1 else 70) + generation * TICK


REQUESTED: Final = NOW - timedelta(days=80)
