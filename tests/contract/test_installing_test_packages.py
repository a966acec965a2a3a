"""tools/test-packages.sh: apt is called only as root and only for what is missing, and no daemon starts meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "tools" / "test-packages.sh"

FAKE_APT = """#!/bin/sh
echo "$*" >>"$SEEN/apt"
[ ! -x "$POLICY_RC_D" ] || "$POLICY_RC_D" || echo "policy $?" >>"$SEEN/apt"
case $APT in
fails) exit 100 ;;
is-stopped) kill -TERM $PPID ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as the script sees it: its own PATH, policy-rc.d, and a list with one package that nobody has."""

    path: Path

    @property
    def policy(self) -> Path:
        return self.path / "policy-rc.d"

    @property
    def apt_calls(self) -> list[str]:
        seen = self.path / "apt"
        return seen.read_text(encoding="utf-8").splitlines() if seen.exists() else []

    def run(self, *, uid: int = 0, apt: str = "works") -> subprocess.CompletedProcess[str]:
        self.program("id", f"#!/bin/sh\necho {uid}\n")
        return subprocess.run(  # noqa: S603 - our own script
            [self.path / "tools" / SCRIPT.name],
            env={
                **os.environ,
                "PATH": f"{self.path / 'bin'}:/usr/bin:/bin",
                "POLICY_RC_D": str(self.policy),
                "SEEN": str(self.path),
                "APT": apt,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def program(self, name: str, text: str) -> None:
        path = self.path / "bin" / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    (tmp_path / "tools").mkdir()
    shutil.copy(SCRIPT, tmp_path / "tools")
    (tmp_path / "tools" / "test-packages.txt").write_text(
        "# a remark\nhas-sh sh\nnobody-packs-this sh nobody-has-this\n", encoding="utf-8"
    )
    machine = Machine(tmp_path)
    machine.program("apt-get", FAKE_APT)
    return machine


def test_only_what_is_missing_is_installed_and_no_daemon_may_start(machine: Machine) -> None:
    assert machine.run().returncode == 0
    update, policy, install, policy_again = machine.apt_calls
    assert update == "-q update"
    assert install == "-q install -y --no-install-recommends nobody-packs-this"
    assert policy == policy_again == "policy 101"
    assert not machine.policy.exists()


def test_nothing_is_called_when_nothing_is_missing(machine: Machine) -> None:
    machine.program("nobody-has-this", "#!/bin/sh\n")
    result = machine.run()
    assert (result.returncode, result.stderr, machine.apt_calls) == (0, "", [])


def test_what_is_needed_may_be_a_file_that_nobody_runs(machine: Machine) -> None:
    needed = machine.path / "file"
    listed = machine.path / "tools" / "test-packages.txt"
    listed.write_text(f"nobody-packs-this {needed}\n", encoding="utf-8")
    machine.run()
    assert machine.apt_calls[-2].endswith("install -y --no-install-recommends nobody-packs-this")
    needed.touch()
    before = machine.apt_calls
    machine.run()
    assert machine.apt_calls == before


def test_without_root_it_says_what_will_be_skipped(machine: Machine) -> None:
    result = machine.run(uid=1000)
    assert result.returncode == 0
    assert "will be skipped: nobody-packs-this" in result.stderr
    assert "hint:" in result.stderr
    assert machine.apt_calls == []


def test_a_failing_apt_is_reported_and_the_policy_goes_away(machine: Machine) -> None:
    result = machine.run(apt="fails")
    assert "could not install: nobody-packs-this" in result.stderr
    assert not machine.policy.exists()


def test_stopped_on_the_way_the_policy_goes_away(machine: Machine) -> None:
    assert machine.run(apt="is-stopped").returncode == 128 + signal.SIGTERM
    assert "policy 101" in machine.apt_calls
    assert not machine.policy.exists()


def test_a_policy_that_was_there_stays(machine: Machine) -> None:
    machine.policy.write_text("#!/bin/sh\nexit 104\n", encoding="utf-8")
    machine.policy.chmod(0o755)
    machine.run()
    assert "policy 104" in machine.apt_calls
    assert machine.policy.exists()
