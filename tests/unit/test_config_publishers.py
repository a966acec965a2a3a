"""Publishers for zones that others keep: what the configuration says of them, and what is plugged in for them."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.name
import pytest

from danelaw import wiring
from danelaw.adapters.clock import DirectDialer, SubprocessCommands
from danelaw.adapters.publish.compared import ComparedPublisher
from danelaw.adapters.publish.manual import ManualPublisher
from danelaw.app.config import Config, load
from danelaw.app.zone_sections import ApiZoneConfig, ExecZoneConfig, ManualZoneConfig, OctoDNSZoneConfig, ZoneConfig
from danelaw.core.model import DanelawError
from danelaw.core.rollover.planner import DesiredZone
from danelaw.ports import Surroundings
from tlsa_chains import ROOT

ZONE = dns.name.from_text("example.net.")
ANCHOR = ". DS 1 13 2 " + "00" * 32
TABLES = {
    "powerdns": 'type = "powerdns"\nurl = "http://127.0.0.1:8081"\napi_key_file = "key"\n',
    "desec": 'type = "desec"\ntoken_env = "DESEC_TOKEN"\n',
    "octodns": 'type = "octodns"\nprovider = "octodns_x.Provider"\n'
    'options = { retry_count = 2, host = "x" }\nsecret_files = { token = "key" }\nsecret_env = { other = "OTHER" }\n',
    "exec": 'type = "exec"\ncommand = ["/usr/local/bin/publish", "--quiet"]\n',
    "manual": 'type = "manual"\ninstructions = "todo"\n',
}


def read(folder: Path, table: str) -> Config:
    path = folder / "danelaw.toml"
    path.write_text(f'[clients]\nroots = "roots.pem"\n[publishers.there]\nzone = "example.net"\n{table}')
    return load(path)


def zone(folder: Path, kind: str) -> ZoneConfig:
    (found,) = read(folder, TABLES[kind]).zones
    return found


def test_the_tables_become_what_they_say(tmp_path: Path) -> None:
    plain: dict[str, Any] = {"zone": ZONE, "parent": ZONE.parent(), "ds_ttl": 3600}
    key = tmp_path / "key"
    assert zone(tmp_path, "powerdns") == ApiZoneConfig(
        **plain, kind="powerdns", url="http://127.0.0.1:8081", secret=key, server="localhost"
    )
    variable = "DESEC_TOKEN"
    assert zone(tmp_path, "desec") == ApiZoneConfig(
        **plain, kind="desec", url="https://desec.io/api/v1", secret=variable
    )
    assert zone(tmp_path, "octodns") == OctoDNSZoneConfig(
        **plain,
        provider="octodns_x.Provider",
        options={"retry_count": 2, "host": "x"},
        secrets={"token": key, "other": "OTHER"},
    )
    command = ("/usr/local/bin/publish", "--quiet")
    assert zone(tmp_path, "exec") == ExecZoneConfig(**plain, command=command, timeout=timedelta(seconds=60))
    assert zone(tmp_path, "manual") == ManualZoneConfig(**plain, instructions=tmp_path / "todo")


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("powerdns", ('api_key_file = "key"\n', ""), "api_key"),
        ("powerdns", ('api_key_file = "key"\n', 'api_key_file = "key"\napi_key_env = "KEY"\n'), "api_key"),
        ("powerdns", ('api_key_file = "key"', 'api_key = "inline"'), "`api_key`"),
        ("powerdns", ("url", "uri"), "`uri`"),
        ("desec", ('token_env = "DESEC_TOKEN"\n', ""), "token"),
        ("desec", ("token_env", "token"), "`token`"),
        ("octodns", ("octodns_x.Provider", "Provider"), "provider"),
        ("octodns", ("octodns_x.Provider", "octodns_x;import os"), "provider"),
        ("octodns", ("host =", "token ="), "'token'"),
        ("octodns", ("other =", "token ="), "'token'"),
        ("exec", ('["/usr/local/bin/publish", "--quiet"]', "[]"), "command"),
        ("exec", ('["/usr/local/bin/publish", "--quiet"]', '"publish --quiet"'), "command"),
        ("manual", ("instructions", "instruction"), "`instruction`"),
    ],
)
def test_what_is_not_right_is_named(kind: str, change: tuple[str, str], said: str, tmp_path: Path) -> None:
    assert change[0] in TABLES[kind]
    with pytest.raises(DanelawError, match="CONFIG_INVALID") as caught:
        read(tmp_path, TABLES[kind].replace(*change))
    assert said in caught.value.evidence
    assert "inline" not in caught.value.evidence


def wired(folder: Path, table: str) -> wiring.Wired:
    (folder / "roots.pem").write_text(ssl.DER_cert_to_PEM_cert(ROOT.der))
    (folder / "key").write_text("s3cret\n")
    (folder / "key").chmod(0o600)
    world = Surroundings(
        wiring.clock(), DirectDialer(), wiring.blocking(), SubprocessCommands(), wiring.programs(), {}, ANCHOR
    )
    return wiring.build(read(folder, table), world)


@pytest.mark.parametrize("kind", TABLES)
def test_each_is_plugged_in_and_the_place_signs_the_zone(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESEC_TOKEN", "s3cret")
    monkeypatch.setenv("OTHER", "s3cret")
    built = wired(tmp_path, TABLES[kind])
    expected = ManualPublisher if kind == "manual" else ComparedPublisher
    assert isinstance(built.tools.publishers[ZONE], expected)
    assert [d.signed_by for d in built.subjects.desired.values() if isinstance(d, DesiredZone)] == ["server"]


@pytest.mark.parametrize("kind", ["desec", "octodns"])
def test_a_secret_that_is_not_there_is_found_at_the_start(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DESEC_TOKEN", "OTHER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("danelaw.adapters.publish.secret._taken", {})  # nor was it when another test began
    with pytest.raises(DanelawError, match="SECRET_UNUSABLE"):
        wired(tmp_path, TABLES[kind])


def test_a_key_never_goes_in_the_clear_to_another_machine(tmp_path: Path) -> None:
    with pytest.raises(DanelawError, match="API_URL_UNUSABLE"):
        wired(tmp_path, TABLES["powerdns"].replace("127.0.0.1", "192.0.2.1"))
