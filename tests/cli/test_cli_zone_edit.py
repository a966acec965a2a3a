"""``danelaw zone add`` and ``danelaw zone remove`` as an operator types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.edit import CLOSING, OPENING
from danelaw.adapters.zone.key_directory import KSK_FLAGS
from danelaw.adapters.zone.rdata_text import record_text
from danelaw.core.dnssec.zone_check import zone_faults
from zone_operator import SOURCE, ZONE, Operator, named

pytestmark = pytest.mark.slow

SIGNED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
DIGEST = "0123456789abcdef" * 4
TLSA = ("_443._tcp.www", "TLSA", "3", "1", "1", DIGEST)


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Operator:
    """One who has signed the zone."""
    found = Operator.at(tmp_path, monkeypatch, capfd)
    found.make_keys(KSK_FLAGS)
    assert found.sign().status == 0
    return found


# -- add ----------------------------------------------------------------------------------------------------------


def test_a_tlsa_record_is_added_signed_and_shown(operator: Operator) -> None:
    said = operator.add(*TLSA)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(
        "added\n"
        f"  _443._tcp.www.example.net. 3600 IN TLSA 3 1 1 {DIGEST}\n"
        "example.net. signed, serial 2026112301, was 2026112300\n"
        "  file       zone.signed\n"
    )
    rrset = operator.served()[named("_443._tcp.www"), T.TLSA]
    assert rrset.rdatas == {bytes.fromhex(f"030101{DIGEST}")}
    assert rrset.rrsigs


def test_it_goes_into_a_block_of_its_own_and_nothing_else_changes(operator: Operator) -> None:
    operator.add(*TLSA)
    record = f"_443._tcp.www.example.net. 3600 IN TLSA 3 1 1 {DIGEST}\n"
    assert operator.source == SOURCE.replace("2016122202", "2026112301") + OPENING + record + CLOSING


def test_a_record_that_is_there_is_not_added_again(operator: Operator) -> None:
    operator.add(*TLSA)
    files = operator.files()
    said = operator.add("_443._TCP.WWW.example.net", "tlsa", "3 1 1", DIGEST.upper())
    assert said.status == 0
    assert said.out.startswith(
        "there already, so nothing is added\n"
        f"  _443._tcp.www.example.net. 3600 IN TLSA 3 1 1 {DIGEST}\n"
        "example.net. unchanged, serial 2026112301: every signature is good\n"
    )
    assert operator.files() == files


@pytest.mark.parametrize(
    ("typed", "owner", "record"),
    [
        (["new", "A", "192.0.2.9"], "new", "A 192.0.2.9"),
        (["new.example.net", "A", "192.0.2.9"], "new", "A 192.0.2.9"),
        (["new.example.net.", "A", "192.0.2.9"], "new", "A 192.0.2.9"),
        (["NEW", "a", "192.0.2.9"], "new", "A 192.0.2.9"),
        (["*", "AAAA", "2001:db8::9"], "*", "AAAA 2001:db8::9"),
        (["@", "CAA", "0", "issue", "letsencrypt.org"], "@", 'CAA 0 issue "letsencrypt.org"'),
        (["@", "CAA", '0 issue "letsencrypt.org"'], "@", 'CAA 0 issue "letsencrypt.org"'),
        (["@", "CAA", "0", "issue", "ca.example; a=1"], "@", 'CAA 0 issue "ca.example; a=1"'),
        (["alias", "CNAME", "www"], "alias", "CNAME www.example.net."),
        (["alias", "CNAME", "www.example.net"], "alias", "CNAME www.example.net."),
        (["alias", "CNAME", "www.example.org."], "alias", "CNAME www.example.org."),
        (["sub", "MX", "10 mail"], "sub", "MX 10 mail.example.net."),
        (["_imap._tcp", "SRV", "0", "5", "143", "mail"], "_imap._tcp", "SRV 0 5 143 mail.example.net."),
        (["_dmarc", "TXT", "v=DMARC1; p=none"], "_dmarc", 'TXT "v=DMARC1; p=none"'),
        (["two", "TXT", "one and", "two"], "two", 'TXT "one and" "two"'),
        (["two", "TXT", '"one and" "two"'], "two", 'TXT "one and" "two"'),
        (["long", "TXT", "x" * 300], "long", f'TXT "{"x" * 255}" "{"x" * 45}"'),
        (["none", "TXT", ""], "none", 'TXT ""'),
        (["bücher", "A", "192.0.2.9"], "xn--bcher-kva", "A 192.0.2.9"),
        (["odd", "TYPE65280", r"\#", "2", "abcd"], "odd", r"TYPE65280 \# 2 abcd"),
        (["sub", "DS", "12345 13 2", DIGEST], "sub", None),
    ],
)
def test_records_are_read_as_people_type_them(
    operator: Operator, typed: list[str], owner: str, record: str | None
) -> None:
    if record is None:  # a DS stands at a delegation alone
        operator.add("sub", "NS", "ns1.example.org.")
        record = f"DS 12345 13 2 {DIGEST}"
    said = operator.add(*typed)
    assert said.status == 0, said.err
    type = T.from_text(typed[1].upper())
    rrset = operator.served()[named(owner), type]
    assert [record_text(type, rdata) for rdata in rrset.rdatas] == [record]
    assert not list(zone_faults(ZONE, operator.served().values(), SIGNED_AT))


@pytest.mark.parametrize(
    ("typed", "ttl"),
    [([], 3600), (["--ttl", "300"], 300), (["--ttl", "1h30m"], 5400)],
    ids=["none", "seconds", "units"],
)
def test_the_ttl_is_the_one_given_or_that_of_the_zone(operator: Operator, typed: list[str], ttl: int) -> None:
    assert operator.add("new", "A", "192.0.2.9", *typed).status == 0
    assert operator.served()[named("new"), T.A].ttl == ttl


def test_a_record_joins_others_with_their_ttl(operator: Operator) -> None:
    said = operator.add("www", "A", "192.0.2.81")
    assert "added\n  www.example.net. 300 IN A 192.0.2.80\n  www.example.net. 300 IN A 192.0.2.81\n" in said.out


def test_the_zone_stays_signed_as_it_was(operator: Operator) -> None:
    options = ["--nsec3", "--opt-out", "--zonemd", "--cds", "--validity", "30d"]
    operator.sign(*options)
    assert "kept their signatures\n" in operator.add(*TLSA).out
    told = json.loads(operator.remove("_443._tcp.www", "TLSA", "--json").out)
    assert (told["full"], told["validity"]) == (None, 30 * 86400)
    there = {type for _, type in operator.served()}
    assert {T.NSEC3, T.ZONEMD, T.CDS} <= there
    assert T.NSEC not in there


@pytest.mark.parametrize("state", [None, b"{}", b"\0"])
def test_without_word_of_the_last_signing_the_served_zone_shows_how_it_was(
    operator: Operator, state: bytes | None
) -> None:
    operator.sign("--nsec3", "--opt-out", "--zonemd")
    file = operator.folder / "zone.signed.danelaw-state"
    file.unlink()
    if state is not None:
        file.write_bytes(state)
    assert operator.add(*TLSA).status == 0
    served = operator.served()
    assert (ZONE, T.ZONEMD) in served
    assert {min(rrset.rdatas)[1] for (_, type), rrset in served.items() if type == T.NSEC3} == {1}


def test_a_zone_never_signed_is_signed_with_the_new_record_in_it(operator: Operator) -> None:
    for path in operator.folder.glob("zone.signed*"):
        path.unlink()
    assert "all anew   zone.signed is not there yet" in operator.add(*TLSA).out
    assert (named("_443._tcp.www"), T.TLSA) in operator.served()


def test_json_tells_the_record_and_the_signing(operator: Operator) -> None:
    told = json.loads(operator.add("new", "A", "192.0.2.9", "--json").out)
    assert told["schema"] == "danelaw/zone-edit/1"
    assert told["record"] == {
        "owner": "new.example.net.",
        "type": "A",
        "changed": True,
        "there_now": ["new.example.net. 3600 IN A 192.0.2.9"],
    }
    assert (told["changed"], told["serial"], told["served_before"]) == (True, 2026112301, 2026112300)


@pytest.mark.parametrize(
    ("typed", "code", "because"),
    [
        (["www.example.org.", "A", "192.0.2.9"], "ZONE_OUT_OF_ZONE", "www.example.org. is not in the zone"),
        (["www", "CNAME", "mail"], "ZONE_CNAME_CLASH", "it can have nothing else"),
        (["a..b", "A", "192.0.2.9"], "BAD_NAME", "a label is empty"),
        (["x" * 64, "A", "192.0.2.9"], "BAD_NAME", "longer than 63 octets"),
        (["new", "A", "192.0.2.300"], "BAD_RECORD", "expected an IPv4 address"),
        (["new", "A", "192.0.2.1", "192.0.2.2"], "BAD_RECORD", "expected the end of the record"),
        (["new", "A", "192.0.2.1 ; web"], "BAD_RECORD", "a remark has no place"),
        (["new", "MX", "mail"], "BAD_RECORD", "data of type MX are such as: 10 mail"),
        (["www", "TLSA", "3", "1", "1", "abcd"], "BAD_RECORD", "2 octets where the digest has 32"),
        (["www", "TLSA", "3", "1", "1", "xyz"], "BAD_RECORD", "expected hexadecimal digits"),
        (["www", "TLSA", "4", "1", "1", DIGEST], "BAD_RECORD", "certificate usage 4 is not assigned"),
        (["new", "AAA", "192.0.2.9"], "BAD_TYPE", "there is no type"),
        (["new", "ANY", "192.0.2.9"], "BAD_TYPE", "no type of records that zones hold"),
        (["@", "SOA", "ns1 h 1 1 1 1 1"], "BAD_TYPE", "a zone has one SOA record"),
        (["@", "DNSKEY", "257 3 13 AAAA"], "BAD_TYPE", "keys come from the key directory"),
        (["new", "A", "192.0.2.9", "--ttl", "soon"], "BAD_RECORD", "write seconds, or a time such as 1h30m"),
        (["www", "A", "192.0.2.9", "--ttl", "60"], "ZONE_EDIT_UNSAFE", "has a TTL of 300 s already"),
    ],
)
def test_what_cannot_be_added_is_told_and_nothing_is_written(
    operator: Operator, typed: list[str], code: str, because: str
) -> None:
    files = operator.files()
    said = operator.add(*typed)
    assert (said.status, said.out) == (2, "")
    assert f"[{code}]" in said.err
    assert because in said.err
    assert "hint: " in said.err
    assert operator.files() == files


# -- remove -------------------------------------------------------------------------------------------------------


def test_what_was_added_is_removed_and_the_file_is_as_it_was_but_for_the_serial(operator: Operator) -> None:
    operator.add(*TLSA)
    said = operator.remove(*TLSA)
    assert said.out.startswith(
        "removed\n"
        "  zone holds no _443._tcp.www.example.net. TLSA now\n"
        "example.net. signed, serial 2026112302, was 2026112301\n"
    )
    assert operator.source == SOURCE.replace("2016122202", "2026112302")
    assert (named("_443._tcp.www"), T.TLSA) not in operator.served()
    assert "went live" not in said.out


def test_only_what_else_was_edited_is_said_to_go_live(operator: Operator) -> None:
    operator.add(*TLSA)
    source = operator.folder / "zone"
    source.write_text(source.read_text().replace("; >>>", "new A 192.0.2.99\n; >>>"))
    assert "  went live  new.example.net. A\n" in operator.remove(*TLSA).out


def test_of_several_records_one_goes_or_all(operator: Operator) -> None:
    for last in ("81", "82"):
        operator.add("www", "A", f"192.0.2.{last}")
    said = operator.remove("www", "A", "192.0.2.81")
    assert "removed\n  www.example.net. 300 IN A 192.0.2.80\n  www.example.net. 300 IN A 192.0.2.82\n" in said.out
    assert "zone holds no www.example.net. A now" in operator.remove("www", "A").out


def test_a_line_of_the_operator_goes_whole_with_its_remark(operator: Operator) -> None:
    operator.remove("mail", "A")
    assert "in the cellar" not in operator.source
    assert (named("mail"), T.A) not in operator.served()


@pytest.mark.parametrize("typed", [["www", "TLSA"], ["www", "A", "192.0.2.99"], ["nowhere", "A"]])
def test_what_is_not_there_is_not_removed(operator: Operator, typed: list[str]) -> None:
    files = operator.files()
    said = operator.remove(*typed)
    assert said.status == 0
    assert said.out.startswith("not there, so nothing is removed\n")
    assert operator.files() == files


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (["@", "NS"], "ZONE_NO_NS"),
        (["@", "SOA"], "BAD_TYPE"),
        (["www.example.org.", "A"], "ZONE_OUT_OF_ZONE"),
        (["www", "A", "nonsense"], "BAD_RECORD"),
    ],
)
def test_what_cannot_be_removed_is_told_and_nothing_is_written(operator: Operator, typed: list[str], code: str) -> None:
    files = operator.files()
    said = operator.remove(*typed)
    assert (said.status, said.out) == (2, "")
    assert f"[{code}]" in said.err
    assert operator.files() == files


def test_with_a_configuration_it_is_signed_as_that_says(operator: Operator) -> None:
    (operator.folder / "danelaw.toml").write_text(
        '[publishers.net]\ntype = "zonefile"\nzone = "example.net"\nfile = "zone"\nkeys = "keys"\n'
        'reload = ["true"]\nnsec3 = true\n'
    )
    said = operator.run("zone", "add", "example.net", *TLSA, "--wait", "0")
    assert said.status == 0, said.err
    assert "all anew   its names are now chained by NSEC3 0 -, and were by plain NSEC" in said.out
