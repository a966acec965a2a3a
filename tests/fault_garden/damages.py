"""The tools: what is done to a zone's records, and what a liar does to replies. Each makes a ``Damage``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DNSKEY, DS, ZoneKey, make_ds
from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.nsec3 import NSEC3
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.model import Message, Question, Record, RRset, Security, Silence
from fault_garden.beds import sign
from fault_garden.garden import Change, Garden, Layout

Damage = Callable[[Garden], None]

SECURE: Final = Security.SECURE
INSECURE: Final = Security.INSECURE
BOGUS: Final = Security.BOGUS
INDETERMINATE: Final = Security.INDETERMINATE
PLAINLY: Final = Layout()


@dataclass(frozen=True)
class Entry:
    """One damage: its name, what is done, what is asked, and the verdict with its first reason.

    ``section``: where it is written that the verdict must be so. ``asked`` is ``owner TYPE`` relative to example.net.
    ``served``: whether a server can do it that others are to ask; not where it says nothing, or to another question.
    """

    name: str
    damage: Damage
    asked: str
    state: Security
    code: str
    section: str
    layout: Layout = PLAINLY
    served: bool = True


class BarrenError(Exception):
    """The damage does none below this origin: hashes fall so that one record proves what two should have."""


def together(*damages: Damage) -> Damage:
    def damage(garden: Garden) -> None:
        for one in damages:
            one(garden)

    return damage


def nothing(garden: Garden) -> None:
    """The honest garden: the control."""


# Zones. ``where`` is ``owner TYPE``, with the zone where that is not the one that would be asked.


def signed(where: str, *, by: Callable[[Garden], ZoneKey] | None = None, **fields: Any) -> Damage:
    """Signed anew, by another key or with other fields, and rightly so but for that. Names in fields are texts."""

    def damage(garden: Garden) -> None:
        shown = {key: garden.name(value) if isinstance(value, str) else value for key, value in fields.items()}
        garden.put(where, garden.rrset(where).rdatas, *([by(garden)] if by else []), **shown)

    return damage


def unsigned(where: str) -> Damage:
    return stored(where, lambda rrset: replace(rrset, rrsigs=frozenset()))


def stored(where: str, change: Callable[[RRset], RRset]) -> Damage:
    """The RRset is changed and keeps the signatures that it had, unless they are changed too."""

    def damage(garden: Garden) -> None:
        bed, asked = garden.place(where)
        bed.rrsets[asked.name, asked.type] = change(garden.rrset(where))

    return damage


def removed(where: str) -> Damage:
    def damage(garden: Garden) -> None:
        bed, asked = garden.place(where)
        del bed.rrsets[asked.name, asked.type]

    return damage


def rdatas(where: str, change: Callable[[frozenset[bytes]], Iterable[bytes]]) -> Damage:
    """Other records, well signed."""
    return lambda garden: garden.put(where, change(garden.rrset(where).rdatas))


def rrsig(where: str, change: Callable[[RRSIG], RRSIG]) -> Damage:
    """Fields of the signatures, which then fit no more."""
    return stored(
        where,
        lambda rrset: replace(
            rrset, rrsigs=frozenset(change(RRSIG.from_rdata(one)).to_rdata() for one in rrset.rrsigs)
        ),
    )


def rrsigs(where: str, change: Callable[[bytes], Iterable[bytes]]) -> Damage:
    """Each signature becomes these."""
    return stored(
        where, lambda rrset: replace(rrset, rrsigs=frozenset(made for one in rrset.rrsigs for made in change(one)))
    )


def dated(where: str, dates: Callable[[datetime], tuple[datetime, datetime]]) -> Damage:
    """Well signed, with this inception and expiration."""

    def damage(garden: Garden) -> None:
        (bed, asked), rrset = garden.place(where), garden.rrset(where)
        rdata = sign(rrset, bed.signer(asked.type), dates(garden.now))
        bed.rrsets[asked.name, asked.type] = replace(rrset, rrsigs=frozenset({rdata}))

    return damage


def as_if_of(where: str, owner: str) -> Damage:
    """Signed as if the records were of another name, such as a wildcard."""

    def damage(garden: Garden) -> None:
        (bed, asked), rrset = garden.place(where), garden.rrset(where)
        rdata = sign(rrset, bed.signer(asked.type), bed.dates, garden.name(owner))
        bed.rrsets[asked.name, asked.type] = replace(rrset, rrsigs=frozenset({rdata}))

    return damage


def delegated(change: Callable[[DS], Iterable[DS]]) -> Damage:
    """The DS RRset of example.net., well signed by net."""
    return rdatas(
        "example.net. DS", lambda held: [made.to_rdata() for one in held for made in change(DS.from_rdata(one))]
    )


def keys(*more: Callable[[Garden], DNSKEY], only: bool = False) -> Damage:
    """The DNSKEY RRset of example.net. holds these as well, or only these; signed by the KSK."""

    def damage(garden: Garden) -> None:
        made = {one(garden).to_rdata() for one in more}
        held = frozenset() if only else garden.rrset("example.net. DNSKEY").rdatas
        garden.put("example.net. DNSKEY", made | held)

    return damage


def replanted(zone: str, ksk: Callable[[ZoneKey], ZoneKey], zsk: Callable[[ZoneKey], ZoneKey]) -> Damage:
    """The zone's keys are others: all is signed anew, and its DS leads to the KSK."""

    def damage(garden: Garden) -> None:
        bed = garden.bed(zone)
        old = bed.keys
        bed.ksk, bed.zsk = ksk(old[0]), zsk(old[1])
        for (owner, type), rrset in list(bed.rrsets.items()):
            if type == T.DNSKEY:
                bed.put(owner, type, {bed.ksk.dnskey.to_rdata(), bed.zsk.dnskey.to_rdata()})
            elif rrset.rrsigs:
                bed.put(owner, type, rrset.rdatas)
        if bed.apex != garden.origin:
            garden.put(f"{zone} DS", [make_ds(bed.apex, bed.ksk.dnskey).to_rdata()])

    return damage


def same(key: ZoneKey) -> ZoneKey:
    return key


def fields(**changed: int) -> Callable[[ZoneKey], ZoneKey]:
    """The key pair with other flags or protocol in its record."""
    return lambda key: replace(key, dnskey=replace(key.dnskey, **changed))  # type: ignore[arg-type]  # flags and protocol are both integers


def nsec(owner: str, change: Callable[[NSEC, Garden], NSEC], zone: str = "example.net.") -> Damage:
    """The NSEC of a name, well signed."""

    def damage(garden: Garden) -> None:
        where = f"{owner} NSEC {zone}"
        (rdata,) = garden.rrset(where).rdatas
        garden.put(where, [change(NSEC.from_rdata(rdata), garden).to_rdata()])

    return damage


def nsec3s(zone: str, change: Callable[[NSEC3], NSEC3]) -> Damage:
    """Every NSEC3 of the zone, well signed."""

    def damage(garden: Garden) -> None:
        bed = garden.bed(zone)
        for (owner, type), rrset in list(bed.rrsets.items()):
            if type == T.NSEC3:
                bed.put(owner, type, [change(NSEC3.from_rdata(rdata)).to_rdata() for rdata in rrset.rdatas])

    return damage


# Replies.


def reply(where: str | None, change: Change) -> Damage:
    """Replies to one question, or to all, are changed on the way."""
    return lambda garden: garden.changes.append((garden.question(where) if where else None, change))


def records(message: Message, change: Callable[[Record], Iterable[Record]]) -> Message:
    """Each record of answer and authority becomes these."""
    return replace(
        message,
        answer=tuple(made for one in message.answer for made in change(one)),
        authority=tuple(made for one in message.authority for made in change(one)),
    )


def without(*types: int) -> Change:
    return lambda message: records(message, lambda one: () if one.type in types else (one,))


def flipped(type: int, octet: int = -1) -> Change:
    """One bit of each record of a type."""

    def flip(one: Record) -> tuple[Record]:
        changed = bytearray(one.rdata)
        changed[octet] ^= 1
        return (replace(one, rdata=bytes(changed)) if one.type == type else one,)

    return lambda message: records(message, flip)


def emptied(message: Message) -> Message:
    return replace(message, rcode=0, answer=(), authority=())


def rcode(number: int) -> Change:
    return lambda message: replace(message, rcode=number)


def failing(number: int) -> Change:
    """An error, with nothing else."""
    return lambda message: replace(message, rcode=number, answer=(), authority=())


def truncated(message: Message) -> Message:
    return replace(message, flags=message.flags | 0x0200)


def silent(message: Message) -> Silence:
    return Silence("TIMEOUT")


def answered_as(where: str, other: str) -> Damage:
    """The honest reply to another question, under this one; what was shown at the other name is shown at this one."""

    def damage(garden: Garden) -> None:
        asked, instead = garden.question(where), garden.question(other)
        told = garden.link(instead)
        assert isinstance(told, Message)
        moved = tuple(replace(one, owner=asked.name) if one.owner == instead.name else one for one in told.answer)
        forged = replace(told, question=(asked,), answer=moved)
        garden.changes.append((asked, lambda _: forged))

    return damage


def denied_by(
    where: str, *shown: str, rcode: int = 0, at: str | None = None, zone: str = "example.net.", soa: bool = True
) -> Damage:
    """The question is denied by the records named, honest ones of ``zone``, which may be shown at another name."""

    def damage(garden: Garden) -> None:
        asked, bed = garden.question(where), garden.bed(zone)
        authority = bed.soa() if soa else []
        for one in shown:
            found = _denial(garden, zone, one, garden.name(at) if at else None)
            assert found, f"{one} is not in {zone}"
            authority += found
        if bed is garden.bed_of(asked) and at is None and not garden.honest(asked).answer:
            _still_lacking(garden, asked, authority)
        denial = Message(1, 0x8180, rcode, (asked,), (), tuple(dict.fromkeys(authority)))
        garden.changes.append((asked, lambda _: denial))

    return damage


def _still_lacking(garden: Garden, asked: Question, shown: Iterable[Record]) -> None:
    """Raises ``BarrenError`` if all that an honest reply proves by is among what is shown."""
    proofs = {one.owner for one in garden.honest(asked).authority if one.type in (T.NSEC, T.NSEC3)}
    if proofs and proofs <= {one.owner for one in shown if one.type in (T.NSEC, T.NSEC3)}:
        raise BarrenError(f"{asked.name} is denied all the same")


def _denial(garden: Garden, zone: str, shown: str, at: Name | None) -> list[Record]:
    """``=owner``: what matches the name; ``>owner``: what covers it."""
    bed, owner = garden.bed(zone), garden.name(shown[1:])
    if shown[0] == ">":
        return bed.covering(owner)
    found = bed.matching(owner)
    return [replace(one, owner=at) for one in found] if at else found


def proofs(where: str, keep: Collection[str], zone: str = "example.net.") -> Damage:
    """Of the proofs in the honest reply only those are kept that match (``=``) or cover (``>``) these names."""

    def damage(garden: Garden) -> None:
        kept = {one.owner for shown in keep for one in _denial(garden, zone, shown, None)}
        kinds = (T.NSEC, T.NSEC3)

        def thin(message: Message) -> Message:
            def fits(one: Record) -> bool:
                about = one.type in kinds or (one.type == T.RRSIG and int.from_bytes(one.rdata[:2]) in kinds)
                return not about or one.owner in kept

            return replace(message, authority=tuple(filter(fits, message.authority)))

        asked = garden.question(where)
        told = thin(garden.honest(asked))
        _still_lacking(garden, asked, told.authority)
        garden.changes.append((asked, thin))

    return damage


def proved_by(where: str, *shown: str, zone: str = "example.net.") -> Damage:
    """The honest answer, with these records in its authority section instead of its own."""

    def damage(garden: Garden) -> None:
        authority = [one for name in shown for one in _denial(garden, zone, name, None)]
        asked = garden.question(where)
        _still_lacking(garden, asked, authority)
        garden.changes.append((asked, lambda honest: replace(honest, authority=tuple(authority))))

    return damage
