"""The chain of trust as a tree for a terminal: in its columns, understood without colour, plain about what broke."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from chain_pictures import DOCUMENTED, NOW, OTHERS, expired, picture
from danelaw.core.model import Reason, Security, Validated
from danelaw.core.picture.seen import Picture
from danelaw.core.picture.tree import MARKS, tree
from fault_garden.damages import unsigned

ALL: Final = {**DOCUMENTED, **OTHERS}


def lines(drawn: Picture, *, plain: bool = False) -> list[str]:
    return [line.text for line in tree(drawn, plain=plain)]


def test_the_chain_is_told_from_the_trust_anchor_down() -> None:
    assert lines(picture("www A")) == [
        "✓ SECURE: www.example.net. A",
        "  Every link from the trust anchor to the answer holds.",
        "  Judged as of 2026-11-23 12:00:00 UTC.",
        "",
        "✓ . (the root)  SECURE",
        "│ ✓ trust anchor DS 9588  SHA-256 → key 9588",
        "│ ✓ CSK 9588  ECDSAP256SHA256, 256 bits",
        "│ ✓ DNSKEY, TTL 900, signed by key 9588, expires 2026-12-06, in 13 days",
        "└─✓ net.  SECURE",
        "  │ ✓ DS in ., TTL 900, signed by key 9588, expires 2026-12-06, in 13 days",
        "  │ ✓ DS 15965  SHA-256 → key 15965",
        "  │ ✓ CSK 15965  ECDSAP256SHA256, 256 bits",
        "  │ ✓ DNSKEY, TTL 900, signed by key 15965, expires 2026-12-06, in 13 days",
        "  └─✓ example.net.  SECURE",
        "    │ ✓ DS in net., TTL 900, signed by key 15965, expires 2026-12-06, in 13 days",
        "    │ ✓ DS 42549  SHA-256 → key 42549",
        "    │ ✓ ZSK 57300  ECDSAP256SHA256, 256 bits",
        "    │ ✓ KSK 42549  ECDSAP256SHA256, 256 bits",
        "    │ ✓ DNSKEY, TTL 600, signed by key 42549, expires 2026-12-06, in 13 days",
        "    └─✓ www.example.net. A  SECURE",
        "          192.0.2.80",
        "        ✓ TTL 600, signed by key 57300, expires 2026-12-06, in 13 days",
    ]


def test_the_broken_link_has_its_mark_its_word_its_reason_and_what_to_do() -> None:
    told = lines(picture("www A", expired))
    assert told[0] == "✗ BOGUS: www.example.net. A"
    at = next(i for i, line in enumerate(told) if "✗ BOGUS SIGNATURE_EXPIRED (RFC 4035 §5.3.1)" in line)
    assert "www.example.net. A: RRSIG A by example.net. key 57300" in told[at + 1]
    assert any("hint: sign the zone again" in line for line in told[at:])
    assert any("✗ TTL 600, signed by key 57300, expired 2026-10-24, 30 days ago" in line for line in told)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("insecure", "no DS: the name exists without such records"),
        ("insecure", "○ INSECURE INSECURE_DELEGATION (RFC 4035 §5.2)"),
        ("ds-mismatch", "✗ DS 42548  SHA-256: DS_MISMATCH"),
        ("nsec3-denial", "nope.example.net. A is not there  SECURE"),
        ("nsec3-denial", "no A: neither the name nor a wildcard for it exists"),
        ("alias", "1. away.example.net. CNAME  SECURE"),
        ("alias", "→ leads to www.safe.org."),
        ("alias", "2. www.safe.org. A  SECURE"),
        ("secure-tlsa", "matches at 192.0.2.80: 3 1 1 8d02536c887482bc…, depth 0, CN: www.example.net"),
        ("wildcard", "expanded from *.wild.example.net."),
        ("rolled", "· DNSKEY, TTL 600, signed by key 42549, expires 2026-12-06, in 13 days (not needed)"),
        ("swept", "✗ example.net. SOA: they differ"),
        ("swept", "192.0.2.12 ns.example.net.: serial 6"),
        ("swept", "192.0.2.2 net.: TIMEOUT"),
        ("opt-out", "(opt-out)"),
    ],
)
def test_what_is_told(name: str, expected: str) -> None:
    told = " ".join(line.strip("│ └├─") if "│" in line else line.strip() for line in lines(ALL[name]()))
    assert expected in told


@pytest.mark.parametrize("name", ALL)
def test_lines_fit_eighty_columns(name: str) -> None:
    assert max(map(len, lines(ALL[name]()))) <= 80


@pytest.mark.parametrize("name", ALL)
def test_where_only_ascii_can_be_shown_nothing_else_is(name: str) -> None:
    told = lines(ALL[name](), plain=True)
    assert all(line.isascii() and (line.isprintable() or not line) for line in told)
    assert any(ALL[name]().answer.state.value.upper() in line for line in told)


@pytest.mark.parametrize("name", ALL)
def test_every_colour_has_its_mark(name: str) -> None:
    """The first line of whatever has a state shows it by a character as well."""
    drawn = tree(ALL[name]())
    for before, line in zip(("", *(line.text for line in drawn)), drawn, strict=False):
        goes_on = line.text.strip("│ ") == line.text.strip("│ ").lstrip("".join(filter(None, MARKS.values())))
        if line.state is not None and not goes_on:
            assert MARKS[line.state] in line.text, before


def test_a_reason_is_told_once_and_pointed_to_after_that() -> None:
    told = lines(DOCUMENTED["ds-mismatch"]())
    assert sum("BOGUS DS_MISMATCH" in line for line in told) == 1
    assert any("✗ BOGUS: see DS_MISMATCH above" in line for line in told)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("example.net. DNSKEY", "✗ DNSKEY, TTL 600, without a signature"),
        ("www A", "✗ TTL 600, without a signature"),
    ],
)
def test_a_missing_signature_is_marked_where_it_is_missing(where: str, line: str) -> None:
    told = lines(picture("www A", unsigned(where)))
    assert [one.strip("│ ") for one in told if "without a signature" in one] == [line]


def test_what_did_not_decide_is_told_at_the_end() -> None:
    drawn = picture("www A")
    note = Reason("SIGNATURE_INVALID", "RFC 4035 §5.3.3", "www.example.net. A", "RRSIG A by example.net. key 1")
    told = lines(replace(drawn, answer=replace(drawn.answer, notes=(note,))))
    at = told.index("What was wrong and did not decide:")
    assert told[at + 1].startswith("  · SIGNATURE_INVALID")


def test_without_a_proof_the_reasons_are_told() -> None:
    answer = picture("www A").answer
    reason = Reason("WORK_LIMIT", "RFC 4035 §5.4", "www.example.net. A")
    told = lines(Picture(Validated(answer.name, 1, Security.BOGUS, reasons=(reason,))))
    assert "✗ BOGUS WORK_LIMIT (RFC 4035 §5.4)" in told


def test_control_characters_are_not_obeyed() -> None:
    drawn = picture("www A")
    note = Reason("X", "\x1b[31m", "\u202e", "\x00")
    told = "".join(lines(replace(drawn, answer=replace(drawn.answer, notes=(note,)))))
    assert told.isprintable()


def test_dates_are_those_of_the_instant_of_judgement() -> None:
    later = picture("www A", now=NOW.replace(day=25))
    assert any("expires 2026-12-06, in 11 days" in line for line in lines(later))
