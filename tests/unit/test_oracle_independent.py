"""The oracle judges by itself: it imports nothing of what it watches."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ORACLE = Path(__file__).parent.parent / "oracle"
ITS_OWN = {"oracle", "cryptography", "__future__"}
STANDARD = {"collections", "dataclasses", "datetime", "functools", "hashlib", "itertools", "typing"}


def imported(source: str) -> set[str]:
    """The first words of what is imported, wherever in the text; a dot for what is relative."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("file", sorted(ORACLE.glob("*.py")), ids=lambda file: file.name)
def test_the_oracle_shares_no_code_with_what_it_watches(file: Path) -> None:
    """Nothing of Danelaw, nor of the tests around it; and nothing that imports by name."""
    source = file.read_text(encoding="utf-8")
    assert imported(source) <= ITS_OWN | STANDARD
    assert "__import__" not in source


@pytest.mark.parametrize(
    "line", ["import danelaw.core.model", "def f():\n    from danelaw.core.tlsa import refused", "import importlib"]
)
def test_an_import_that_is_not_its_own_is_noticed(line: str) -> None:
    assert not imported(line) <= ITS_OWN | STANDARD
