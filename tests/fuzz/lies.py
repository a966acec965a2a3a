"""What a liar makes of honest replies. Each trick is given chance and a reply, and gives what is told instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.message import MessageError, read_message
from danelaw.core.model import Message, Record, Silence
from fuzz.grounds import Ground, Replies, Reply, is_signature

SECTIONS: Final = ("answer", "authority", "additional")
TYPES: Final = (
    T.A,
    T.NS,
    T.CNAME,
    T.SOA,
    T.TXT,
    T.DNAME,
    T.DS,
    T.RRSIG,
    T.NSEC,
    T.DNSKEY,
    T.NSEC3,
    T.TLSA,
    T.OPT,
    65280,
)


@dataclass(frozen=True)
class Lie:
    """Replies of which some are false, and the names of the tricks that were played."""

    replies: Replies
    tricks: tuple[str, ...]


Trick = Callable[[Random, Message, Ground], Reply]


def lies(random: Random, ground: Ground, honest: Replies, tricks: Sequence[Trick], most: int = 3) -> Lie:
    """One to ``most`` tricks, each on one of the replies."""
    replies = dict(honest)
    played = []
    for _ in range(random.randint(1, most)):
        question = random.choice(list(replies))
        reply = replies[question]
        if isinstance(reply, Message):
            trick = random.choice(tricks)
            replies[question] = trick(random, replace(reply, question=(question,)), ground)
            played.append(f"{trick.__name__} on {question.name} {question.type}")
    return Lie(replies, tuple(played))


def sections(message: Message) -> list[list[Record]]:
    return [list(message.answer), list(message.authority), list(message.additional)]


def rebuilt(message: Message, records: Sequence[Iterable[Record]]) -> Message:
    answer, authority, additional = map(tuple, records)
    return replace(message, answer=answer, authority=authority, additional=additional)


def _change(random: Random, message: Message, change: Callable[[Record], Iterable[Record]]) -> Message:
    """One record becomes others."""
    records = sections(message)
    places = [(section, index) for section in records for index in range(len(section))]
    if places:
        section, index = random.choice(places)
        section[index : index + 1] = change(section[index])
    return rebuilt(message, records)


def flip_octets(random: Random, octets: bytes) -> bytes:
    """One bit."""
    if not octets:
        return octets
    changed, bit = bytearray(octets), random.randrange(8 * len(octets))
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def flip_name(random: Random, name: Name) -> Name:
    if len(name) < 2:
        return name
    labels, at = list(name.labels), random.randrange(len(name) - 1)
    labels[at] = flip_octets(random, labels[at])
    return Name(labels)


# Of one record


def flip_rdata(random: Random, message: Message, ground: Ground) -> Message:
    return _change(random, message, lambda one: [replace(one, rdata=flip_octets(random, one.rdata))])


def flip_owner(random: Random, message: Message, ground: Ground) -> Message:
    return _change(random, message, lambda one: [replace(one, owner=flip_name(random, one.owner))])


def flip_head(random: Random, message: Message, ground: Ground) -> Message:
    """A bit of the type, class or TTL."""

    def flip(one: Record) -> list[Record]:
        head = one.type << 48 | one.klass << 32 | one.ttl
        head ^= 1 << random.randrange(64)
        return [replace(one, type=head >> 48, klass=head >> 32 & 0xFFFF, ttl=head & 0xFFFFFFFF)]

    return _change(random, message, flip)


def retype(random: Random, message: Message, ground: Ground) -> Message:
    return _change(random, message, lambda one: [replace(one, type=int(random.choice(TYPES)))])


def rewrite(random: Random, message: Message, ground: Ground) -> Message:
    """An octet, a cut, more octets, none, or two fields that change places."""

    def write(one: Record) -> list[Record]:
        rdata, at = one.rdata, random.randrange(len(one.rdata) + 1)
        made = random.choice(
            [
                rdata[:at] + bytes((random.randrange(256),)) + rdata[at + 1 :],
                rdata[:at],
                rdata + random.randbytes(random.randrange(1, 40)),
                rdata[:at] + random.randbytes(2) + rdata[at:],
                rdata[at:] + rdata[:at],
                b"",
            ]
        )
        return [replace(one, rdata=made)]

    return _change(random, message, write)


def crowd(random: Random, message: Message, ground: Ground) -> Message:
    """Many that are almost like it: signatures, keys, proofs."""
    count = random.choice([2, 9, 40, 200])
    return _change(
        random,
        message,
        lambda one: [one, *(replace(one, rdata=one.rdata[:-2] + random.randbytes(2)) for _ in range(count))],
    )


def crowd_of_owners(random: Random, message: Message, ground: Ground) -> Message:
    """The same, with names of their own."""
    count = random.choice([2, 9, 40])
    return _change(
        random, message, lambda one: [one, *(replace(one, owner=flip_name(random, one.owner)) for _ in range(count))]
    )


def refield(random: Random, message: Message, ground: Ground) -> Message:
    """One field of a signature: type covered, algorithm, labels, TTL, dates, key tag."""

    def write(one: Record) -> list[Record]:
        if not is_signature(one) or len(one.rdata) < 18:
            return [one]
        start, end = random.choice([(0, 2), (2, 3), (3, 4), (4, 8), (8, 12), (12, 16), (16, 18)])
        old = int.from_bytes(one.rdata[start:end])
        new = random.choice([old + 1, old - 1, old + 86400 * 90, old - 86400 * 90, random.getrandbits(32), 0])
        field = (new % (1 << 8 * (end - start))).to_bytes(end - start)
        return [replace(one, rdata=one.rdata[:start] + field + one.rdata[end:])]

    return _change(random, message, write)


# Of all records of a reply


def drop(random: Random, message: Message, ground: Ground) -> Message:
    """Any of the records are left out."""
    share = random.choice([0.1, 0.3, 0.7, 1.0])
    return rebuilt(message, [[one for one in section if random.random() >= share] for section in sections(message)])


def drop_rrsets(random: Random, message: Message, ground: Ground) -> Message:
    """Whole RRsets are left out, with their signatures."""
    kinds = {(one.owner, _covered(one)) for section in sections(message) for one in section}
    gone = {kind for kind in sorted(kinds) if random.random() < 0.4}
    return rebuilt(
        message, [[one for one in section if (one.owner, _covered(one)) not in gone] for section in sections(message)]
    )


def _covered(record: Record) -> int:
    return int.from_bytes(record.rdata[:2]) if is_signature(record) else record.type


def shuffle(random: Random, message: Message, ground: Ground) -> Message:
    records = sections(message)
    for section in records:
        random.shuffle(section)
    return rebuilt(message, records)


def displace(random: Random, message: Message, ground: Ground) -> Message:
    """Records stand in other sections."""
    moved: list[list[Record]] = [[], [], []]
    for index, section in enumerate(sections(message)):
        for one in section:
            moved[random.randrange(3) if random.random() < 0.3 else index].append(one)
    return rebuilt(message, moved)


def refer(random: Random, message: Message, ground: Ground) -> Message:
    """Another code or other flags: NXDOMAIN, SERVFAIL, truncated…"""
    return replace(message, rcode=random.choice([0, 3, 2, 5, 16]), flags=message.flags ^ 1 << random.randrange(16))


def fall_silent(random: Random, message: Message, ground: Ground) -> Silence:
    return Silence(random.choice(["TIMEOUT", "REFUSED", "MALFORMED"]))


# Of what others have said


def replay(random: Random, message: Message, ground: Ground) -> Message:
    """The honest reply to another question."""
    told = random.choice(list(random.choice(ground.cases).replies.values()))
    return replace(told, question=message.question)


def replay_here(random: Random, message: Message, ground: Ground) -> Message:
    """The same, with what was said of that name said of this one."""
    told = replay(random, message, ground)
    asked = message.question[0].name
    owners = sorted({one.owner for one in told.answer}) or [asked]
    old = random.choice(owners)
    moved = [[replace(one, owner=asked) if one.owner == old else one for one in part] for part in sections(told)]
    return rebuilt(told, moved)


def graft(random: Random, message: Message, ground: Ground) -> Message:
    """Records from anywhere in the tree stand here too, some of them at other names."""
    return _grafted(random, message, ground.stock)


def graft_stale(random: Random, message: Message, ground: Ground) -> Message:
    """Records whose signatures have expired."""
    return _grafted(random, message, ground.stale)


def _grafted(random: Random, message: Message, stock: Sequence[Record]) -> Message:
    records = sections(message)
    first = random.choice(stock)
    kin = [one for one in stock if one.owner == first.owner and _covered(one) == _covered(first)]
    owners = sorted({one.owner for section in records for one in section})
    owner = random.choice([first.owner, message.question[0].name, *owners])
    section = records[random.choice([0, 0, 1, 1, 2])]
    if random.random() < 0.3:
        section.clear()
    section += [replace(one, owner=owner) for one in kin]
    return rebuilt(message, records)


def resign(random: Random, message: Message, ground: Ground) -> Message:
    """A signature is put over another RRset."""
    signatures = [one for one in ground.stock if is_signature(one)]
    other = random.choice(signatures)
    return _change(random, message, lambda one: [replace(other, owner=one.owner)] if is_signature(one) else [one])


def forge(random: Random, message: Message, ground: Ground) -> Message:
    """Other data at the name that was asked for, under whatever signatures there are."""
    asked = message.question[0]
    rdata = random.choice([b"\xc0\0\2\xff", b"\0", *(one.rdata for one in ground.stock if one.type == asked.type)])
    made = Record(asked.name, asked.type, 1, 300, rdata)
    kept = [one for one in message.answer if is_signature(one) or random.random() < 0.5]
    return replace(message, rcode=0, answer=(made, *kept))


def garble(random: Random, message: Message, ground: Ground) -> Reply:
    """Octets of the wire."""
    wire = bytearray(to_wire(message))
    for _ in range(random.choice([1, 1, 2, 5, 20])):
        at = random.randrange(len(wire))
        wire[at : at + random.choice([1, 1, 1, 0, 2])] = random.randbytes(random.choice([1, 1, 1, 0, 2]))
    try:
        return read_message(bytes(wire))
    except MessageError:
        return Silence("MALFORMED")


def to_wire(message: Message) -> bytes:
    """The message without compression."""
    counts = (len(message.question), *map(len, sections(message)))
    head = b"".join(field.to_bytes(2) for field in (message.id, message.flags & 0xFFF0 | message.rcode & 0xF, *counts))
    questions = [plain_wire(one.name) + one.type.to_bytes(2) + one.klass.to_bytes(2) for one in message.question]
    records = [
        plain_wire(one.owner)
        + one.type.to_bytes(2)
        + one.klass.to_bytes(2)
        + one.ttl.to_bytes(4)
        + len(one.rdata).to_bytes(2)
        + one.rdata
        for section in sections(message)
        for one in section
    ]
    return head + b"".join((*questions, *records))


FLIPS: Final[tuple[Trick, ...]] = (flip_rdata, flip_owner, flip_head)
DROPS: Final[tuple[Trick, ...]] = (drop, drop_rrsets)
REPLAYS: Final[tuple[Trick, ...]] = (replay, replay_here, graft, graft_stale, resign, drop_rrsets)
FORGERIES: Final[tuple[Trick, ...]] = (forge, resign, retype, refield, rewrite)
TRICKS: Final[tuple[Trick, ...]] = tuple(
    dict.fromkeys(
        (*FLIPS, *DROPS, *REPLAYS, *FORGERIES, crowd, crowd_of_owners, shuffle, displace, refer, fall_silent, garble)
    )
)
