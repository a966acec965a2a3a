"""Associations: what a TLSA record must hold to name a certificate or a key."""

from __future__ import annotations

import hashlib
from typing import Final

from danelaw.core.model import Chain, DanelawError
from danelaw.core.tlsa.der import MalformedDER, certificate_fields, is_spki
from danelaw.core.tlsa.records import CertificateUsage, Combination, MatchingType, Selector, TLSARecord

EE_USAGES: Final = frozenset({CertificateUsage.PKIX_EE, CertificateUsage.DANE_EE})
PKIX_USAGES: Final = frozenset({CertificateUsage.PKIX_TA, CertificateUsage.PKIX_EE})


def associate(combination: Combination, chain: Chain) -> TLSARecord:
    """The record that names this chain's leaf (usages 1 and 3) or the CA in it that issued the leaf (0 and 2).

    The CA's certificate must be among those presented (RFC 7671 §5.2.2). Raises ``DanelawError``: ``EMPTY_INPUT``,
    ``UNKNOWN_COMBINATION``, ``NOT_A_CERTIFICATE``, ``NO_ISSUER_PRESENTED``.
    """
    _demand_known(combination)
    if not chain.ders or not chain.ders[0]:
        raise _empty("a chain without a certificate")
    der = chain.ders[0] if combination.usage in EE_USAGES else issuer_presented(chain)
    if der is None:
        raise DanelawError(
            "NO_ISSUER_PRESENTED",
            "no certificate of the chain issued its leaf",
            evidence=f"{len(chain.ders)} certificates presented",
            hint="serve the full chain, or use certificate usage 3",
        )
    try:
        fields = certificate_fields(der)
    except MalformedDER as error:
        raise DanelawError("NOT_A_CERTIFICATE", "this is not a certificate in DER", evidence=str(error)) from error
    content = der if combination.selector == Selector.CERT else fields.spki
    return TLSARecord(combination, project(combination.mtype, content))


def from_spki(combination: Combination, spki: bytes) -> TLSARecord:
    """The record that names a public key, given as SubjectPublicKeyInfo in DER: a key that has no certificate yet.

    Raises ``DanelawError``: ``EMPTY_INPUT``, ``UNKNOWN_COMBINATION``, ``SELECTOR_NEEDS_CERTIFICATE``,
    ``NOT_A_PUBLIC_KEY``.
    """
    _demand_known(combination)
    if not spki:
        raise _empty("a key of no octets")
    if combination.selector != Selector.SPKI:
        raise DanelawError(
            "SELECTOR_NEEDS_CERTIFICATE",
            f"a {combination} record is about a whole certificate, and here is only a key",
            hint="use selector 1, or give the certificate",
        )
    if not is_spki(spki):
        raise DanelawError("NOT_A_PUBLIC_KEY", "this is not a SubjectPublicKeyInfo in DER")
    return TLSARecord(combination, project(combination.mtype, spki))


def project(mtype: int, content: bytes) -> bytes:
    """The association data for selected content (RFC 6698 §2.1.3, §2.1.4).

    Raises ``DanelawError("EMPTY_INPUT")``: the digest of nothing, ``e3b0c442…``, is what a pipeline publishes whose
    first part failed.
    """
    if not content:
        raise _empty("content of no octets")
    match MatchingType(mtype):
        case MatchingType.FULL:
            return content
        case MatchingType.SHA2_256:
            return hashlib.sha256(content).digest()
        case MatchingType.SHA2_512:
            return hashlib.sha512(content).digest()
        case MatchingType.PRIV_MATCH:
            raise DanelawError("UNKNOWN_COMBINATION", "matching type 255 is for private use")


def issuer_presented(chain: Chain) -> bytes | None:
    """The first certificate of the chain, the leaf aside, whose key signed the leaf; a leaf sent twice is no CA."""
    from danelaw.core.tlsa.x509 import parse, signed_by  # here, since most records name no CA

    leaf = parse(chain.ders[0])
    if leaf is None:
        return None
    for der in chain.ders[1:]:
        issuer = parse(der)
        if der != leaf.der and issuer is not None and issuer.signs_certificates and signed_by(leaf, issuer):
            return der
    return None


def _demand_known(combination: Combination) -> None:
    if not combination.known:
        raise DanelawError(
            "UNKNOWN_COMBINATION",
            f"nothing can be associated under {combination}",
            hint="usages are 0 to 3, selectors 0 and 1, matching types 0 to 2; 3 1 1 fits most services",
        )


def _empty(what: str) -> DanelawError:
    return DanelawError("EMPTY_INPUT", "an association over nothing matches nothing", evidence=what)
