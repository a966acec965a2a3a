"""Signing a whole zone (RFC 4035 §2), as a pure function: the same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec import rrsig
from danelaw.core.dnssec.canonical import canonical_key
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.dnssec.nsec import nsec_chain
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain, UnhashableZoneError, nsec3_chain, nsec3_param
from danelaw.core.model import RRset

MADE_BY_SIGNING: Final = frozenset({T.RRSIG, T.NSEC, T.DNSKEY, T.NSEC3, T.NSEC3PARAM})
"""The types that signing adds; a zone to be signed must not bring its own."""

_BY_KSK: Final = frozenset({T.DNSKEY, T.CDS, T.CDNSKEY})
"""What the parent's DS must vouch for by itself (RFC 4035 §2.2; RFC 7344 §4.1 for CDS and CDNSKEY)."""


class UnsignableError(ValueError):
    """The zone or the keys do not allow a right signing."""


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
    """The signed zone, in canonical order, the SOA first; each RRset with the RRSIGs that cover it.

    ``rrsets`` is the plain zone, one RRset for each owner and type. DNSKEY, CDS and CDNSKEY are signed by the ``ksks``
    and the rest by the ``zsks``, or by the ``ksks`` too where there is no ZSK. ``dnskey_ttl`` in seconds; by default
    the SOA's. Its names are chained by NSEC, or, where ``nsec3`` says how, by NSEC3. Glue and occluded names stay in
    the zone, unsigned and outside the chain. Raises ``UnsignableError``.
    """
    zone: dict[tuple[Name, int], RRset] = {}
    for rrset in rrsets:
        _accept(apex, rrset, zone)
        zone[rrset.owner, rrset.type] = replace(rrset, rrsigs=frozenset())
    soa = zone.get((apex, T.SOA))
    if soa is None or len(soa.rdatas) != 1:
        raise UnsignableError(f"{apex} has not exactly one SOA record")
    _check_keys(apex, ksks, zsks)

    ttl = soa.ttl if dnskey_ttl is None else dnskey_ttl
    dnskeys = frozenset(key.dnskey.to_rdata() for key in (*ksks, *zsks))
    zone[apex, T.DNSKEY] = RRset(apex, T.DNSKEY, ttl, dnskeys)

    if nsec3 is not None:
        zone[apex, T.NSEC3PARAM] = nsec3_param(apex, nsec3)
    authoritative = authoritative_types(apex, zone.values())
    for link in _chain(apex, authoritative, negative_ttl(soa), nsec3):
        zone[link.owner, link.type] = link

    def signed(rrset: RRset) -> RRset:
        if not is_signed(apex, rrset, authoritative):
            return rrset
        keys = ksks if rrset.type in _BY_KSK or not zsks else zsks
        return replace(rrset, rrsigs=frozenset(rrsig.make(rrset, apex, key, inception, expiration) for key in keys))

    ordered = sorted(zone.values(), key=lambda r: (canonical_key(r.owner), r.type != T.SOA, r.type))
    return tuple(map(signed, ordered))


def _accept(apex: Name, rrset: RRset, zone: dict[tuple[Name, int], RRset]) -> None:
    if not rrset.owner.is_subdomain(apex):
        raise UnsignableError(f"{rrset.owner} is not in {apex}")
    if rrset.type in MADE_BY_SIGNING:
        raise UnsignableError(f"{rrset.owner} already has records of type {T.make(rrset.type).name}")
    if (rrset.owner, rrset.type) in zone:
        raise UnsignableError(f"{rrset.owner} has two RRsets of one type")


def _check_keys(apex: Name, ksks: Sequence[ZoneKey], zsks: Sequence[ZoneKey]) -> None:
    if not ksks:
        raise UnsignableError("there is no key to sign the DNSKEY RRset with")
    for key in chain(ksks, zsks):
        if key.zone != apex or not key.dnskey.is_zone_key or key.dnskey.revoked:
            raise UnsignableError(f"key {key.tag} is no zone key of {apex}")
    if zsks and {key.dnskey.algorithm for key in ksks} != {key.dnskey.algorithm for key in zsks}:
        # Every algorithm of the DNSKEY RRset must sign everything: RFC 4035 §2.2.
        raise UnsignableError("the KSKs and the ZSKs are not of the same algorithms")


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
    barriers = cuts | {owner for owner, has in types.items() if T.DNAME in has}

    def occluded(owner: Name) -> bool:
        while owner != apex:
            owner = owner.parent()
            if owner in barriers:
                return True
        return False

    return {owner: has & {T.NS, T.DS} if owner in cuts else has for owner, has in types.items() if not occluded(owner)}
