"""What can be wrong with CNAMEs and DNAMEs: each link has its own proof, and the weakest decides (RFC 6672 §5.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.model import Message, Record
from fault_garden.damages import (
    BOGUS,
    INDETERMINATE,
    INSECURE,
    PLAINLY,
    SECURE,
    Damage,
    Entry,
    dated,
    flipped,
    nothing,
    rdatas,
    removed,
    reply,
    signed,
    unsigned,
    without,
)
from fault_garden.garden import Garden, Layout
from fault_garden.hashed_denials import INSUFFICIENT
from fault_garden.signatures import DAY, net_key, stranger

OLD, ALIAS, AWAY = "host.old TXT", "alias A", "away A"


def chain(links: int, pattern: str) -> Layout:
    """``c0`` leads to ``c1``, and so on to the address of ``www``; owners and targets by the pattern."""
    lines = [f"{pattern.format(n)} 600 CNAME {pattern.format(n + 1).replace('*', 'x')}" for n in range(links - 1)]
    return Layout(more="\n".join([*lines, f"{pattern.format(links - 1)} 600 CNAME www\n"]))


def alone(message: Message) -> Message:
    """Only the first link."""
    first = message.answer[0].owner
    return replace(message, answer=tuple(one for one in message.answer if one.owner == first))


def forged_target(garden: Garden) -> None:
    """The alias's target stands beside it, with a liar's address and no signature."""
    asked = garden.question("www A")
    garden.changes.append((asked, without(T.RRSIG)))
    garden.changes.append((asked, flipped(int(T.A))))


def to(where: str, *targets: str) -> Damage:
    """The alias leads to these, well signed."""
    return lambda garden: garden.put(where, [plain_wire(garden.name(target)) for target in targets])


def instead(where: str, *found: str) -> Damage:
    """The answer is made of these RRsets, honest ones."""

    def damage(garden: Garden) -> None:
        answer: list[Record] = []
        for one in found:
            bed, asked = garden.place(one)
            answer += bed.records(asked.name, asked.type)
        garden.changes.append((garden.question(where), lambda honest: replace(honest, rcode=0, answer=tuple(answer))))

    return damage


def at_the_cut(garden: Garden) -> None:
    """net. has a CNAME where example.net. was delegated; the zone below goes on."""
    bed = garden.bed("net.")
    for type in (T.DS, T.NS):
        bed.rrsets.pop((garden.name("example.net."), int(type)))
    bed.put(garden.name("example.net."), int(T.CNAME), [plain_wire(garden.name("m.net."))])


def short_lived(message: Message) -> Message:
    """The synthesized CNAME has another TTL than the DNAME (RFC 6672 §3.1)."""
    return replace(message, answer=tuple(replace(one, ttl=7) if one.type == T.CNAME else one for one in message.answer))


def signed_cname(garden: Garden) -> None:
    """The synthesized CNAME is signed itself, as no server should."""
    bed = garden.bed("example.net.")
    owner = garden.name("host.old")
    bed.put(owner, int(T.CNAME), [plain_wire(garden.name("host.new"))])
    extra = bed.records(owner, int(T.CNAME))
    del bed.rrsets[owner, int(T.CNAME)]
    kept = without(T.CNAME)

    def change(honest: Message) -> Message:
        stripped = kept(honest)
        assert isinstance(stripped, Message)
        return replace(stripped, answer=(*stripped.answer, *extra))

    garden.changes.append((garden.question(OLD), change))


TALL: Final = ".".join(["x" * 60] * 3)


def _entry(name: str, damage: Damage, asked: str, code: str, section: str, layout: Layout = PLAINLY) -> Entry:
    return Entry(name, damage, asked, BOGUS, code, section, layout)


def _secure(name: str, damage: Damage, asked: str, section: str, layout: Layout = PLAINLY) -> Entry:
    return Entry(name, damage, asked, SECURE, "SIGNATURE_VALID", section, layout)


def _unknown(name: str, damage: Damage, asked: str, code: str, section: str, layout: Layout = PLAINLY) -> Entry:
    return Entry(name, damage, asked, INDETERMINATE, code, section, layout)


CNAMES: Final = [
    _entry("a CNAME unsigned", unsigned("alias CNAME"), ALIAS, "SIGNATURE_MISSING", "RFC 4035 §5.3.1"),
    _entry("a bit of the CNAME", reply(ALIAS, flipped(int(T.CNAME), 2)), ALIAS, "SIGNATURE_INVALID", "RFC 4035 §5.3.3"),
    _entry(
        "a CNAME expired",
        dated("alias CNAME", lambda now: (now - 9 * DAY, now - 3 * DAY)),
        ALIAS,
        "SIGNATURE_EXPIRED",
        "RFC 4035 §5.3.1",
    ),
    _entry(
        "a CNAME by a stranger", signed("alias CNAME", by=stranger), ALIAS, "SIGNING_KEY_MISSING", "RFC 4035 §5.3.1"
    ),
    _entry(
        "a CNAME to a bad signature", reply("www A", flipped(int(T.A))), ALIAS, "SIGNATURE_INVALID", "RFC 4035 §5.3.3"
    ),
    _entry("a CNAME to no signature", unsigned("www A"), ALIAS, "SIGNATURE_MISSING", "RFC 4035 §5.3.1"),
    _entry("a CNAME to a forged target beside it", forged_target, ALIAS, "SIGNATURE_MISSING", "RFC 4035 §5.3.1"),
    _entry("a CNAME to a bogus zone", unsigned("safe.org. DNSKEY"), AWAY, "SIGNATURE_MISSING", "RFC 4035 §5.2"),
    _entry(
        "a CNAME to nothing, unproved",
        reply("nothing A", without(T.NSEC)),
        "dangling A",
        "DENIAL_MISSING",
        "RFC 4035 §5.4",
    ),
    _entry(
        "an unsigned zone's CNAME to a bad signature",
        reply("www A", flipped(int(T.A))),
        "alias.plain.net. A",
        "SIGNATURE_INVALID",
        "RFC 6672 §5.3.3",
    ),
    _secure("a CNAME alone, its target to be asked for", reply(ALIAS, alone), ALIAS, "RFC 1034 §3.6.2"),
    _secure("a CNAME by a wildcard, nine times", nothing, "x.c0 A", "RFC 4035 §5.3.4", chain(9, "*.c{}")),
    _secure("eight CNAMEs", nothing, "c0 A", "RFC 1034 §3.6.2", chain(8, "c{}")),
    _entry("thirty CNAMEs", nothing, "c0 A", "WORK_LIMIT", "RFC 1034 §3.6.2", chain(30, "c{}")),
    _unknown("a CNAME to itself", to("alias CNAME", "alias"), ALIAS, "ALIAS_LOOP", "RFC 1034 §3.6.2"),
    _unknown("two CNAMEs at one name", to("alias CNAME", "www", "ns"), ALIAS, "ALIAS_MALFORMED", "RFC 1034 §3.6.2"),
    _unknown(
        "a CNAME of no octets", rdatas("alias CNAME", lambda _: [b""]), ALIAS, "ALIAS_MALFORMED", "RFC 1034 §3.6.2"
    ),
    _secure(
        "a CNAME beside the address asked for", instead("www A", "www A", "alias CNAME"), "www A", "RFC 1034 §3.6.2"
    ),
    _entry("another name's CNAME", instead("www A", "alias CNAME"), "www A", "DENIAL_MISSING", "RFC 4035 §5.4"),
    _entry("a CNAME at the cut", at_the_cut, "www A", "SIGNER_MISMATCH", "RFC 4035 §5.3.1"),
    _entry(
        "a CNAME by a wildcard, unproved",
        reply("y.links A", without(T.NSEC)),
        "y.links A",
        "DENIAL_MISSING",
        "RFC 4035 §5.3.4",
    ),
    _entry(
        "a CNAME signed by the root's other child",
        signed("alias CNAME", signer="safe.org."),
        ALIAS,
        "SIGNER_MISMATCH",
        "RFC 4035 §5.3.1",
    ),
]

DNAMES: Final = [
    _entry(
        "a CNAME that the DNAME does not make",
        reply(OLD, flipped(int(T.CNAME), 2)),
        OLD,
        "DNAME_MISMATCH",
        "RFC 6672 §5.3.1",
    ),
    _entry("a bit of the DNAME", reply(OLD, flipped(int(T.DNAME), 2)), OLD, "SIGNATURE_INVALID", "RFC 6672 §5.3.1"),
    _entry("a DNAME unsigned", unsigned("old DNAME"), OLD, "SIGNATURE_MISSING", "RFC 6672 §5.3.1"),
    _entry(
        "a DNAME expired",
        dated("old DNAME", lambda now: (now - 9 * DAY, now - 3 * DAY)),
        OLD,
        "SIGNATURE_EXPIRED",
        "RFC 6672 §5.3.1",
    ),
    _entry(
        "the synthesized CNAME alone",
        reply(OLD, without(T.DNAME, T.RRSIG)),
        OLD,
        "SIGNATURE_MISSING",
        "RFC 6672 §5.3.1",
    ),
    _secure("a DNAME without its CNAME", reply(OLD, without(T.CNAME)), OLD, "RFC 6672 §5.3.1"),
    _secure("a synthesized CNAME with another TTL", reply(OLD, short_lived), OLD, "RFC 6672 §3.1"),
    _secure("a synthesized CNAME with its own signature", signed_cname, OLD, "RFC 6672 §5.3.1"),
    _entry(
        "a DNAME to a bad signature",
        reply("host.new TXT", flipped(int(T.TXT))),
        OLD,
        "SIGNATURE_INVALID",
        "RFC 6672 §5.3.3",
    ),
    _entry(
        "a DNAME to nothing, unproved",
        reply("nope.new TXT", without(T.NSEC)),
        "nope.old TXT",
        "DENIAL_MISSING",
        "RFC 4035 §5.4",
    ),
    _entry("a DNAME of another name", instead(OLD, "gone DNAME"), OLD, "DENIAL_MISSING", "RFC 6672 §2.3"),
    Entry(
        "a DNAME at the name itself",
        instead("old A", "old DNAME"),
        "old A",
        SECURE,
        "DENIED_NODATA",
        "RFC 6672 §2.3",
    ),
    _unknown("two DNAMEs at one name", to("old DNAME", "new", "ns"), OLD, "ALIAS_MALFORMED", "RFC 6672 §2.4"),
    Entry(
        "a DNAME that makes too long a name",
        nothing,
        f"{'y' * 60}.tall TXT",
        INDETERMINATE,
        "NO_ANSWER",
        "RFC 6672 §2.2",
        Layout(more=f"tall 600 DNAME {TALL}\n"),
        served=False,  # delv 9.18 waits for ever
    ),
    Entry(
        "an unsigned zone's name, by a DNAME",
        removed("plain.net. NSEC net."),
        "www.lost A",
        BOGUS,
        INSUFFICIENT,
        "RFC 6672 §5.3.3",
    ),
    Entry(
        "a DNAME into an unsigned zone, forged there",
        reply("www.plain.net. A", flipped(int(T.A))),
        "www.lost A",
        INSECURE,
        "INSECURE_DELEGATION",
        "RFC 6672 §5.3.3",
    ),
    _secure("a DNAME signed by the parent", signed("old DNAME", by=net_key), OLD, "RFC 4035 §5.3.1"),
]

ENTRIES: Final = [*CNAMES, *DNAMES]
