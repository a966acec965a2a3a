"""A place for every box: zones under each other, branches beside each other, and nothing on top of anything else.

A panel has its words on the left and its boxes on the right: keys in tiers, and below them what they sign. A zone's
panel lies under the boxes of its parent that concern it, so no arrow crosses a panel. Below the RRsets of an answer
there is never a panel: aliases lead down, along a lane under everything, and up again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from danelaw.core.picture.boxes import SIDE
from danelaw.core.picture.graph import Column, Edge, Graph, Look, Node, Panel, Relation, Shape
from danelaw.core.picture.metrics import Style, Text, tall, text_width, widest, wrap

PAD: Final = 16.0
BESIDE: Final = SIDE + 2 * PAD
"""The width of a panel's words, with the room around them."""
INSET: Final = 10.0
ICON: Final = 16.0
LABEL: Final = 22.0
"""The height of a label on an arrow."""
_BETWEEN: Final = 22.0
_LOOP: Final = 30.0
_DROP: Final = 46.0
_APART: Final = 24.0
_PARAGRAPH: Final = 12.0
_CALLOUT: Final = 10.0
_LANE: Final = 14.0
_LANE_FIRST: Final = 22.0


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    w: float
    h: float

    @property
    def middle(self) -> float:
        return self.x + self.w / 2

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h


@dataclass(slots=True)
class Layout:
    """``boxes`` by node id, chips among them. ``labels``: the y of an edge's label, by the edge's place in the list.

    ``lanes``: the y of an alias' way, by the same; one that is not there goes straight across. ``stems``: from a proof
    that a zone is not signed down to that zone, as x, top, bottom and look.
    """

    width: float = 0.0
    height: float = 0.0
    panels: list[tuple[Panel, Rect]] = field(default_factory=list)
    boxes: dict[str, tuple[Node, Rect]] = field(default_factory=dict)
    labels: dict[int, float] = field(default_factory=dict)
    lanes: dict[int, float] = field(default_factory=dict)
    stems: list[tuple[float, float, float, Look]] = field(default_factory=list)


def word_of(node: Node) -> str:
    """The state, where it is not what one hopes for."""
    if node.word is not None:
        return node.word
    return "" if node.look in (Look.SECURE, Look.ASIDE) else node.look.value.upper()


def title_lines(panel: Panel) -> tuple[Text, ...]:
    return wrap(panel.title, Style.TITLE, SIDE) if panel.title else ()


def lay_out(graph: Graph, narrowest: float) -> Layout:
    """Places begin at (0, 0), and take up ``narrowest`` at least."""
    return _Placer(graph.edges).place(graph.panels, narrowest)


def node_size(node: Node) -> tuple[float, float]:
    head = text_width(node.lines[0].text, node.lines[0].style) if node.lines else 0.0
    word = text_width(word_of(node), Style.MUTE) + 8 if word_of(node) else 0.0
    chips = [node_size(chip) for chip in node.chips]
    row = sum(w for w, _ in chips) + 10 * max(0, len(chips) - 1)
    inner = max(widest(node.lines), head + 10 + word + ICON, row)
    height = tall(node.lines) + (max(h for _, h in chips) + 8 if chips else 0.0)
    return inner + 2 * INSET, height + 2 * INSET - 4


def side_height(panel: Panel) -> float:
    height = tall(title_lines(panel)) + 30
    for look, lines in panel.side:
        height += tall(lines) + _PARAGRAPH + (2 * _CALLOUT if look is not None else 0.0)
    return height


def paragraphs(panel: Panel, top: float) -> Iterable[tuple[Look | None, tuple[Text, ...], float, float]]:
    """Each with its look, its lines, its top and its height."""
    y = top + tall(title_lines(panel)) + 30
    for look, lines in panel.side:
        height = tall(lines) + (2 * _CALLOUT if look is not None else 0.0)
        yield look, lines, y, height
        y += height + _PARAGRAPH


def _footprint(node: Node) -> float:
    return node_size(node)[0] + (_LOOP if node.loop is not None else 0.0)


def _row_width(row: Sequence[Node]) -> float:
    """From the first box to the last."""
    return sum(map(_footprint, row[:-1])) + node_size(row[-1])[0] + _BETWEEN * (len(row) - 1)


def _row_room(row: Sequence[Node]) -> float:
    """The same with the last one's loop, and as much on the other side, so that boxes stay in the middle."""
    return _row_width(row) + (2 * _LOOP if row[-1].loop is not None else 0.0)


def _row_height(row: Iterable[Node]) -> float:
    return max(node_size(node)[1] for node in row)


def _column_width(column: Column) -> float:
    return max((_row_room(row) for row in column.rows), default=0.0)


def _own_width(panel: Panel) -> float:
    return sum(map(_column_width, panel.own)) + 2 * _BETWEEN * max(0, len(panel.own) - 1)


def _child_width(column: Column) -> float:
    below = _needed(column.below) if column.below is not None else 0.0
    return max(below, BESIDE + _column_width(column) + PAD)


def _needed(panel: Panel) -> float:
    """How wide a panel must be, for itself and for all below it."""
    tiers = max((_row_room(tier) for tier in panel.tiers), default=0.0)
    children = _children_width(panel)
    own = _own_width(panel) + (_BETWEEN if panel.own else 0.0)
    beside = children if panel.delegated else BESIDE
    return max(BESIDE + tiers + PAD, beside + own + PAD)


def _children_width(panel: Panel) -> float:
    return sum(map(_child_width, panel.delegated)) + _APART * max(0, len(panel.delegated) - 1)


def _boxes(panel: Panel) -> list[Node]:
    """All below the keys."""
    return [node for column in (*panel.delegated, *panel.own) for row in column.rows for node in row]


@dataclass(slots=True)
class _Placer:
    edges: Sequence[Edge]
    layout: Layout = field(default_factory=Layout)

    def place(self, panels: Sequence[Panel], narrowest: float) -> Layout:
        x = 0.0
        for panel in panels:
            width = max(_needed(panel), narrowest if len(panels) == 1 else 0.0)
            self._panel(panel, x, 0.0, width)
            x += width + _APART
        floor = max((rect.bottom for _, rect in self.layout.panels), default=0.0)
        lanes = 0
        for index, edge in enumerate(self.edges):
            if edge.relation is Relation.LEADS and not self._adjacent(edge):
                self.layout.lanes[index] = floor + _LANE_FIRST + _LANE * lanes
                lanes += 1
        self.layout.width = max(x - _APART, 0.0)
        self.layout.height = floor + (_LANE_FIRST + _LANE * lanes if lanes else 0.0)
        return self.layout

    def _adjacent(self, edge: Edge) -> bool:
        """Whether an alias and what it leads to stand side by side with nothing between them."""
        source, target = (self.layout.boxes[id][1] for id in (edge.source, edge.target))
        between = [
            rect
            for node, rect in self.layout.boxes.values()
            if rect.y == source.y and source.right < rect.x < target.x and node.shape is not Shape.CHIP
        ]
        return source.y == target.y and 0 < target.x - source.right < 4 * _BETWEEN and not between

    def _panel(self, panel: Panel, x: float, y: float, width: float) -> None:
        at = len(self.layout.panels)
        self.layout.panels.append((panel, Rect(x, y, width, 0.0)))
        left, right = x + BESIDE, x + width - PAD
        bottom = y + PAD
        for number, tier in enumerate(panel.tiers):
            self._row(tier, left, right, bottom)
            bottom += _row_height(tier)
            if number + 1 < len(panel.tiers) or panel.delegated or panel.own:
                keys = [node for tier in panel.tiers for node in tier]
                last = number + 1 == len(panel.tiers)
                bottom += _DROP + self._label(keys, _boxes(panel) if last else panel.tiers[number + 1], bottom + 10)
        bottom = self._columns(panel, x, width, bottom)
        height = max(bottom, y + PAD + side_height(panel) - _PARAGRAPH) + PAD - y
        self.layout.panels[at] = (panel, Rect(x, y, width, height))
        self._below(panel, x, width, y + height)

    def _columns(self, panel: Panel, x: float, width: float, top: float) -> float:
        """The boxes below the keys, those of each zone above its panel; and where they end."""
        bottom, at = top, x
        for column, share in zip(panel.delegated, self._shares(panel, width), strict=True):
            bottom = max(bottom, self._column(column, at + BESIDE, at + share - PAD, top))
            at += share + _APART
        own = _own_width(panel)
        start = x + BESIDE + (width - BESIDE - PAD - own) / 2 if not panel.delegated else x + width - PAD - own
        for column in panel.own:
            wide = _column_width(column)
            bottom = max(bottom, self._column(column, start, start + wide, top))
            start += wide + 2 * _BETWEEN
        return bottom

    def _shares(self, panel: Panel, width: float) -> list[float]:
        """How wide the panels below are. The last one takes what is left, unless the answer stands beside it."""
        shares = [_child_width(column) for column in panel.delegated]
        if shares and not panel.own:
            shares[-1] += width - _children_width(panel)
        return shares

    def _below(self, panel: Panel, x: float, width: float, bottom: float) -> None:
        chips = [chip for c in panel.delegated for row in c.rows for node in row for chip in (node, *node.chips)]
        ids = {chip.id for chip in chips}
        count = self._take_labels(lambda edge: edge.relation is Relation.DIGESTS and edge.source in ids, bottom + 8)
        top = bottom + _DROP - 6 + LABEL * count
        for column, share in zip(panel.delegated, self._shares(panel, width), strict=True):
            if column.below is not None:
                claims = [node for row in column.rows[-1:] for node in row if node.shape is Shape.CLAIM]
                for claim in (self.layout.boxes[node.id][1] for node in claims):
                    self.layout.stems.append((claim.middle, claim.bottom, top, column.below.look))
                self._panel(column.below, x, top, share)
            x += share + _APART

    def _column(self, column: Column, left: float, right: float, top: float) -> float:
        y = top
        for number, row in enumerate(column.rows):
            self._row(row, left, right, y)
            y += _row_height(row)
            if number + 1 < len(column.rows):
                y += _DROP + self._label(row, column.rows[number + 1], y + 10)
        return y

    def _row(self, row: Sequence[Node], left: float, right: float, y: float) -> None:
        x = left + (right - left - _row_width(row)) / 2
        for node in row:
            width, height = node_size(node)
            self._box(node, Rect(x, y, width, height))
            x += _footprint(node) + _BETWEEN

    def _box(self, node: Node, rect: Rect) -> None:
        self.layout.boxes[node.id] = (node, rect)
        sizes = [node_size(chip) for chip in node.chips]
        x = rect.middle - (sum(w for w, _ in sizes) + 10 * max(0, len(sizes) - 1)) / 2
        for chip, (width, height) in zip(node.chips, sizes, strict=True):
            self.layout.boxes[chip.id] = (chip, Rect(x, rect.bottom - INSET - height, width, height))
            x += width + 10

    def _label(self, sources: Iterable[Node], targets: Iterable[Node], top: float) -> float:
        """Room for the labels between two rows."""
        from_ids, to_ids = {node.id for node in sources}, {node.id for node in targets}
        return LABEL * self._take_labels(lambda edge: edge.source in from_ids and edge.target in to_ids, top)

    def _take_labels(self, between: Callable[[Edge], bool], top: float) -> int:
        """Gives each labelled arrow a height of its own, from ``top`` on; how many they are."""
        count = 0
        for index, edge in enumerate(self.edges):
            if edge.label and index not in self.layout.labels and between(edge):
                self.layout.labels[index] = top + LABEL * (count + 0.5)
                count += 1
        return count
