"""Zones get other keys on servers that people run, and no resolver, with or without a warm cache, finds them bogus."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from zone_rolls_eyes import KINDS
from zone_rolls_world import BOTH, MORE_PROGRAMS, NAIVE, ROLLS

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces, programs

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(600)]

PLAY: Final = Path(__file__).with_name("zone_rolls_play.py")
DS: Final = "hand over DS"
STEPS: Final = {
    "zsk.net": ["make key", *["sign zone"] * 3, "destroy key"],
    "ksk.net": ["make key", "sign zone", DS, "sign zone", "destroy key"],
    "csk.net": ["make key", "sign zone", DS, "sign zone", "destroy key"],
    "rsa.net": [*["make key"] * 2, *["sign zone"] * 2, DS, *["sign zone"] * 2, *["destroy key"] * 2],
    "both.net": ["make key", *["sign zone"] * 2, DS, *["sign zone"] * 2, "destroy key"],
}
"""As ``docs/explanation/zone-keys.md`` has them."""
LOOKERS: Final = ("warm 1", "warm 2", "fresh", "delv")


@pytest.fixture(autouse=True)
def _possible(require_program: Callable[..., str]) -> None:
    for program, package in {**programs.PACKAGES, **MORE_PROGRAMS}.items():
        require_program(program, package=package)
    try:
        namespaces.run(("true",), programs.find())
    except DanelawError as error:
        if error.code != "NAMESPACES_FORBIDDEN":
            raise
        pytest.skip(f"{error}: {error.evidence}")


def test_no_roll_is_seen_by_anybody_who_validates_and_a_careless_one_is() -> None:
    """ZSK, KSK, CSK, RSASHA256 to ECDSAP256SHA256; and ECDSAP256SHA256 to ED25519 while a service gets new keys."""
    done = subprocess.run((sys.executable, str(PLAY)), capture_output=True, text=True, check=False, timeout=580)  # noqa: S603  # our own script
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for label, steps in STEPS.items():
        assert told["failures"][label] == [], label
        did = told["rolls"][label]["did"]
        assert [one for n, one in enumerate(did) if one != DS or did[n - 1] != DS] == steps, (label, did)
        assert told["rolls"][label]["algorithms"] == ([15] if label == BOTH.label else [13])
        polls = told["polls"][label]
        assert {(who, what) for who in LOOKERS for what in KINDS} <= {tuple(key.split(", ")) for key in polls}
        assert min(count for key, count in polls.items() if key.startswith("warm")) > 40, polls
        assert min(polls.values()) > 5, polls
    assert set(STEPS) == {roll.label for roll in (*ROLLS, BOTH)}
    assert told["ds changes"] == dict.fromkeys(("ksk.net", "csk.net", "rsa.net", "both.net"), 1)
    assert told["rolls"][BOTH.label]["TLSA RRsets meanwhile"] > 1
    assert told["naive failures before"] == 0
    assert any("SERVFAIL" in failure for failure in told["failures"][NAIVE.label])
