"""Tools to damage whole signed zones: example.net. of the garden, as the records of a zone file.

``fault_garden`` signs the zone and has most tools; here are more, for what no server would ever serve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import dns.name
import dns.rdata
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.rdata_text import record_text
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import DNSKEY, DS, REVOKE_FLAG, ZoneKey, make_ds
from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.nsec3 import NSEC3, NSEC3PARAM, hash_name, hash_owner
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.zonemd import ZONEMD, zonemd
from danelaw.core.model import Record, RRset
from fault_garden.beds import Bed, sign
from fault_garden.damages import (
    Damage,
    nsec,
    rdatas,
    unsigned,
)
from fault_garden.garden import Garden, Layout, plant
from fault_garden.keys import KSK, zone_key
from fault_garden.signatures import ksk

APEX: Final = dns.name.from_text("example.net.")
DAY: Final = timedelta(days=1)
MORE: Final = "ns.sub 600 A 192.0.2.77\nns.child 600 A 192.0.2.78\n"
"""Glue, so that there is some."""
PLAIN: Final = Layout(more=MORE)
HASHED: Final = Layout(example=NSEC3Chain(), more=MORE)
SALTED: Final = Layout(example=NSEC3Chain(b"\xab\xcd", 10), more=MORE)
OPT_OUT: Final = Layout(example=NSEC3Chain(opt_out=True), more=MORE)

Records = list[Record]
Change = Callable[[Records], Iterable[Record]]


def honestly(records: Records) -> Records:
    return records


@dataclass(frozen=True)
class ZoneDamage:
    """``code`` is found at ``where``, ``owner TYPE`` relative to example.net.; ``change`` is done to the file's records
    after ``damage``. ``advice``: it is no fault."""

    name: str
    damage: Damage
    code: str
    where: str
    layout: Layout = PLAIN
    change: Change = honestly
    advice: bool = False

    def zone(self, now: datetime) -> Records:
        garden = plant(self.layout, dns.name.root, now)
        self.damage(garden)
        return list(self.change(records(garden.bed("example.net."))))


def records(bed: Bed) -> Records:
    """The zone's records, each RRset with its signatures."""
    order = sorted(bed.rrsets.items(), key=lambda item: (item[0][1] != T.SOA, item[0]))
    return [record for (owner, type), _ in order for record in bed.records(owner, type)]


def zone_file(held: Iterable[Record]) -> str:
    return "".join(f"{one.owner} {one.ttl} IN {record_text(one.type, one.rdata)}\n" for one in held)


# -- tools ----------------------------------------------------------------------------------------------------------


def put(where: str, *texts: str, bare: bool = False) -> Damage:
    """An RRset given in text, signed unless ``bare``; the chain knows nothing of it."""

    def damage(garden: Garden) -> None:
        bed, asked = garden.place(where)
        held = {dns_rdata(asked.type, text) for text in texts}
        bed.put(asked.name, asked.type, held)
        if bare:
            unsigned(where)(garden)

    return damage


def dns_rdata(type: int, text: str) -> bytes:
    return dns.rdata.from_text("IN", T.make(type), text, origin=APEX, relativize=False).to_wire() or b""


def listed(owner: str, *types: int) -> Damage:
    """The NSEC of a name lists these too."""
    return nsec(owner, lambda one, _: replace(one, types=one.types | {int(type) for type in types}))


def unlisted(owner: str, *types: int) -> Damage:
    return nsec(owner, lambda one, _: replace(one, types=one.types - {int(type) for type in types}))


def hashed(owner: str, change: Callable[[NSEC3], NSEC3 | None]) -> Damage:
    """The NSEC3 of a name, well signed; None takes it out."""

    def damage(garden: Garden) -> None:
        bed = garden.bed("example.net.")
        where = bed.hashed()[bed.hash(garden.name(owner))]
        (rdata,) = bed.rrsets[where, int(T.NSEC3)].rdatas
        changed = change(NSEC3.from_rdata(rdata))
        if changed is None:
            del bed.rrsets[where, int(T.NSEC3)]
        else:
            bed.put(where, int(T.NSEC3), [changed.to_rdata()])

    return damage


def rehashed(change: Callable[[NSEC3], NSEC3]) -> Damage:
    """Every NSEC3, and with it the NSEC3PARAM, which says the same."""

    def damage(garden: Garden) -> None:
        bed = garden.bed("example.net.")
        for (owner, type), rrset in list(bed.rrsets.items()):
            if type == T.NSEC3:
                bed.put(owner, type, [change(NSEC3.from_rdata(rdata)).to_rdata() for rdata in rrset.rdatas])

    return damage


def stray_hash(garden: Garden) -> None:
    """An NSEC3 of a name that is not there, knit into the chain."""
    bed = garden.bed("example.net.")
    digest = bed.hash(garden.name("nothing-here"))
    before = max([one for one in bed.hashed() if one < digest] or bed.hashed())
    (rdata,) = bed.rrsets[bed.hashed()[before], int(T.NSEC3)].rdatas
    old = NSEC3.from_rdata(rdata)
    bed.put(bed.hashed()[before], int(T.NSEC3), [replace(old, next=digest).to_rdata()])
    bed.put(hash_owner(digest, bed.apex), int(T.NSEC3), [replace(old, types=frozenset({int(T.A)})).to_rdata()])


def stray_nsec(owner: str) -> Damage:
    """An NSEC where there must be none, knit into the chain."""

    def damage(garden: Garden) -> None:
        bed, name = garden.bed("example.net."), garden.name(owner)
        before = max(other for other, type in bed.rrsets if type == T.NSEC and other < name)
        (rdata,) = bed.rrsets[before, int(T.NSEC)].rdatas
        old = NSEC.from_rdata(rdata)
        bed.put(before, int(T.NSEC), [replace(old, next=name).to_rdata()])
        held = frozenset({int(T.NSEC), int(T.RRSIG)})
        bed.put(name, int(T.NSEC), [NSEC(old.next, held).to_rdata()], ttl=60)

    return damage


def bridged(owner: str) -> Damage:
    """The NSEC of a name is gone, and that before points to the one after."""

    def damage(garden: Garden) -> None:
        bed, name = garden.bed("example.net."), garden.name(owner)
        before = max(other for other, type in bed.rrsets if type == T.NSEC and other < name)
        (gone,) = bed.rrsets.pop((name, int(T.NSEC))).rdatas
        (rdata,) = bed.rrsets[before, int(T.NSEC)].rdatas
        bed.put(before, int(T.NSEC), [replace(NSEC.from_rdata(rdata), next=NSEC.from_rdata(gone).next).to_rdata()])

    return damage


def looped(garden: Garden) -> None:
    nsec("www", lambda one, g: replace(one, next=g.name("www")))(garden)


def all_of(type: int, change: Callable[[RRset], RRset]) -> Damage:
    """Every RRset of a type, signed anew."""

    def damage(garden: Garden) -> None:
        bed = garden.bed("example.net.")
        for (owner, kind), rrset in list(bed.rrsets.items()):
            if kind == type:
                changed = change(rrset)
                rrsig_ = sign(changed, bed.signer(type), bed.dates)
                bed.rrsets[owner, kind] = replace(changed, rrsigs=frozenset({rrsig_}))

    return damage


def everything(change: Callable[[Garden, RRset], RRset]) -> Damage:
    def damage(garden: Garden) -> None:
        bed = garden.bed("example.net.")
        bed.rrsets = {place: change(garden, rrset) for place, rrset in bed.rrsets.items()}

    return damage


def by_too(key: Callable[[Garden], ZoneKey], *types: int) -> Damage:
    """Signed by another key too: everything, or RRsets of these types."""

    def change(garden: Garden, rrset: RRset) -> RRset:
        if not rrset.rrsigs or (types and rrset.type not in types):
            return rrset
        extra = sign(rrset, key(garden), garden.bed("example.net.").dates)
        return replace(rrset, rrsigs=rrset.rrsigs | {extra})

    return everything(change)


def requests(type: int, *named: Callable[[Garden], DNSKEY], by: Callable[[Garden], ZoneKey] = ksk) -> Damage:
    """CDS or CDNSKEY records, at the apex and in its NSEC, signed by a key."""

    def damage(garden: Garden) -> None:
        made = [one(garden) for one in named]
        held = [make_ds(APEX, key).to_rdata() if type == T.CDS else key.to_rdata() for key in made]
        garden.put(f"example.net. {T.make(type).name}", held, by(garden))
        listed("example.net.", type)(garden)

    return damage


def delete_request(*beside: bytes) -> Damage:
    def damage(garden: Garden) -> None:
        garden.put("example.net. CDS", [DS(0, 0, 0, b"\0").to_rdata(), *beside], ksk(garden))
        listed("example.net.", T.CDS)(garden)

    return damage


def digest(change: Callable[[ZONEMD], ZONEMD]) -> Damage:
    """A ZONEMD record, which is right but for the change."""

    def damage(garden: Garden) -> None:
        bed = garden.bed("example.net.")
        listed("example.net.", T.ZONEMD)(garden)
        made = zonemd(bed.rrsets[APEX, int(T.SOA)], bed.rrsets.values())
        (rdata,) = made.rdatas
        bed.put(APEX, int(T.ZONEMD), [change(ZONEMD.from_rdata(rdata)).to_rdata()])

    return damage


def revoked(garden: Garden) -> ZoneKey:
    old = zone_key(APEX, 55, KSK)
    return replace(old, dnskey=replace(old.dnskey, flags=KSK | REVOKE_FLAG))


def second_algorithm(garden: Garden) -> ZoneKey:
    return zone_key(APEX, 66, KSK, Algorithm.ED25519)


def public(key: Callable[[Garden], ZoneKey]) -> Callable[[Garden], DNSKEY]:
    return lambda garden: key(garden).dnskey


def the_zsk(garden: Garden) -> ZoneKey:
    return garden.bed("example.net.").keys[1]


def added(*lines: str) -> Change:
    """Records in text, unsigned: ``owner TTL TYPE rdata``."""

    def change(held: Records) -> Records:
        made = []
        for line in lines:
            owner, ttl, type, text = line.split(maxsplit=3)
            kind = int(T.make(type))
            made.append(Record(dns.name.from_text(owner, APEX), kind, 1, int(ttl), dns_rdata(kind, text)))
        return [*held, *made]

    return change


def retimed(owner: str, type: int, ttl: int, *, first: bool = False) -> Change:
    """Another TTL for records, or for the first of them; RRSIGs are those over A records."""
    name = dns.name.from_text(owner, APEX)

    def fits(one: Record) -> bool:
        covers = type != T.RRSIG or one.rdata[:2] == T.A.to_bytes(2)
        return (one.owner, one.type) == (name, type) and covers

    def change(held: Records) -> Records:
        chosen = [one for one in held if fits(one)][: 1 if first else None]
        return [replace(one, ttl=ttl) if one in chosen else one for one in held]

    return change


def dropped(owner: str, type: int) -> Change:
    """The records go, their signatures stay."""
    name = dns.name.from_text(owner, APEX)
    return lambda held: [one for one in held if (one.owner, one.type) != (name, type)]


def signed_cut(where: str) -> Damage:
    """Signed, where nothing must be."""
    return lambda garden: garden.put(where, garden.rrset(where).rdatas)


def with_ttl(ttl: int) -> Callable[[RRset], RRset]:
    return lambda rrset: replace(rrset, ttl=ttl)


def expiry(seconds: int) -> Damage:
    return rdatas("example.net. SOA", lambda held: [one[:-8] + seconds.to_bytes(4) + one[-4:] for one in held])


def minimum(seconds: int) -> Damage:
    return rdatas("example.net. SOA", lambda held: [one[:-4] + seconds.to_bytes(4) for one in held])


def parameters(*params: NSEC3PARAM) -> Damage:
    return rdatas("example.net. NSEC3PARAM", lambda _: [one.to_rdata() for one in params])


def hashed_too(garden: Garden) -> None:
    """Beside the NSEC chain that of NSEC3, announced: both are right."""
    bed = garden.bed("example.net.")
    other = plant(HASHED, dns.name.root, garden.now).bed("example.net.")
    listed("example.net.", T.NSEC3PARAM)(garden)
    for (owner, type), rrset in other.rrsets.items():
        if type == T.NSEC3PARAM:
            bed.rrsets[owner, type] = rrset
        elif type == T.NSEC3:
            (rdata,) = rrset.rdatas
            old = NSEC3.from_rdata(rdata)
            here = next(name for name in _names(other) if hash_owner(hash_name(name, b"", 0), APEX) == owner)
            more = {int(T.NSEC), int(T.RRSIG)} if (here, int(T.NSEC)) in bed.rrsets else set()
            bed.put(owner, type, [replace(old, types=old.types | more).to_rdata()], ttl=60)


def _names(bed: Bed) -> Iterable[dns.name.Name]:
    seen = set()
    for owner, type in bed.rrsets:
        name = owner
        while type != T.NSEC3 and name not in seen:
            seen.add(name)
            if name == APEX:
                break
            name = name.parent()
    return seen
