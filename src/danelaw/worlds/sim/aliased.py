"""A simulated world whose names are aliases: a second zone that they lead into, and what clients see of both.

``SimWorld`` keeps its service; here is where its host or its records may be moved to, and a second service beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.keys import make_ds
from danelaw.core.model import Chain, Endpoint, Lineage, RRset, SubjectName
from danelaw.core.rollover.reach import Reached
from danelaw.core.tlsa import Reference, tlsa_owner
from danelaw.worlds.sim.adversary import at_once
from danelaw.worlds.sim.clients import Delegation
from danelaw.worlds.sim.following import FollowingCrowd, Said
from danelaw.worlds.sim.service import Address, SimCA, SimCredentials, SimServers, root_certificate, valid
from danelaw.worlds.sim.world import AAAA, DS, HOST, LOCAL, TLSA, ZONE, A, SimWorld
from danelaw.worlds.sim.zone import CNAME, Content, SimDNS, SimPublisher, SimZone, authority

HOSTING: Final = dns.name.from_text("hosting.net.")
WEB: Final = dns.name.from_text("web.hosting.net.")
OTHER_WEB: Final = dns.name.from_text("web2.hosting.net.")
SHOP: Final = dns.name.from_text("shop.dotnxdomain.net.")
SHOP_ENDPOINT: Final = Endpoint(SHOP, 443)
SHOP_LINEAGE: Final = Lineage(SubjectName(str(SHOP_ENDPOINT)))


@dataclass(slots=True)
class Hosting:
    """A second zone, signed and delegated from the start, on two authorities, the second ``lag`` seconds late."""

    world: SimWorld
    lag: float = 1.0
    zone: SimZone = field(init=False)
    publisher: SimPublisher = field(init=False)
    crowds: list[FollowingCrowd] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.world
        servers = [authority(f"203.0.113.{53 + i}", Content(7, {}), lag) for i, lag in enumerate((0.0, self.lag))]
        self.zone = SimZone(world.clock, HOSTING, servers, world.ttl, world.minimum)
        self.publisher = SimPublisher(self.zone, made=50_000)
        at_once(self.publisher.make_keys(HOSTING))
        self.zone.sign()
        ds = frozenset(make_ds(HOSTING, key.dnskey).to_rdata() for key in self.zone.keys if key.dnskey.is_sep)
        world.parent.write(HOSTING, DS, RRset(HOSTING, DS, 1, ds))
        world.dns = SimDNS(world.clock, {**world.dns.zones, HOSTING: self.zone})
        self.crowds.append(FollowingCrowd(world.clock, Seen(self, world.servers), HOST.to_text()))

    def of(self, name: Name) -> SimZone:
        return self.zone if name.is_subdomain(HOSTING) else self.world.zone

    def point(self, name: Name, target: Name, ttl: int | None = None) -> None:
        """Make a name an alias, in place of what is there."""
        zone = self.of(name)
        rrsets = {key: rrset for key, rrset in zone.source.rrsets.items() if key[0] != name}
        zone.source = Content(zone.source.serial, rrsets, zone.source.signing)
        zone.write(name, CNAME, RRset(name, CNAME, ttl or self.world.ttl, frozenset({target.to_digestable()})))

    def move(self, target: Name) -> None:
        """The host's addresses go to ``target``, and the host becomes an alias of it."""
        self.give(target, self.world.addresses)
        self.point(HOST, target)

    def give(self, name: Name, addresses: Sequence[str]) -> None:
        for type, version in ((A, 4), (AAAA, 6)):
            found = frozenset(ip.packed for ip in map(ip_address, addresses) if ip.version == version)
            if found:
                self.of(name).write(name, type, RRset(name, type, self.world.ttl, found))

    def settle(self) -> None:
        """Before the story begins: every authority has what its primary has."""
        for zone in (self.world.zone, self.zone):
            zone.catch_up()

    def start(self) -> None:
        for crowd in self.crowds:
            crowd.start()


@dataclass(slots=True)
class Shop:
    """A second service in the first zone: its own servers, keys and certificates, and one CA for both."""

    hosting: Hosting
    address: str = "192.0.2.81"
    servers: SimServers = field(init=False)
    credentials: SimCredentials = field(init=False)
    ca: SimCA = field(init=False)

    def __post_init__(self) -> None:
        world = self.hosting.world
        self.hosting.give(SHOP, [self.address])
        self.servers = SimServers(world.clock, [Address(ip_address(self.address))])
        self.credentials = SimCredentials(world.clock, self.servers, world.credentials.generations)
        self.ca = SimCA(world.clock, lambda _: True, world.ca.lifetime)
        self.hosting.crowds.append(
            FollowingCrowd(world.clock, Seen(self.hosting, self.servers), SHOP.to_text(), seed=1)
        )

    def reached(self) -> Reached:
        reference = Reference((SHOP,), (root_certificate(),))
        return Reached(SHOP_LINEAGE.service, (SHOP_LINEAGE,), (LOCAL,), SHOP_ENDPOINT, ZONE, (SHOP,), reference)


@dataclass(frozen=True, slots=True)
class Seen:
    """``following.Names``: both zones, and the servers of one service."""

    hosting: Hosting
    servers: SimServers

    def zone_of(self, name: str) -> str:
        return self.hosting.of(dns.name.from_text(name)).apex.to_text()

    def authorities(self, zone: str) -> Sequence[str]:
        return [a.name for a in self._zone(zone).authorities]

    def ask(self, authority: str, name: str, type: str) -> Said | None:
        owner = dns.name.from_text(name)
        zone = self.hosting.of(owner)
        server = next(a for a in zone.authorities if a.name == authority)
        if server.silent:
            return None
        keys = server.content.dnskeys
        found = server.content.rrsets.get((owner, int(dns.rdatatype.from_text(type))))
        if found is not None:
            return Said(found.rdatas, None, found.ttl, keys)
        alias = server.content.rrsets.get((owner, CNAME))
        if alias is not None:
            target, _ = dns.name.from_wire(min(alias.rdatas), 0)
            return Said(None, target.to_text(), alias.ttl, keys)
        return Said(None, None, min(zone.soa_ttl, zone.minimum), keys)

    def delegation(self, zone: str) -> Delegation:
        apex = dns.name.from_text(zone)
        rrset = self.hosting.world.parent.authorities[0].content.rrsets.get((apex, DS))
        return Delegation(frozenset(r[4:] for r in rrset.rdatas) if rrset else frozenset(), 1)

    def addresses(self, rdatas: frozenset[bytes]) -> Sequence[str]:
        return [str(ip_address(rdata)) for rdata in sorted(rdatas)]

    def handshake(self, address: str, sni: str) -> Sequence[bytes] | None:
        del sni
        chain = self.servers.present(ip_address(address))
        return chain.ders if isinstance(chain, Chain) else None

    def trusts(self, chain: Sequence[bytes]) -> bool:
        return root_certificate() in chain and valid(chain[0], self.hosting.world.clock.now())

    def digests(self, zone: str, keys: frozenset[bytes]) -> frozenset[bytes]:
        apex = dns.name.from_text(zone).to_digestable()
        return frozenset(hashlib.sha256(apex + key).digest() for key in keys)

    def _zone(self, apex: str) -> SimZone:
        return self.hosting.zone if dns.name.from_text(apex) == HOSTING else self.hosting.world.zone


def records_at(hosting: Hosting, owner: Name) -> frozenset[bytes]:
    """What the primary serves there."""
    found = hosting.of(owner).authorities[0].content.rrsets.get((owner, TLSA))
    return found.rdatas if found is not None else frozenset()


def owner_of(host: Name) -> Name:
    return tlsa_owner(443, "tcp", host)
