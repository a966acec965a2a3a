"""ZONEMD: the digest of a whole zone (RFC 8976), by the SIMPLE scheme and SHA-384, which every reader knows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import canonical_key, canonical_rdata, name_wire
from danelaw.core.model import Reason, RRset

SIMPLE: Final = 1
"""The scheme (RFC 8976 §2.2.2)."""
SHA384: Final = 1
"""The hash algorithm (RFC 8976 §2.2.3)."""
_SHA512: Final = 2
_HASHES: Final = {SHA384: hashlib.sha384, _SHA512: hashlib.sha512}
_SHORTEST: Final = 12
"""Octets of a digest (RFC 8976 §2.2.4)."""
_CLASS_IN: Final = b"\x00\x01"


class MalformedZonemdError(ValueError):
    """Rdata that has not the form of a ZONEMD."""


@dataclass(frozen=True, slots=True)
class ZONEMD:
    """A ZONEMD record's rdata (RFC 8976 §2.2)."""

    serial: int
    scheme: int
    hash_algorithm: int
    digest: bytes

    @classmethod
    def from_rdata(cls, rdata: bytes) -> ZONEMD:
        """Raises ``MalformedZonemdError`` where the digest is too short."""
        if len(rdata) < 6 + _SHORTEST:
            raise MalformedZonemdError(f"ZONEMD rdata of {len(rdata)} octets")
        return cls(int.from_bytes(rdata[:4]), rdata[4], rdata[5], rdata[6:])

    def to_rdata(self) -> bytes:
        return self.serial.to_bytes(4) + bytes((self.scheme, self.hash_algorithm)) + self.digest


def zonemd_placeholder(soa: RRset) -> RRset:
    """The RRset as it stands in the zone while everything else is signed (RFC 8976 §3.1), with the TTL of the SOA."""
    placeholder = ZONEMD(soa_serial(soa), SIMPLE, SHA384, bytes(48))
    return RRset(soa.owner, T.ZONEMD, soa.ttl, frozenset({placeholder.to_rdata()}))


def zonemd(soa: RRset, zone: Iterable[RRset]) -> RRset:
    """The apex' ZONEMD RRset of a zone that is signed but for this one, which may be among ``zone``."""
    record = ZONEMD(soa_serial(soa), SIMPLE, SHA384, simple_digest(soa.owner, zone, SHA384))
    return RRset(soa.owner, T.ZONEMD, soa.ttl, frozenset({record.to_rdata()}))


def simple_digest(apex: Name, zone: Iterable[RRset], hash_algorithm: int) -> bytes:
    """The digest of all records in canonical order, but the apex' ZONEMD and its signatures (RFC 8976 §3.3.1).

    Raises ``KeyError`` for a hash algorithm that is not known.
    """
    digest = _HASHES[hash_algorithm]()
    for record in sorted(_records(apex, zone)):
        digest.update(record[-1])
    return digest.digest()


def _records(apex: Name, zone: Iterable[RRset]) -> Iterator[tuple[tuple[bytes, ...], int, bytes, bytes]]:
    """What a record is sorted by (RFC 4034 §6), and its wire form."""
    for rrset in zone:
        if (rrset.owner, rrset.type) == (apex, T.ZONEMD):
            continue
        key, owner, ttl = canonical_key(rrset.owner), name_wire(rrset.owner), rrset.ttl.to_bytes(4)
        for type, rdatas in ((rrset.type, rrset.rdatas), (int(T.RRSIG), rrset.rrsigs)):
            for rdata in {canonical_rdata(type, rdata) for rdata in rdatas}:
                yield key, type, rdata, owner + type.to_bytes(2) + _CLASS_IN + ttl + len(rdata).to_bytes(2) + rdata


def zonemd_faults(apex: Name, zone: Iterable[RRset]) -> Iterator[Reason]:
    """ZONEMD_WRONG where the apex has ZONEMD records, and none of them is right (RFC 8976 §4).

    Records of schemes and algorithms that are not known say nothing, nor does one that is not the only one of its kind.
    """
    zone = list(zone)
    soa = next((rrset for rrset in zone if (rrset.owner, rrset.type) == (apex, T.SOA)), None)
    here = next((rrset for rrset in zone if (rrset.owner, rrset.type) == (apex, T.ZONEMD)), None)
    if soa is None or here is None:
        return
    records = []
    for rdata in here.rdatas:
        try:
            records.append(ZONEMD.from_rdata(rdata))
        except MalformedZonemdError as error:
            yield Reason("ZONEMD_WRONG", "RFC 8976 §2.2", f"{apex} ZONEMD", str(error))
    kinds = [(record.scheme, record.hash_algorithm) for record in records]
    known = [
        record
        for record, kind in zip(records, kinds, strict=True)
        if kind[0] == SIMPLE and kind[1] in _HASHES and kinds.count(kind) == 1
    ]
    if known and not any(
        record.serial == soa_serial(soa) and record.digest == simple_digest(apex, zone, record.hash_algorithm)
        for record in known
    ):
        yield Reason("ZONEMD_WRONG", "RFC 8976 §4", f"{apex} ZONEMD", "the digest or the serial is not the zone's")


def soa_serial(soa: RRset) -> int:
    """The serial of a SOA RRset of one record (RFC 1035 §3.3.13)."""
    (rdata,) = soa.rdatas
    return int.from_bytes(rdata[-20:-16])
