"""Each verifier of others, in the world on real servers: it has no say before there are TLSA records, accepts what is
right, and refuses what is wrong or bogus."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces, programs

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(400)]

STANDING: Final = Path(__file__).with_name("standing_oracles.py")


@pytest.fixture(autouse=True)
def _possible(require_program: Callable[..., str]) -> None:
    for program, package in programs.PACKAGES.items():
        require_program(program, package=package)
    try:
        namespaces.run(("true",), programs.find())
    except DanelawError as error:
        if error.code != "NAMESPACES_FORBIDDEN":
            raise
        pytest.skip(f"{error}: {error.evidence}")


def test_each_oracle_accepts_and_refuses_as_it_should(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603  # a script of these tests
        (sys.executable, str(STANDING)), capture_output=True, text=True, check=False, cwd=tmp_path, timeout=380
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == [], "danetool leaves files where it is started"
