"""Stories: scenario files that are played by the real engine in virtual time, and end as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from danelaw.faces.cli.simulation import SimulatedCompany
from danelaw.worlds.sim.scenario import read, write
from danelaw.worlds.sim.scenario_play import play

pytestmark = pytest.mark.slow

STORIES = sorted((Path(__file__).parent / "stories").glob("*.toml"))


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_a_story_ends_as_it_says(story: Path) -> None:
    assert play(read(story.read_text(), story.name), SimulatedCompany).unmet == ()


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_a_story_that_is_written_again_is_the_same(story: Path) -> None:
    scenario = read(story.read_text(), story.name)
    assert read(write(scenario)) == scenario
