"""Which DS RRset a zone asks for whose keys are its server's.

The zone says so itself, by CDS records (RFC 7344 §4.1), or else by its secure entry points. Nothing is believed before
every authority says the same: the DS is for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.keys import DNSKEY, DS, MalformedKeyError, ds_matches, make_ds
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, date_fault, verify
from danelaw.core.model import Answer, Instant, Limits, RRset, same_content
from danelaw.core.rollover.actions import SubmitDS
from danelaw.core.rollover.answers import members, newest
from danelaw.core.rollover.epochs import DNSKEY_TYPE, DS_TYPE
from danelaw.core.rollover.fold import Facts

CDS_TYPE: Final = int(dns.rdatatype.CDS)
_DELETE: Final = 0
"""The algorithm in a CDS that asks for no DS at all (RFC 8078 §4)."""


@dataclass(frozen=True, slots=True)
class Unasked:
    """The zone does not ask for a DS yet, or not in a way that may be believed."""

    code: str
    because: str


def asked_ds(zone: Name, parent: Name | None, facts: Facts, now: Instant, limits: Limits) -> frozenset[bytes] | Unasked:
    """DS rdata. With ``parent`` None only whether the zone is signed is of interest."""
    dnskeys = _agreed(facts, zone, DNSKEY_TYPE, now, limits)
    if dnskeys is None:
        return Unasked("DNSKEY_NOT_VISIBLE", f"not every authority of {zone} serves the same DNSKEY RRset yet")
    keys = _keys(dnskeys)
    if not isinstance(dnskeys, RRset) or not keys:
        return Unasked("ZONE_UNSIGNED", f"the server of {zone} has not signed it yet")
    cds = _agreed(facts, zone, CDS_TYPE, now, limits)
    if cds is None:
        return Unasked("CDS_NOT_VISIBLE", f"not every authority of {zone} says the same of its CDS yet")
    present = newest(facts, parent, zone, DS_TYPE) if parent is not None else None
    if isinstance(cds, RRset):
        return _asked_by_cds(zone, cds, keys, _records(present), now)
    points = [key for key in keys if key.is_sep] or [key for key in keys if _signs(key, dnskeys, now)]
    return ds_for(zone, points, present)


def asks_by_cds(change: SubmitDS, facts: Facts) -> bool:
    """Whether the zone asks its parent for these DS records itself, by what was seen of it last."""
    seen = newest(facts, change.zone, change.zone, CDS_TYPE)
    return isinstance(seen, RRset) and isinstance(change.replace, RRset) and seen.rdatas == change.replace.rdatas


def ds_for(zone: Name, keys: Iterable[DNSKEY], present: Answer | None) -> frozenset[bytes]:
    """The rdata of the DS RRset that points to these keys: that which is ``present``, under whatever digests it has
    been handed over, if it points to all of them and to nothing else."""
    wanted, there = tuple(keys), _records(present)
    if there and _covers(zone, there, wanted):
        return frozenset(ds.to_rdata() for ds in there)
    return frozenset(make_ds(zone, key).to_rdata() for key in wanted)


def _asked_by_cds(
    zone: Name, cds: RRset, keys: Iterable[DNSKEY], present: tuple[DS, ...], now: Instant
) -> frozenset[bytes] | Unasked:
    """The acceptance rules of RFC 7344 §4.1: at the apex, and signed by a key that the present DS RRset, if there is
    one, points to. That the delegation stays whole is the gate's to judge."""
    asked = _records(cds)
    if len(asked) != len(cds.rdatas):
        return Unasked("CDS_INVALID", f"the CDS RRset of {zone} is malformed")
    if any(record.algorithm == _DELETE for record in asked):
        return Unasked("CDS_DELETE", f"{zone} asks for its DS to be withdrawn, and Danelaw does not yet do that")
    signers = [key for key in keys if _signs(key, cds, now)]
    if not any(not present or any(ds_matches(ds, zone, key) for ds in present) for key in signers):
        return Unasked("CDS_INVALID", f"the CDS RRset of {zone} is not signed by a key that its DS points to")
    return cds.rdatas


def _covers(zone: Name, present: Iterable[DS], keys: Iterable[DNSKEY]) -> bool:
    """Whether DS records, under whatever digests, point to all of these keys and to nothing else."""
    pairs = [(ds, key) for ds in present for key in keys if ds_matches(ds, zone, key)]
    return {ds for ds, _ in pairs} == set(present) and {key for _, key in pairs} == set(keys)


def _agreed(facts: Facts, zone: Name, type: int, now: Instant, limits: Limits) -> Answer | None:
    """What every authority says of an RRset at the apex; None while one is silent or says otherwise."""
    seen = facts.spans(zone, zone, type)
    lasts = [seen[ip][-1] if ip in seen else None for ip in members(facts, zone, now, limits)]
    answers = [span.answer for span in lasts if span is not None and now - span.last <= limits.max_gap]
    if len(answers) != len(lasts) or not all(same_content(answer, answers[0]) for answer in answers):
        return None
    return newest(facts, zone, zone, type) if answers else None


def _signs(key: DNSKEY, rrset: RRset, now: Instant) -> bool:
    for rdata in rrset.rrsigs:
        try:
            rrsig = RRSIG.from_rdata(rdata)
        except MalformedSignatureError:
            continue
        if rrsig.signer == rrset.owner and date_fault(rrsig, now) is None and verify(rrsig, rrset, key):
            return True
    return False


def _keys(answer: Answer | None) -> tuple[DNSKEY, ...]:
    """The zone keys that may sign. What is malformed is no key."""
    found: list[DNSKEY] = []
    if isinstance(answer, RRset) and answer.type == DNSKEY_TYPE:
        for rdata in sorted(answer.rdatas):
            try:
                key = DNSKEY.from_rdata(rdata)
            except MalformedKeyError:
                continue
            if key.is_zone_key and not key.revoked:
                found.append(key)
    return tuple(found)


def _records(answer: Answer | None) -> tuple[DS, ...]:
    """DS records, or CDS records, which have their form (RFC 7344 §3.1)."""
    found: list[DS] = []
    if isinstance(answer, RRset) and answer.type in (DS_TYPE, CDS_TYPE):
        for rdata in sorted(answer.rdatas):
            try:
                found.append(DS.from_rdata(rdata))
            except MalformedKeyError:
                continue
    return tuple(found)
