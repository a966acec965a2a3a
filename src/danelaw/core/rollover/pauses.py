"""What the operator wants left as it is for a time: it is looked at, and nothing is done to it."""

from __future__ import annotations

from typing import Final

from danelaw.core.model import Instant, SubjectName
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.words import Paused

PAUSED: Final = "PAUSED"
"""The code of the wait."""


def pause(facts: Facts, subject: SubjectName, now: Instant) -> Paused | None:
    """The pause of a subject that holds now: the latest word on it."""
    words = (word for word in reversed(facts.words) if isinstance(word, Paused) and word.subject == subject)
    latest = next(words, None)
    return latest if latest is not None and latest.at <= now < latest.until else None


def says_paused(word: Paused) -> str:
    """A pause in a few words."""
    why = f": {word.reason}" if word.reason else ""
    return f"paused by {word.by} until {word.until:%Y-%m-%d %H:%M:%S} UTC{why}"
