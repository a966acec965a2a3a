"""Boxes and callouts of wrapped text, before they have a place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from danelaw.core.model import Reason, Security
from danelaw.core.picture import words
from danelaw.core.picture.graph import Look, Node, Shape
from danelaw.core.picture.hints import hint
from danelaw.core.picture.metrics import Style, Text, text_width, wrap
from danelaw.core.verdict.printable import printable

SIDE: Final = 204.0
"""Room for the text beside a zone's boxes, in pixels."""
LONGEST: Final = 400
"""Characters of one piece of text; the rest is in the box's title."""
_ROOM: Final = 310.0
_MOST_RECORDS: Final = 40


def node(
    id: str,
    shape: Shape,
    look: Look,
    lines: Iterable[tuple[str, Style]],
    full: str = "",
    *,
    room: float = _ROOM,
    chips: tuple[Node, ...] = (),
    loop: Look | None = None,
) -> Node:
    """A box with its text wrapped to ``room`` pixels; ``full`` is the text itself if not given."""
    given = [(words.middle(text, LONGEST), style) for text, style in lines if text]
    wrapped = tuple(line for text, style in given for line in wrap(text, style, room))
    return Node(id, shape, look, wrapped, full or " ".join(text for text, _ in given), chips, loop)


def columns(values: Sequence[str]) -> list[str]:
    """Records in lines; many short ones stand in columns."""
    shown = [words.middle(value, LONGEST) for value in values[:_MOST_RECORDS]]
    if len(shown) > 5:
        cell = max(map(len, shown)) + 2
        across = max(1, int(_ROOM // text_width("0" * cell, Style.DATA)))
        rows = [shown[at : at + across] for at in range(0, len(shown), across)]
        shown = ["".join(value.ljust(cell) for value in row).rstrip() for row in rows]
    if len(values) > _MOST_RECORDS:
        shown.append(f"… and {len(values) - _MOST_RECORDS} more")
    return shown


def callouts(
    reasons: Iterable[Reason], state: Security, said: set[Reason]
) -> list[tuple[Look | None, tuple[Text, ...]]]:
    """Each reason once in the whole picture."""
    side: list[tuple[Look | None, tuple[Text, ...]]] = []
    for reason in reasons:
        if reason in said:
            continue
        said.add(reason)
        lines = wrap(words.STATE[state], Style.HEAD, SIDE) + wrap(reason.code, Style.CODE, SIDE)
        lines += wrap(printable(reason.section), Style.MUTE, SIDE)
        lines += wrap(printable(reason.blamed), Style.DATA, SIDE)
        if reason.detail:
            lines += wrap(words.middle(printable(reason.detail), LONGEST), Style.BODY, SIDE)
        if advice := hint(reason):
            lines += wrap(f"hint: {advice}", Style.MUTE, SIDE)
        side.append((Look.of(state), lines))
    return side
