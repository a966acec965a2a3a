"""``danelaw run``, ``plan``, ``status`` and ``history`` as a stranger meets them: mistakes, and what is told then."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ("run", "plan", "status", "history")
ZONE = """
[resolver]
forwarders = ["127.0.0.1@9"]
[state]
store = "state/store.sqlite"
credentials = "credentials"
[publishers.example-net]
type = "manual"
zone = "example.net"
"""


def says(folder: Path, *words: str, **streams: int) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "DANELAW_CONFIG"}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "danelaw", *words],
        cwd=folder,
        env=kept | {"COLUMNS": "80"},
        text=True,
        timeout=110,
        check=False,
        stdout=streams.get("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_configuration_it_says_where_it_looked(tmp_path: Path, command: str) -> None:
    if Path("/etc/danelaw/danelaw.toml").exists():
        pytest.skip("this machine has a configuration")
    said = says(tmp_path, command)
    assert (said.returncode, said.stdout) == (2, "")
    assert "CONFIG_MISSING" in said.stderr
    assert "hint: name it with --config" in said.stderr


def test_a_configuration_of_nothing_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "danelaw.toml").write_text("", encoding="utf-8")
    said = says(tmp_path, "run")
    assert (said.returncode, said.stdout) == (2, "")
    assert "CONFIG_EMPTY" in said.stderr
    assert "services.d" in said.stderr


@pytest.mark.parametrize(
    ("typed", "hint"), [("exmaple.net", "did you mean example.net?"), ("nothing-like-it", "as it is listed here")]
)
def test_a_name_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path, typed: str, hint: str) -> None:
    (tmp_path / "danelaw.toml").write_text(ZONE, encoding="utf-8")
    said = says(tmp_path, "status", typed)
    assert (said.returncode, said.stdout) == (2, "")
    assert "SERVICE_UNKNOWN" in said.stderr
    assert "it has example.net." in said.stderr
    assert hint in said.stderr


@pytest.mark.parametrize("command", ["status", "history", "run"])
def test_a_store_that_is_none_is_told_of_once(tmp_path: Path, command: str) -> None:
    (tmp_path / "danelaw.toml").write_text(ZONE, encoding="utf-8")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "store.sqlite").write_text("this is no database, but text" * 99, encoding="utf-8")
    said = says(tmp_path, command)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.count("STORE_DAMAGED") == 1
    assert "hint: " in said.stderr
    assert "Traceback" not in said.stderr


def test_what_cannot_be_written_is_said_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "danelaw.toml").write_text(ZONE, encoding="utf-8")
    with Path(os.devnull).open(encoding="utf-8") as closed:  # for reading: nothing can be written there
        said = says(tmp_path, "run", stdout=closed.fileno())
    assert said.returncode == 2
    assert "OUTPUT_UNWRITABLE" in said.stderr
    assert not (tmp_path / "state").exists()
