"""What all tests share: programs of the system that a test calls, and what a skipped test means."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")  # whatever else holds here, such as in CI: a busy machine is no finding

# What is ignored here is ignored by the programs that tests start, as under nohup, or in the background of a shell.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

TEST_PACKAGES = Path(__file__).parent.parent / "tools" / "test-packages.txt"
MORE_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # on Debian only root has these in PATH


def find_program(name: str) -> str | None:
    """Where a program is, also where an unprivileged user's PATH does not reach. A full path may be any file's."""
    if name.startswith("/"):
        return name if Path(name).is_file() else None
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *MORE_PATH])
    return shutil.which(name, path=path)


@pytest.fixture
def require_program() -> Callable[..., str]:
    """``require_program("dnssec-verify", package="bind9-utils")``: its path, or the test is skipped.

    The pair must be listed in tools/test-packages.txt, so that ``make test`` can install it.
    """

    def require(name: str, *, package: str) -> str:
        lines = (line.split() for line in TEST_PACKAGES.read_text(encoding="utf-8").splitlines())
        if not any(words[:1] == [package] and name in words[1:] for words in lines):
            pytest.fail(f"{name} of {package} is not listed in tools/test-packages.txt", pytrace=False)
        found = find_program(name)
        if found is None:
            pytest.skip(f"{name} is not installed (Debian package {package})")
        return found

    return require


def skips_fail() -> bool:
    """Where CI is set, everything must run: a skipped test has proved nothing."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def _reason(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and skips_fail():
        report.outcome = "failed"
        report.longrepr = f"{_reason(report.longrepr)}; with CI set a skip is a failure"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and skips_fail():
        report.outcome = "failed"
        report.longrepr = f"{_reason(report.longrepr)}; with CI set a skip is a failure"
    return report
