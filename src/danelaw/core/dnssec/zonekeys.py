"""What a zone's keys authenticate, and what authenticates a zone's keys (RFC 4035 §5.2, §5.3). Pure and synchronous.

``validate`` walks the tree and asks; each step it takes is judged here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.dnssec.algorithms import AlgorithmPolicy, DigestType
from danelaw.core.dnssec.keys import DNSKEY, DS, MalformedKeyError, ds_matches
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, date_fault, label_count, seconds, verify
from danelaw.core.model import Instant, Reason, RRset, Security


@dataclass(frozen=True, slots=True)
class Fault:
    """A verdict that is not "secure", and why: the most telling reason first."""

    state: Security
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ZoneKeys:
    """The keys that may sign in a zone, authenticated; good until ``until`` (TTLs and signatures: RFC 4035 §5.3.3)."""

    zone: Name
    keys: tuple[DNSKEY, ...]
    until: Instant


class ZoneKeyCache:
    """Authenticated zone keys for the next validation. One cache serves one set of anchors and one policy."""

    def __init__(self) -> None:
        self._held: dict[Name, ZoneKeys] = {}

    def hold(self, keys: ZoneKeys) -> None:
        self._held[keys.zone] = keys

    def closest(self, name: Name, top: Name, now: Instant) -> ZoneKeys | None:
        """The keys of the deepest zone at or above ``name``, and at or below ``top``, that are still good."""
        good = [
            keys
            for zone, keys in self._held.items()
            if now < keys.until and name.is_subdomain(zone) and zone.is_subdomain(top)
        ]
        return max(good, key=lambda keys: len(keys.zone), default=None)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one validation may cost. Honest zones stay far below (KeyTrap: CVE-2023-50387)."""

    signatures: int = 128
    """Signature checks in all."""
    signatures_per_rrset: int = 8
    questions: int = 96
    links: int = 12
    """CNAMEs and DNAMEs followed."""


class WorkLimitError(Exception):
    """A bound was hit. Never leaves the validator: it becomes a verdict."""


class Work:
    """What one validation has cost so far."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.signatures = 0

    def check_signature(self) -> None:
        """Raises ``WorkLimitError`` when there were too many."""
        self.signatures += 1
        if self.signatures > self.bounds.signatures:
            raise WorkLimitError(f"more than {self.bounds.signatures} signature checks")


@dataclass(frozen=True, slots=True)
class Judge:
    """The circumstances of a judgement: which algorithms count, what time it is, what it may cost."""

    policy: AlgorithmPolicy
    now: Instant
    work: Work


@dataclass(frozen=True, slots=True)
class Authentic:
    """An RRset with the signature that verifies it; the TTL is lowered as RFC 4035 §5.3.3 says.

    ``notes``: signatures that did not verify.
    """

    rrset: RRset
    rrsig: RRSIG
    notes: tuple[Reason, ...] = ()

    @property
    def expanded(self) -> bool:
        """Whether it came of a wildcard (RFC 4035 §5.3.4)."""
        return self.rrsig.labels < label_count(self.rrset.owner)


_TELLING: Final = (
    "WORK_LIMIT",
    "SIGNATURE_INVALID",
    "SIGNATURE_EXPIRED",
    "SIGNATURE_NOT_YET_VALID",
    "KEY_REVOKED",
    "KEY_NOT_FOR_ZONE",
    "SIGNING_KEY_MISSING",
    "ALGORITHM_UNSUPPORTED",
    "SIGNER_MISMATCH",
    "SIGNATURE_MALFORMED",
    "SIGNATURE_MISSING",
)


def ranked(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons without repetition, the most telling first; those without a rank keep their order, at the end."""
    order = {code: rank for rank, code in enumerate(_TELLING)}
    return tuple(sorted(dict.fromkeys(reasons), key=lambda reason: order.get(reason.code, len(order))))


def label(owner: Name, type: int) -> str:
    """How reasons name an RRset."""
    return f"{owner} {dns.rdatatype.to_text(RdataType.make(type))}"


def authenticate(rrset: RRset, keys: ZoneKeys, judge: Judge) -> Authentic | Fault:
    """The RRset with a signature by one of the zone's keys, or why none of its signatures will do.

    One good signature is enough (RFC 6840 §5.4). Denials that a wildcard expansion needs are the caller's to ask for.
    """
    if not rrset.rrsigs:
        reason = Reason("SIGNATURE_MISSING", "RFC 4035 §5.3.1", label(rrset.owner, rrset.type), f"in {keys.zone}")
        return Fault(Security.BOGUS, (reason,))
    faults: list[Reason] = []
    checks = 0
    for rdata in sorted(rrset.rrsigs):
        try:
            rrsig = RRSIG.from_rdata(rdata)
        except MalformedSignatureError as error:
            faults.append(_reason("SIGNATURE_MALFORMED", "RFC 4034 §3.1", rrset, str(error)))
            continue
        fault = _unfit(rrsig, rrset, keys, judge)
        if fault is not None:
            faults.append(fault)
            continue
        candidates, fault = _candidates(rrsig, rrset, keys)
        if fault is not None:
            faults.append(fault)
        for key in candidates:
            checks += 1
            if checks > judge.work.bounds.signatures_per_rrset:
                faults.append(_reason("WORK_LIMIT", "RFC 4035 §5.4", rrset, f"more than {checks - 1} signature checks"))
                return Fault(Security.BOGUS, ranked(faults))
            judge.work.check_signature()
            if verify(rrsig, rrset, key):
                return Authentic(_lowered(rrset, rrsig, judge.now), rrsig, ranked(faults))
            faults.append(_reason("SIGNATURE_INVALID", "RFC 4035 §5.3.3", rrset, str(rrsig)))
    return Fault(Security.BOGUS, ranked(faults))


def usable_ds(ds: Collection[DS], policy: AlgorithmPolicy) -> tuple[DS, ...]:
    """The DS records that may lead to a key: known digest and algorithm, and SHA-1 only where nothing else is.

    None left: the zone is treated as unsigned (RFC 4035 §5.2, RFC 6840 §5.2). SHA-1: RFC 4509 §3.
    """
    known = [one for one in ds if policy.validates(one.algorithm) and policy.validates_digest(one.digest_type)]
    stronger = [one for one in known if one.digest_type != DigestType.SHA1]
    return tuple(sorted(stronger or known, key=DS.to_rdata))


def establish(dnskeys: RRset, ds: Collection[DS], anchored: Collection[DNSKEY], judge: Judge) -> ZoneKeys | Fault:
    """The keys of a zone, from its DNSKEY RRset and what is believed of it: usable DS records, or anchored keys.

    A key that is believed must have the Zone flag, not be revoked, and have signed the RRset (RFC 4035 §5.2).
    """
    zone = dnskeys.owner
    keys = tuple(_parsed_keys(dnskeys.rdatas))
    believed = [key for key in keys if key in anchored or _digested(key, zone, ds, judge)]
    usable = tuple(key for key in believed if key.is_zone_key and not key.revoked)
    if not usable:
        wanted = ", ".join(str(tag) for tag in sorted({*(one.tag for one in ds), *(key.tag for key in anchored)}))
        if believed:
            code = "KEY_REVOKED" if any(key.revoked for key in believed) else "KEY_NOT_FOR_ZONE"
            reason = _reason(code, "RFC 4035 §5.2", dnskeys, f"key tag {wanted}")
        else:
            present = ", ".join(str(key.tag) for key in keys) or "none"
            reason = _reason("DS_MISMATCH", "RFC 4035 §5.2", dnskeys, f"DS for key {wanted}; keys present: {present}")
        return Fault(Security.BOGUS, (reason,))
    proof = authenticate(dnskeys, ZoneKeys(zone, usable, judge.now), judge)
    if isinstance(proof, Fault):
        return proof
    if proof.expanded:
        fault = _reason("SIGNATURE_INVALID", "RFC 4035 §5.2", dnskeys, "expanded from a wildcard")
        return Fault(Security.BOGUS, (fault,))
    return ZoneKeys(zone, keys, judge.now + timedelta(seconds=proof.rrset.ttl))


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


def _digested(key: DNSKEY, zone: Name, ds: Collection[DS], judge: Judge) -> bool:
    for one in ds:
        if (one.tag, one.algorithm) == (key.tag, key.algorithm):
            judge.work.check_signature()  # a digest costs less than a signature, and must be bounded all the same
            if ds_matches(one, zone, key):
                return True
    return False


def _unfit(rrsig: RRSIG, rrset: RRset, keys: ZoneKeys, judge: Judge) -> Reason | None:
    """Why a signature is not even to be tried (RFC 4035 §5.3.1)."""
    if rrsig.signer != keys.zone:
        return _reason("SIGNER_MISMATCH", "RFC 4035 §5.3.1", rrset, f"{rrsig}; the zone is {keys.zone}")
    if rrsig.labels > label_count(rrset.owner):
        return _reason("SIGNATURE_INVALID", "RFC 4035 §5.3.1", rrset, f"{rrsig} for {rrsig.labels} labels")
    if not judge.policy.validates(rrsig.algorithm):
        return _reason("ALGORITHM_UNSUPPORTED", "RFC 4035 §5.2", rrset, f"{rrsig} algorithm {rrsig.algorithm}")
    fault = date_fault(rrsig, judge.now)
    return fault and replace(fault, blamed=label(rrset.owner, rrset.type), detail=f"{rrsig}: {fault.detail}")


def _candidates(rrsig: RRSIG, rrset: RRset, keys: ZoneKeys) -> tuple[list[DNSKEY], Reason | None]:
    """The keys that may have made a signature (RFC 4035 §5.3.1), or why there is none. Tags are not unique."""
    tagged = [key for key in keys.keys if (key.tag, key.algorithm) == (rrsig.key_tag, rrsig.algorithm)]
    fit = [key for key in tagged if key.is_zone_key and not key.revoked]
    if fit:
        return fit, None
    if not tagged:
        return [], _reason("SIGNING_KEY_MISSING", "RFC 4035 §5.3.1", rrset, str(rrsig))
    if any(key.revoked for key in tagged):
        return [], _reason("KEY_REVOKED", "RFC 5011 §2.1", rrset, str(rrsig))
    return [], _reason("KEY_NOT_FOR_ZONE", "RFC 4034 §2.1.1", rrset, str(rrsig))


def _lowered(rrset: RRset, rrsig: RRSIG, now: Instant) -> RRset:
    remaining = (rrsig.expiration - seconds(now)) & 0xFFFFFFFF
    return replace(rrset, ttl=min(rrset.ttl, rrsig.original_ttl, remaining))


def _reason(code: str, section: str, rrset: RRset, detail: str) -> Reason:
    return Reason(code, section, label(rrset.owner, rrset.type), detail)
