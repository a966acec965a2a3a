"""Canonical order and form (RFC 4034 §6), and type bitmaps (§4.1.2)."""

from __future__ import annotations

import dns.name
import dns.rdata
import pytest
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import canonical_key, canonical_rdata, name_wire
from danelaw.core.dnssec.nsec import NSEC, MalformedBitmapError, decode_bitmap, encode_bitmap, nsec_chain

# RFC 4034 §6.1.
IN_ORDER = [
    "example.",
    "a.example.",
    "yljkjljk.a.example.",
    "Z.a.example.",
    "zABC.a.EXAMPLE.",
    "z.example.",
    r"\001.z.example.",
    "*.z.example.",
    r"\200.z.example.",
]

# RFC 4034 §4.3.
RFC4034_NSEC = bytes.fromhex("04 686f7374 07 6578616d706c65 03 636f6d 00 0006400100000003 041b" + "00" * 26 + "20")


def test_names_sort_as_in_the_rfc() -> None:
    names = [dns.name.from_text(name) for name in IN_ORDER]
    shuffled = names[::2] + names[1::2]
    assert sorted(shuffled, key=canonical_key) == names


def test_names_are_lower_cased_in_ascii_only() -> None:
    assert name_wire(dns.name.from_text(r"A\195Z.Example.")) == b"\x03a\xc3z\x07example\x00"


@pytest.mark.parametrize(
    ("type", "text", "lowered"),
    [
        (T.NS, "NS.Example.", True),
        (T.CNAME, "NS.Example.", True),
        (T.DNAME, "NS.Example.", True),
        (T.PTR, "NS.Example.", True),
        (T.SOA, "NS.Example. Host.Example. 1 2 3 4 5", True),
        (T.MX, "10 MX.Example.", True),
        (T.SRV, "0 1 25 MX.Example.", True),
        (T.NAPTR, '1 2 "S" "SIP+D2U" "" Sip.Example.', True),
        (T.RP, "Box.Example. TXT.Example.", True),
        (T.AFSDB, "1 A.Example.", True),
        (T.KX, "1 A.Example.", True),
        (T.PX, "1 A.Example. B.Example.", True),
        (T.RRSIG, "A 13 2 1 1 0 1 Example. AAAA", True),
        (T.NSEC, "A.Example. A MX", False),
        (T.TXT, '"Some TEXT"', False),
        (T.SVCB, "1 A.Example.", False),
    ],
)
def test_names_in_rdata_are_lower_cased_for_the_listed_types_alone(type: int, text: str, lowered: bool) -> None:
    """RFC 4034 §6.2 as corrected by RFC 6840 §5.1; only the names, never strings beside them."""
    rdata = dns.rdata.from_text(RdataClass.IN, T.make(type), text)
    raw = rdata.to_generic().data
    expected = rdata.to_digestable() if lowered else raw
    assert canonical_rdata(type, raw) == expected
    assert (canonical_rdata(type, raw) != raw) is lowered


def test_an_a6_record_has_a_name_only_after_a_prefix() -> None:
    assert canonical_rdata(T.A6, b"\x00" + b"AAAABBBBCCCCDDDD") == b"\x00" + b"AAAABBBBCCCCDDDD"
    assert canonical_rdata(T.A6, b"\x40" + b"AAAABBBB" + b"\x02NS\x00") == b"\x40" + b"AAAABBBB" + b"\x02ns\x00"


@pytest.mark.parametrize(
    ("type", "rdata"),
    [
        (T.NS, b""),
        (T.NS, b"\x02N"),
        (T.NS, b"\x02NS"),
        (T.NS, b"\x02NS\x00X"),
        (T.NS, b"\xc0\x0c"),
        (T.NS, (b"\x3f" + b"A" * 63) * 4 + b"\x00"),
        (T.SOA, b"\x02NS\x00\x02NS\x00"),
        (T.MX, b"\x00"),
        (T.NAPTR, b"\x00\x00\x00\x00\x09S"),
        (T.A6, b"\xffA"),
    ],
)
def test_malformed_rdata_stays_as_it_is(type: int, rdata: bytes) -> None:
    assert canonical_rdata(type, rdata) == rdata


def test_the_rdata_of_the_rfcs_nsec() -> None:
    nsec = NSEC(dns.name.from_text("host.example.com."), frozenset({T.A, T.MX, T.RRSIG, T.NSEC, 1234}))
    assert nsec.to_rdata() == RFC4034_NSEC
    assert NSEC.from_rdata(RFC4034_NSEC) == nsec


@pytest.mark.parametrize(
    "bitmap",
    [
        b"\x00",
        b"\x00\x00",
        b"\x00\x21" + b"\x01" * 33,
        b"\x00\x02\x40",
        b"\x01\x01\x40\x00\x01\x40",
        b"\x00\x01\x40" * 2,
    ],
    ids=["no length", "length 0", "length 33", "ends early", "windows fall", "a window twice"],
)
def test_malformed_bitmaps_are_refused(bitmap: bytes) -> None:
    with pytest.raises(MalformedBitmapError):
        decode_bitmap(bitmap)


@pytest.mark.parametrize("rdata", [b"", b"\x03com", b"\xc0\x0c", (b"\x3f" + b"A" * 63) * 4 + b"\x00"])
def test_malformed_nsec_names_are_refused(rdata: bytes) -> None:
    with pytest.raises(MalformedBitmapError):
        NSEC.from_rdata(rdata)


def test_no_types_make_an_empty_bitmap() -> None:
    assert encode_bitmap(()) == b""
    assert decode_bitmap(b"") == frozenset()


def test_the_chain_closes_and_lists_rrsig_and_nsec() -> None:
    names = {dns.name.from_text(name): {T.A} for name in ("b.example.", "example.", "*.example.")}
    chain = nsec_chain(names, 60)
    assert [(str(rrset.owner), rrset.ttl) for rrset in chain] == [
        ("example.", 60),
        ("*.example.", 60),
        ("b.example.", 60),
    ]
    records = [NSEC.from_rdata(rdata) for rrset in chain for rdata in rrset.rdatas]
    assert [str(record.next) for record in records] == ["*.example.", "b.example.", "example."]
    assert {record.types for record in records} == {frozenset({T.A, T.RRSIG, T.NSEC})}
