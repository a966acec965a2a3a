"""Validating resolvers with caches, in virtual time: what a roll of zone keys may break.

Independent: nothing of ours is imported here, and nothing of ours judges: signatures are verified by dnspython. Each
validator keeps the DS RRset, the DNSKEY RRset and an address of the zone by themselves, each from whichever authority
it asked, for its TTL, some for twice that; and validates them together whenever it is asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

import dns.dnssec
import dns.exception
import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.RRSIG import RRSIG

DS: Final = int(dns.rdatatype.DS)
DNSKEY: Final = int(dns.rdatatype.DNSKEY)


class Timeline(Protocol):
    def now(self) -> datetime: ...
    def after(self, seconds: float, event: Callable[[], object]) -> None: ...


@dataclass(frozen=True, slots=True)
class Got:
    """An RRset as an authority gave it: rdata and RRSIG rdata; of what is not there both are empty."""

    rdatas: frozenset[bytes]
    rrsigs: frozenset[bytes]
    ttl: int


class Internet(Protocol):
    """What validators can see of the world. ``ask`` gives None where nobody answers."""

    def authorities(self) -> Sequence[str]: ...
    def ask(self, authority: str, name: dns.name.Name, type: int) -> Got | None: ...
    def delegation(self) -> Got: ...


@dataclass(frozen=True, slots=True)
class Validation:
    at: datetime
    validator: int
    reason: str
    """Empty: it validated, or there is no DS."""


@dataclass(slots=True)
class Validator:
    """``strict``: wants a path by every algorithm that the DS and the DNSKEY RRset name, and not just any."""

    number: int
    timeline: Timeline
    internet: Internet
    zone: dns.name.Name
    host: dns.name.Name
    type: int
    rng: random.Random
    stretch: float
    strict: bool
    record: list[Validation]
    _cache: dict[int, tuple[Got, datetime]] = field(default_factory=dict)

    def start(self, pace: float) -> None:
        def once() -> None:
            self.validate()
            self.timeline.after(pace * self.rng.uniform(0.5, 1.5), once)

        self.timeline.after(pace * self.rng.random(), once)

    def validate(self) -> None:
        names = [DS, DNSKEY, self.type]
        self.rng.shuffle(names)
        held = {type: self._held(type) for type in names}
        ds, keys, address = held[DS], held[DNSKEY], held[self.type]
        if ds is None or keys is None or address is None or not address.rdatas:
            return  # nobody answers, or there is nothing to validate: that is no fault of the keys
        now = int(self.timeline.now().timestamp()) // 60 * 60  # the same question gets the same answer for a while
        reason = _judge(ds, keys, address, self.zone, self.host, self.type, self.strict, now)
        self.record.append(Validation(self.timeline.now(), self.number, reason))

    def _held(self, type: int) -> Got | None:
        now = self.timeline.now()
        cached = self._cache.get(type)
        if cached is None or cached[1] <= now:
            found = self._ask(type)
            if found is None:
                return None
            cached = self._cache[type] = (found, now + timedelta(seconds=found.ttl * self.stretch))
        return cached[0]

    def _ask(self, type: int) -> Got | None:
        if type == DS:
            return self.internet.delegation()
        servers = list(self.internet.authorities())
        self.rng.shuffle(servers)
        name = self.zone if type == DNSKEY else self.host
        return next((got for server in servers if (got := self.internet.ask(server, name, type)) is not None), None)


@lru_cache(maxsize=65536)
def _judge(
    ds: Got, keys: Got, address: Got, zone: dns.name.Name, host: dns.name.Name, type: int, strict: bool, now: int
) -> str:
    if not ds.rdatas:
        return ""
    if not keys.rdatas or not keys.rrsigs:
        return "UNSIGNED"
    asked = {rdata[2] for rdata in ds.rdatas}
    delegated = {key for key in keys.rdatas if _digests(zone, key) & ds.rdatas}
    led = {key[3] for key in delegated if _signs(key, keys, zone, DNSKEY, zone, now)}
    if not led or (strict and not asked <= led):
        return "DS_LEADS_NOWHERE"
    named = {key[3] for key in keys.rdatas}
    met = {key[3] for key in keys.rdatas if _signs(key, address, host, type, zone, now)}
    if not met or (strict and not named <= met):
        return "SIGNATURE_MISSING"
    return ""


@lru_cache(maxsize=1024)
def _digests(zone: dns.name.Name, key: bytes) -> frozenset[bytes]:
    return frozenset({dns.dnssec.make_ds(zone, _rdata(DNSKEY, key), "SHA256").to_digestable()})


@lru_cache(maxsize=65536)
def _signs(key: bytes, got: Got, name: dns.name.Name, type: int, zone: dns.name.Name, now: int) -> bool:
    """Whether some signature over the RRset is by the key."""
    rrset = dns.rrset.from_rdata_list(name, got.ttl, [_rdata(type, raw) for raw in sorted(got.rdatas)])
    keys: dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset] = {
        zone: dns.rdataset.from_rdata_list(got.ttl, [_rdata(DNSKEY, key)])
    }
    for raw in got.rrsigs:
        signature = _rdata(int(dns.rdatatype.RRSIG), raw)
        if isinstance(signature, RRSIG):
            with suppress(dns.exception.ValidationFailure):
                dns.dnssec.validate_rrsig(rrset, signature, keys, now=now)
                return True
    return False


def _rdata(type: int, raw: bytes) -> dns.rdata.Rdata:
    return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType.make(type), raw, 0, len(raw))


@dataclass(slots=True)
class Validators:
    """``size`` validators of every kind. They look at the zone's keys and at one RRset of it."""

    timeline: Timeline
    internet: Internet
    zone: dns.name.Name
    host: dns.name.Name
    type: int
    size: int = 16
    pace: float = 0.4
    seed: int = 0
    record: list[Validation] = field(default_factory=list)

    def start(self) -> None:
        for number in range(self.size):
            rng = random.Random(f"{self.seed}/{number}")  # noqa: S311  # a simulation wants to be repeated
            stretch = 2.0 if number % 4 == 0 else 1.0
            Validator(
                number, self.timeline, self.internet, self.zone, self.host, self.type, rng, stretch,
                number % 2 == 0 or number % 8 == 1, self.record,
            ).start(self.pace)  # fmt: skip

    def bogus(self) -> list[Validation]:
        return [validation for validation in self.record if validation.reason]
