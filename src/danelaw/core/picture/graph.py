"""Boxes and arrows, before they have a place: what ``chart`` makes of a proof, and ``layout`` puts somewhere."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from danelaw.core.model import Security
from danelaw.core.picture.metrics import Text


class Look(enum.Enum):
    """How something is drawn: the four states, and what decided nothing."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"
    INDETERMINATE = "indeterminate"
    ASIDE = "aside"

    @classmethod
    def of(cls, state: Security | None) -> Look:
        return cls(state.value) if state is not None else cls.ASIDE


class Shape(enum.Enum):
    KEY = "key"
    RECORD = "record"
    CHIP = "chip"
    CLAIM = "claim"
    """What a proof comes to: that something is not there."""
    CERTIFICATE = "certificate"


class Relation(enum.Enum):
    """What an arrow says. The value is the verb in its title and in the legend."""

    SIGNS = "signs"
    DIGESTS = "is the digest of"
    PROVES = "proves"
    LEADS = "leads to"
    MATCHES = "is compared with"


@dataclass(frozen=True, slots=True)
class Node:
    """A box. ``full``: everything that it stands for, unshortened. ``loop``: how its signature over itself is drawn.

    ``word``: what is said beside the mark, where that is not the state's own word.
    """

    id: str
    shape: Shape
    look: Look
    lines: tuple[Text, ...]
    full: str
    chips: tuple[Node, ...] = ()
    loop: Look | None = None
    word: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow between two boxes, by their ids. ``label``: the reason's code, where something is broken."""

    source: str
    target: str
    relation: Relation
    look: Look
    full: str
    label: str = ""


@dataclass(slots=True)
class Column:
    """Rows of boxes that stand together; ``below`` is the panel under them."""

    rows: list[list[Node]]
    below: Panel | None = None


@dataclass(slots=True)
class Panel:
    """A zone: what is said beside it, its keys in tiers, and what they sign."""

    title: str
    look: Look
    side: list[tuple[Look | None, tuple[Text, ...]]]
    """Paragraphs; one with a look is a callout."""
    tiers: list[list[Node]] = field(default_factory=list)
    delegated: list[Column] = field(default_factory=list)
    own: list[Column] = field(default_factory=list)


@dataclass(slots=True)
class Graph:
    """``notes``: what was wrong and did not decide."""

    title: str
    look: Look
    sentence: str
    asof: str
    panels: list[Panel]
    edges: list[Edge]
    notes: tuple[str, ...] = ()
