"""Instants as text: for people, and as programs read them. All are UTC."""

from __future__ import annotations

from typing import overload

from danelaw.core.model.service import Instant


def to_minute(when: Instant) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def to_second(when: Instant) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


@overload
def rfc3339(at: Instant) -> str: ...
@overload
def rfc3339(at: Instant | None) -> str | None: ...
def rfc3339(at: Instant | None) -> str | None:
    """To the second (RFC 3339). None for None."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at is not None else None
