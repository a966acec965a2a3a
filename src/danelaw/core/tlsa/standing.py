"""How a TLSA record stands to a presented chain, dates aside: what it names there, and what else has to be right.

The rules are those of RFC 6698 as RFC 7671 updates it, usage by usage.
"""

from __future__ import annotations

from dataclasses import dataclass

from danelaw.core.model import Chain, Instant, Reason
from danelaw.core.tlsa.ascents import STRICT_RULES, Rules
from danelaw.core.tlsa.associate import project
from danelaw.core.tlsa.der import MalformedDER, certificate_fields, is_spki
from danelaw.core.tlsa.kept import kept
from danelaw.core.tlsa.paths import (
    UNREADABLE,
    Path,
    Paths,
    anchored_paths,
    bare_key_paths,
    pkix_paths,
    self_signed_paths,
)
from danelaw.core.tlsa.profiles import STRICT, Profile
from danelaw.core.tlsa.records import CertificateUsage, MatchingType, Selector, TLSARecord, unusable
from danelaw.core.tlsa.reference import Reference
from danelaw.core.tlsa.x509 import names_match, parse, weak_key


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


def standing(
    record: TLSARecord, chain: Chain, reference: Reference, profile: Profile, at: Instant | None = None
) -> Standing:
    """How a usable record stands to a chain, dates aside, for a client of this profile.

    ``at``: when, for a client that looks at dates while it climbs; without it, and for publishers, who judge for all
    time, such a client takes the first issuer presented.

    A client is content with any one of the reference's names. A ``strict`` profile is for publishers, who must serve
    every client: a TA's certificate has to be presented (or wholly in the record: RFC 7671 §5.2.2), the leaf has to
    bear *every* name, and, outside SMTP and SRV, under DANE-EE too, where OpenSSL's users check names unless told not
    to; keys have to be strong enough for every TLS library; and no quirk of a lenient client counts.
    """
    asked = STRICT if profile.strict else profile
    rules = _rules(asked, at)
    match CertificateUsage(record.combination.usage):
        case CertificateUsage.DANE_EE:
            return _dane_ee(record, chain, reference, asked)
        case CertificateUsage.DANE_TA:
            return _dane_ta(record, chain, reference, asked, rules)
        case CertificateUsage.PKIX_EE:
            return _pkix_ee(record, chain, reference, asked, rules)
        case CertificateUsage.PKIX_TA:
            return _pkix_ta(record, chain, reference, asked, rules)
        case CertificateUsage.PRIV_CERT:
            return Standing(why=unusable(record))


def _dane_ee(record: TLSARecord, chain: Chain, reference: Reference, profile: Profile) -> Standing:
    """The leaf is named or not; no names, no dates, no issuer (RFC 7671 §5.1)."""
    why = _leaf_mismatch(record, chain)
    if why is not None:
        return Standing(why=why)
    leaf = chain.ders[0]
    if profile.strict and not is_spki(leaf) and parse(leaf) is None:
        return Standing(0, leaf, why=UNREADABLE)
    weak = weak_key(_spki(leaf)) if profile.strong_keys else None
    if weak is not None:
        return Standing(0, leaf, why=Reason("WEAK_KEY", "RFC 9325 §4.5", "leaf", weak))
    if profile.names_under_dane_ee and reference.names_under_dane_ee:
        misnamed = _misnamed(chain, reference, profile)
        if misnamed is not None:
            return Standing(0, leaf, why=misnamed)
    return Standing(0, leaf, always=True)


def _dane_ta(record: TLSARecord, chain: Chain, reference: Reference, profile: Profile, rules: Rules) -> Standing:
    """An issuer above the leaf is named, and the path to it, the leaf's name and all dates are good (RFC 7671 §5.2)."""
    paths = _to_anchor(record, chain, profile, rules)
    if paths is None:
        return Standing(why=_no_anchor(record, chain))
    if not paths.found:
        return Standing(why=paths.why)
    found = paths.found[0]
    anchor = record.data if found.above else found.certificates[-1].der
    misnamed = _misnamed(chain, reference, profile)
    if misnamed is not None:
        return Standing(found.depth, anchor, why=misnamed)
    return Standing(found.depth, anchor, paths=paths.found)


def _to_anchor(record: TLSARecord, chain: Chain, profile: Profile, rules: Rules) -> Paths | None:
    """The paths to what the record names: presented above the leaf, or else in the record itself; None: it is nowhere.

    What the leaf itself is named by is no anchor, but to those who take a self-signed leaf for one.
    """
    whole = record.combination.mtype == MatchingType.FULL
    certificate = whole and record.combination.selector == Selector.CERT
    anchors = frozenset(der for der in _above(chain) if names(record, der))
    named = bool(chain.ders) and names(record, chain.ders[0])
    if not named and certificate and profile.certificate_from_dns:
        return anchored_paths(chain, frozenset({record.data}), rules, from_dns=record.data, dated=profile.anchor_dates)
    if anchors:
        return anchored_paths(chain, anchors, rules, dated=profile.anchor_dates)
    if named:
        bare_key = whole and not certificate and profile.bare_key_of_leaf
        return self_signed_paths(chain, rules) if profile.ta_at_depth_0 or bare_key else None
    if whole and not certificate and profile.bare_key_from_dns:
        return bare_key_paths(chain, record.data, rules)
    return None


def _pkix_ee(record: TLSARecord, chain: Chain, reference: Reference, profile: Profile, rules: Rules) -> Standing:
    """The leaf is named, and it passes PKIX (RFC 7671 §5.3)."""
    why = _leaf_mismatch(record, chain)
    if why is not None:
        return Standing(why=why)
    paths = _pkix(chain, reference, profile, rules)
    return Standing(0, chain.ders[0], paths=paths.found, why=paths.why)


def _pkix_ta(record: TLSARecord, chain: Chain, reference: Reference, profile: Profile, rules: Rules) -> Standing:
    """A CA of a path that passes PKIX is named (RFC 7671 §5.4)."""
    paths = _pkix(chain, reference, profile, rules)
    through: list[tuple[int, Path]] = []
    for path in paths.found:
        depth = next((d for d, c in enumerate(path.certificates) if d and names(record, c.der)), None)
        if depth is not None and (not profile.strict or path.certificates[depth].der in chain.ders):
            through.append((depth, path))
    if through:
        depth, first = through[0]
        return Standing(depth, first.certificates[depth].der, paths=tuple(path for _, path in through))
    return Standing(why=paths.why or _no_anchor(record, chain))


def _pkix(chain: Chain, reference: Reference, profile: Profile, rules: Rules) -> Paths:
    """PKIX paths for all of the names; for a client, for one of them."""
    misnamed = _misnamed(chain, reference, profile)
    if misnamed is not None:
        return Paths((), misnamed)
    wanted = (reference.names,) if profile.strict else tuple((name,) for name in reference.names)
    why: Reason | None = None
    for some in wanted:
        paths = pkix_paths(chain, some, reference.roots, rules, web_pki=profile.web_pki, partial=profile.partial_chains)
        if paths.found:
            return paths
        why = why or paths.why
    return Paths((), why)


def _rules(profile: Profile, at: Instant | None) -> Rules:
    if profile.strict:
        return STRICT_RULES
    return Rules(
        any_purpose=profile.any_purpose,
        old_roots=profile.old_roots,
        silent_roots=profile.silent_roots,
        cas_by_key_usage=profile.cas_by_key_usage,
        greedy=profile.greedy,
        exact_key_ids=profile.exact_key_ids,
        ends_at_own_name=profile.ends_at_own_name,
        strong_keys=profile.strong_keys,
        at=at if profile.greedy and profile.timely else None,
    )


def _misnamed(chain: Chain, reference: Reference, profile: Profile) -> Reason | None:
    """None if the leaf bears one of the names; for publishers, if it bears all of them."""
    leaf = parse(chain.ders[0]) if chain.ders else None
    if leaf is None:
        return None  # that it cannot be read is said elsewhere
    wanted = (reference.names,) if profile.strict else tuple((name,) for name in reference.names)
    reasons = [
        names_match(
            leaf,
            some,
            common_name=profile.common_name,
            broad_wildcards=profile.broad_wildcards,
            partial_wildcards=profile.partial_wildcards,
        )
        for some in wanted
    ]
    return None if None in reasons else reasons[0]


def _above(chain: Chain) -> tuple[bytes, ...]:
    """Presented certificates, in whatever order, among which an anchor is looked for; a leaf sent twice is none."""
    return tuple(der for der in dict.fromkeys(chain.ders[1:]) if der != chain.ders[0])


def names(record: TLSARecord, der: bytes) -> bool:
    """Whether a record's data is the projection of this certificate (RFC 6698 §2.1), or of this raw public key."""
    return _projected(der, record.combination.selector, record.combination.mtype) == record.data


@kept(512)
def _projected(der: bytes, selector: int, mtype: int) -> bytes | None:
    """None where the certificate has nothing to be selected. Kept: there may be a thousand records of one kind."""
    content = _spki(der) if selector == Selector.SPKI else der
    return project(mtype, content) if content else None


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
