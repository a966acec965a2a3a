"""Whether a signed zone is right by itself: every signature, and the chain of its names (RFC 4035 §2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.nsec3_check import nsec3_faults
from danelaw.core.dnssec.nsec_check import nsec_faults
from danelaw.core.dnssec.sign import authoritative_types, is_signed
from danelaw.core.dnssec.signature_check import Keys, Signed, judge_signatures
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.model import RRset


def zone_faults(
    apex: Name, rrsets: Collection[RRset], now: datetime, *, proved: Mapping[tuple[Name, int], RRset] | None = None
) -> Iterator[ZoneFinding]:
    """What is wrong with a signed zone, as of ``now``; nothing if every name is right.

    ``proved`` is a version of the zone in which every signature was found right: those over RRsets that are the same,
    by keys that are the same, are not verified again; their dates are judged, as is all else. Codes: DNSKEY_MISSING,
    SIGNATURE_UNWANTED, and those of ``judge_signatures`` and ``chain_faults``.
    """
    proved = proved or {}
    dnskeys = next((rrset for rrset in rrsets if (rrset.owner, rrset.type) == (apex, T.DNSKEY)), None)
    keys = Keys.of(dnskeys, proved.get((apex, int(T.DNSKEY))))
    if not keys.usable:
        yield no_keys(apex)
        return
    types = listed_types(apex, rrsets)
    for rrset in rrsets:
        signed = signatures_of(apex, rrset, types, keys, now, proved.get((rrset.owner, rrset.type)))
        yield from signed.faults
    yield from chain_faults(apex, rrsets, types)


def no_keys(apex: Name) -> ZoneFinding:
    return ZoneFinding("DNSKEY_MISSING", "RFC 4035 §2.1", apex, T.DNSKEY, "the zone has no key to verify anything with")


def listed_types(apex: Name, rrsets: Iterable[RRset]) -> dict[Name, set[int]]:
    """The types that the chain must list for each name: all that the zone has authority for but its own."""
    return authoritative_types(apex, (rrset for rrset in rrsets if rrset.type not in (T.NSEC, T.NSEC3)))


def signatures_of(
    apex: Name,
    rrset: RRset,
    types: Mapping[Name, Collection[int]],
    keys: Keys,
    now: datetime,
    proved: RRset | None = None,
) -> Signed:
    """The signatures that an RRset has, whether it must have some or must not (RFC 4035 §2.2)."""
    if is_signed(apex, rrset, types):
        return judge_signatures(apex, rrset, keys, now, proved)
    if not rrset.rrsigs:
        return Signed()
    at_cut = rrset.type == T.NS and T.NS in types.get(rrset.owner, ())
    said = "the NS records of a delegation are not signed" if at_cut else "the zone has no authority for these records"
    return Signed([ZoneFinding("SIGNATURE_UNWANTED", "RFC 4035 §2.2", rrset.owner, rrset.type, said)])


def chain_faults(apex: Name, rrsets: Collection[RRset], types: Mapping[Name, Collection[int]]) -> Iterator[ZoneFinding]:
    """What is wrong with the chains of NSEC and NSEC3 records. Codes: NSEC_WRONG, NSEC3_WRONG.

    Each chain that there is has to be right: that of NSEC, and that of each set of NSEC3 parameters. There are several
    while a zone goes from one to another (RFC 5155 §10.4): NSEC3 records that no NSEC3PARAM announces yet are let pass
    beside NSEC records.
    """
    nsecs = [rrset for rrset in rrsets if rrset.type == T.NSEC]
    nsec3s = [rrset for rrset in rrsets if rrset.type == T.NSEC3]
    params = [rdata for rrset in rrsets if (rrset.owner, rrset.type) == (apex, T.NSEC3PARAM) for rdata in rrset.rdatas]
    if nsecs or not (nsec3s or params):
        yield from nsec_faults(types, nsecs)
    if params or (nsec3s and not nsecs):
        also = {rrset.owner for rrset in nsecs}
        listed = {owner: {*has, T.NSEC, T.RRSIG} if owner in also else has for owner, has in types.items()}
        yield from nsec3_faults(apex, listed, nsec3s, params)
