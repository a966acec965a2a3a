"""What of a zone is signed, by which key, and which names are in the chain (RFC 4035 §2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dns.name
import dns.rdata
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.dnssec.sign import UnsignableError, sign_zone
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.model import RRset

APEX = dns.name.from_text("example.")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
INCEPTION, EXPIRATION = NOW - timedelta(hours=1), NOW + timedelta(days=14)


def name(text: str) -> Name:
    return dns.name.from_text(text, APEX)


def rrset(owner: str, type: str, *texts: str, ttl: int = 300) -> RRset:
    kind = T.from_text(type)
    rdatas = (dns.rdata.from_text(RdataClass.IN, kind, text, APEX, relativize=False) for text in texts)
    return RRset(name(owner), kind, ttl, frozenset(rdata.to_generic().data for rdata in rdatas))


def zone_key(flags: int, algorithm: Algorithm = Algorithm.ECDSAP256SHA256, zone: Name = APEX) -> ZoneKey:
    p256 = algorithm == Algorithm.ECDSAP256SHA256
    private = ec.generate_private_key(ec.SECP256R1()) if p256 else ed25519.Ed25519PrivateKey.generate()
    return ZoneKey.of(zone, flags, algorithm, private)


KSK, ZSK = zone_key(257), zone_key(256)

ZONE = [
    rrset("@", "SOA", "ns host 1 3600 900 1209600 60", ttl=120),
    rrset("@", "NS", "ns", "ns.sub"),
    rrset("ns", "A", "192.0.2.1"),
    rrset("*.w", "MX", "10 ns"),
    rrset("a.b.c", "CNAME", "ns"),
    rrset("sub", "NS", "ns.sub", "ns.other.test."),
    rrset("sub", "DS", "1 13 2 " + "ab" * 32),
    rrset("sub", "A", "192.0.2.2"),
    rrset("ns.sub", "A", "192.0.2.3"),
    rrset("insecure", "NS", "ns.sub"),
    rrset("x.insecure", "TXT", "occluded"),
    rrset("deep.x.insecure", "NS", "ns"),
    rrset("dn", "DNAME", "other.test."),
    rrset("below.dn", "TXT", "occluded"),
]


@pytest.fixture(scope="module")
def signed() -> dict[tuple[Name, int], RRset]:
    return {(r.owner, r.type): r for r in sign_zone(APEX, ZONE, [KSK], [ZSK], INCEPTION, EXPIRATION)}


def test_the_chain_has_authoritative_names_and_delegations_alone(signed: dict[tuple[Name, int], RRset]) -> None:
    """No empty non-terminals, no glue, nothing below a delegation or a DNAME (RFC 4035 §2.3, RFC 6672 §2.4)."""
    chain = {}
    for (owner, type), found in signed.items():
        if type == T.NSEC:
            (rdata,) = found.rdatas
            nsec = NSEC.from_rdata(rdata)
            chain[str(owner)] = str(nsec.next), " ".join(T.make(t).name for t in sorted(nsec.types))
    assert chain == {
        "example.": ("a.b.c.example.", "NS SOA RRSIG NSEC DNSKEY"),
        "a.b.c.example.": ("dn.example.", "CNAME RRSIG NSEC"),
        "dn.example.": ("insecure.example.", "DNAME RRSIG NSEC"),
        "insecure.example.": ("ns.example.", "NS RRSIG NSEC"),
        "ns.example.": ("sub.example.", "A RRSIG NSEC"),
        "sub.example.": ("*.w.example.", "NS DS RRSIG NSEC"),
        "*.w.example.": ("example.", "MX RRSIG NSEC"),
    }


def test_only_what_the_zone_has_authority_for_is_signed(signed: dict[tuple[Name, int], RRset]) -> None:
    """Neither the NS of a delegation, nor glue, nor what is occluded (RFC 4035 §2.2)."""
    unsigned = {(str(found.owner), T.make(found.type).name) for found in signed.values() if not found.rrsigs}
    assert unsigned == {
        ("sub.example.", "NS"),
        ("sub.example.", "A"),
        ("ns.sub.example.", "A"),
        ("insecure.example.", "NS"),
        ("x.insecure.example.", "TXT"),
        ("deep.x.insecure.example.", "NS"),
        ("below.dn.example.", "TXT"),
    }


def test_the_ksk_signs_the_keys_and_the_zsk_the_rest(signed: dict[tuple[Name, int], RRset]) -> None:
    signers: dict[int, set[str]] = {}
    for found in signed.values():
        for rdata in found.rrsigs:
            signers.setdefault(RRSIG.from_rdata(rdata).key_tag, set()).add(T.make(found.type).name)
    assert signers == {
        KSK.tag: {"DNSKEY"},
        ZSK.tag: {"SOA", "NS", "A", "MX", "CNAME", "DS", "DNAME", "NSEC"},
    }


def test_a_lone_key_signs_everything() -> None:
    zone = sign_zone(APEX, ZONE, [KSK], [], INCEPTION, EXPIRATION)
    assert list(zone_faults(APEX, zone, NOW)) == []
    assert {RRSIG.from_rdata(rdata).key_tag for found in zone for rdata in found.rrsigs} == {KSK.tag}


def test_cds_is_signed_by_the_key_that_the_parent_knows() -> None:
    """RFC 7344 §4.1."""
    zone = sign_zone(APEX, [*ZONE, rrset("@", "CDS", "1 13 2 " + "ab" * 32)], [KSK], [ZSK], INCEPTION, EXPIRATION)
    (cds,) = (found for found in zone if found.type == T.CDS)
    assert [RRSIG.from_rdata(rdata).key_tag for rdata in cds.rrsigs] == [KSK.tag]


def test_every_ttl_is_that_of_the_rfcs(signed: dict[tuple[Name, int], RRset]) -> None:
    """NSEC: the lesser of SOA TTL and MINIMUM (RFC 9077 §3). DNSKEY: the SOA's, unless another is asked for."""
    assert {found.ttl for found in signed.values() if found.type == T.NSEC} == {60}
    assert signed[APEX, T.DNSKEY].ttl == 120
    other = sign_zone(APEX, ZONE, [KSK], [ZSK], INCEPTION, EXPIRATION, dnskey_ttl=7)
    assert {found.ttl for found in other if found.type == T.DNSKEY} == {7}
    short = [replace(found, ttl=20) if found.type == T.SOA else found for found in ZONE]
    chain = (found for found in sign_zone(APEX, short, [KSK], [ZSK], INCEPTION, EXPIRATION) if found.type == T.NSEC)
    assert {found.ttl for found in chain} == {20}


def test_the_order_of_the_input_does_not_matter() -> None:
    first = sign_zone(APEX, ZONE, [KSK], [ZSK], INCEPTION, EXPIRATION)
    assert first == sign_zone(APEX, reversed(ZONE), [KSK], [ZSK], INCEPTION, EXPIRATION)
    assert first[0].type == T.SOA


@pytest.mark.parametrize(
    ("zone", "ksks", "zsks"),
    [
        (ZONE[1:], [KSK], [ZSK]),
        ([*ZONE, ZONE[2]], [KSK], [ZSK]),
        ([*ZONE, RRset(dns.name.from_text("other."), T.A, 1, frozenset({bytes(4)}))], [KSK], [ZSK]),
        ([*ZONE, rrset("ns", "NSEC", "example. A")], [KSK], [ZSK]),
        (ZONE, [], [ZSK]),
        (ZONE, [KSK], [zone_key(256, Algorithm.ED25519)]),
        (ZONE, [zone_key(257 | 0x80)], [ZSK]),
        (ZONE, [zone_key(1)], [ZSK]),
        (ZONE, [zone_key(257, zone=dns.name.from_text("other."))], [ZSK]),
    ],
    ids=[
        "no SOA",
        "an RRset twice",
        "out of zone",
        "signed already",
        "no KSK",
        "algorithms apart",
        "revoked",
        "no zone key",
        "another zone's key",
    ],
)
def test_what_cannot_be_signed_rightly_is_refused(zone: list[RRset], ksks: list[ZoneKey], zsks: list[ZoneKey]) -> None:
    with pytest.raises(UnsignableError):
        sign_zone(APEX, zone, ksks, zsks, INCEPTION, EXPIRATION)


def _with(zone: tuple[RRset, ...], owner: str, type: int, **changes: object) -> list[RRset]:
    return [
        replace(found, **changes) if (found.owner, found.type) == (name(owner), type) else found  # type: ignore[arg-type]  # the test's own fields
        for found in zone
    ]


class TestZoneFaults:
    ZONE = sign_zone(APEX, ZONE, [KSK], [ZSK], INCEPTION, EXPIRATION)

    def codes(self, zone: list[RRset], now: datetime = NOW) -> set[str]:
        return {fault.code for fault in zone_faults(APEX, zone, now)}

    def test_a_right_zone_has_none(self) -> None:
        assert self.codes(list(self.ZONE)) == set()

    @pytest.mark.parametrize(
        ("days", "code"), [(-1, "SIGNATURE_NOT_YET_VALID"), (15, "SIGNATURE_EXPIRED")], ids=["too early", "too late"]
    )
    def test_dates_are_judged(self, days: int, code: str) -> None:
        assert code in self.codes(list(self.ZONE), NOW + timedelta(days=days))

    def test_missing_keys_are_all_that_is_said(self) -> None:
        assert self.codes([found for found in self.ZONE if found.type != T.DNSKEY]) == {"DNSKEY_MISSING"}

    @pytest.mark.parametrize(
        ("owner", "type", "changes", "code"),
        [
            ("ns", T.A, {"rrsigs": frozenset()}, "SIGNATURE_MISSING"),
            ("ns", T.A, {"rdatas": frozenset({bytes(4)})}, "SIGNATURE_INVALID"),
            ("ns", T.A, {"ttl": 299}, "SIGNATURE_TTL"),
            ("ns", T.A, {"rrsigs": frozenset({b"short"})}, "SIGNATURE_MALFORMED"),
            ("sub", T.NS, {"rrsigs": frozenset({b"any"})}, "SIGNATURE_UNWANTED"),
            ("ns", T.NSEC, {"rdatas": frozenset({b"\x00"})}, "NSEC_WRONG"),
        ],
    )
    def test_each_damage_is_named(self, owner: str, type: int, changes: dict[str, object], code: str) -> None:
        assert code in self.codes(_with(self.ZONE, owner, type, **changes))

    def test_a_name_that_the_chain_leaves_out_is_found(self) -> None:
        late = [*self.ZONE, rrset("new", "A", "192.0.2.9")]
        assert self.codes(late) == {"SIGNATURE_MISSING", "NSEC_WRONG"}
