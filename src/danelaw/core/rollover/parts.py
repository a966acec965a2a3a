"""A fold as the values that it consists of, and back: for who keeps it elsewhere than in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from danelaw.core.rollover.fold import _VALUE_SLOTS, Facts


def parts(facts: Facts) -> dict[str, object]:
    """Every part by its name: frozen dataclasses in tuples, sets and dicts."""
    return {slot.removeprefix("_"): getattr(facts, slot) for slot in _VALUE_SLOTS}


def part_names() -> tuple[str, ...]:
    return tuple(slot.removeprefix("_") for slot in _VALUE_SLOTS)


def assembled(max_gap: timedelta, parts: Mapping[str, object]) -> Facts:
    """The fold that consists of these. Raises ``KeyError`` if one is missing."""
    facts = Facts(max_gap)
    for slot in _VALUE_SLOTS:
        setattr(facts, slot, parts[slot.removeprefix("_")])
    return facts
