"""A store on a disk that is really full: that is what is told, nothing is lost, and it goes on once there is room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from full_disks import mounted

SCRIPT = Path(__file__).with_name("store_on_full_disk.py")


def test_a_full_disk_is_told_as_that_and_what_was_there_stays(
    tmp_path: Path, require_program: Callable[..., str]
) -> None:
    words = mounted(require_program, tmp_path, 250, 60)
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:  # noqa: S603 - our own words
        pytest.skip("no mounts of one's own here")
    paths = os.pathsep.join(str(SCRIPT.parents[up]) for up in (0, 1))
    environment = os.environ | {"PYTHONPATH": paths}
    words = (*words, sys.executable, str(SCRIPT), str(tmp_path))
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=110)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stderr
    for began in json.loads(done.stdout):
        assert began["kept"]
        assert began["said"]
        for pages, inodes, code, hint in began["said"]:
            assert code == "STORE_FULL", (pages, inodes, began)
            assert f"df {tmp_path}" in hint
