"""What a runner tells of its work: a pass that ended, or an action about to be taken."""

from __future__ import annotations

from dataclasses import dataclass

from danelaw.core.model import Instant, SubjectName
from danelaw.core.rollover.actions import Action, Outcome
from danelaw.core.rollover.gate import Counterexample, Refused
from danelaw.core.rollover.planner import Plan


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass came to.

    ``plan``: the action taken, or what is waited for. ``refused``: what the gate said to an action that the planner
    wanted. ``violations``: clients that are refused as things stand, of all subjects ``about`` which it says anything.
    ``next_at``: when to look again. ``despite``: the counterexamples that the operator accepted or waived, and so did
    not stand against the action. ``mended``: what the action puts back, in a sentence; empty: it is no repair.
    """

    subject: SubjectName
    at: Instant
    plan: Plan
    outcome: Outcome | None
    refused: Refused | None
    violations: tuple[Counterexample, ...]
    next_at: Instant
    despite: tuple[Counterexample, ...] = ()
    about: tuple[SubjectName, ...] = ()
    mended: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """``acting``: what is about to be done; ``ended``: the pass that has ended. One of them is None."""

    at: Instant
    subject: SubjectName
    acting: Action | None
    ended: Pass | None
