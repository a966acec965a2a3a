"""``danelaw run`` on a host of the embedded world, with a store that lasts: from files to a served, protected host."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from runner_world import Host, living

pytestmark = pytest.mark.slow

ZONE = "dotnxdomain.net."
SERVICE = "www.dotnxdomain.net:443/tcp"
WIDE: Final = {"gap_passes": 1000}
"""What was seen vouches for minutes here, however slow the machine."""


def fits(text: str) -> bool:
    return all(len(line) <= 80 for line in text.splitlines())


def of(document: Any, subject: str) -> Any:
    (found,) = [one for one in document["subjects"] if one["subject"] == subject]
    return found


def test_a_host_is_enrolled_by_files_then_kept_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The whole life of a host: each command in its turn, one world for all."""
    with living(tmp_path, monkeypatch, capfd, limits=WIDE) as host:
        nothing_is_known(host, tmp_path)
        plan_changes_nothing(host, tmp_path)
        all_is_settled_in_one_run(host)
        what_was_done_is_told(host)
        a_certificate_is_renewed_by_a_daemon(host, tmp_path)
        only_one_runs_at_a_time(host, tmp_path)


def nothing_is_known(host: Host, folder: Path) -> None:
    said = host.run("status")
    assert (said.status, said.err) == (3, "")
    assert said.out.count("not looked at yet") == 2
    assert "danelaw run" in said.out
    assert host.run("history").status == 0
    assert not (folder / "state").exists(), "whoever reads makes no store"


def plan_changes_nothing(host: Host, folder: Path) -> None:
    said = host.run("plan", "--json")
    assert (of(said.json, ZONE)["action"], of(said.json, ZONE)["gate"]["allowed"]) == ("MakeZoneKeys", True)
    assert of(said.json, SERVICE)["action"] == "MakeKey"
    assert not (folder / "state").exists()
    assert list(host.world.keys.iterdir()) == []


def all_is_settled_in_one_run(host: Host) -> None:
    said = host.run("run", "--wait", "300")
    assert said.status == 0, said.out + said.err
    assert said.out.endswith("2 settled\n")
    assert fits(said.out + said.err)
    acts = [verb.strip() for verb in re.findall(r"^\d\d:\d\d:\d\d  (.{12}) ", said.out, flags=re.MULTILINE)]
    assert [verb for verb in acts if verb in ("make keys", "sign zone", "hand over DS", "publish")] == [
        "make keys", "sign zone", "hand over DS", "publish",
    ]  # fmt: skip
    status = host.run("status")
    assert status.status == 0, status.out
    assert status.out.splitlines()[0] == f"{ZONE}  settled"
    assert f"{SERVICE}  settled" in status.out
    assert fits(status.out)
    told = of(host.run("status", "www", "--json").json, SERVICE)
    assert (told["state"], told["security"], told["trouble"], told["violations"]) == ("settled", "secure", [], [])
    assert [one["generation"] for one in told["presented"]] == [1, 1]
    (published,) = told["published"]
    assert (published["type"], published["everywhere"], len(published["records"])) == ("TLSA", True, 1)
    assert of(host.run("plan", "--json").json, SERVICE)["kind"] == "settled"


def what_was_done_is_told(host: Host) -> None:
    said = host.run("history", "--json")
    done = [event["action"] for event in said.json["events"] if event["kind"] == "Done" and event["ok"]]
    assert done[0] == "MakeZoneKeys"
    for action in ("SignZone", "AdvanceOrder", "Switch", "SubmitDS", "Publish"):
        assert action in done
    assert done.index("Switch") < done.index("Publish"), "a first record comes after the switch"
    assert [event["number"] for event in said.json["events"]] == sorted(e["number"] for e in said.json["events"])
    lines = host.run("history", ZONE)
    assert "hand over DS" in lines.out
    assert "www" not in lines.out
    assert fits(lines.out)
    (last,) = host.run("history", "--json", "--limit", "1").json["events"]
    assert last == said.json["events"][-1]
    seen = host.run("history", "--json", "--seen", "--limit", "10000").json["events"]
    before = [event["kind"] for event in seen[: [event.get("action") for event in seen].index("SubmitDS")]]
    assert {"Sight", "Roster", "ZoneKeys", "Judged"} <= set(before)
    assert host.run("history", "--since", "2100-01-01T00:00:00Z", "--json").json["events"] == []


def a_certificate_is_renewed_by_a_daemon(host: Host, folder: Path) -> None:
    """It hears SIGHUP and ends with SIGTERM, each when something is seen to have happened."""
    host.ask(host.world.suggest_renewal)
    main = host.config.read_text(encoding="utf-8")
    lock = folder / "state" / "store.sqlite.runner"

    def operate() -> None:
        until(lambda: len(host.world.ca.issued) > 1)
        begun = lock.stat().st_mtime_ns
        host.config.write_text("[resolver", encoding="utf-8")
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: lock.stat().st_mtime_ns != begun)
        os.kill(os.getpid(), signal.SIGTERM)

    operator = threading.Thread(target=operate)
    operator.start()
    said = host.run("run", "--watch", "--json")
    operator.join(60)
    host.config.write_text(main, encoding="utf-8")
    assert said.status == 0
    assert "CONFIG_SYNTAX" in said.err
    assert "the configuration stays as it was" in said.err
    passes = [json.loads(line) for line in said.out.splitlines()]
    assert {one["schema"] for one in passes} == {"danelaw/run/1"}
    assert any(one.get("action") == "AdvanceOrder" and one["outcome"]["ok"] for one in passes)
    assert host.run("run", "-q", "--wait", "300").status == 0
    assert [one["generation"] for one in of(host.run("status", "--json").json, SERVICE)["certificates"]] == [2]


def only_one_runs_at_a_time(host: Host, folder: Path) -> None:
    from danelaw import wiring
    from danelaw.app.config import load

    with wiring.only_runner(load(host.config), "danelaw run --watch"):
        said = host.run("run")
        assert said.status == 3
        assert "RUNNER_BUSY" in said.err
        assert f"danelaw run --watch, process {os.getpid()}" in said.err
        assert host.run("status").status in (0, 1)
    assert (folder / "state" / "store.sqlite.runner").stat().st_mode & 0o777 == 0o600


def until(holds: Callable[[], bool]) -> None:
    """Another thread looks again and again, for a minute at most."""
    looked = threading.Event()
    for _ in range(6000):
        if holds():
            return
        looked.wait(0.01)
    raise AssertionError("it never came about")
