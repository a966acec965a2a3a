"""Lengths of time, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

_UNITS: Final = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)


def in_words(length: timedelta) -> str:
    """A length of time, roughly: in the greatest unit that it has two of, or in the one that it is just one of."""
    for unit, name in _UNITS:
        if length >= 2 * unit:
            return f"{length // unit} {name}s"
        if length == unit:
            return f"1 {name}"
    return "less than a second"
