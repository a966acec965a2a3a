"""Master files as operators write them (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.master_file import parse_zone, zone_text
from danelaw.adapters.zone.rdata_text import record_text
from danelaw.adapters.zone.serials import next_serial
from danelaw.core.model import DanelawError, RRset, serial_gt

APEX = dns.name.from_text("example.net.")
SOA = "@ 60 IN SOA ns host 1 3600 900 1209600 60\n"


def records(text: str) -> set[tuple[str, int, str, bytes]]:
    source = parse_zone(SOA + text, Path("zone"), APEX)
    return {(str(r.owner), r.ttl, T.make(r.type).name, r.rdata) for r in source.records if r.type != T.SOA}


A1 = bytes((192, 0, 2, 1))


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("www 5 IN A 192.0.2.1", ("www.example.net.", 5, "A", A1)),
        ("www IN 5 A 192.0.2.1", ("www.example.net.", 5, "A", A1)),
        ("www in a 192.0.2.1", ("www.example.net.", 60, "A", A1)),
        ("www A 192.0.2.1 ; why", ("www.example.net.", 60, "A", A1)),
        ("www 1h30m A 192.0.2.1", ("www.example.net.", 5400, "A", A1)),
        ("$TTL 7\nwww A 192.0.2.1", ("www.example.net.", 7, "A", A1)),
        ("\tA 192.0.2.1", ("example.net.", 60, "A", A1)),
        ("@ A 192.0.2.1\r", ("example.net.", 60, "A", A1)),
        ("$ORIGIN sub\nwww A 192.0.2.1", ("www.sub.example.net.", 60, "A", A1)),
        ("www.example.net. A 192.0.2.1", ("www.example.net.", 60, "A", A1)),
        ("www A ( ; one\n 192.0.2.1\n) ; two", ("www.example.net.", 60, "A", A1)),
        ("www A 192.0.2.1" + "\n" * 3 + "  \n;end", ("www.example.net.", 60, "A", A1)),
        ('www TXT "a;b (c" \\"', ("www.example.net.", 60, "TXT", b'\x06a;b (c\x01"')),
        (
            'www SVCB 1 . alpn="h2" port=1',
            ("www.example.net.", 60, "SVCB", bytes.fromhex("00010000010003026832000300020001")),
        ),
        ("www TXT é", ("www.example.net.", 60, "TXT", b"\x01\xe9")),
        ("www TYPE65280 \\# 3 ab cdef", ("www.example.net.", 60, "TYPE65280", b"\xab\xcd\xef")),
        ("www A \\# 4 c0000201", ("www.example.net.", 60, "A", A1)),
        ("www TLSA 3 1 1 abcd", ("www.example.net.", 60, "TLSA", b"\x03\x01\x01\xab\xcd")),
        ("www TYPE52 \\# 1 03", ("www.example.net.", 60, "TLSA", b"\x03")),
        ("www TLSA \\# 0", ("www.example.net.", 60, "TLSA", b"")),
        ("www DS 1 ECDSAP256SHA256 2 ab cd", ("www.example.net.", 60, "DS", b"\x00\x01\x0d\x02\xab\xcd")),
        (r"a\.b.c\032d A 192.0.2.1", (r"a\.b.c\032d.example.net.", 60, "A", A1)),
    ],
)
def test_one_record_however_it_is_written(text: str, record: tuple[str, int, str, bytes]) -> None:
    assert records(text) == {record}


def test_a_zone_without_soa_or_ttl_is_refused(tmp_path: Path) -> None:
    for text, code in (
        ("www 5 A 192.0.2.1\n", "ZONE_NO_SOA"),
        ("www A 192.0.2.1\n", "ZONE_SYNTAX"),
        ("", "ZONE_NO_SOA"),
    ):
        with pytest.raises(DanelawError) as caught:
            parse_zone(text, tmp_path / "zone", APEX)
        assert caught.value.code == code


def test_an_included_file_has_its_own_origin_and_gives_it_back(tmp_path: Path) -> None:
    """RFC 1035 §5.1."""
    (tmp_path / "zone").write_text(SOA + 'www A 192.0.2.1\n$INCLUDE "mo\\re" sub\n TXT still-www\nftp A 192.0.2.1\n')
    (tmp_path / "more").write_text("www A 192.0.2.1\n$ORIGIN deep.sub.example.net.\nx A 192.0.2.1\n")
    source = parse_zone((tmp_path / "zone").read_text(), tmp_path / "zone", APEX)
    assert [str(record.owner) for record in source.records] == [
        "example.net.",
        "www.example.net.",
        "www.sub.example.net.",
        "x.deep.sub.example.net.",
        "www.example.net.",
        "ftp.example.net.",
    ]


def test_records_that_differ_in_ttl_have_the_least() -> None:
    """RFC 2181 §5.2."""
    source = parse_zone(SOA + "www 9 A 192.0.2.1\nwww 5 A 192.0.2.2\n", Path("zone"), APEX)
    assert source.rrsets()[dns.name.from_text("www.example.net."), T.A].ttl == 5


@pytest.mark.parametrize(
    ("type", "rdata", "text"),
    [
        (T.TLSA, b"\x03\x01\x01" + b"\xab" * 32, "TLSA 3 1 1 " + "ab" * 32),
        (T.TLSA, b"\x03\x01\x01\xab", "TLSA 3 1 1 ab"),
        (T.TLSA, b"\x03\x01\x01", "TYPE52 \\# 3 030101"),
        (T.TLSA, b"", "TYPE52 \\# 0"),
        (T.A, b"\x01", "TYPE1 \\# 1 01"),
        (T.A, A1, "A 192.0.2.1"),
        (65280, b"\x01", "TYPE65280 \\# 1 01"),
        (T.NS, b"\x02ns\x00", "NS ns."),
    ],
)
def test_what_has_no_usual_text_is_written_in_the_generic_form(type: int, rdata: bytes, text: str) -> None:
    assert record_text(type, rdata) == text


def test_a_written_zone_reads_back_the_same() -> None:
    text = SOA + 'www TXT "a;b\\"c" d\nwww TLSA 3 1 1 ab\n*.w MX 10 Mail.Example.NET.\n@ NS ns\n'
    source = parse_zone(text, Path("zone"), APEX)
    written = zone_text(source.rrsets().values(), "made by a test")
    assert written.splitlines()[1].split()[3] == "SOA"
    assert parse_zone(written, Path("zone"), APEX).rrsets() == source.rrsets()


def test_signatures_stand_with_what_they_cover() -> None:
    rrsig = "RRSIG A 13 3 60 20261207075654 20261123065654 1 example.net. AAAA"
    source = parse_zone(f"{SOA}www {rrsig}\nwww A 192.0.2.1\n", Path("zone"), APEX)
    found: RRset = source.rrsets()[dns.name.from_text("www.example.net."), T.A]
    assert len(found.rrsigs) == 1
    with pytest.raises(DanelawError, match="ZONE_ORPHAN_SIGNATURE"):
        parse_zone(f"{SOA}www {rrsig}\n", Path("zone"), APEX).rrsets()


NOW = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
UNIX = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("current", "others", "new"),
    [
        (2016122202, (), 2026112300),
        (2026112300, (), 2026112301),
        (2026112299, (2026112300,), 2026112301),
        (2026112399, (), 2026112400),
        (2027010100, (), 2027010101),
        (2016122202, (2030000000,), 2030000001),
        (1, (), 2),
        (1, (5,), 6),
        (5, (1,), 6),
        (2016139999, (), 2016140000),
        (1482400000, (), UNIX),
        (UNIX, (), UNIX + 1),
        (0xFFFFFFFF, (), 0),
        (0xFFFFFFFE, (0,), 1),
        (0, (0xFFFFFFFF,), 1),
    ],
)
def test_a_serial_keeps_its_style_and_only_rises(current: int, others: tuple[int, ...], new: int) -> None:
    assert next_serial(current, others, NOW) == new
    assert all(serial_gt(new, old) for old in (current, *others))
