"""Each scenario file tells what must come of it; all of them are played, and are what their stories write."""

from __future__ import annotations

from pathlib import Path

import pytest

from danelaw.core.dnssec.authenticate import Verifier
from danelaw.worlds.replay import read_scenario, replay
from told.stories import SCENARIOS, STORIES

FILES = sorted(SCENARIOS.glob("*.rpl"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_scenario_says_comes_true(path: Path) -> None:
    differences = replay(read_scenario(path.read_text(encoding="utf-8")))
    assert not differences, "\n".join(map(str, differences))


def test_every_story_has_its_file_and_every_file_its_story() -> None:
    assert {path.stem for path in FILES} == set(STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_a_story_told_again_is_the_same_to_the_last_byte(name: str) -> None:
    assert STORIES[name]().text() == (SCENARIOS / f"{name}.rpl").read_text(encoding="utf-8")


def test_without_signatures_that_verify_nothing_is_secure() -> None:
    """The files' checks are not vacuous: with cryptography that always says no, each that expects AD differs."""
    deaf = Verifier(signature=lambda rrsig, rrset, key: False)
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if " AD NO" in text or " AD NX" in text:
            assert replay(read_scenario(text), verifier=deaf), path.name
