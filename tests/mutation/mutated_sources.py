"""A pytest plugin: the package under test is the copy, or nothing is proved."""

from __future__ import annotations

import os

import danelaw

if not danelaw.__file__.startswith(os.environ["EXPECTED_SOURCES"]):
    raise RuntimeError(f"the tests would run against {danelaw.__file__}")
