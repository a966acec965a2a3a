"""Services that name no publisher, and certificates for more than the hosts of endpoints."""

from __future__ import annotations

from pathlib import Path

import dns.name
import pytest

from danelaw.app.config import load
from danelaw.core.model import DanelawError

MAIN = """
[issuers.http]
type = "acme"
directory = "https://ca.test/dir"
account = "accounts/ca"
challenge = { type = "http-01", webroot = "www" }

[issuers.dns]
type = "acme"
directory = "https://ca.test/dir"
account = "accounts/ca"
challenge = { type = "dns-01" }

[publishers.outer]
type = "manual"
zone = "example.net"

[publishers.inner]
type = "manual"
zone = "in.example.net"
"""


def written(folder: Path, *endpoints: str, more: str = "", issuer: str = "dns") -> Path:
    (folder / "services.d").mkdir()
    (folder / "danelaw.toml").write_text(MAIN, encoding="utf-8")
    hosts = ", ".join(f'"{endpoint}"' for endpoint in endpoints)
    deploy = 'deploy = { directory = "live", reload = ["reload"] }'
    text = f'endpoints = [{hosts}]\nissuer = "{issuer}"\n{more}\n{deploy}\n'
    (folder / "services.d" / "one.toml").write_text(text, encoding="utf-8")
    return folder / "danelaw.toml"


@pytest.mark.parametrize(
    ("endpoints", "zone"),
    [
        (("www.example.net:443",), "example.net."),
        (("www.in.example.net:443",), "in.example.net."),
        (("in.example.net:443", "www.in.example.net:443"), "in.example.net."),
        (("notin.example.net:443",), "example.net."),
    ],
)
def test_the_longest_zone_above_the_hosts_is_taken(tmp_path: Path, endpoints: tuple[str, ...], zone: str) -> None:
    (service,) = load(written(tmp_path, *endpoints)).services
    assert service.zone == dns.name.from_text(zone)


@pytest.mark.parametrize(
    ("endpoints", "why"),
    [
        (("www.example.org:443",), "lies in no zone"),
        (("www.example.net:443", "www.in.example.net:443"), "several zones: example.net., in.example.net."),
    ],
)
def test_where_no_one_zone_fits_it_is_said(tmp_path: Path, endpoints: tuple[str, ...], why: str) -> None:
    with pytest.raises(DanelawError, match="CONFIG_INVALID") as caught:
        load(written(tmp_path, *endpoints))
    assert why in caught.value.evidence


def test_a_publisher_that_is_named_counts(tmp_path: Path) -> None:
    path = written(tmp_path, "www.example.net:443", "www.in.example.net:443", more='publisher = "outer"')
    assert load(path).services[0].zone == dns.name.from_text("example.net.")


def test_certificates_are_for_further_names_too(tmp_path: Path) -> None:
    path = written(tmp_path, "www.example.net:443", more='names = ["*.example.net", "WWW.example.net", "example.org"]')
    names = [name.to_text() for name in load(path).services[0].names]
    assert names == ["www.example.net.", "*.example.net.", "example.org."]


def test_a_wildcard_needs_a_challenge_by_dns(tmp_path: Path) -> None:
    with pytest.raises(DanelawError, match="CONFIG_INVALID") as caught:
        load(written(tmp_path, "www.example.net:443", more='names = ["*.example.net"]', issuer="http"))
    assert "wildcard" in caught.value.evidence
