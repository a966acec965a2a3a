"""The operator's file stays the operator's: only the serial and Danelaw's own block change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.edit import CLOSING, OPENING, add_record, held, raise_serial, remove_records, replace_rrset
from danelaw.adapters.zone.master_file import ZoneSource, parse_zone
from danelaw.core.model import Absence, DanelawError, RRset

APEX = dns.name.from_text("example.net.")
OWNER = dns.name.from_text("_443._tcp.www.example.net.")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, TWO = b"\x03\x01\x01" + b"\x11" * 32, b"\x03\x01\x01" + b"\x22" * 32
LINE_ONE = f"{OWNER} 30 IN TLSA 3 1 1 {'11' * 32}\n"
LINE_TWO = f"{OWNER} 30 IN TLSA 3 1 1 {'22' * 32}\n"

OPERATORS = """\
; my zone \xe9 -- don't touch\r
$TTL 1h
@   IN\tSOA\tns1 hostmaster (
\t\t2016122202 ; serial: 2016122202
\t\t1h 15m 2w 60 )
    NS   ns1
ns1 A    192.0.2.1     ; the first

www A    192.0.2.80
    AAAA 2001:db8::80
"""


def zone(text: str) -> ZoneSource:
    return parse_zone(text, Path("zone"), APEX)


def tlsa(*rdatas: bytes, ttl: int = 30) -> RRset:
    return RRset(OWNER, T.TLSA, ttl, frozenset(rdatas))


def test_only_the_serials_digits_change() -> None:
    raised = raise_serial(zone(OPERATORS), (), NOW)
    assert raised.text == OPERATORS.replace("\t\t2016122202", "\t\t2026112300")
    assert raised.serial == 2026112300


def test_an_rrset_goes_into_a_block_at_the_end() -> None:
    edited = replace_rrset(zone(OPERATORS), tlsa(ONE, TWO))
    assert edited.text == OPERATORS + OPENING + LINE_ONE + LINE_TWO + CLOSING
    assert held(edited, OWNER, T.TLSA) == tlsa(ONE, TWO)


def test_the_block_goes_when_it_is_empty() -> None:
    there = replace_rrset(zone(OPERATORS), tlsa(ONE))
    assert replace_rrset(there, Absence(OWNER, T.TLSA, 60)).text == OPERATORS


def test_other_rrsets_of_the_block_stay() -> None:
    txt = RRset(dns.name.from_text("_acme-challenge.example.net."), T.TXT, 5, frozenset({b"\x01x"}))
    both = replace_rrset(replace_rrset(zone(OPERATORS), tlsa(ONE)), txt)
    assert both.text.endswith(f'{OPENING}_acme-challenge.example.net. 5 IN TXT "x"\n{LINE_ONE}{CLOSING}')
    assert replace_rrset(both, Absence(txt.owner, T.TXT, 60)).text == OPERATORS + OPENING + LINE_ONE + CLOSING


def test_the_block_stays_where_the_operator_put_it() -> None:
    before, after = OPERATORS + OPENING + LINE_ONE + CLOSING, "\n; later\nftp A 192.0.2.9\n"
    assert replace_rrset(zone(before + after), tlsa(TWO)).text == OPERATORS + OPENING + LINE_TWO + CLOSING + after


def test_a_file_without_a_last_newline_gets_one() -> None:
    edited = replace_rrset(zone(OPERATORS.rstrip("\n")), tlsa(ONE))
    assert edited.text == OPERATORS + OPENING + LINE_ONE + CLOSING


def test_the_operators_own_records_of_the_owner_and_type_are_replaced_line_by_line() -> None:
    mine = f"_443._tcp.www TLSA 3 1 1 {'11' * 32} ; by hand\n"
    edited = replace_rrset(zone(OPERATORS + mine + "ftp A 192.0.2.9\n"), tlsa(TWO))
    assert edited.text == OPERATORS + "ftp A 192.0.2.9\n" + OPENING + LINE_TWO + CLOSING


def test_an_entry_over_several_lines_goes_with_all_of_them() -> None:
    mine = f"_443._tcp.www TLSA ( 3 1 1 ; by hand\n {'11' * 32}\n)\n"
    edited = replace_rrset(zone(OPERATORS + mine + "ftp A 192.0.2.9\n"), tlsa(TWO))
    assert edited.text == OPERATORS + "ftp A 192.0.2.9\n" + OPENING + LINE_TWO + CLOSING


def test_what_cannot_be_replaced_alone_is_left_alone() -> None:
    tail = f"_443._tcp.www TLSA 3 1 1 {'11' * 32}\n  TXT inherits-the-owner\n"
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE") as caught:
        replace_rrset(zone(OPERATORS + tail), tlsa(TWO))
    assert "_443._tcp.www.example.net. TXT" in caught.value.evidence


def test_a_record_that_would_inherit_the_blocks_owner_is_noticed() -> None:
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE"):
        replace_rrset(zone(OPERATORS + OPENING + LINE_ONE + CLOSING + "  TXT x\n"), Absence(OWNER, T.TLSA, 60))


@pytest.mark.parametrize("damage", [OPENING, CLOSING, CLOSING + OPENING, (OPENING + CLOSING) * 2])
def test_a_damaged_block_is_not_guessed_at(damage: str) -> None:
    with pytest.raises(DanelawError, match="ZONE_BLOCK_DAMAGED"):
        replace_rrset(zone(OPERATORS + damage), tlsa(ONE))


def test_an_included_soa_or_record_is_not_edited(tmp_path: Path) -> None:
    (tmp_path / "soa").write_text("@ 60 SOA ns host 1 3600 900 1209600 60\n")
    (tmp_path / "tlsa").write_text(f"_443._tcp.www TLSA 3 1 1 {'11' * 32}\n")
    main = tmp_path / "zone"
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE"):
        raise_serial(parse_zone("$INCLUDE soa\n", main, APEX), (), NOW)
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE"):
        replace_rrset(parse_zone(f"{OPERATORS}$INCLUDE tlsa\n", main, APEX), tlsa(TWO))


def test_a_malformed_record_is_published_as_it_is() -> None:
    """What to publish is not the zone's to judge."""
    short = tlsa(b"\x03\x01\x01\xab")
    edited = replace_rrset(zone(OPERATORS), short)
    assert f"{OWNER} 30 IN TLSA 3 1 1 ab\n" in edited.text
    assert held(edited, OWNER, T.TLSA) == short


def test_nothing_there_is_an_absence_with_the_zones_negative_ttl() -> None:
    """RFC 2308 §5."""
    assert held(zone(OPERATORS), OWNER, T.TLSA) == Absence(OWNER, T.TLSA, 60)


WWW = dns.name.from_text("www.example.net.")
A80, A81 = bytes((192, 0, 2, 80)), bytes((192, 0, 2, 81))


def test_a_record_is_added_to_the_block_with_the_ttl_of_those_that_it_joins() -> None:
    both = add_record(zone(OPERATORS), WWW, T.A, None, A81)
    assert both.text == f"{OPERATORS}{OPENING}www.example.net. 3600 IN A 192.0.2.81\n{CLOSING}"
    assert held(both, WWW, T.A) == RRset(WWW, T.A, 3600, frozenset({A80, A81}))


def test_a_record_alone_gets_the_zones_ttl_or_its_own() -> None:
    assert held(add_record(zone(OPERATORS), OWNER, T.TLSA, None, ONE), OWNER, T.TLSA) == tlsa(ONE, ttl=3600)
    assert held(add_record(zone(OPERATORS), OWNER, T.TLSA, 30, ONE), OWNER, T.TLSA) == tlsa(ONE, ttl=30)


def test_the_records_of_the_block_have_the_ttl_of_the_newest() -> None:
    """RFC 2181 §5.2."""
    one = add_record(zone(OPERATORS), OWNER, T.TLSA, 30, ONE)
    assert held(add_record(one, OWNER, T.TLSA, 60, TWO), OWNER, T.TLSA) == tlsa(ONE, TWO, ttl=60)
    assert held(add_record(one, OWNER, T.TLSA, 60, ONE), OWNER, T.TLSA) == tlsa(ONE, ttl=60)


def test_the_ttl_of_the_operators_records_is_theirs() -> None:
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE") as caught:
        add_record(zone(OPERATORS), WWW, T.A, 60, A81)
    assert caught.value.message == "zone:9: www.example.net. A has a TTL of 3600 s already, and not of 60 s"


@pytest.mark.parametrize("ttl", [None, 3600])
def test_adding_what_is_there_changes_nothing(ttl: int | None) -> None:
    source = zone(OPERATORS + "mx MX 5 Mail\n")
    assert add_record(source, WWW, T.A, ttl, A80) is source
    mx = dns.name.from_text("MX.example.net.")
    assert add_record(source, mx, T.MX, ttl, b"\x00\x05\x04mAIL\x07example\x03net\x00") is source
    added = add_record(source, OWNER, T.TLSA, ttl, ONE)
    assert add_record(added, OWNER, T.TLSA, ttl, ONE) is added


def test_what_was_added_is_removed_without_a_trace() -> None:
    one = add_record(zone(OPERATORS), OWNER, T.TLSA, 30, ONE)
    both = add_record(one, OWNER, T.TLSA, 30, TWO)
    assert remove_records(both, OWNER, T.TLSA, TWO) == one
    assert remove_records(both, OWNER, T.TLSA, None) == zone(OPERATORS)


def test_one_of_the_operators_records_is_removed_and_the_others_stay_as_they_are() -> None:
    before, line, after = "a A 192.0.2.1\n", "a\tA 192.0.2.2 ; gone\n", "a A 192.0.2.3 ; stays\n"
    owner = dns.name.from_text("a.example.net.")
    source = zone(OPERATORS + before + line + after)
    assert remove_records(source, owner, T.A, bytes((192, 0, 2, 2))).text == OPERATORS + before + after
    assert remove_records(source, owner, T.A, None).text == OPERATORS


def test_removing_what_is_not_there_changes_nothing() -> None:
    source = zone(OPERATORS)
    assert remove_records(source, WWW, T.A, A81) is source
    assert remove_records(source, WWW, T.TLSA, None) is source


def test_a_record_that_gives_others_their_owner_or_ttl_is_not_removed() -> None:
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE") as caught:
        remove_records(zone(OPERATORS), WWW, T.A, None)
    assert "www.example.net. AAAA" in caught.value.evidence
    without_default = OPERATORS.replace("$TTL 1h\n", "").replace("SOA", "60 SOA", 1)
    source = zone(without_default + "a 5 A 192.0.2.1\nb A 192.0.2.1\n")
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE") as caught:
        remove_records(source, dns.name.from_text("a.example.net."), T.A, None)
    assert "b.example.net. A" in caught.value.evidence


def test_a_record_that_gives_another_of_its_name_the_ttl_is_not_removed() -> None:
    source = zone(OPERATORS.replace("$TTL 1h\n", "").replace("SOA", "60 SOA", 1) + "a 5 A 192.0.2.1\na A 192.0.2.2\n")
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE"):
        remove_records(source, dns.name.from_text("a.example.net."), T.A, bytes((192, 0, 2, 1)))


@pytest.mark.parametrize("soa", ["@ SOA ns host 007 1 2 3 4\n", "@ SOA (\nns\nhost 7 1 2 3 4) ; 7\n"])
def test_a_serial_is_found_wherever_it_stands(soa: str) -> None:
    assert raise_serial(zone(soa), (), NOW).text == soa.replace("007", "8").replace("host 7", "host 8")


@pytest.mark.parametrize(
    "soa",
    [
        r"@ SOA \# 22 0000 00000007 00000001 00000002 00000003 00000004",
        "$GENERATE 7-7 @ SOA ns host $ 1 2 3 4",
    ],
)
def test_a_serial_that_is_not_written_as_a_number_is_left_to_the_operator(soa: str) -> None:
    source = zone(f"$TTL 5\n{soa}\n")
    assert source.serial == 7
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE"):
        raise_serial(source, (), NOW)


def test_lines_that_end_as_in_windows_go_on_doing_so() -> None:
    text = OPERATORS.replace("\r\n", "\n").replace("\n", "\r\n")
    edited = add_record(zone(text), OWNER, T.TLSA, 30, ONE)
    assert edited.text == text + (OPENING + LINE_ONE + CLOSING).replace("\n", "\r\n")
    assert remove_records(edited, OWNER, T.TLSA, ONE).text == text
    assert raise_serial(edited, (), NOW).text == edited.text.replace("\t2016122202", "\t2026112300")
