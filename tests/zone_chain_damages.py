"""Damages of the chains of names, NSEC and NSEC3, in whole signed zones: see ``zone_damages``."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import dns.name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.nsec3 import NSEC3PARAM, hash_name, hash_owner
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from fault_garden.damages import (
    nothing,
    nsec,
    rdatas,
    removed,
    rrsigs,
    together,
    unsigned,
)
from fault_garden.garden import Layout
from fault_garden.signatures import bit
from zone_damage_tools import (
    APEX,
    HASHED,
    MORE,
    OPT_OUT,
    SALTED,
    ZoneDamage,
    all_of,
    bridged,
    hashed,
    hashed_too,
    listed,
    looped,
    parameters,
    put,
    rehashed,
    stray_hash,
    stray_nsec,
    unlisted,
    with_ttl,
)

INVALID, MISSING = "SIGNATURE_INVALID", "SIGNATURE_MISSING"
HASH: Final = hash_owner(hash_name(dns.name.from_text("www", APEX), b"", 0), APEX)


def shouted(held: frozenset[bytes]) -> list[bytes]:
    """Each record, and the same with its next name in capitals."""
    nsecs = [NSEC.from_rdata(one) for one in held]
    louder = [replace(one, next=type(one.next)([label.upper() for label in one.next.labels])) for one in nsecs]
    return [one.to_rdata() for one in (*nsecs, *louder)]


WRONG: Final = "NSEC_WRONG"
NSECS: Final = [
    ZoneDamage(
        "no NSEC at all",
        nothing,
        WRONG,
        "www NSEC",
        change=lambda held: [one for one in held if one.type != T.NSEC and one.rdata[:2] != T.NSEC.to_bytes(2)],
    ),
    ZoneDamage("a gap", removed("www NSEC"), WRONG, "www NSEC"),
    ZoneDamage("a name left out of the chain", bridged("www"), WRONG, "www NSEC"),
    ZoneDamage("a delegation left out of the chain", bridged("sub"), WRONG, "sub NSEC"),
    ZoneDamage("an NSEC that points to itself", looped, WRONG, "www NSEC"),
    ZoneDamage("an NSEC that points too far", nsec("www", lambda one, _: replace(one, next=APEX)), WRONG, "www NSEC"),
    ZoneDamage(
        "an NSEC that points back", nsec("many", lambda one, g: replace(one, next=g.name("mail"))), WRONG, "many NSEC"
    ),
    ZoneDamage(
        "the last NSEC not to the apex",
        nsec("_443._tcp.www", lambda one, g: replace(one, next=g.name("ns"))),
        WRONG,
        "_443._tcp.www NSEC",
    ),
    ZoneDamage("a type too many in a bitmap", listed("www", T.SSHFP), WRONG, "www NSEC"),
    ZoneDamage("a type too few in a bitmap", unlisted("www", T.AAAA), WRONG, "www NSEC"),
    ZoneDamage("no NS in the bitmap of a delegation", unlisted("sub", T.NS), WRONG, "sub NSEC"),
    ZoneDamage("a DS in the bitmap of an insecure delegation", listed("sub", T.DS), WRONG, "sub NSEC"),
    ZoneDamage("no DS in the bitmap of a secure delegation", unlisted("child", T.DS), WRONG, "child NSEC"),
    ZoneDamage("glue in the bitmap of a delegation", listed("sub", T.A), WRONG, "sub NSEC"),
    ZoneDamage("an NSEC at glue", stray_nsec("ns.sub"), WRONG, "ns.sub NSEC"),
    ZoneDamage("an NSEC at an empty non-terminal", stray_nsec("b.ent"), WRONG, "b.ent NSEC"),
    ZoneDamage("an NSEC at no name", stray_nsec("nowhere"), WRONG, "nowhere NSEC"),
    ZoneDamage(
        "two NSEC records at a name",
        rdatas("www NSEC", lambda held: [*held, NSEC(APEX, frozenset({47})).to_rdata()]),
        WRONG,
        "www NSEC",
    ),
    ZoneDamage("two NSEC records that say the same", rdatas("www NSEC", shouted), WRONG, "www NSEC"),
    ZoneDamage("a new name without NSEC", put("new A", "192.0.2.9"), WRONG, "new NSEC"),
    ZoneDamage("a new name without anything", put("new A", "192.0.2.9", bare=True), MISSING, "new A"),
    ZoneDamage("NSEC records of a long TTL", all_of(T.NSEC, with_ttl(86400)), "NSEC_TTL", "www NSEC", advice=True),
    ZoneDamage("NSEC and NSEC3, both right", hashed_too, "CHAINS_MIXED", "example.net. NSEC3PARAM", advice=True),
    ZoneDamage(
        "NSEC wrong beside NSEC3 that is right", together(hashed_too, unlisted("www", T.AAAA)), WRONG, "www NSEC"
    ),
    ZoneDamage(
        "NSEC3 wrong beside NSEC that is right",
        together(hashed_too, removed(f"{HASH} NSEC3")),
        "NSEC3_WRONG",
        "www NSEC3",
    ),
]

NSEC3S: Final = [
    ZoneDamage("no NSEC3 of a name", hashed("www", lambda _: None), "NSEC3_WRONG", "www NSEC3", HASHED),
    ZoneDamage(
        "no NSEC3 of an empty non-terminal", hashed("b.ent", lambda _: None), "NSEC3_WRONG", "b.ent NSEC3", HASHED
    ),
    ZoneDamage("no NSEC3 of a delegation", hashed("sub", lambda _: None), "NSEC3_WRONG", "sub NSEC3", HASHED),
    ZoneDamage(
        "no NSEC3 of a secure delegation under opt-out",
        hashed("child", lambda _: None),
        "NSEC3_WRONG",
        "child NSEC3",
        OPT_OUT,
    ),
    ZoneDamage("no NSEC3 of a name under opt-out", hashed("www", lambda _: None), "NSEC3_WRONG", "www NSEC3", OPT_OUT),
    ZoneDamage(
        "a type too many in a hashed bitmap",
        hashed("www", lambda n: replace(n, types=n.types | {int(T.SSHFP)})),
        "NSEC3_WRONG",
        "www NSEC3",
        HASHED,
    ),
    ZoneDamage(
        "a type too few in a hashed bitmap",
        hashed("www", lambda n: replace(n, types=n.types - {int(T.A)})),
        "NSEC3_WRONG",
        "www NSEC3",
        HASHED,
    ),
    ZoneDamage(
        "RRSIG in the hashed bitmap of an insecure delegation",
        hashed("sub", lambda n: replace(n, types=n.types | {int(T.RRSIG)})),
        "NSEC3_WRONG",
        "sub NSEC3",
        HASHED,
    ),
    ZoneDamage(
        "types at an empty non-terminal",
        hashed("b.ent", lambda n: replace(n, types=frozenset({int(T.A), int(T.RRSIG)}))),
        "NSEC3_WRONG",
        "b.ent NSEC3",
        HASHED,
    ),
    ZoneDamage("a wrong next hash", hashed("www", lambda n: replace(n, next=bytes(20))), "NSEC3_WRONG", "", HASHED),
    ZoneDamage(
        "a next hash too short", hashed("www", lambda n: replace(n, next=n.next[:19])), "NSEC3_WRONG", "", HASHED
    ),
    ZoneDamage("an NSEC3 of no name", stray_hash, "NSEC3_WRONG", "", HASHED),
    ZoneDamage("another salt in one NSEC3", hashed("www", lambda n: replace(n, salt=b"\1")), "NSEC3_WRONG", "", HASHED),
    ZoneDamage(
        "more iterations in one NSEC3", hashed("www", lambda n: replace(n, iterations=1)), "NSEC3_WRONG", "", HASHED
    ),
    ZoneDamage("an unknown flag", hashed("www", lambda n: replace(n, flags=2)), "NSEC3_WRONG", "", HASHED),
    ZoneDamage(
        "an unknown hash algorithm",
        together(rehashed(lambda n: replace(n, hash_algorithm=2)), parameters(NSEC3PARAM(2, 0, 0, b""))),
        "NSEC3_WRONG",
        "",
        HASHED,
    ),
    ZoneDamage(
        "no NSEC3PARAM",
        together(
            removed("example.net. NSEC3PARAM"),
            hashed("example.net.", lambda n: replace(n, types=n.types - {int(T.NSEC3PARAM)})),
        ),
        "NSEC3_WRONG",
        "",
        HASHED,
    ),
    ZoneDamage("an NSEC3PARAM of another salt", parameters(NSEC3PARAM(1, 0, 0, b"\1")), "NSEC3_WRONG", "", HASHED),
    ZoneDamage("an NSEC3PARAM of other iterations", parameters(NSEC3PARAM(1, 0, 7, b"")), "NSEC3_WRONG", "", HASHED),
    ZoneDamage("an NSEC3PARAM with a flag", parameters(NSEC3PARAM(1, 1, 0, b"")), "NSEC3_WRONG", "", HASHED),
    ZoneDamage(
        "a second NSEC3PARAM without a chain",
        parameters(NSEC3PARAM(1, 0, 0, b""), NSEC3PARAM(1, 0, 0, b"\1")),
        "NSEC3_WRONG",
        "",
        HASHED,
    ),
    ZoneDamage("no signature of an NSEC3", lambda g: unsigned(f"{HASH} NSEC3")(g), MISSING, "", HASHED),
    ZoneDamage(
        "a bad signature of an NSEC3", lambda g: rrsigs(f"{HASH} NSEC3", lambda one: [bit(one)])(g), INVALID, "", HASHED
    ),
    ZoneDamage("a salt and iterations", nothing, "NSEC3_COSTLY", "example.net. SOA", SALTED, advice=True),
    ZoneDamage("opt-out", nothing, "NSEC3_OPT_OUT", "example.net. NSEC3PARAM", OPT_OUT, advice=True),
    ZoneDamage(
        "too many iterations",
        nothing,
        "NSEC3_ITERATIONS",
        "example.net. NSEC3PARAM",
        Layout(example=NSEC3Chain(b"", 200), more=MORE),
    ),
    ZoneDamage("NSEC3 records of a long TTL", all_of(T.NSEC3, with_ttl(86400)), "NSEC_TTL", "", HASHED, advice=True),
]
