"""Zone epochs: unsigned or signed, by which keys, under which DS (invariant I2).

An RRset from a cache validates only if the zone was signed when it was given, under keys that the DS leads to. It is
worked out by epochs of the DNSKEY RRset, each held as long as the longest-lived RRset that was sighted in the zone; not
RRset by RRset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.keys import DNSKEY, MalformedKeyError, ds_matches
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, date_fault, verify
from danelaw.core.model import Absence, Answer, Instant, Limits, RRset
from danelaw.core.rollover.answers import Held, Possible, Unknown, newest, possible_answers
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.zone_trust import (
    DNSKEY_TYPE,
    DS_TYPE,
    SOA_TYPE,
    caches,
    ds_records,
    for_any_rrset,
    unsatisfied,
    untrusting,
)

__all__ = ["DNSKEY_TYPE", "DS_TYPE", "Block", "blocks_ds", "possible_epochs", "signatures_end"]


@dataclass(frozen=True, slots=True)
class Block:
    """Why an epoch forbids a change."""

    code: str
    held: Held | Unknown | None
    because: str


def possible_epochs(facts: Facts, zone: Name, now: Instant, limits: Limits) -> Possible:
    """The DNSKEY RRsets, or their absence, of every epoch from which a client may still hold an RRset."""
    return possible_answers(facts, zone, zone, DNSKEY_TYPE, now, for_any_rrset(facts, zone, limits))


def blocks_ds(zone: Name, expect: Answer, ds: Answer, facts: Facts, now: Instant, limits: Limits) -> tuple[Block, ...]:
    """What a client may hold that does not validate under the DS RRset that is to be handed over, and does under the
    one that it replaces, if there is one."""
    if isinstance(ds, Absence):
        return (Block("DS_WITHDRAWAL", None, "Danelaw does not yet withdraw a DS"),)
    epochs = possible_epochs(facts, zone, now, limits)
    blocks: list[Block] = []
    if epochs.unknown is not None:
        blocks.append(Block("HISTORY_UNKNOWN", epochs.unknown, epochs.unknown.because))
    if not epochs.held:
        blocks.append(Block("ZONE_UNSEEN", None, f"no authority of {zone} has been seen to answer"))
    under_none = isinstance(expect, Absence)
    for held in epochs.held:
        if isinstance(held.answer, Absence):
            if under_none:
                blocks.append(Block("UNSIGNED_HELD", held, f"unsigned answers may be held: {held.because}"))
        elif not _leads_to(zone, ds, held.answer, now, limits) and (
            under_none or _leads_to(zone, expect, held.answer, now, limits)
        ):
            blocks.append(Block("DS_MISMATCH", held, f"a DNSKEY RRset that the DS does not lead to: {held.because}"))
    return (*blocks, *_worse_under(zone, expect, ds, facts, now, limits), *_unsigned(zone, facts, now, limits))


def _worse_under(zone: Name, expect: Answer, ds: RRset, facts: Facts, now: Instant, limits: Limits) -> Iterable[Block]:
    """What is held in some combination that somebody refuses under the DS RRset and not under the one before."""
    held, old, new = caches(facts, zone, now, limits), ds_records(expect), ds_records(ds)
    for keys in held.keys:
        before, after = untrusting(old, zone, keys.keys), untrusting(new, zone, keys.keys)
        if keys.keys.keys and after - before:
            yield Block("DS_MISMATCH", keys.held, f"a DNSKEY RRset that the DS does not lead to: {keys.held.because}")
        for content in held.contents if not old else ():
            if keys.keys.keys and unsatisfied(keys.keys, content.content):
                because = f"signatures by other keys than those under the DS may be held: {content.held.because}"
                yield Block("SIGNATURES_HELD", content.held, because)


def _unsigned(zone: Name, facts: Facts, now: Instant, limits: Limits) -> tuple[Block, ...]:
    """RRsets of the zone that its authorities give without a signature that holds."""
    dnskeys = newest(facts, zone, zone, DNSKEY_TYPE)
    if not isinstance(dnskeys, RRset):
        return ()
    keys = _keys(dnskeys)
    return tuple(
        Block("RRSET_UNSIGNED", None, f"{owner} {_type(answer.type)} is served without a signature that holds")
        for owner, type in facts.sighted(zone)
        if type != DNSKEY_TYPE
        and isinstance(answer := newest(facts, zone, owner, type), RRset)
        and not any(_holds(answer, key, zone, now, limits) for key in keys)
    )


def _leads_to(zone: Name, ds: Answer, dnskeys: RRset, now: Instant, limits: Limits) -> bool:
    """Whether some DS digests a key that signs the DNSKEY RRset, now and for as long as it is held (RFC 4035 §5.2)."""
    records = ds_records(ds)
    return any(
        ds_matches(record, zone, key) and _holds(dnskeys, key, zone, now, limits)
        for record in records
        for key in _keys(dnskeys)
    )


def _keys(dnskeys: RRset) -> list[DNSKEY]:
    found = []
    for rdata in dnskeys.rdatas:
        try:
            found.append(DNSKEY.from_rdata(rdata))
        except MalformedKeyError:
            continue  # an authority may serve anything
    return found


def _holds(rrset: RRset, key: DNSKEY, zone: Name, now: Instant, limits: Limits) -> bool:
    """Whether the zone's key signs the RRset, and its signature lasts until caches have forgotten it."""
    for rdata in rrset.rrsigs:
        try:
            signature = RRSIG.from_rdata(rdata)
        except MalformedSignatureError:
            continue
        lasting = all(date_fault(signature, at) is None for at in (now, now + limits.hold(rrset.ttl)))
        if lasting and signature.signer == zone and signature.key_tag == key.tag and verify(signature, rrset, key):
            return True
    return False


def _type(type: int) -> str:
    return str(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(type)))


def signatures_end(facts: Facts, zone: Name) -> Instant | None:
    """When what is served must have been signed again: the last quarter of a signature's time is never begun.

    Seen at the newest DNSKEY and SOA RRsets. Signing renews what is in the last third, so of a zone that is signed in
    time and loaded no signature comes to this.
    """
    best: Instant | None = None
    for type in (DNSKEY_TYPE, SOA_TYPE):
        answer = newest(facts, zone, zone, type)
        if isinstance(answer, RRset):
            for rdata in answer.rrsigs:
                try:
                    signature = RRSIG.from_rdata(rdata)
                except MalformedSignatureError:
                    continue  # an authority may serve anything
                end = datetime.fromtimestamp(signature.expiration, UTC)
                begin = datetime.fromtimestamp(signature.inception, UTC)
                due = begin + (end - begin) * 3 / 4
                best = due if best is None or due < best else best
    return best
