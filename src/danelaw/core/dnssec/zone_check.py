"""Whether a signed zone is right by itself: every signature, and the chain of its names (RFC 4035 §2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DNSKEY, MalformedKeyError
from danelaw.core.dnssec.nsec import NSEC, MalformedBitmapError, nsec_chain
from danelaw.core.dnssec.nsec3_check import nsec3_faults
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, date_fault, label_count, verify
from danelaw.core.dnssec.sign import authoritative_types, is_signed
from danelaw.core.model import Reason, RRset


def zone_faults(
    apex: Name, rrsets: Collection[RRset], now: datetime, *, proved: Mapping[tuple[Name, int], RRset] | None = None
) -> Iterator[Reason]:
    """What is wrong with a signed zone, as of ``now``; nothing if every name is right.

    ``proved`` is a version of the zone in which every signature was found right: those over RRsets that are the same,
    by keys that are the same, are not verified again; their dates are judged, as is all else.

    Each chain that there is has to be right: that of NSEC, and that of each set of NSEC3 parameters (there are several
    while a zone goes from one to another: RFC 5155 §10.4). Codes: DNSKEY_MISSING, SIGNATURE_MISSING,
    SIGNATURE_INVALID, SIGNATURE_EXPIRED, SIGNATURE_NOT_YET_VALID, SIGNATURE_UNWANTED, NSEC_WRONG, NSEC3_WRONG.
    """
    proved = proved or {}
    dnskeys = next((rrset for rrset in rrsets if (rrset.owner, rrset.type) == (apex, T.DNSKEY)), None)
    keys = _Keys.of(dnskeys, proved.get((apex, int(T.DNSKEY))))
    if not keys.usable:
        yield Reason("DNSKEY_MISSING", "RFC 4035 §2.1", str(apex))
        return
    types = authoritative_types(apex, (rrset for rrset in rrsets if rrset.type not in (T.NSEC, T.NSEC3)))
    for rrset in rrsets:
        if is_signed(apex, rrset, types):
            yield from _signature_faults(apex, rrset, keys, now, proved.get((rrset.owner, rrset.type)))
        elif rrset.rrsigs:
            yield Reason("SIGNATURE_UNWANTED", "RFC 4035 §2.2", _named(rrset))
    nsecs = [rrset for rrset in rrsets if rrset.type == T.NSEC]
    nsec3s = [rrset for rrset in rrsets if rrset.type == T.NSEC3]
    params = [rdata for rrset in rrsets if (rrset.owner, rrset.type) == (apex, T.NSEC3PARAM) for rdata in rrset.rdatas]
    if nsecs or not (nsec3s or params):
        yield from _chain_faults(types, nsecs)
    if nsec3s or params:
        also = {rrset.owner for rrset in nsecs}
        listed = {owner: {*has, T.NSEC, T.RRSIG} if owner in also else has for owner, has in types.items()}
        yield from nsec3_faults(apex, listed, nsec3s, params)


def _named(rrset: RRset) -> str:
    return f"{rrset.owner} {dns.rdatatype.to_text(T.make(rrset.type))}"


@dataclass(frozen=True, slots=True)
class _Keys:
    """A zone's keys: those that are ``usable``, those that are ``revoked``, and the labels of those ``known`` before.

    A revoked key signs the DNSKEY RRset and nothing else (RFC 5011 §2.1). No two keys share a label that is known.
    """

    usable: tuple[DNSKEY, ...]
    revoked: tuple[DNSKEY, ...]
    known: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, rrset: RRset | None, before: RRset | None) -> _Keys:
        now, then = (frozenset(_zone_keys(found)) if found else frozenset() for found in (rrset, before))
        labels = Counter((key.algorithm, key.tag) for key in now | then)
        known = frozenset(label for label in ((key.algorithm, key.tag) for key in now & then) if labels[label] == 1)
        usable, revoked = ([key for key in now if key.revoked is is_revoked] for is_revoked in (False, True))
        return cls(tuple(usable), tuple(revoked), known)


def _zone_keys(rrset: RRset) -> Iterator[DNSKEY]:
    for rdata in rrset.rdatas:
        try:
            key = DNSKEY.from_rdata(rdata)
        except MalformedKeyError:
            continue  # it verifies nothing, and its absence will show
        if key.is_zone_key:
            yield key


def _signature_faults(apex: Name, rrset: RRset, keys: _Keys, now: datetime, proved: RRset | None) -> Iterator[Reason]:
    good = set()
    same = proved is not None and (proved.ttl, proved.rdatas) == (rrset.ttl, rrset.rdatas)
    for rdata in rrset.rrsigs:
        try:
            rrsig = RRSIG.from_rdata(rdata)
        except MalformedSignatureError as error:
            yield Reason("SIGNATURE_INVALID", "RFC 4034 §3.1", _named(rrset), str(error))
            continue
        fits = (rrsig.signer, rrsig.labels, rrsig.original_ttl) == (apex, label_count(rrset.owner), rrset.ttl)
        known = same and proved is not None and rdata in proved.rrsigs
        usable = (known and (rrsig.algorithm, rrsig.key_tag) in keys.known) or any(
            verify(rrsig, rrset, key) for key in keys.usable
        )
        if fits and not usable and rrset.type == T.DNSKEY and any(verify(rrsig, rrset, key) for key in keys.revoked):
            continue
        if not fits or not usable:
            yield Reason("SIGNATURE_INVALID", "RFC 4035 §2.2", _named(rrset), str(rrsig))
        elif fault := date_fault(rrsig, now):
            yield Reason(fault.code, fault.section, _named(rrset), fault.detail)
        else:
            good.add(rrsig.algorithm)
    for algorithm in sorted({key.algorithm for key in keys.usable} - good):
        yield Reason("SIGNATURE_MISSING", "RFC 4035 §2.2", _named(rrset), f"no good one of algorithm {algorithm}")


def _chain_faults(types: Mapping[Name, Collection[int]], nsecs: list[RRset]) -> Iterator[Reason]:
    wanted = {rrset.owner: rrset.rdatas for rrset in nsec_chain(types, 0)}
    found = {rrset.owner: rrset.rdatas for rrset in nsecs}
    for owner in wanted.keys() | found.keys():
        if _nsecs(wanted.get(owner, frozenset())) != _nsecs(found.get(owner, frozenset())):
            yield Reason("NSEC_WRONG", "RFC 4035 §2.3", str(owner))


def _nsecs(rdatas: frozenset[bytes]) -> frozenset[NSEC] | None:
    try:
        return frozenset(map(NSEC.from_rdata, rdatas))
    except MalformedBitmapError:
        return None
