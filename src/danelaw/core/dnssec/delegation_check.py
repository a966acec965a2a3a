"""Whether the parent points to a zone's keys, and the zone asks it for such (RFC 4035 §2.4, RFC 7344 §4.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.keys import DNSKEY, DS, MalformedKeyError, ds_matches, knows_digest
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.model import RRset

_DELETE: Final = 0
"""The algorithm in CDS and CDNSKEY records that ask for no DS at all (RFC 8078 §4)."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """A zone's keys, those of them that sign the DNSKEY RRset rightly, and the parent's DS records where known."""

    apex: Name
    keys: frozenset[DNSKEY]
    signers: frozenset[DNSKEY]
    ds: frozenset[DS] | None = None

    def targets(self, ds: DS) -> set[DNSKEY]:
        """The keys that a DS or CDS record points to; where its digest type is not known, may point to."""
        if knows_digest(ds.digest_type):
            return {key for key in self.keys if ds_matches(ds, self.apex, key)}
        return {key for key in self.keys if (key.tag, key.algorithm) == (ds.tag, ds.algorithm)}

    @property
    def pointed_to(self) -> set[DNSKEY]:
        return {key for ds in self.ds or () for key in self.targets(ds)}

    @property
    def counted(self) -> set[DS]:
        """The parent's DS records that validators go by: those of SHA-1 do not count beside stronger ones (RFC 4509
        §3), nor unknown ones beside known ones; where none is supported, all are looked at."""
        policy, held = DEFAULT_POLICY, self.ds or frozenset()
        known = {ds for ds in held if policy.validates(ds.algorithm) and policy.validates_digest(ds.digest_type)}
        return known or set(held)


def ds_faults(zone: Delegation) -> Iterator[ZoneFinding]:
    """DS_MISMATCH where the parent's DS records do not lead into the zone, or not by each of their algorithms."""
    if zone.ds is None:
        return
    if not any(zone.targets(ds) & zone.signers for ds in zone.counted):
        said = f"the parent has {_ds_told(zone.ds)}; the keys are signed by {_tags(zone.signers) or 'none'}"
        yield ZoneFinding("DS_MISMATCH", "RFC 4035 §5.2", zone.apex, T.DS, said)
        return
    for algorithm in sorted({ds.algorithm for ds in zone.ds} - {key.algorithm for key in zone.signers}):
        said = f"the parent has a DS of algorithm {algorithm}, by which the keys are not signed"
        yield ZoneFinding("DS_MISMATCH", "RFC 4035 §2.2", zone.apex, T.DS, said)


def ds_advice(zone: Delegation) -> Iterator[ZoneFinding]:
    """Of the parent's DS records: DS_UNMATCHED, one that leads to no key of the zone; ALGORITHM_DEPRECATED, none that
    validators support."""
    if zone.ds and not any(DEFAULT_POLICY.validates_digest(ds.digest_type) for ds in zone.ds):
        said = "no DS of the parent has a digest that validators support: they count the zone as unsigned"
        yield ZoneFinding("ALGORITHM_DEPRECATED", "RFC 4035 §5.2", zone.apex, T.DS, said)
    for ds in sorted(zone.ds or (), key=DS.to_rdata):
        if not zone.targets(ds):
            said = f"the parent's DS {ds.tag} {ds.algorithm} {ds.digest_type} is that of no key here"
            yield ZoneFinding("DS_UNMATCHED", "RFC 4035 §2.4", zone.apex, T.DS, said)


def request_faults(zone: Delegation, rrset: RRset, by: Collection[DNSKEY]) -> Iterator[ZoneFinding]:
    """What is wrong with a CDS or CDNSKEY RRset at the apex, rightly signed ``by`` these keys.

    Codes: CDS_INVALID, CDS_UNMATCHED.
    """
    named, deletes = _requested(zone, rrset)
    if named is None:
        yield _found("CDS_INVALID", "RFC 7344 §4.1", rrset, "a record is malformed")
        return
    if deletes and len(rrset.rdatas) > 1:
        said = "the record that asks for no DS at all stands beside others"
        yield _found("CDS_INVALID", "RFC 8078 §4", rrset, said)
    entries = zone.pointed_to or {key for key in zone.signers if key.is_sep} or zone.signers
    if by and not entries & set(by):
        said = f"signed by {_tags(by)}, and not by {_tags(entries)}, which the DS points to"
        yield _found("CDS_INVALID", "RFC 7344 §4.1", rrset, said)
    if not deletes and not any(keys & zone.signers for keys in named):
        said = "followed, they would lead to no key that signs the DNSKEY records"
        yield _found("CDS_UNMATCHED", "RFC 7344 §4.1", rrset, said)


def request_advice(zone: Delegation, rrset: RRset) -> Iterator[ZoneFinding]:
    """Codes: CDS_DELETE, CDS_UNMATCHED."""
    named, deletes = _requested(zone, rrset)
    if deletes:
        yield _found("CDS_DELETE", "RFC 8078 §4", rrset, "the zone asks its parent to take the DS away")
    elif named and not all(named) and any(keys & zone.signers for keys in named):
        said = "beside good ones, one names no key that is here yet"
        yield _found("CDS_UNMATCHED", "RFC 7344 §4.1", rrset, said)


def disagreement(zone: Delegation, cds: RRset | None, cdnskey: RRset | None) -> Iterator[ZoneFinding]:
    """CDS_DISAGREES: where both are there they must say the same (RFC 7344 §4)."""
    if cds is None or cdnskey is None:
        return
    one, other = (_requested(zone, rrset) for rrset in (cds, cdnskey))
    if one[0] is None or other[0] is None:
        return
    if one[1] != other[1] or set().union(*one[0]) != set().union(*other[0]):
        yield _found("CDS_DISAGREES", "RFC 7344 §4", cds, "CDS and CDNSKEY records do not name the same keys")


def _requested(zone: Delegation, rrset: RRset) -> tuple[list[set[DNSKEY]] | None, bool]:
    """For each record the keys that it names, None if one is malformed; and whether one asks for no DS."""
    named: list[set[DNSKEY]] = []
    deletes = False
    for rdata in sorted(rrset.rdatas):
        try:
            record = DS.from_rdata(rdata) if rrset.type == T.CDS else DNSKEY.from_rdata(rdata)
        except MalformedKeyError:
            return None, deletes
        if record.algorithm == _DELETE:
            deletes = True
        else:
            named.append(zone.targets(record) if isinstance(record, DS) else {record} & zone.keys)
    return named, deletes


def _ds_told(records: Iterable[DS]) -> str:
    return ", ".join(sorted({f"a DS of key {ds.tag} ({ds.algorithm})" for ds in records})) or "no DS"


def _tags(keys: Iterable[DNSKEY]) -> str:
    return " and ".join(sorted(f"key {key.tag}" for key in keys))


def _found(code: str, section: str, rrset: RRset, detail: str) -> ZoneFinding:
    return ZoneFinding(code, section, rrset.owner, rrset.type, detail)
