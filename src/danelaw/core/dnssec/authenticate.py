"""What a zone's keys authenticate: one RRset with its signatures, judged (RFC 4035 §5.3). Pure and synchronous."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dns.name import Name

from danelaw.core.dnssec.algorithms import AlgorithmPolicy
from danelaw.core.dnssec.keys import DNSKEY, DS, KeysByTag, ds_matches
from danelaw.core.dnssec.rrsig import (
    RRSIG,
    MalformedSignatureError,
    date_fault,
    label_count,
    near,
    seconds,
    type_text,
    verify,
)
from danelaw.core.model import Instant, JudgedRRset, JudgedSignature, Outcome, Reason, RRset, Security


@dataclass(frozen=True, slots=True)
class Fault:
    """A verdict that is not "secure", and why: the most telling reason first.

    ``zone``: the cut where the way down from the trust anchor ended, if it was there. ``seen``: the RRset that failed.
    """

    state: Security
    reasons: tuple[Reason, ...]
    zone: Name | None = None
    seen: JudgedRRset | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one validation may cost. Honest zones stay far below (KeyTrap: CVE-2023-50387, CVE-2023-50868)."""

    signatures: int = 128
    """Signature checks and digests of keys, in all."""
    signatures_per_rrset: int = 8
    hashes: int = 16384
    """Iterations of NSEC3 hashing, in all."""
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
        self.hashes = 0

    def check_signature(self) -> None:
        """Raises ``WorkLimitError`` when there were too many."""
        self.signatures += 1
        if self.signatures > self.bounds.signatures:
            raise WorkLimitError(f"more than {self.bounds.signatures} signature checks")

    def hash(self, iterations: int) -> None:
        """Raises ``WorkLimitError`` when there were too many."""
        self.hashes += iterations
        if self.hashes > self.bounds.hashes:
            raise WorkLimitError(f"more than {self.bounds.hashes} iterations of NSEC3 hashing")


@dataclass(frozen=True, slots=True)
class Verifier:
    """The cryptography. Another one is for tests and replays of zones whose algorithms are gone."""

    signature: Callable[[RRSIG, RRset, DNSKEY], bool] = verify
    digest: Callable[[DS, Name, DNSKEY], bool] = ds_matches


@dataclass(frozen=True, slots=True)
class Judge:
    """The circumstances of a judgement: which algorithms count, what time it is, what it may cost.

    ``thorough``: signatures are tried beyond the first good one, so that the proof shows which others are bad.
    """

    policy: AlgorithmPolicy
    now: Instant
    work: Work
    verifier: Verifier = Verifier()
    thorough: bool = False


@dataclass(frozen=True, slots=True)
class Authentic:
    """An RRset with the signature that verifies it; the TTL is lowered as RFC 4035 §5.3.3 says.

    ``notes``: signatures that did not verify.
    """

    rrset: RRset
    rrsig: RRSIG
    seen: JudgedRRset
    notes: tuple[Reason, ...] = ()

    @property
    def expanded(self) -> bool:
        """Whether it came of a wildcard (RFC 4035 §5.3.4)."""
        return self.seen.wildcard is not None


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
_RANKS: Final = {code: rank for rank, code in enumerate(_TELLING)}


def ranked(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons without repetition, the most telling first; those without a rank keep their order, at the end."""
    return tuple(sorted(dict.fromkeys(reasons), key=lambda reason: _RANKS.get(reason.code, len(_RANKS))))


def label(owner: Name, type: int) -> str:
    """How reasons name an RRset."""
    return f"{owner} {type_text(type)}"


def reason(code: str, section: str, rrset: RRset, detail: str = "") -> Reason:
    """A reason that blames an RRset."""
    return Reason(code, section, label(rrset.owner, rrset.type), detail)


def authenticate(rrset: RRset, zone: Name, keys: KeysByTag, judge: Judge) -> Authentic | Fault:
    """The RRset with a signature by one of ``keys``, which are the zone's, or why none of its signatures will do.

    One good signature is enough (RFC 6840 §5.4). Denials that a wildcard expansion needs are the caller's to ask for.
    """
    trial = _Trial(rrset, zone, keys, judge)
    for rdata in sorted(rrset.rrsigs):
        trial.hear(rdata)
    faults = ranked(trial.faults)
    if trial.good is None:
        if not rrset.rrsigs:
            faults = (reason("SIGNATURE_MISSING", "RFC 4035 §5.3.1", rrset, f"in {zone}"),)
        seen = JudgedRRset(zone, rrset, Security.BOGUS, tuple(trial.judged), None, faults, trial.malformed)
        return Fault(Security.BOGUS, faults, seen=seen)
    lowered = _lowered(rrset, trial.good, judge.now)
    wildcard = _wildcard(rrset.owner, trial.good)
    seen = JudgedRRset(zone, lowered, Security.SECURE, tuple(trial.judged), wildcard, (), trial.malformed)
    return Authentic(lowered, trial.good, seen, faults)


class _Trial:
    """The signatures of one RRset, heard one by one."""

    def __init__(self, rrset: RRset, zone: Name, keys: KeysByTag, judge: Judge) -> None:
        self._rrset = rrset
        self._zone = zone
        self._keys = keys
        self._judge = judge
        self._checks = 0
        self.good: RRSIG | None = None
        self.judged: list[JudgedSignature] = []
        self.faults: list[Reason] = []
        self.malformed = 0

    def hear(self, rdata: bytes) -> None:
        try:
            rrsig = RRSIG.from_rdata(rdata)
        except MalformedSignatureError as error:
            self.malformed += 1
            self.faults.append(reason("SIGNATURE_MALFORMED", "RFC 4034 §3.1", self._rrset, str(error)))
            return
        outcome, fault = self._outcome(rrsig)
        if outcome is Outcome.VALID and self.good is None:
            self.good = rrsig
        if fault is not None:
            self.faults.append(fault)
        self.judged.append(judged_signature(rrsig, self._judge.now, outcome, fault))

    def _outcome(self, rrsig: RRSIG) -> tuple[Outcome, Reason | None]:
        fault = self._unfit(rrsig)
        if fault is not None:
            return Outcome.FAILED, fault
        candidates, fault = self._candidates(rrsig)
        for key in candidates:
            if self.good is not None and (not self._judge.thorough or self._spent):
                return Outcome.NOT_TRIED, None
            self._checks += 1
            if self._checks > self._judge.work.bounds.signatures_per_rrset:
                detail = f"more than {self._checks - 1} signature checks"
                return Outcome.NOT_TRIED, reason("WORK_LIMIT", "RFC 4035 §5.4", self._rrset, detail)
            self._judge.work.check_signature()
            if self._judge.verifier.signature(rrsig, self._rrset, key):
                return Outcome.VALID, None
            fault = reason("SIGNATURE_INVALID", "RFC 4035 §5.3.3", self._rrset, str(rrsig))
        return Outcome.FAILED, fault

    @property
    def _spent(self) -> bool:
        """Whether there is no work left to do out of thoroughness."""
        work = self._judge.work
        return self._checks >= work.bounds.signatures_per_rrset or work.signatures >= work.bounds.signatures // 2

    def _unfit(self, rrsig: RRSIG) -> Reason | None:
        """Why a signature is not even to be tried (RFC 4035 §5.3.1)."""
        rrset = self._rrset
        if rrsig.signer != self._zone:
            return reason("SIGNER_MISMATCH", "RFC 4035 §5.3.1", rrset, f"{rrsig}; the zone is {self._zone}")
        if rrsig.labels > label_count(rrset.owner):
            return reason("SIGNATURE_INVALID", "RFC 4035 §5.3.1", rrset, f"{rrsig} for {rrsig.labels} labels")
        if not self._judge.policy.validates(rrsig.algorithm):
            return reason("ALGORITHM_UNSUPPORTED", "RFC 4035 §5.2", rrset, f"{rrsig} algorithm {rrsig.algorithm}")
        fault = date_fault(rrsig, self._judge.now)
        return fault and replace(fault, blamed=label(rrset.owner, rrset.type), detail=f"{rrsig}: {fault.detail}")

    def _candidates(self, rrsig: RRSIG) -> tuple[Sequence[DNSKEY], Reason | None]:
        """The keys that may have made a signature (RFC 4035 §5.3.1), or why there is none. Tags are not unique."""
        tagged = self._keys.get((rrsig.key_tag, rrsig.algorithm), ())
        fit = [key for key in tagged if key.is_zone_key and not key.revoked]
        if fit:
            return fit, None
        if not tagged:
            return [], reason("SIGNING_KEY_MISSING", "RFC 4035 §5.3.1", self._rrset, str(rrsig))
        if any(key.revoked for key in tagged):
            return [], reason("KEY_REVOKED", "RFC 5011 §2.1", self._rrset, str(rrsig))
        return [], reason("KEY_NOT_FOR_ZONE", "RFC 4034 §2.1.1", self._rrset, str(rrsig))


def judged_signature(rrsig: RRSIG, now: Instant, outcome: Outcome, fault: Reason | None) -> JudgedSignature:
    """The signature as the proof shows it."""
    return JudgedSignature(
        rrsig.type_covered,
        rrsig.algorithm,
        rrsig.labels,
        rrsig.original_ttl,
        near(rrsig.inception, now),
        near(rrsig.expiration, now),
        rrsig.key_tag,
        rrsig.signer,
        outcome,
        fault,
    )


def _wildcard(owner: Name, rrsig: RRSIG) -> Name | None:
    if rrsig.labels >= label_count(owner):
        return None
    return Name((b"*", *owner.labels[len(owner.labels) - 1 - rrsig.labels :]))


def _lowered(rrset: RRset, rrsig: RRSIG, now: Instant) -> RRset:
    remaining = (rrsig.expiration - seconds(now)) & 0xFFFFFFFF
    ttl = min(rrset.ttl, rrsig.original_ttl, remaining)
    return rrset if ttl == rrset.ttl else replace(rrset, ttl=ttl)
