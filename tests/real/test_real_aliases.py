"""Records that stand behind aliases, in a zone of another BIND with another key: the whole order at Pebble, by dns-01,
and the TLSA record. Nothing is written into the zone of the service."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces, programs

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(400)]

PLAY: Final = Path(__file__).with_name("aliases_play.py")
CHALLENGE: Final = "www.challenges.elsewhere.dotnxdomain.net"
TLSA: Final = "www.tlsa.elsewhere.dotnxdomain.net"
ASKED: Final = {"_acme-challenge.www.dotnxdomain.net.": CHALLENGE, "_443._tcp.www.dotnxdomain.net.": TLSA}


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


def test_response_and_record_are_published_where_the_aliases_lead_and_all_believe_them() -> None:
    done = subprocess.run((sys.executable, str(PLAY)), capture_output=True, text=True, check=False, timeout=380)  # noqa: S603  # our own script
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["check"] == [0, "valid"]
    assert told["aliases"] == {alias: [f"{target}."] for alias, target in ASKED.items()}, "aliases stay as they are"
    assert (len(told["tlsa"]), told["responses"]) == (1, [])
    written = {zone: {tuple(one) for one in records} for zone, records in told["written"].items()}
    assert written["elsewhere.dotnxdomain.net."] == {(CHALLENGE, "TXT"), (TLSA, "TLSA")}
    first_day = [name for name, _ in written["dotnxdomain.net."]]
    ours = {alias.rstrip(".") for alias in ASKED}
    assert ours < set(first_day)
    assert len(first_day) == 5, "the delegation, its address, its DS and two aliases: what the operator wrote"
