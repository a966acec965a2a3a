"""Whatever breaks during a roll on real servers, nobody is refused and the roll ends once the fault is gone; a renewal
that is staged without a look at the secondary refuses for as long as that hangs behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces, programs
from danelaw.worlds.lab.real.scenes import BLIND, FAULTS, KILLED

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(900)]

LAB: Final = (sys.executable, "-m", "danelaw", "lab", "--real", "--scenes", "--json")
OURS: Final = (*(fault.scene.key for fault in FAULTS), "restored", KILLED.key, "blind-after")


@pytest.fixture(autouse=True)
def _possible(require_program: Callable[..., str]) -> None:
    for program, package in programs.PACKAGES.items():
        require_program(program, package=package)
    try:
        namespaces.run(("true",), programs.find())
    except DanelawError as error:
        if error.code != "NAMESPACES_FORBIDDEN":
            raise
        pytest.skip(f"{error}: {error.evidence}")


def test_the_article_and_every_scene_beside_it(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603  # a program of this package
        (*LAB, "--artifacts", str(tmp_path)), capture_output=True, text=True, check=False, timeout=880
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    scenes: dict[str, Any] = result["scenes"]
    assert result == {k: v for k, v in json.loads((tmp_path / "report.json").read_text()).items() if k != "limits"}
    for key in OURS:
        assert (scenes[key]["refused"], scenes[key]["accepted"] > 100) == (0, True), (key, scenes[key])
    for key in OURS[:-1]:  # after the blind operator there is nothing to roll
        assert {oracle: said["refused"] for oracle, said in scenes[key]["oracles"].items()} == dict.fromkeys(
            ("ldns-dane", "openssl", "danetool"), 0
        )
        took = [step["action"] for step in result["steps"] if step["scene"] == key]
        assert key == KILLED.key or {"MakeKey", "Publish", "Switch", "DestroyKey"} <= set(took), (key, took)
    assert (result["runs"]["staged"]["refused"], result["runs"]["staged"]["connections"] > 100) == (0, True)
    assert result["runs"]["naive"]["refused"] > 0
    (deaths,) = (int(other["did"].split()[0]) for other in result["others"] if other["who"] == "killed")
    assert deaths > 20
    assert scenes[BLIND.key]["refused"] > 0
    assert scenes[BLIND.key]["seconds_refused"] > 5  # half of the ten that the secondary stays frozen after the switch


def test_scenes_are_for_real_servers_only() -> None:
    done = subprocess.run(  # a program of this package
        (sys.executable, "-m", "danelaw", "lab", "--scenes"), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--scenes needs --real" in done.stderr
