"""Zones edited and signed on the command line, loaded by BIND, NSD and Knot, and seen there by query."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from dns.flags import AA
from dns.rdatatype import RdataType as T
from loading_servers import SERVERS, Find, Loading
from update_servers import until

from danelaw.adapters.zone.key_directory import KSK_FLAGS, make_key
from danelaw.adapters.zone.master_file import read_zone
from zone_operator import SOURCE, ZONE, named

pytestmark = pytest.mark.slow

DANELAW: Final = str(Path(sys.executable).with_name("danelaw"))
DIGEST: Final = "0123456789abcdef" * 4
OWNER: Final = named("_443._tcp.www")


@pytest.fixture
def find(require_program: Callable[..., str]) -> Find:
    return lambda name, package: require_program(name, package=package)


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """A zone file with a key beside it, signed."""
    make_key(tmp_path / "keys", ZONE, KSK_FLAGS, datetime.now(UTC))
    (tmp_path / "zone").write_text(SOURCE)
    ended = subprocess.run(words(tmp_path / "zone", "sign"), capture_output=True, check=False, timeout=60)  # noqa: S603  # our own command
    assert ended.returncode == 0, ended.stderr
    return tmp_path / "zone"


def words(zone: Path, command: str, *record: str, options: Sequence[str] = ()) -> list[str]:
    where = ["--file", str(zone), "--keys", str(zone.with_name("keys"))]
    return [DANELAW, "zone", command, "example.net", *record, *where, "--json", *options]


def run(argv: Sequence[str], status: int = 0) -> dict[str, Any]:
    ended = subprocess.run(argv, capture_output=True, check=False, timeout=120)  # noqa: S603  # our own command
    assert ended.returncode == status, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def changed(loading: Loading, argv: Sequence[str]) -> dict[str, Any]:
    """The same, when also nothing of the server answers as before."""
    answering = loading.answering()
    told = run(argv)
    until(lambda: not answering & loading.answering(), loading.server)
    return told


def told_to_load(loading: Loading, command: Sequence[str] | None = None) -> list[str]:
    return ["--reload", shlex.join(command or loading.reload), "--server", loading.at]


@pytest.mark.parametrize("server", SERVERS)
def test_a_tlsa_record_is_added_and_removed_and_the_server_is_seen_to_know(server: str, zone: Path, find: Find) -> None:
    with SERVERS[server](find, zone.parent, ZONE, zone.with_name("zone.signed")) as loading:
        options = told_to_load(loading)
        told = changed(loading, words(zone, "add", "_443._tcp.www", "TLSA", "3", "1", "1", DIGEST, options=options))
        assert (told["served"], loading.serial(ZONE)) == (True, told["serial"])
        reply = loading.ask(OWNER, T.TLSA)
        assert reply.flags & AA
        assert {rrset.rdtype for rrset in reply.answer} == {T.TLSA, T.RRSIG}
        assert [rdata.to_text() for rdata in reply.answer[0]] == [f"3 1 1 {DIGEST}"]

        later = changed(loading, words(zone, "remove", "_443._tcp.www", "TLSA", options=options))
        assert later["serial"] == loading.serial(ZONE) == told["serial"] + 1
        assert loading.ask(OWNER, T.TLSA).answer == []

        idle = run(words(zone, "sign", options=options))
        assert (idle["changed"], idle["served"], idle["serial"]) == (False, True, later["serial"])


def test_a_reload_that_does_nothing_is_found_out_and_the_next_run_mends_it(zone: Path, find: Find) -> None:
    record = ("_443._tcp.www", "TLSA", "3", "1", "1", DIGEST)
    with SERVERS["BIND"](find, zone.parent, ZONE, zone.with_name("zone.signed")) as loading:
        before = loading.serial(ZONE)
        options = told_to_load(loading, ["true"])
        told = run(words(zone, "add", *record, options=[*options, "--wait", "1"]), status=3)
        assert (told["changed"], told["served"]) == (True, False)
        assert [(one["loaded"], one["serial"]) for one in told["servers"]] == [("not yet", before)]
        assert loading.ask(OWNER, T.TLSA).answer == []

        mended = run(words(zone, "add", *record, options=told_to_load(loading)))
        assert (mended["changed"], mended["served"], mended["serial"]) == (False, True, told["serial"])
        assert loading.ask(OWNER, T.TLSA).answer != []


def test_eight_at_once_wait_for_each_other_and_all_are_served(
    zone: Path, find: Find, require_program: Callable[..., str]
) -> None:
    before = read_zone(zone.with_name("zone.signed"), ZONE).serial
    with SERVERS["BIND"](find, zone.parent, ZONE, zone.with_name("zone.signed")) as loading:
        options = [*told_to_load(loading), "--wait", "100"]  # a busy machine is no finding
        started = [
            subprocess.Popen(  # noqa: S603  # our own command
                words(zone, "add", f"host{number}", "A", f"192.0.2.10{number}", options=options),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for number in range(8)
        ]
        ended = [(process.communicate(timeout=110), process.returncode) for process in started]
        assert [status for _, status in ended] == [0] * 8, [err for (_, err), _ in ended]
        told = [json.loads(out) for (out, _), _ in ended]
        assert sorted(one["serial"] for one in told) == [before + 1 + number for number in range(8)]
        assert all(one["served"] for one in told)
        assert loading.serial(ZONE) == before + 8
        for number in range(8):
            (rrset, _) = loading.ask(named(f"host{number}"), T.A).answer
            assert [rdata.to_text() for rdata in rrset] == [f"192.0.2.10{number}"]
    verify = [require_program("ldns-verify-zone", package="ldnsutils"), str(zone.with_name("zone.signed"))]
    assert subprocess.run(verify, capture_output=True, check=False, timeout=60).returncode == 0  # noqa: S603  # its path and ours
