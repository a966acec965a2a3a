"""Certification paths: from a leaf up to a DANE trust anchor (RFC 7671 §5.2), or to a client's root (RFC 5280 §6).

Judged once for all time: a path carries the span in which all of its certificates are valid, so that one look at a
chain serves every instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, reduce
from itertools import islice, pairwise
from typing import Final

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from dns.name import Name

from danelaw.core.model import Chain, Instant, Reason
from danelaw.core.tlsa.x509 import Certificate, Validity, constrained, names_match, parse, signed_by

_LONGEST: Final = 10
_MOST_PATHS: Final = 32
_MOST_STEPS: Final = 512  # a chain of look-alike cross certificates must not cost more than this


@dataclass(frozen=True, slots=True)
class Path:
    """Certificates from the leaf, depth 0, to the anchor; each is issued by the next."""

    certificates: tuple[Certificate, ...]
    validity: Validity


@dataclass(frozen=True, slots=True)
class Paths:
    """Every good path that was found, and, where there is none, why."""

    found: tuple[Path, ...]
    why: Reason | None


@lru_cache(maxsize=1024)
def anchored_paths(chain: Chain, anchors: frozenset[bytes]) -> Paths:
    """The paths from a presented leaf to one of these DANE trust anchors, certificates in DER (RFC 7671 §5.2).

    An anchor may be in the presented chain or not; what lies below it is. No root of the client plays a part, and an
    anchor need not be self-signed. Names and dates are the caller's to check.
    """
    leaf, presented = _read(chain)
    if leaf is None:
        return _unreadable()
    pool = _distinct((*presented, *_parsed(anchors)))
    good: list[Path] = []
    why: Reason | None = None
    for path in _climb(leaf, pool, anchors):
        flaw = _flaw(path)
        if flaw is None:
            good.append(Path(path, _validity(path)))
        else:
            why = why or flaw
    if good:
        return Paths(tuple(good), None)
    return Paths((), why or Reason("NO_PATH", "RFC 7671 §5.2", str(leaf), "the chain does not lead to the anchor"))


@lru_cache(maxsize=1024)
def pkix_paths(chain: Chain, names: tuple[Name, ...], roots: tuple[bytes, ...]) -> Paths:
    """The paths from a presented leaf to one of the client's roots that pass PKIX for every one of the names.

    A path goes on past a root that another root issued, since a PKIX-TA record may name the higher one
    (RFC 7671 §5.4).
    """
    leaf, presented = _read(chain)
    if leaf is None:
        return _unreadable()
    misnamed = names_match(leaf, names)
    if misnamed is not None:
        return Paths((), misnamed)
    trusted = _roots(roots)
    pool = _distinct((*presented, *trusted))
    good: list[Path] = []
    why: Reason | None = None
    for path in _climb(leaf, pool, frozenset(root.der for root in trusted)):
        flaw = _pkix_flaw(path, names)
        if flaw is None:
            good.append(Path(path, _validity(path)))
        else:
            why = why or flaw
    if good:
        return Paths(tuple(good), None)
    return Paths((), why or Reason("PKIX_UNTRUSTED", "RFC 5280 §6.1", str(leaf), "no path to a trusted root"))


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


def _read(chain: Chain) -> tuple[Certificate | None, tuple[Certificate, ...]]:
    leaf = parse(chain.ders[0]) if chain.ders else None
    return leaf, _parsed(der for der in chain.ders[1:] if der != chain.ders[0])


def _parsed(ders: Iterable[bytes]) -> tuple[Certificate, ...]:
    return tuple(certificate for certificate in map(parse, ders) if certificate is not None)


def _unreadable() -> Paths:
    return Paths((), Reason("UNREADABLE_LEAF", "RFC 5280 §4.1", "leaf", "not a certificate that can be read"))


@lru_cache(maxsize=16)
def _roots(ders: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    return _parsed(ders)


def _distinct(certificates: Iterable[Certificate]) -> dict[bytes, tuple[Certificate, ...]]:
    """Certificates by subject, each once."""
    pool: dict[bytes, tuple[Certificate, ...]] = {}
    for certificate in certificates:
        there = pool.get(certificate.subject, ())
        if all(certificate.der != other.der for other in there):
            pool[certificate.subject] = (*there, certificate)
    return pool


def _climb(
    leaf: Certificate, pool: dict[bytes, tuple[Certificate, ...]], ends: frozenset[bytes]
) -> Iterator[tuple[Certificate, ...]]:
    """The paths by names from the leaf to a certificate of ``ends``, shorter ones first, within bounds.

    Bounded because a server may present any number of certificates that name each other.
    """
    return islice(_walk(leaf, pool, ends), _MOST_PATHS)


def _walk(
    leaf: Certificate, pool: dict[bytes, tuple[Certificate, ...]], ends: frozenset[bytes]
) -> Iterator[tuple[Certificate, ...]]:
    waiting: list[tuple[Certificate, ...]] = [(leaf,)]
    for _ in range(_MOST_STEPS):
        if not waiting:
            return
        path = waiting.pop(0)
        for issuer in pool.get(path[-1].issuer, ()):
            if any(issuer.der == certificate.der for certificate in path):
                continue
            longer = (*path, issuer)
            if issuer.der in ends:
                yield longer
            if len(longer) < _LONGEST:
                waiting.append(longer)


def _validity(path: tuple[Certificate, ...]) -> Validity:
    return reduce(Validity.meet, (certificate.validity for certificate in path))


def _flaw(path: tuple[Certificate, ...]) -> Reason | None:
    """The first thing that is wrong with a path, dates aside (RFC 5280 §6.1.3, §6.1.4)."""
    leaf = path[0]
    below = 0  # intermediates that count against a path length limit: RFC 5280 §4.2.1.9
    for child, issuer in pairwise(path):
        if child is not leaf and not child.self_issued:
            below += 1
        if not issuer.signs_certificates:
            return Reason("NOT_A_CA", "RFC 5280 §6.1.4", str(issuer), "it may not sign certificates")
        if issuer.path_length is not None and below > issuer.path_length:
            return Reason("PATH_TOO_LONG", "RFC 5280 §4.2.1.9", str(issuer), f"{below} CAs below it")
        barred = constrained(issuer, leaf)
        if barred is not None:
            return Reason("NAME_NOT_PERMITTED", "RFC 5280 §4.2.1.10", str(issuer), f"it may not certify {barred}")
        if not signed_by(child, issuer):
            return Reason("BAD_SIGNATURE", "RFC 5280 §6.1.3", str(child), f"not signed by {issuer}")
    for certificate in path:
        if certificate.unknown is not None:
            detail = f"critical extension {certificate.unknown}"
            return Reason("UNKNOWN_EXTENSION", "RFC 5280 §4.2", str(certificate), detail)
    if not leaf.server_auth:
        return Reason("NOT_FOR_SERVERS", "RFC 5280 §4.2.1.12", str(leaf), "its purposes leave out TLS servers")
    return None


def _pkix_flaw(path: tuple[Certificate, ...], names: tuple[Name, ...]) -> Reason | None:
    """What the library's PKIX verification, to the path's end, has against it at a time when all of it is valid."""
    leaf, validity = path[0], _validity(path)
    if validity.start >= validity.end:
        return Reason("EXPIRED", "RFC 5280 §6.1.3", str(leaf), "its certificates are never valid together")
    builder = PolicyBuilder().store(Store([x509.load_der_x509_certificate(path[-1].der)])).time(validity.start)
    between = [x509.load_der_x509_certificate(certificate.der) for certificate in path[1:-1]]
    for name in names:
        try:
            verifier = builder.build_server_verifier(x509.DNSName(name.to_text(omit_final_dot=True)))
            verifier.verify(x509.load_der_x509_certificate(leaf.der), between)
        except (VerificationError, ValueError) as error:
            return Reason("PKIX_INVALID", "RFC 5280 §6.1", str(leaf), str(error))
    return None
