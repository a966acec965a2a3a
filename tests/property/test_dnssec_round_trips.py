"""What holds of DNSSEC records and signatures whatever they hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dns.name
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from dns.name import Name
from hypothesis import given
from hypothesis import strategies as st

from danelaw.core.dnssec import rrsig
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.canonical import canonical_key, canonical_rdata, name_wire
from danelaw.core.dnssec.keys import DNSKEY, DS, ZoneKey
from danelaw.core.dnssec.nsec import NSEC, decode_bitmap, encode_bitmap
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.dnssec.sign import sign_zone
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.model import RRset

APEX = dns.name.from_text("example.")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = ZoneKey.of(APEX, 257, Algorithm.ED25519, ed25519.Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))
SPAN = NOW - timedelta(hours=1), NOW + timedelta(days=1)

u8, u16, u32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32))
octets = st.binary(min_size=1, max_size=80)
labels = st.sampled_from([b"a", b"B", b"b", b"*", b"\x01", b"\xe9", b"www", b"_443"])
names = st.lists(labels, max_size=4).map(lambda some: Name([*some, b""]))
owners = st.lists(labels, max_size=4).map(lambda some: Name([*some, *APEX.labels]))


@given(u16, u8, u8, octets)
def test_dnskeys_round_trip(flags: int, protocol: int, algorithm: int, public: bytes) -> None:
    key = DNSKEY(flags, protocol, algorithm, public)
    assert DNSKEY.from_rdata(key.to_rdata()) == key
    assert 0 <= key.tag <= 0xFFFF


@given(u16, u8, u8, octets)
def test_ds_records_round_trip(tag: int, algorithm: int, digest_type: int, digest: bytes) -> None:
    ds = DS(tag, algorithm, digest_type, digest)
    assert DS.from_rdata(ds.to_rdata()) == ds


@given(u16, u8, u8, u32, u32, u32, u16, names, octets)
def test_rrsigs_round_trip(
    covered: int, algorithm: int, count: int, ttl: int, end: int, start: int, tag: int, signer: Name, signature: bytes
) -> None:
    record = RRSIG(covered, algorithm, count, ttl, end, start, tag, signer, signature)
    assert RRSIG.from_rdata(record.to_rdata()) == record
    assert RRSIG.from_rdata(record.to_rdata()).signer.labels == signer.labels


@given(st.frozensets(u16, max_size=40))
def test_bitmaps_round_trip(types: frozenset[int]) -> None:
    assert decode_bitmap(encode_bitmap(types)) == types


@given(names, st.frozensets(u16, max_size=5))
def test_nsecs_round_trip(following: Name, types: frozenset[int]) -> None:
    assert NSEC.from_rdata(NSEC(following, types).to_rdata()) == NSEC(following, types)


@pytest.mark.parametrize("read", [DNSKEY.from_rdata, DS.from_rdata, RRSIG.from_rdata, NSEC.from_rdata, decode_bitmap])
@given(data=st.binary(max_size=300))
def test_a_reader_returns_or_says_malformed(read: Callable[[bytes], object], data: bytes) -> None:
    try:
        read(data)
    except ValueError as error:
        assert type(error).__name__.startswith("Malformed")  # noqa: PT017 - not raising is right as well


@given(u16, st.binary(max_size=80))
def test_canonical_form_is_stable_and_changes_case_alone(type: int, rdata: bytes) -> None:
    once = canonical_rdata(type, rdata)
    assert canonical_rdata(type, once) == once
    assert once.lower() == rdata.lower()


@given(st.lists(names, max_size=12))
def test_canonical_order_is_that_of_dnspython(some: list[Name]) -> None:
    assert sorted(some, key=canonical_key) == sorted(some)
    assert [name_wire(name) for name in some] == [name.to_digestable() for name in some]


@given(owners, u16, st.frozensets(st.binary(max_size=30), min_size=1, max_size=4), u32, st.data())
def test_no_flipped_bit_verifies(
    owner: Name, type: int, rdatas: frozenset[bytes], ttl: int, data: st.DataObject
) -> None:
    rrset = RRset(owner, type, ttl, rdatas)
    rdata = rrsig.make(rrset, APEX, KEY, *SPAN)
    assert rrsig.verify(RRSIG.from_rdata(rdata), rrset, KEY.dnskey)
    at = data.draw(st.integers(0, len(rdata) * 8 - 1))
    # Letters of the signer's name are the exception: their case is not signed (RFC 4034 §3.1.8.1).
    flipped = bytearray(rdata)
    flipped[at // 8] ^= 1 << at % 8
    if bytes(flipped).lower() == rdata.lower() and 18 <= at // 8 < 27:
        return
    try:
        record = RRSIG.from_rdata(bytes(flipped))
    except ValueError:
        return
    assert not rrsig.verify(record, rrset, KEY.dnskey)


SOA = RRset(APEX, 6, 60, frozenset({b"\x00\x00" + bytes(16) + b"\x00\x00\x00\x3c"}))
plain_types = st.sampled_from([1, 2, 16, 39, 43, 52, 65280])


@given(st.frozensets(st.tuples(owners, plain_types), max_size=12))
def test_whatever_is_signed_is_right_and_signed_alike_each_time(content: frozenset[tuple[Name, int]]) -> None:
    """Delegations, DNAMEs, wildcards, glue and empty non-terminals in every mixture."""
    zone = [SOA, *(RRset(owner, type, 60, frozenset({b"\x00"})) for owner, type in content)]
    signed = sign_zone(APEX, zone, [KEY], [], *SPAN)
    assert list(zone_faults(APEX, signed, NOW)) == []
    assert sign_zone(APEX, zone, [KEY], [], *SPAN) == signed
