"""One zone of the garden: its signed RRsets, which may be damaged one by one, and what its servers say of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.dnssec.nsec3 import hash_from_label, hash_name
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.rrsig import RRSIG, label_count, seconds, signed_data
from danelaw.core.model import Record, RRset

YXDOMAIN: Final = 6
Dates = tuple[datetime, datetime]
Said = tuple[int, list[Record], list[Record]]
"""Response code, answer, authority."""


def sign(rrset: RRset, key: ZoneKey, dates: Dates, owner: Name | None = None, **fields: Any) -> bytes:
    """The RRSIG rdata over ``rrset`` by ``key``: right for the fields that it holds, which may be wrong themselves.

    ``owner``: sign the records as if they were of that name. The fields are those of ``RRSIG``.
    """
    wanted = RRSIG(
        type_covered=rrset.type,
        algorithm=key.dnskey.algorithm,
        labels=label_count(owner or rrset.owner),
        original_ttl=rrset.ttl,
        expiration=seconds(dates[1]),
        inception=seconds(dates[0]),
        key_tag=key.tag,
        signer=key.zone,
        signature=b"",
    )
    wanted = replace(wanted, **fields)
    return replace(
        wanted, signature=key.sign(signed_data(wanted, replace(rrset, owner=owner or rrset.owner)))
    ).to_rdata()


@dataclass
class Bed:
    """``ksk`` signs the keys, ``zsk`` all else; None of an unsigned zone. ``chain``: how NSEC3 hashes its names."""

    apex: Name
    dates: Dates
    ksk: ZoneKey | None = None
    zsk: ZoneKey | None = None
    chain: NSEC3Chain | None = None
    rrsets: dict[tuple[Name, int], RRset] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[ZoneKey, ZoneKey]:
        assert self.ksk is not None
        assert self.zsk is not None
        return self.ksk, self.zsk

    def signer(self, type: int) -> ZoneKey:
        return self.keys[0] if type == T.DNSKEY else self.keys[1]

    def put(
        self, owner: Name, type: int, rdatas: Iterable[bytes], *keys: ZoneKey, ttl: int = 600, **fields: Any
    ) -> None:
        """An RRset in place of what is there, well signed unless ``fields`` of the RRSIG say otherwise."""
        old = self.rrsets.get((owner, type))
        rrset = RRset(owner, type, old.ttl if old else ttl, frozenset(rdatas))
        signed = frozenset(sign(rrset, key, self.dates, **fields) for key in keys or (self.signer(type),))
        self.rrsets[owner, type] = replace(rrset, rrsigs=signed)

    def records(self, owner: Name, type: int, at: Name | None = None) -> list[Record]:
        """The RRset with its RRSIGs, shown at another name if it is expanded; nothing if it is not there."""
        rrset = self.rrsets.get((owner, type))
        if rrset is None:
            return []
        shown = at or owner
        found = [Record(shown, type, 1, rrset.ttl, rdata) for rdata in sorted(rrset.rdatas)]
        return found + [Record(shown, int(T.RRSIG), 1, rrset.ttl, rdata) for rdata in sorted(rrset.rrsigs)]

    def exists(self, owner: Name) -> bool:
        """Whether the name has records, or names below it have."""
        return any(other.is_subdomain(owner) for other, type in self.rrsets if type != T.NSEC3)

    def soa(self) -> list[Record]:
        return self.records(self.apex, int(T.SOA))

    # Denials: of each kind what RFC 4035 §3.1.3 and RFC 5155 §7.2 ask a server to send.

    def nodata(self, owner: Name) -> list[Record]:
        """The name is there, without the type."""
        if self.chain is None:
            return self.covering(owner)
        return self.matching(owner) or self.closest_encloser_proof(owner)

    def no_name(self, owner: Name, encloser: Name) -> list[Record]:
        wildcard = under(encloser)
        if self.chain is None:
            return [*self.covering(owner), *self.covering(wildcard)]
        return [*self.closest_encloser_proof(owner), *self.covering(wildcard)]

    def expansion(self, owner: Name, encloser: Name) -> list[Record]:
        """The wildcard below ``encloser`` is the closest match."""
        return self.covering(owner if self.chain is None else next_closer(owner, encloser))

    def wildcard_nodata(self, owner: Name, encloser: Name) -> list[Record]:
        if self.chain is None:
            return [*self.covering(owner), *self.covering(under(encloser))]
        return [*self.closest_encloser_proof(owner), *self.matching(under(encloser))]

    def closest_encloser_proof(self, owner: Name) -> list[Record]:
        """RFC 5155 §7.2.1; under opt-out the closest *provable* one."""
        encloser = next(name for name in ancestors(owner, self.apex) if name != owner and self.matching(name))
        return [*self.matching(encloser), *self.covering(next_closer(owner, encloser))]

    def matching(self, owner: Name) -> list[Record]:
        """The NSEC or NSEC3 of the name itself."""
        if self.chain is None:
            return self.records(owner, int(T.NSEC))
        return self.records(self.hashed().get(self.hash(owner), owner), int(T.NSEC3))

    def covering(self, owner: Name) -> list[Record]:
        """The NSEC at the name or before it; the NSEC3 at its hash or before it."""
        if self.chain is None:
            before = [other for other, type in self.rrsets if type == T.NSEC and other <= owner]
            return self.records(max(before), int(T.NSEC)) if before else []
        hashed = self.hashed()
        lower = [digest for digest in hashed if digest <= self.hash(owner)]
        return self.records(hashed[max(lower or hashed)], int(T.NSEC3)) if hashed else []

    def hashed(self) -> dict[bytes, Name]:
        """The owners of the NSEC3 chain, by what their first labels stand for."""
        owners = (owner for owner, type in self.rrsets if type == T.NSEC3)
        return {digest: owner for owner in owners if (digest := hash_from_label(owner.labels[0]))}

    def hash(self, owner: Name) -> bytes:
        assert self.chain is not None
        return hash_name(owner, self.chain.salt, self.chain.iterations)

    def answer(self, owner: Name, type: int) -> Said:
        """What an authority says (RFC 1034 §4.3.2, RFC 6672 §3.2), with all that DNSSEC wants."""
        for ancestor in ancestors(owner, self.apex):
            if ancestor != owner and (dname := self.rrsets.get((ancestor, int(T.DNAME)))):
                made = synthesized(owner, dname)
                return (0 if made else YXDOMAIN), [*self.records(ancestor, int(T.DNAME)), *made], []
        for wanted in (type, int(T.CNAME)):
            if found := self.records(owner, wanted):
                return 0, found, []
        if self.exists(owner):
            return 0, [], [*self.soa(), *self.nodata(owner)]
        encloser = next(ancestor for ancestor in ancestors(owner, self.apex) if self.exists(ancestor))
        for wanted in (type, int(T.CNAME)):
            if found := self.records(under(encloser), wanted, owner):
                return 0, found, self.expansion(owner, encloser)
        if self.exists(under(encloser)):
            return 0, [], [*self.soa(), *self.wildcard_nodata(owner, encloser)]
        return 3, [], [*self.soa(), *self.no_name(owner, encloser)]


def synthesized(owner: Name, dname: RRset) -> list[Record]:
    """The CNAME that a DNAME makes (RFC 6672 §3.1), with the DNAME's TTL; none if its target is too long (§2.2)."""
    (target, *_) = sorted(dname.rdatas)
    try:
        onward = owner.relativize(dname.owner).concatenate(dns.name.from_wire(target, 0)[0])
    except dns.name.NameTooLong:
        return []
    return [Record(owner, int(T.CNAME), 1, dname.ttl, plain_wire(onward))]


def under(encloser: Name) -> Name:
    """The wildcard below a name."""
    return Name((b"*", *encloser.labels))


def next_closer(owner: Name, encloser: Name) -> Name:
    """RFC 5155 §1.3."""
    return Name(owner.labels[-len(encloser.labels) - 1 :])


def ancestors(owner: Name, apex: Name) -> Iterator[Name]:
    """The name, and those above it, up to the apex."""
    for length in range(len(owner), len(apex) - 1, -1):
        yield Name(owner.labels[-length:])
