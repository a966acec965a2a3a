"""Evidence for the rules about DNS: of each, what it speaks of, what it finds good, and where it does not apply."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from typing import Final

import dns.name

from danelaw.core.model import Candidate, Evidence, RRset, Security, Sweep
from tlsa_chains import RENEWED
from verdict_evidence import (
    AAAA,
    APEX,
    DOMAIN,
    EXPANDED,
    EXPANDED_OWNER,
    FOUR,
    HOST,
    HTTPS,
    NS1,
    NS2,
    OWNER,
    SIX,
    SMTP,
    SOUND,
    XMPP,
    A,
    above,
    addresses,
    aliased,
    links,
    probes,
    publishing,
    record,
    rrsig,
    serial,
    serves,
    signed,
    silent,
    swept,
    tlsa,
)

OLD, NEW = record("3 1 1"), record("3 1 1", RENEWED)
LAGGING: Final = (serial(NS1, 8), serial(NS2, 7))
LEVEL: Final = (serial(NS1, 7), serial(NS2, 7))
BOTH: Final = publishing(OLD, NEW)
UNSIGNED_ZONE: Final = replace(SOUND, tlsa=tlsa(state=Security.INSECURE))
INSECURE: Final = addresses(A, FOUR, state=Security.INSECURE), addresses(AAAA, SIX, state=Security.INSECURE)
NSEC3: Final = dns.name.from_text("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.net.")


def unsigned(evidence: Evidence) -> Evidence:
    a, aaaa = INSECURE
    return replace(evidence, a=a, aaaa=aaaa, initial=Security.INSECURE)


def denied(nsec3: bytes) -> Evidence:
    """No TLSA records, by an NSEC3 record that begins like this."""
    none = tlsa()
    assert none.absence is not None
    proof = frozenset({RRset(NSEC3, 50, 60, frozenset({nsec3 + b"\x14" + bytes(20)}))})
    return replace(SOUND, tlsa=replace(none, absence=replace(none.absence, proof=proof)))


def candidate(base: dns.name.Name, owner: dns.name.Name, *rdatas: bytes) -> Candidate:
    found = tlsa(*rdatas)
    return Candidate(base, owner, replace(found, rrsets=tuple(replace(r, owner=owner) for r in found.rrsets)))


EXPANDED_ONE: Final = candidate(EXPANDED, EXPANDED_OWNER, OLD)
TARGET: Final = replace(
    aliased(EXPANDED, EXPANDED_OWNER, EXPANDED_ONE, candidate(HOST, OWNER, NEW)), tlsa=EXPANDED_ONE.tlsa
)
ORIGINAL: Final = aliased(HOST, OWNER, candidate(EXPANDED, EXPANDED_OWNER), candidate(HOST, OWNER, OLD))

FAILING: Final[dict[str, dict[str, Evidence]]] = {
    "ADDRESSES_INSECURE": {
        "SMTP, and the answer for TLSA does not come": replace(unsigned(SMTP), tlsa=tlsa(state=Security.INDETERMINATE)),
        "behind SRV, an alias of a signed zone leads to addresses of one that is not": unsigned(XMPP),
    },
    "NS_DISAGREE": {
        "of one version": swept(*LEVEL, serves(NS1, OLD), serves(NS2, NEW)),
        "one of them denies, of one version": swept(*LEVEL, serves(NS1, OLD), serves(NS2)),
        "an older version, with records that match no more": swept(
            *LAGGING, serves(NS1, OLD), serves(NS2, NEW), evidence=SOUND
        ),
        "no versions told": swept(serves(NS1, OLD), serves(NS2, OLD, NEW)),
    },
    "NS_SETTLING": {
        "the next key's record is on its way": swept(*LAGGING, serves(NS1, OLD, NEW), serves(NS2, OLD), evidence=BOTH),
        "the newer version is told of last": swept(*LAGGING, serves(NS2, OLD), serves(NS1, OLD, NEW), evidence=BOTH),
        "the first records are on their way": swept(*LAGGING, serves(NS1, OLD), serves(NS2)),
    },
    "NS_LAGGING": {
        "by one": swept(*LAGGING),
        "across the end of the numbers": swept(serial(NS1, 1), serial(NS2, 0xFFFFFFFF)),
    },
    "NS_LAME": {
        "it refers elsewhere": swept(serves(NS1, OLD), silent(NS2, "LAME")),
        "it refuses": swept(serves(NS1, OLD), silent(NS2, "REFUSED")),
        "of an unsigned zone": swept(silent(NS2, "LAME", asked=APEX), evidence=UNSIGNED_ZONE),
    },
    "NS_SILENT": {
        "no answer": swept(serves(NS1, OLD), silent(NS2, "TIMEOUT")),
        "it fails": swept(silent(NS2, "SERVFAIL")),
        "its IPv4 address alone cannot be reached": swept(serves(NS1, OLD), silent(NS2, "UNREACHABLE")),
    },
    "NS_UNSIGNED": {
        "one of two": swept(serves(NS1, OLD, rrsigs=[rrsig()]), serves(NS2, OLD)),
    },
    "NS_SIGNED_BY_OTHERS": {
        "another key": swept(serves(NS1, OLD, rrsigs=[rrsig(tag=1)]), serves(NS2, OLD, rrsigs=[rrsig(tag=2)])),
    },
    "SERVERS_UNKNOWN": {
        "no addresses": replace(SOUND, sweep=Sweep(unknown=((DOMAIN, "ns9 has no address"),))),
        "nobody could be reached": swept(silent(NS1, "TIMEOUT"), silent(NS2, "UNREACHABLE")),
    },
    "NXDOMAIN_ABOVE": {"one of two": swept(above(NS1, 0), above(NS2, 3))},
    "SIGNATURE_EXPIRING": {
        "a day left": signed(SOUND, rrsig(days=1, ago=13)),
        "a day left at one server": swept(
            serves(NS1, OLD, rrsigs=[rrsig()]), serves(NS2, OLD, rrsigs=[rrsig(days=1, ago=13)])
        ),
        "it has ended at one server": swept(serves(NS2, OLD, rrsigs=[rrsig(days=-1, ago=13)])),
        "caches hold the records for longer": signed(SOUND, rrsig(days=4, ago=20), ttl=5 * 86400),
    },
    "SIGNATURE_LONG_LIVED": {"a year": signed(SOUND, rrsig(days=300, ago=65))},
    "ALGORITHM_DEPRECATED": {"RSASHA1": signed(SOUND, rrsig(algorithm=5))},
    "NSEC3_COSTLY": {
        "iterations": denied(b"\x01\x00\x00\x0a\x00"),
        "salt": denied(b"\x01\x00\x00\x00\x02\xab\xcd"),
    },
    "TLSA_TTL_LONG": {
        "two days": signed(SOUND, ttl=2 * 86400),
        "as a server says it": swept(serves(NS1, OLD, ttl=7 * 86400)),
    },
    "TLSA_TTL_SHORT": {"five seconds": swept(serves(NS1, OLD, ttl=5), serves(NS2, OLD))},
    "TLSA_ALIAS": {
        "an alias": replace(SOUND, tlsa=links(SOUND.tlsa, OWNER, dns.name.from_text("tlsa._dane.example.net.")))
    },
    "BASE_SHADOWED": {"others at the host's own name": TARGET},
    "BASE_ORIGINAL": {"none where the alias leads": replace(ORIGINAL, tlsa=candidate(HOST, OWNER, OLD).tlsa)},
    "NO_IPV6": {"IPv4 alone": replace(SOUND, aaaa=addresses(AAAA), probes=probes(ips=[FOUR]))},
    "ADDRESSES_LEFT_OUT": {"one": replace(SOUND, left_out=(IPv6Address("2001:db8::81"),))},
    "FAMILY_LEFT_OUT": {"IPv4 alone": replace(SOUND, probes=probes(ips=[FOUR]), other_family=(SIX,))},
}

AGREED: Final = swept(*LEVEL, serves(NS1, OLD, rrsigs=[rrsig()]), serves(NS2, OLD, rrsigs=[rrsig()]))

PASSING: Final[dict[str, dict[str, Evidence]]] = {
    "ADDRESSES_INSECURE": {
        "SMTP, signed": SMTP,
        "SMTP, only the alias of the addresses is signed": replace(unsigned(SMTP), initial=Security.SECURE),
        "one of two": replace(unsigned(XMPP), a=SOUND.a),
        "the TLSA answer is not signed either, which ZONE_INSECURE says": replace(
            unsigned(SMTP), tlsa=tlsa(state=Security.INSECURE)
        ),
    },
    "NS_DISAGREE": {
        "agreed": AGREED,
        "an older version that does no harm": swept(*LAGGING, serves(NS1, OLD, NEW), serves(NS2, OLD), evidence=BOTH),
        "silence": swept(*LEVEL, serves(NS1, OLD), silent(NS2, "TIMEOUT")),
    },
    "NS_SETTLING": {"agreed": AGREED, "of one version": swept(*LEVEL, serves(NS1, OLD), serves(NS2, NEW))},
    "NS_LAGGING": {"level": AGREED, "one is silent": swept(serial(NS1, 7), silent(NS2, "TIMEOUT"))},
    "NS_LAME": {
        "agreed": AGREED,
        "silence": swept(silent(NS2, "TIMEOUT")),
        "a zone begins below the unsigned one, and they refer to it": swept(
            *LEVEL, silent(NS1, "LAME"), silent(NS2, "LAME"), evidence=UNSIGNED_ZONE
        ),
    },
    "NS_SILENT": {
        "agreed": AGREED,
        "IPv6, which this place has not": swept(
            serves(NS1, OLD), silent(NS1, "UNREACHABLE", SIX), silent(NS2, "UNREACHABLE", IPv6Address("2001:db8::53"))
        ),
        "lame, which NS_LAME says": swept(silent(NS2, "LAME")),
        "nobody could be reached, which SERVERS_UNKNOWN says": swept(silent(NS1, "TIMEOUT"), silent(NS2, "TIMEOUT")),
    },
    "NS_UNSIGNED": {
        "agreed": AGREED,
        "an unsigned zone": swept(serves(NS1, OLD), evidence=UNSIGNED_ZONE),
    },
    "NS_SIGNED_BY_OTHERS": {
        "agreed": AGREED,
        "other signatures by the same key": swept(
            serves(NS1, OLD, rrsigs=[rrsig()]), serves(NS2, OLD, rrsigs=[rrsig(days=9)])
        ),
    },
    "SERVERS_UNKNOWN": {"all known": AGREED, "one is silent": swept(serves(NS1, OLD), silent(NS2, "TIMEOUT"))},
    "NXDOMAIN_ABOVE": {"an empty non-terminal": swept(above(NS1, 0), above(NS2, 0))},
    "SIGNATURE_EXPIRING": {
        "twenty days left": AGREED,
        "a day of two left": signed(SOUND, rrsig(days=1, ago=1)),
        "one of two lasts": signed(SOUND, rrsig(days=1, ago=13), rrsig(days=14, ago=1, tag=2)),
    },
    "SIGNATURE_LONG_LIVED": {"a month": signed(SOUND, rrsig(days=28, ago=2))},
    "ALGORITHM_DEPRECATED": {
        "ECDSA": signed(SOUND, rrsig()),
        "RSASHA1 beside ECDSA": signed(SOUND, rrsig(), rrsig(algorithm=5)),
    },
    "NSEC3_COSTLY": {"none of both": denied(b"\x01\x00\x00\x00\x00")},
    "TLSA_TTL_LONG": {"a day": signed(SOUND, ttl=86400)},
    "TLSA_TTL_SHORT": {"an hour": AGREED, "a cache's": swept(serves(NS1, OLD), evidence=signed(SOUND, ttl=3))},
    "TLSA_ALIAS": {"none": SOUND},
    "BASE_SHADOWED": {
        "none at the host's own name": replace(TARGET, candidates=(TARGET.candidates[0], candidate(HOST, OWNER))),
        "an alias, or a DNAME above, leads from there to those that are used": replace(
            TARGET,
            candidates=(
                TARGET.candidates[0],
                replace(candidate(HOST, OWNER, OLD), tlsa=links(TARGET.tlsa, OWNER, EXPANDED_OWNER)),
            ),
        ),
    },
    "BASE_ORIGINAL": {"no alias": SOUND, "where the alias leads": TARGET},
    "NO_IPV6": {"both": SOUND, "no address at all": replace(SOUND, a=addresses(A), aaaa=addresses(AAAA), probes=())},
    "ADDRESSES_LEFT_OUT": {"none": SOUND},
    "FAMILY_LEFT_OUT": {"both": SOUND},
}

UNSWEPT: Final = (
    *("NS_DISAGREE", "NS_SETTLING", "NS_LAGGING", "NS_LAME", "NS_SILENT", "NS_UNSIGNED", "NS_SIGNED_BY_OTHERS"),
    *("SERVERS_UNKNOWN", "NXDOMAIN_ABOVE", "SIGNATURE_EXPIRING", "NSEC3_COSTLY", "TLSA_TTL_SHORT", "BASE_SHADOWED"),
)
WITHOUT_RECORDS: Final = ("SIGNATURE_LONG_LIVED", "TLSA_TTL_LONG", "TLSA_ALIAS", "BASE_ORIGINAL")

NOT_APPLICABLE: Final[dict[str, Evidence]] = {
    "ADDRESSES_INSECURE": unsigned(HTTPS),
    **dict.fromkeys(UNSWEPT, SOUND),
    **dict.fromkeys(WITHOUT_RECORDS, publishing()),
    "NO_IPV6": replace(SOUND, aaaa=addresses(AAAA, state=Security.INDETERMINATE)),
}
