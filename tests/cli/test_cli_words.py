"""What an operator says, on a host of the embedded world: a service enrolled, words to a daemon, DANE withdrawn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

import pytest
from runner_world import Host, living

pytestmark = pytest.mark.slow

DANELAW = Path(sys.executable).parent / "danelaw"
SERVICE: Final = "www.dotnxdomain.net:443/tcp"
WIDE: Final = {"gap_passes": 1000}


def fits(text: str, *, but: Path | None = None) -> bool:
    """``but``: a folder of ours, whose name is longer than those of others."""
    shown = text.replace(str(but), "/etc") if but is not None else text
    return all(len(line) <= 80 for line in shown.splitlines())


def typed(host: Host, *words: str) -> Any:
    """What an operator types at another terminal, as JSON. It needs the store and the configuration alone."""
    said = subprocess.run(  # noqa: S603 - our own command
        [DANELAW, *words, "--config", host.config, "--json"], capture_output=True, text=True, timeout=110, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr
    return json.loads(said.stdout)


def status(host: Host) -> Any:
    said = subprocess.run(  # noqa: S603 - our own command
        [DANELAW, "status", "www", "--config", host.config, "--json"], capture_output=True, text=True, timeout=110,
        check=False,
    )  # fmt: skip
    (found,) = json.loads(said.stdout)["subjects"]
    return found


def until(holds: Any) -> None:
    looked = threading.Event()
    for _ in range(600):
        if holds():
            return
        looked.wait(0.1)
    raise AssertionError("it never came about")


def test_a_service_is_enrolled_by_one_command_and_begun_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with living(tmp_path, monkeypatch, capfd, limits=WIDE) as host:
        (before,) = (host.config.parent / "services.d").glob("*.toml")
        before.unlink()
        reload = " ".join(host.world.reload_web)
        words = ["enroll", "www.dotnxdomain.net", "--directory", str(host.world.live), "--reload", reload]
        shown = host.run(*words, "--dry-run")
        assert shown.status == 0
        assert "dotnxdomain.net is not secure yet" in " ".join(shown.out.split())
        assert not before.exists()
        assert host.run("run", "-q", "--wait", "300").status == 0
        said = host.run(*words)
        assert said.status == 0, said.out + said.err
        assert f"{SERVICE}  enrolled" in said.out
        assert "is not secure" not in said.out
        assert said.out.endswith("1 settled\n")
        assert fits(said.out, but=tmp_path)
        text = before.read_text(encoding="utf-8")
        assert 'publisher = "zone"' in text, "the only zone above it"
        again = host.run(*words)
        assert (again.status, before.read_text(encoding="utf-8")) == (2, text)
        assert "SERVICE_FILE_EXISTS" in again.err
        assert sorted(path.name for path in before.parent.iterdir()) == [before.name]
        told = host.run("records", "www", "--json").json["records"]
        assert {one["whose"] for one in told} == {"ours"}
        assert sorted(one["serving"] for one in told) == [False, True], "the next key stands by"


def test_a_daemon_heeds_what_is_said_while_it_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever says something takes the lease from the pass that is on: that begins again, and the daemon goes on."""
    with living(tmp_path, monkeypatch, capfd, limits=WIDE) as host:
        assert host.run("run", "-q", "--wait", "300").status == 0
        ended: list[BaseException] = []

        def operate() -> None:
            try:
                words(host)
            except BaseException as error:  # noqa: BLE001 - it is raised again by the thread that can be asked
                ended.append(error)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        operator = threading.Thread(target=operate)
        operator.start()
        said = host.run("run", "--watch", "--json")
        operator.join(120)
        if ended:
            raise AssertionError(said.out + said.err) from ended[0]
        assert said.status == 0
        passes = [json.loads(line) for line in said.out.splitlines()]
        assert "LEASE_LOST" not in {one.get("code") for one in passes}
        done = [one["action"] for one in passes if one["kind"] == "action" and one["outcome"]["ok"]]
        assert done.count("Revoke") == 1
        assert done.index("Switch") < done.index("Revoke") < done.index("DestroyKey")
        assert len(host.ask(lambda: host.world.ca.revoked)) == 1
        history = host.run("history", "www", "--limit", "1000")
        for verb in ("paused", "resumed", "emergency", "revoke"):
            assert f"  {verb}: " in history.out
        assert fits(history.out)


def words(host: Host) -> None:
    paused = typed(host, "pause", "www", "--for", "2h", "--reason", "the server moves")
    assert paused["word"] == "pause"
    asked = typed(host, "roll", "www", "--emergency", "--yes")
    assert [(one["emergency"], one["recorded"]) for one in asked["requests"]] == [(True, True)]
    assert (asked["plan"]["kind"], asked["plan"]["code"]) == ("wait", "PAUSED")
    seen = status(host)["seen"]
    until(lambda: status(host)["seen"] > seen)
    there = status(host)
    assert (there["state"], there["paused"]["reason"]) == ("paused", "the server moves")
    assert [one["generation"] for one in there["presented"]] == [1, 1]
    typed(host, "resume", "www")
    assert not typed(host, "roll", "www", "--emergency", "--yes")["requests"][0]["recorded"], "it was asked for before"
    until(lambda: {one["generation"] for one in status(host)["presented"]} == {2})
    until(lambda: status(host)["state"] == "settled")


def test_a_service_is_left_without_dane_and_its_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with living(tmp_path, monkeypatch, capfd, limits=WIDE) as host:
        (file,) = (host.config.parent / "services.d").glob("*.toml")
        before = file.read_bytes()
        assert host.run("run", "-q", "--wait", "300").status == 0
        said = host.run("withdraw", "www")
        assert (said.status, said.err) == (0, ""), said.out + said.err
        assert file.read_bytes() != before
        assert fits(said.out, but=tmp_path)
        typing = host.run("withdraw", "www").out
        assert typing.index("danelaw run") < typing.index("danelaw accept"), "first the runner has to know"
        assert host.run("run", "www", "--wait", "0").status == 1
        refused = host.run("accept", "www", "KEY_IN_USE", "--for", "1h", "--reason", "x")
        assert (refused.status, "NEVER_ACCEPTED" in refused.err) == (2, True)
        assert "MANDATORY_CLIENTS" in host.run("accept", "www").out
        assert host.run("accept", "www", "MANDATORY_CLIENTS", "--for", "1h", "--reason", "a trial is over").status == 0
        assert host.run("run", "www", "--wait", "300").status == 0
        assert status(host)["published"][0]["records"] == []
        assert host.run("withdraw", "www", "--undo").status == 0
        assert file.read_bytes() == before
