"""Does a presented chain match a TLSA RRset? Record by record, with the certificate that matched or the reason why not.

The rules are those of RFC 6698 as RFC 7671 updates it. One match is enough for a client. A *publisher* must be stricter
(RFC 7671 §8), because he cannot know which client will come: that is ``danelaw.core.tlsa.clients``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from danelaw.core.model import Chain, Instant, Reason
from danelaw.core.tlsa.paths import out_of_date
from danelaw.core.tlsa.profiles import RFC, Profile
from danelaw.core.tlsa.records import CertificateUsage, Combination, MatchingType, TLSARecord, unusable
from danelaw.core.tlsa.reference import Reference
from danelaw.core.tlsa.standing import Standing, standing

__all__ = [
    "Match",
    "Profile",
    "RecordMatch",
    "Verdict",
    "match",
    "set_aside",
    "strongest_digests",
    "weaker",
]


class Verdict(enum.Enum):
    MATCHED = "matched"
    MISMATCH = "mismatch"
    NOTHING_USABLE = "nothing-usable"


@dataclass(frozen=True, slots=True)
class RecordMatch:
    """One record's outcome: it names ``certificate`` at ``depth``, or ``reason`` says why it does not count."""

    record: TLSARecord
    depth: int | None
    certificate: bytes | None
    reason: Reason | None

    @property
    def matched(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Match:
    """``records`` are in the order given; ``reason`` is the most telling one, None where something matched."""

    verdict: Verdict
    records: tuple[RecordMatch, ...]
    reason: Reason | None

    @property
    def by(self) -> RecordMatch | None:
        """The first record that matched."""
        return next((record for record in self.records if record.matched), None)


_MOST_TELLING: Final = (
    # the right certificate, and something else is wrong with it
    "EXPIRED",
    "NOT_YET_VALID",
    "NAME_MISMATCH",
    "TA_AT_DEPTH_0",
    "NOT_A_CA",
    "BAD_SIGNATURE",
    "PATH_TOO_LONG",
    "NAME_NOT_PERMITTED",
    "NOT_FOR_SERVERS",
    "WEAK_SIGNATURE",
    "WEAK_KEY",
    "ISSUER_SPELT_OTHERWISE",
    "UNKNOWN_EXTENSION",
    "NO_PATH",
    "PKIX_INVALID",
    "PKIX_UNTRUSTED",
    "UNREADABLE_LEAF",
    "RAW_PUBLIC_KEY",
    # another certificate
    "MISMATCH",
    "TA_NOT_PRESENTED",
    # a record that this client does not look at
    "WEAKER_DIGEST",
    "DIGEST_LENGTH",
    "MALFORMED_DATA",
    "EMPTY_DATA",
)


def match(
    records: Iterable[TLSARecord],
    chain: Chain,
    reference: Reference,
    at: Instant,
    profile: Profile = RFC,
) -> Match:
    """Match a secure TLSA RRset against a presented chain, as a client of this profile does at that time."""
    listed = tuple(records)
    useless = [
        set_aside(record, reference, profile.supported, pkix=profile.pkix_when_opportunistic) for record in listed
    ]
    usable = [record for record, why in zip(listed, useless, strict=True) if why is None]
    strongest = strongest_digests(record.combination for record in usable) if profile.agility else {}
    outcomes = []
    for record, why in zip(listed, useless, strict=True):
        if why is not None:
            outcomes.append(RecordMatch(record, None, None, why))
        elif weaker(record.combination, strongest):
            outcomes.append(RecordMatch(record, None, None, _weaker(record)))
        else:
            outcomes.append(_judged(record, standing(record, chain, reference, profile, at), at, profile.skew))
    if any(outcome.matched for outcome in outcomes):
        return Match(Verdict.MATCHED, tuple(outcomes), None)
    reasons = sorted((o.reason for o in outcomes if o.reason is not None), key=_rank)
    verdict = Verdict.MISMATCH if usable else Verdict.NOTHING_USABLE
    return Match(verdict, tuple(outcomes), reasons[0] if reasons else None)


def set_aside(
    record: TLSARecord, reference: Reference, supported: frozenset[Combination] | None, *, pkix: bool = False
) -> Reason | None:
    """Why a client with this support leaves a record out before any matching; None if it doesn't.

    On port 25 the PKIX usages are unusable, unless ``pkix``: what they would mean there is undefined (RFC 7672 §3.1.3),
    and publishers are told to keep away from them (RFC 7671 §4.1).
    """
    why = unusable(record)
    if why is not None:
        return why
    usages = (CertificateUsage.PKIX_TA, CertificateUsage.PKIX_EE)
    if reference.opportunistic and not pkix and record.combination.usage in usages:
        return Reason("PKIX_USAGE_OPPORTUNISTIC", "RFC 7671 §4.1", record.brief(), "a PKIX usage on port 25")
    if supported is not None and record.combination not in supported:
        return Reason("UNSUPPORTED", "RFC 6698 §4.1", record.brief(), "this client does not support it")
    return None


def strongest_digests(combinations: Iterable[Combination]) -> dict[tuple[int, int], int]:
    """For each usage and selector, the strongest matching type that is there (RFC 7671 §9)."""
    strongest: dict[tuple[int, int], int] = {}
    for combination in combinations:
        key = (combination.usage, combination.selector)
        strongest[key] = max(strongest.get(key, 0), combination.mtype)
    return strongest


def weaker(combination: Combination, strongest: dict[tuple[int, int], int]) -> bool:
    """Whether digest agility leaves this combination out; full data is never left out (RFC 7671 §9)."""
    best = strongest.get((combination.usage, combination.selector), combination.mtype)
    return MatchingType.FULL < combination.mtype < best


def _judged(record: TLSARecord, found: Standing, at: Instant, skew: timedelta) -> RecordMatch:
    why = found.why
    if why is None and not found.always:
        why = out_of_date(found.paths, at, skew)
    return RecordMatch(record, found.depth, found.certificate, why)


def _weaker(record: TLSARecord) -> Reason:
    detail = "a stronger digest of this usage and selector is there"
    return Reason("WEAKER_DIGEST", "RFC 7671 §9", record.brief(), detail)


def _rank(reason: Reason) -> int:
    return _MOST_TELLING.index(reason.code) if reason.code in _MOST_TELLING else len(_MOST_TELLING)
