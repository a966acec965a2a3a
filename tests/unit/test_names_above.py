"""In which of many zones a name lies."""

from __future__ import annotations

import dns.name
import pytest

from danelaw.core.model.names import longest_above

ZONES = frozenset(map(dns.name.from_text, ("example.net.", "b.example.net.", "test.")))


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("www.example.net.", "example.net."),
        ("example.net.", "example.net."),
        ("a.b.example.net.", "b.example.net."),
        ("A.B.Example.NET.", "b.example.net."),
        ("xb.example.net.", "example.net."),
        ("net.", None),
        ("www.example.org.", None),
        (".", None),
    ],
)
def test_the_longest_zone_that_a_name_lies_in(name: str, zone: str | None) -> None:
    found = longest_above(dns.name.from_text(name), ZONES)
    assert found == (None if zone is None else dns.name.from_text(zone))


def test_below_the_root_every_name_lies() -> None:
    assert longest_above(dns.name.from_text("www.example.org."), {dns.name.root}) == dns.name.root
