"""What the tables of the configuration's files have in common."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

TTL: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""Seconds (RFC 2181 §8)."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file. Every default stands here."""
