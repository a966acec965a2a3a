"""README.md shows what the program does today: its scenes, its commands, its make targets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from danelaw.faces.cli import COMMANDS
from danelaw.worlds.lab import play
from danelaw.worlds.lab.play import Scene

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
SCENES: Final = tuple(scene for scene in vars(play).values() if isinstance(scene, Scene))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.key)
def test_every_scene_of_the_demo_is_in_the_output_shown(scene: Scene) -> None:
    assert re.search(rf"^\d  {re.escape(scene.title)}$", README, flags=re.MULTILINE)


def test_every_command_is_spoken_of() -> None:
    assert [command for command in COMMANDS if f"`danelaw {command}`" not in README] == []


def test_no_command_is_spoken_of_that_is_not_there() -> None:
    assert set(re.findall(r"`danelaw (\w+)", README)) <= set(COMMANDS)


def test_make_knows_every_target_spoken_of() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", README, flags=re.MULTILINE)) <= targets


def test_what_is_shown_of_the_demo_fits_a_terminal() -> None:
    (shown,) = re.findall(r"^```\n(Let's Encrypt.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    assert max(map(len, shown.splitlines())) <= 80
