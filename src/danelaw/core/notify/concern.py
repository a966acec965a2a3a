"""What somebody should know of: trouble, or a date by which something has to happen."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from danelaw.core.model import Instant, SubjectName

ConcernKey: TypeAlias = tuple[SubjectName, str]
"""(subject, code): what one concern is told from another by, whatever words it comes in."""


class Severity(enum.Enum):
    """How much it matters, the worst first.

    ``CRITICAL``: clients are refused. ``WARNING``: they will be, or nothing goes on, unless somebody does something.
    ``NOTE``: nothing waits for it, and only a person can decide it, or wants to know of it.
    """

    CRITICAL = "critical"
    WARNING = "warning"
    NOTE = "note"


RANK = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Concern:
    """``because``: what was seen, a sentence each. ``todo``: what to type.

    ``since``: where that is known to be before the look that found it. ``deadline``: by when to act. ``over``: it is
    over as it is found, so that it is told at once, and once.
    """

    subject: SubjectName
    code: str
    severity: Severity
    because: tuple[str, ...]
    todo: tuple[str, ...] = ()
    since: Instant | None = None
    deadline: Instant | None = None
    over: bool = False

    @property
    def key(self) -> ConcernKey:
        return self.subject, self.code


def merged(concerns: Iterable[Concern]) -> tuple[Concern, ...]:
    """One of each key: the worst severity, the earliest dates, everything that was seen. The worst come first."""
    found: dict[ConcernKey, Concern] = {}
    for one in concerns:
        before = found.get(one.key)
        found[one.key] = one if before is None else _both(before, one)
    return tuple(sorted(found.values(), key=lambda one: RANK.index(one.severity)))


def _both(one: Concern, other: Concern) -> Concern:
    return replace(
        one,
        severity=min(one.severity, other.severity, key=RANK.index),
        because=tuple(dict.fromkeys(one.because + other.because)),
        todo=tuple(dict.fromkeys(one.todo + other.todo)),
        since=_earliest(one.since, other.since),
        deadline=_earliest(one.deadline, other.deadline),
    )


def _earliest(one: Instant | None, other: Instant | None) -> Instant | None:
    return min((at for at in (one, other) if at is not None), default=None)
