"""Whether a client connects in the end: by DANE, by PKIX where DANE says nothing, or not at all."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from danelaw.core.model import Chain, Instant, Reason
from danelaw.core.tlsa.match import Match, Verdict
from danelaw.core.tlsa.paths import pkix_valid
from danelaw.core.tlsa.profiles import Profile
from danelaw.core.tlsa.reference import Reference


class Basis(enum.Enum):
    """On what a client relies."""

    DANE = "dane"
    PKIX = "pkix"
    """As if there were no TLSA records (RFC 6698 §4.1, RFC 7673 §4.1)."""
    NOTHING = "nothing"
    """TLS with whoever answers: SMTP between servers, with records that nobody can use (RFC 7672 §2.2)."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """``basis``: None where the client refuses, and ``reason`` says why; a ``reason`` beside a basis that is not DANE
    says why not by DANE."""

    basis: Basis | None
    reason: Reason | None


def acceptance(found: Match, chain: Chain, reference: Reference, at: Instant, profile: Profile) -> Acceptance:
    """What a client of this profile does, having found this match of a secure RRset that is not empty."""
    match found.verdict:
        case Verdict.MATCHED:
            return Acceptance(Basis.DANE, None)
        case Verdict.MISMATCH:
            return Acceptance(None, found.reason)
        case Verdict.NOTHING_USABLE:
            return _without(found, chain, reference, at, profile)


def _without(found: Match, chain: Chain, reference: Reference, at: Instant, profile: Profile) -> Acceptance:
    if profile.mandatory:
        return Acceptance(None, found.reason)
    if reference.opportunistic:
        return Acceptance(Basis.NOTHING, found.reason)
    reasons = [pkix_valid(chain, (name,), reference.roots, at, profile.skew) for name in reference.names]
    if None in reasons:
        return Acceptance(Basis.PKIX, found.reason)
    return Acceptance(None, reasons[0])
