"""TLSA records as text: read back by an independent reader, they are what they were."""

from __future__ import annotations

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest

from danelaw.core.model import DanelawError
from danelaw.core.tlsa import TLSARecord
from danelaw.core.tlsa.notation import Entry, nsupdate, owner_of

RECORDS = [
    TLSARecord.from_text("3 1 1 " + "ab" * 32),
    TLSARecord.from_text("2 0 2 " + "0f" * 64),
    TLSARecord.from_text("1 0 0 " + "30" * 3000),
]
OWNER = dns.name.from_text("_443._tcp.www.example.net")


def as_dnspython_reads(line: str) -> tuple[dns.name.Name, int, bytes | None]:
    zone = dns.zone.from_text(line + "\n", "example.net.", relativize=False, check_origin=False)
    ((owner, ttl, rdata),) = zone.iterate_rdatas()
    assert rdata.rdtype == dns.rdatatype.TLSA
    return owner, ttl, rdata.to_wire()


@pytest.mark.parametrize("record", RECORDS, ids=TLSARecord.brief)
@pytest.mark.parametrize("form", [Entry.zone, Entry.generic])
def test_a_line_of_a_zone_file_is_read_back(record: TLSARecord, form: object) -> None:
    entry = Entry(OWNER, 300, record)
    line = entry.zone() if form is Entry.zone else entry.generic()
    assert "\n" not in line
    assert as_dnspython_reads(line) == (OWNER, 300, record.to_rdata())


def test_the_generic_form_is_that_of_unknown_types() -> None:
    line = Entry(OWNER, 60, TLSARecord.from_text("3 1 1 " + "ab" * 32)).generic()
    assert line == "_443._tcp.www.example.net. 60 IN TYPE52 \\# 35 030101" + "ab" * 32


def test_a_script_adds_each_record_and_sends_them_together() -> None:
    entries = [Entry(OWNER, 3600, record) for record in RECORDS[:2]]
    assert list(nsupdate(entries)) == [
        "update add _443._tcp.www.example.net. 3600 IN TLSA 3 1 1 " + "ab" * 32,
        "update add _443._tcp.www.example.net. 3600 IN TLSA 2 0 2 " + "0f" * 64,
        "send",
    ]


@pytest.mark.parametrize(
    ("host", "port", "transport", "owner"),
    [
        ("www.example.net", 443, "tcp", "_443._tcp.www.example.net."),
        ("www.example.net", 853, "udp", "_853._udp.www.example.net."),
        ("www.example.net", 1, "sctp", "_1._sctp.www.example.net."),
        ("*.example.net", 443, "tcp", "*.example.net."),  # an asterisk further down is no wildcard: RFC 4592 §2.1.1
    ],
)
def test_records_stand_where_clients_ask(host: str, port: int, transport: str, owner: str) -> None:
    assert owner_of(port, transport, dns.name.from_text(host)).to_text() == owner


@pytest.mark.parametrize(("port", "transport"), [(0, "tcp"), (65536, "tcp"), (443, "quic")])
@pytest.mark.parametrize("host", ["www.example.net", "*.example.net"])
def test_a_place_that_there_is_not_has_no_owner(host: str, port: int, transport: str) -> None:
    with pytest.raises(DanelawError) as caught:
        owner_of(port, transport, dns.name.from_text(host))
    assert caught.value.code == "BAD_ENDPOINT"
