"""The fuzzer runs, its inputs are made by their numbers alone, and what it once found stays mended."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random

import pytest

from danelaw.core.dnssec.anchors import read_anchors
from danelaw.core.model import DanelawError
from danelaw.worlds.replay.rpl import UnsupportedError, read_scenario
from fuzz.__main__ import main, tried
from fuzz.grounds import NOW
from fuzz.harnesses import ANCHOR_TEXTS, HARNESSES


@pytest.mark.parametrize("name", HARNESSES)
def test_each_harness_runs_and_finds_nothing(name: str) -> None:
    """Two seconds of CPU time in all, or one input of each."""
    until = time.process_time() + 2 / len(HARNESSES)
    number = 0
    while number == 0 or time.process_time() < until:
        assert tried(HARNESSES[name], f"smoke/{name}/{number}") == ""
        number += 1


@pytest.mark.parametrize("name", HARNESSES)
def test_the_seed_makes_the_input(name: str) -> None:
    told = [[HARNESSES[name](source(seed)) for seed in range(5)] for _ in range(2)]
    assert told[0] == told[1]


def source(seed: int) -> Random:
    return Random(str(seed))  # noqa: S311  # chance that can be had again


def fails(random: Random) -> str:
    raise KeyError(random.random())


def hangs(random: Random) -> str:
    while True:
        pass


def test_what_is_found_is_told_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in HARNESSES:
        monkeypatch.setitem(HARNESSES, name, fails)
    monkeypatch.setattr(
        sys, "argv", ["fuzz", "--seed", "x", "--harness", "told", "--only", "7", "--findings", str(tmp_path)]
    )
    assert main() == 1
    kept = (tmp_path / "x-told-7.txt").read_text(encoding="utf-8")
    assert kept.startswith("python -m fuzz --seed x --harness told --only 7\n")
    assert "KeyError" in kept
    assert "--seed x --harness told --only 7" in capsys.readouterr().err


def test_an_input_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.__main__.MOST_SECONDS", 0.05)
    assert "TooSlowError" in tried(hangs, "any")


def test_anchors_with_characters_that_cannot_be_written_are_refused() -> None:
    with pytest.raises(DanelawError, match="cannot be read"):
        read_anchors(ANCHOR_TEXTS[3].replace("K", "\ud800"), NOW)


def test_a_scenario_with_a_date_beyond_all_fields_is_refused() -> None:
    rrsig = "a. 60 IN RRSIG A 13 1 60 99991231000000 20260101000000 1 a. AAAA"
    head = "CONFIG_END\nSCENARIO_BEGIN x\nRANGE_BEGIN 0 9\nENTRY_BEGIN\nREPLY QR\nSECTION QUESTION\na. IN A\n"
    with pytest.raises(UnsupportedError):
        read_scenario(f"{head}SECTION ANSWER\n{rrsig}\nENTRY_END\nRANGE_END\nSCENARIO_END\n")


@pytest.mark.parametrize(
    "text",
    [
        "stub-zone:\n  name: a..b\nCONFIG_END\n",
        f"val-nsec3-keysize-iterations: 1 {'9' * 4500}\nCONFIG_END\n",
        f"val-override-date: {'9' * 40}\nCONFIG_END\n",
        f"CONFIG_END\nSCENARIO_BEGIN x\nSTEP {'9' * 4500} QUERY\n",
        "CONFIG_END\nSCENARIO_BEGIN x\nRANGE_BEGIN 0 9\nENTRY_BEGIN\n$ORIGIN a..b\nENTRY_END\n",
    ],
)
def test_settings_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(UnsupportedError):
        read_scenario(text)
