"""What the gate says of an action, and what it has to say where it says no."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from danelaw.core.model import Instant
from danelaw.core.rollover.conditions import Counterexample, fault


@dataclass(frozen=True, slots=True)
class Allowed:
    """``repair``: the action strictly helps somebody who is refused now.

    ``accepted``: who may be refused because of it, as the operator accepts by name. ``waived``: what would stand
    against it, were the operator's waivers not.
    """

    repair: bool = False
    accepted: tuple[Counterexample, ...] = ()
    waived: tuple[Counterexample, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """``earliest``: when the known holds end; None: only another observation or the operator can change it."""

    because: tuple[Counterexample, ...]
    earliest: Instant | None


Judgement: TypeAlias = Allowed | Refused


def refusal(rule: Literal["I1", "I2"], code: str, now: Instant, because: str) -> Refused:
    return Refused((fault(rule, code, now, because),), None)


def holds_end(faults: Iterable[Counterexample]) -> Instant | None:
    """When the last of the known holds ends; None if one of them has no known end."""
    ends = [fault.held.until if fault.held is not None else None for fault in faults]
    return None if None in ends else max((end for end in ends if end is not None), default=None)
