"""A simulated zone: a primary, secondaries that follow late, and the ports through which they are seen and changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import Final

import dns.name
import dns.rdatatype
from cryptography.hazmat.primitives.asymmetric import ec
from dns.name import Name

from danelaw.core.dnssec import rrsig
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.crypto import CURVES
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.model import (
    IP,
    Absence,
    Answer,
    DanelawError,
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
from danelaw.core.model.names import hashed
from danelaw.core.rollover.actions import Conflict, Publish, Receipt, SubmitDS
from danelaw.ports import Clock, ZoneKeyFacts
from danelaw.worlds.sim.clock import VirtualClock
from danelaw.worlds.sim.validators import Got

SOA: Final = int(dns.rdatatype.SOA)
DNSKEY: Final = int(dns.rdatatype.DNSKEY)
RRSIG: Final = int(dns.rdatatype.RRSIG)
CNAME: Final = int(dns.rdatatype.CNAME)
AUTHORITATIVE: Final = 0x8400
MOST_LINKS: Final = 8


@dataclass(frozen=True, slots=True)
class Content:
    """One version of a zone. ``signing``: the keys that sign it (DNSKEY rdata)."""

    serial: int
    rrsets: Mapping[tuple[Name, int], RRset]
    signing: frozenset[bytes] = frozenset()
    replies: dict[tuple[Name, int], Message] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was said of it before."""
    found: dict[tuple[Name, int], RRset | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was found in it before, where aliases lead."""
    dnskeys: frozenset[bytes] = field(init=False, repr=False, compare=False)
    """The keys that are published; empty: it is unsigned."""

    def __post_init__(self) -> None:
        keys = (rrset.rdatas for (_, type), rrset in self.rrsets.items() if type == DNSKEY)
        object.__setattr__(self, "dnskeys", next(keys, frozenset()))

    def led_to(self, name: Name, type: int) -> RRset | None:
        """What is found where the aliases of a name lead within the zone, with the least TTL on the way."""
        asked = name, type
        if asked not in self.found:
            self.found[asked] = self._led_to(name, type)
        return self.found[asked]

    def _led_to(self, name: Name, type: int) -> RRset | None:
        ttls: list[int] = []
        for _ in range(MOST_LINKS):
            found = self.rrsets.get((name, type)) or self.rrsets.get((name, CNAME))
            if found is None:
                return None
            ttls.append(found.ttl)
            if found.type == type:
                return replace(found, ttl=min(ttls))
            name = dns.name.from_wire(min(found.rdatas), 0)[0]
        return None


@dataclass(slots=True)
class Authority:
    """One authoritative address. ``frozen``: it picks nothing up. ``silent``: it gives no answer; ``refusing``: and
    says that it refuses to."""

    ip: IP
    content: Content
    lag: float = 0.0
    frozen: bool = False
    silent: bool = False
    refusing: bool = False
    name: str = field(init=False)
    """Its address, as clients have it."""

    def __post_init__(self) -> None:
        self.name = str(self.ip)


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
    destroyed: list[ZoneKey] = field(default_factory=list)
    on_change: Callable[[], None] = lambda: None
    _signatures: dict[tuple[RRset, frozenset[bytes], frozenset[bytes]], RRset] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.source = self.authorities[0].content

    @property
    def unserved(self) -> bool:
        """Whether somebody has changed the zone, and not even the primary serves it so."""
        return self.edited or self.source is not self.authorities[0].content

    def write(self, owner: Name, type: int, answer: Answer) -> int:
        """Edit the source, raise the serial, sign if there are keys, and reload the primary."""
        rrsets = dict(self.source.rrsets)
        rrsets.pop((owner, type), None)
        if isinstance(answer, RRset):
            rrsets[owner, type] = answer
        self.source = replace(self.source, serial=self.source.serial + 1, rrsets=rrsets)
        self.reload()
        return self.source.serial

    def sign(self, published: frozenset[bytes] | None = None, signing: frozenset[bytes] | None = None) -> int:
        """Sign by these keys of the zone, and have it loaded; without a word by all that are there."""
        self.edited = False
        now = self.clock.now()
        published = frozenset(self.pairs) if published is None else published
        self.source = replace(self.source, signing=published if signing is None else signing)
        plain = RRset(self.apex, DNSKEY, self.soa_ttl, published)
        dates = now - timedelta(hours=1), now + timedelta(days=14)
        signers = [key for key in self.signers(self.source, DNSKEY) if key.dnskey.to_rdata() in published]
        made = frozenset(rrsig.make(plain, self.apex, key, *dates) for key in signers)
        return self.write(self.apex, DNSKEY, replace(plain, rrsigs=made))

    @property
    def pairs(self) -> Mapping[bytes, ZoneKey]:
        """The keys by their DNSKEY rdata."""
        return {key.dnskey.to_rdata(): key for key in self.keys}

    def signers(self, content: Content, type: int) -> Sequence[ZoneKey]:
        """The keys that sign RRsets of a type: a KSK the keys, a ZSK the rest, and what is alone signs everything."""
        known = {key.dnskey.to_rdata(): key for key in (*self.destroyed, *self.keys)}
        signing = [known[rdata] for rdata in sorted(content.signing) if rdata in known]
        split = {key.dnskey.algorithm for key in signing if not key.dnskey.is_sep}
        if type == DNSKEY:
            return [key for key in signing if key.dnskey.is_sep]
        return [key for key in signing if not key.dnskey.is_sep or key.dnskey.algorithm not in split]

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
        """As the zone's keys sign it, from the day on which it was signed; made when it is first asked for."""
        dnskeys = content.rrsets.get((self.apex, DNSKEY))
        if dnskeys is None or rrset.rrsigs or not dnskeys.rrsigs:
            return rrset
        key = (rrset, dnskeys.rrsigs, content.signing)
        if key not in self._signatures:
            span = rrsig.RRSIG.from_rdata(next(iter(dnskeys.rrsigs)))
            begin, end = (datetime.fromtimestamp(at, UTC) for at in (span.inception, span.expiration))
            made = frozenset(
                rrsig.make(rrset, self.apex, signer, begin, end) for signer in self.signers(content, rrset.type)
            )
            self._signatures[key] = replace(rrset, rrsigs=made)
        return self._signatures[key]

    def soa(self, content: Content) -> Record:
        mname = b"\x03ns1" + self.apex.to_digestable()
        numbers = (content.serial, 900, 900, 604800, self.minimum)
        rdata = mname + b"\x00" + b"".join(n.to_bytes(4, "big") for n in numbers)
        return Record(self.apex, SOA, 1, self.soa_ttl, rdata)

    def reply(self, authority: Authority, name: Name, type: int) -> Message:
        content = authority.content
        said = content.replies.get((name, type))
        if said is None:
            said = content.replies[name, type] = self._said(content, name, type)
        return said

    def _said(self, content: Content, name: Name, type: int) -> Message:
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


@lru_cache(maxsize=64)
def _server_name(zone: Name, number: int) -> Name:
    return hashed(Name((f"ns{number}".encode(), *zone.labels)))


@dataclass(slots=True)
class SimDNS:
    """``Authorities``, ``ZoneCuts``, ``Resolver`` over simulated zones. The resolver asks primaries, no cache."""

    clock: VirtualClock
    zones: Mapping[Name, SimZone]

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        return [(_server_name(zone, i), a.ip) for i, a in enumerate(self.zones[zone].authorities, 1)]

    async def ask(self, server: IP, name: Name, type: int) -> Message | Silence:
        self.clock.tick()
        for zone in self.zones.values():
            for authority in zone.authorities:
                if authority.ip == server and name.is_subdomain(zone.apex):
                    if authority.silent:
                        return Silence("REFUSED" if authority.refusing else "TIMEOUT")
                    return zone.reply(authority, name, type)
        return Silence("UNREACHABLE")

    async def zone_of(self, name: Name) -> Name | None:
        return max((apex for apex in self.zones if name.is_subdomain(apex)), key=len, default=None)

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
    """``Publisher`` and ``Zones``: compare-and-swap on the zone's source. ``made``: how many keys were. ``host``: the
    clock of the host on which they are made, where that is not the world's."""

    zone: SimZone
    host: Clock | None = None
    made: int = 0
    created: dict[bytes, Instant] = field(default_factory=dict)

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
        return [self._facts(rdata) for rdata in self.zone.pairs]

    def _facts(self, rdata: bytes) -> ZoneKeyFacts:
        """Before the first signing all keys are to be published, as key files have it."""
        key, source = self.zone.pairs[rdata].dnskey, self.zone.source
        published, signs = (rdata in (keys or self.zone.pairs) for keys in (source.dnskeys, source.signing))
        return ZoneKeyFacts(rdata, key.tag, key.is_sep, published, signs, self.created.get(rdata))

    async def edited(self, zone: Name) -> bool:
        del zone
        return self.zone.edited

    async def due(self, zone: Name) -> None:
        """Its signatures are all as old as those that the authorities show."""
        del zone

    async def longest_ttl(self, zone: Name) -> int:
        del zone
        return max([self.zone.soa_ttl, *(rrset.ttl for rrset in self.zone.source.rrsets.values())])

    async def make_keys(self, zone: Name, algorithm: int | None = None) -> Sequence[ZoneKeyFacts]:
        for sep in (True, False):
            self._make(zone, sep, algorithm or Algorithm.ECDSAP256SHA256)
        return await self.keys(zone)

    async def make_key(self, zone: Name, sep: bool, algorithm: int) -> ZoneKeyFacts:
        self.zone.clock.tick()
        return self._facts(self._make(zone, sep, algorithm))

    def _make(self, zone: Name, sep: bool, algorithm: int) -> bytes:
        self.made += 1
        private = ec.derive_private_key(1000 + self.made, CURVES[algorithm])
        key = ZoneKey.of(zone, 257 if sep else 256, Algorithm(algorithm), private)
        self.zone.keys.append(key)
        rdata = key.dnskey.to_rdata()
        self.created[rdata] = (self.host or self.zone.clock).now()
        return rdata

    async def sign(
        self, zone: Name, keys: frozenset[bytes], now: Instant, signing: frozenset[bytes] | None = None
    ) -> Receipt:
        del zone, now
        self.zone.clock.tick()
        if gone := (keys | (signing or keys)) - self.zone.pairs.keys():
            raise DanelawError("KEYS_CHANGED", f"{len(gone)} keys are not there")
        return self._reply(self.zone.sign(keys, signing))

    async def destroy_key(self, zone: Name, key: bytes) -> None:
        del zone
        self.zone.clock.tick()
        if key in self.zone.pairs:
            self.zone.destroyed.append(self.zone.pairs[key])
        self.zone.keys[:] = [other for other in self.zone.keys if other.dnskey.to_rdata() != key]

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


@dataclass(frozen=True, slots=True)
class SignedInternet:
    """``validators.Internet``: a zone and its DS, as validators see them."""

    zone: SimZone
    parent: SimZone

    def authorities(self) -> Sequence[str]:
        return [a.name for a in self.zone.authorities]

    def ask(self, authority: str, name: Name, type: int) -> Got | None:
        server = next(a for a in self.zone.authorities if a.name == authority)
        return None if server.silent else _got(self.zone.reply(server, name, type), type, self.zone.minimum)

    def delegation(self) -> Got:
        reply = self.parent.reply(self.parent.authorities[0], self.zone.apex, int(dns.rdatatype.DS))
        return _got(reply, int(dns.rdatatype.DS), self.parent.minimum)


def _got(reply: Message, type: int, negative_ttl: int) -> Got:
    found = {wanted: frozenset(r.rdata for r in reply.answer if r.type == wanted) for wanted in (type, RRSIG)}
    return Got(found[type], found[RRSIG], min((r.ttl for r in reply.answer), default=negative_ttl))


def authority(address: str, content: Content, lag: float = 0.0) -> Authority:
    return Authority(ip_address(address), content, lag)
