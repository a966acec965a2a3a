"""The mutants, by room: a table for each lists them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final


@dataclass(frozen=True)
class Mutant:
    """``file`` is below src/danelaw; ``text`` stands there just once."""

    name: str
    file: str
    text: str
    instead: str

    def path(self, sources: Path) -> Path:
        return sources / "danelaw" / self.file

    def fits(self, sources: Path) -> bool:
        return self.path(sources).read_text(encoding="utf-8").count(self.text) == 1

    def apply(self, sources: Path) -> None:
        """Raises ``ValueError`` if the text is not there just once: the sources have gone on without this table."""
        path = self.path(sources)
        source = path.read_text(encoding="utf-8")
        if source.count(self.text) != 1:
            raise ValueError(f"{self.name}: in {self.file} this stands {source.count(self.text)} times: {self.text}")
        path.write_text(source.replace(self.text, self.instead), encoding="utf-8")


@dataclass(frozen=True)
class Room:
    """What is mutated together, and the tests that are to notice: the fast ones first.

    ``folder``: below src/danelaw, where the files of the table are. ``unless``: tests that fail for other reasons.
    """

    table: str
    folder: str
    tests: tuple[str, ...]
    unless: tuple[str, ...] = ()

    @cached_property
    def mutants(self) -> tuple[Mutant, ...]:
        rules = tomllib.loads(Path(__file__).with_name(self.table).read_text(encoding="utf-8"))
        return tuple(
            Mutant(**rule | {"file": str(PurePosixPath(self.folder) / rule["file"])}) for rule in rules["mutant"]
        )


VALIDATOR: Final = Room(
    table="rules.toml",
    folder="core/dnssec",
    tests=(
        "tests/unit/test_validate_*.py",
        "tests/unit/test_dnssec_[ckn]*.py",
        "tests/unit/test_message_*.py",
        "tests/unit/test_fault_garden.py",
        "tests/property/test_validate_bit_flips.py",
        "tests/property/test_denials_are_sound.py",
        "tests/property/test_validate_lies.py",
    ),
)
ROLLOVER: Final = Room(
    table="rollover.toml",
    folder=".",
    tests=(
        "tests/unit/test_rollover_*.py",
        "tests/property/test_rollover_*.py",
        "tests/property/test_facts_fold.py",
        "tests/scenarios/test_how_others_got_hurt.py",
        "tests/scenarios/test_hosts.py",
        "tests/scenarios/test_[!hkn]*.py",
        "tests/scenarios/test_[kn]*.py",
    ),
    unless=("tests/scenarios/test_planted_faults.py::test_a_planted_fault_is_caught",),
)
"""A fault beside the planted one may well hide it: that says nothing of either."""

ROOMS: Final = (ROLLOVER, VALIDATOR)
MUTANTS: Final = tuple(mutant for room in ROOMS for mutant in room.mutants)
