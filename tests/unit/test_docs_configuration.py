"""docs/reference/configuration.md: every key with its default, and no key that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from danelaw.app import (
    config,
    deploy_sections,
    issuer_sections,
    notify_sections,
    publisher_sections,
    service_sections,
    zone_sections,
)
from danelaw.core.model import Limits

PAGE: Final = (Path(__file__).parents[2] / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")

SECTIONS: Final[tuple[tuple[str, type[msgspec.Struct]], ...]] = (
    ("### `[resolver]`", config.ResolverSection),
    ("### `[clients]`", config.ClientsSection),
    ("### `[state]`", config.StateSection),
    ('#### `type = "acme"`', issuer_sections.AcmeSection),
    ('#### `type = "watch"`', issuer_sections.WatchSection),
    ('#### `type = "selfsigned"`', issuer_sections.SelfSignedSection),
    ('#### `type = "command"`', issuer_sections.CommandSection),
    ("#### `challenge`", issuer_sections.ChallengeSection),
    ("#### `binding`", issuer_sections.BindingSection),
    ('#### `type = "zonefile"`', zone_sections.ZonefileSection),
    ('#### `type = "rfc2136"`', zone_sections.Rfc2136Section),
    ('#### `type = "powerdns"`', publisher_sections.PowerDNSSection),
    ('#### `type = "desec"`', publisher_sections.DesecSection),
    ('#### `type = "octodns"`', publisher_sections.OctoDNSSection),
    ('#### `type = "exec"`', publisher_sections.ExecSection),
    ('#### `type = "manual"`', publisher_sections.ManualSection),
    ('#### notify, `type = "email"`', notify_sections.EmailSection),
    ('#### notify, `type = "webhook"`', notify_sections.WebhookSection),
    ('#### notify, `type = "command"`', notify_sections.NotifyCommandSection),
    ("### `[metrics]`", notify_sections.MetricsSection),
    ("## services.d/NAME.toml", service_sections.ServiceSection),
    ("### `deploy`", deploy_sections.DeploySection),
)


def rows(heading: str) -> dict[str, str]:
    """Key → default, of the table below a heading."""
    _, found, below = PAGE.partition(f"{heading}\n")
    assert found, f"no heading {heading}"
    part = re.split(r"^#", below, maxsplit=1, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", part, flags=re.MULTILINE))


def in_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{each}"' for each in value) + "]"
    return str(value)


def keys() -> Iterator[tuple[str, msgspec.structs.FieldInfo]]:
    for heading, section in SECTIONS:
        for field in msgspec.structs.fields(section):
            yield heading, field


@pytest.mark.parametrize(("heading", "field"), [pytest.param(h, f, id=f"{h} {f.name}") for h, f in keys()])
def test_every_key_has_its_row_with_its_default(heading: str, field: msgspec.structs.FieldInfo) -> None:
    default: Any = field.default
    documented = rows(heading)[field.name]
    if field.required:
        assert documented == "required"
    elif default is not None and not isinstance(default, msgspec.Struct):
        assert documented == f"`{in_toml(default)}`"
    else:
        assert documented != "required"


@pytest.mark.parametrize(("heading", "section"), SECTIONS)
def test_no_row_is_left_of_a_key_that_is_gone(heading: str, section: type[msgspec.Struct]) -> None:
    assert set(rows(heading)) == {field.name for field in msgspec.structs.fields(section)}


def test_every_limit_has_its_row_with_its_default() -> None:
    documented = rows("### `[limits]`")
    known = Limits().as_seconds()
    assert set(documented) == set(known)
    for name, seconds in known.items():
        numerator, _, denominator = documented[name].strip("`").partition("/")
        assert float(numerator) / float(denominator or 1) == pytest.approx(seconds), name


def test_keys_of_inner_tables_are_spoken_of() -> None:
    for section in (issuer_sections.ChallengeSection, zone_sections.NSEC3Section):
        for field in msgspec.structs.fields(section):
            assert re.search(rf"`{field.name}`|\b{field.name} = ", PAGE), field.name
