"""Arrows and marks as SVG paths."""

from __future__ import annotations

from typing import Final

from danelaw.core.picture.graph import Look, Relation
from danelaw.core.picture.layout import Rect

HEAD: Final = 8.0
_CORNER: Final = 8.0
_GUTTER: Final = 14.0
CUT: Final = 8.0


def path(*steps: str | float) -> str:
    """Letters and numbers of a path. Tenths of pixels are enough, and come out the same everywhere."""
    parts: list[str] = []
    for step in steps:
        text = step if isinstance(step, str) else number(step)
        parts.append(text if isinstance(step, str) or not parts or parts[-1][-1].isalpha() else f" {text}")
    return "".join(parts)


def number(value: float) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def falling(x1: float, y1: float, x2: float, y2: float) -> str:
    """A curve from a box down to one below."""
    bend, end = _bend(y1, y2), y2 - HEAD
    return path("M", x1, y1, "C", x1, y1 + bend, x2, end - bend, x2, end)


def falling_x(x1: float, y1: float, x2: float, y2: float, y: float) -> float:
    """Where that curve is at a height, for a label."""
    bend, end = _bend(y1, y2), y2 - HEAD
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _cubic(middle, y1, y1 + bend, end - bend, end) < y else (low, middle)
    return _cubic(low, x1, x1, x2, x2)


def _bend(y1: float, y2: float) -> float:
    return max(18.0, (y2 - y1) / 2)


def _cubic(t: float, a: float, b: float, c: float, d: float) -> float:
    u = 1 - t
    return u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d


def across(x1: float, y1: float, x2: float) -> str:
    return path("M", x1, y1, "H", x2 - 1)


def around(x1: float, y1: float, lane: float, x2: float, y2: float) -> str:
    """Down to a lane under everything, along it, up, and into a box from the left; x2 is the box's left side."""
    r, up = _CORNER, x2 - _GUTTER
    s = r if up > x1 else -r
    there = path("M", x1, y1, "V", lane - r, "q", 0.0, r, s, r, "H", up - s)
    return there + path("q", s, 0.0, s, -r, "V", y2 + r, "q", 0.0, -r, 5.0, -r, "H", x2 - 1)


def loop(box: Rect) -> str:
    """A signature over itself: out of the right side of a box, and back into it."""
    x, y = box.right, box.y + box.h / 2
    return path("M", x, y - 9, "C", x + 26, y - 16, x + 26, y + 16, x + HEAD - 1, y + 7)


def down_head(x: float, y: float, relation: Relation) -> str:
    """Triangles for keys, diamonds for what follows from records."""
    if relation in (Relation.PROVES, Relation.MATCHES):
        return path("M", x, y, "l", -4.5, -HEAD / 2 - 1, "l", 4.5, -HEAD / 2 - 1, "l", 4.5, HEAD / 2 + 1, "z")
    return path("M", x, y, "l", -4.5, -HEAD, "h", 9.0, "z")


def right_head(x: float, y: float, relation: Relation) -> str:
    """The same turned to the right; an open one for aliases."""
    if relation is Relation.LEADS:
        return path("M", x - HEAD, y - 5, "l", HEAD, 5.0, "l", -HEAD, 5.0)
    if relation in (Relation.PROVES, Relation.MATCHES):
        return path("M", x, y, "l", -HEAD / 2 - 1, -4.5, "l", -HEAD / 2 - 1, 4.5, "l", HEAD / 2 + 1, 4.5, "z")
    return path("M", x, y, "l", -HEAD, -4.5, "v", 9.0, "z")


def left_head(x: float, y: float) -> str:
    return path("M", x, y, "l", HEAD, -4.5, "v", 9.0, "z")


def mark(look: Look, x: float, y: float, size: float = 10.0) -> str:
    """A check, a cross, a ring, a question mark or a dash, around a point."""
    h = size / 2
    match look:
        case Look.SECURE:
            return path("M", x - h, y, "l", h * 0.7, h * 0.7, "l", h * 1.2, -h * 1.5)
        case Look.BOGUS:
            return path("M", x - h, y - h, "l", size, size, "m", 0.0, -size, "l", -size, size)
        case Look.INSECURE:
            return path("M", x - h, y, "a", h, h, 0.0, 1.0, 0.0, size, 0.0, "a", h, h, 0.0, 1.0, 0.0, -size, 0.0)
        case Look.INDETERMINATE:
            bow = path("M", x - h * 0.7, y - h * 0.4, "c", 0.0, -h * 0.9, h * 1.4, -h * 0.9, h * 1.4, 0.0)
            stem = path("c", 0.0, h * 0.6, -h * 0.7, h * 0.4, -h * 0.7, h * 0.9)
            return bow + stem + path("m", 0.0, h * 0.6, "v", 0.1)
        case Look.ASIDE:
            return path("M", x - 3, y, "h", 6.0)


def outline(look: Look, box: Rect, radius: float) -> str:
    """The outline of a box: round corners, or cut ones where something is broken."""
    x, y, w, h = box.x, box.y, box.w, box.h
    if look is Look.BOGUS:
        c = CUT
        there = path("M", x + c, y, "h", w - 2 * c, "l", c, c, "v", h - 2 * c, "l", -c, c, "h", 2 * c - w)
        return there + path("l", -c, -c, "v", 2 * c - h, "z")
    r = min(radius, w / 2, h / 2)

    def corner(dx: float, dy: float) -> str:
        return path("a", r, r, 0.0, 0.0, 1.0, dx, dy)

    there = path("M", x + r, y, "h", w - 2 * r) + corner(r, r) + path("v", h - 2 * r) + corner(-r, r)
    return there + path("h", 2 * r - w) + corner(-r, -r) + path("v", 2 * r - h) + corner(r, -r) + "z"
