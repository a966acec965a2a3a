"""How wide text is, without a font at hand: rather too wide than too narrow, as nothing may run over its box.

The widths are those of DejaVu Sans, the widest of the fonts that the picture may come to be shown in.
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


class Style(enum.Enum):
    """A kind of text: its class in the style sheet, its size and line height in pixels, and its font."""

    TITLE = ("t", 14.0, 20.0, False, True)
    HEAD = ("h", 12.5, 18.0, False, True)
    BODY = ("b", 12.0, 16.0, False, False)
    MUTE = ("m", 11.5, 15.0, False, False)
    DATA = ("d", 11.5, 15.0, True, False)
    CODE = ("c", 12.0, 17.0, True, True)
    """A reason's code, in the colour of its state."""

    def __init__(self, css: str, size: float, height: float, mono: bool, bold: bool) -> None:
        self.css = css
        self.size = size
        self.height = height
        self.mono = mono
        self.bold = bold


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text in a box."""

    text: str
    style: Style = Style.BODY


_MONO: Final = 0.61
_BOLD: Final = 1.1
_NARROW: Final = frozenset("iljtfrI.,:;'|!()[]/ \"-")
_WIDE: Final = frozenset("mwMW@%…→✓✗—")


def text_width(text: str, style: Style) -> float:
    """Pixels, at the most."""
    return style.size * sum(_advance(char, style) for char in text)


def _advance(char: str, style: Style) -> float:
    if not char.isascii() and unicodedata.east_asian_width(char) in "WF":
        return 1.1
    if style.mono:
        return _MONO if char.isascii() else 0.75
    if char in _NARROW:
        advance = 0.42
    elif char in _WIDE:
        advance = 1.0
    elif char.isascii():
        advance = 0.72 if char.isupper() else 0.64
    else:
        advance = 0.85
    return advance * (_BOLD if style.bold else 1.0)


def wrap(text: str, style: Style, room: float) -> tuple[Text, ...]:
    """The text in lines that are no wider than ``room``: broken at spaces, long words behind a dot or anywhere."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if text_width(joined, style) <= room:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, style, room)
        lines.extend(full)
    return tuple(Text(line, style) for line in (*lines, line))


def _pieces(word: str, style: Style, room: float) -> list[str]:
    pieces: list[str] = []
    rest = word
    while text_width(rest, style) > room:
        count = 1
        while count < len(rest) and text_width(rest[: count + 1], style) <= room:
            count += 1
        dot = rest.rfind(".", 0, count) + 1
        count = dot if dot > count // 2 else count
        pieces.append(rest[:count])
        rest = rest[count:]
    return [*pieces, rest]


def widest(lines: Iterable[Text]) -> float:
    return max((text_width(line.text, line.style) for line in lines), default=0.0)


def tall(lines: Iterable[Text]) -> float:
    return sum(line.style.height for line in lines)
