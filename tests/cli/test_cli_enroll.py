"""``danelaw enroll`` as a stranger types it: what is written is what is meant from where it is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOST = """
[resolver]
forwarders = ["127.0.0.1@9"]
[state]
store = "state/store.sqlite"
credentials = "state/credentials"
[issuers.own]
type = "selfsigned"
[publishers.example-net]
type = "manual"
zone = "example.net"
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A directory beside that of the configuration."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "danelaw.toml").write_text(HOST, encoding="utf-8")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def says(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "DANELAW_CONFIG"}
    argv = (
        sys.executable,
        "-m",
        "danelaw",
        "enroll",
        "www.example.net",
        "--config",
        "../etc/danelaw.toml",
        "--dry-run",
    )
    return subprocess.run(  # noqa: S603 - our own command
        (*argv, "--reload", "true", *words),
        cwd=folder,
        env=kept | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "directory"),
    [
        (("--directory", "live/www"), "elsewhere/live/www"),
        (("--directory", "{root}/live/www"), "live/www"),
        ((), "elsewhere/../etc/state/live/www.example.net"),
    ],
    ids=["from where it is typed", "as it is given", "beside the credentials"],
)
def test_a_relative_directory_is_from_where_it_is_typed(
    elsewhere: Path, options: tuple[str, ...], directory: str
) -> None:
    """In the file it would be from the configuration: somewhere else, and no server would find it there."""
    said = says(elsewhere, *(option.format(root=elsewhere.parent) for option in options))
    assert said.returncode == 0, said.stderr
    assert f'directory = "{elsewhere.parent / directory}"\n' in said.stdout


@pytest.mark.parametrize("given", ["", ".", "live/.."])
def test_what_is_no_name_of_a_directory_is_refused(elsewhere: Path, given: str) -> None:
    said = says(elsewhere, "--directory", given)
    assert said.returncode == 2
    assert "CONFIG_INVALID" in said.stderr


def test_that_nobody_answers_is_not_told_as_that_there_is_nothing(elsewhere: Path) -> None:
    told = " ".join(says(elsewhere).stdout.split())
    assert "notice example.net could not be looked up: NO_ANSWER" in told
    assert "notice the addresses of www.example.net could not be looked up" in told
    assert "no address" not in told
