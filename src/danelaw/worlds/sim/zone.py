"""A simulated zone: a primary, secondaries that follow late, and the ports through which they are seen and changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from typing import Final

import dns.rdatatype
from cryptography.hazmat.primitives.asymmetric import ec
from dns.name import Name

from danelaw.core.dnssec import rrsig
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.model import (
    IP,
    Absence,
    Answer,
    Instant,
    Message,
    Question,
    Record,
    RRset,
    Security,
    Silence,
    Validated,
    same_content,
)
from danelaw.core.rollover.actions import Conflict, Publish, Receipt, SubmitDS
from danelaw.ports import ZoneKeyFacts
from danelaw.worlds.sim.clock import VirtualClock

SOA: Final = int(dns.rdatatype.SOA)
DNSKEY: Final = int(dns.rdatatype.DNSKEY)
RRSIG: Final = int(dns.rdatatype.RRSIG)
CNAME: Final = int(dns.rdatatype.CNAME)
AUTHORITATIVE: Final = 0x8400


@dataclass(frozen=True, slots=True)
class Content:
    """One version of a zone."""

    serial: int
    rrsets: Mapping[tuple[Name, int], RRset]

    @property
    def dnskeys(self) -> frozenset[bytes]:
        """The keys that it is signed by; empty: unsigned."""
        return next((r.rdatas for (_, type), r in self.rrsets.items() if type == DNSKEY), frozenset())


@dataclass(slots=True)
class Authority:
    """One authoritative address. ``frozen``: it picks nothing up. ``silent``: it does not answer."""

    ip: IP
    content: Content
    lag: float = 0.0
    frozen: bool = False
    silent: bool = False


@dataclass(slots=True)
class SimZone:
    """A zone on several authorities, the first of which is its primary.

    ``idle_reload``: the reload does nothing, silently. ``lose_reply``: the next write takes effect and its reply is
    lost. ``edited``: the operator's file holds what is not served yet. ``delay``: the next update is on its way for so
    many seconds, and no reply comes.
    """

    clock: VirtualClock
    apex: Name
    authorities: list[Authority]
    soa_ttl: int
    minimum: int
    idle_reload: bool = False
    lose_reply: bool = False
    edited: bool = False
    delay: float = 0.0
    source: Content = field(init=False)
    keys: list[ZoneKey] = field(default_factory=list)
    on_change: Callable[[], None] = lambda: None
    _signatures: dict[tuple[RRset, frozenset[bytes]], RRset] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.source = self.authorities[0].content

    def write(self, owner: Name, type: int, answer: Answer) -> int:
        """Edit the source, raise the serial, sign if there are keys, and reload the primary."""
        rrsets = dict(self.source.rrsets)
        rrsets.pop((owner, type), None)
        if isinstance(answer, RRset):
            rrsets[owner, type] = answer
        self.source = Content(self.source.serial + 1, rrsets)
        self.reload()
        return self.source.serial

    def sign(self) -> int:
        self.edited = False
        now = self.clock.now()
        ksk = self.keys[0]
        plain = RRset(self.apex, DNSKEY, self.soa_ttl, frozenset(key.dnskey.to_rdata() for key in self.keys))
        made = rrsig.make(plain, self.apex, ksk, now - timedelta(hours=1), now + timedelta(days=14))
        return self.write(self.apex, DNSKEY, replace(plain, rrsigs=frozenset({made})))

    def reload(self) -> None:
        if self.idle_reload:
            return
        self.authorities[0].content = self.source
        for secondary in self.authorities[1:]:
            self.clock.after(secondary.lag, partial(self._transfer, secondary))

    def catch_up(self) -> None:
        """Every secondary takes over what the primary has."""
        for secondary in self.authorities[1:]:
            self._transfer(secondary)

    def _transfer(self, secondary: Authority) -> None:
        primary = self.authorities[0].content
        if not secondary.frozen and primary.serial > secondary.content.serial:
            secondary.content = primary

    def _signed(self, rrset: RRset, content: Content) -> RRset:
        """As the ZSK signs it, from the day on which the zone was signed; made when it is first asked for."""
        dnskeys = content.rrsets.get((self.apex, DNSKEY))
        if dnskeys is None or rrset.rrsigs:
            return rrset
        key = (rrset, dnskeys.rrsigs)
        if key not in self._signatures:
            span = rrsig.RRSIG.from_rdata(next(iter(dnskeys.rrsigs)))
            begin, end = (datetime.fromtimestamp(at, UTC) for at in (span.inception, span.expiration))
            made = rrsig.make(rrset, self.apex, self.keys[-1], begin, end)
            self._signatures[key] = replace(rrset, rrsigs=frozenset({made}))
        return self._signatures[key]

    def soa(self, content: Content) -> Record:
        mname = b"\x03ns1" + self.apex.to_digestable()
        numbers = (content.serial, 900, 900, 604800, self.minimum)
        rdata = mname + b"\x00" + b"".join(n.to_bytes(4, "big") for n in numbers)
        return Record(self.apex, SOA, 1, self.soa_ttl, rdata)

    def reply(self, authority: Authority, name: Name, type: int) -> Message:
        content = authority.content
        rrset = content.rrsets.get((name, type)) or content.rrsets.get((name, CNAME))
        question = (Question(name, type),)
        if type == SOA and name == self.apex:
            soa = self.soa(content)
            rrset = RRset(name, SOA, soa.ttl, frozenset({soa.rdata}))
        if rrset is None:
            return Message(0, AUTHORITATIVE, 0, question, (), (self.soa(content),))
        rrset = self._signed(rrset, content)
        records = [Record(name, rrset.type, 1, rrset.ttl, rdata) for rdata in sorted(rrset.rdatas)]
        records += [Record(name, RRSIG, 1, rrset.ttl, rdata) for rdata in sorted(rrset.rrsigs)]
        return Message(0, AUTHORITATIVE, 0, question, tuple(records))


@dataclass(slots=True)
class SimDNS:
    """``Authorities`` and ``Resolver`` over simulated zones. The resolver asks the primaries, and knows no cache."""

    clock: VirtualClock
    zones: Mapping[Name, SimZone]

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        names = [Name((f"ns{i + 1}".encode(), *zone.labels)) for i in range(len(self.zones[zone].authorities))]
        return [(name, a.ip) for name, a in zip(names, self.zones[zone].authorities, strict=True)]

    async def ask(self, server: IP, name: Name, type: int) -> Message | Silence:
        self.clock.tick()
        for zone in self.zones.values():
            for authority in zone.authorities:
                if authority.ip == server and name.is_subdomain(zone.apex):
                    return Silence("TIMEOUT") if authority.silent else zone.reply(authority, name, type)
        return Silence("UNREACHABLE")

    async def resolve(self, name: Name, type: int) -> Validated:
        zone = next(z for apex, z in sorted(self.zones.items(), reverse=True) if name.is_subdomain(apex))
        content = zone.authorities[0].content
        state = Security.SECURE if content.dnskeys and self._has_ds(zone.apex) else Security.INSECURE
        rrset = content.rrsets.get((name, type))
        if rrset is None:
            return Validated(name, type, state, absence=Absence(name, type, min(zone.soa_ttl, zone.minimum)))
        return Validated(name, type, state, (rrset,))

    def _has_ds(self, apex: Name) -> bool:
        ds = (apex, int(dns.rdatatype.DS))
        return any(ds in z.authorities[0].content.rrsets for z in self.zones.values() if z.apex != apex)


@dataclass(slots=True)
class SimPublisher:
    """``Publisher`` and ``Zones``: compare-and-swap on the zone's source."""

    zone: SimZone

    async def publish(self, change: Publish) -> Receipt | Conflict:
        self.zone.clock.tick()
        if self.zone.delay:
            delay, self.zone.delay = self.zone.delay, 0.0
            self.zone.clock.after(delay, partial(self._apply, change))
            raise TimeoutError
        found = self._apply(change)
        return found if isinstance(found, Conflict) else self._reply(found)

    def _apply(self, change: Publish) -> int | Conflict:
        owner, type = change.replace.owner, change.replace.type
        found = self.zone.source.rrsets.get((owner, type))
        if not (same_content(change.expect, found) if found else not isinstance(change.expect, RRset)):
            return Conflict(found or replace(change.expect, owner=owner))
        return self.zone.write(owner, type, change.replace)

    async def keys(self, zone: Name) -> Sequence[ZoneKeyFacts]:
        del zone
        return [ZoneKeyFacts(key.dnskey.to_rdata(), key.tag, key.dnskey.is_sep) for key in self.zone.keys]

    async def edited(self, zone: Name) -> bool:
        del zone
        return self.zone.edited

    async def due(self, zone: Name) -> None:
        """Its signatures are all as old as those that the authorities show."""
        del zone

    async def make_keys(self, zone: Name) -> Sequence[ZoneKeyFacts]:
        for number, flags in enumerate((257, 256), 1):
            private = ec.derive_private_key(1000 + number, ec.SECP256R1())
            self.zone.keys.append(ZoneKey.of(zone, flags, Algorithm.ECDSAP256SHA256, private))
        return await self.keys(zone)

    async def sign(self, zone: Name, keys: frozenset[bytes], now: Instant) -> Receipt:
        del zone, keys, now
        self.zone.clock.tick()
        return self._reply(self.zone.sign())

    def _reply(self, serial: int) -> Receipt:
        if self.zone.lose_reply:
            self.zone.lose_reply = False
            raise TimeoutError
        return Receipt(serial)


@dataclass(slots=True)
class SimRegistry:
    """``Parent``: writes the DS into the parent zone, ``delay`` seconds after it was accepted."""

    parent: SimZone
    delay: float = 0.0

    async def submit_ds(self, change: SubmitDS) -> Receipt | Conflict:
        self.parent.clock.tick()
        write = partial(self.parent.write, change.zone, int(dns.rdatatype.DS), change.replace)
        if self.delay:
            self.parent.clock.after(self.delay, write)
            return Receipt(note="accepted")
        return Receipt(write())


def authority(address: str, content: Content, lag: float = 0.0) -> Authority:
    return Authority(ip_address(address), content, lag)
