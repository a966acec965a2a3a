"""NSEC3 and NSEC3PARAM records, and the hashing of names (RFC 5155 §3, §4, §5)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from dns.name import Name

from danelaw.core.dnssec.canonical import name_wire
from danelaw.core.dnssec.nsec import MalformedBitmapError, decode_bitmap, encode_bitmap

SHA1: Final = 1
"""The only NSEC3 hash algorithm (RFC 5155 §11). Complete as of 2026-11."""
SHA1_OCTETS: Final = 20
OPT_OUT: Final = 0x01
"""The only flag (RFC 5155 §3.1.2.1)."""


class MalformedNSEC3Error(ValueError):
    """Rdata that has not the form of an NSEC3 or NSEC3PARAM."""


@dataclass(frozen=True, slots=True)
class NSEC3PARAM:
    """An NSEC3PARAM record's rdata (RFC 5155 §4.2); and what says how names are hashed."""

    hash_algorithm: int
    flags: int
    iterations: int
    salt: bytes

    @classmethod
    def from_rdata(cls, rdata: bytes) -> NSEC3PARAM:
        """Raises ``MalformedNSEC3Error``."""
        parameters, end = _parameters(rdata)
        if end != len(rdata):
            raise MalformedNSEC3Error("octets after the salt")
        return parameters

    def to_rdata(self) -> bytes:
        head = bytes((self.hash_algorithm, self.flags)) + self.iterations.to_bytes(2)
        return head + bytes((len(self.salt),)) + self.salt


@dataclass(frozen=True, slots=True)
class NSEC3:
    """An NSEC3 record's rdata (RFC 5155 §3.2). ``next`` is a hash, without base32hex and zone name (§3.1.7)."""

    hash_algorithm: int
    flags: int
    iterations: int
    salt: bytes
    next: bytes
    types: frozenset[int]

    @classmethod
    def from_rdata(cls, rdata: bytes) -> NSEC3:
        """Raises ``MalformedNSEC3Error``."""
        head, at = _parameters(rdata)
        length = rdata[at] if at < len(rdata) else 0
        following = rdata[at + 1 : at + 1 + length]
        if not length or len(following) < length:
            raise MalformedNSEC3Error("the next hashed owner name is missing or ends early")
        try:
            types = decode_bitmap(rdata[at + 1 + length :])
        except MalformedBitmapError as error:
            raise MalformedNSEC3Error(str(error)) from error
        return cls(head.hash_algorithm, head.flags, head.iterations, head.salt, following, types)

    def to_rdata(self) -> bytes:
        head = NSEC3PARAM(self.hash_algorithm, self.flags, self.iterations, self.salt).to_rdata()
        return head + bytes((len(self.next),)) + self.next + encode_bitmap(self.types)

    @property
    def opt_out(self) -> bool:
        """Whether unsigned delegations may lie in the gap after the owner (RFC 5155 §3.1.2.1)."""
        return bool(self.flags & OPT_OUT)

    @property
    def parameters(self) -> NSEC3PARAM:
        """How this record's names are hashed, as the zone's NSEC3PARAM says it: Opt-Out is no part of it (§4.1.2)."""
        return NSEC3PARAM(self.hash_algorithm, 0, self.iterations, self.salt)


def hash_name(name: Name, salt: bytes, iterations: int) -> bytes:
    """The 20 octets of an absolute name's SHA-1 hash, ``iterations`` times over beyond the first (RFC 5155 §5)."""
    digest = hashlib.sha1(name_wire(name) + salt, usedforsecurity=False).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt, usedforsecurity=False).digest()
    return digest


def hash_label(digest: bytes) -> bytes:
    """A hash as the first label of an NSEC3's owner: base32hex without padding, in lower case (RFC 5155 §3)."""
    return base64.b32hexencode(digest).rstrip(b"=").lower()


def hash_owner(digest: bytes, zone: Name) -> Name:
    """The owner of the NSEC3 for a hash in ``zone`` (RFC 5155 §3)."""
    return Name((hash_label(digest), *zone.labels))


def hash_from_label(label: bytes) -> bytes | None:
    """The hash that the first label of an NSEC3's owner holds, in either case; None if it is no base32hex."""
    try:
        digest = base64.b32hexdecode(label.upper() + b"=" * (-len(label) % 8))
    except binascii.Error:
        return None
    return digest if hash_label(digest) == label.lower() else None


def _parameters(rdata: bytes) -> tuple[NSEC3PARAM, int]:
    """The fields that both types begin with, and where they end."""
    length = rdata[4] if len(rdata) > 4 else 0
    salt = rdata[5 : 5 + length]
    if len(rdata) < 5 or len(salt) < length:
        raise MalformedNSEC3Error(f"NSEC3 parameters that end early, in {len(rdata)} octets")
    return NSEC3PARAM(rdata[0], rdata[1], int.from_bytes(rdata[2:4]), salt), 5 + length
