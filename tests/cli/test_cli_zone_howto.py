"""The how-to on zones in files: every command in it does what the page says, in its order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from zone_operator import SOURCE, Operator

PAGE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "sign-a-zone-in-a-file.md"


def commands() -> list[list[str]]:
    """Those in the blocks of the page, cron's and systemd's too."""
    blocks = re.findall(r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    found = [match.group(1) for line in lines if (match := re.search(r"\bdanelaw (zone [^>]*)", line))]
    return [shlex.split(line) for line in found]


def test_the_page_shows_the_commands_that_it_is_about() -> None:
    shown = [words[1] for words in commands()]
    assert shown == ["keygen", "sign", "sign", "ds", "add", "remove", "sign", "sign", "roll"]


def test_the_commands_do_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    operator = Operator.at(tmp_path, monkeypatch, capfd)
    (tmp_path / "zone").rename(tmp_path / "example.net.zone")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "rndc").write_text('#!/bin/sh\necho "$@" >>rndc.said\n')
    (programs / "rndc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")

    for words in commands():
        more = {"ds": ["--offline"], "keygen": [], "roll": []}.get(words[1], ["--wait", "0"])
        said = operator.run(*words, *more)
        assert said.status == 0, said.err
    assert (tmp_path / "rndc.said").read_text() == "reload example.net\n" * 5
    source = (tmp_path / "example.net.zone").read_text()
    assert re.sub(r"\d{10} ; serial", "2016122202 ; serial", source) == SOURCE
    assert operator.run("zone", "verify", "example.net", "--file", "example.net.zone.signed").status == 0


def test_without_the_options_the_configuration_of_the_page_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    operator = Operator.at(tmp_path, monkeypatch, capfd)
    (toml,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "danelaw.toml").write_text(
        toml.replace("/etc/bind", str(tmp_path)).replace("example.net.zone", "zone").replace('"rndc"', '"true"')
    )
    assert operator.run("zone", "keygen", "example.net", "--keys", "keys").status == 0
    assert operator.run("zone", "sign", "example.net", "--wait", "0").status == 0
    assert operator.run("zone", "add", "example.net", "new", "A", "192.0.2.9", "--wait", "0").status == 0
    assert b"\nnew.example.net. " in (tmp_path / "zone.signed").read_bytes()
