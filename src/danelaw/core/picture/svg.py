"""The chain of trust as an SVG picture, drawn without a library: for a screen, for paper, and to be read aloud.

Whatever came from the network is text in it, and nothing else: escaped, and free of characters that XML forbids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from danelaw.core.picture import arrows, layout
from danelaw.core.picture.arrows import number
from danelaw.core.picture.boxes import SIDE
from danelaw.core.picture.chart import chart
from danelaw.core.picture.graph import Edge, Graph, Look, Node, Panel, Relation, Shape
from danelaw.core.picture.layout import INSET, PAD, Layout, Rect
from danelaw.core.picture.metrics import Style, Text, tall, text_width, wrap
from danelaw.core.picture.seen import Picture
from danelaw.core.picture.style import style_sheet
from danelaw.core.verdict.printable import printable

MARGIN: Final = 24.0
_NARROWEST: Final = 660.0
_RADIUS: Final = {Shape.KEY: 20.0, Shape.RECORD: 5.0, Shape.CHIP: 5.0, Shape.CLAIM: 16.0, Shape.CERTIFICATE: 0.0}
_MEANINGS: Final = {
    Look.SECURE: "secure",
    Look.INSECURE: "insecure: proven unsigned",
    Look.BOGUS: "bogus: the chain is broken",
    Look.INDETERMINATE: "indeterminate: not known",
    Look.ASIDE: "decided nothing",
}


def as_svg(picture: Picture) -> str:
    """A whole SVG document, ended by a line feed. The same picture gives the same text."""
    graph = chart(picture)
    drawing = _Drawing(graph, layout.lay_out(graph, _NARROWEST))
    return drawing.document()


def _head(edge: Edge) -> str:
    return _head_of(edge.relation, edge.look)


def _head_of(relation: Relation, look: Look) -> str:
    """The classes of an arrow's head; what is broken is filled in any case."""
    if relation is Relation.LEADS:
        return f"head open {look.value}"
    hollow = relation in (Relation.DIGESTS, Relation.MATCHES) and look is not Look.BOGUS
    return f"head{' hollow' if hollow else ''} {look.value}"


def _attributes(given: dict[str, str | float]) -> str:
    return "".join(
        f" {name}={quoteattr(value if isinstance(value, str) else number(value))}" for name, value in given.items()
    )


@dataclass(slots=True)
class _Drawing:
    graph: Graph
    layout: Layout
    parts: list[str] = field(default_factory=list)
    left: float = MARGIN
    top: float = 0.0

    # -- elements -----------------------------------------------------------------------------------------------

    def _open(self, tag: str, **given: str | float) -> None:
        self.parts.append(f"<{tag}{_attributes(given)}>")

    def _close(self, tag: str) -> None:
        self.parts.append(f"</{tag}>")

    def _path(self, way: str, css: str) -> None:
        self.parts.append(f"<path class={quoteattr(css)} d={quoteattr(way)}/>")

    def _title(self, text: str) -> None:
        self.parts.append(f"<title>{escape(printable(text))}</title>")

    def _text(self, text: str, x: float, y: float, css: str, *, anchor: str = "") -> None:
        given: dict[str, str | float] = {"class": css, "x": x, "y": y}
        if anchor:
            given["text-anchor"] = anchor
        self.parts.append(f"<text{_attributes(given)}>{escape(printable(text))}</text>")

    def _lines(self, lines: Sequence[Text], x: float, y: float, look: Look | None = None) -> float:
        """Lines of text from a top edge on; where the next one would begin."""
        for line in lines:
            baseline = y + line.style.height - (line.style.height - line.style.size) / 2 - line.style.size * 0.18
            tinted = look not in (None, Look.SECURE, Look.ASIDE) and line.style in (Style.CODE, Style.HEAD)
            self._text(line.text, x, baseline, f"{line.style.css} {look.value}" if tinted and look else line.style.css)
            y += line.style.height
        return y

    # -- the whole ----------------------------------------------------------------------------------------------

    def document(self) -> str:
        width = max(self.layout.width, _NARROWEST)
        room = width - text_width(self.graph.look.value.upper(), Style.TITLE) - 60
        title = wrap(self.graph.title, Style.TITLE, room)
        sentence = f"{self.graph.sentence[0].upper()}{self.graph.sentence[1:]}."
        said = (*wrap(sentence, Style.BODY, room), *wrap(self.graph.asof, Style.MUTE, room))
        self.top = MARGIN + tall(title) + tall(said) + 20
        self.left = MARGIN + max(0.0, (width - self.layout.width) / 2)
        end = self._body(title, said, width)
        notes = [line for note in self.graph.notes for line in wrap(note, Style.MUTE, width)]
        if notes:
            end = self._lines(wrap("What was wrong and did not decide", Style.HEAD, width), MARGIN, end + 8)
            end = self._lines(notes, MARGIN, end)
        end = self._legend(end + 14, width)
        w, h = number(width + 2 * MARGIN), number(end + MARGIN)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}"'
            ' xml:space="preserve" role="img" aria-labelledby="title desc">'
        )
        name = f"Chain of trust of {self.graph.title}: {self.graph.look.value}"
        words = (
            head,
            f'<title id="title">{escape(printable(name))}</title>',
            f'<desc id="desc">{escape(printable(self._description()))}</desc>',
            f"<style>{escape(style_sheet())}</style>",
            f'<rect class="page" width="{w}" height="{h}"/>',
        )
        return "\n".join((*words, *self.parts, "</svg>", ""))

    def _description(self) -> str:
        """The picture for those who do not see it: the verdict, each zone, and what is broken."""
        zones = [f"{panel.title}: {panel.look.value}" for panel, _ in self.layout.panels if panel.title]
        broken = [f"{edge.label} on {edge.full}" for edge in self.graph.edges if edge.look is Look.BOGUS and edge.label]
        return ". ".join((f"{self.graph.sentence}, {self.graph.asof}".strip(", "), *zones, *broken)) + "."

    def _body(self, title: Sequence[Text], said: Sequence[Text], width: float) -> float:
        y = self._lines(title, MARGIN, MARGIN)
        self._lines(said, MARGIN, y)
        self._badge(self.graph.look, MARGIN + width, MARGIN + 3, end=True)
        for panel, rect in self.layout.panels:
            self._panel(panel, self._moved(rect))
        for x, y1, y2, look in self.layout.stems:
            self._path(arrows.path("M", x + self.left, y1 + self.top, "V", y2 + self.top), look.value)
        for index, edge in enumerate(self.graph.edges):
            self._edge(index, edge)
        for node, rect in self.layout.boxes.values():
            self._node(node, self._moved(rect))
        for index, edge in enumerate(self.graph.edges):
            if index in self.layout.labels:
                self._label(index, edge)
        return self.top + self.layout.height + 8

    def _moved(self, rect: Rect) -> Rect:
        return Rect(rect.x + self.left, rect.y + self.top, rect.w, rect.h)

    def _badge(self, look: Look, x: float, y: float, *, end: bool = False) -> None:
        """A mark and a word, from ``x`` on or up to it."""
        word = look.value.upper()
        wide = text_width(word, Style.HEAD)
        start = x - wide - 20 if end else x
        self._path(arrows.mark(look, start + 6, y + 9, 11), f"mark {look.value}")
        self._text(word, start + 20, y + 13.5, f"h {look.value}")

    # -- panels and boxes ---------------------------------------------------------------------------------------

    def _panel(self, panel: Panel, rect: Rect) -> None:
        self._open("g")
        self._title(f"{panel.title}: {panel.look.value}")
        rim = "rim" if panel.look is Look.SECURE else panel.look.value
        self._path(arrows.outline(panel.look, rect, 10), f"panel {rim}")
        y = self._lines(layout.title_lines(panel), rect.x + PAD, rect.y + PAD - 4)
        self._badge(panel.look, rect.x + PAD, y + 3)
        for look, lines, top, height in layout.paragraphs(panel, rect.y + PAD - 4):
            if look is None:
                self._lines(lines, rect.x + PAD, top)
                continue
            around = Rect(rect.x + PAD - 6, top, SIDE + 12, height)
            fill = "tint" if look is Look.BOGUS else "box"
            self._path(arrows.outline(Look.ASIDE, around, 4), f"{fill} rim")
            self._path(arrows.path("M", around.x, around.y + 2, "v", height - 4), f"mark {look.value}")
            self._lines(lines, rect.x + PAD + 2, top + 9, look)
        self._close("g")

    def _node(self, node: Node, rect: Rect) -> None:
        self._open("g", id=node.id.replace(" ", "-"))
        self._title(f"{node.full}: {node.look.value}")
        self._path(arrows.outline(node.look, rect, _RADIUS[node.shape]), f"box {node.look.value}")
        if node.shape is Shape.CERTIFICATE:
            self._path(arrows.path("M", rect.x + 3, rect.y + 3, "h", rect.w - 6), f"rim {node.look.value}")
        self._lines(node.lines, rect.x + INSET, rect.y + INSET - 3, node.look)
        across, height = rect.right - INSET, rect.y + INSET - 3 + 9
        self._path(arrows.mark(node.look, across - 5, height, 9), f"mark {node.look.value}")
        if word := layout.word_of(node):
            self._text(word, across - 15, height + 4, f"m {node.look.value}", anchor="end")
        self._close("g")
        if node.loop is not None:
            self._open("g")
            self._title(f"{node.full} signs itself: {node.loop.value}")
            self._path(arrows.loop(rect), node.loop.value)
            self._path(arrows.left_head(rect.right, rect.y + rect.h / 2 + 7), f"head {node.loop.value}")
            if node.loop is Look.BOGUS:
                self._path(arrows.mark(node.loop, rect.right + 20, rect.y + rect.h / 2, 9), f"mark {node.loop.value}")
            self._close("g")

    # -- arrows -------------------------------------------------------------------------------------------------

    def _ends(self, index: int, edge: Edge) -> tuple[float, float, float, float]:
        """From the bottom of one box to the top of another, side by side with the other arrows there."""
        source, target = (self._moved(self.layout.boxes[id][1]) for id in (edge.source, edge.target))
        return (
            source.middle + self._aside(index, edge.source, source, out=True),
            source.bottom,
            target.middle + self._aside(index, edge.target, target, out=False),
            target.y,
        )

    def _aside(self, index: int, id: str, rect: Rect, *, out: bool) -> float:
        """How far from the middle of a box one of its arrows begins or ends."""
        falling = [i for i, edge in enumerate(self.graph.edges) if edge.relation is not Relation.LEADS]
        others = [i for i in falling if (self.graph.edges[i].source if out else self.graph.edges[i].target) == id]
        far = [self.graph.edges[i].target if out else self.graph.edges[i].source for i in others]
        order = sorted(zip([self.layout.boxes[one][1].middle for one in far], others, strict=True))
        place = [i for _, i in order].index(index)
        step = min(16.0, (rect.w - 24) / max(1, len(order)))
        return (place - (len(order) - 1) / 2) * step

    def _edge(self, index: int, edge: Edge) -> None:
        self._open("g")
        self._title(f"{edge.relation.value}: {edge.full} ({edge.look.value})")
        css = edge.look.value
        if edge.relation is Relation.LEADS:
            source, target = (self._moved(self.layout.boxes[id][1]) for id in (edge.source, edge.target))
            middle = target.y + min(target.h, 56.0) / 2
            lane = self.layout.lanes.get(index)
            if lane is None:
                self._path(arrows.across(source.right, middle, target.x), css)
            else:
                self._path(arrows.around(source.middle, source.bottom, lane + self.top, target.x, middle), css)
            self._path(arrows.right_head(target.x, middle, edge.relation), f"head open {css}")
        else:
            x1, y1, x2, y2 = self._ends(index, edge)
            self._path(arrows.falling(x1, y1, x2, y2), css)
            self._path(arrows.down_head(x2, y2, edge.relation), _head(edge))
        self._close("g")

    def _label(self, index: int, edge: Edge) -> None:
        """The reason's code beside a broken arrow, with a cross on it."""
        x1, y1, x2, y2 = self._ends(index, edge)
        y = self.layout.labels[index] + self.top
        x = arrows.falling_x(x1, y1, x2, y2, y)
        wide = text_width(edge.label, Style.CODE)
        self._path(arrows.outline(Look.ASIDE, Rect(x - 10, y - 10, wide + 34, 20), 10), f"flag {edge.look.value}")
        self._path(arrows.mark(edge.look, x, y, 10), f"mark on {edge.look.value}")
        self._text(edge.label, x + 14, y + 4, f"c on {edge.look.value}")

    # -- legend -------------------------------------------------------------------------------------------------

    def _legend(self, y: float, width: float) -> float:
        """What the lines and marks mean: only those that are in the picture."""
        self._path(arrows.path("M", MARGIN, y, "h", width), "rim")
        x, y = MARGIN, y + 22
        for look, relation, text in self._samples():
            wide = 44 + text_width(text, Style.MUTE) + 22
            if x + wide > MARGIN + width and x > MARGIN:
                x, y = MARGIN, y + 20
            self._path(
                arrows.path("M", x, y, "h", 30.0 if relation in (None, Relation.LEADS) else 30 - arrows.HEAD),
                look.value,
            )
            if relation is None:
                self._path(arrows.mark(look, x + 38, y, 9), f"mark {look.value}")
            else:
                self._path(arrows.right_head(x + 30, y, relation), _head_of(relation, look))
            self._text(text, x + (50 if relation is None else 38), y + 4, "m")
            x += wide
        return y + 8

    def _samples(self) -> Iterator[tuple[Look, Relation | None, str]]:
        used = {edge.look for edge in self.graph.edges if edge.relation is not Relation.MATCHES}
        used |= {node.look for node, _ in self.layout.boxes.values() if node.shape is not Shape.CERTIFICATE}
        used |= {panel.look for panel, _ in self.layout.panels}
        yield from ((look, None, _MEANINGS[look]) for look in Look if look in used)
        relations = {edge.relation for edge in self.graph.edges}
        yield from ((Look.SECURE, relation, relation.value) for relation in Relation if relation in relations)
