"""docs/rfc-coverage.toml says of each RFC section that the code cites how far it is followed: it must not fall behind.

Where the texts of the RFCs are at hand (``DANELAW_RFC_TEXTS`` names a folder of ``rfcNNNN.txt``), the ledger's section
numbers and titles are compared with them too.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
LEDGER: Final = ROOT / "docs" / "rfc-coverage.toml"
STATUSES: Final = {"yes", "partial", "no", "later"}
TEXTS: Final = os.environ.get("DANELAW_RFC_TEXTS", "")

TOKEN: Final = re.compile(r"RFC\s+(?P<rfc>\d{3,5})|§(?P<section>\d+(?:\.\d+)*)|appendix (?P<appendix>[A-Z](?:\.\d+)*)")
OTHER_FORMS: Final = re.compile(r"RFC-?\d(?!22Name)|RFC\s+\d+,?\s+[Ss]ec(?:tion|\.)|[Ss]ection \d[\d.]* of RFC")


def citations(text: str) -> Iterator[tuple[str, str]]:
    """(RFC number, section) of every citation; section "" where a whole document is meant.

    Sections belong to the RFC that was named last: ``RFC 4035 §5.2, §5.3`` cites two.
    """
    rfc, cited = "", True
    for token in TOKEN.finditer(text):
        if token["rfc"]:
            if not cited:
                yield rfc, ""
            rfc, cited = token["rfc"], False
        else:
            yield rfc, token["section"] or f"appendix {token['appendix']}"
            cited = True
    if not cited:
        yield rfc, ""


def cited_in_code() -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted((ROOT / "src").rglob("*.py")):
        for citation in citations(path.read_text(encoding="utf-8")):
            found[citation].append(str(path.relative_to(ROOT)))
    return found


def ledger() -> dict[str, Any]:
    return tomllib.loads(LEDGER.read_text(encoding="utf-8"))


def sections() -> Iterator[tuple[str, str, dict[str, str]]]:
    for rfc, entry in ledger().items():
        for number, section in entry.get("sections", {}).items():
            yield rfc, number, section


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RFC 7671 §5.1", [("7671", "5.1")]),
        ("(RFC 4035 §5.2, §5.3.1).", [("4035", "5.2"), ("4035", "5.3.1")]),
        ("(RFC 4034 §2, appendix B; B.1 for", [("4034", "2"), ("4034", "appendix B")]),
        ("RFC 1035 §4, RFC 6891.", [("1035", "4"), ("6891", "")]),
        ("RFC 8555 §8.3), the TXT value for dns-01\n    (§8.4)", [("8555", "8.3"), ("8555", "8.4")]),
        ("as RFC\n    7671 §9 says", [("7671", "9")]),
    ],
)
def test_a_citation_is_read_as_a_person_reads_it(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(citations(text)) == expected


def test_every_rfc_that_the_code_names_is_in_the_ledger() -> None:
    known = ledger()
    missing = {f"RFC {rfc}": files[0] for (rfc, _), files in cited_in_code().items() if f"rfc{rfc}" not in known}
    assert not missing


def test_every_section_that_the_code_cites_is_in_the_ledger() -> None:
    known = {(rfc.removeprefix("rfc"), number) for rfc, number, _ in sections()}
    missing = {
        f"RFC {rfc} §{section}": files[0]
        for (rfc, section), files in cited_in_code().items()
        if section and (rfc, section) not in known
    }
    assert not missing


def test_no_code_cites_a_section_that_is_not_followed() -> None:
    cited = cited_in_code()
    contradicted = {
        f"{rfc} §{number}": cited[rfc.removeprefix("rfc"), number]
        for rfc, number, section in sections()
        if section["status"] == "no" and (rfc.removeprefix("rfc"), number) in cited
    }
    assert not contradicted


def test_what_is_claimed_is_cited_where_it_is_done() -> None:
    cited = cited_in_code()
    unfounded = [
        f"{rfc} §{number}"
        for rfc, number, section in sections()
        if section["status"] in ("yes", "partial") and (rfc.removeprefix("rfc"), number) not in cited
    ]
    assert not unfounded


def test_whatever_is_not_followed_wholly_says_what_is_missing() -> None:
    for rfc, number, section in sections():
        assert section["status"] in STATUSES, f"{rfc} §{number}"
        assert section["title"], f"{rfc} §{number} has no title"
        assert section["status"] == "yes" or section.get("note"), f"{rfc} §{number} is {section['status']}: why?"


def test_citations_have_one_form() -> None:
    odd = {
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in sorted((ROOT / "src").rglob("*.py"))
        for found in OTHER_FORMS.finditer(path.read_text(encoding="utf-8"))
    }
    assert not odd


if TEXTS:

    def test_sections_have_the_numbers_and_titles_that_the_texts_give_them() -> None:
        texts = Path(TEXTS)
        wrong = [
            f"{rfc} §{number}: {section['title']!r}"
            for rfc, number, section in sections()
            if (texts / f"{rfc}.txt").exists()
            and section["title"] != title_in((texts / f"{rfc}.txt").read_text(encoding="utf-8"), number)
        ]
        assert not wrong


def title_in(text: str, number: str) -> str | None:
    """The heading of a section, put together where it goes over two lines. Headings stand at the left margin."""
    wanted = number
    if number.startswith("appendix"):
        wanted = number.removeprefix("appendix ") if "." in number else number.replace("appendix", "Appendix")
    heading = re.compile(rf"{re.escape(wanted)}(?:\.  ?| - | {{2}}) *(\S.*)$")
    lines = iter(text.splitlines())
    for line in lines:
        if found := heading.match(line):
            more = takewhile(bool, (following.strip() for following in lines))
            return " ".join([found.group(1).strip(), *more])
    return None
