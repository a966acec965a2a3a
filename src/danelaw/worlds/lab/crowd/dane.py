"""The client's judgement of a presented chain by TLSA records (RFC 6698 as updated by RFC 7671)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from dns.name import Name

from danelaw.worlds.lab.crowd import pkix
from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError

PKIX_TA, PKIX_EE, DANE_TA, DANE_EE = range(4)
CERT, SPKI = range(2)
FULL, SHA256, SHA512 = range(3)
"""The registries of RFC 6698 §7.2 to §7.4, by their acronyms (RFC 7218 §2)."""
SIZE: Final = {SHA256: 32, SHA512: 64}


@dataclass(frozen=True, slots=True)
class Means:
    """What a client can do with a TLSA record: all of it is left open by the RFCs."""

    sha512: bool = True
    agility: bool = True
    """Ignores the weaker digests beside a stronger one (RFC 7671 §9)."""
    pkix: bool = True
    """Can use PKIX-TA(0) and PKIX-EE(1)."""


@dataclass(frozen=True, slots=True)
class Association:
    usage: int
    selector: int
    matching: int
    data: bytes

    @classmethod
    def read(cls, rdata: bytes) -> Association | None:
        """From rdata (RFC 6698 §2.1); None if it is too short to be one."""
        return cls(rdata[0], rdata[1], rdata[2], rdata[3:]) if len(rdata) > 3 else None

    def usable(self, means: Means) -> bool:
        """Whether a client of these means can use it: anything else is ignored (RFC 6698 §4.1, RFC 7671 §4)."""
        if self.usage > DANE_EE or self.selector > SPKI or self.matching > SHA512:
            return False
        if self.usage in (PKIX_TA, PKIX_EE) and not means.pkix:
            return False
        if self.matching == FULL:
            return self._parses()
        return len(self.data) == SIZE[self.matching] and (self.matching != SHA512 or means.sha512)

    def _parses(self) -> bool:
        try:
            if self.selector == CERT:
                pkix.read_certificate(self.data)
            else:
                load_der_public_key(self.data)
        except (ValueError, UnsupportedAlgorithm):
            return False
        return True

    def matches(self, der: bytes) -> bool:
        """Whether it is the certificate's, or its key's, under selector and matching type (RFC 6698 §2.1.2, §2.1.3)."""
        selected = der if self.selector == CERT else pkix.spki(der)
        if self.matching == FULL:
            return selected == self.data
        digest = hashlib.sha256 if self.matching == SHA256 else hashlib.sha512
        return hmac.compare_digest(digest(selected).digest(), self.data)

    def __str__(self) -> str:
        shown = self.data.hex() if len(self.data) <= 8 else f"{self.data[:8].hex()}…"
        return f"{self.usage} {self.selector} {self.matching} {shown}"


def considered(rdatas: Iterable[bytes], means: Means) -> list[Association]:
    """The usable records; under digest agility only the strongest digest beside full data (RFC 7671 §9)."""
    usable = [one for one in map(Association.read, rdatas) if one is not None and one.usable(means)]
    if not means.agility:
        return usable
    strongest: dict[tuple[int, int], int] = {}
    for one in usable:
        key = (one.usage, one.selector)
        strongest[key] = max(strongest.get(key, FULL), one.matching)
    return [one for one in usable if one.matching in (FULL, strongest[one.usage, one.selector])]


def judge(
    records: Sequence[Association],
    presented: Sequence[bytes],
    names: Sequence[Name],
    roots: Sequence[x509.Certificate],
    now: datetime,
) -> str:
    """What matched, in words. Raises RefusedError if nothing does: one match is enough (RFC 7671 §8).

    ``presented``: certificates in DER, the leaf first. ``names``: the base domains, any of which the certificate may
    name (RFC 7671 §5.2, §7).
    """
    failures: list[RefusedError] = []
    for record in records:
        try:
            depth = _match(record, records, presented, names, roots, now)
        except RefusedError as failure:
            failures.append(failure)
            continue
        if depth is not None:
            return f"TLSA {record} matches the certificate at depth {depth}"
    if failures:
        raise failures[0]
    leaf = presented[0]
    offered = (
        f"certificate {hashlib.sha256(leaf).hexdigest()[:16]}…, key {hashlib.sha256(pkix.spki(leaf)).hexdigest()[:16]}…"
    )
    raise RefusedError(Reason.TLSA_MISMATCH, f"TLSA {'; '.join(map(str, records))} against {offered}")


def _match(
    record: Association,
    records: Sequence[Association],
    presented: Sequence[bytes],
    names: Sequence[Name],
    roots: Sequence[x509.Certificate],
    now: datetime,
) -> int | None:
    """The depth at which a record matches, None if it does not. Raises RefusedError for a match that is spoilt."""
    if record.usage == DANE_EE:  # neither names nor dates: RFC 7671 §5.1
        return 0 if record.matches(presented[0]) else None
    chain = [pkix.read_certificate(der) for der in presented]
    if record.usage == DANE_TA:
        return _under_anchor(record, records, chain, names, now)
    if record.usage == PKIX_EE and not record.matches(presented[0]):
        return None
    path = _trusted_path(chain, names, roots, now)
    if record.usage == PKIX_EE:
        return 0
    ders = [one.public_bytes(Encoding.DER) for one in path]
    return next((depth for depth, der in enumerate(ders) if depth and record.matches(der)), None)


def _under_anchor(
    record: Association,
    records: Sequence[Association],
    chain: list[x509.Certificate],
    names: Sequence[Name],
    now: datetime,
) -> int | None:
    """DANE-TA(2): an issuer above the leaf, as presented or, for ``2 0 0``, from DNS (RFC 7671 §5.2.2)."""
    published = [
        pkix.read_certificate(one.data)
        for one in records
        if (one.usage, one.selector, one.matching) == (DANE_TA, CERT, FULL)
    ]
    path = pkix.path(chain[0], [*chain[1:], *published])
    for depth, certificate in enumerate(path):
        if depth and record.matches(certificate.public_bytes(Encoding.DER)):
            if not any(pkix.names_host(path[0], name) for name in names):
                raise RefusedError(Reason.DANE_NAME, f"TLSA {record}: the certificate does not name {names[0]}")
            if not all(pkix.in_dates(one, now) for one in path[: depth + 1]):
                raise RefusedError(Reason.DANE_EXPIRED, f"TLSA {record}: a certificate below it is out of its dates")
            return depth
    return None


def _trusted_path(
    chain: list[x509.Certificate], names: Sequence[Name], roots: Sequence[x509.Certificate], now: datetime
) -> list[x509.Certificate]:
    named = next((name for name in names if pkix.names_host(chain[0], name)), names[0])
    return pkix.verify(chain, named, roots, now)
