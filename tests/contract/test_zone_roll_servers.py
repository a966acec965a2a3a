"""``danelaw zone roll`` in front of a name server that people run: its keys are replaced, and it serves them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from dns.rdatatype import RdataType as T
from loading_servers import SERVERS, Loading

from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, make_key, read_keys
from danelaw.core.dnssec.bind_keys import KeyState
from zone_operator import SOURCE, ZONE

pytestmark = pytest.mark.slow

DANELAW: Final = str(Path(sys.executable).with_name("danelaw"))
LONG_AGO: Final = datetime(2026, 11, 1, tzinfo=UTC)
Find = Callable[..., str]

LIMITS: Final = """
[limits]
pass_interval = 0.2
hold_floor = 1
ttl_factor = 1
lookup_delay = 0.1
assumed_past_ttl = 1
in_flight = 1
"""


def configured(folder: Path, loading: Loading) -> Path:
    """A configuration of seconds; the zone's TTLs are of seconds too."""
    path = folder / "danelaw.toml"
    path.write_text(
        f"""
[publishers.zone]
type = "zonefile"
zone = "example.net"
file = "zone"
signed = "zone.signed"
keys = "keys"
reload = {json.dumps(list(loading.reload))}
[state]
store = "store.sqlite"
credentials = "credentials"
{LIMITS}"""
    )
    return path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DANELAW, "zone", *words], capture_output=True, text=True, check=False, timeout=120)  # noqa: S603  # our own command


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """The folder of a zone with a KSK and a ZSK, signed a while ago, and TTLs of a second."""
    for flags in (KSK_FLAGS, ZSK_FLAGS):
        make_key(tmp_path / "keys", ZONE, flags, LONG_AGO)
    (tmp_path / "zone").write_text(SOURCE.replace("$TTL 1h", "$TTL 1").replace("300  A", "1 A").replace("5m )", "1 )"))
    signed = run("sign", "example.net", "--file", str(tmp_path / "zone"), "--keys", str(tmp_path / "keys"))
    assert signed.returncode == 0, signed.stderr
    return tmp_path


def serving(zone: Path, find: Find) -> AbstractContextManager[Loading]:
    return SERVERS["BIND"](lambda name, package: find(name, package=package), zone, ZONE, zone / "zone.signed")


def test_a_zsk_is_replaced_step_by_step(zone: Path, require_program: Find) -> None:
    """RFC 6781 §4.1.1.1, as a name server of people's serves it."""
    ksk, old = sorted((key for key, _ in read_keys(zone / "keys", ZONE)), key=lambda key: not key.dnskey.is_sep)
    with serving(zone, require_program) as loading:
        asked = ("--config", str(configured(zone, loading)), "--server", loading.at, "--resolver", loading.at)
        said = run("roll", "example.net", "--zsk", "--json", *asked)
        assert (said.returncode, said.stderr) == (0, "")
        served = {rdata.key for rrset in loading.ask(ZONE, T.DNSKEY).answer[:1] for rdata in rrset}
    told = json.loads(said.stdout)
    assert [one["did"] for one in told["done"]] == ["make key", *["sign zone"] * 3, "destroy key"]
    assert [key["tag"] for key in told["old"]] == [old.tag]
    pairs = read_keys(zone / "keys", ZONE)
    now = datetime.now(UTC) + timedelta(seconds=1)  # key files know whole seconds
    assert {times.state(now) for _, times in pairs} == {KeyState.ACTIVE}
    assert {key.dnskey.public_key for key, _ in pairs} == served
    tags = {key.tag for key, _ in pairs}
    assert (len(tags), ksk.tag in tags, old.tag in tags) == (2, True, False)
    assert tags == {key["tag"] for key in told["keys"]}


def test_who_interrupts_it_and_comes_back_goes_on_with_the_same_key(zone: Path, require_program: Find) -> None:
    """What was seen is in the store, and what the keys do in their files."""
    with serving(zone, require_program) as loading:
        asked = ("--config", str(configured(zone, loading)), "--server", loading.at, "--resolver", loading.at)
        with subprocess.Popen(  # noqa: S603 - our own command
            [DANELAW, "zone", "roll", "example.net", "--zsk", *asked], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            seen = next(line for line in process.stdout if b"sign zone" in line)
            process.send_signal(signal.SIGINT)
            said = process.stderr.read().decode()
        assert (process.returncode, b"ZSK" in seen) == (130, True)
        assert "example.net. stays as it is, signed and valid; the same command goes on." in said
        before = {key.tag for key, _ in read_keys(zone / "keys", ZONE)}
        told = json.loads(run("roll", "example.net", "--zsk", "--json", *asked).stdout)
    assert len(before) == 3
    assert {key["tag"] for key in told["keys"]} < before
    assert "make key" not in [one["did"] for one in told["done"]]
    assert told["done"][-1]["did"] == "destroy key"


def test_another_algorithm_begins_with_keys_and_their_signatures(zone: Path, require_program: Find) -> None:
    """RFC 6781 §4.1.4. What is begun is recorded; the DS of it all is the affair of other tests."""
    with serving(zone, require_program) as loading:
        asked = ("--config", str(configured(zone, loading)), "--server", loading.at, "--resolver", loading.at)
        with subprocess.Popen(  # noqa: S603 - our own command
            [DANELAW, "zone", "roll", "example.net", "--algorithm", "ed25519", *asked],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            did = [next(line for line in process.stdout if words in line) for words in (b"make key", b"sign zone")]
            process.send_signal(signal.SIGINT)
            process.stderr.read()
        published = {rdata.algorithm for rrset in loading.ask(ZONE, T.DNSKEY).answer[:1] for rdata in rrset}
        signed = {
            rdata.algorithm for rrset in loading.ask(ZONE, T.SOA).answer if rrset.rdtype == T.RRSIG for rdata in rrset
        }
    assert (process.returncode, len(did)) == (130, 2)
    assert (published, signed) == ({13}, {13, 15})
