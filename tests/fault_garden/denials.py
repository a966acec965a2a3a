"""What can be wrong with a denial by NSEC (RFC 4035 §5.4, RFC 6840 §4), and with what a wildcard needs to be denied."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.model import Message
from fault_garden.damages import (
    BOGUS,
    INSECURE,
    SECURE,
    Damage,
    Entry,
    answered_as,
    dated,
    denied_by,
    emptied,
    failing,
    flipped,
    nsec,
    proofs,
    proved_by,
    rcode,
    rdatas,
    reply,
    rrsigs,
    signed,
    unsigned,
    without,
)
from fault_garden.garden import Garden
from fault_garden.signatures import DAY, bit, net_key, stranger

NOPE, NODATA, ENT = "nope A", "www TXT", "b.ent A"
WILD, WILD_NODATA, BLOCKED = "x.wild TXT", "x.wild A", "there.wild TXT"
INSUFFICIENT: Final = "DENIAL_INSUFFICIENT"


def leads(owner: str, following: str) -> Damage:
    """The NSEC of a name leads to another, well signed."""
    return nsec(owner, lambda one, garden: replace(one, next=garden.name(following)))


def types(owner: str, *, add: int | None = None, drop: int | None = None) -> Damage:
    def change(one: NSEC, _: Garden) -> NSEC:
        return replace(one, types=(one.types | ({add} if add else set())) - ({drop} if drop else set()))

    return nsec(owner, change)


def both_records(garden: Garden) -> None:
    """Two NSECs at one name (RFC 4034 §4: there is one)."""
    where = "host.new NSEC"
    (rdata,) = garden.rrset(where).rdatas
    garden.put(where, [rdata, replace(NSEC.from_rdata(rdata), next=garden.name("mail")).to_rdata()])


def cut_bitmap(rdata: bytes) -> bytes:
    return rdata[:-1]


def moved(owner: str, at: str, zone: str = "example.net.") -> Damage:
    """The NSEC of a name is stored, with its signature, at another one."""

    def damage(garden: Garden) -> None:
        bed = garden.bed(zone)
        taken = bed.rrsets[garden.name(owner), int(T.NSEC)]
        bed.rrsets[garden.name(at), int(T.NSEC)] = replace(taken, owner=garden.name(at))

    return damage


def without_soa(message: Message) -> Message:
    """No SOA, nor what signs it."""

    def is_soas(rdata: bytes) -> bool:
        return int.from_bytes(rdata[:2]) == T.SOA

    kept = [one for one in message.authority if one.type != T.SOA and not (one.type == T.RRSIG and is_soas(one.rdata))]
    return replace(message, authority=tuple(kept))


def _bogus(name: str, damage: Damage, asked: str, code: str, section: str = "RFC 4035 §5.4") -> Entry:
    return Entry(name, damage, asked, BOGUS, code, section)


def _secure(name: str, damage: Damage, asked: str, code: str, section: str = "RFC 4035 §5.4") -> Entry:
    return Entry(name, damage, asked, SECURE, code, section)


ENTRIES: Final = [
    # Missing
    _bogus("no name and no proof", reply(NOPE, without(T.NSEC)), NOPE, "DENIAL_MISSING"),
    _bogus("no name and nothing at all", reply(NOPE, failing(3)), NOPE, "DENIAL_MISSING"),
    _bogus("no type and no proof", reply(NODATA, without(T.NSEC)), NODATA, "DENIAL_MISSING"),
    _bogus("no type and nothing at all", reply(NODATA, emptied), NODATA, "DENIAL_MISSING"),
    _bogus("nothing where there are records", reply("www A", emptied), "www A", "DENIAL_MISSING"),
    _bogus("no such name where there are records", reply("www A", failing(3)), "www A", "DENIAL_MISSING"),
    _bogus("no TLSA where there is one", reply("_443._tcp.www TLSA", emptied), "_443._tcp.www TLSA", "DENIAL_MISSING"),
    # Signatures of proofs
    _bogus("proof unsigned", reply(NOPE, without(T.RRSIG)), NOPE, "SIGNATURE_MISSING"),
    _bogus("proof forged", reply(NOPE, flipped(int(T.NSEC))), NOPE, "SIGNATURE_INVALID"),
    _bogus(
        "a bit of the proof's signature", rrsigs("host.new NSEC", lambda one: [bit(one)]), NOPE, "SIGNATURE_INVALID"
    ),
    _bogus("proof expired", dated("www NSEC", lambda now: (now - 9 * DAY, now - 3 * DAY)), NODATA, "SIGNATURE_EXPIRED"),
    # As with answers, nobody looks for a cut below the signer
    _secure("proof signed by the parent", signed("www NSEC", by=net_key), NODATA, "DENIED_NODATA"),
    _bogus("proof signed by a key that is not there", signed("www NSEC", by=stranger), NODATA, "SIGNING_KEY_MISSING"),
    # Another's proofs
    _bogus("the gap beside it", answered_as("www A", "zzz A"), "www A", INSUFFICIENT),
    _bogus("the proof for another type", answered_as("www A", "www TXT"), "www A", INSUFFICIENT),
    _bogus("the proof for a neighbour", denied_by(NODATA, "=ns"), NODATA, INSUFFICIENT),
    _bogus("the parent's side of the cut", denied_by("www A", "=example.net.", zone="net."), "www A", INSUFFICIENT),
    _bogus("the parent's gap", denied_by("www A", ">example.net.", zone="net.", rcode=3), "www A", INSUFFICIENT),
    _bogus("another zone's proof", denied_by("www A", "=www.safe.org.", zone="safe.org."), "www A", "SIGNER_MISMATCH"),
    _bogus("the cut above the child", denied_by("www.child A", "=child"), "www.child A", INSUFFICIENT, "RFC 6840 §4.1"),
    _bogus(
        "the cut above the child, for its apex",
        denied_by("child A", "=child"),
        "child A",
        INSUFFICIENT,
        "RFC 6840 §4.1",
    ),
    _bogus(
        "no such name, by the cut above the child",
        denied_by("www.child A", "=child", "=example.net.", rcode=3),
        "www.child A",
        INSUFFICIENT,
        "RFC 6840 §4.1",
    ),
    _bogus("the DNAME's own NSEC", denied_by("host.old TXT", "=old"), "host.old TXT", INSUFFICIENT, "RFC 6840 §4.1"),
    # Bitmaps
    _bogus("the type is in the bitmap", types("www", add=int(T.TXT)), NODATA, INSUFFICIENT),
    _bogus("the CNAME is in the bitmap", denied_by("alias A", "=alias"), "alias A", INSUFFICIENT, "RFC 6840 §4.3"),
    _bogus("a CNAME is put in the bitmap", types("www", add=int(T.CNAME)), NODATA, INSUFFICIENT, "RFC 6840 §4.3"),
    Entry(
        "NS is put in the bitmap",
        types("www", add=int(T.NS)),
        NODATA,
        INSECURE,
        "INSECURE_DELEGATION",
        "RFC 6840 §4.4",
    ),
    _bogus("a bitmap cut short", rdatas("www NSEC", lambda held: map(cut_bitmap, held)), NODATA, "DENIAL_MISSING"),
    _bogus("NSEC of no octets", rdatas("www NSEC", lambda held: [b""]), NODATA, "DENIAL_MISSING"),
    _secure("neither RRSIG nor NSEC in the bitmap", types("www", drop=int(T.RRSIG)), NODATA, "DENIED_NODATA"),
    # Gaps
    _bogus("the next name lies outside", leads("_443._tcp.www", "org."), "zzz A", INSUFFICIENT, "RFC 4034 §4.1.1"),
    _bogus(
        "the next name lies in the zone above",
        leads("_443._tcp.www", "m.net."),
        "zzz A",
        INSUFFICIENT,
        "RFC 4034 §4.1.1",
    ),
    _bogus("the next name is the name asked for", leads("host.new", "nope"), NOPE, INSUFFICIENT),
    _bogus("the gap runs backwards", leads("host.new", "ent"), NOPE, INSUFFICIENT),
    _bogus("two NSECs at one name", both_records, NOPE, INSUFFICIENT, "RFC 4034 §4"),
    _bogus("the gap's NSEC is another name's", moved("www", "host.new"), NOPE, "SIGNATURE_INVALID"),
    _secure("one gap from apex to apex", leads("example.net.", "example.net."), "aaa A", "DENIED_NO_NAME"),
    # Wildcards denied
    _bogus("the wildcard is not denied", proofs(NOPE, [">nope"]), NOPE, INSUFFICIENT),
    _bogus("only the wildcard is denied", proofs(NOPE, [">*"]), NOPE, INSUFFICIENT),
    _bogus("the wildcard is there", denied_by(WILD, ">x.wild", rcode=3), WILD, INSUFFICIENT),
    _bogus("the wildcard has the type", denied_by(WILD, ">x.wild", "=*.wild"), WILD, INSUFFICIENT),
    _bogus("only the wildcard's type is denied", proofs(WILD_NODATA, ["=*.wild"]), WILD_NODATA, INSUFFICIENT),
    _bogus("the wildcard's type is not denied", proofs(WILD_NODATA, [">x.wild"]), WILD_NODATA, INSUFFICIENT),
    _bogus(
        "the wildcard has a CNAME",
        denied_by("y.links A", ">y.links", "=*.links"),
        "y.links A",
        INSUFFICIENT,
        "RFC 6840 §4.3",
    ),
    # Wildcards expanded
    _bogus("an expansion without proof", reply(WILD, without(T.NSEC)), WILD, "DENIAL_MISSING", "RFC 4035 §5.3.4"),
    _bogus("an expansion, proof unsigned", unsigned("a.there.wild NSEC"), WILD, "SIGNATURE_MISSING", "RFC 4035 §5.3.4"),
    _bogus("an expansion with another gap", proved_by(WILD, "=ns"), WILD, INSUFFICIENT, "RFC 4035 §5.3.4"),
    _bogus(
        "an expansion over a name that exists", answered_as(BLOCKED, WILD), BLOCKED, INSUFFICIENT, "RFC 4035 §5.3.4"
    ),
    _bogus(
        "an expansion below a name that exists",
        answered_as("x.there.wild TXT", WILD),
        "x.there.wild TXT",
        INSUFFICIENT,
        "RFC 4035 §5.3.4",
    ),
    _bogus("an expansion from another wildcard", answered_as("www TXT", WILD), "www TXT", "SIGNATURE_INVALID"),
    _bogus(
        "an expansion of an expansion's NSEC",
        denied_by(BLOCKED, "=*.wild", at="there.wild"),
        BLOCKED,
        "DENIAL_MISSING",
        "RFC 4035 §5.4",  # CVE-2017-15105
    ),
    # Response codes are not signed: the proof decides
    _secure("NOERROR for no such name", reply(NOPE, rcode(0)), NOPE, "DENIED_NO_NAME"),
    _secure("NXDOMAIN for no such type", reply(NODATA, rcode(3)), NODATA, "DENIED_NODATA"),
    _secure("NXDOMAIN for an empty name", reply(ENT, rcode(3)), ENT, "DENIED_EMPTY_NON_TERMINAL"),
    _secure("NXDOMAIN for records", reply("www A", rcode(3)), "www A", "SIGNATURE_VALID", "RFC 4035 §5.3"),
    # The SOA beside the proof
    _secure("no SOA beside the proof", reply(NOPE, without_soa), NOPE, "DENIED_NO_NAME"),
    _secure("the SOA unsigned", unsigned("example.net. SOA"), NOPE, "DENIED_NO_NAME"),
    _secure(
        "the SOA's signature expired",
        dated("example.net. SOA", lambda now: (now - 9 * DAY, now - 3 * DAY)),
        NOPE,
        "DENIED_NO_NAME",
    ),
    # Spellings
    _secure("capitals in the next name", leads("host.new", "NS"), NOPE, "DENIED_NO_NAME", "RFC 6840 §5.1"),
]
