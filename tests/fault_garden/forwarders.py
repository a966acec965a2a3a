"""What a forwarder can do to replies, though all zones are in order (RFC 4035 §4.3, §5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.model import Message, Record, Security
from fault_garden.damages import (
    BOGUS,
    INDETERMINATE,
    INSECURE,
    SECURE,
    Damage,
    Entry,
    answered_as,
    emptied,
    failing,
    flipped,
    reply,
    silent,
    together,
    truncated,
    without,
)
from fault_garden.garden import Change, Garden

TLSA: Final = "_443._tcp.www TLSA"
ADDRESS: Final = bytes((192, 0, 2, 66))


def added(section: str, owner: str, *, at: str = "www A") -> Damage:
    """An address that nobody asked for, unsigned."""

    def damage(garden: Garden) -> None:
        extra = (Record(garden.name(owner), int(T.A), 1, 600, ADDRESS),)

        def change(honest: Message) -> Message:
            return replace(
                honest,
                answer=honest.answer + extra * (section == "answer"),
                authority=honest.authority + extra * (section == "authority"),
                additional=honest.additional + extra * (section == "additional"),
            )

        garden.changes.append((garden.question(at), change))

    return damage


def moved(honest: Message) -> Message:
    """The answer stands in the authority section."""
    return replace(honest, answer=(), authority=honest.answer)


def as_asked(where: str, other: str) -> Damage:
    """The honest reply to another question, whose records keep their names."""

    def damage(garden: Garden) -> None:
        asked, told = garden.question(where), garden.honest(garden.question(other))
        garden.changes.append((asked, lambda _: replace(told, question=(asked,))))

    return damage


def referred(garden: Garden) -> None:
    """A referral in place of the answer, as of a server that does not recurse."""
    zone = garden.name("plain.net.")
    server = Record(zone, int(T.NS), 1, 600, plain_wire(garden.name("ns.plain.net.")))
    asked = garden.question("www.plain.net. A")
    garden.changes.append((asked, lambda honest: replace(honest, flags=0x8000, answer=(), authority=(server,))))


def of_class(number: int) -> Change:
    def change(honest: Message) -> Message:
        return replace(honest, answer=tuple(replace(one, klass=number) for one in honest.answer))

    return change


def chaos_beside(honest: Message) -> Message:
    chaos = tuple(replace(one, klass=int(RdataClass.CH)) for one in honest.answer)
    return replace(honest, answer=(*chaos, *honest.answer))


def other_question(garden: Garden) -> None:
    asked, other = garden.question("www A"), garden.question("ns A")
    garden.changes.append((asked, lambda honest: replace(honest, question=(other,))))


def no_question(honest: Message) -> Message:
    return replace(honest, question=())


def reversed_order(honest: Message) -> Message:
    return replace(honest, answer=tuple(reversed(honest.answer)), authority=tuple(reversed(honest.authority)))


def ttl(seconds: int) -> Change:
    def change(honest: Message) -> Message:
        def lived(records: Iterable[Record]) -> tuple[Record, ...]:
            return tuple(replace(one, ttl=seconds) for one in records)

        return replace(honest, answer=lived(honest.answer), authority=lived(honest.authority))

    return change


def _entry(
    name: str,
    damage: Damage,
    asked: str,
    state: Security,
    code: str,
    section: str = "RFC 4035 §5.3",
    served: bool = True,
) -> Entry:
    return Entry(name, damage, asked, state, code, section, served=served)


VALID: Final = "SIGNATURE_VALID"
ENTRIES: Final = [
    # Nothing that could be judged
    _entry("no reply", reply(TLSA, silent), TLSA, INDETERMINATE, "NO_ANSWER", "RFC 4035 §4.3", served=False),
    _entry(
        "no reply for the keys", reply("example.net. DNSKEY", silent), TLSA, INDETERMINATE, "NO_ANSWER", served=False
    ),
    _entry("no reply for the DS", reply("example.net. DS", silent), TLSA, INDETERMINATE, "NO_ANSWER", served=False),
    _entry("SERVFAIL", reply(TLSA, failing(2)), TLSA, INDETERMINATE, "NO_ANSWER", "RFC 4035 §4.3"),
    _entry("REFUSED", reply(TLSA, failing(5)), TLSA, INDETERMINATE, "NO_ANSWER", "RFC 4035 §4.3"),
    _entry("NOTIMP", reply(TLSA, failing(4)), TLSA, INDETERMINATE, "NO_ANSWER", "RFC 4035 §4.3"),
    _entry(
        "SERVFAIL with the records",
        reply(TLSA, lambda m: replace(m, rcode=2)),
        TLSA,
        INDETERMINATE,
        "NO_ANSWER",
        "RFC 4035 §4.3",
    ),
    _entry("truncated, by TCP too", reply(TLSA, truncated), TLSA, INDETERMINATE, "NO_ANSWER", "RFC 4035 §4.3"),
    _entry(
        "an unsigned zone that says nothing",
        reply("www.plain.net. A", emptied),
        "www.plain.net. A",
        INSECURE,
        "INSECURE_DELEGATION",
        "RFC 2308 §2.2",
    ),
    _entry(
        "SERVFAIL from an unsigned zone",
        reply("www.plain.net. A", failing(2)),
        "www.plain.net. A",
        INDETERMINATE,
        "NO_ANSWER",
        "RFC 4035 §4.3",
    ),
    # What knows nothing of DNSSEC
    _entry(
        "signatures and proofs stripped everywhere",
        reply(None, without(T.RRSIG, T.NSEC, T.NSEC3)),
        "www A",
        BOGUS,
        "SIGNATURE_MISSING",
    ),
    _entry(
        "all of DNSSEC stripped",
        reply(None, without(T.RRSIG, T.NSEC, T.NSEC3, T.DS, T.DNSKEY)),
        "www A",
        BOGUS,
        "DNSKEY_MISSING",
    ),
    _entry("DS and keys stripped", reply(None, without(T.DS, T.DNSKEY)), "www A", BOGUS, "DNSKEY_MISSING"),
    _entry("DS stripped", reply(None, without(T.DS)), "www A", BOGUS, "DENIAL_MISSING"),
    _entry(
        "proofs stripped, for an unsigned zone",
        reply(None, without(T.NSEC, T.NSEC3)),
        "www.plain.net. A",
        BOGUS,
        "DENIAL_MISSING",
    ),
    _entry(
        "signatures stripped, for an unsigned zone",
        reply(None, without(T.RRSIG)),
        "www.plain.net. A",
        BOGUS,
        "SIGNATURE_MISSING",
    ),
    # Records that were not asked for
    _entry("an address more in the answer", added("answer", "ns"), "www A", SECURE, VALID),
    _entry("an address more of the same name", added("answer", "www"), "www A", BOGUS, "SIGNATURE_INVALID"),
    _entry("an address more in the authority section", added("authority", "ns"), "www A", SECURE, VALID),
    _entry("an address more in the additional section", added("additional", "ns"), "www A", SECURE, VALID),
    _entry(
        "an address beside a denial",
        added("answer", "ns", at="www TXT"),
        "www TXT",
        SECURE,
        "DENIED_NODATA",
        "RFC 4035 §5.4",
    ),
    _entry("an address beside the DS", added("answer", "www", at="example.net. DS"), "www A", SECURE, VALID),
    # Records elsewhere than they belong
    _entry(
        "the answer in the authority section", reply("www A", moved), "www A", BOGUS, "DENIAL_MISSING", "RFC 4035 §5.4"
    ),
    _entry("the records in another order", reply(None, reversed_order), "www A", SECURE, VALID),
    _entry(
        "a denial in another order", reply(None, reversed_order), "nope A", SECURE, "DENIED_NO_NAME", "RFC 4035 §5.4"
    ),
    _entry("a CNAME's links in another order", reply(None, reversed_order), "away A", SECURE, VALID),
    _entry("all of class CH", reply("www A", of_class(3)), "www A", BOGUS, "DENIAL_MISSING", "RFC 4035 §5.4"),
    _entry("class CH beside class IN", reply("www A", chaos_beside), "www A", SECURE, VALID),
    _entry("another name's address", answered_as("www A", "ns A"), "www A", BOGUS, "SIGNATURE_INVALID"),
    _entry("another name's address, under its own name", as_asked("www A", "ns A"), "www A", BOGUS, "DENIAL_MISSING"),
    _entry("a referral to an unsigned zone", referred, "www.plain.net. A", INDETERMINATE, "NO_ANSWER", "RFC 2308 §2.2"),
    _entry("another question's reply", other_question, "www A", SECURE, VALID, served=False),
    _entry("no question", reply("www A", no_question), "www A", SECURE, VALID, served=False),
    _entry("TTLs of zero", reply(None, ttl(0)), "www A", SECURE, VALID, "RFC 4035 §5.3.3"),
    _entry("TTLs beyond 31 bits", reply("www A", ttl(0x80000001)), "www A", SECURE, VALID, "RFC 2181 §8"),
    # Servers that misjudge empty names (they answer for _tcp what should be asked of its children)
    _entry("no such name as _tcp", reply("_tcp.www DS", failing(3)), TLSA, SECURE, VALID, "RFC 4035 §5.3"),
    _entry(
        "SERVFAIL for _tcp",
        together(reply("_tcp.www DS", failing(2)), reply("_tcp.www A", failing(2))),
        TLSA,
        SECURE,
        VALID,
    ),
    _entry("SERVFAIL for the type TLSA", reply(TLSA, failing(2)), TLSA, INDETERMINATE, "NO_ANSWER", "RFC 4035 §4.3"),
    _entry("no type TLSA, says the forwarder", reply(TLSA, emptied), TLSA, BOGUS, "DENIAL_MISSING", "RFC 4035 §5.4"),
    # An unsigned zone has no protection
    _entry(
        "a forged address in an unsigned zone",
        reply("www.plain.net. A", flipped(int(T.A))),
        "www.plain.net. A",
        INSECURE,
        "INSECURE_DELEGATION",
        "RFC 4035 §5.2",
    ),
]
