"""The verdict on a whole signed zone, whoever signed it: what is wrong, what could be better, and what it is made of.

A fault is what some validator may refuse, or what a MUST forbids; advice is what works and had better be otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.apex_check import key_advice, key_faults
from danelaw.core.dnssec.chains_seen import chains_of
from danelaw.core.dnssec.delegation_check import (
    Delegation,
    disagreement,
    ds_advice,
    ds_faults,
    request_advice,
    request_faults,
)
from danelaw.core.dnssec.keys import DNSKEY, DS
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.rrsig import near
from danelaw.core.dnssec.sign import Place, negative_ttl
from danelaw.core.dnssec.signature_check import Keys, Signed
from danelaw.core.dnssec.zone_advice import SOATimers, zone_advice
from danelaw.core.dnssec.zone_check import chain_faults, listed_types, no_keys, signatures_of
from danelaw.core.dnssec.zone_contents import content_faults, gather, occluded
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.dnssec.zonemd import soa_serial, zonemd_faults
from danelaw.core.model import Reason, Record, RRset
from danelaw.core.model.length import in_words

SOON: Final = timedelta(days=3)
"""A signature that expires within this is told of: a weekend, and a day to see to it."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a signature expires, and over what it is."""

    at: datetime
    owner: Name
    type: int


@dataclass(frozen=True, slots=True)
class SeenKey:
    """A key of the zone: whether it signs the DNSKEY RRset (``keys``) and how many RRsets else (``records``)."""

    dnskey: DNSKEY
    keys: bool
    records: int


@dataclass(frozen=True, slots=True)
class ZoneVerdict:
    """``now``, ``first`` and all times are aware UTC instants. ``names`` are those in the chain: with authoritative
    data or a delegation. ``chains``: what proves denials, in words. ``first``: the right signature that expires first.
    """

    apex: Name
    now: datetime
    serial: int | None
    faults: tuple[ZoneFinding, ...]
    advice: tuple[ZoneFinding, ...]
    names: int
    rrsets: int
    signatures: int
    keys: tuple[SeenKey, ...]
    chains: tuple[str, ...]
    first: Expiry | None

    @property
    def right(self) -> bool:
        return not self.faults


@dataclass(slots=True)
class _Tally:
    """What the signatures of the whole zone told."""

    faults: list[ZoneFinding] = field(default_factory=list)
    advice: list[ZoneFinding] = field(default_factory=list)
    verified: int = 0
    by: dict[DNSKEY, int] = field(default_factory=dict)
    at: dict[Place, frozenset[DNSKEY]] = field(default_factory=dict)
    first: Expiry | None = None
    longest: timedelta = timedelta(0)

    def add(self, rrset: RRset, signed: Signed, now: datetime, soon: timedelta) -> None:
        self.faults += signed.faults
        self.advice += signed.surplus
        self.verified += signed.verified
        for rrsig, key in signed.good:
            expires = near(rrsig.expiration, now)
            if self.first is None or expires < self.first.at:
                self.first = Expiry(expires, rrset.owner, rrset.type)
            self.longest = max(self.longest, timedelta(seconds=(rrsig.expiration - rrsig.inception) % 2**32))
            if expires - now < soon:
                said = f"expires on {expires:%Y-%m-%dT%H:%M:%SZ} (key {rrsig.key_tag})"
                self.advice.append(ZoneFinding("SIGNATURE_EXPIRING", "RFC 6781 §4.4.1", rrset.owner, rrset.type, said))
            if rrset.type == T.DNSKEY:
                self.by.setdefault(key, 0)
            else:
                self.by[key] = self.by.get(key, 0) + 1
        if rrset.type in (T.DNSKEY, T.CDS, T.CDNSKEY):
            self.at[rrset.owner, rrset.type] = signed.signers

    def signers(self, apex: Name, type: int = T.DNSKEY) -> frozenset[DNSKEY]:
        """The keys that sign an RRset of the apex rightly."""
        return self.at.get((apex, int(type)), frozenset())


def judge_zone(
    apex: Name,
    records: Iterable[Record],
    now: datetime,
    *,
    ds: frozenset[DS] | None = None,
    soon: timedelta = SOON,
) -> ZoneVerdict:
    """Judge all records of a signed zone, as of ``now``.

    ``ds``: what the parent has for it, if that is to be judged too. Signatures that expire within ``soon`` are told of.
    """
    contents = gather(apex, records)
    rrsets, zone = contents.rrsets, list(contents.rrsets.values())
    types = listed_types(apex, zone)
    keys = Keys.of(rrsets.get((apex, int(T.DNSKEY))))
    tally = _Tally()
    if keys.usable:
        for rrset in zone:
            tally.add(rrset, signatures_of(apex, rrset, types, keys, now), now, soon)
    delegation = Delegation(apex, frozenset(keys.usable), tally.signers(apex) & frozenset(keys.usable), ds)
    forbidden = list(content_faults(apex, rrsets))
    has_soa = not any((found.code, found.owner) == ("ZONE_NO_SOA", apex) for found in forbidden)
    faults = [*contents.faults, *forbidden, *tally.faults]
    faults += chain_faults(apex, zone, types) if keys.usable else [no_keys(apex)]
    faults += _apex_faults(delegation, rrsets, tally)
    advice = [*occluded(zone, types), *tally.advice, *_apex_advice(delegation, rrsets)]
    chains = chains_of(apex, zone)
    faults += chains.faults
    advice += chains.advice
    soa = rrsets[apex, int(T.SOA)] if has_soa else None
    if soa is not None:
        faults += (_finding(apex, T.ZONEMD, reason) for reason in zonemd_faults(apex, zone))
        advice += _time_advice(soa, zone, types, tally, chains.parameters, now)
    return ZoneVerdict(
        apex=apex,
        now=now,
        serial=soa_serial(soa) if soa is not None else None,
        faults=tuple(dict.fromkeys(faults)),
        advice=tuple(dict.fromkeys(advice)),
        names=len(types),
        rrsets=len(zone),
        signatures=tally.verified,
        keys=tuple(
            SeenKey(key, key in tally.signers(apex), tally.by.get(key, 0))
            for key in sorted((*keys.usable, *keys.revoked), key=lambda key: (not key.is_sep, key.tag))
        ),
        chains=chains.told,
        first=tally.first,
    )


def _apex_faults(zone: Delegation, rrsets: Mapping[Place, RRset], tally: _Tally) -> Iterator[ZoneFinding]:
    dnskeys = rrsets.get((zone.apex, int(T.DNSKEY)))
    if dnskeys is not None:
        yield from key_faults(dnskeys, tally.signers(zone.apex), zone.pointed_to)
    yield from ds_faults(zone)
    cds, cdnskey = _requests(zone.apex, rrsets)
    for rrset in (cds, cdnskey):
        if rrset is not None and zone.keys:
            yield from request_faults(zone, rrset, tally.signers(zone.apex, rrset.type))
    yield from disagreement(zone, cds, cdnskey)


def _apex_advice(zone: Delegation, rrsets: Mapping[Place, RRset]) -> Iterator[ZoneFinding]:
    dnskeys = rrsets.get((zone.apex, int(T.DNSKEY)))
    if dnskeys is not None:
        yield from key_advice(dnskeys)
    yield from ds_advice(zone)
    for rrset in _requests(zone.apex, rrsets):
        if rrset is not None:
            yield from request_advice(zone, rrset)


def _requests(apex: Name, rrsets: Mapping[Place, RRset]) -> tuple[RRset | None, RRset | None]:
    return rrsets.get((apex, int(T.CDS))), rrsets.get((apex, int(T.CDNSKEY)))


def _time_advice(
    soa: RRset,
    zone: Collection[RRset],
    types: Mapping[Name, Collection[int]],
    tally: _Tally,
    nsec3: NSEC3Chain | None,
    now: datetime,
) -> Iterator[ZoneFinding]:
    """What the SOA's times, the TTLs and the dates of signatures are to one another.

    Codes: those of ``zone_advice``, SIGNATURES_OUTLIVED and NSEC_TTL.
    """
    longest = timedelta(seconds=max((r.ttl for r in zone if r.type in types.get(r.owner, ())), default=soa.ttl))
    validity = tally.longest or timedelta.max
    told = [_finding(soa.owner, T.SOA, reason) for reason in zone_advice(soa, longest, validity, nsec3)]
    yield from told
    needed = SOATimers.of(soa).expire + longest
    if tally.first is not None and not any(finding.code == "SOA_EXPIRE_LONG" for finding in told):
        left = tally.first.at - now
        if timedelta(0) <= left < needed:
            said = (
                f"the first signature is valid for {in_words(left)} more, "
                f"and secondaries and caches may hold it for {in_words(needed)}"
            )
            yield ZoneFinding("SIGNATURES_OUTLIVED", "RFC 6781 §4.4.1", soa.owner, T.SOA, said)
    for rrset in zone:
        if rrset.type in (T.NSEC, T.NSEC3) and rrset.ttl != negative_ttl(soa):
            said = f"its TTL is {rrset.ttl}, and that of a denial is {negative_ttl(soa)}"
            yield ZoneFinding("NSEC_TTL", "RFC 9077 §3", rrset.owner, rrset.type, said)


def _finding(owner: Name, type: int, reason: Reason) -> ZoneFinding:
    return ZoneFinding(reason.code, reason.section, owner, type, reason.detail)
