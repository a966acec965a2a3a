"""A test that cannot run says why; where CI is set, that is a failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parent.parent / "conftest.py"

NEEDS_A_PROGRAM = """
def test_with_it(require_program):
    assert require_program("nobody-has-this", package="nobody-packs-this")
"""
SKIPS = {
    "mark": "import pytest\n@pytest.mark.skip(reason='not today')\ndef test_it(): pass\n",
    "call": "import pytest\ndef test_it(): pytest.skip('not today')\n",
    "module": "import pytest\npytest.skip('not today', allow_module_level=True)\n",
    "import": "import pytest\npytest.importorskip('nobody_has_this', reason='not today')\n",
}
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\n"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A small project with our conftest, whose tests need one program that is nowhere."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    tests = pytester.mkdir("tests")
    (tests / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (pytester.mkdir("tools") / "test-packages.txt").write_text("nobody-packs-this nobody-has-this\n", encoding="utf-8")
    return pytester


def run(project: pytest.Pytester, source: str) -> pytest.RunResult:
    return run_all(project, {"it": source})


def run_all(project: pytest.Pytester, sources: dict[str, str]) -> pytest.RunResult:
    for name, source in sources.items():
        (project.path / "tests" / f"test_{name}.py").write_text(source, encoding="utf-8")
    return project.runpytest_subprocess("-rs", "-p", "no:cacheprovider", "--continue-on-collection-errors")


def test_a_missing_program_skips_and_names_its_package(project: pytest.Pytester) -> None:
    result = run(project, NEEDS_A_PROGRAM)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*nobody-has-this is not installed (Debian package nobody-packs-this)*"])


def test_a_program_that_no_listed_package_has_fails(project: pytest.Pytester) -> None:
    result = run(project, NEEDS_A_PROGRAM.replace("nobody-packs-this", "somebody-else"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not listed in tools/test-packages.txt*"])


def test_a_program_that_is_there_is_found(require_program: Callable[..., str]) -> None:
    assert Path(require_program("openssl", package="openssl")).is_file()


def test_skips_pass_by_themselves(project: pytest.Pytester) -> None:
    assert run_all(project, SKIPS).parseoutcomes() == {"skipped": len(SKIPS)}


@pytest.mark.parametrize("value", ["true", "1"])
def test_every_kind_of_skip_fails_where_ci_is_set(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CI", value)
    result = run_all(project, SKIPS)
    assert result.parseoutcomes() == {"failed": 1, "errors": 3}  # what a mark skips, it skips in set-up
    assert str(result.stdout).count("not today; with CI set a skip is a failure") == len(SKIPS)


def test_an_expected_failure_is_no_skip(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    run(project, EXPECTED_FAILURE).assert_outcomes(xfailed=1)
