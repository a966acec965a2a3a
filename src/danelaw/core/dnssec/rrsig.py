"""RRSIG records: the signed data, making and checking (RFC 4034 §3, RFC 4035 §5.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.dnssec.canonical import canonical_rdata, name_wire, plain_wire
from danelaw.core.dnssec.crypto import verify_bytes
from danelaw.core.dnssec.keys import DNSKEY, ZoneKey
from danelaw.core.model import Reason, RRset, serial_gt

_FIXED: Final = struct.Struct("!HBBIIIH")
_CLASS_IN: Final = b"\x00\x01"


class MalformedSignatureError(ValueError):
    """Rdata that has not the form of an RRSIG."""


@dataclass(frozen=True, slots=True)
class RRSIG:
    """An RRSIG record's rdata (RFC 4034 §3.1). Times are seconds since 1970 modulo 2^32 (§3.1.5)."""

    type_covered: int
    algorithm: int
    labels: int
    original_ttl: int
    expiration: int
    inception: int
    key_tag: int
    signer: Name
    signature: bytes

    @classmethod
    def from_rdata(cls, rdata: bytes) -> RRSIG:
        """Raises ``MalformedSignatureError`` for rdata that ends early, or with a compressed or malformed name."""
        if len(rdata) < _FIXED.size + 1:
            raise MalformedSignatureError(f"RRSIG rdata of {len(rdata)} octets")
        end = _signer_end(rdata)
        fields: tuple[int, int, int, int, int, int, int] = _FIXED.unpack_from(rdata)
        return cls(*fields, _signer(rdata[_FIXED.size : end]), rdata[end:])

    def to_rdata(self) -> bytes:
        return self._head() + plain_wire(self.signer) + self.signature

    def _head(self) -> bytes:
        return _FIXED.pack(
            self.type_covered,
            self.algorithm,
            self.labels,
            self.original_ttl,
            self.expiration,
            self.inception,
            self.key_tag,
        )

    def __str__(self) -> str:
        return f"RRSIG {type_text(self.type_covered)} by {self.signer} key {self.key_tag}"


def _signer_end(rdata: bytes) -> int:
    """Where the signer's name ends."""
    at = _FIXED.size
    while at < len(rdata) and (length := rdata[at]) <= 63:
        at += 1 + length
        if at > len(rdata) or at - _FIXED.size > 255:
            break
        if not length:
            return at
    raise MalformedSignatureError("the signer's name is malformed")


@lru_cache(maxsize=256)
def _signer(wire: bytes) -> Name:
    """The name in a whole wire: there are few signers, and each signs much."""
    labels, at = [], 0
    while at < len(wire):
        labels.append(wire[at + 1 : at + 1 + wire[at]])
        at += 1 + wire[at]
    return Name(labels)


@lru_cache(maxsize=256)
def type_text(type: int) -> str:
    """The mnemonic of a type, or TYPE and its number (RFC 3597 §5)."""
    return dns.rdatatype.to_text(RdataType.make(type))


def label_count(owner: Name) -> int:
    """The Labels field for ``owner``: the root and a leading ``*`` are not counted (RFC 4034 §3.1.3)."""
    return len(owner.labels) - 1 - owner.is_wild()


def signed_data(rrsig: RRSIG, rrset: RRset) -> bytes:
    """What the signature covers (RFC 4034 §3.1.8.1, RFC 4035 §5.3.2).

    An owner with more labels than the RRSIG says came of a wildcard, which is put back. Records that are the same in
    canonical form count once and are sorted (RFC 4034 §6.3). Raises ``ValueError`` if the owner has fewer labels.
    """
    labels = len(rrset.owner.labels) - 1
    if rrsig.labels > labels:
        raise ValueError(f"{rrsig} has more labels than {rrset.owner}")
    owner = rrset.owner
    if rrsig.labels < labels:
        owner = Name((b"*", *owner.labels[labels - rrsig.labels :]))
    head = name_wire(owner) + rrset.type.to_bytes(2) + _CLASS_IN + rrsig.original_ttl.to_bytes(4)
    rdatas = sorted({canonical_rdata(rrset.type, rdata) for rdata in rrset.rdatas})
    signed_fields = rrsig._head() + name_wire(rrsig.signer)
    return signed_fields + b"".join(head + len(rdata).to_bytes(2) + rdata for rdata in rdatas)


def verify(rrsig: RRSIG, rrset: RRset, key: DNSKEY) -> bool:
    """Whether the signature is right: cryptography alone.

    Dates, the signer's name and the key's flags are the caller's to judge (RFC 4035 §5.3.1). The algorithm and key tag
    must be the key's, and the type covered the RRset's, else False.
    """
    if (rrsig.type_covered, rrsig.algorithm, rrsig.key_tag) != (rrset.type, key.algorithm, key.tag):
        return False
    if rrsig.labels > len(rrset.owner.labels) - 1:
        return False
    return verify_bytes(key.algorithm, key.public_key, signed_data(rrsig, rrset), rrsig.signature)


def date_fault(rrsig: RRSIG, now: datetime) -> Reason | None:
    """Why the signature may not be used at ``now``, by serial number arithmetic (RFC 4034 §3.1.5, RFC 1982)."""
    at = seconds(now)
    if serial_gt(at, rrsig.expiration):
        code = "SIGNATURE_EXPIRED"
    elif serial_gt(rrsig.inception, at):
        code = "SIGNATURE_NOT_YET_VALID"
    else:
        return None
    said = f"inception {rrsig.inception}, expiration {rrsig.expiration}, now {at}"
    return Reason(code, "RFC 4035 §5.3.1", str(rrsig), said)


def seconds(when: datetime) -> int:
    """An aware instant as RRSIG fields hold it (RFC 4034 §3.1.5)."""
    return int(when.timestamp()) & 0xFFFFFFFF


def near(stamp: int, now: datetime) -> datetime:
    """The instant that a field means, in the era that ``now`` lies in: less than 69 years away (RFC 4034 §3.1.5)."""
    return now.replace(microsecond=0) + timedelta(seconds=(stamp - seconds(now) + 2**31) % 2**32 - 2**31)


def make(rrset: RRset, signer: Name, key: ZoneKey, inception: datetime, expiration: datetime) -> bytes:
    """The RRSIG rdata for ``rrset`` by ``key`` of the zone ``signer`` (RFC 4034 §3.1, RFC 4035 §2.2)."""
    unsigned = RRSIG(
        type_covered=rrset.type,
        algorithm=key.dnskey.algorithm,
        labels=label_count(rrset.owner),
        original_ttl=rrset.ttl,
        expiration=seconds(expiration),
        inception=seconds(inception),
        key_tag=key.tag,
        signer=_signer(name_wire(signer)),
        signature=b"",
    )
    return unsigned.to_rdata() + key.sign(signed_data(unsigned, rrset))
