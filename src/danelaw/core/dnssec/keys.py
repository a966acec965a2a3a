"""DNSKEY and DS records (RFC 4034 §2, §5), and the keys that zones are signed with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from dns.name import Name

from danelaw.core.dnssec.algorithms import Algorithm, DigestType
from danelaw.core.dnssec.canonical import name_wire
from danelaw.core.dnssec.crypto import PrivateKey, UnusableKeyError, public_wire, sign_bytes

ZONE_FLAG: Final = 0x0100
"""RFC 4034 §2.1.1, bit 7."""
REVOKE_FLAG: Final = 0x0080
"""RFC 5011 §7, bit 8."""
SEP_FLAG: Final = 0x0001
"""RFC 4034 §2.1.1, bit 15."""
PROTOCOL: Final = 3
"""RFC 4034 §2.1.2."""

_RSA: Final = (Algorithm.RSASHA1, Algorithm.RSASHA1_NSEC3_SHA1, Algorithm.RSASHA256, Algorithm.RSASHA512)
_CURVE_BITS: Final[dict[int, int]] = {
    Algorithm.ECDSAP256SHA256: 256,
    Algorithm.ECDSAP384SHA384: 384,
    Algorithm.ED25519: 256,
    Algorithm.ED448: 456,
}


class MalformedKeyError(ValueError):
    """Rdata that has not the form of a DNSKEY or DS."""


@dataclass(frozen=True, slots=True)
class DNSKEY:
    """A DNSKEY record's rdata (RFC 4034 §2.1). ``public_key`` is the field's raw bytes."""

    flags: int
    protocol: int
    algorithm: int
    public_key: bytes

    @classmethod
    def from_rdata(cls, rdata: bytes) -> DNSKEY:
        """Raises ``MalformedKeyError`` when the fixed fields or the key are missing."""
        if len(rdata) < 5:
            raise MalformedKeyError(f"DNSKEY rdata of {len(rdata)} octets")
        return cls(int.from_bytes(rdata[:2]), rdata[2], rdata[3], rdata[4:])

    def to_rdata(self) -> bytes:
        return self.flags.to_bytes(2) + bytes((self.protocol, self.algorithm)) + self.public_key

    @property
    def tag(self) -> int:
        """The key tag (RFC 4034 appendix B; for algorithm 1 as RFC 6840 §5.5 corrects it). Not unique."""
        return _tag(self)

    @property
    def is_zone_key(self) -> bool:
        """Only such keys may verify RRSIGs (RFC 4034 §2.1.1, §2.1.2)."""
        return bool(self.flags & ZONE_FLAG) and self.protocol == PROTOCOL

    @property
    def is_sep(self) -> bool:
        """Secure entry point: the KSK, by convention; it has no bearing on validation (RFC 4034 §2.1.1)."""
        return bool(self.flags & SEP_FLAG)

    @property
    def revoked(self) -> bool:
        """The REVOKE bit (RFC 5011 §2.1)."""
        return bool(self.flags & REVOKE_FLAG)


KeysByTag: TypeAlias = Mapping[tuple[int, int], Sequence[DNSKEY]]
"""Keys by tag and algorithm, as DS and RRSIG records name them."""


def by_tag(keys: Iterable[DNSKEY]) -> KeysByTag:
    """Each tag is made but once: thousands of keys, and of records that name one, fit into messages."""
    tagged: dict[tuple[int, int], list[DNSKEY]] = {}
    for key in keys:
        tagged.setdefault((key.tag, key.algorithm), []).append(key)
    return tagged


def key_bits(key: DNSKEY) -> int | None:
    """The size of the public key: of an RSA modulus (RFC 3110 §2), or of the curve; None where it is not known."""
    wire = key.public_key
    if key.algorithm in _RSA:
        start = 1 + wire[0] if wire[0] else 3 + int.from_bytes(wire[1:3])
        return int.from_bytes(wire[start:]).bit_length() or None
    return _CURVE_BITS.get(key.algorithm)


@lru_cache(maxsize=256)
def _tag(key: DNSKEY) -> int:
    if key.algorithm == 1:
        return int.from_bytes(key.public_key[-3:-1])
    rdata = key.to_rdata()
    total = sum(rdata[0::2]) * 256 + sum(rdata[1::2])
    return (total + (total >> 16 & 0xFFFF)) & 0xFFFF


@dataclass(frozen=True, slots=True)
class DS:
    """A DS record's rdata (RFC 4034 §5.1)."""

    tag: int
    algorithm: int
    digest_type: int
    digest: bytes

    @classmethod
    def from_rdata(cls, rdata: bytes) -> DS:
        """Raises ``MalformedKeyError`` when the fixed fields or the digest are missing; its length is not judged."""
        if len(rdata) < 5:
            raise MalformedKeyError(f"DS rdata of {len(rdata)} octets")
        return cls(int.from_bytes(rdata[:2]), rdata[2], rdata[3], rdata[4:])

    def to_rdata(self) -> bytes:
        return self.tag.to_bytes(2) + bytes((self.algorithm, self.digest_type)) + self.digest


_DIGESTS: Final[dict[int, Callable[[bytes], bytes]]] = {
    DigestType.SHA1: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),  # policy decides on its use
    DigestType.SHA256: lambda data: hashlib.sha256(data).digest(),
    DigestType.SHA384: lambda data: hashlib.sha384(data).digest(),
}


def knows_digest(digest_type: int) -> bool:
    """Whether digests of this type can be compared here, wanted or not."""
    return digest_type in _DIGESTS


def make_ds(owner: Name, dnskey: DNSKEY, digest_type: int = DigestType.SHA256) -> DS:
    """The DS that points to ``dnskey`` at ``owner``: a digest over owner and rdata (RFC 4034 §5.1.4).

    Raises ``ValueError`` for a digest type that is not known here.
    """
    if digest_type not in _DIGESTS:
        raise ValueError(f"digest type {digest_type} is not known here")
    digest = _DIGESTS[digest_type](name_wire(owner) + dnskey.to_rdata())
    return DS(dnskey.tag, dnskey.algorithm, digest_type, digest)


def ds_matches(ds: DS, owner: Name, dnskey: DNSKEY) -> bool:
    """Whether the DS points to this key of ``owner`` (RFC 4035 §5.2). An unknown digest type matches nothing."""
    return ds.digest_type in _DIGESTS and make_ds(owner, dnskey, ds.digest_type) == ds


@dataclass(frozen=True, slots=True)
class ZoneKey:
    """A key pair of a zone (see ``bind_keys`` for its files). The private half has no representation.

    Raises ``UnusableKeyError`` when the halves do not belong together.
    """

    zone: Name
    dnskey: DNSKEY
    private: PrivateKey = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if public_wire(self.dnskey.algorithm, self.private) != self.dnskey.public_key:
            raise UnusableKeyError("the private key is not that of the DNSKEY")

    @classmethod
    def of(cls, zone: Name, flags: int, algorithm: Algorithm, private: PrivateKey) -> ZoneKey:
        """The zone key with these flags (257 for a KSK, 256 for a ZSK)."""
        return cls(zone, DNSKEY(flags, PROTOCOL, algorithm, public_wire(algorithm, private)), private)

    @property
    def tag(self) -> int:
        return self.dnskey.tag

    def sign(self, data: bytes) -> bytes:
        """The Signature field for ``data``; the same data give the same bytes."""
        return sign_bytes(self.dnskey.algorithm, self.private, data)
