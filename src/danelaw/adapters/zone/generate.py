"""``$GENERATE``, BIND's control entry for records that are alike but for a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_GENERATED: Final = 65536
"""So many records come of one control entry."""

_RANGE: Final = re.compile(r"(\d{1,10})-(\d{1,10})(?:/(\d{1,10}))?")
_PLACE: Final = re.compile(r"\\[^$]|\\\$|\$\$|\$(?:\{(?P<modifier>[^}]*)\})?")
_MODIFIER: Final = re.compile(r"(?P<offset>[+-]?\d{1,10})(?:,(?P<width>\d{1,3})(?:,(?P<base>[doxXnN]))?)?")
_MOST_DIGITS: Final = 255


class GenerateError(ValueError):
    """The control entry is not understood. ``at``: which of its words is wrong, counted from 0 after ``$GENERATE``."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Numbers:
    """``start-stop`` or ``start-stop/step``."""

    start: int
    stop: int
    step: int

    @classmethod
    def from_text(cls, word: str) -> Numbers:
        """Raises ``GenerateError``."""
        found = _RANGE.fullmatch(word)
        numbers = cls(int(found[1]), int(found[2]), int(found[3] or 1)) if found else None
        if numbers is None or numbers.start > numbers.stop or not numbers.step:
            raise GenerateError(f'expected a range such as 1-10 or 0-100/2, found "{word}"', 0)
        if len(numbers.all) > MOST_GENERATED:
            raise GenerateError(f"{len(numbers.all)} records of one $GENERATE, and at most {MOST_GENERATED} may be", 0)
        return numbers

    @property
    def all(self) -> range:
        return range(self.start, self.stop + 1, self.step)


def generated(numbers: Numbers, owner: str, data: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Owner and rdata of every record, in words. Raises ``GenerateError``.

    As in BIND, data in quotes is a whole rdata and its quotes are taken away: ``"10 mx$"`` is two words.
    """
    if len(data) == 1 and len(data[0]) > 1 and data[0].startswith('"'):
        data = [data[0][1:-1].replace('\\"', '"')]
    for number in numbers.all:
        yield _with(number, owner, 1), [_with(number, word, 2) for word in data]


def _with(number: int, word: str, at: int) -> str:
    """The word with ``number`` where it says ``$`` or ``${offset,width,base}``; ``$$`` and ``\\$`` are a ``$``."""

    def instead(place: re.Match[str]) -> str:
        if place[0][0] == "\\" and place[0] != "\\$":
            return place[0]
        if place[0] in ("$$", "\\$"):
            return "$"
        if place["modifier"] is None:
            return str(number)
        modifier = _MODIFIER.fullmatch(place["modifier"])
        if modifier is None:
            raise GenerateError(f'expected ${{offset,width,base}}, base one of d o x X n N, found "{place[0]}"', at)
        width = int(modifier["width"] or 0)
        value, base = number + int(modifier["offset"]), modifier["base"] or "d"
        if width > _MOST_DIGITS or (value < 0 and base != "d"):
            raise GenerateError(f'"{place[0]}" makes no number of {number}', at)
        return _nibbles(value, width, base) if base in "nN" else f"{value:0{width}{base}}"

    return _PLACE.sub(instead, word)


def _nibbles(value: int, width: int, base: str) -> str:
    """Hexadecimal digits as labels, the last first; ``width`` counts the dots too."""
    made = ""
    while True:
        made += f"{value & 15:{'x' if base == 'n' else 'X'}}"
        value >>= 4
        if len(made) < width or value:
            made += "."
        if len(made) >= width and not value:
            return made
