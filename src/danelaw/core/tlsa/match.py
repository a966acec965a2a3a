"""Does a presented chain match a TLSA RRset? Record by record, with the certificate that matched or the reason why not.

The rules are those of RFC 6698 as RFC 7671 updates it. One match is enough for a client. A *publisher* must be stricter
(RFC 7671 §8), because he cannot know which client will come: that is ``danelaw.core.tlsa.clients``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final

from danelaw.core.model import Chain, Instant, Reason
from danelaw.core.tlsa.associate import project
from danelaw.core.tlsa.der import MalformedDER, certificate_fields, is_spki
from danelaw.core.tlsa.paths import Path, anchored_paths, out_of_date, pkix_paths
from danelaw.core.tlsa.records import (
    CertificateUsage,
    Combination,
    MatchingType,
    Selector,
    TLSARecord,
    unusable,
)
from danelaw.core.tlsa.reference import Reference
from danelaw.core.tlsa.x509 import names_match, parse


class Verdict(enum.Enum):
    MATCHED = "matched"
    MISMATCH = "mismatch"
    NOTHING_USABLE = "nothing-usable"


@dataclass(frozen=True, slots=True)
class Profile:
    """How one client matches.

    ``supported``: None for all known combinations. ``agility``: of the digests of one usage and selector only the
    strongest counts (RFC 7671 §9). ``strict``: as publishers must reckon, see ``Standing``. ``skew``: how far the
    client's clock may be wrong, either way.
    """

    supported: frozenset[Combination] | None = None
    agility: bool = True
    strict: bool = False
    skew: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a record stands to a chain, dates aside: one of ``always``, ``paths`` (with their dates), or ``why`` not.

    ``depth`` and ``certificate``: what it names, the leaf being 0; the certificate, or raw public key, is in DER.
    """

    depth: int | None = None
    certificate: bytes | None = None
    always: bool = False
    paths: tuple[Path, ...] = ()
    why: Reason | None = None


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
    profile: Profile = Profile(),
) -> Match:
    """Match a secure TLSA RRset against a presented chain, as a client of this profile does at that time."""
    listed = tuple(records)
    useless = [set_aside(record, reference, profile.supported) for record in listed]
    usable = [record for record, why in zip(listed, useless, strict=True) if why is None]
    strongest = strongest_digests(record.combination for record in usable) if profile.agility else {}
    outcomes = []
    for record, why in zip(listed, useless, strict=True):
        if why is not None:
            outcomes.append(RecordMatch(record, None, None, why))
        elif weaker(record.combination, strongest):
            outcomes.append(RecordMatch(record, None, None, _weaker(record)))
        else:
            outcomes.append(_judged(record, standing(record, chain, reference, profile.strict), at, profile.skew))
    if any(outcome.matched for outcome in outcomes):
        return Match(Verdict.MATCHED, tuple(outcomes), None)
    reasons = sorted((o.reason for o in outcomes if o.reason is not None), key=_rank)
    verdict = Verdict.MISMATCH if usable else Verdict.NOTHING_USABLE
    return Match(verdict, tuple(outcomes), reasons[0] if reasons else None)


def set_aside(record: TLSARecord, reference: Reference, supported: frozenset[Combination] | None) -> Reason | None:
    """Why a client with this support leaves a record out before any matching; None if it doesn't.

    On port 25 the PKIX usages are unusable: what they would mean there is undefined, and publishers are told to keep
    away from them (RFC 7671 §4.1).
    """
    why = unusable(record)
    if why is not None:
        return why
    if reference.opportunistic and record.combination.usage in (CertificateUsage.PKIX_TA, CertificateUsage.PKIX_EE):
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


@lru_cache(maxsize=4096)
def standing(record: TLSARecord, chain: Chain, reference: Reference, strict: bool) -> Standing:
    """How a usable record stands to a chain, dates aside.

    A client (``strict`` false) is content with any one of the reference's names. ``strict`` is for publishers, who
    must serve every client: a TA's certificate has to be presented (or wholly in the record: RFC 7671 §5.2.2), the
    leaf has to bear *every* name, and, outside SMTP and SRV, under DANE-EE too, where OpenSSL's users check names
    unless told not to.
    """
    match CertificateUsage(record.combination.usage):
        case CertificateUsage.DANE_EE:
            return _dane_ee(record, chain, reference, strict)
        case CertificateUsage.DANE_TA:
            return _dane_ta(record, chain, reference, strict)
        case CertificateUsage.PKIX_EE:
            return _pkix_ee(record, chain, reference, strict)
        case CertificateUsage.PKIX_TA:
            return _pkix_ta(record, chain, reference, strict)
        case CertificateUsage.PRIV_CERT:
            return Standing(why=unusable(record))


def _dane_ee(record: TLSARecord, chain: Chain, reference: Reference, strict: bool) -> Standing:
    """The leaf is named or not; no names, no dates, no issuer (RFC 7671 §5.1)."""
    why = _leaf_mismatch(record, chain)
    if why is not None:
        return Standing(why=why)
    leaf = chain.ders[0]
    parsed = parse(leaf)
    if strict and reference.names_under_dane_ee and parsed is not None:
        misnamed = names_match(parsed, reference.names)
        if misnamed is not None:
            return Standing(0, leaf, why=misnamed)
    return Standing(0, leaf, always=True)


def _dane_ta(record: TLSARecord, chain: Chain, reference: Reference, strict: bool) -> Standing:
    """An issuer above the leaf is named, and the path to it, the leaf's name and all dates are good (RFC 7671 §5.2)."""
    above = [der for der in chain.ders[1:] if der != chain.ders[0]]
    anchors = frozenset(der for der in above if names(record, der))
    if not anchors and _whole_certificate(record.combination):
        anchors = frozenset({record.data} - set(chain.ders[:1]))
    if not anchors:
        return Standing(why=_no_anchor(record, chain))
    paths = anchored_paths(chain, anchors)
    if not paths.found:
        return Standing(why=paths.why)
    found = paths.found[0]
    depth, anchor = len(found.certificates) - 1, found.certificates[-1].der
    misnamed = _misnamed(found, reference, strict)
    if misnamed is not None:
        return Standing(depth, anchor, why=misnamed)
    return Standing(depth, anchor, paths=paths.found)


def _pkix_ee(record: TLSARecord, chain: Chain, reference: Reference, strict: bool) -> Standing:
    """The leaf is named, and it passes PKIX (RFC 7671 §5.3)."""
    why = _leaf_mismatch(record, chain)
    if why is not None:
        return Standing(why=why)
    paths, why = _pkix(chain, reference, strict)
    return Standing(0, chain.ders[0], paths=paths, why=why)


def _pkix_ta(record: TLSARecord, chain: Chain, reference: Reference, strict: bool) -> Standing:
    """A CA of a path that passes PKIX is named (RFC 7671 §5.4)."""
    paths, why = _pkix(chain, reference, strict)
    through: list[Path] = []
    for path in paths:
        depth = next((d for d, c in enumerate(path.certificates) if d and names(record, c.der)), None)
        if depth is not None and (not strict or path.certificates[depth].der in chain.ders):
            through.append(path)
    if through:
        depth = next(d for d, c in enumerate(through[0].certificates) if d and names(record, c.der))
        return Standing(depth, through[0].certificates[depth].der, paths=tuple(through))
    return Standing(why=why or _no_anchor(record, chain))


def _pkix(chain: Chain, reference: Reference, strict: bool) -> tuple[tuple[Path, ...], Reason | None]:
    """PKIX paths for all of the names; for a client, for one of them."""
    wanted = (reference.names,) if strict else tuple((name,) for name in reference.names)
    why: Reason | None = None
    for some in wanted:
        paths = pkix_paths(chain, some, reference.roots)
        if paths.found:
            return paths.found, None
        why = why or paths.why
    return (), why


def _misnamed(path: Path, reference: Reference, strict: bool) -> Reason | None:
    leaf = path.certificates[0]
    if strict:
        return names_match(leaf, reference.names)
    reasons = [names_match(leaf, (name,)) for name in reference.names]
    return None if None in reasons else reasons[0]


def names(record: TLSARecord, der: bytes) -> bool:
    """Whether a record's data is the projection of this certificate (RFC 6698 §2.1), or of this raw public key."""
    content = _spki(der) if record.combination.selector == Selector.SPKI else der
    return bool(content) and project(record.combination.mtype, content) == record.data


def _spki(der: bytes) -> bytes:
    """The key of a certificate, or a raw public key itself (RFC 7250); nothing where neither can be read."""
    if is_spki(der):
        return der
    try:
        return certificate_fields(der).spki
    except MalformedDER:
        return b""


def _leaf_mismatch(record: TLSARecord, chain: Chain) -> Reason | None:
    if not chain.ders:
        return Reason("MISMATCH", "RFC 7671 §5.1", record.brief(), "the server presented no certificate")
    leaf = chain.ders[0]
    if is_spki(leaf) and (record.combination.usage, record.combination.selector) != (3, 1):
        return Reason("RAW_PUBLIC_KEY", "RFC 7671 §5.1", record.brief(), "only 3 1 x can name a raw public key")
    if names(record, leaf):
        return None
    at = next((depth for depth, der in enumerate(chain.ders) if depth and names(record, der)), None)
    detail = "it does not name the leaf" + (f", but the certificate at depth {at}" if at is not None else "")
    return Reason("MISMATCH", "RFC 6698 §2.1.1", record.brief(), detail)


def _no_anchor(record: TLSARecord, chain: Chain) -> Reason:
    if chain.ders and names(record, chain.ders[0]):
        detail = "it names the leaf, and a trust anchor is an issuer above it"
        return Reason("TA_AT_DEPTH_0", "RFC 7671 §5.2", record.brief(), detail)
    detail = "no CA certificate of the presented chain is the one that it names"
    return Reason("TA_NOT_PRESENTED", "RFC 7671 §5.2.2", record.brief(), detail)


def _whole_certificate(combination: Combination) -> bool:
    return combination.selector == Selector.CERT and combination.mtype == MatchingType.FULL


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
