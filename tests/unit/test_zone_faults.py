"""What is wrong in a zone file is told with its place, and what was expected there."""

from __future__ import annotations

from pathlib import Path

import dns.name
import pytest

from danelaw.adapters.zone.edit import add_record, remove_records
from danelaw.adapters.zone.master_file import parse_zone, read_zone
from danelaw.adapters.zone.zone_rules import remarks
from danelaw.core.model import DanelawError

APEX = dns.name.from_text("example.net.")
SOA = "@ 60 IN SOA ns host 1 3600 900 1209600 60\n"
LONG = "a" * 64
ALONE = "www.example.net. has a CNAME, so it can have nothing else"
TTLS = "has a TTL of 9 s, and of 5 s before: the least counts for all"


def fault(text: str, folder: Path = Path("/nonexistent")) -> DanelawError:
    with pytest.raises(DanelawError) as caught:
        parse_zone(text, folder / "zone", APEX)
    return caught.value


def place(error: DanelawError) -> str:
    """``line:column: message``"""
    return error.message.partition("zone:")[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("www\tA 192.0.2.300", '2:7: expected an IPv4 address, found "192.0.2.300"'),
        ("www A", "2:6: expected an IPv4 address, found the end of the record"),
        ("www A 192.0.2.1 192.0.2.2", '2:17: expected the end of the record, found "192.0.2.2"'),
        ("www AAAA 192.0.2.1", '2:10: expected an IPv6 address, found "192.0.2.1"'),
        ("www MX mail", '2:8: expected a number of at most 65535, found "mail"'),
        ("www MX 65536 mail", '2:8: expected a number of at most 65535, found "65536"'),
        ("www NS a..b", '2:8: expected a domain name, found "a..b" (a label is empty)'),
        (
            f"www NS {LONG}",
            f'2:8: expected a domain name, found "{LONG[:60]}…" (a label is longer than 63 octets)',
        ),
        (
            "www TXT " + "b" * 256,
            f'2:9: expected a string, found "{"b" * 60}…" (it has 256 octets, and a string at most 255)',
        ),
        ("www TXT \\256", '2:9: expected a string, found "\\256" (\\256 is no octet)'),
        ("www TLSA 3 1", "2:13: expected a number of at most 255, found the end of the record"),
        ("www TLSA 3 1 1", "2:15: expected hexadecimal digits, found the end of the record"),
        ("www TLSA 300 1 1 ab", '2:10: expected a number of at most 255, found "300"'),
        ("www TLSA 3 1 1 xy", '2:16: expected hexadecimal digits, found "xy"'),
        ("www TLSA ( 3 1 ; two\n 1\n xy )", '4:2: expected hexadecimal digits, found "xy"'),
        ("www TLSA \\# 2 ab", "2:13: 2 octets are announced, and there are 1"),
        ("www TLSA \\# ab", "2:13: expected the number of octets after \\#"),
        ("www DS 1 NOALG 2 ab", '2:10: expected a DNSSEC algorithm, found "NOALG"'),
        (
            "www RRSIG A 13 3 60 20261307000000 1 1 a. AA==",
            '2:21: expected a time as YYYYMMDDHHmmSS, found "20261307000000"',
        ),
        ("www NSEC a. A NOTYPE", '2:13: expected record types, found "A" (NOTYPE is none)'),
        ("www SVCB 1", "2:10: malformed SVCB record: expecting an identifier"),
        ("www NOTYPE 1", '2:5: expected a record type, found "NOTYPE"'),
        ("www TYPE70000 1", '2:5: expected a record type, found "TYPE70000"'),
        ("www ANY \\# 0", '2:5: expected class IN, found "ANY"'),
        ("www OPT \\# 0", '2:5: "OPT" is no type of records that zones hold'),
        ("www TYPE200 \\# 0", '2:5: "TYPE200" is no type of records that zones hold'),
        ("www 5 IN", "2:9: expected a record type, found the end of the record"),
        ("www 5 6 A 192.0.2.1", '2:7: expected a record type, found "6"'),
        ("www CH A 192.0.2.1", '2:5: expected class IN, found "CH"'),
        ("www 5q A 192.0.2.1", '2:5: expected a TTL such as 3600 or 1h30m, found "5q"'),
        ("www 2147483648 A ::", '2:5: expected a TTL such as 3600 or 1h30m, found "2147483648" (at most 2147483647 s)'),
        (f"{LONG} A 192.0.2.1", f'2:1: expected a domain name, found "{LONG[:60]}" (a label is longer than 63 octets)'),
        ('"www" A 192.0.2.1', '2:1: expected a domain name, found ""www"" (names have no quotes)'),
        ("www A (\n192.0.2.1\n", "2:7: an opening parenthesis is never closed"),
        ("\nwww A 192.0.2.1 )", "3:17: a closing parenthesis without an opening one"),
        ('www TXT "open\n', "2:9: a quoted string is not closed on its line"),
        ("www TXT open\\", "2:13: an escape without a character"),
        ("www TXT open\\\r\n", "2:13: an escape without a character"),
        ("$TTL", "2:1: expected one TTL after $TTL"),
        ("$TTL soon", '2:6: expected a TTL such as 3600 or 1h30m, found "soon"'),
        ("$ORIGIN a. b.", "2:1: expected one domain name after $ORIGIN"),
        ("$X a.", '2:1: the control entry "$X" is not understood: $ORIGIN, $TTL, $INCLUDE and $GENERATE are'),
        ("$GENERATE 9-1 h$ A 192.0.2.$", '2:11: expected a range such as 1-10 or 0-100/2, found "9-1"'),
        ("$GENERATE 0-65536 h$ A 192.0.2.1", "2:11: 65537 records of one $GENERATE, and at most 65536 may be"),
        (
            "$GENERATE 1-2 h${1,2,z} A 192.0.2.$",
            '2:15: expected ${offset,width,base}, base one of d o x X n N, found "${1,2,z}"',
        ),
        ("$GENERATE 1-2 h$ A 192.0.2.${255}", '2:1: expected an IPv4 address, found "192.0.2.256"'),
        ("caf\xc3\xa9 A x", '2:8: expected an IPv4 address, found "x"'),
    ],
)
def test_a_syntax_fault_is_told_with_its_place(text: str, said: str) -> None:
    error = fault(SOA + text)
    assert (error.code, place(error).split(" (and ")[0]) == ("ZONE_SYNTAX", said)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("www.example.org. A 192.0.2.1", "ZONE_OUT_OF_ZONE", "2:1: www.example.org. is not in the zone example.net."),
        ("www CNAME ns\nwww A 192.0.2.1", "ZONE_CNAME_CLASH", f"3:1: {ALONE}"),
        ("www A 192.0.2.1\nWWW CNAME ns", "ZONE_CNAME_CLASH", f"3:1: {ALONE}"),
        ("www CNAME ns\n CNAME ftp", "ZONE_CNAME_CLASH", "3:2: a second CNAME of www.example.net."),
        ("@ SOA ns host 2 3600 900 1209600 60", "ZONE_NO_SOA", "2:1: a second SOA record of example.net."),
        (
            "www SOA ns host 1 3600 900 1209600 60",
            "ZONE_NO_SOA",
            "2:1: a SOA record of www.example.net., and the zone is example.net.",
        ),
        ("a DNAME b.\n DNAME c.", "ZONE_DNAME_CLASH", "3:2: a second DNAME of a.example.net."),
        ("a NS ns\n DNAME c.", "ZONE_DNAME_CLASH", "3:2: a.example.net. has a DNAME and is delegated"),
        ("$INCLUDE missing", "ZONE_UNREADABLE", "2:10: cannot read /nonexistent/missing: No such file or directory"),
        ('$INCLUDE "a\\000"', "ZONE_UNREADABLE", "2:10: cannot read /nonexistent/a\0: embedded null byte"),
    ],
)
def test_a_fault_of_the_zone_is_told_with_its_place(text: str, code: str, said: str) -> None:
    error = fault(SOA + text)
    assert (error.code, place(error)) == (code, said)
    assert error.hint


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", "ZONE_NO_SOA", "1:1: there is no SOA record of example.net."),
        ("www 5 A 192.0.2.1\n", "ZONE_NO_SOA", "1:1: there is no SOA record of example.net."),
        ("www A 192.0.2.1\n", "ZONE_SYNTAX", "1:5: the record has no TTL, and no $TTL stands before it"),
        (" A 192.0.2.1\n", "ZONE_SYNTAX", "1:2: the first record has no owner name"),
        ("@ SOA \\# 1 00\n", "ZONE_SYNTAX", "1:7: the SOA record is too short to hold two names and five numbers"),
        ("\xff\xfe@\0", "ZONE_SYNTAX", "1:1: the file is in UTF-16"),
    ],
)
def test_a_file_that_begins_wrongly(text: str, code: str, said: str) -> None:
    error = fault(text)
    assert (error.code, place(error)) == (code, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SOA, "ZONE_NO_NS"),
        (f"{SOA}@ NS ns\na DNAME b.\nx.y.a A 192.0.2.1\n", "ZONE_DNAME_CLASH"),
    ],
)
def test_what_some_name_servers_refuse_is_not_read_and_does_not_come_by_editing(
    text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "zone").write_text(text)
    with pytest.raises(DanelawError, match=said):
        read_zone(tmp_path / "zone", APEX)

    good = parse_zone(f"{SOA}@ NS ns\na DNAME b.\n", tmp_path / "zone", APEX)
    with pytest.raises(DanelawError, match="ZONE_NO_NS"):
        remove_records(good, APEX, 2, None)
    with pytest.raises(DanelawError, match="ZONE_DNAME_CLASH"):
        add_record(good, dns.name.from_text("x.a", APEX), 1, None, bytes(4))
    with pytest.raises(DanelawError, match="ZONE_CNAME_CLASH"):
        add_record(good, dns.name.from_text("a", APEX), 5, None, b"\0")


def test_the_line_is_shown_with_a_caret_under_the_place() -> None:
    assert fault(f"{SOA}www\tA 192.0.2.300 ; caf\xc3\xa9\r\n").evidence == "www A 192.0.2.300 ; café\n      ^"
    assert fault(f"{SOA}caf\xc3\xa9 A \x1b[0m").evidence == "café A ·[0m\n       ^"
    long = fault(f"{SOA}www HINFO {'a' * 100} {LONG * 4} z\n").evidence
    assert long == f"…{'a' * 59} {'a' * 40}…\n{' ' * 61}^"


def test_up_to_ten_faults_are_told_at_once() -> None:
    error = fault(SOA + "a A x\nb AAAA y\n$TTL z\n")
    assert place(error) == '2:5: expected an IPv4 address, found "x" (and 2 more)'
    assert error.evidence.splitlines() == [
        "a A x",
        "    ^",
        '/nonexistent/zone:3:8: expected an IPv6 address, found "y"',
        "b AAAA y",
        "       ^",
        '/nonexistent/zone:4:6: expected a TTL such as 3600 or 1h30m, found "z"',
        "$TTL z",
        "     ^",
    ]
    assert place(fault(SOA + "a A x\n" * 99)).endswith("(and 9 more)")
    assert place(fault(SOA + "".join(f"a{n} CNAME a\n A 192.0.2.1\n" for n in range(99)))).endswith("(and 9 more)")


def test_a_fault_of_an_included_file_is_told_with_that_files_name(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("\nwww A x\n")
    assert (
        fault(f"{SOA}$INCLUDE more\n", tmp_path).message == f'{tmp_path}/more:2:7: expected an IPv4 address, found "x"'
    )


def test_files_that_include_one_another_are_named(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text(f"{SOA}$INCLUDE a\n")
    (tmp_path / "a").write_text("$INCLUDE b\n")
    (tmp_path / "b").symlink_to("zone")
    with pytest.raises(DanelawError) as caught:
        read_zone(tmp_path / "zone", APEX)
    chain = f"{tmp_path}/zone includes {tmp_path}/a includes {tmp_path}/b"
    assert caught.value.code == "ZONE_INCLUDE_LOOP"
    assert caught.value.message == f"{tmp_path}/a:1:10: a file includes itself: {chain}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a 5 A 192.0.2.1\na 9 A 192.0.2.2\n", [f"ZONE_TTLS_DIFFER zone:3: a.example.net. A {TTLS}"]),
        ("a NS b\nA NS B\n", ["ZONE_DUPLICATE zone:3: A.example.net. NS stands there twice with the same data"]),
        (
            "a.example.net A 192.0.2.1\n",
            ["ZONE_NAME_DOUBLED zone:2: a.example.net.example.net. holds the zone's name twice: is a dot missing?"],
        ),
        (
            "sub NS ns.sub\n DS 1 13 2 ab\n TXT x\nns.sub A 192.0.2.1\n NS y\nother A 192.0.2.1\n",
            [
                "ZONE_OCCLUDED zone:4: sub.example.net. TXT is not seen, for sub.example.net. is delegated",
                "ZONE_OCCLUDED zone:6: ns.sub.example.net. NS is not seen, for sub.example.net. is delegated",
            ],
        ),
        ("a 5 A 192.0.2.1\n 9 AAAA ::\n", []),
    ],
)
def test_what_is_odd_is_remarked_on(text: str, said: list[str]) -> None:
    source = parse_zone(SOA + text, Path("zone"), APEX)
    assert [f"{remark.code} {remark.text}" for remark in remarks(APEX, source.records)] == said
