"""A configuration under which a service could not be kept is refused before anything is done."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from danelaw import wiring
from danelaw.adapters.clock import DirectDialer, SubprocessCommands
from danelaw.app.config import load
from danelaw.app.promise import require_feasible, terms_of
from danelaw.core.model import DanelawError
from danelaw.ports import Surroundings

MAIN = """
[issuers.ca]
type = "acme"
directory = "https://acme-v02.api.letsencrypt.org/directory"
account = "accounts/ca"
challenge = { type = "dns-01" }
PROFILE

[publishers.zone]
type = "zonefile"
zone = "example.net"
file = "zones/example.net.zone"
keys = "keys"
reload = ["reload-zone"]

[limits]
LIMITS
"""
SERVICE = """
endpoints = ["www.example.net:443"]
issuer = "ca"
publisher = "zone"
deploy = { directory = "live/www", reload = ["reload-web"] }
"""


def written(folder: Path, profile: str = "", limits: str = "", service: str = "") -> Path:
    path = folder / "danelaw.toml"
    path.write_text(MAIN.replace("PROFILE", profile).replace("LIMITS", limits))
    (folder / "services.d").mkdir()
    (folder / "services.d" / "www.toml").write_text(SERVICE + service)
    return path


def refusal(path: Path) -> DanelawError:
    with pytest.raises(DanelawError) as caught:
        require_feasible(load(path))
    assert caught.value.code == "CONFIG_INFEASIBLE"
    return caught.value


@pytest.mark.parametrize("strategy", ["standby", "staged", "pinned"])
def test_the_defaults_are_accepted(tmp_path: Path, strategy: str) -> None:
    require_feasible(load(written(tmp_path, service=f'strategy = "{strategy}"')))


def test_six_days_under_staged_with_a_day_long_ttl_are_refused_with_numbers_and_a_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, 'profile = "shortlived"', service='strategy = "staged"\ntlsa_ttl = 86400')
    error = refusal(path)
    assert "www.example.net:443/tcp cannot be kept" in error.message
    assert "it takes 52 h 36 min, and there are 26 h 40 min" in error.evidence
    assert "certificates live for 6 d 16 h" in error.evidence
    assert 'strategy = "standby"' in error.hint


def test_the_same_certificates_are_fine_under_standby(tmp_path: Path) -> None:
    require_feasible(load(written(tmp_path, 'profile = "shortlived"', service="tlsa_ttl = 86400")))


def test_passes_too_rare_for_anything_to_settle_are_refused(tmp_path: Path) -> None:
    assert (
        "for longer than a secondary keeps the zone"
        in refusal(written(tmp_path, limits="pass_interval = 600000")).message
    )


def test_how_long_certificates_live_may_be_configured(tmp_path: Path) -> None:
    path = written(tmp_path, 'profile = "shortlived"\nlifetime = 7776000', service='strategy = "staged"')
    config = load(path)
    assert terms_of(config.services[0], config).lifetime == timedelta(days=90)
    require_feasible(config)


def test_records_of_whole_certificates_count_as_a_change_at_every_renewal(tmp_path: Path) -> None:
    service = 'strategy = "pinned"\ntlsa = ["3 0 1"]\nallow_full_certificate = true\ntlsa_ttl = 86400'
    refusal(written(tmp_path, 'profile = "shortlived"', service=service))


@pytest.mark.parametrize("wish", ["ta = true", 'tlsa = ["3 1 1", "2 1 1"]', 'tlsa = ["2 1 1"]', 'tlsa = ["0 1 1"]'])
def test_a_ca_that_mixes_its_intermediates_is_named_only_where_that_is_permitted(tmp_path: Path, wish: str) -> None:
    with pytest.raises(DanelawError, match="Let's Encrypt issues from several intermediates") as caught:
        load(written(tmp_path, service=wish))
    assert caught.value.code == "CONFIG_INVALID"
    assert "allow_mixed_intermediates" in caught.value.hint
    (tmp_path / "services.d" / "www.toml").write_text(f"{SERVICE}{wish}\nallow_mixed_intermediates = true")
    config = load(tmp_path / "danelaw.toml")
    require_feasible(config)
    assert terms_of(config.services[0], config).ta


def test_ta_adds_the_record_of_the_ca(tmp_path: Path) -> None:
    path = written(tmp_path, service="ta = true")
    path.write_text(path.read_text().replace("acme-v02.api.letsencrypt.org", "ca.example"))
    assert [str(c) for c in load(path).services[0].combinations] == ["3 1 1", "2 1 1"]


def test_nothing_is_plugged_in_that_cannot_be_kept(tmp_path: Path) -> None:
    config = load(written(tmp_path, limits="gap_passes = 1"))
    world = Surroundings(
        wiring.clock(), DirectDialer(), wiring.blocking(), SubprocessCommands(), wiring.programs(), {}, ""
    )
    with pytest.raises(DanelawError, match="CONFIG_INFEASIBLE"):
        wiring.build(config, world)


def test_of_a_certificate_of_ones_own_the_time_before_its_issue_comes_on_top(tmp_path: Path) -> None:
    path = written(tmp_path, service='strategy = "pinned"')
    text = path.read_text()
    begin, end = text.index("[issuers.ca]"), text.index("[publishers.zone]")
    path.write_text(text.replace(text[begin:end], '[issuers.ca]\ntype = "selfsigned"\nlifetime = 36000\n\n'))
    config = load(path)
    terms = terms_of(config.services[0], config)
    assert (terms.lifetime, terms.spent) == (timedelta(hours=11), timedelta(hours=1))
