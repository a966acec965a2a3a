"""The table of mutants is about the sources as they are. Whether each is noticed, ``make prove`` tells."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mutation.explored import EXPLORED
from mutation.mutants import MUTANTS, Mutant

SOURCES = Path(__file__).parents[2] / "src"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_of_a_mutant_stands_once_in_its_file(mutant: Mutant) -> None:
    assert mutant.fits(SOURCES), f"{mutant.file} has changed: mend or retire this mutant"
    assert mutant.text != mutant.instead


def test_what_is_explored_with_a_mutant_has_one() -> None:
    assert set(EXPLORED) <= {mutant.name for mutant in MUTANTS}


def test_no_two_mutants_are_alike() -> None:
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []
    assert [one for one, count in Counter((m.file, m.text, m.instead) for m in MUTANTS).items() if count > 1] == []


def test_a_stale_mutant_is_refused(tmp_path: Path) -> None:
    mutant = Mutant("gone", "a.py", "if rule:", "if False:")
    file = mutant.path(tmp_path)
    file.parent.mkdir(parents=True)
    file.write_text("pass\n", encoding="utf-8")
    with pytest.raises(ValueError, match="stands 0 times"):
        mutant.apply(tmp_path)
    file.write_text("if rule: pass\n", encoding="utf-8")
    mutant.apply(tmp_path)
    assert file.read_text(encoding="utf-8") == "if False: pass\n"
