"""Damages of whole signed zones, NSEC and NSEC3: what is done, and the code that must be found, and where."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DS
from fault_garden.damages import (
    as_if_of,
    dated,
    keys,
    nothing,
    rdatas,
    removed,
    replanted,
    rrsig,
    rrsigs,
    same,
    signed,
    stored,
    together,
    unsigned,
)
from fault_garden.damages import fields as flagged
from fault_garden.keys import ZSK
from fault_garden.signatures import bit, ksk, net_key, one_less, one_more, other_algorithm, stranger
from zone_chain_damages import NSEC3S, NSECS
from zone_damage_tools import (
    DAY,
    ZoneDamage,
    added,
    by_too,
    delete_request,
    digest,
    dropped,
    expiry,
    listed,
    minimum,
    public,
    put,
    requests,
    retimed,
    revoked,
    second_algorithm,
    signed_cut,
    the_zsk,
    unlisted,
    with_ttl,
)

# -- the table ------------------------------------------------------------------------------------------------------

INVALID, MISSING, UNWANTED = "SIGNATURE_INVALID", "SIGNATURE_MISSING", "SIGNATURE_UNWANTED"

SIGNATURES: Final = [
    ZoneDamage("no signature", unsigned("www A"), MISSING, "www A"),
    ZoneDamage("no signature of the keys", unsigned("example.net. DNSKEY"), MISSING, "example.net. DNSKEY"),
    ZoneDamage("no signature of the SOA", unsigned("example.net. SOA"), MISSING, "example.net. SOA"),
    ZoneDamage("no signature of the NS", unsigned("example.net. NS"), MISSING, "example.net. NS"),
    ZoneDamage("no signature of a DS", unsigned("child DS example.net."), MISSING, "child DS"),
    ZoneDamage("no signature of an NSEC", unsigned("www NSEC"), MISSING, "www NSEC"),
    ZoneDamage("no signature of a wildcard", unsigned("*.wild TXT"), MISSING, "*.wild TXT"),
    ZoneDamage("expired", dated("www A", lambda now: (now - 9 * DAY, now - 3 * DAY)), "SIGNATURE_EXPIRED", "www A"),
    ZoneDamage(
        "not yet valid", dated("www A", lambda now: (now + 3 * DAY, now + 9 * DAY)), "SIGNATURE_NOT_YET_VALID", "www A"
    ),
    ZoneDamage("a bit of a signature", rrsigs("www A", lambda one: [bit(one)]), INVALID, "www A"),
    ZoneDamage(
        "a bit of a key's signature",
        rrsigs("example.net. DNSKEY", lambda one: [bit(one)]),
        INVALID,
        "example.net. DNSKEY",
    ),
    ZoneDamage("a signature cut short", rrsigs("www A", lambda one: [one[:-1]]), INVALID, "www A"),
    ZoneDamage("a record too many", stored("many A", one_more), INVALID, "many A"),
    ZoneDamage("a record too few", stored("many A", one_less), INVALID, "many A"),
    ZoneDamage(
        "a bit of the glue's neighbour",
        stored("mail A", lambda r: replace(r, rdatas=frozenset({b"\xc0\0\2\x1a"}))),
        INVALID,
        "mail A",
    ),
    ZoneDamage("labels too many", rrsig("www A", lambda one: replace(one, labels=one.labels + 1)), INVALID, "www A"),
    ZoneDamage("signed as if of a wildcard", as_if_of("www A", "*"), INVALID, "www A"),
    ZoneDamage("signed in the parent's name", signed("www A", by=net_key), "SIGNER_MISMATCH", "www A"),
    ZoneDamage("signed in the name's own name", signed("www A", signer="www"), "SIGNER_MISMATCH", "www A"),
    ZoneDamage("signed by a key that is not there", signed("www A", by=stranger), "SIGNING_KEY_MISSING", "www A"),
    ZoneDamage("signed by another algorithm alone", signed("www A", by=other_algorithm), MISSING, "www A"),
    ZoneDamage("another original TTL", signed("www A", original_ttl=9), "SIGNATURE_TTL", "www A"),
    ZoneDamage("another TTL than was signed", stored("www A", with_ttl(300)), "SIGNATURE_TTL", "www A"),
    ZoneDamage("an RRSIG of another TTL", nothing, "SIGNATURE_TTL", "www A", change=retimed("www", T.RRSIG, 60)),
    ZoneDamage(
        "an RRset of two TTLs", nothing, "ZONE_TTLS_DIFFER", "many A", change=retimed("many", T.A, 900, first=True)
    ),
    ZoneDamage(
        "a bad signature beside the good one",
        rrsigs("www A", lambda one: [one, one[:-64] + bytes(64)]),
        INVALID,
        "www A",
    ),
    ZoneDamage(
        "a signature by a stranger beside the good one",
        by_too(stranger, T.A),
        "SIGNATURE_KEYLESS",
        "www A",
        advice=True,
    ),
    ZoneDamage("signed glue", signed_cut("ns.sub A example.net."), UNWANTED, "ns.sub A"),
    ZoneDamage("signed NS of a delegation", signed_cut("sub NS example.net."), UNWANTED, "sub NS"),
    ZoneDamage("signed NS of a secure delegation", signed_cut("child NS example.net."), UNWANTED, "child NS"),
    ZoneDamage("a signed name below a delegation", put("deep.sub TXT example.net.", '"x"'), UNWANTED, "deep.sub TXT"),
    ZoneDamage("a signature over nothing", nothing, UNWANTED, "mail A", change=dropped("mail", T.A)),
    ZoneDamage(
        "signatures about to expire",
        dated("www A", lambda now: (now - DAY, now + DAY)),
        "SIGNATURE_EXPIRING",
        "www A",
        advice=True,
    ),
]

KEYS: Final = [
    ZoneDamage("no keys", removed("example.net. DNSKEY"), "DNSKEY_MISSING", "example.net. DNSKEY"),
    ZoneDamage("the ZSK taken out", keys(public(ksk), only=True), "SIGNING_KEY_MISSING", "www A"),
    ZoneDamage(
        "the KSK taken out",
        rdatas("example.net. DNSKEY", lambda held: [one for one in held if one[1] == 0]),
        "SIGNING_KEY_MISSING",
        "example.net. DNSKEY",
    ),
    ZoneDamage(
        "keys signed by the ZSK alone",
        signed("example.net. DNSKEY", by=the_zsk),
        "KSK_NOT_SIGNING",
        "example.net. DNSKEY",
    ),
    ZoneDamage(
        "keys without SEP",
        replanted("example.net.", flagged(flags=ZSK), same),
        "KEY_WITHOUT_SEP",
        "example.net. DNSKEY",
        advice=True,
    ),
    ZoneDamage("a standby key", keys(public(stranger)), "", ""),
    ZoneDamage(
        "a key of protocol 2",
        keys(lambda g: replace(stranger(g).dnskey, protocol=2)),
        "KEY_NOT_FOR_ZONE",
        "example.net. DNSKEY",
    ),
    ZoneDamage(
        "a key that is no zone key",
        keys(lambda g: replace(stranger(g).dnskey, flags=0)),
        "KEY_NOT_FOR_ZONE",
        "example.net. DNSKEY",
        advice=True,
    ),
    ZoneDamage(
        "a key too short",
        keys(lambda g: replace(stranger(g).dnskey, public_key=bytes(20))),
        "KEY_MALFORMED",
        "example.net. DNSKEY",
    ),
    ZoneDamage(
        "a key of an unknown algorithm",
        keys(lambda g: replace(stranger(g).dnskey, algorithm=200)),
        "ALGORITHM_UNSUPPORTED",
        "example.net. DNSKEY",
    ),
    ZoneDamage("a key of an algorithm that signs nothing", keys(public(second_algorithm)), MISSING, "www A"),
    ZoneDamage(
        "a second algorithm for the keys alone",
        together(keys(public(second_algorithm)), by_too(second_algorithm, T.DNSKEY)),
        MISSING,
        "www A",
    ),
    ZoneDamage(
        "a second algorithm that signs everything",
        together(keys(public(second_algorithm)), by_too(second_algorithm)),
        "",
        "",
    ),
    ZoneDamage(
        "a second algorithm before its key", by_too(second_algorithm), "SIGNATURE_KEYLESS", "www A", advice=True
    ),
    ZoneDamage("a revoked key that signs the keys", together(keys(public(revoked)), by_too(revoked, T.DNSKEY)), "", ""),
    ZoneDamage("a revoked key that does not", keys(public(revoked)), "REVOCATION_UNSIGNED", "example.net. DNSKEY"),
    ZoneDamage(
        "keys signed by a revoked key alone",
        together(keys(public(revoked)), signed("example.net. DNSKEY", by=revoked)),
        MISSING,
        "example.net. DNSKEY",
    ),
    ZoneDamage(
        "signed by a revoked key alone",
        together(keys(public(revoked)), by_too(revoked, T.DNSKEY), signed("www A", by=revoked)),
        "KEY_REVOKED",
        "www A",
    ),
]

REQUESTS: Final = [
    ZoneDamage("CDS and CDNSKEY", together(requests(T.CDS, public(ksk)), requests(T.CDNSKEY, public(ksk))), "", ""),
    ZoneDamage("a CDS signed by the ZSK", requests(T.CDS, public(ksk), by=the_zsk), "CDS_INVALID", "example.net. CDS"),
    ZoneDamage(
        "a CDNSKEY signed by the ZSK",
        requests(T.CDNSKEY, public(ksk), by=the_zsk),
        "CDS_INVALID",
        "example.net. CDNSKEY",
    ),
    ZoneDamage("a CDS of no key", requests(T.CDS, public(stranger)), "CDS_UNMATCHED", "example.net. CDS"),
    ZoneDamage("a CDNSKEY of no key", requests(T.CDNSKEY, public(stranger)), "CDS_UNMATCHED", "example.net. CDNSKEY"),
    ZoneDamage(
        "a CDS of a key to come",
        requests(T.CDS, public(ksk), public(stranger)),
        "CDS_UNMATCHED",
        "example.net. CDS",
        advice=True,
    ),
    ZoneDamage(
        "CDS and CDNSKEY of different keys",
        together(requests(T.CDS, public(ksk)), requests(T.CDNSKEY, public(ksk), public(the_zsk))),
        "CDS_DISAGREES",
        "example.net. CDS",
    ),
    ZoneDamage("a CDS that asks for no DS", delete_request(), "CDS_DELETE", "example.net. CDS", advice=True),
    ZoneDamage(
        "and others beside", delete_request(DS(1, 13, 2, bytes(32)).to_rdata()), "CDS_INVALID", "example.net. CDS"
    ),
    ZoneDamage(
        "a CDS elsewhere",
        together(put("www CDS", "1 13 2 " + "00" * 32), listed("www", T.CDS)),
        "CDS_MISPLACED",
        "www CDS",
    ),
    ZoneDamage("a right ZONEMD", digest(lambda one: one), "", ""),
    ZoneDamage(
        "a ZONEMD of another zone",
        digest(lambda one: replace(one, digest=bytes(48))),
        "ZONEMD_WRONG",
        "example.net. ZONEMD",
    ),
    ZoneDamage(
        "a ZONEMD of another serial", digest(lambda one: replace(one, serial=6)), "ZONEMD_WRONG", "example.net. ZONEMD"
    ),
]

CONTENTS: Final = [
    ZoneDamage("no SOA", removed("example.net. SOA"), "ZONE_NO_SOA", "example.net. SOA"),
    ZoneDamage(
        "two SOA records",
        rdatas("example.net. SOA", lambda held: [*held, *(one[:-20] + b"\0\0\0\x08" + one[-16:] for one in held)]),
        "ZONE_NO_SOA",
        "example.net. SOA",
    ),
    ZoneDamage(
        "a SOA elsewhere", together(put("www SOA", "ns host 1 2 3 4 5"), listed("www", T.SOA)), "ZONE_NO_SOA", "www SOA"
    ),
    ZoneDamage(
        "no NS", together(removed("example.net. NS"), unlisted("example.net.", T.NS)), "ZONE_NO_NS", "example.net. NS"
    ),
    ZoneDamage(
        "a CNAME beside other data",
        together(put("www CNAME", "ns"), listed("www", T.CNAME)),
        "ZONE_CNAME_CLASH",
        "www CNAME",
    ),
    ZoneDamage("two CNAMEs", put("alias CNAME", "www", "ns"), "ZONE_CNAME_CLASH", "alias CNAME"),
    ZoneDamage(
        "a DNAME at a delegation", put("sub DNAME example.net.", "www", bare=True), "ZONE_DNAME_CLASH", "sub DNAME"
    ),
    ZoneDamage("two DNAMEs", put("old DNAME", "new", "newer"), "ZONE_DNAME_CLASH", "old DNAME"),
    ZoneDamage("data below a DNAME", nothing, "ZONE_DNAME_CLASH", "x.old TXT", change=added("x.old 600 TXT hidden")),
    ZoneDamage(
        "a DS where nothing is delegated",
        together(put("www DS", "1 13 2 " + "00" * 32), listed("www", T.DS)),
        "DS_MISPLACED",
        "www DS",
    ),
    ZoneDamage(
        "a DS at the apex",
        together(put("example.net. DS example.net.", "1 13 2 " + "00" * 32), listed("example.net.", T.DS)),
        "DS_MISPLACED",
        "example.net. DS",
    ),
    ZoneDamage(
        "a name of another zone",
        nothing,
        "ZONE_OUT_OF_ZONE",
        "www.example.com. A",
        change=added("www.example.com. 600 A 192.0.2.1"),
    ),
    ZoneDamage(
        "a TXT below a delegation",
        nothing,
        "ZONE_OCCLUDED",
        "deep.sub TXT",
        change=added("deep.sub 600 TXT unseen"),
        advice=True,
    ),
    ZoneDamage("an EXPIRE of a second", expiry(1), "SOA_EXPIRE_SHORT", "example.net. SOA", advice=True),
    ZoneDamage("an EXPIRE of 30 days", expiry(30 * 86400), "SOA_EXPIRE_LONG", "example.net. SOA", advice=True),
    ZoneDamage("an EXPIRE of 13 days", expiry(13 * 86400), "SIGNATURES_OUTLIVED", "example.net. SOA", advice=True),
    ZoneDamage("a MINIMUM that NSEC records do not follow", minimum(300), "NSEC_TTL", "www NSEC", advice=True),
]

TABLE: Final[list[ZoneDamage]] = [*SIGNATURES, *KEYS, *REQUESTS, *NSECS, *NSEC3S, *CONTENTS]
