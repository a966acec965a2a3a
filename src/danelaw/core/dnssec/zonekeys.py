"""What authenticates a zone's keys: DS records or a trust anchor, and the zone's own signature (RFC 4035 §5.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from dns.name import Name

from danelaw.core.dnssec.algorithms import AlgorithmPolicy, DigestType
from danelaw.core.dnssec.authenticate import Fault, Judge, authenticate, reason
from danelaw.core.dnssec.canonical import CanonicalKey, canonical_key
from danelaw.core.dnssec.keys import DNSKEY, DS, KeysByTag, MalformedKeyError, by_tag, key_bits
from danelaw.core.model import (
    Instant,
    JudgedDigest,
    JudgedKey,
    JudgedRRset,
    JudgedZone,
    Outcome,
    Reason,
    RRset,
    Security,
)


@dataclass(frozen=True, slots=True)
class ZoneKeys:
    """The keys that may sign in a zone, authenticated at ``since``; good until ``until``, which TTLs and signatures say
    (RFC 4035 §5.3.3), and not before: a validation of an earlier time has its own dates to check.

    ``path``: the zones from the trust anchor down to this one, which prove it.
    """

    zone: Name
    keys: KeysByTag
    since: Instant
    until: Instant
    path: tuple[JudgedZone, ...] = ()


MOST_ZONES: Final = 16384


class ZoneKeyCache:
    """Authenticated zone keys for the next validation. One cache serves one set of anchors and one policy.

    It holds ``MOST_ZONES`` of them; those that were held first go first.
    """

    def __init__(self) -> None:
        self._held: dict[CanonicalKey, ZoneKeys] = {}  # an ancestor's key is the beginning of a name's

    def hold(self, keys: ZoneKeys) -> None:
        place = canonical_key(keys.zone)
        self._held.pop(place, None)
        while len(self._held) >= MOST_ZONES:
            del self._held[next(iter(self._held))]
        self._held[place] = keys

    def closest(self, name: Name, top: Name, now: Instant) -> ZoneKeys | None:
        """The keys of the deepest zone at or above ``name``, and at or below ``top``, that are still good."""
        path = canonical_key(name)
        for length in range(len(path), len(top) - 1, -1):
            keys = self._held.get(path[:length])
            if keys is not None and keys.since <= now < keys.until:
                return keys
        return None


@dataclass(frozen=True, slots=True)
class Believed:
    """What is believed of a zone's keys before they are seen: the parent's DS records, or a trust anchor.

    ``parent`` is None for an anchor, and ``seen`` the parent's DS RRset. ``until``: how long it may be believed.
    """

    zone: Name
    parent: Name | None
    ds: frozenset[DS]
    keys: frozenset[DNSKEY] = frozenset()
    seen: JudgedRRset | None = None
    until: Instant | None = None

    def unusable(self, judge: Judge) -> Fault | None:
        """Why no DS record of the parent's can be used here. Then the zone is treated as unsigned.

        RFC 4035 §5.2, RFC 6840 §5.2. Records that cannot be read say nothing of algorithms: no key will match them.
        """
        if self.parent is None or not self.ds or usable_ds(self.ds, judge.policy):
            return None
        said = {f"algorithm {one.algorithm} digest type {one.digest_type}" for one in self.ds}
        why = Reason("ALGORITHM_UNSUPPORTED", "RFC 4035 §5.2", f"{self.zone} DS", ", ".join(sorted(said)))
        return Fault(Security.INSECURE, (why,), self.zone)


def usable_ds(ds: Collection[DS], policy: AlgorithmPolicy) -> tuple[DS, ...]:
    """The DS records that may lead to a key: known digest and algorithm, and SHA-1 only where nothing else is.

    SHA-1: RFC 4509 §3.
    """
    known = [one for one in ds if policy.validates(one.algorithm) and policy.validates_digest(one.digest_type)]
    stronger = [one for one in known if one.digest_type != DigestType.SHA1]
    return tuple(sorted(stronger or known, key=DS.to_rdata))


def unestablished(believed: Believed, fault: Fault, judge: Judge) -> JudgedZone:
    """The zone as the proof shows it when its DNSKEY RRset was not asked for, or not had."""
    digests = tuple(_digests(believed, {}, judge)[0])
    return JudgedZone(
        believed.zone, believed.parent, fault.state, believed.seen, digests, reasons=fault.reasons, dnskey=fault.seen
    )


def establish(dnskeys: RRset, believed: Believed, judge: Judge) -> tuple[JudgedZone, ZoneKeys | None]:
    """The zone as the proof shows it, with its keys if they are authenticated.

    A key that is believed must have the Zone flag, not be revoked, and have signed the RRset (RFC 4035 §5.2).
    """
    keys = tuple(_parsed_keys(dnskeys.rdatas))
    tagged = by_tag(keys)
    digests, vouched = _digests(believed, tagged, judge)
    vouched |= believed.keys & set(keys)
    usable = by_tag(key for key in keys if key in vouched and key.is_zone_key and not key.revoked)
    if usable:
        proof = authenticate(dnskeys, believed.zone, usable, judge)
        if not isinstance(proof, Fault) and proof.expanded:
            why = reason("SIGNATURE_INVALID", "RFC 4035 §5.3.4", dnskeys, "expanded from a wildcard")
            proof = Fault(Security.BOGUS, (why,), seen=replace(proof.seen, state=Security.BOGUS, reasons=(why,)))
    else:
        why = _no_way_in(dnskeys, believed, keys, vouched)
        seen = JudgedRRset(believed.zone, dnskeys, Security.BOGUS, reasons=(why,))
        proof = Fault(Security.BOGUS, (why,), seen=seen)
    judged = JudgedZone(
        believed.zone,
        believed.parent,
        Security.SECURE,
        believed.seen,
        tuple(digests),
        dnskey=proof.seen,
        keys=tuple(_judged_key(key, dnskeys, key in vouched, judge.policy) for key in keys),
    )
    if isinstance(proof, Fault):
        return replace(judged, state=proof.state, reasons=proof.reasons), None
    until = judge.now + timedelta(seconds=proof.rrset.ttl)
    return judged, ZoneKeys(believed.zone, tagged, judge.now, min(until, believed.until or until))


def _no_way_in(dnskeys: RRset, believed: Believed, keys: Iterable[DNSKEY], vouched: Collection[DNSKEY]) -> Reason:
    """Why no key of the zone may be believed."""
    tags = sorted({*(one.tag for one in believed.ds), *(key.tag for key in believed.keys)})
    wanted = ", ".join(map(str, tags))
    if vouched:
        code = "KEY_REVOKED" if any(key.revoked for key in vouched) else "KEY_NOT_FOR_ZONE"
        return reason(code, "RFC 4035 §5.2", dnskeys, f"key tag {wanted}")
    present = ", ".join(str(key.tag) for key in keys) or "none"
    return reason("DS_MISMATCH", "RFC 4035 §5.2", dnskeys, f"DS for key {wanted}; keys present: {present}")


def _digests(believed: Believed, keys: KeysByTag, judge: Judge) -> tuple[list[JudgedDigest], set[DNSKEY]]:
    """Each DS record, judged, and the keys that they lead to. ``keys`` is empty where none were seen."""
    usable = frozenset(usable_ds(believed.ds, judge.policy))
    judged: list[JudgedDigest] = []
    found: set[DNSKEY] = set()
    for one in sorted(believed.ds, key=DS.to_rdata):
        outcome, fault = Outcome.NOT_TRIED, _passed_over(one, usable, believed.zone, judge.policy)
        if fault is None and keys:
            led_to = _led_to(one, believed.zone, keys.get((one.tag, one.algorithm), ()), judge)
            found |= led_to
            outcome = Outcome.VALID if led_to else Outcome.FAILED
            if not led_to:
                fault = _ds_reason("DS_MISMATCH", "RFC 4035 §5.2", believed.zone, f"no key has this digest: {one.tag}")
        judged.append(JudgedDigest(one.tag, one.algorithm, one.digest_type, one.digest, outcome, fault))
    return judged, found


def _led_to(ds: DS, zone: Name, keys: Iterable[DNSKEY], judge: Judge) -> set[DNSKEY]:
    found = set()
    for key in keys:
        judge.work.check_signature()  # a digest costs less than a signature, and must be bounded all the same
        if judge.verifier.digest(ds, zone, key):
            found.add(key)
    return found


def _passed_over(ds: DS, usable: Collection[DS], zone: Name, policy: AlgorithmPolicy) -> Reason | None:
    if ds in usable:
        return None
    if not policy.validates(ds.algorithm):
        return _ds_reason("ALGORITHM_UNSUPPORTED", "RFC 4035 §5.2", zone, f"key {ds.tag} algorithm {ds.algorithm}")
    if not policy.validates_digest(ds.digest_type):
        return _ds_reason("DIGEST_UNSUPPORTED", "RFC 4035 §5.2", zone, f"key {ds.tag} digest type {ds.digest_type}")
    return _ds_reason("DIGEST_PASSED_OVER", "RFC 4509 §3", zone, f"key {ds.tag}: SHA-1 beside a stronger digest")


def _ds_reason(code: str, section: str, zone: Name, detail: str) -> Reason:
    return Reason(code, section, f"{zone} DS", detail)


def _judged_key(key: DNSKEY, dnskeys: RRset, vouched: bool, policy: AlgorithmPolicy) -> JudgedKey:
    fault = None
    if key.revoked:
        fault = reason("KEY_REVOKED", "RFC 5011 §2.1", dnskeys, f"key {key.tag}")
    elif not key.is_zone_key:
        fault = reason("KEY_NOT_FOR_ZONE", "RFC 4034 §2.1.1", dnskeys, f"key {key.tag}")
    elif not policy.validates(key.algorithm):
        fault = reason("ALGORITHM_UNSUPPORTED", "RFC 4035 §5.2", dnskeys, f"key {key.tag} algorithm {key.algorithm}")
    return JudgedKey(key.to_rdata(), key.flags, key.algorithm, key.tag, key_bits(key), vouched, fault)


def parsed_ds(rdatas: Iterable[bytes]) -> frozenset[DS]:
    """The DS records that can be read. A malformed one beside them is passed over."""
    found = set()
    for rdata in rdatas:
        try:
            found.add(DS.from_rdata(rdata))
        except MalformedKeyError:
            continue
    return frozenset(found)


def _parsed_keys(rdatas: Iterable[bytes]) -> Iterable[DNSKEY]:
    for rdata in sorted(rdatas):
        try:
            yield DNSKEY.from_rdata(rdata)
        except MalformedKeyError:
            continue
