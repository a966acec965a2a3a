"""``danelaw simulate`` as a user types it: the field's table, scenarios by name and by file, and what fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from danelaw.core.model import DanelawError
from danelaw.core.rollover.gate import Allowed
from danelaw.faces.cli.simulate import simulate
from danelaw.faces.cli.simulate_config import configured
from danelaw.faces.cli.simulation import SimulatedCompany
from danelaw.worlds.sim import scenario
from danelaw.worlds.sim.campaign import campaign
from danelaw.worlds.sim.scenario import read
from danelaw.worlds.sim.scenario_play import play

pytestmark = pytest.mark.slow

SHIPPED = sorted(path.stem for path in (Path(scenario.__file__).parent / "scenarios").iterdir())
DANELAW = Path(sys.executable).parent / "danelaw"


Says = Callable[..., tuple[int, str]]
"""The status, and standard output."""


@pytest.fixture(name="says")
def _says(capfd: pytest.CaptureFixture[str]) -> Says:
    def says(*arguments: str) -> tuple[int, str]:
        status = simulate.main(["--jobs", "1", *arguments], standalone_mode=False)
        return status, capfd.readouterr().out

    return says


def counted(says: Says, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(says("--json", *arguments)[1])
    return found


def test_by_hand_clients_are_refused_and_by_no_strategy_ever(says: Says) -> None:
    """Whoever renews as the article does refuses clients each time; the first of the operators is one of those."""
    told = counted(says, "--rollovers", "6")
    assert told["schema"] == "danelaw/simulate/1"
    assert list(told["strategies"]) == ["naive", "standby", "staged", "pinned"]
    naive = told["strategies"].pop("naive")
    assert naive["violations"] == naive["late"] == naive["rollovers"] == 6
    assert (naive["wrong_once"], naive["late_once"], naive["missing_once"], naive["early_once"]) == (1, 1, 0, 0)
    assert naive["refused"] > 0
    for counts in told["strategies"].values():
        assert (counts["violations"], counts["refused"], counts["unfinished"]) == (0, 0, 0)
        assert counts["rollovers"] >= 6  # a store that is lost or put back, and other hands, bring more of them
        assert counts["connections"] > 100
    assert told["good"]


def test_the_table_fits_a_terminal_and_has_what_was_measured_beside_the_naive_operators(says: Says) -> None:
    lines = says("--rollovers", "6", "--strategy", "naive", "--strategy", "pinned")[1].splitlines()
    assert lines[0].split() == ["naive", "pinned", "Lee", "et", "al."]
    assert lines[2].split() == ["wrong", "at", "least", "once", "1", "(100", "%)", "0", "87-92", "%"]
    assert max(map(len, lines)) <= 80


def test_without_them_it_has_no_such_column(says: Says) -> None:
    assert says("--rollovers", "6", "--strategy", "pinned")[1].splitlines()[0].split() == ["pinned"]


def test_whoever_renews_by_hand_meets_the_same_faults_and_goes_on() -> None:
    """A CA that does not answer is asked again; a record whose update failed is missing until the next one."""
    for seed in range(3_000_000, 3_000_008):
        counts, _ = campaign("naive", seed, 3, SimulatedCompany)
        assert (counts.rollovers, counts.unfinished) == (3, 0)


def test_the_same_seed_plays_the_same_way_in_any_process() -> None:
    """Also where Python hashes octets otherwise."""

    def told(seed: str, hashes: str) -> str:
        command = [str(DANELAW), "simulate", "--rollovers", "6", "--seed", seed, "--strategy", "staged", "--json"]
        environment = {**os.environ, "PYTHONHASHSEED": hashes}
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=110, env=environment)  # noqa: S603 - our own command
        return str(done.stdout)

    assert told("7", "1") == told("7", "2")
    assert told("7", "1") != told("8", "1")


def test_a_scenario_that_comes_along_is_played_by_its_name(says: Says) -> None:
    status, told = says("--scenario", "emergency")
    assert (status, told.splitlines()[-2]) == (0, "as expected")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_scenario_that_comes_along_ends_as_it_says(says: Says, name: str) -> None:
    told = counted(says, "--scenario", name)
    assert told["good"], told


def test_a_scenario_that_does_not_end_as_it_says_is_told_and_the_status_is_1(says: Says, tmp_path: Path) -> None:
    file = tmp_path / "impatient.toml"
    file.write_text('title = "Too soon"\n[expect]\nwithin = 5\nnever = ["publish"]\n', encoding="utf-8")
    status, told = says("--scenario", str(file))
    assert status == 1
    assert "not settled within 5 s" in told
    assert "there was a publish" in told


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("title = ", "SCENARIO_SYNTAX", ""),
        ('titel = "x"', "SCENARIO_INVALID", "did you mean 'title'?"),
        ('title = "x"\n[[event]]\ndo = "freze"\nat = 1', "SCENARIO_INVALID", "did you mean 'freeze'?"),
        ('title = "x"\n[[event]]\ndo = "freeze"\nbefore = "swich"', "SCENARIO_INVALID", "did you mean 'switch'?"),
        ('title = "x"\n[limits]\nlingr = 1', "SCENARIO_INVALID", "did you mean 'linger'?"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_a_hint(tmp_path: Path, text: str, code: str, hint: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([DANELAW, "simulate", "--scenario", file], capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 2
    assert code in done.stderr
    assert hint in done.stderr


def test_a_campaign_that_fails_is_kept_as_a_small_scenario_that_plays_it_again(
    says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a gate and a planner that believe everything to be allowed."""

    def blind(*_: object) -> Allowed:
        return Allowed()

    monkeypatch.setattr("danelaw.core.rollover.plans.judge", blind)
    monkeypatch.setattr("danelaw.app.engine.judge", blind)
    monkeypatch.setattr("danelaw.app.engine.Engine.__init__.__defaults__", (blind,))
    told = counted(says, "--rollovers", "6", "--strategy", "staged", "--keep", str(tmp_path))
    assert not told["good"]
    assert told["strategies"]["staged"]["violations"] > 0
    (kept,) = told["failed"]
    small = read(Path(kept).read_text(encoding="utf-8"))
    assert (len(small.rolls), small.event) == (1, ())
    assert play(small, SimulatedCompany).unmet != ()


# -- a configuration --------------------------------------------------------------------------------------------------

CONFIGURATION = """
[issuers.ca]
type = "acme"
directory = "https://ca.test/dir"
account = "account"
challenge = { type = "http-01", webroot = "www" }
[publishers.zone]
type = "zonefile"
zone = "example.net"
file = "zone"
keys = "keys"
reload = []
[limits]
pass_interval = 1
hold_floor = 20
lookup_delay = 1
assumed_past_ttl = 10
retention = 600
in_flight = 2
linger = 30
standby_settle = 60
renewal_check = 10
"""
SERVICE = """
endpoints = ["{host}.example.net:443"]
issuer = "ca"
publisher = "zone"
strategy = "{strategy}"
tlsa = ["3 1 1", "3 1 2"]
tlsa_ttl = 5
deploy = {{ directory = "live/{host}", reload = [] }}
"""


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> Path:
    (tmp_path / "services.d").mkdir()
    (tmp_path / "services.d" / "www.toml").write_text(SERVICE.format(host="www", strategy="staged"), encoding="utf-8")
    path = tmp_path / "danelaw.toml"
    path.write_text(CONFIGURATION, encoding="utf-8")
    return path


def test_a_configuration_is_played_with_its_own_waits_beside_the_renewal_by_hand(says: Says, config: Path) -> None:
    told = counted(says, "--config", str(config))
    assert told["scenario"] == f"www.example.net:443/tcp, as {config} has it"
    assert list(told["strategies"]) == ["naive", "staged"]
    naive, staged = told["strategies"]["naive"], told["strategies"]["staged"]
    assert (naive["rollovers"], naive["violations"]) == (2, 2)
    assert (staged["rollovers"], staged["violations"], staged["refused"], staged["good"]) == (2, 0, 0, True)
    assert told["good"]
    # Each roll waits until the second secondary has followed and nobody holds what was, lingers, and waits once more.
    assert staged["least"] == pytest.approx(2 * ((10 + 21) + 30 + (10 + 21)))
    assert staged["least"] < staged["took"] < 1.3 * staged["least"]


def test_what_happens_is_shown_and_then_counted_on_80_columns(
    says: Says, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, told = says("--config", str(config), "--strategy", "pinned", "www.example.net:443", "--secondaries", "0")
    lines = told.splitlines()
    assert status == 0
    assert lines[0].endswith("has it (pinned)")
    assert any("switch" in line for line in lines)
    assert lines[-1].startswith("  of which it must wait")
    assert max(map(len, lines[2:])) <= 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mail.example.net:25",), "[SERVICE_UNKNOWN]"),
        (("--scenario", "article"), "--config and --scenario"),
    ],
)
def test_a_service_that_is_not_configured_is_told(config: Path, words: tuple[str, ...], said: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [DANELAW, "simulate", "--config", config, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr


def test_of_several_services_one_is_to_be_named(config: Path) -> None:
    mail = config.parent / "services.d" / "mail.toml"
    mail.write_text(SERVICE.format(host="mail", strategy="pinned"), encoding="utf-8")
    with pytest.raises(DanelawError) as caught:
        configured(config, None, secondaries=1, addresses=3)
    assert (caught.value.code, caught.value.hint) == ("SERVICE_UNKNOWN", "name one of them")
    found = configured(config, "mail.example.net:443", secondaries=1, addresses=3)
    assert (found.strategy, found.tlsa, found.world.ttl) == ("pinned", ("3 1 1", "3 1 2"), 5)
    assert (len(found.world.lags), len(found.world.addresses)) == (1, 3)
    assert found.bounds.linger.total_seconds() == 30


def test_a_service_without_a_configuration_is_told() -> None:
    done = subprocess.run([DANELAW, "simulate", "www.example.net"], capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert (done.returncode, "--config" in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [("--secondaries", "3"), ("--addresses", "1", "--scenario", "emergency")])
def test_what_shapes_a_configured_world_shapes_no_other(words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError) as caught:
        simulate.main([*words], standalone_mode=False)
    assert "it goes with --config" in caught.value.message
