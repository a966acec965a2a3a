"""Whatever style a zone file is written in: what is edited changes, and no byte else, and no other record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T
from hypothesis import given
from hypothesis import strategies as st

from danelaw.adapters.zone.edit import CLOSING, OPENING, add_record, raise_serial, remove_records
from danelaw.adapters.zone.master_file import ZoneSource, parse_zone, read_zone, zone_text
from danelaw.core.model import DanelawError, RRset, serial_gt
from zone_styles import STYLES, files

APEX = dns.name.from_text("example.net.")
OURS = dns.name.from_text("_443._tcp.ours.example.net.")
NOW = datetime(2026, 11, 23, tzinfo=UTC)

Zone = dict[tuple[Name, int], RRset]
Edit = Callable[[ZoneSource], ZoneSource]


def but_soa(source: ZoneSource) -> Zone:
    return {key: rrset for key, rrset in source.rrsets().items() if key[1] != T.SOA}


def without_block(text: str) -> str:
    for ends in ("\n", "\r\n"):
        opening, closing = OPENING.replace("\n", ends), CLOSING.replace("\n", ends)
        if opening in text:
            before, _, rest = text.partition(opening)
            return before + rest.partition(closing)[2]
    return text


def adding(owner: Name, type: int, ttl: int | None, rdata: bytes) -> Edit:
    return lambda source: add_record(source, owner, type, ttl, rdata)


def removing(owner: Name, type: int, rdata: bytes | None) -> Edit:
    return lambda source: remove_records(source, owner, type, rdata)


def raising(source: ZoneSource) -> ZoneSource:
    raised = raise_serial(source, (), NOW)
    assert serial_gt(raised.serial, source.serial)
    at = next(index for index, pair in enumerate(zip(source.text, raised.text, strict=False)) if pair[0] != pair[1])
    token = next(token for token in source.soa.entry.tokens if token.at <= at < token.at + len(token.text))
    assert int(token.text) == source.serial
    assert raised.text == f"{source.text[: token.at]}{raised.serial}{source.text[token.at + len(token.text) :]}"
    assert but_soa(raised) == but_soa(source)
    return raised


owners = st.sampled_from([OURS, dns.name.from_text("other.example.net.")])
rdatas = st.sampled_from([b"\x03\x01\x01\x11", b"\x03\x01\x01\x22", b"\x02\x00\x01\x33"])
ours = st.builds(adding, owners, st.just(T.TLSA), st.none() | st.integers(0, 9), rdatas) | st.builds(
    removing, owners, st.just(T.TLSA), st.none() | rdatas
)


@pytest.fixture(scope="module", params=sorted(set(STYLES) - {"included files"}))
def styled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ZoneSource:
    folder = tmp_path_factory.mktemp("zone")
    for name, content in STYLES[request.param].items():
        (folder / name).write_bytes(content)
    return read_zone(folder / "zone", APEX)


@given(edits=st.lists(ours | st.just(raising), max_size=6))
def test_in_every_style_our_edits_leave_all_bytes_and_records_of_the_operator(
    styled: ZoneSource, edits: list[Edit]
) -> None:
    edited = styled
    for edit in edits:
        edited = edit(edited)
    mine = {key: rrset for key, rrset in but_soa(edited).items() if key[1] != T.TLSA or key[0] not in (OURS,)}
    theirs = {key: rrset for key, rrset in mine.items() if key[0] != dns.name.from_text("other.example.net.")}
    assert theirs == but_soa(styled)

    start = edited.soa.entry.tokens[edited.soa.rdata_at + 2].at
    was = styled.soa.entry.tokens[styled.soa.rdata_at + 2]
    now = edited.text[:start] + was.text + edited.text[start + len(str(edited.serial)) :]
    added_line_end = "" if styled.text.endswith("\n") else "\n"
    assert without_block(now) in (styled.text, styled.text + added_line_end)


@given(edits=st.lists(ours, max_size=6))
def test_doing_it_again_changes_nothing(edits: list[Edit]) -> None:
    source = parse_zone(STYLES["tabs"]["zone"].decode(), Path("zone"), APEX)
    for edit in edits:
        source = edit(source)
        assert edit(source) is source


def test_every_record_of_every_style_is_removed_alone_or_not_at_all(styled: ZoneSource) -> None:
    for record in styled.records:
        try:
            edited = remove_records(styled, record.owner, record.type, record.rdata)
        except DanelawError as error:
            assert error.code in {"ZONE_EDIT_UNSAFE", "ZONE_NO_SOA", "ZONE_NO_NS"}  # noqa: PT017 - that it is done is right as well
            continue
        assert len(edited.records) == len(styled.records) - 1
        start, end = record.entry.start, record.entry.end
        assert edited.text == styled.text[:start] + styled.text[end:]


# -- files made up -------------------------------------------------------------------------------------------------


@given(files(), st.lists(ours | st.just(raising), max_size=4))
def test_in_whatever_file_our_edits_leave_the_rest(text: str, edits: list[Edit]) -> None:
    source = edited = parse_zone(text, Path("zone"), APEX)
    for edit in edits:
        edited = edit(edited)
    left = {
        key: rrset for key, rrset in but_soa(edited).items() if key[0] != OURS and str(key[0]) != "other.example.net."
    }
    assert left == but_soa(source)
    written = zone_text(edited.rrsets().values(), "a test's")
    assert parse_zone(written, Path("zone"), APEX).rrsets() == edited.rrsets()


@given(files(), st.integers(0, 20))
def test_of_whatever_file_a_record_is_removed_alone_or_not_at_all(text: str, which: int) -> None:
    source = parse_zone(text, Path("zone"), APEX)
    record = source.records[which % len(source.records)]
    same = [r for r in source.records if (r.owner, r.type, r.rdata) == (record.owner, record.type, record.rdata)]
    try:
        edited = remove_records(source, record.owner, record.type, record.rdata)
    except DanelawError as error:
        assert error.code in {"ZONE_EDIT_UNSAFE", "ZONE_NO_SOA"}  # noqa: PT017 - that it is done is right as well
        return
    kept = text
    for entry in sorted({(r.entry.start, r.entry.end) for r in same}, reverse=True):
        kept = kept[: entry[0]] + kept[entry[1] :]
    assert edited.text == kept
    assert but_soa(edited).keys() <= but_soa(source).keys()


# -- nonsense ------------------------------------------------------------------------------------------------------

types = st.sampled_from([type.name.replace("_", "-") for type in T] + ["TYPE1", "TYPE65280", "$GENERATE", "$INCLUDE"])
words = st.sampled_from(
    ["0", "1", "-1", "4294967296", "a", ".", "..", "\\#", "\\", "\\999", '"', '""', "(", ")", "=", "-", "ab", "AAAA",
     "192.0.2.1", "::", "20261123000000", "9" * 5000, "$", "${0}", "1-3", "a=b", 'a="b"', "é", "\x00", "@", "N", "1.0m"]
) | st.text(st.characters(codec="latin-1"), max_size=6)  # fmt: skip


@given(
    st.lists(st.builds(lambda type, *rest: " ".join(["a", type, *rest]), types, words, words, words, words), max_size=4)
)
def test_whatever_stands_there_is_read_or_refused_with_its_place(lines: list[str]) -> None:
    text = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n" + "\n".join(lines)
    try:
        source = parse_zone(text, Path("/nonexistent/zone"), APEX)
    except DanelawError as error:
        assert error.message.startswith("/nonexistent/zone:")  # noqa: PT017 - being read is right as well
    else:
        assert parse_zone(zone_text(source.rrsets().values(), "x"), Path("zone"), APEX).rrsets() == source.rrsets()
