"""Small zones, signed with fixed keys for fixed dates, and what an authority for one says: for writing scenarios."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DNSKEY, ZoneKey, make_ds
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.sign import sign_zone
from danelaw.core.model import Message, Question, Record, RRset
from danelaw.worlds.replay.records import read_record
from fault_garden.beds import Bed, Dates
from fault_garden.keys import KSK, ZSK, zone_key

NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
DATES: Final = (NOW - timedelta(days=1), NOW + timedelta(days=14))

QR, AA = 0x8000, 0x0400


@dataclass(frozen=True)
class Zone:
    """A zone as its servers hold it. ``ksk`` is None where it is not signed."""

    bed: Bed
    ksk: ZoneKey | None

    @property
    def apex(self) -> Name:
        return self.bed.apex

    def anchor(self) -> str:
        """The DS record of the zone's key, as a trust anchor."""
        assert self.ksk is not None
        ds = make_ds(self.apex, self.ksk.dnskey)
        return f"{self.apex} DS {ds.tag} {ds.algorithm} {ds.digest_type} {ds.digest.hex()}"

    def reply(self, question: Question) -> Message:
        """What an authority for this zone alone says: an answer, a denial, or a referral."""
        cut = self._cut(question)
        if cut is not None:
            return self._referral(question, cut)
        rcode, answer, authority = self.bed.answer(question.name, question.type)
        return Message(0, QR | AA, rcode, (question,), tuple(answer), tuple(authority))

    def _cut(self, question: Question) -> Name | None:
        for count in range(len(self.apex) + 1, len(question.name) + 1):
            name = Name(question.name.labels[-count:])
            if (name, T.NS) in self.bed.rrsets and (name, question.type) != (question.name, T.DS):
                return name
        return None

    def _referral(self, question: Question, cut: Name) -> Message:
        ns = self.bed.rrsets[cut, T.NS]
        authority = [Record(cut, T.NS, 1, ns.ttl, rdata) for rdata in sorted(ns.rdatas)]
        if self.ksk is not None:
            authority += self.bed.records(cut, T.DS) or self.bed.nodata(cut)
        targets = [dns.name.from_wire(rdata, 0)[0] for rdata in sorted(ns.rdatas)]
        glue = [record for target in targets for type in (T.A, T.AAAA) for record in self.bed.records(target, type)]
        additional = tuple(record for record in glue if record.type != T.RRSIG)
        return Message(0, QR, 0, (question,), (), tuple(authority), additional)


def zone(
    apex: str,
    records: str,
    *children: Zone,
    secret: int | None = 1,
    zsk: int | None = None,
    extra: Sequence[DNSKEY] = (),
    dates: Dates = DATES,
    nsec3: NSEC3Chain | None = None,
) -> Zone:
    """A zone of these records, one a line, names relative to the apex, with the DS of each signed child.

    ``secret``: the number of its KSK, which signs all else too unless ``zsk`` gives the number of a ZSK; None: not
    signed. ``extra``: keys that are only published.
    """
    origin = dns.name.from_text(apex)
    found: dict[tuple[Name, int], RRset] = {}
    lines = [read_record(line, origin, 3600) for line in records.strip().splitlines()]
    for record in lines:
        key = record.owner, record.type
        old = found.get(key)
        rdatas = (old.rdatas if old else frozenset()) | {record.rdata}
        found[key] = RRset(record.owner, record.type, record.ttl, rdatas)
    for child in children:
        if child.ksk is not None:
            ds = make_ds(child.apex, child.ksk.dnskey).to_rdata()
            found[child.apex, T.DS] = RRset(child.apex, T.DS, 3600, frozenset({ds}))
    if secret is None:
        return Zone(Bed(origin, dates, rrsets=found), None)
    ksk = zone_key(origin, secret, KSK)
    zsks = [] if zsk is None else [zone_key(origin, zsk, ZSK)]
    signed = {
        (rrset.owner, rrset.type): rrset
        for rrset in sign_zone(origin, found.values(), [ksk], zsks, *dates, dnskey_ttl=3600, nsec3=nsec3)
    }
    bed = Bed(origin, dates, ksk, zsks[0] if zsks else ksk, nsec3, signed)
    if extra:
        old = signed[origin, T.DNSKEY]
        bed.put(origin, T.DNSKEY, old.rdatas | {key.to_rdata() for key in extra})
    return Zone(bed, ksk)


Lie = Callable[[Message], Message]


def lies(message: Message, *lies: Lie) -> Message:
    """What is made of a reply on its way."""
    for lie in lies:
        message = lie(message)
    return message


def without(*types: int) -> Lie:
    """All records of these types are left out."""

    def kept(records: Iterable[Record]) -> tuple[Record, ...]:
        return tuple(record for record in records if record.type not in types)

    return lambda message: replace(
        message, answer=kept(message.answer), authority=kept(message.authority), additional=kept(message.additional)
    )


def rcode(number: int) -> Lie:
    return lambda message: replace(message, rcode=number)


def also(section: Literal["answer", "authority", "additional"], *records: str) -> Lie:
    """Records are added to a section."""
    more = tuple(read_record(record) for record in records)

    def added(message: Message) -> Message:
        if section == "answer":
            return replace(message, answer=(*message.answer, *more))
        if section == "authority":
            return replace(message, authority=(*message.authority, *more))
        return replace(message, additional=(*message.additional, *more))

    return added


def empty(message: Message) -> Message:
    """Nothing but the header and the question."""
    return replace(message, flags=QR, answer=(), authority=(), additional=())


def truncated(message: Message) -> Message:
    return replace(message, flags=message.flags | 0x0200)


def without_owners(owners: Collection[Name]) -> Lie:
    """All records of these names are left out of the authority section."""
    return lambda message: replace(
        message, authority=tuple(record for record in message.authority if record.owner not in owners)
    )
