"""NSEC3 and NSEC3PARAM records and the hashing of names, against RFC 5155 appendix A and dnspython."""

from __future__ import annotations

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdtypes.ANY.NSEC3
import dns.rdtypes.ANY.NSEC3PARAM
import pytest
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.nsec3 import (
    NSEC3,
    NSEC3PARAM,
    SHA1,
    MalformedNSEC3Error,
    hash_from_label,
    hash_label,
    hash_name,
    hash_owner,
)

SALT = bytes.fromhex("aabbccdd")


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"),
        ("ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"),
        ("ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r"),
        ("w.example", "k8udemvp1j2f7eg6jebps17vp3n8i58h"),
        ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ("x.w.example", "b4um86eghhds6nea196smvmlo4ors995"),
        ("y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"),
        ("x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"),
        ("xx.example", "t644ebqk9bibcna874givr6joj62mlhv"),
        ("2t7b4g4vsa5smi47k61mv5bv1a22bojr.example", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi"),
        # Names that appendix B hashes
        ("c.x.w.example", "0va5bpr2ou0vk0lbqeeljri88laipsfh"),
        ("*.x.w.example", "92pqneegtaue7pjatc3l3qnk738c6v5m"),
        ("c.example", "4g6p9u5gvfshp30pqecj98b3maqbn1ck"),
        ("z.w.example", "qlu7gtfaeh0ek0c05ksfhdpbcgglbe03"),
        ("XX.Example", "t644ebqk9bibcna874givr6joj62mlhv"),  # case does not count: RFC 5155 §5
    ],
)
def test_names_hash_as_in_the_appendices_of_rfc_5155(text: str, hashed: str) -> None:
    name, zone = dns.name.from_text(text), dns.name.from_text("example")
    digest = hash_name(name, SALT, 12)
    assert hash_label(digest) == hashed.encode()
    assert hash_owner(digest, zone) == dns.name.from_text(hashed, zone)


@pytest.mark.parametrize(("salt", "iterations"), [("", 0), ("", 1), ("ab", 0), ("00" * 255, 3)])
@pytest.mark.parametrize("text", [".", "example.net.", r"\000\255.Example.net."])
def test_names_hash_as_dnspython_hashes_them(text: str, salt: str, iterations: int) -> None:
    theirs = dns.dnssec.nsec3_hash(text, salt, iterations, SHA1)
    assert hash_label(hash_name(dns.name.from_text(text), bytes.fromhex(salt), iterations)) == theirs.lower().encode()


@pytest.mark.parametrize("label", [b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", b"0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM"])
def test_a_label_is_read_in_either_case(label: bytes) -> None:
    assert hash_from_label(label) == hash_name(dns.name.from_text("example"), SALT, 12)


@pytest.mark.parametrize(
    "label",
    [
        b"www",  # no octets have three digits
        b"0p9mhaveqvm6t7vbl5lop2u3t2rp3toz",  # z is of the other base32
        b"00======",  # padding
        b"01",  # bits that belong to no octet
        b"\xe9\xe9",
    ],
)
def test_labels_that_are_no_base32hex(label: bytes) -> None:
    assert hash_from_label(label) is None


@pytest.mark.parametrize(
    "text",
    [
        "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG",
        "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A TYPE1234",
        "1 0 65535 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr",
        "7 129 1 ff 00",
    ],
)
def test_nsec3_records_are_read_and_written_as_dnspython_does(text: str) -> None:
    theirs = dns.rdata.from_text(RdataClass.IN, T.NSEC3, text)
    assert isinstance(theirs, dns.rdtypes.ANY.NSEC3.NSEC3)
    nsec3 = NSEC3.from_rdata(theirs.to_generic().data)
    assert (nsec3.hash_algorithm, nsec3.flags) == (theirs.algorithm, theirs.flags)
    assert (nsec3.iterations, nsec3.salt, nsec3.next) == (theirs.iterations, theirs.salt, theirs.next)
    assert nsec3.to_rdata() == theirs.to_generic().data
    assert nsec3.opt_out == bool(theirs.flags & 1)


def test_opt_out_is_no_part_of_how_names_are_hashed() -> None:
    assert NSEC3(SHA1, 1, 12, SALT, b"\0", frozenset()).parameters == NSEC3PARAM(SHA1, 0, 12, SALT)


@pytest.mark.parametrize("text", ["1 0 12 aabbccdd", "1 0 0 -", "2 3 65535 00"])
def test_nsec3param_records_are_read_and_written_as_dnspython_does(text: str) -> None:
    theirs = dns.rdata.from_text(RdataClass.IN, T.NSEC3PARAM, text)
    assert isinstance(theirs, dns.rdtypes.ANY.NSEC3PARAM.NSEC3PARAM)
    param = NSEC3PARAM.from_rdata(theirs.to_generic().data)
    assert param == NSEC3PARAM(theirs.algorithm, theirs.flags, theirs.iterations, theirs.salt)
    assert param.to_rdata() == theirs.to_generic().data


GOOD = NSEC3(SHA1, 0, 0, b"\xaa", bytes(20), frozenset({1})).to_rdata()


def test_an_nsec3_cut_short_anywhere_is_malformed_save_before_its_bitmap() -> None:
    bitmap_at = len(GOOD) - 3
    for length in range(len(GOOD)):
        if length != bitmap_at:
            with pytest.raises(MalformedNSEC3Error):
                NSEC3.from_rdata(GOOD[:length])
    assert NSEC3.from_rdata(GOOD[:bitmap_at]).types == frozenset()


@pytest.mark.parametrize(
    "rdata",
    [
        b"\x01\x00\x00\x00\x00\x00",  # a next hashed owner name of no octets: RFC 5155 §3.1.6
        GOOD + b"\x00\x01\x40",  # bitmap windows that do not rise
    ],
)
def test_malformed_nsec3_records(rdata: bytes) -> None:
    with pytest.raises(MalformedNSEC3Error):
        NSEC3.from_rdata(rdata)


@pytest.mark.parametrize("rdata", [b"", b"\x01\x00\x00\x00", b"\x01\x00\x00\x00\x02\xaa", b"\x01\x00\x00\x00\x00\xaa"])
def test_malformed_nsec3param_records(rdata: bytes) -> None:
    with pytest.raises(MalformedNSEC3Error):
        NSEC3PARAM.from_rdata(rdata)
