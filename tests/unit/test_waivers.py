"""Whoever waives a check says which one, and why, in the same comment."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted(path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py"))

WAIVER = re.compile(r"\bnoqa\b|\btype:\s*ignore\b")
NOQA = re.compile(r"\bnoqa:\s*[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*")
IGNORE = re.compile(r"\btype:\s*ignore\[[a-z0-9, -]+\]")
REASON = re.compile(r"[^\W\d_]{2,}\W+[^\W\d_]{2,}|\blikewise\b")  # two words, or the waiver above has them


def unexplained(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every waiver without a code, or without a reason of a few words."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or not WAIVER.search(token.string):
            continue
        rest = IGNORE.sub("", NOQA.sub("", token.string))
        if WAIVER.search(rest) or not REASON.search(rest):
            yield token.start[0], token.string


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_waiver_is_explained(path: Path) -> None:
    assert list(unexplained(path.read_text(encoding="utf-8"))) == []


# The marks are put together here, so that no tool takes these lines for waivers of this file.
MARK, QUIET = "# no" + "qa", "# ty" + "pe: ignore"


@pytest.mark.parametrize(
    "comment",
    [
        MARK,
        f"{MARK}: S603",
        f"{MARK}: S603, S607",
        f"{MARK}: S603 - why",
        f"{MARK} - the arguments are our own",
        QUIET,
        f"{QUIET}[no-any-return]",
        f"{QUIET}[attr-defined]  # untyped",
        f"{QUIET}  # the library has no types",
        f"{QUIET}[misc]  {MARK}",
    ],
)
def test_a_bare_waiver_is_found(comment: str) -> None:
    assert list(unexplained(f"x = 1  {comment}\n")) == [(1, comment)]


@pytest.mark.parametrize(
    "line",
    [
        f"x = 1  {MARK}: S603 - the arguments are our own",
        f"x = 1  {MARK}: S603, S607  # the arguments are our own",
        f"x = 1  {QUIET}[no-any-return]  # the library has no types",
        f"x = 1  {QUIET}[misc]  {MARK}: N802 - named by the base class",
        f"x = 1  {MARK}: N811  # likewise",
        f"x = '{MARK}'",
        "x = 1  # a plain remark",
    ],
)
def test_an_explained_waiver_passes(line: str) -> None:
    assert list(unexplained(line + "\n")) == []
