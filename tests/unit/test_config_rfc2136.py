"""Publishers of type rfc2136: what the configuration says of them, and what is plugged in for them."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from pathlib import Path

import dns.name
import pytest

from danelaw import wiring
from danelaw.adapters.clock import DirectDialer, SubprocessCommands
from danelaw.adapters.publish.rfc2136 import Rfc2136Publisher
from danelaw.adapters.publish.zonefile import ZonefilePublisher
from danelaw.app.config import Config, load
from danelaw.app.zone_sections import UpdatedZoneConfig
from danelaw.core.model import DanelawError
from danelaw.core.rollover.planner import DesiredZone
from danelaw.ports import Surroundings
from tlsa_chains import ROOT

ZONE = dns.name.from_text("example.net.")
FILED = dns.name.from_text("example.org.")
PUBLISHER = """
[publishers.updated]
type = "rfc2136"
zone = "example.net"
server = "192.0.2.1"
key_file = "keys/ddns.key"
"""
FILE = """
[publishers.filed]
type = "zonefile"
zone = "example.org"
file = "zone"
keys = "keys"
reload = ["reload"]
"""
KEY = 'key "ddns" { algorithm hmac-sha256; secret "c2VjcmV0"; };'
ANCHOR = ". DS 1 13 2 " + "00" * 32


def read(folder: Path, text: str = PUBLISHER) -> Config:
    path = folder / "danelaw.toml"
    path.write_text(text)
    return load(path)


def zone(folder: Path, text: str = PUBLISHER) -> UpdatedZoneConfig:
    (found,) = read(folder, text).zones
    assert isinstance(found, UpdatedZoneConfig)
    return found


def wired(folder: Path, text: str) -> wiring.Wired:
    (folder / "keys").mkdir()
    (folder / "keys" / "ddns.key").write_text(KEY)
    (folder / "keys" / "ddns.key").chmod(0o600)
    (folder / "roots.pem").write_text(ssl.DER_cert_to_PEM_cert(ROOT.der))
    clients = '[clients]\nroots = "roots.pem"\n'
    world = Surroundings(
        wiring.clock(), DirectDialer(), wiring.blocking(), SubprocessCommands(), wiring.programs(), {}, ANCHOR
    )
    return wiring.build(read(folder, clients + text), world)


def test_the_primary_is_at_port_53_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert zone(tmp_path).server == (ip_address("192.0.2.1"), 53)
    moved = PUBLISHER.replace("192.0.2.1", "2001:db8::1@5353")
    assert zone(tmp_path, moved).server == (ip_address("2001:db8::1"), 5353)


def test_defaults_are_those_of_a_zone_in_a_file(tmp_path: Path) -> None:
    found = zone(tmp_path)
    assert (found.zone, found.parent, found.ds_ttl) == (ZONE, ZONE.parent(), 3600)
    assert found.key_file == tmp_path / "keys/ddns.key"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("192.0.2.1", "ns.example.net"), "server 'ns.example.net'"),
        (("192.0.2.1", "192.0.2.1@70000"), "there is no port 70000"),
        (('server = "192.0.2.1"', ""), "`server`"),
        (('"example.net"', '"."'), "the root"),
        (("key_file", "keyfile"), "`keyfile`"),
        (("key_file", 'reload = ["x"]\nkey_file'), "`reload`"),
        (('"rfc2136"', '"route53"'), "route53"),
        (('type = "rfc2136"\n', ""), "`type`"),
    ],
)
def test_what_is_not_right_is_named(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(DanelawError, match="CONFIG_INVALID") as caught:
        read(tmp_path, PUBLISHER.replace(*change))
    assert said in caught.value.evidence


def test_each_zone_has_its_own_kind_of_publisher(tmp_path: Path) -> None:
    tools = wired(tmp_path, PUBLISHER + FILE).tools
    assert isinstance(tools.publishers[ZONE], Rfc2136Publisher)
    assert isinstance(tools.publishers[FILED], ZonefilePublisher)
    assert set(tools.zones) == {FILED}


def test_only_zones_in_files_are_signed_here(tmp_path: Path) -> None:
    desired = [d for d in wired(tmp_path, PUBLISHER + FILE).subjects.desired.values() if isinstance(d, DesiredZone)]
    assert {d.zone: d.signed_by for d in desired} == {ZONE: "server", FILED: "danelaw"}


def test_a_key_that_cannot_be_used_is_found_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(DanelawError, match="TSIG_KEY_UNUSABLE"):
        wired(tmp_path, PUBLISHER.replace("ddns.key", "none.key"))
