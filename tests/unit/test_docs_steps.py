"""The page on rollovers shows what the code does today. ``python tests/rollover_pictures.py`` writes it anew."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from danelaw.core.rollover.steps import STEPS
from danelaw.core.rollover.succession import Strategy
from rollover_pictures import BLOCKS, FOLDER, PAGE, PICTURES, SLOW, block

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in BLOCKS])
def test_the_page_shows_what_the_code_says(name: str) -> None:
    assert block(PAGE.read_text(encoding="utf-8"), name) == BLOCKS[name]()


def test_the_page_has_no_block_that_nobody_makes() -> None:
    assert set(re.findall(r"<!-- made: (.*?) -->", PAGE.read_text(encoding="utf-8"))) == set(BLOCKS)


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_are_those_of_the_table(name: str) -> None:
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == PICTURES[name]()


@pytest.mark.parametrize("name", PICTURES)
def test_the_page_shows_every_picture_and_each_has_a_title(name: str) -> None:
    root = ElementTree.fromstring((FOLDER / f"{name}.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own picture
    assert root.find(f"{SVG}title") is not None
    assert f"]({name}.svg)" in PAGE.read_text(encoding="utf-8")


def test_the_picture_tells_of_every_step() -> None:
    root = ElementTree.fromstring(PICTURES["rollover-steps"]())  # noqa: S314 - our own picture
    told = "\n".join(text.text or "" for text in root.iter(f"{SVG}text"))
    for row in STEPS:
        assert row.step.value in told
        assert row.what in told
        assert row.trouble in told


def test_the_page_tells_of_every_strategy() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [s for s in Strategy if f"| `{s.value}`" not in page] == []
