"""What can be wrong with a denial by NSEC3 (RFC 5155 §8), and what opt-out does not prove (§9.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.nsec3 import NSEC3, hash_from_label, hash_name, hash_owner
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.model import Security
from fault_garden.beds import sign
from fault_garden.damages import (
    BOGUS,
    INSECURE,
    PLAINLY,
    SECURE,
    BarrenError,
    Damage,
    Entry,
    answered_as,
    denied_by,
    emptied,
    flipped,
    nothing,
    nsec3s,
    proofs,
    proved_by,
    rcode,
    reply,
    without,
)
from fault_garden.garden import Garden, Layout
from fault_garden.honest import HASHED, OPT_OUT
from fault_garden.signatures import stranger

NOPE, DEEP, NODATA, ENT = "nope A", "a.b.nope A", "www TXT", "b.ent A"
WILD, WILD_NODATA, BLOCKED = "x.wild TXT", "x.wild A", "there.wild TXT"
PLAIN, NO_DS = "www.plain.net. A", "plain.net. DS"
INSUFFICIENT: Final = "DENIAL_INSUFFICIENT"


def iterated(iterations: int) -> Layout:
    chain = NSEC3Chain(iterations=iterations)
    return Layout(net=chain, example=chain)


def types(owner: str, *, add: int | None = None, drop: int | None = None, zone: str = "example.net.") -> Damage:
    """The bitmap of the NSEC3 that matches a name, well signed."""

    def damage(garden: Garden) -> None:
        bed = garden.bed(zone)
        at = bed.hashed()[bed.hash(garden.name(owner))]
        (rdata,) = bed.rrsets[at, int(T.NSEC3)].rdatas
        one = NSEC3.from_rdata(rdata)
        changed = (one.types | ({add} if add else set())) - ({drop} if drop else set())
        bed.put(at, int(T.NSEC3), [replace(one, types=changed).to_rdata()])

    return damage


def one_salt_differs(garden: Garden) -> None:
    """The NSEC3 that denies the wildcard has another salt, for which the zone has no chain."""
    bed = garden.bed("example.net.")
    owner = bed.covering(garden.name("*"))[0].owner
    (rdata,) = bed.rrsets[owner, int(T.NSEC3)].rdatas
    salted = replace(NSEC3.from_rdata(rdata), salt=b"\x01")
    first, last = hash_from_label(owner.labels[0]) or b"", salted.next
    by_chance = hash_name(garden.name("*"), salted.salt, 0)
    if first < by_chance < last or (last < first and not last <= by_chance <= first):
        raise BarrenError("the wildcard's other hash lies in the gap as well")
    bed.put(owner, int(T.NSEC3), [salted.to_rdata()])


def shown_deeper(garden: Garden) -> None:
    """All NSEC3 owners lie one label too deep, and are signed so."""
    bed = garden.bed("example.net.")
    proof = bed.no_name(garden.name("nope"), bed.apex)
    authority = bed.soa()
    for one in dict.fromkeys(record.owner for record in proof):
        rrset = bed.rrsets[one, int(T.NSEC3)]
        bed.put(deeper := Name((one.labels[0], b"deep", *bed.apex.labels)), int(T.NSEC3), rrset.rdatas)
        authority += bed.records(deeper, int(T.NSEC3))
        del bed.rrsets[deeper, int(T.NSEC3)]
    asked = garden.question(NOPE)
    garden.changes.append((asked, lambda honest: replace(honest, authority=tuple(authority))))


def of_a_wildcard(garden: Garden) -> None:
    """A wildcard's NSEC3 record, expanded to where it would deny what is there (CVE-2017-15105)."""
    bed = garden.bed("example.net.")
    owner = hash_owner(bed.hash(garden.name("www")), bed.apex)
    rdata = NSEC3(1, 0, 0, b"", bytes(20), frozenset({int(T.TXT)})).to_rdata()
    rrset = replace(bed.rrsets[owner, int(T.NSEC3)], rdatas=frozenset({rdata}))
    forged = sign(rrset, bed.signer(int(T.NSEC3)), bed.dates, Name((b"*", *bed.apex.labels)))
    bed.rrsets[owner, int(T.NSEC3)] = replace(rrset, rrsigs=frozenset({forged}))
    denied_by("www A", "=www")(garden)


def by_another_key(garden: Garden) -> None:
    bed = garden.bed("example.net.")
    for (owner, type), rrset in list(bed.rrsets.items()):
        if type == T.NSEC3:
            bed.put(owner, type, rrset.rdatas, stranger(garden))


def to_itself(garden: Garden) -> None:
    """One NSEC3, of the apex, covers all names but the apex."""
    bed = garden.bed("example.net.")
    bed_hash = bed.hash(bed.apex)
    owner = bed.hashed()[bed_hash]
    (rdata,) = bed.rrsets[owner, int(T.NSEC3)].rdatas
    for at, type in list(bed.rrsets):
        if type == T.NSEC3:
            del bed.rrsets[at, type]
    bed.put(owner, int(T.NSEC3), [replace(NSEC3.from_rdata(rdata), next=bed_hash).to_rdata()])


def in_an_nsec_zone(garden: Garden) -> None:
    """A signed NSEC3 of no name, in place of the NSECs."""
    bed = garden.bed("example.net.")
    owner = Name((b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", *bed.apex.labels))
    bed.put(owner, int(T.NSEC3), [NSEC3(1, 0, 0, b"", bytes(20), frozenset()).to_rdata()])
    shown = (*bed.soa(), *bed.records(owner, int(T.NSEC3)))
    garden.changes.append((garden.question(NOPE), lambda honest: replace(honest, authority=shown)))


def wrong_next(one: NSEC3) -> NSEC3:
    return replace(one, next=one.next[:-1])


def _bogus(
    name: str, damage: Damage, asked: str, code: str, section: str, layout: Layout = HASHED, state: Security = BOGUS
) -> Entry:
    return Entry(f"{name} (NSEC3)", damage, asked, state, code, section, layout)


def _secure(
    name: str, damage: Damage, asked: str, code: str, section: str = "RFC 5155 §8", layout: Layout = HASHED
) -> Entry:
    return _bogus(name, damage, asked, code, section, layout, SECURE)


def _insecure(name: str, damage: Damage, asked: str, code: str, section: str, layout: Layout = OPT_OUT) -> Entry:
    return _bogus(name, damage, asked, code, section, layout, INSECURE)


MISSING: Final = "DENIAL_MISSING"
ENTRIES: Final = [
    # Missing and forged
    _bogus("no name and no proof", reply(NOPE, without(T.NSEC3)), NOPE, MISSING, "RFC 5155 §8.4"),
    _bogus("no type and no proof", reply(NODATA, without(T.NSEC3)), NODATA, MISSING, "RFC 5155 §8.5"),
    _bogus("nothing at all", reply(NODATA, emptied), NODATA, MISSING, "RFC 5155 §8.5"),
    _bogus("proof unsigned", reply(NOPE, without(T.RRSIG)), NOPE, "SIGNATURE_MISSING", "RFC 5155 §8.1"),
    _bogus("proof forged", reply(NOPE, flipped(int(T.NSEC3))), NOPE, "SIGNATURE_INVALID", "RFC 5155 §8.1"),
    _bogus("proof signed by a key that is not there", by_another_key, NOPE, "SIGNING_KEY_MISSING", "RFC 5155 §8.1"),
    # Name errors: three parts (§8.4)
    _bogus("no closest encloser", proofs(NOPE, [">nope", ">*"]), NOPE, INSUFFICIENT, "RFC 5155 §8.3"),
    _bogus("no next closer name", proofs(NOPE, ["=example.net.", ">*"]), NOPE, INSUFFICIENT, "RFC 5155 §8.3"),
    _bogus("no wildcard", proofs(NOPE, ["=example.net.", ">nope"]), NOPE, INSUFFICIENT, "RFC 5155 §8.4"),
    _bogus("no closest encloser of a deep name", proofs(DEEP, [">nope", ">*"]), DEEP, INSUFFICIENT, "RFC 5155 §8.3"),
    _bogus("no next closer of a deep name", proofs(DEEP, ["=example.net.", ">*"]), DEEP, INSUFFICIENT, "RFC 5155 §8.3"),
    _bogus(
        "the name itself covered, not the next closer",
        denied_by(DEEP, "=example.net.", ">a.b.nope", ">*", rcode=3),
        DEEP,
        INSUFFICIENT,
        "RFC 5155 §8.3",
    ),
    _bogus("the gap beside it", answered_as("www A", "zzz A"), "www A", INSUFFICIENT, "RFC 5155 §8.4"),
    _bogus(
        "an encloser that is a cut",
        denied_by("www.child A", "=child", ">www.child", ">*.child", rcode=3),
        "www.child A",
        INSUFFICIENT,
        "RFC 6840 §4.1",
    ),
    _bogus(
        "an encloser that has a DNAME",
        denied_by("host.old TXT", "=old", ">host.old", ">*.old", rcode=3),
        "host.old TXT",
        INSUFFICIENT,
        "RFC 5155 §8.3",
    ),
    _bogus(
        "no such name, by the parent",
        denied_by("www A", "=net.", ">example.net.", ">*.net.", zone="net.", rcode=3),
        "www A",
        INSUFFICIENT,
        "RFC 5155 §8.4",
    ),
    _bogus(
        "another zone's proof",
        denied_by("www A", "=safe.org.", ">nope.safe.org.", ">*.safe.org.", zone="safe.org.", rcode=3),
        "www A",
        "SIGNER_MISMATCH",
        "RFC 5155 §8.1",
    ),
    _bogus("one of no name, in a zone with NSEC", in_an_nsec_zone, NOPE, INSUFFICIENT, "RFC 5155 §8.4", PLAINLY),
    # NODATA (§8.5)
    _bogus("the type is in the bitmap", types("www", add=int(T.TXT)), NODATA, INSUFFICIENT, "RFC 5155 §8.5"),
    _bogus("a CNAME is in the bitmap", types("www", add=int(T.CNAME)), NODATA, INSUFFICIENT, "RFC 5155 §8.5"),
    _bogus("the alias's own bitmap", denied_by("alias A", "=alias"), "alias A", INSUFFICIENT, "RFC 5155 §8.5"),
    _bogus("the proof for a neighbour", denied_by(NODATA, "=ns"), NODATA, INSUFFICIENT, "RFC 5155 §8.5"),
    _bogus("the proof for another type", answered_as("www A", "www TXT"), "www A", INSUFFICIENT, "RFC 5155 §8.5"),
    _bogus("the cut, for its apex", denied_by("child A", "=child"), "child A", INSUFFICIENT, "RFC 6840 §4.1"),
    _bogus(
        "the parent's NSEC3", denied_by("www A", "=example.net.", zone="net."), "www A", INSUFFICIENT, "RFC 5155 §8.5"
    ),
    _secure("no RRSIG in the bitmap", types("www", drop=int(T.RRSIG)), NODATA, "DENIED_NODATA"),
    # Wildcards (§8.7, §8.8)
    _bogus("an expansion without proof", reply(WILD, without(T.NSEC3)), WILD, MISSING, "RFC 5155 §8.8"),
    _bogus("an expansion with another gap", proved_by(WILD, "=ns"), WILD, INSUFFICIENT, "RFC 5155 §8.8"),
    _bogus("an expansion with its own NSEC3", proved_by(WILD, "=*.wild"), WILD, INSUFFICIENT, "RFC 5155 §8.8"),
    _bogus("an expansion over a name that exists", answered_as(BLOCKED, WILD), BLOCKED, INSUFFICIENT, "RFC 5155 §8.8"),
    _bogus(
        "an expansion below a name that exists",
        answered_as("x.there.wild TXT", WILD),
        "x.there.wild TXT",
        INSUFFICIENT,
        "RFC 5155 §8.8",
    ),
    _bogus(
        "an expansion with the name's gap, not the next closer's",
        proved_by("y.x.wild TXT", ">y.x.wild"),
        "y.x.wild TXT",
        INSUFFICIENT,
        "RFC 5155 §8.8",
    ),
    _bogus("the wildcard is there", denied_by(WILD, "=wild", ">x.wild", rcode=3), WILD, INSUFFICIENT, "RFC 5155 §8.4"),
    _bogus(
        "the wildcard has the type", denied_by(WILD, "=wild", ">x.wild", "=*.wild"), WILD, INSUFFICIENT, "RFC 5155 §8.7"
    ),
    _bogus(
        "only the wildcard's type is denied",
        proofs(WILD_NODATA, ["=*.wild"]),
        WILD_NODATA,
        INSUFFICIENT,
        "RFC 5155 §8.7",
    ),
    _bogus(
        "a wildcard's type, no encloser",
        proofs(WILD_NODATA, [">x.wild", "=*.wild"]),
        WILD_NODATA,
        INSUFFICIENT,
        "RFC 5155 §8.7",
    ),
    _bogus(
        "a wildcard's type, no next closer",
        proofs(WILD_NODATA, ["=wild", "=*.wild"]),
        WILD_NODATA,
        INSUFFICIENT,
        "RFC 5155 §8.7",
    ),
    _bogus(
        "the wildcard has a CNAME",
        denied_by("y.links A", "=links", ">y.links", "=*.links"),
        "y.links A",
        INSUFFICIENT,
        "RFC 5155 §8.7",
    ),
    # Parameters (§8.1, §8.2)
    _bogus(
        "an unknown hash algorithm",
        nsec3s("example.net.", lambda n: replace(n, hash_algorithm=2)),
        NOPE,
        MISSING,
        "RFC 5155 §8.1",
    ),
    _bogus("unknown flags", nsec3s("example.net.", lambda n: replace(n, flags=2)), NOPE, MISSING, "RFC 5155 §8.2"),
    _bogus("a next hash of 19 octets", nsec3s("example.net.", wrong_next), NOPE, MISSING, "RFC 5155 §3.1.7"),
    _bogus("salts that differ", one_salt_differs, NOPE, INSUFFICIENT, "RFC 5155 §8.2"),
    _bogus("owners two labels below the apex", shown_deeper, NOPE, MISSING, "RFC 5155 §3"),
    _bogus("an expansion of a wildcard's NSEC3", of_a_wildcard, "www A", MISSING, "RFC 4035 §5.4"),
    _secure("one NSEC3 for all", to_itself, NOPE, "DENIED_NO_NAME"),
    # Iterations: beyond what is believed nothing is hashed (RFC 9276 §3.2)
    _secure("100 iterations", nothing, NOPE, "DENIED_NO_NAME", "RFC 9276 §3.2", iterated(100)),
    _insecure("151 iterations", nothing, NOPE, "NSEC3_ITERATIONS", "RFC 9276 §3.2", iterated(151)),
    _insecure("2500 iterations", nothing, NOPE, "NSEC3_ITERATIONS", "RFC 9276 §3.2", iterated(2500)),
    _insecure("no type, 2500 iterations", nothing, NODATA, "NSEC3_ITERATIONS", "RFC 9276 §3.2", iterated(2500)),
    _insecure("an expansion, 2500 iterations", nothing, WILD, "NSEC3_ITERATIONS", "RFC 9276 §3.2", iterated(2500)),
    _secure("an answer, 2500 iterations", nothing, "www A", "SIGNATURE_VALID", "RFC 9276 §3.2", iterated(2500)),
    _insecure("an unsigned zone, 2500 iterations", nothing, PLAIN, "NSEC3_ITERATIONS", "RFC 9276 §3.2", iterated(2500)),
    _insecure(
        "2500 iterations, and this proof unsigned",
        reply(NOPE, without(T.RRSIG)),
        NOPE,
        "NSEC3_ITERATIONS",
        "RFC 9276 §3.2",
        iterated(2500),
    ),
    # Delegations (§8.6, §8.9)
    _bogus("an unsigned zone without proof", reply(NO_DS, without(T.NSEC3)), PLAIN, MISSING, "RFC 5155 §8.9"),
    _bogus(
        "an unsigned zone, its NSEC3 with DS",
        types("plain.net.", add=int(T.DS), zone="net."),
        PLAIN,
        INSUFFICIENT,
        "RFC 5155 §8.9",
    ),
    _bogus(
        "an unsigned zone, its NSEC3 with SOA",
        types("plain.net.", add=int(T.SOA), zone="net."),
        PLAIN,
        INSUFFICIENT,
        "RFC 5155 §8.9",
    ),
    _bogus(
        "an unsigned zone, its NSEC3 without NS",
        types("plain.net.", drop=int(T.NS), zone="net."),
        PLAIN,
        MISSING,
        "RFC 5155 §8.9",
    ),
    _bogus(
        "a DS denied by its own NSEC3",
        denied_by("example.net. DS", "=example.net.", zone="net."),
        "www A",
        INSUFFICIENT,
        "RFC 5155 §8.6",
    ),
    _bogus(
        "a DS denied by the child's apex",
        denied_by("example.net. DS", "=example.net."),
        "www A",
        "SIGNER_MISMATCH",
        "RFC 5155 §8.6",
    ),
    _bogus(
        "a DS denied by a gap without opt-out",
        denied_by("example.net. DS", "=net.", ">example.net.", zone="net."),
        "www A",
        INSUFFICIENT,
        "RFC 5155 §8.6",
    ),
    # Opt-out
    _bogus(
        "a DS that is there, denied by opt-out",
        denied_by("example.net. DS", "=net.", ">example.net.", zone="net."),
        "www A",
        INSUFFICIENT,
        "RFC 5155 §8.6",
        OPT_OUT,
    ),
    _bogus(
        "opt-out, the next closer name uncovered",
        proofs(NO_DS, ["=net."], "net."),
        PLAIN,
        INSUFFICIENT,
        "RFC 5155 §8.6",
        OPT_OUT,
    ),
    _bogus(
        "opt-out, no closest encloser",
        proofs(NO_DS, [">plain.net."], "net."),
        PLAIN,
        INSUFFICIENT,
        "RFC 5155 §8.6",
        OPT_OUT,
    ),
    _insecure("NXDOMAIN for an opted-out delegation", reply(NO_DS, rcode(3)), PLAIN, "OPT_OUT", "RFC 5155 §9.2"),
    _bogus(
        "a signed name denied by opt-out",
        denied_by("www A", "=example.net.", ">nope", ">*", rcode=3),
        "www A",
        INSUFFICIENT,
        "RFC 5155 §8.4",
        OPT_OUT,
    ),
    _insecure(
        "no name, no wildcard, under opt-out",
        proofs(NOPE, ["=example.net.", ">nope"]),
        NOPE,
        "OPT_OUT",
        "RFC 5155 §9.2",
    ),
]
