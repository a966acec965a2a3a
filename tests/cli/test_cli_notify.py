"""Who is told by ``danelaw run``: what goes wrong on a host of the embedded world, once, and that it is over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from runner_world import Host, living

pytestmark = pytest.mark.slow

WIDE: Final = {"gap_passes": 1000}
"""What was seen vouches for minutes here, however slow the machine."""


def configured(host: Host, folder: Path) -> None:
    program = folder / "told"
    program.write_text(f'#!/bin/sh\ncat >> "{folder}/heard"\n', encoding="utf-8")
    program.chmod(0o700)
    text = host.config.read_text(encoding="utf-8")
    ways = f'[notify.me]\ntype = "command"\ncommand = ["{program}"]\nafter = 0\n'
    ways += f'[notify.nobody]\ntype = "command"\ncommand = ["{folder}/nowhere"]\nafter = 0\n'
    metrics = f'[metrics]\ntextfile = "{folder}/danelaw.prom"\n'
    host.config.write_text(f"{text}\n{ways}{metrics}", encoding="utf-8")


def heard(folder: Path) -> list[Any]:
    """Every notice so far."""
    path = folder / "heard"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [notice for line in lines for notice in json.loads(line)["notices"]]


def test_trouble_is_told_once_and_its_end_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with living(tmp_path, monkeypatch, capfd, limits=WIDE) as host:
        configured(host, tmp_path)
        tried = host.run("run", "--test-notifications")
        assert tried.status == 1
        assert "me: has taken a test" in tried.out
        assert "nobody: has not taken a test" in tried.err
        assert [one["moment"] for one in heard(tmp_path)] == ["test"]

        assert host.run("run", "--wait", "300").status == 0
        assert len(heard(tmp_path)) == 1, "all is well"
        page = (tmp_path / "danelaw.prom").read_text(encoding="utf-8")
        assert 'danelaw_subject_state{subject="dotnxdomain.net.",state="settled"} 1' in page

        text = host.config.read_text(encoding="utf-8")
        host.config.write_text(text.replace("forwarders = [", 'forwarders = ["127.0.0.1@1"] #'), encoding="utf-8")
        first = host.run("run", "--wait", "0")
        begun = heard(tmp_path)[1:]
        assert {one["moment"] for one in begun} == {"begins"}
        assert {one["subject"] for one in begun} == {"dotnxdomain.net.", "www.dotnxdomain.net:443/tcp"}
        assert "nobody is told by [notify.nobody]" in first.err

        again = host.run("run", "--wait", "0")
        assert heard(tmp_path)[1:] == begun, "it is told once"
        assert "[notify.nobody]" not in again.err, "and so is that a way fails"
        assert "notify.nobody" in host.run("status").out
        page = (tmp_path / "danelaw.prom").read_text(encoding="utf-8")
        assert 'danelaw_notify_failing{way="nobody"} 1' in page
        assert page.count("danelaw_subject_trouble{") == len(begun)

        host.config.write_text(text, encoding="utf-8")
        host.run("run", "--wait", "300")
        over = heard(tmp_path)[1 + len(begun) :]
        assert {one["moment"] for one in over} == {"ends"}
        assert {(one["subject"], one["code"]) for one in over} == {(one["subject"], one["code"]) for one in begun}
