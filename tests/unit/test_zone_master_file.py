"""Master files as operators write them (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.edit import remove_records
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
        ("((( www ) A ) ( 192.0.2.1 ))", ("www.example.net.", 60, "A", A1)),
        ("www class1 type1 192.0.2.1", ("www.example.net.", 60, "A", A1)),
        ("www\tA\t(\r\n192.0.2.1\r\n)\r\n", ("www.example.net.", 60, "A", A1)),
        ("www 0w A 192.0.2.1", ("www.example.net.", 0, "A", A1)),
        (r"w\"w A 192.0.2.1", (r"w\"w.example.net.", 60, "A", A1)),
        (r"w\;w A 192.0.2.1", (r"w\;w.example.net.", 60, "A", A1)),
        (r'www TXT "a\"b\\" c\032\;d \"', ("www.example.net.", 60, "TXT", b'\x04a"b\\\x04c ;d\x01"')),
        ('www TXT ""', ("www.example.net.", 60, "TXT", b"\x00")),
        (
            "www RRSIG A 13 3 60 0 4294967295 1 . AA==",
            ("www.example.net.", 60, "RRSIG", bytes.fromhex("00010d030000003c00000000ffffffff00010000")),
        ),
        (r"a\.b.c\032d A 192.0.2.1", (r"a\.b.c\032d.example.net.", 60, "A", A1)),
    ],
)
def test_one_record_however_it_is_written(text: str, record: tuple[str, int, str, bytes]) -> None:
    assert records(text) == {record}


BOM = "\xef\xbb\xbf"


def ttls(text: str) -> list[int]:
    return [record.ttl for record in parse_zone(text, Path("zone"), APEX).records]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@ SOA ns host 1 2 3 4 5\na A ::\nb 9 A ::\nc A ::\n", [5, 5, 9, 5]),
        ("@ 7 SOA ns host 1 2 3 4 5\na A ::\nb 9 A ::\nc A ::\n", [7, 7, 9, 9]),
        ("$TTL 8\n@ 7 SOA ns host 1 2 3 4 5\na A ::\nb 9 A ::\nc A ::\n", [7, 8, 9, 8]),
        ("@ 7 SOA ns host 1 2 3 4 5\na A ::\n$TTL 0\nb 9 A ::\nc A ::\n$TTL 1m\nd A ::\n", [7, 7, 9, 0, 60]),
        ("a 3 A ::\n@ SOA ns host 1 2 3 4 5\nb A ::\n", [3, 3, 3]),
    ],
    ids=[
        "the SOA's minimum, as BIND",
        "the last one",
        "the default",
        "defaults that come later",
        "stated before the SOA",
    ],
)
def test_a_record_without_a_ttl_has_one(text: str, expected: list[int]) -> None:
    """RFC 2308 §4 and RFC 1035 §5.1."""
    assert ttls(text.replace("A ::", "AAAA ::")) == expected


def test_a_byte_order_mark_is_passed_over_and_stays() -> None:
    source = parse_zone(BOM + SOA, Path("zone"), APEX)
    assert (source.text[:3], source.soa.entry.line) == (BOM, 1)


def test_records_that_are_the_same_count_once() -> None:
    """RFC 2181 §5; names within rdata have no case."""
    source = parse_zone(SOA + "a MX 1 b\nA MX 1 B\na MX 1 c\n", Path("zone"), APEX)
    assert len(source.rrsets()[dns.name.from_text("a.example.net."), T.MX].rdatas) == 2


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("1-3 a$ A 192.0.2.$", ["a1 A 192.0.2.1", "a2 A 192.0.2.2", "a3 A 192.0.2.3"]),
        ("0-9/5 a$ 7 IN A 192.0.2.${3}", ["a0 7 A 192.0.2.3", "a5 7 A 192.0.2.8"]),
        ("0-0 $$\\$a\\. MX 10 b$", ["\\$\\$a\\. MX 10 b0"]),
        ("8-8 a ${0,3} ${0,3,o} ${0,3,x} ${0,3,X} ${0,3,n} ${0,3,N}", None),
        ("10-10 a TXT ${0,3} ${0,3,o} ${0,3,x} ${0,3,X} ${0,3,n} ${0,3,N}", ["a TXT 010 012 00a 00A a.0 A.0"]),
        ('7-7 a TXT "x $" y', ['a TXT "x 7" y']),
        ('7-7 a TXT "x $"', ["a TXT x 7"]),
        ("5-5 ${-5}.${-9} A 192.0.2.1", ["0.-4 A 192.0.2.1"]),
    ],
)
def test_records_that_differ_in_a_number_are_generated(line: str, made: list[str] | None) -> None:
    """As in BIND's manual."""
    if made is None:
        with pytest.raises(DanelawError, match="ZONE_SYNTAX"):
            records(f"$GENERATE {line}\n")
    else:
        assert records(f"$GENERATE {line}\n") == records("\n".join(made))


def test_as_many_records_are_generated_as_are_allowed_and_the_last_owner_stays() -> None:
    text = "www A 192.0.2.1\n$GENERATE 0-65535 $ A 192.0.2.1\n TXT still-www\n"
    source = parse_zone(SOA + text, Path("zone"), APEX)
    assert len(source.records) == 65539
    assert str(source.records[-1].owner) == "www.example.net."
    assert not source.records[-1].generated
    with pytest.raises(DanelawError, match=r"a \$GENERATE makes it with others \[ZONE_EDIT_UNSAFE\]"):
        remove_records(source, dns.name.from_text("7.example.net."), T.A, None)


def test_included_files_are_found_beside_the_file_that_includes_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b c").write_text("$INCLUDE d\nb TXT b\n")
    (tmp_path / "sub" / "d").write_text("d TXT d\n$TTL 5\n")
    text = SOA + '$INCLUDE "sub/b c" ; twice, at two places\n$INCLUDE sub/b\\032c x\ne TXT e\n'
    source = parse_zone(text, tmp_path / "zone", APEX)
    said = [str(record.owner.relativize(APEX)) for record in source.records]
    assert said == ["@", "d", "b", "d.x", "b.x", "e"]
    assert [record.ttl for record in source.records] == [60, 60, 5, 5, 5, 5]
    assert [path for path, _ in source.included] == [tmp_path / "sub" / "b c", tmp_path / "sub" / "d"] * 2


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
        (T.NS, b"\x01a" * 128 + b"\x00", f"TYPE2 \\# 257 {'0161' * 128}00"),
        (T.NSEC, b"\x00\x00\x01\x40", "NSEC . A"),
        (T.NSEC, b"\x00\x00\x02\x40\x00", "TYPE47 \\# 5 0000024000"),
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
