"""The operator's file stays the operator's: only the serial and Danelaw's own block change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.edit import CLOSING, OPENING, held, raise_serial, replace_rrset
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


@pytest.mark.parametrize(
    "tail",
    [
        f"_443._tcp.www TLSA 3 1 1 (\n {'11' * 32} )\n",
        f"_443._tcp.www TLSA 3 1 1 {'11' * 32}\n  TXT inherits-the-owner\n",
    ],
    ids=["over several lines", "another record has its owner from it"],
)
def test_what_cannot_be_replaced_alone_is_left_alone(tail: str) -> None:
    with pytest.raises(DanelawError, match="ZONE_EDIT_UNSAFE"):
        replace_rrset(zone(OPERATORS + tail), tlsa(TWO))


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
    assert f"{OWNER} 30 IN TYPE52 \\# 4 030101ab\n" in edited.text
    assert held(edited, OWNER, T.TLSA) == short


def test_nothing_there_is_an_absence_with_the_zones_negative_ttl() -> None:
    """RFC 2308 §5."""
    assert held(zone(OPERATORS), OWNER, T.TLSA) == Absence(OWNER, T.TLSA, 60)
