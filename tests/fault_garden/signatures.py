"""What can be wrong with a signature (RFC 4034 §3, RFC 4035 §5.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.model import Message, RRset
from fault_garden.damages import (
    BOGUS,
    SECURE,
    Damage,
    Entry,
    as_if_of,
    dated,
    flipped,
    rdatas,
    reply,
    rrsig,
    rrsigs,
    signed,
    stored,
    unsigned,
    without,
)
from fault_garden.garden import Garden
from fault_garden.keys import zone_key

TLSA: Final = "_443._tcp.www TLSA"
DAY = timedelta(days=1)
"""Some validators forgive a day (Unbound's val-sig-skew-max), so damages are of three."""


def net_key(garden: Garden) -> ZoneKey:
    return garden.bed("net.").keys[1]


def ksk(garden: Garden) -> ZoneKey:
    return garden.bed("example.net.").keys[0]


def stranger(garden: Garden) -> ZoneKey:
    """A key of the zone that is not in its DNSKEY RRset."""
    return zone_key(garden.name("example.net."), 77)


def other_algorithm(garden: Garden) -> ZoneKey:
    return zone_key(garden.name("example.net."), 77, algorithm=Algorithm.ED25519)


def bit(rdata: bytes) -> bytes:
    return rdata[:-1] + bytes((rdata[-1] ^ 1,))


def of_the_aaaa(garden: Garden) -> None:
    """The A records bear the signature of the AAAA."""
    other = garden.rrset("www AAAA").rrsigs
    stored("www A", lambda rrset: replace(rrset, rrsigs=other))(garden)


def of_the_neighbour(garden: Garden) -> None:
    other = garden.rrset("ns A").rrsigs
    stored("www A", lambda rrset: replace(rrset, rrsigs=other))(garden)


def beside_an_expired_one(garden: Garden) -> None:
    good = garden.rrset("www A").rrsigs
    dated("www A", lambda now: (now - 9 * DAY, now - 3 * DAY))(garden)
    stored("www A", lambda rrset: replace(rrset, rrsigs=rrset.rrsigs | good))(garden)


def beside_one_by_a_stranger(garden: Garden) -> None:
    good = garden.rrset("www A").rrsigs
    signed("www A", by=other_algorithm)(garden)
    stored("www A", lambda rrset: replace(rrset, rrsigs=rrset.rrsigs | good))(garden)


def displaced(message: Message) -> Message:
    """The signatures stand in the authority section."""
    moved = tuple(one for one in message.answer if one.type == T.RRSIG)
    kept = tuple(one for one in message.answer if one.type != T.RRSIG)
    return replace(message, answer=kept, authority=(*message.authority, *moved))


def displaced_further(message: Message) -> Message:
    moved = displaced(message)
    return replace(moved, authority=(), additional=moved.authority)


def doubled(message: Message) -> Message:
    return replace(message, answer=(*message.answer, *message.answer))


def uppercase(message: Message) -> Message:
    """The owner in other letters than it was asked in."""
    shown = [
        replace(one, owner=type(one.owner)([label.upper() for label in one.owner.labels])) for one in message.answer
    ]
    return replace(message, answer=tuple(shown))


def outlived(message: Message) -> Message:
    """A TTL above the original one, as no cache may make it."""
    return replace(message, answer=tuple(replace(one, ttl=86400) for one in message.answer))


def crowd(rdata: bytes) -> list[bytes]:
    return [rdata[:-2] + number.to_bytes(2) for number in range(60)]


def malformed_signer(rdata: bytes) -> list[bytes]:
    """The signer's name begins with a pointer."""
    return [rdata[:18] + b"\xc0\x0c" + rdata[18:]]


def more_labels(one: RRSIG) -> RRSIG:
    return replace(one, labels=one.labels + 1)


def to_p384(one: RRSIG) -> RRSIG:
    return replace(one, algorithm=Algorithm.ECDSAP384SHA384)


def one_more(rrset: RRset) -> RRset:
    return replace(rrset, rdatas=rrset.rdatas | {b"\xc0\0\2\xff"})


def one_less(rrset: RRset) -> RRset:
    return replace(rrset, rdatas=frozenset(sorted(rrset.rdatas)[1:]))


INVALID: Final = ("SIGNATURE_INVALID", "RFC 4035 §5.3.3")
MISSING: Final = ("SIGNATURE_MISSING", "RFC 4035 §5.3.1")
MALFORMED: Final = ("SIGNATURE_MALFORMED", "RFC 4034 §3.1")


def _bogus(name: str, damage: Damage, code: str, section: str = "RFC 4035 §5.3.1", asked: str = "www A") -> Entry:
    return Entry(name, damage, asked, BOGUS, code, section)


def _secure(name: str, damage: Damage, section: str, asked: str = "www A") -> Entry:
    return Entry(name, damage, asked, SECURE, "SIGNATURE_VALID", section)


ENTRIES: Final = [
    # Dates
    _bogus("expired", dated("www A", lambda now: (now - 9 * DAY, now - 3 * DAY)), "SIGNATURE_EXPIRED"),
    _bogus("not yet valid", dated("www A", lambda now: (now + 3 * DAY, now + 9 * DAY)), "SIGNATURE_NOT_YET_VALID"),
    _bogus(
        "valid until before it begins", dated("www A", lambda now: (now + 3 * DAY, now - 3 * DAY)), "SIGNATURE_EXPIRED"
    ),
    _bogus(
        "over before it begins, in the past",
        dated("www A", lambda now: (now - 3 * DAY, now - 6 * DAY)),
        "SIGNATURE_EXPIRED",
    ),
    _bogus(
        "over before it begins, in the future",
        dated("www A", lambda now: (now + 6 * DAY, now + 3 * DAY)),
        "SIGNATURE_NOT_YET_VALID",
    ),
    _bogus("valid for 70 years", dated("www A", lambda now: (now - DAY, now + 25567 * DAY)), "SIGNATURE_EXPIRED"),
    _secure("valid for 50 years", dated("www A", lambda now: (now - DAY, now + 18262 * DAY)), "RFC 4034 §3.1.5"),
    _secure("valid since 50 years", dated("www A", lambda now: (now - 18262 * DAY, now + DAY)), "RFC 4034 §3.1.5"),
    _bogus("an expiration put off", rrsig("www A", lambda one: replace(one, expiration=one.expiration + 9)), *INVALID),
    # Signers
    # The signer's name must be that of the zone. Nobody looks for a cut below the signer: who signs above a cut could
    # as well have signed another DS there.
    _secure("signed by the parent", signed("www A", by=net_key), "RFC 4035 §5.3.1"),
    _secure("signed by the root", signed("www A", by=lambda g: g.bed(".").keys[1]), "RFC 4035 §5.3.1"),
    _bogus("signed by the zone in the parent's name", signed("www A", signer="net."), "SIGNING_KEY_MISSING"),
    _bogus("signed in the name's own name", signed("www A", signer="www"), "SIGNER_MISMATCH"),
    _bogus("signed in the name of a name below", signed("www A", signer="a.www"), "SIGNER_MISMATCH"),
    _bogus("signed in the name of a sister", signed("www A", signer="ns"), "SIGNER_MISMATCH"),
    _bogus("signed in the name of an unsigned zone", signed("www A", signer="plain.net."), "SIGNER_MISMATCH"),
    _bogus("signed in the name of another signed zone", signed("www A", signer="safe.org."), "SIGNER_MISMATCH"),
    _bogus("signed in the name of a child zone", signed("www A", signer="child"), "SIGNER_MISMATCH"),
    _bogus("signed by a key that is not there", signed("www A", by=stranger), "SIGNING_KEY_MISSING"),
    _secure("signed by the KSK", signed("www A", by=ksk), "RFC 4034 §2.1.1"),
    # Fields
    _bogus("one label too many", rrsig("www A", more_labels), *INVALID),
    _bogus("a wildcard's signature", as_if_of("www A", "*"), "DENIAL_MISSING", "RFC 4035 §5.3.4"),
    _bogus("the wildcard's signature of the zone above", as_if_of("www A", "*.net."), "DENIAL_MISSING"),
    _bogus("one label too few", rrsig("www A", lambda one: replace(one, labels=one.labels - 1)), *INVALID),
    _bogus("no labels", rrsig("www A", lambda one: replace(one, labels=0)), *INVALID),
    _bogus("another original TTL", rrsig("www A", lambda one: replace(one, original_ttl=9)), *INVALID),
    _secure("an original TTL below the TTL", signed("www A", original_ttl=9), "RFC 4035 §5.3.3"),
    _secure("an original TTL above the TTL", signed("www A", original_ttl=86400), "RFC 4035 §5.3.3"),
    _secure("a TTL raised on the way", reply("www A", outlived), "RFC 4035 §5.3.3"),
    _bogus("another key tag", rrsig("www A", lambda one: replace(one, key_tag=one.key_tag ^ 1)), "SIGNING_KEY_MISSING"),
    _bogus(
        "an algorithm that nobody knows",
        rrsig("www A", lambda one: replace(one, algorithm=200)),
        "ALGORITHM_UNSUPPORTED",
        "RFC 4035 §5.2",
    ),
    _bogus("an algorithm of no key", signed("www A", by=other_algorithm), "SIGNING_KEY_MISSING"),
    _bogus("the key's number, another algorithm", rrsig("www A", to_p384), "SIGNING_KEY_MISSING"),
    _bogus("another type covered", rrsig("www A", lambda one: replace(one, type_covered=int(T.AAAA))), *MISSING),
    # The signature and what it covers
    _bogus("a bit of the signature", rrsigs("www A", lambda one: [bit(one)]), *INVALID),
    _bogus("a signature cut short", rrsigs("www A", lambda one: [one[:-1]]), *INVALID),
    _bogus("a signature that is too long", rrsigs("www A", lambda one: [one + b"\0"]), *INVALID),
    _bogus("a signature of no octets", rrsig("www A", lambda one: replace(one, signature=b"")), *INVALID),
    _bogus("a signature of nulls", rrsig("www A", lambda one: replace(one, signature=bytes(64))), *INVALID),
    _bogus("a bit of the record", reply("www A", flipped(T.A)), *INVALID),
    _bogus("a bit of the TLSA record", reply(TLSA, flipped(T.TLSA)), *INVALID, TLSA),
    _bogus("a record too many", stored("many A", one_more), *INVALID, "many A"),
    _bogus("a record too few", stored("many A", one_less), *INVALID, "many A"),
    _bogus("the signature of another type", of_the_aaaa, *MISSING),
    _bogus("the signature of another name", of_the_neighbour, *INVALID),
    # Forms
    _bogus("no signature", unsigned("www A"), *MISSING),
    _bogus("no signature of a TLSA record", unsigned(TLSA), *MISSING, TLSA),
    _bogus("two octets for a signature", rrsigs("www A", lambda one: [one[:2]]), *MALFORMED),
    _bogus("a signature that ends in its signer", rrsigs("www A", lambda one: [one[:20]]), *MALFORMED),
    _bogus("a signer that is a pointer", rrsigs("www A", malformed_signer), *MALFORMED),
    _secure("two octets beside the signature", rrsigs("www A", lambda one: [one, one[:2]]), "RFC 6840 §5.4"),
    # Several signatures
    _secure(
        "a bad signature beside the good one",
        rrsigs("www A", lambda one: [one, one[:-64] + bytes(64)]),
        "RFC 6840 §5.4",
    ),
    _secure("an expired signature beside the good one", beside_an_expired_one, "RFC 6840 §5.4"),
    _secure("a signature of no key beside the good one", beside_one_by_a_stranger, "RFC 6840 §5.12"),
    _bogus("sixty bad signatures", rrsigs("www A", crowd), "WORK_LIMIT", "RFC 4035 §5.4"),
    # Places and spellings
    _secure("signatures in the authority section", reply("www A", displaced), "RFC 4035 §5.3"),
    _secure("signatures in the additional section", reply("www A", displaced_further), "RFC 4035 §5.3"),
    _secure("all records twice", reply("www A", doubled), "RFC 4034 §6.3"),
    _secure("capital letters", reply("www A", uppercase), "RFC 4034 §6.2"),
    _secure("capital letters in the signer's name", signed("www A", signer="EXAMPLE.NET."), "RFC 6840 §5.1"),
    _bogus("signatures stripped everywhere", reply(None, without(T.RRSIG)), *MISSING),
    _secure(
        "a malformed TLSA record, signed", rdatas(TLSA, lambda held: [*held, b"\3\1\1\x99"]), "RFC 4035 §5.3", TLSA
    ),
]
