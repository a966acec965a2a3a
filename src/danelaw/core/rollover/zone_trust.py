"""What validators make of a zone's signatures, its DNSKEY RRset and its DS RRset, each from another time.

A cache holds the three by themselves, so what counts is every combination of those that may be held (RFC 6781 §4.1.1).
Nothing here is about single RRsets: the signatures of a zone are the keys that made them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from functools import lru_cache
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.keys import DNSKEY, DS, MalformedKeyError, ds_matches
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, date_fault, verify
from danelaw.core.model import Answer, Instant, Limits, RRset
from danelaw.core.rollover.actions import SignZone
from danelaw.core.rollover.answers import Held, Unknown, newest, possible_answers, possible_writes
from danelaw.core.rollover.fold import Deed, Facts

DNSKEY_TYPE: Final = int(dns.rdatatype.DNSKEY)
DS_TYPE: Final = int(dns.rdatatype.DS)
SOA_TYPE: Final = int(dns.rdatatype.SOA)


class Validator(Enum):
    """Kinds of validator, by what they ask of a zone that is signed by several algorithms."""

    ANY_ALGORITHM = "any"
    """Content with one path that validates, as RFC 6840 §5.11 asks."""
    EVERY_ALGORITHM = "every"
    """Wants a path by each algorithm that DS and DNSKEY RRsets name, also of what it has cached (RFC 6781 §4.1.4)."""


BOTH: Final = frozenset(Validator)


@dataclass(frozen=True, slots=True)
class KeySet:
    """A DNSKEY RRset: its zone keys, and those of them that sign it. Empty: the zone has none."""

    keys: frozenset[DNSKEY]
    signers: frozenset[DNSKEY]


@dataclass(frozen=True, slots=True)
class Content:
    """Everything else in a version of the zone, as far as trust goes: the keys that sign it. Empty: it is unsigned."""

    signers: frozenset[DNSKEY]


@dataclass(frozen=True, slots=True)
class HeldKeys:
    keys: KeySet
    held: Held


@dataclass(frozen=True, slots=True)
class HeldContent:
    content: Content
    held: Held


@dataclass(frozen=True, slots=True)
class Caches:
    """What may be held of a zone. ``unknown``: answers of the zone from before its history may be held too."""

    keys: tuple[HeldKeys, ...]
    contents: tuple[HeldContent, ...]
    unknown: Unknown | None


def untrusting(ds: Iterable[DS], zone: Name, keys: KeySet) -> frozenset[Validator]:
    """Who does not get from the DS RRset to the DNSKEY RRset (RFC 4035 §5.2). Without a DS the zone is insecure."""
    records = tuple(ds)
    if not records:
        return frozenset()
    led = {
        key.algorithm for key in keys.keys & keys.signers if any(ds_matches(record, zone, key) for record in records)
    }
    if not led:
        return BOTH
    return frozenset() if {record.algorithm for record in records} <= led else frozenset({Validator.EVERY_ALGORITHM})


def unsatisfied(keys: KeySet, content: Content) -> frozenset[Validator]:
    """Who does not get from the DNSKEY RRset to the content (RFC 4035 §5.3.1), once it trusts the former."""
    met = {key.algorithm for key in content.signers & keys.keys}
    if not met:
        return BOTH
    named = {key.algorithm for key in keys.keys}
    return frozenset() if named <= met else frozenset({Validator.EVERY_ALGORITHM})


def planned(action: SignZone) -> tuple[KeySet, Content]:
    """What a signing makes: keys with the SEP flag sign the DNSKEY RRset, the others the rest. Of an algorithm of which
    no other key signs, those with the flag sign all; keys that are not published sign no DNSKEY RRset."""
    keys, signers = zone_keys(action.keys), zone_keys(action.signers)
    split = {key.algorithm for key in signers if not key.is_sep}
    content = frozenset(key for key in signers if not key.is_sep or key.algorithm not in split)
    return KeySet(keys, frozenset(key for key in signers & keys if key.is_sep)), Content(content)


def for_any_rrset(facts: Facts, zone: Name, limits: Limits) -> Limits:
    """The limits by which any RRset of the zone may be held: as long as that of the largest TTL.

    Of a zone that its server keeps nobody tells the largest TTL: not all of it is looked at.
    """
    longest = timedelta(seconds=facts.longest_ttl(zone))
    if facts.zone_keys(zone) is None:
        longest = max(longest, limits.assumed_past_ttl)
    return replace(
        limits,
        hold_floor=max(limits.hold_floor, limits.ttl_factor * longest),
        assumed_past_ttl=max(limits.assumed_past_ttl, longest),
    )


def caches(facts: Facts, zone: Name, now: Instant, limits: Limits) -> Caches:
    """Everything of the zone that may be held. DNSKEY RRsets by their own TTL, the content by the zone's largest."""
    stretched = for_any_rrset(facts, zone, limits)
    known = _known(facts, zone, now, limits)
    dnskeys = possible_answers(facts, zone, zone, DNSKEY_TYPE, now, limits)
    soas = possible_answers(facts, zone, zone, SOA_TYPE, now, stretched)
    keys = [HeldKeys(_key_set(zone, held.answer, now), held) for held in dnskeys.held]
    contents = [HeldContent(Content(_signers(zone, held.answer, known, now)), held) for held in soas.held]
    keys += [HeldKeys(planned(action)[0], held) for action, held in _signings(facts, zone, DNSKEY_TYPE, now, limits)]
    contents += [
        HeldContent(planned(action)[1], held) for action, held in _signings(facts, zone, SOA_TYPE, now, stretched)
    ]
    past = possible_answers(facts, zone, zone, DNSKEY_TYPE, now, stretched)
    return Caches(tuple(keys), tuple(contents), past.unknown)


def served_keys(facts: Facts, zone: Name, now: Instant) -> KeySet | None:
    """What the authority furthest ahead serves; None: none has been seen to answer."""
    answer = newest(facts, zone, zone, DNSKEY_TYPE)
    return None if answer is None else _key_set(zone, answer, now)


def served_content(facts: Facts, zone: Name, now: Instant, limits: Limits) -> Content | None:
    """As ``served_keys``, of the rest."""
    answer = newest(facts, zone, zone, SOA_TYPE)
    return None if answer is None else Content(_signers(zone, answer, _known(facts, zone, now, limits), now))


def zone_keys(rdatas: Iterable[bytes]) -> frozenset[DNSKEY]:
    """The keys that may sign a zone. What is malformed is no key, and a revoked one vouches for nothing."""
    found = set[DNSKEY]()
    for rdata in rdatas:
        try:
            key = DNSKEY.from_rdata(rdata)
        except MalformedKeyError:
            continue  # an authority may serve anything
        if key.is_zone_key and not key.revoked:
            found.add(key)
    return frozenset(found)


def ds_records(answer: Answer) -> tuple[DS, ...]:
    found: list[DS] = []
    for rdata in sorted(answer.rdatas) if isinstance(answer, RRset) else ():
        try:
            found.append(DS.from_rdata(rdata))
        except MalformedKeyError:
            continue  # a parent may serve anything
    return tuple(found)


# -- from what was seen -----------------------------------------------------------------------------------------------


def _key_set(zone: Name, answer: Answer, now: Instant) -> KeySet:
    if not isinstance(answer, RRset):
        return KeySet(frozenset(), frozenset())
    keys = zone_keys(answer.rdatas)
    return KeySet(keys, _signers(zone, answer, keys, now))


def _signers(zone: Name, answer: Answer, keys: frozenset[DNSKEY], now: Instant) -> frozenset[DNSKEY]:
    """Those of the keys that sign the RRset."""
    if not isinstance(answer, RRset):
        return frozenset()
    found = set[DNSKEY]()
    for rdata in answer.rrsigs:
        try:
            signature = RRSIG.from_rdata(rdata)
        except MalformedSignatureError:
            continue  # an authority may serve anything
        if signature.signer == zone and date_fault(signature, now) is None:
            found.update(key for key in keys if _made(rdata, answer, key))
    return frozenset(found)


@lru_cache(maxsize=4096)
def _made(rdata: bytes, rrset: RRset, key: DNSKEY) -> bool:
    """Whether the key made the signature. The same few are asked for pass after pass."""
    signature = RRSIG.from_rdata(rdata)
    label = signature.algorithm, signature.key_tag
    return label == (key.algorithm, key.tag) and verify(signature, rrset, key)


def _known(facts: Facts, zone: Name, now: Instant, limits: Limits) -> frozenset[DNSKEY]:
    """Every key that is heard of: whose signatures there may be."""
    held = possible_answers(facts, zone, zone, DNSKEY_TYPE, now, limits).held
    seen = [rdata for h in held if isinstance(h.answer, RRset) for rdata in h.answer.rdatas]
    store = facts.zone_keys(zone)
    own = [pair.dnskey for pair in store.pairs] if store is not None else []
    done = [rdata for deed in facts.deeds for rdata in _used(deed, zone)]
    return zone_keys([*seen, *own, *done])


def _used(deed: Deed, zone: Name) -> frozenset[bytes]:
    """The keys of a signing of the zone; none of anything else."""
    match deed.action:
        case SignZone(name) as signing if name == zone:
            return signing.keys | signing.signers
    return frozenset()


def _signings(facts: Facts, zone: Name, type: int, now: Instant, limits: Limits) -> Iterable[tuple[SignZone, Held]]:
    """Signings that may be served, though no authority was seen to do so: begun, or done and not looked at since."""
    sighted = newest(facts, zone, zone, type)
    if sighted is None:
        return
    # Held as long as what is there now; whose signatures it has is for the signing to say.
    stand_in = replace(sighted, rrsigs=frozenset()) if isinstance(sighted, RRset) else sighted
    signings = (deed for deed in facts.deeds if _used(deed, zone))
    for deed, held in possible_writes(facts, zone, stand_in, signings, now, limits):
        if isinstance(deed.action, SignZone):
            yield deed.action, held
