"""The tables of docs/divergences.md about verifiers of DANE: which cases each of their rows is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agreement.cases import Case
from agreement.chains import MISNAMED

DOCUMENT: Final = Path(__file__).parent.parent.parent / "docs" / "divergences.md"
OF_CLIENTS: Final = "## Clients of DANE"
"""Where they judge otherwise than the RFCs have it."""
OF_PROFILES: Final = "## What the profiles of clients leave out"
"""Where they judge otherwise than the profile that is made after them."""
OF_STRICT: Final = "## What the strict rule lets pass"
"""Where they refuse what a publisher may think that every client accepts."""
COLUMNS: Final = ["verifier", "chain", "records", "Danelaw", "it", "decided by", "why"]
ANY: Final = "any"
WRONG_NAMES: Final = "any with another name"


@dataclass(frozen=True)
class Row:
    """Cells with several entries have semicolons between them. In records ``x`` stands for any number.

    A row with chains by name says that each of its records alone, with each of its chains, is judged so. One about
    ``any`` chain only says that where a case is judged so, this is why.
    """

    verifiers: tuple[str, ...]
    chains: tuple[str, ...]
    records: tuple[str, ...]
    ours: str
    theirs: str
    decided_by: str
    why: str

    @property
    def exact(self) -> bool:
        return not {ANY, WRONG_NAMES} & set(self.chains)

    def about(self, case: Case) -> bool:
        """Whether a case is one of this row's: by its chain, and by all of its records or one of them."""
        return self.about_chain(case.presented.name) and any(is_about(said, case.text) for said in self.records)

    def about_all(self, case: Case) -> bool:
        """Whether no other records stand beside those that the row is about: then it must be so."""
        return self.about(case) and (case.single or case.text in self.records)

    def about_chain(self, name: str) -> bool:
        return name in self.chains or ANY in self.chains or (WRONG_NAMES in self.chains and name in MISNAMED)


def is_about(said: str, text: str) -> bool:
    """Whether one entry of the records' cell is an RRset, or one of its records."""
    return said == text or any(_fits(one.split(), said.split()) for one in text.split(", "))


def _fits(words: list[str], pattern: list[str]) -> bool:
    return len(words) == len(pattern) and all(p in ("x", w) for w, p in zip(words, pattern, strict=True))


def listed(title: str) -> list[Row]:
    """The rows of one of the tables."""
    section = DOCUMENT.read_text(encoding="utf-8").split(title + "\n")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    assert lines[0] == COLUMNS
    return [_row(cells) for cells in lines[2:]]


def _row(cells: list[str]) -> Row:
    verifiers, chains, records = (tuple(map(str.strip, cell.split(";"))) for cell in cells[:3])
    return Row(verifiers, chains, records, *cells[3:])


@dataclass(frozen=True)
class Difference:
    """One case that somebody judges otherwise than we do, and both words with their reasons."""

    verifier: str
    case: Case
    ours: str
    theirs: str
    said: str


def unlisted(differences: Iterable[Difference], rows: Iterable[Row]) -> list[str]:
    """What no row is about."""
    kept = list(rows)
    return [
        f"{one.verifier}, {one.case.presented.name}, {one.case.text}: Danelaw {one.ours}, it {one.theirs} ({one.said})"
        for one in differences
        if not any(_tells_of(row, one) for row in kept)
    ]


def _tells_of(row: Row, one: Difference) -> bool:
    words = (one.ours, one.theirs) == (row.ours, row.theirs)
    return words and one.verifier in row.verifiers and row.about(one.case)


def stale(verifier: str, asked: Sequence[Case], differences: Iterable[Difference], rows: Iterable[Row]) -> list[str]:
    """What rows say of this verifier, and it is not so."""
    differ = {one.case.name: one for one in differences if one.verifier == verifier}
    found = []
    for row in rows:
        if verifier not in row.verifiers:
            continue
        mine = [case for case in asked if row.about_all(case)]
        so = [case for case in mine if case.name in differ and _tells_of(row, differ[case.name])]
        if not so:
            found.append(f"{verifier}, {'; '.join(row.chains)}, {'; '.join(row.records)}: never")
        elif row.exact:
            found += [f"{verifier}, {case.presented.name}, {case.text}: no more" for case in mine if case not in so]
            chains = set(row.chains) - {case.presented.name for case in so}
            found += [f"{verifier}, {name}: no such case" for name in sorted(chains)]
    return found
