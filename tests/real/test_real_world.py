"""The world on real servers: what it does by itself, that it is shut off, how it ends, and the whole play in it."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces, programs

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(400)]

STANDING: Final = Path(__file__).with_name("standing_world.py")
LAB: Final = (sys.executable, "-m", "danelaw", "lab", "--real")
MARK: Final = "DANELAW_TEST_MARK"
PROMISE: Final = 5.0
"""Seconds within which it ends, whatever it was doing."""
TRIES: Final = 3
SIGNALS: Final = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def scenes() -> list[str]:
    """The functions of the script that stand in a world and look."""
    tree = ast.parse(STANDING.read_text("utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.AsyncFunctionDef)]
    return [node.name for node in found if ast.unparse(node.args) == "world: RealWorld" and node.name != "standing"]


@pytest.fixture(autouse=True)
def _possible(require_program: Callable[..., str]) -> None:
    for program, package in programs.PACKAGES.items():
        require_program(program, package=package)
    for program in ("delv", "dig", "nsupdate"):
        require_program(program, package="bind9-dnsutils")
    try:
        namespaces.run(("true",), programs.find())
    except DanelawError as error:
        if error.code != "NAMESPACES_FORBIDDEN":
            raise
        pytest.skip(f"{error}: {error.evidence}")


class Lab:
    """Processes with a mark, by which whatever they leave behind is known."""

    def __init__(self, temporary: Path) -> None:
        self.temporary = temporary
        self.mark = str(uuid.uuid4())
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *argv: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603  # programs of this package and of its tests
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {MARK: self.mark, "TMPDIR": str(self.temporary), "COLUMNS": "80"},
            start_new_session=True,
            preexec_fn=_hear_ctrl_c,
        )
        self._started.append(process)
        return process

    def left(self) -> list[str]:
        """The command lines of the processes with the mark."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_text("utf-8").replace("\0", " "))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it has ended meanwhile, or is somebody else's
        return found

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


def _hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    started = Lab(tmp_path)
    yield started
    started.close()


def up(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n", process.communicate()


@pytest.mark.parametrize("name", scenes())
def test_in_a_world_that_stands(lab: Lab, name: str) -> None:
    process = lab.start(sys.executable, str(STANDING), name)
    out, err = process.communicate(timeout=300)
    if name == "a_server_that_dies_ends_the_world_with_its_log":
        assert process.returncode == 1
        assert err.startswith("named for dotnxdomain.net. died with status -9 [SERVER_FAILED]")
        assert "loaded serial 2016122202" in err
    else:
        assert process.returncode == 0, out + err
        assert err == ""
    assert lab.left() == []


def test_two_worlds_stand_side_by_side_and_nothing_outside_changes(lab: Lab) -> None:
    def outside() -> tuple[str, str, str, list[str]]:
        found = programs.find()
        return (
            subprocess.check_output((found["ip"], "-brief", "address"), text=True),  # noqa: S603  # no shell
            Path("/proc/self/mountinfo").read_text("utf-8"),
            Path("/etc/resolv.conf").read_text("utf-8"),
            sorted(path.name for path in namespaces.RUN.iterdir()),
        )

    before = outside()
    worlds = [lab.start(sys.executable, str(STANDING), "standing") for _ in range(2)]
    for world in worlds:
        up(world)
    assert outside() == before
    for world in worlds:
        out, err = world.communicate("\n", timeout=60)
        assert (world.returncode, out, err) == (0, "", "")
    assert lab.left() == []
    assert outside() == before


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_interrupted_while_it_plays(lab: Lab, number: signal.Signals) -> None:
    """Within ``PROMISE``. A busy machine only ever adds to what an end takes, so the shortest of a few counts."""
    took: list[float] = []
    while len(took) < TRIES and (not took or took[-1] >= PROMISE):
        process = lab.start(*LAB)
        assert process.stderr is not None
        assert any("1  DNSSEC" in line for line in process.stderr)
        process.send_signal(number)
        began = time.monotonic()
        out, err = process.communicate(timeout=60)
        took.append(time.monotonic() - began)
        assert (process.returncode, out) == (130, "")
        assert err.endswith("interrupted\n")
        assert "Traceback" not in err
        assert lab.left() == []
        assert list(lab.temporary.iterdir()) == []
    assert min(took) < PROMISE, took


def test_interrupted_as_soon_as_it_has_started(lab: Lab) -> None:
    process = lab.start(*LAB)
    while not any(str(namespaces.OUTSIDE) in _environment(pid) for pid in _children(process.pid)):
        assert process.poll() is None
        os.sched_yield()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "Traceback" not in err
    assert lab.left() == []


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()


def _environment(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.mark.parametrize("victim", ["the outermost", "the innermost"])
def test_killed_it_leaves_nothing(lab: Lab, victim: str) -> None:
    process = lab.start(sys.executable, str(STANDING), "standing")
    up(process)
    (unshare,) = _children(process.pid)
    (inner,) = _children(int(unshare))
    assert len(lab.left()) > 8
    os.kill(process.pid if victim == "the outermost" else int(inner), signal.SIGKILL)
    assert process.wait(timeout=60) != 0
    while lab.left():  # bounded by the test's timeout: the kernel ends them one after the other
        os.sched_yield()


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which

    def without(name: str, mode: int = os.F_OK | os.X_OK, path: str | None = None) -> str | None:
        return None if name in ("nsd", "nsd-control", "pebble") else which(name, mode, path)

    monkeypatch.setattr(shutil, "which", without)
    with pytest.raises(DanelawError) as caught:
        programs.find()
    assert caught.value.code == "PROGRAM_MISSING"
    assert "nsd, nsd-control, pebble" in str(caught.value)
    assert caught.value.hint == "apt-get install --no-install-recommends nsd pebble"


def test_where_namespaces_are_forbidden_that_is_said(tmp_path: Path) -> None:
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho unshare failed: Operation not permitted >&2; exit 1\n", "ascii")
    refusing.chmod(0o755)
    with pytest.raises(DanelawError) as caught:
        namespaces.run(("true",), {**programs.find(), "unshare": str(refusing)})
    assert caught.value.code == "NAMESPACES_FORBIDDEN"
    assert "not permitted" in caught.value.evidence


def test_outside_is_not_taken_for_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not namespaces.inside()
    here = " ".join(str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in namespaces.KINDS)
    monkeypatch.setenv(namespaces.OUTSIDE, here)
    assert not namespaces.inside(), "the variable of somebody who is inside, set outside"


def test_only_real_servers_take_updates(lab: Lab) -> None:
    process = lab.start(sys.executable, "-m", "danelaw", "lab", "--publisher", "rfc2136")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "--publisher needs --real" in err


def test_the_files_made_are_not_lost_with_the_world(lab: Lab) -> None:
    process = lab.start(*LAB, "--artifacts", str(namespaces.RUN / "danelaw-lab-test"))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "ARTIFACTS_UNWRITABLE" in err


def test_under_nohup_it_goes_on(lab: Lab) -> None:
    process = lab.start("nohup", *LAB)
    assert process.stderr is not None
    assert any("1  DNSSEC" in line for line in process.stderr)
    process.send_signal(signal.SIGHUP)
    assert any("hand over DS" in line for line in process.stderr), "ten seconds later"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130


def test_the_whole_play_on_a_zone_that_bind_signs(lab: Lab) -> None:
    """That of a zone in a file is played in ``test_real_scenes``, before the scenes."""
    process = lab.start(*LAB, "--json", "--publisher", "rfc2136")
    out, err = process.communicate(timeout=380)
    assert process.returncode == 0, out + err
    result = json.loads(out)
    assert result["runs"]["staged"]["refused"] == 0
    assert result["runs"]["staged"]["connections"] > 100
    assert result["runs"]["naive"]["refused"] > 0
    assert lab.left() == []
