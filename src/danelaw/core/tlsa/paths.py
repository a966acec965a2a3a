"""Certification paths: from a leaf up to a DANE trust anchor (RFC 7671 §5.2), or to a client's root (RFC 5280 §6).

Judged once for all time: a path carries the span in which all of its certificates are valid, so that one look at a
chain serves every instant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Final

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from dns.name import Name

from danelaw.core.model import Chain, Instant, Reason
from danelaw.core.tlsa.ascents import STRICT_RULES, Ascent, Rules, ascents
from danelaw.core.tlsa.kept import kept
from danelaw.core.tlsa.x509 import Certificate, Validity, names_match, parse, signed_with

MOST_TOPS: Final = 4
"""A bare key is tried on no more certificates than these."""

UNREADABLE: Final = Reason("UNREADABLE_LEAF", "RFC 5280 §4.1", "leaf", "not a certificate that can be read")


@dataclass(frozen=True, slots=True)
class Path:
    """Certificates from the leaf, depth 0, upwards; each is issued by the next, the last of them is the anchor.

    ``above``: the anchor is not among them, but above them all: a key, without a certificate, that signed the last.
    """

    certificates: tuple[Certificate, ...]
    validity: Validity
    above: bool = False

    @property
    def depth(self) -> int:
        """The anchor's, the leaf being 0."""
        return len(self.certificates) if self.above else len(self.certificates) - 1


@dataclass(frozen=True, slots=True)
class Paths:
    """Every good path that was found, and, where there is none, why."""

    found: tuple[Path, ...]
    why: Reason | None


def anchored_paths(
    chain: Chain, anchors: frozenset[bytes], rules: Rules, *, from_dns: bytes | None = None, dated: bool = True
) -> Paths:
    """The paths from a presented leaf to one of these DANE trust anchors, certificates in DER (RFC 7671 §5.2).

    ``from_dns``: one of them that need not be presented; what lies below it is. No root of the client plays a part,
    and an anchor need not be self-signed; ``dated``: also then it has to be valid itself. Names and dates are the
    caller's to check.
    """
    ways = ascents(chain, () if from_dns is None else (from_dns,), rules)
    if not ways:
        return _unreadable()
    return _good(
        [way for way in ways[1:] if way.top.der in anchors],
        Reason("NO_PATH", "RFC 7671 §5.2", str(ways[0].top), "the chain does not lead to the anchor"),
        dated=dated,
    )


def bare_key_paths(chain: Chain, spki: bytes, rules: Rules) -> Paths:
    """The paths from a presented leaf to a certificate that this key signed, and nobody presented is above it
    (RFC 7671 §5.2.3). The key is a SubjectPublicKeyInfo in DER.
    """
    ways = ascents(chain, (), rules)
    if not ways:
        return _unreadable()
    topmost = [way for way in ways if way.topmost][:MOST_TOPS]
    return _good(
        [way for way in topmost if way.top.weak is None and signed_with(way.top, spki)],
        Reason("TA_NOT_PRESENTED", "RFC 7671 §5.2.3", str(ways[0].top), "nor did its key sign the top of the chain"),
        above=True,
    )


def self_signed_paths(chain: Chain, rules: Rules) -> Paths:
    """The path of the leaf alone, if it is signed with its own key."""
    ways = ascents(chain, (), rules)
    if not ways:
        return _unreadable()
    leaf = ways[0].top
    return _good(
        [way for way in ways[:1] if leaf.self_issued and signed_with(leaf, leaf.spki)],
        Reason("TA_AT_DEPTH_0", "RFC 7671 §5.2", str(leaf), "it is named as an anchor, and is not self-signed"),
    )


def pkix_paths(
    chain: Chain,
    names: tuple[Name, ...],
    roots: tuple[bytes, ...],
    rules: Rules = STRICT_RULES,
    *,
    web_pki: bool = True,
    partial: bool = False,
) -> Paths:
    """The paths from a presented leaf to one of the client's roots that pass PKIX for every one of the names.

    A path goes on past a root that another root issued, since a PKIX-TA record may name the higher one
    (RFC 7671 §5.4). ``web_pki``: the library's verifier, which is made for the CA/Browser Forum's rules, has to agree.
    ``partial``: a path may end at a root that another CA issued.
    """
    ways = ascents(chain, roots, rules)
    if not ways:
        return _unreadable()
    misnamed = names_match(ways[0].top, names) if web_pki else None
    if misnamed is not None:
        return Paths((), misnamed)
    trusted = frozenset(roots)
    ends = [way for way in ways[1:] if way.top.der in trusted and (partial or way.top.self_issued)]
    if not web_pki and ways[0].top.self_issued and ways[0].top.der in trusted:
        ends.append(ways[0])
    good: list[Path] = []
    why: Reason | None = None
    for way in ends:
        flaw = way.flaw or (_web_pki_flaw_when_valid(way, names) if web_pki else None)
        if flaw is None:
            good.append(_path(way))
        why = why or flaw
    if good:
        return Paths(tuple(good), None)
    leaf = str(ways[0].top)
    return Paths((), why or Reason("PKIX_UNTRUSTED", "RFC 5280 §6.1", leaf, "no path to a trusted root"))


def pkix_valid(
    chain: Chain,
    names: tuple[Name, ...],
    roots: tuple[bytes, ...],
    at: Instant,
    skew: timedelta = timedelta(0),
) -> Reason | None:
    """None if the chain is valid for every one of the names by a path to one of the roots, at that time, give or
    take ``skew``."""
    paths = pkix_paths(chain, names, roots)
    return paths.why if not paths.found else out_of_date(paths.found, at, skew)


def out_of_date(paths: Iterable[Path], at: Instant, skew: timedelta) -> Reason | None:
    """None if one of the paths is valid at that time, give or take ``skew``; else which certificate is not."""
    why: Reason | None = None
    for path in paths:
        if path.validity.covers(at, skew):
            return None
        for certificate in path.certificates:
            if why is None and not certificate.validity.covers(at, skew):
                why = _dated(certificate, at, skew)
    return why


def _dated(certificate: Certificate, at: Instant, skew: timedelta) -> Reason:
    validity = certificate.validity
    if at + skew >= validity.end:
        detail = f"valid until {validity.end:%Y-%m-%dT%H:%M:%SZ}, judged at {at:%Y-%m-%dT%H:%M:%SZ} ± {skew}"
        return Reason("EXPIRED", "RFC 5280 §6.1.3", str(certificate), detail)
    detail = f"valid from {validity.start:%Y-%m-%dT%H:%M:%SZ}, judged at {at:%Y-%m-%dT%H:%M:%SZ} ± {skew}"
    return Reason("NOT_YET_VALID", "RFC 5280 §6.1.3", str(certificate), detail)


def _unreadable() -> Paths:
    return Paths((), UNREADABLE)


def _good(reaching: list[Ascent], otherwise: Reason, *, above: bool = False, dated: bool = True) -> Paths:
    """Those of the ways to an anchor that have no flaw; else the flaw of the first of them, if there is any way."""
    sound = tuple(_path(way, above=above, dated=dated) for way in reaching if way.flaw is None)
    if sound:
        return Paths(sound, None)
    return Paths((), next((way.flaw for way in reaching if way.flaw is not None), otherwise))


def _path(way: Ascent, *, above: bool = False, dated: bool = True) -> Path:
    exempt = not (dated or way.top.self_issued)
    return Path(way.certificates, _validity(way.certificates[:-1] if exempt else way.certificates), above)


def _validity(path: tuple[Certificate, ...]) -> Validity:
    return reduce(Validity.meet, (certificate.validity for certificate in path))


def _web_pki_flaw_when_valid(way: Ascent, names: tuple[Name, ...]) -> Reason | None:
    """What the library has against a path at a time when all of it is valid."""
    validity = _validity(way.certificates)
    if validity.start >= validity.end:
        leaf = str(way.certificates[0])
        return Reason("EXPIRED", "RFC 5280 §6.1.3", leaf, "its certificates are never valid together")
    return _web_pki_flaw(tuple(certificate.der for certificate in way.certificates), names, validity.start)


@kept(1024)
def _web_pki_flaw(path: tuple[bytes, ...], names: tuple[Name, ...], at: Instant) -> Reason | None:
    """What the library's PKIX verification, to the path's end, has against it at that time."""
    leaf, *between, root = map(x509.load_der_x509_certificate, path)
    builder = PolicyBuilder().store(Store([root])).time(at)
    for name in names:
        try:
            verifier = builder.build_server_verifier(x509.DNSName(name.to_text(omit_final_dot=True)))
            verifier.verify(leaf, between)
        except (VerificationError, ValueError) as error:
            return Reason("PKIX_INVALID", "RFC 5280 §6.1", str(parse(path[0])), str(error))
    return None
