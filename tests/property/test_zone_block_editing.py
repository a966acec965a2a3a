"""Whatever Danelaw publishes into a zone file, the operator's bytes stay, and what was published reads back."""

from __future__ import annotations

from pathlib import Path

import dns.name
from dns.name import Name
from hypothesis import given
from hypothesis import strategies as st

from danelaw.adapters.zone.edit import held, replace_rrset
from danelaw.adapters.zone.master_file import parse_zone, zone_text
from danelaw.core.model import Absence, Answer, DanelawError, RRset

APEX = dns.name.from_text("example.")
HEAD = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n"

owners = st.sampled_from(
    [Name([*labels, *APEX.labels]) for labels in ([b"_443", b"_tcp", b"www"], [b"a;\xe9 ("], [b"*"])]
)
types = st.sampled_from([1, 2, 6 + 10, 15, 33, 43, 52, 53, 257, 65280])
rrsets = st.builds(
    RRset, owners, types, st.integers(0, 2**31 - 1), st.frozensets(st.binary(max_size=40), min_size=1, max_size=3)
)
answers: st.SearchStrategy[Answer] = rrsets | st.builds(Absence, owners, types, st.just(60))

remarks = st.text(st.characters(codec="latin-1", exclude_characters="\n"), max_size=20).map(lambda text: f";{text}\n")
lines = st.sampled_from(
    ["\n", " \t\r\n", "www A 192.0.2.1\n", "ftp\t5 IN AAAA ( 2001:db8::1 ; x\n)\n", "mx MX 10 ns\n"]
)
files = st.lists(remarks.filter(lambda r: "danelaw" not in r) | lines, max_size=8).map(
    lambda some: HEAD + "".join(some)
)


@given(files, st.lists(answers, min_size=1, max_size=6))
def test_the_operators_bytes_stay_and_the_block_holds_what_was_published(text: str, changes: list[Answer]) -> None:
    source = parse_zone(text, Path("zone"), APEX)
    for change in changes:
        source = replace_rrset(source, change)
        assert source.text.startswith(text)
        now_held = held(source, change.owner, change.type)
        if isinstance(change, RRset):
            assert now_held == change
        else:
            assert isinstance(now_held, Absence)
    for owner, type in {(change.owner, change.type) for change in changes}:
        source = replace_rrset(source, Absence(owner, type, 60))
    assert source.text == text


@given(st.lists(rrsets, max_size=8))
def test_written_zones_read_back(content: list[RRset]) -> None:
    source = parse_zone(HEAD, Path("zone"), APEX)
    wanted = {(rrset.owner, rrset.type): rrset for rrset in content} | source.rrsets()
    assert parse_zone(zone_text(wanted.values(), "a test"), Path("zone"), APEX).rrsets() == wanted


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_zone(HEAD + text, Path("/nonexistent/zone"), APEX)
    except DanelawError as error:
        assert error.code.startswith("ZONE_")  # noqa: PT017 - being read is right as well
