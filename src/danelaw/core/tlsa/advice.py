"""What to know before a TLSA record is published: choices that break at the next renewal, or that clients refuse.

Each piece of advice has its reason and its source. None of it keeps a record from being made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dns.name import Name

from danelaw.core.model import Instant
from danelaw.core.tlsa.associate import EE_USAGES, PKIX_USAGES
from danelaw.core.tlsa.material import Material, names_own_ca
from danelaw.core.tlsa.notation import is_wildcard
from danelaw.core.tlsa.outline import Outline, outline, rsa_bits
from danelaw.core.tlsa.records import CertificateUsage, Combination, MatchingType, Selector

SMALLEST_RSA: Final = 2048
_SMTP: Final = 25
_SHOWN: Final = 5
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Advice:
    """``about``: the combination, host or key that is meant."""

    code: str
    citation: str
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where records are to stand: an endpoint's host, port and transport."""

    host: Name
    port: int
    transport: str = "tcp"

    @property
    def between_mail_servers(self) -> bool:
        return self.port == _SMTP and self.transport == "tcp"

    def __str__(self) -> str:
        return f"{self.host.to_text(omit_final_dot=True)}:{self.port}" + (
            "" if self.transport == "tcp" else f"/{self.transport}"
        )


def advise(
    combinations: Sequence[Combination], material: Material, places: Sequence[Place], now: Instant
) -> tuple[Advice, ...]:
    """All that is to be said of these records of one certificate, request or key at these places."""
    return tuple(
        dict.fromkeys(
            (
                *_on_combinations(combinations, material),
                *_on_mail(combinations, places),
                *_on_names(combinations, material, places),
                *_on_wildcards(places),
                *_on_dates(combinations, material.leaf, now),
                *_on_other_leaves(material),
                *_on_key(material),
            )
        )
    )


def _on_combinations(combinations: Sequence[Combination], material: Material) -> Iterator[Advice]:
    for combination in combinations:
        usage, selector, mtype = combination.usage, combination.selector, combination.mtype
        about = str(combination)
        if usage in EE_USAGES:
            yield from _on_leaf(combination, material.leaf)
        else:
            yield from _on_issuer(combination, material)
        if mtype == MatchingType.FULL:
            yield Advice(
                "FULL_DATA",
                "RFC 7671 §10.1.2",
                about,
                "holds the whole object, and such large answers get lost or truncated on the way; a digest "
                "(matching type 1) does as well",
            )
        if mtype == MatchingType.SHA2_512 and Combination(usage, selector, MatchingType.SHA2_256) not in combinations:
            yield Advice(
                "DIGEST_OPTIONAL",
                "RFC 6698 §6",
                about,
                "is SHA-512, which clients need not know; every client knows SHA-256 (matching type 1)",
            )


def _on_leaf(combination: Combination, leaf: Outline | None) -> Iterator[Advice]:
    about = str(combination)
    if combination.selector == Selector.CERT:
        yield Advice(
            "BREAKS_AT_RENEWAL",
            "RFC 7671 §5.1",
            about,
            "names this one certificate: each renewal, even with the same key, needs a new record, in DNS well before "
            "the server changes; selector 1 names the key",
        )
    if combination.usage == CertificateUsage.PKIX_EE:
        yield _brittle(combination)
    if leaf is not None and leaf.ca and not leaf.self_issued:
        yield Advice(
            "LEAF_IS_CA",
            "RFC 6698 §2.1.1",
            about,
            "has to name the server's own certificate, and the first one given is a CA's; give the server's, such as "
            "cert.pem or fullchain.pem",
        )


def _on_issuer(combination: Combination, material: Material) -> Iterator[Advice]:
    about = str(combination)
    if material.chain is None:
        yield Advice(
            "KEY_OF_CA_NEEDED",
            "RFC 6698 §2.1.1",
            about,
            "has to name a CA, and nothing tells whether this key is one's; that of a server belongs under usage 3",
        )
    if combination.usage == CertificateUsage.PKIX_TA:
        yield _brittle(combination)
    elif combination != Combination(CertificateUsage.DANE_TA, Selector.CERT, MatchingType.FULL):
        alone = ", and a self-signed certificate of a server's own is none" if names_own_ca(material) else ""
        yield Advice(
            "CA_MUST_BE_SENT",
            "RFC 7671 §5.2.2",
            about,
            f"is of use only if the server sends the CA's certificate in its chain, a root too; it is above the "
            f"server's own{alone}",
        )
    if combination.selector == Selector.SPKI and combination.usage == CertificateUsage.DANE_TA:
        yield Advice(
            "CA_KEY_ALONE",
            "RFC 7671 §5.2.1",
            about,
            "names the CA's key alone, so that limits in its certificate need not bind; selector 0 is recommended here",
        )
    yield Advice(
        "CA_MAY_CHANGE",
        "RFC 7671 §5.2",
        about,
        "hangs on this CA certificate: public CAs issue from several, and change them unannounced, so that the next "
        "renewal may not match; it suits a CA of your own",
    )


def _brittle(combination: Combination) -> Advice:
    return Advice(
        "PKIX_BRITTLE",
        "RFC 7671 §4",
        str(combination),
        "asks clients to know the public CA as well: many know none, or do without these usages; add records of usage "
        "3 for them, or use that alone",
    )


def _on_mail(combinations: Iterable[Combination], places: Iterable[Place]) -> Iterator[Advice]:
    pkix = [combination for combination in combinations if combination.usage in PKIX_USAGES]
    for place in places:
        if pkix and place.between_mail_servers:
            yield Advice(
                "PKIX_ON_SMTP",
                "RFC 7672 §3.1.3",
                str(place),
                f"mail servers may take {' and '.join(map(str, pkix))} for unusable: on port 25 use usage 3, or 2",
            )


def _on_names(combinations: Sequence[Combination], material: Material, places: Iterable[Place]) -> Iterator[Advice]:
    """Usage 3 binds the key whatever the names are, but OpenSSL's users check names unless told not to."""
    of_leaf = [c for c in combinations if c.usage in EE_USAGES or not names_own_ca(material)]
    if material.names is None or not of_leaf:
        return
    bearer = Outline(material.names, None, None, ca=False, self_issued=False)
    checked = [str(combination) for combination in of_leaf if combination.usage != CertificateUsage.DANE_EE]
    shown = (name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…" for name in material.names[:_SHOWN])
    listed = ", ".join(shown) + (", …" if len(material.names) > _SHOWN else "")
    for place in places:
        if bearer.covers(place.host):
            continue
        said = f"is not among the names of the certificate ({listed or 'it has no DNS name'})"
        if checked:
            yield Advice(
                "NAME_NOT_COVERED",
                "RFC 7671 §10.2",
                str(place),
                f"{said}, so that no client accepts it by {' or '.join(checked)}",
            )
        elif not place.between_mail_servers:
            yield Advice(
                "NAME_NOT_COVERED",
                "RFC 7671 §5.1",
                str(place),
                f"{said}; under usage 3 that is right, but clients built on OpenSSL may refuse it",
            )


def _on_wildcards(places: Iterable[Place]) -> Iterator[Advice]:
    for place in places:
        if is_wildcard(place.host):
            yield Advice(
                "WILDCARD_OWNER",
                "RFC 4592 §2.1.1",
                str(place),
                "gets a record at the wildcard itself, which then is the answer for every port and transport of every "
                "name that has no records of its own; name the hosts one by one where you can",
            )


def _on_dates(combinations: Iterable[Combination], leaf: Outline | None, now: Instant) -> Iterator[Advice]:
    if leaf is None:
        return
    heeded = any(combination.usage != CertificateUsage.DANE_EE for combination in combinations)
    effect = "clients refuse it" if heeded else "clients do not mind under usage 3, but is it the one that is served?"
    citation = "RFC 5280 §4.1.2.5" if heeded else "RFC 7671 §5.1"
    if leaf.last is not None and leaf.last < now:
        yield Advice("CERTIFICATE_EXPIRED", citation, "the certificate", f"expired on {leaf.last:%Y-%m-%d}: {effect}")
    if leaf.first is not None and now < leaf.first:
        text = f"is valid from {leaf.first:%Y-%m-%d %H:%M} UTC on: {effect}"
        yield Advice("CERTIFICATE_NOT_YET_VALID", citation, "the certificate", text)


def _on_other_leaves(material: Material) -> Iterator[Advice]:
    """A file with certificates for RSA and for ECDSA, one behind the other, is no chain."""
    first, *others = material.chain.ders if material.chain is not None else (b"",)
    for number, der in enumerate(others, 2):
        if der != first and not outline(der).ca:
            text = (
                f"number {number} of its certificates is no CA's either, and no record is for it: if the server has it "
                "for clients of another key algorithm, give it by itself too"
            )
            yield Advice("LEAF_NOT_ALONE", "RFC 7671 §8", "the chain", text)
            return


def _on_key(material: Material) -> Iterator[Advice]:
    bits = rsa_bits(material.spki)
    if bits is not None and bits < SMALLEST_RSA:
        text = f"is RSA of {bits} bits, which is weak, and refused by many TLS libraries; {SMALLEST_RSA} are the least"
        yield Advice("WEAK_KEY", "RFC 9325 §4.5", "the key", text)
