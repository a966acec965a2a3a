"""Whether the signatures over an RRset of a zone are those that it must have (RFC 4035 §2.2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.crypto import VERIFIABLE
from danelaw.core.dnssec.keys import DNSKEY, MalformedKeyError
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, date_fault, label_count, near, verify
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.model import Reason, RRset


@dataclass(frozen=True, slots=True)
class Keys:
    """A zone's keys. ``usable`` ones verify everything, ``revoked`` ones the DNSKEY RRset alone (RFC 5011 §2.1).

    ``known``: the algorithm and tag of those that were there before, and that no other key shares. ``algorithms``:
    those that every RRset must be signed with. ``unsupported``: those whose signatures nobody here can verify.
    """

    usable: tuple[DNSKEY, ...]
    revoked: tuple[DNSKEY, ...]
    known: frozenset[tuple[int, int]]
    algorithms: tuple[int, ...]
    unsupported: frozenset[int]
    _labelled: Mapping[tuple[int, int], Sequence[DNSKEY]] = field(repr=False)

    @classmethod
    def of(cls, rrset: RRset | None, before: RRset | None = None) -> Keys:
        now, then = (frozenset(_zone_keys(found)) if found else frozenset() for found in (rrset, before))
        labels = Counter((key.algorithm, key.tag) for key in now | then)
        known = frozenset(label for label in ((key.algorithm, key.tag) for key in now & then) if labels[label] == 1)
        ordered = sorted(now, key=DNSKEY.to_rdata)
        usable, revoked = ([key for key in ordered if key.revoked is is_revoked] for is_revoked in (False, True))
        labelled: dict[tuple[int, int], list[DNSKEY]] = defaultdict(list)
        for key in ordered:
            labelled[key.algorithm, key.tag].append(key)
        algorithms = {key.algorithm for key in now}
        unsupported = frozenset(algorithms - VERIFIABLE)
        needed = sorted({key.algorithm for key in usable} - unsupported)
        return cls(tuple(usable), tuple(revoked), known, tuple(needed), unsupported, labelled)

    def knows(self, rrsig: RRSIG) -> bool:
        return (rrsig.algorithm, rrsig.key_tag) in self.known

    def labelled(self, rrsig: RRSIG) -> Sequence[DNSKEY]:
        """Those that the signature may be by: several keys can have one tag (RFC 4034 appendix B)."""
        return self._labelled.get((rrsig.algorithm, rrsig.key_tag), ())


def _zone_keys(rrset: RRset) -> Iterator[DNSKEY]:
    for rdata in rrset.rdatas:
        try:
            key = DNSKEY.from_rdata(rdata)
        except MalformedKeyError:
            continue  # it verifies nothing, and its absence will show
        if key.is_zone_key:
            yield key


@dataclass(slots=True)
class Signed:
    """What was found of the signatures over one RRset. ``good``: each that is right, with the key that it is by.

    ``surplus``: by no key of the zone, beside good ones of each algorithm. ``verified``: how many were looked into.
    """

    faults: list[ZoneFinding] = field(default_factory=list)
    surplus: list[ZoneFinding] = field(default_factory=list)
    good: list[tuple[RRSIG, DNSKEY]] = field(default_factory=list)
    verified: int = 0

    @property
    def signers(self) -> frozenset[DNSKEY]:
        return frozenset(key for _, key in self.good)


def judge_signatures(apex: Name, rrset: RRset, keys: Keys, now: datetime, proved: RRset | None = None) -> Signed:
    """An RRset that must be signed. Every signature by a key of the zone must be right, and there must be one of each
    algorithm; those by unknown keys are passed over, as validators must do (RFC 6840 §5.12).

    ``proved``: as in ``zone_faults``. Codes: SIGNATURE_MISSING, SIGNATURE_MALFORMED, SIGNATURE_INVALID, SIGNATURE_TTL,
    SIGNATURE_EXPIRED, SIGNATURE_NOT_YET_VALID, SIGNER_MISMATCH, SIGNING_KEY_MISSING, KEY_REVOKED; of surplus ones
    SIGNATURE_KEYLESS.
    """
    signed, keyless, met = Signed(), list[RRSIG](), set[int]()
    same = proved is not None and (proved.ttl, proved.rdatas) == (rrset.ttl, rrset.rdatas)
    believed = proved.rrsigs if same and proved is not None else frozenset()
    for rdata in sorted(rrset.rrsigs):
        signed.verified += 1
        try:
            rrsig = RRSIG.from_rdata(rdata)
        except MalformedSignatureError as error:
            signed.faults.append(_fault("SIGNATURE_MALFORMED", "RFC 4034 §3.1", rrset, str(error)))
            continue
        candidates = keys.labelled(rrsig)
        fault = _field_fault(apex, rrset, rrsig)
        if fault is None and not candidates:
            keyless.append(rrsig)
            continue
        if fault is None and rrsig.algorithm in keys.unsupported:
            continue  # told of the key itself
        if fault is None:
            key, fault = _signer(rrset, rrsig, candidates, trusted=rdata in believed and keys.knows(rrsig))
        if fault is None and (wrong := date_fault(rrsig, now)) is not None:
            fault = _fault(wrong.code, wrong.section, rrset, _dates(rrsig, wrong, now))
        if fault is not None:
            signed.faults.append(fault)
        elif key is not None:
            signed.good.append((rrsig, key))
        if fault is not None or (key is not None and not key.revoked):
            met.add(rrsig.algorithm)
    for algorithm in sorted(set(keys.algorithms) - met):
        signed.faults.append(_missing(rrset, algorithm, keyless))
    for rrsig in keyless:
        if rrsig.algorithm in met or rrsig.algorithm not in keys.algorithms:
            said = f"signed by key {rrsig.key_tag} ({rrsig.algorithm}) too, which is not among the zone's"
            signed.surplus.append(_fault("SIGNATURE_KEYLESS", "RFC 6840 §5.12", rrset, said))
    return signed


def _fault(code: str, section: str, rrset: RRset, detail: str) -> ZoneFinding:
    return ZoneFinding(code, section, rrset.owner, rrset.type, detail)


def _field_fault(apex: Name, rrset: RRset, rrsig: RRSIG) -> ZoneFinding | None:
    """What of the fields is not as it must be, whoever signed."""
    if rrsig.signer != apex:
        said = f"signed in the name of {rrsig.signer}"
        return _fault("SIGNER_MISMATCH", "RFC 4035 §2.2", rrset, said)
    if rrsig.original_ttl != rrset.ttl:
        said = f"the TTL is {rrset.ttl}, and it was {rrsig.original_ttl} when key {rrsig.key_tag} signed"
        return _fault("SIGNATURE_TTL", "RFC 4035 §2.2", rrset, said)
    if rrsig.labels != (count := label_count(rrset.owner)):
        said = f"it counts {rrsig.labels} labels where there are {count}"
        return _fault("SIGNATURE_INVALID", "RFC 4035 §2.2", rrset, said)
    return None


def _signer(
    rrset: RRset, rrsig: RRSIG, candidates: Sequence[DNSKEY], *, trusted: bool
) -> tuple[DNSKEY | None, ZoneFinding | None]:
    """The key that the signature is by, or why it is by none. ``trusted``: by the only one, as was found before."""
    allowed = [key for key in candidates if not key.revoked or rrset.type == T.DNSKEY]
    if not allowed:
        said = f"signed by key {rrsig.key_tag}, which is revoked"
        return None, _fault("KEY_REVOKED", "RFC 5011 §2.1", rrset, said)
    for key in allowed:
        if trusted or verify(rrsig, rrset, key):
            return key, None
    return None, _fault("SIGNATURE_INVALID", "RFC 4035 §2.2", rrset, f"key {rrsig.key_tag} did not sign these records")


def _dates(rrsig: RRSIG, wrong: Reason, now: datetime) -> str:
    if wrong.code == "SIGNATURE_EXPIRED":
        return f"expired on {near(rrsig.expiration, now):%Y-%m-%dT%H:%M:%SZ} (key {rrsig.key_tag})"
    return f"not valid before {near(rrsig.inception, now):%Y-%m-%dT%H:%M:%SZ} (key {rrsig.key_tag})"


def _missing(rrset: RRset, algorithm: int, keyless: Sequence[RRSIG]) -> ZoneFinding:
    if others := sorted({rrsig.key_tag for rrsig in keyless if rrsig.algorithm == algorithm}):
        said = f"signed by key {', '.join(map(str, others))}, which is not among the zone's"
        return _fault("SIGNING_KEY_MISSING", "RFC 4035 §2.2", rrset, said)
    return _fault("SIGNATURE_MISSING", "RFC 4035 §2.2", rrset, f"no signature of algorithm {algorithm}")
