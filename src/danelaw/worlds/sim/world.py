"""One zone, one service, one CA in virtual time: the article's situation, ready for the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address

import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.core.model import IP, Chain, Challenge, ChallengeType, Endpoint, KeyAlgorithm, Lineage, RRset, SubjectName
from danelaw.core.model.names import hashed
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.tlsa import Reference
from danelaw.worlds.sim.certificates import high_root, root_certificate, trusted, valid
from danelaw.worlds.sim.clients import Delegation, Located, Looked, SimCrowd
from danelaw.worlds.sim.clock import VirtualClock
from danelaw.worlds.sim.hazards import Hazards
from danelaw.worlds.sim.service import (
    THIS_MACHINE,
    Address,
    SimCA,
    SimCredentials,
    SimServers,
    SimSolver,
)
from danelaw.worlds.sim.zone import Content, SimDNS, SimPublisher, SimRegistry, SimZone, authority

ZONE = hashed(dns.name.from_text("dotnxdomain.net."))
PARENT = hashed(dns.name.from_text("net."))
HOST = hashed(dns.name.from_text("www.dotnxdomain.net."))
ENDPOINT = Endpoint(HOST, 443)
LINEAGE = Lineage(SubjectName(str(ENDPOINT)))
LOCAL = THIS_MACHINE
TLSA_OWNER = hashed(dns.name.from_text("_443._tcp.www.dotnxdomain.net."))
TLSA = int(dns.rdatatype.TLSA)
TXT = int(dns.rdatatype.TXT)
DS = int(dns.rdatatype.DS)
A = int(dns.rdatatype.A)
AAAA = int(dns.rdatatype.AAAA)


@dataclass(slots=True)
class SimWorld:
    """Two authorities, the second ``lag`` seconds late; two service addresses; a crowd that watches.

    ``lags``: how late each secondary is, where there are more of them, or none. ``minimum``: the SOA's MINIMUM.
    """

    lag: float = 2.0
    ttl: int = 2
    clients: int = 20
    seed: int = 0
    lags: tuple[float, ...] | None = None
    addresses: tuple[str, ...] = ("192.0.2.80", "2001:db8::80")
    minimum: int = 1
    clock: VirtualClock = field(default_factory=VirtualClock)
    hazards: Hazards = field(default_factory=Hazards)
    zone: SimZone = field(init=False)
    parent: SimZone = field(init=False)
    dns: SimDNS = field(init=False)
    publisher: SimPublisher = field(init=False)
    registry: SimRegistry = field(init=False)
    servers: SimServers = field(init=False)
    credentials: SimCredentials = field(init=False)
    ca: SimCA = field(init=False)
    solver: SimSolver = field(init=False)
    crowd: SimCrowd = field(init=False)

    def __post_init__(self) -> None:
        ips = [ip_address(text) for text in self.addresses]
        hosts = {
            (HOST, type): RRset(HOST, type, self.ttl, rdatas)
            for type, version in ((A, 4), (AAAA, 6))
            if (rdatas := frozenset(ip.packed for ip in ips if ip.version == version))
        }
        content = Content(2016122202, hosts)
        lags = (self.lag,) if self.lags is None else self.lags
        servers = [authority(f"192.0.2.{11 + i}", content, lag) for i, lag in enumerate((0.0, *lags))]
        self.zone = SimZone(self.clock, ZONE, servers, self.ttl, self.minimum)
        self.parent = SimZone(self.clock, PARENT, [authority("192.0.2.2", Content(1, {}))], 1, 1)
        self.dns = SimDNS(self.clock, {ZONE: self.zone, PARENT: self.parent})
        self.publisher = SimPublisher(self.zone)
        self.registry = SimRegistry(self.parent)
        self.servers = SimServers(self.clock, [Address(ip) for ip in ips])
        self.credentials = SimCredentials(self.clock, self.servers)
        self.solver = SimSolver(self.clock)
        self.ca = SimCA(self.clock, self._finds)
        self.crowd = SimCrowd(self.clock, _Seen(self), self.clients, seed=self.seed)

    def crowd_at(self, port: int = 443, algorithm: KeyAlgorithm | None = None, size: int = 20) -> SimCrowd:
        """More clients: of another port, or such as know one key algorithm alone."""
        owner = dns.name.from_text(f"_{port}._tcp", HOST)
        return SimCrowd(self.clock, _Seen(self, owner, port, algorithm), size, seed=self.seed + port)

    def _finds(self, challenge: Challenge) -> bool:
        """Whether the CA finds a response: over HTTP, or at every authority (RFC 8555 §8.3, §8.4)."""
        if challenge.type is ChallengeType.HTTP_01:
            return self.solver.placed.get(challenge.token) == challenge.response
        text = challenge.response.encode()
        owner = dns.name.from_text("_acme-challenge", challenge.identifier)
        found = [a.content.rrsets.get((owner, TXT)) for a in self.zone.authorities]
        return all(rrset is not None and bytes((len(text),)) + text in rrset.rdatas for rrset in found)

    def reach(self) -> Reach:
        reference = Reference((HOST,), (root_certificate(), high_root()))
        return Reach((Reached(LINEAGE.service, (LINEAGE,), (LOCAL,), ENDPOINT, ZONE, (HOST,), reference),))


@dataclass(frozen=True, slots=True)
class _Seen:
    """``clients.Internet``: the world as clients see it. No ``algorithm``: they know every kind of key."""

    world: SimWorld
    owner: Name = TLSA_OWNER
    port: int = ENDPOINT.port
    algorithm: KeyAlgorithm | None = None

    def authorities(self) -> Sequence[str]:
        return [a.name for a in self.world.zone.authorities]

    def ask(self, authority: str) -> Looked | None:
        server = next(a for a in self.world.zone.authorities if a.name == authority)
        if server.silent:
            return None
        rrset = server.content.led_to(self.owner, TLSA)
        ttl = rrset.ttl if rrset else min(self.world.zone.soa_ttl, self.world.zone.minimum)
        return Looked(rrset.rdatas if rrset else None, ttl, server.content.dnskeys)

    def delegation(self) -> Delegation:
        rrset = self.world.parent.authorities[0].content.rrsets.get((ZONE, DS))
        return Delegation(frozenset(r[4:] for r in rrset.rdatas) if rrset else frozenset(), 1)

    def locate(self, authority: str) -> Located | None:
        server = next(a for a in self.world.zone.authorities if a.name == authority)
        if server.silent:
            return None
        found = [rrset for type in (A, AAAA) if (rrset := server.content.led_to(HOST, type)) is not None]
        addresses = tuple(text for rrset in found for text in _texts(rrset.rdatas))
        return Located(addresses, min((rrset.ttl for rrset in found), default=self.world.zone.minimum))

    def handshake(self, address: str) -> Sequence[bytes] | None:
        chain = self.world.servers.present(_address(address), self.algorithm, self.port)
        return chain.ders if isinstance(chain, Chain) else None

    def trusts(self, chain: Sequence[bytes]) -> bool:
        return trusted(tuple(chain)) and valid(chain[0], self.world.clock.now())

    def digests(self, keys: frozenset[bytes]) -> frozenset[bytes]:
        """The SHA-256 digests of DNSKEYs at the zone (RFC 4034 §5.1.4)."""
        return frozenset(hashlib.sha256(ZONE.to_digestable() + key).digest() for key in keys)


@lru_cache(maxsize=256)
def _texts(rdatas: frozenset[bytes]) -> tuple[str, ...]:
    return tuple(str(ip_address(rdata)) for rdata in sorted(rdatas))


@lru_cache(maxsize=256)
def _address(text: str) -> IP:
    return ip_address(text)
