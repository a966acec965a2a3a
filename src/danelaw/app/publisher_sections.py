"""The tables of publishers for zones that others keep and sign, each by an interface of its own."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from danelaw.app.section import TTL, Section


class PowerDNSSection(Section, frozen=True, tag_field="type", tag="powerdns"):
    """``url``: of the API, without /api/v1. The key is in ``api_key_file``, or in the variable ``api_key_env``.
    ``server``: the API's name of it. ``ca``: PEM certificates to check it by, the system's if not given."""

    zone: str
    url: str
    api_key_file: str | None = None
    api_key_env: str | None = None
    server: str = "localhost"
    ca: str | None = None
    parent: str | None = None
    ds_ttl: TTL = 3600


class DesecSection(Section, frozen=True, tag_field="type", tag="desec"):
    """The token is in ``token_file``, or in the variable ``token_env``. ``url`` and ``ca``: of a deSEC of one's own."""

    zone: str
    token_file: str | None = None
    token_env: str | None = None
    url: str = "https://desec.io/api/v1"
    ca: str | None = None
    parent: str | None = None
    ds_ttl: TTL = 3600


class OctoDNSSection(Section, frozen=True, tag_field="type", tag="octodns"):
    """``provider``: the class of an octoDNS provider. ``options``: its arguments; ``secret_files`` and ``secret_env``:
    those that are secret, each by the file or variable that holds it."""

    zone: str
    provider: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")]
    options: dict[str, str | int | float | bool] | None = None
    secret_files: dict[str, str] | None = None
    secret_env: dict[str, str] | None = None
    parent: str | None = None
    ds_ttl: TTL = 3600


class ExecSection(Section, frozen=True, tag_field="type", tag="exec"):
    """``command``: the program and its arguments. ``timeout``: of each run, in seconds."""

    zone: str
    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    timeout: Annotated[int, msgspec.Meta(ge=1, le=300)] = 60
    parent: str | None = None
    ds_ttl: TTL = 3600


class ManualSection(Section, frozen=True, tag_field="type", tag="manual"):
    """``instructions``: a file that always holds what is to be published next."""

    zone: str
    instructions: str | None = None
    parent: str | None = None
    ds_ttl: TTL = 3600


ForeignSection: TypeAlias = PowerDNSSection | DesecSection | OctoDNSSection | ExecSection | ManualSection
