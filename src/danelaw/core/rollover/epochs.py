"""Zone epochs: unsigned or signed, by which keys, under which DS (invariant I2).

An RRset from a cache validates only if the zone was signed when it was given, under keys that the DS leads to. It is
worked out by epochs of the DNSKEY RRset, each held as long as the longest-lived RRset that was sighted in the zone; not
RRset by RRset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.keys import DNSKEY, DS, MalformedKeyError, ds_matches
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, date_fault, verify
from danelaw.core.model import Absence, Answer, Instant, Limits, RRset
from danelaw.core.rollover.answers import Held, Possible, Unknown, newest, possible_answers
from danelaw.core.rollover.facts import Facts

DNSKEY_TYPE: Final = int(dns.rdatatype.DNSKEY)
DS_TYPE: Final = int(dns.rdatatype.DS)


@dataclass(frozen=True, slots=True)
class Block:
    """Why an epoch forbids a change."""

    code: str
    held: Held | Unknown | None
    because: str


def possible_epochs(facts: Facts, zone: Name, now: Instant, limits: Limits) -> Possible:
    """The DNSKEY RRsets, or their absence, of every epoch from which a client may still hold an RRset."""
    longest = timedelta(seconds=max((span.answer.ttl for span in facts.zone_spans(zone)), default=0))
    stretched = replace(
        limits,
        hold_floor=max(limits.hold_floor, limits.ttl_factor * longest),
        assumed_past_ttl=max(limits.assumed_past_ttl, longest),
    )
    return possible_answers(facts, zone, zone, DNSKEY_TYPE, now, stretched)


def blocks_ds(zone: Name, ds: Answer, facts: Facts, now: Instant, limits: Limits) -> tuple[Block, ...]:
    """What a client may hold that does not validate under the DS RRset that is to be handed over."""
    if isinstance(ds, Absence):
        return (Block("DS_WITHDRAWAL", None, "Danelaw does not yet withdraw a DS"),)
    epochs = possible_epochs(facts, zone, now, limits)
    blocks: list[Block] = []
    if epochs.unknown is not None:
        blocks.append(Block("HISTORY_UNKNOWN", epochs.unknown, epochs.unknown.because))
    if not epochs.held:
        blocks.append(Block("ZONE_UNSEEN", None, f"no authority of {zone} has been seen to answer"))
    for held in epochs.held:
        if isinstance(held.answer, Absence):
            blocks.append(Block("UNSIGNED_HELD", held, f"unsigned answers may be held: {held.because}"))
        elif not _leads_to(zone, ds, held.answer, now, limits):
            blocks.append(Block("DS_MISMATCH", held, f"a DNSKEY RRset that the DS does not lead to: {held.because}"))
    return (*blocks, *_unsigned(zone, facts, now, limits))


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


def blocks_signing(zone: Name, keys: frozenset[bytes], facts: Facts, now: Instant, limits: Limits) -> tuple[Block, ...]:
    """What a client may hold that would make the zone bogus, once signed by exactly these keys.

    An unsigned zone may be signed: whoever holds a DS of it refuses it already. Signed zones keep their keys unless no
    client can hold a DS: rolling zone keys under a DS is another kind of action.
    """
    epochs = possible_epochs(facts, zone, now, limits)
    changed = [h for h in epochs.held if isinstance(h.answer, RRset) and h.answer.rdatas != keys]
    if not changed:
        return ()
    parents = facts.zones_with(zone, DS_TYPE)
    if not parents:
        return (Block("PARENT_UNSEEN", None, f"the parent of {zone} has not been seen to answer for its DS"),)
    blocks: list[Block] = []
    for parent in parents:
        ds = possible_answers(facts, parent, zone, DS_TYPE, now, limits)
        if ds.unknown is not None:
            because = f"whether clients hold a DS of {zone} is not known: {ds.unknown.because}"
            blocks.append(Block("HISTORY_UNKNOWN", ds.unknown, because))
        blocks.extend(
            Block("KEYS_UNDER_DS", h, f"clients may hold a DS of {zone}, and its keys would change: {h.because}")
            for h in ds.held
            if isinstance(h.answer, RRset)
        )
    return tuple(blocks)


def _leads_to(zone: Name, ds: RRset, dnskeys: RRset, now: Instant, limits: Limits) -> bool:
    """Whether some DS digests a key that signs the DNSKEY RRset, now and for as long as it is held (RFC 4035 §5.2)."""
    try:
        records = [DS.from_rdata(rdata) for rdata in ds.rdatas]
    except ValueError:
        return False
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
    for type in (DNSKEY_TYPE, int(dns.rdatatype.SOA)):
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
