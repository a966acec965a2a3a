"""Signing a whole zone (RFC 4035 §2), as pure functions: the same input gives the same bytes.

First what a signed zone holds is laid out, all but the signatures: ``unsigned_zone``. Then it is signed; what is the
same in a zone that is known to be right keeps its signatures, as long as they live long enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec import rrsig
from danelaw.core.dnssec.algorithms import DigestType
from danelaw.core.dnssec.canonical import canonical_key
from danelaw.core.dnssec.keys import DNSKEY, ZoneKey, make_ds
from danelaw.core.dnssec.nsec import nsec_chain
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain, UnhashableZoneError, nsec3_chain, nsec3_param
from danelaw.core.dnssec.signing_keys import SigningKeys, UnsignableError
from danelaw.core.dnssec.signing_times import Span
from danelaw.core.dnssec.zonemd import zonemd, zonemd_placeholder
from danelaw.core.model import RRset, serial_gt

__all__ = ["MADE_BY_SIGNING", "SignedZone", "UnsignableError", "UnsignedZone", "sign_zone", "unsigned_zone"]

Place: TypeAlias = tuple[Name, int]
"""An owner and a type."""

MADE_BY_SIGNING: Final = frozenset({T.RRSIG, T.NSEC, T.DNSKEY, T.NSEC3, T.NSEC3PARAM})
"""The types that signing adds; a zone to be signed must not bring its own."""


@dataclass(frozen=True, slots=True)
class SigningParameters:
    """What signing adds besides signatures: ``nsec3``: the names are chained so, by NSEC if None. ``dnskey_ttl`` in
    seconds, None: the SOA's. ``zonemd``: the digest of the zone."""

    nsec3: NSEC3Chain | None = None
    dnskey_ttl: int | None = None
    zonemd: bool = False


@dataclass(frozen=True, slots=True)
class SignedZone:
    """``rrsets`` in canonical order, the SOA first, each with the RRSIGs that cover it. ``anew``: where any signature
    was made anew. ``kept``: how many RRsets have all theirs from before."""

    rrsets: tuple[RRset, ...]
    anew: frozenset[Place]
    kept: int


@dataclass(frozen=True, slots=True)
class UnsignedZone:
    """All that a signed zone holds, but for the signatures and the digest of its ZONEMD."""

    apex: Name
    keys: SigningKeys
    parameters: SigningParameters
    rrsets: Mapping[Place, RRset]
    authoritative: Mapping[Name, Collection[int]]

    def with_serial_of(self, soa: RRset) -> UnsignedZone:
        """The zone with this SOA, which differs from its own in the serial alone."""
        rrsets = {**self.rrsets, (self.apex, int(T.SOA)): soa}
        if self.parameters.zonemd:
            rrsets[self.apex, int(T.ZONEMD)] = zonemd_placeholder(soa)
        return replace(self, rrsets=rrsets)

    def is_in(self, previous: Mapping[Place, RRset], span: Span) -> bool:
        """Whether signing now would give ``previous`` again, which is known to be right."""
        if self.rrsets.keys() != previous.keys():
            return False
        keeper = _Keeper(self, previous, span, span.keep_until)
        return all(keeper.keeps_all(rrset) for rrset in self.rrsets.values())

    def sign(self, span: Span, previous: Mapping[Place, RRset] | None = None) -> SignedZone:
        """The signed zone. ``previous`` is a signed version of it that is known to be right.

        An RRset that is the same there keeps each RRSIG of a key that still signs, if it has begun and outlives
        ``span.keep_until`` by more than ``span.batch``.
        """
        keeper = _Keeper(self, previous or {}, span, span.keep_until and span.keep_until + span.batch)
        ordered = sorted(self.rrsets.values(), key=_place_in_zone)
        done = [keeper.sign(rrset) for rrset in ordered if not self._is_digest(rrset)]
        if self.parameters.zonemd:
            soa = self.rrsets[self.apex, int(T.SOA)]
            done.append(keeper.sign(zonemd(soa, done)))
            done.sort(key=_place_in_zone)
        return SignedZone(tuple(done), frozenset(keeper.anew), keeper.kept)

    def signers(self, rrset: RRset) -> tuple[ZoneKey, ...]:
        """The keys that sign this RRset; none for glue, delegations and what is occluded."""
        if not is_signed(self.apex, rrset, self.authoritative):
            return ()
        return self.keys.signers(rrset.type)

    def _is_digest(self, rrset: RRset) -> bool:
        return self.parameters.zonemd and (rrset.owner, rrset.type) == (self.apex, T.ZONEMD)


def _place_in_zone(rrset: RRset) -> tuple[tuple[bytes, ...], bool, int]:
    return canonical_key(rrset.owner), rrset.type != T.SOA, rrset.type


@dataclass(slots=True)
class _Keeper:
    """Keeps what signatures it can and makes the others, and counts."""

    zone: UnsignedZone
    previous: Mapping[Place, RRset]
    span: Span
    until: datetime | None
    """What a signature must outlive to be kept."""
    anew: set[Place] = field(default_factory=set)
    kept: int = 0
    _known: frozenset[tuple[int, int]] = field(init=False)
    """Algorithm and tag of the keys that were there before, and that no other key shares."""

    def __post_init__(self) -> None:
        dnskeys = self.previous.get((self.zone.apex, int(T.DNSKEY)))
        before = dnskeys.rdatas if dnskeys else frozenset()
        now = Counter((key.algorithm, key.tag) for key in map(DNSKEY.from_rdata, self.zone.keys.dnskeys | before))
        still = map(DNSKEY.from_rdata, self.zone.keys.dnskeys & before)
        self._known = frozenset(label for key in still if now[(label := (key.algorithm, key.tag))] == 1)

    def sign(self, rrset: RRset) -> RRset:
        signers = self.zone.signers(rrset)
        if not signers:
            return rrset
        kept = self._kept(rrset)
        rrsigs = set()
        for key in signers:
            label = key.dnskey.algorithm, key.tag
            if label in kept:
                rrsigs.add(kept[label])
            else:
                self.anew.add((rrset.owner, rrset.type))
                expiration = self.span.expires(rrset.owner, rrset.type, key.tag)
                rrsigs.add(rrsig.make(rrset, self.zone.apex, key, self.span.inception, expiration))
        self.kept += (rrset.owner, rrset.type) not in self.anew
        return replace(rrset, rrsigs=frozenset(rrsigs))

    def keeps_all(self, rrset: RRset) -> bool:
        was = self.previous[rrset.owner, rrset.type]
        if self.zone._is_digest(rrset):  # of a zone that is the same, it is the same
            rrset = replace(rrset, rdatas=was.rdatas)
        if not _same(rrset, was):
            return False
        kept = self._kept(rrset)
        signers = {(key.dnskey.algorithm, key.tag) for key in self.zone.signers(rrset)}
        return signers <= kept.keys() and {kept[label] for label in signers} == was.rrsigs

    def _kept(self, rrset: RRset) -> dict[tuple[int, int], bytes]:
        """The signatures from before that are still good, by the algorithm and tag of their keys."""
        was = self.previous.get((rrset.owner, rrset.type))
        if was is None or self.until is None or not _same(rrset, was):
            return {}
        now, limit = rrsig.seconds(self.span.now), rrsig.seconds(self.until)
        kept = {}
        for rdata in sorted(was.rrsigs):
            made = rrsig.RRSIG.from_rdata(rdata)
            if not serial_gt(made.inception, now) and serial_gt(made.expiration, limit):
                kept[made.algorithm, made.key_tag] = rdata
        return {label: rdata for label, rdata in kept.items() if label in self._known}


def _same(rrset: RRset, was: RRset) -> bool:
    return (rrset.ttl, rrset.rdatas) == (was.ttl, was.rdatas)


def unsigned_zone(
    apex: Name, rrsets: Iterable[RRset], keys: SigningKeys, parameters: SigningParameters = SigningParameters()
) -> UnsignedZone:
    """What a zone holds when it is signed: ``rrsets``, one for each owner and type, its keys, the chain of its names.

    Glue and occluded names stay in the zone, unsigned and outside the chain. CDS and CDNSKEY records that the zone
    brings itself stay alone. Raises ``UnsignableError``.
    """
    zone: dict[Place, RRset] = {}
    for rrset in rrsets:
        _accept(apex, rrset, zone)
        zone[rrset.owner, rrset.type] = replace(rrset, rrsigs=frozenset()) if rrset.rrsigs else rrset
    soa = zone.get((apex, int(T.SOA)))
    if soa is None or len(soa.rdatas) != 1:
        raise UnsignableError(f"{apex} has not exactly one SOA record")
    keys.check(apex)

    def add(type: int, ttl: int, rdatas: Iterable[bytes]) -> None:
        zone[apex, int(type)] = RRset(apex, type, ttl, frozenset(rdatas))

    ttl = soa.ttl if parameters.dnskey_ttl is None else parameters.dnskey_ttl
    add(T.DNSKEY, ttl, keys.dnskeys)
    if keys.delegated and not zone.keys() & {(apex, int(T.CDS)), (apex, int(T.CDNSKEY))}:
        add(T.CDNSKEY, ttl, (key.to_rdata() for key in keys.delegated))
        add(T.CDS, ttl, (make_ds(apex, key, DigestType.SHA256).to_rdata() for key in keys.delegated))
    if parameters.zonemd:
        zone[apex, int(T.ZONEMD)] = zonemd_placeholder(soa)
    if parameters.nsec3 is not None:
        zone[apex, int(T.NSEC3PARAM)] = nsec3_param(apex, parameters.nsec3)
    authoritative = authoritative_types(apex, zone.values())
    for link in _chain(apex, authoritative, negative_ttl(soa), parameters.nsec3):
        zone[link.owner, link.type] = link
    return UnsignedZone(apex, keys, parameters, zone, authoritative)


def sign_zone(
    apex: Name,
    rrsets: Iterable[RRset],
    ksks: Sequence[ZoneKey],
    zsks: Sequence[ZoneKey],
    inception: datetime,
    expiration: datetime,
    *,
    dnskey_ttl: int | None = None,
    nsec3: NSEC3Chain | None = None,
) -> tuple[RRset, ...]:
    """The whole zone signed with the same dates; see ``unsigned_zone``. Raises ``UnsignableError``."""
    parameters = SigningParameters(nsec3, dnskey_ttl)
    zone = unsigned_zone(apex, rrsets, SigningKeys(tuple(ksks), tuple(zsks)), parameters)
    return zone.sign(Span(inception, inception, expiration)).rrsets


def _accept(apex: Name, rrset: RRset, zone: Mapping[Place, RRset]) -> None:
    if not rrset.owner.is_subdomain(apex):
        raise UnsignableError(f"{rrset.owner} is not in {apex}")
    if rrset.type in MADE_BY_SIGNING:
        raise UnsignableError(f"{rrset.owner} already has records of type {T.make(rrset.type).name}")
    if (rrset.owner, rrset.type) == (apex, T.ZONEMD):
        raise UnsignableError(f"{apex} already has a ZONEMD record, which would not be that of the signed zone")
    if (rrset.owner, rrset.type) in zone:
        raise UnsignableError(f"{rrset.owner} has two RRsets of one type")


def _chain(apex: Name, names: Mapping[Name, Collection[int]], ttl: int, nsec3: NSEC3Chain | None) -> tuple[RRset, ...]:
    if nsec3 is None:
        return nsec_chain(names, ttl)
    try:
        return nsec3_chain(apex, names, ttl, nsec3)
    except UnhashableZoneError as error:
        raise UnsignableError(str(error)) from error


def is_signed(apex: Name, rrset: RRset, authoritative: Mapping[Name, Collection[int]]) -> bool:
    """Whether the zone signs this RRset, given its ``authoritative_types`` (RFC 4035 §2.2, §2.3).

    NSEC3 records are signed wherever their hashes happen to lie, even below a DNAME (RFC 5155 §10.2); NS records at a
    delegation are not.
    """
    if rrset.type in (T.NSEC, T.NSEC3):
        return True
    here = authoritative.get(rrset.owner, ())
    return rrset.type in here and (rrset.type != T.NS or rrset.owner == apex)


def negative_ttl(soa: RRset) -> int:
    """The TTL of NSEC and NSEC3 records: the lesser of the SOA's TTL and its MINIMUM (RFC 9077 §3)."""
    (rdata,) = soa.rdatas
    return min(soa.ttl, int.from_bytes(rdata[-4:]))


def authoritative_types(apex: Name, rrsets: Iterable[RRset]) -> dict[Name, set[int]]:
    """The types that the zone has authority for, for each name in the chain (RFC 4035 §2.3, RFC 5155 §7.1).

    At a delegation these are NS and DS alone. Names below a delegation, or below a DNAME (RFC 6672 §2.4), have none.
    """
    types: dict[Name, set[int]] = {}
    for rrset in rrsets:
        types.setdefault(rrset.owner, set()).add(rrset.type)
    cuts = {owner for owner, has in types.items() if owner != apex and T.NS in has}
    dnames = {owner for owner, has in types.items() if T.DNAME in has}
    barriers, top = set(map(canonical_key, cuts | dnames)), len(apex.labels)

    def occluded(owner: Name) -> bool:
        if not barriers:
            return False
        key = canonical_key(owner)
        return any(key[:length] in barriers for length in range(top, len(key)))

    return {owner: has & {T.NS, T.DS} if owner in cuts else has for owner, has in types.items() if not occluded(owner)}
