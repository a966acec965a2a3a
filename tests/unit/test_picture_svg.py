"""The SVG picture: whole in itself, harmless, the same every time, and plain about what is broken."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from typing import Final
from xml.etree import ElementTree

import dns.name
import pytest
from dns.name import Name

import chain_pictures
from chain_pictures import DOCUMENTED, FOLDER, OTHERS, picture
from danelaw.core.model import JudgedLink, JudgedRRset, JudgedZone, Proof, Reason, RRset, Security, Validated
from danelaw.core.picture.chart import chart
from danelaw.core.picture.graph import Look, Node, Panel, Relation, Shape
from danelaw.core.picture.layout import BESIDE, INSET, PAD, Layout, Rect, lay_out, side_height
from danelaw.core.picture.metrics import Style, tall, text_width, widest, wrap
from danelaw.core.picture.seen import Picture
from danelaw.core.picture.style import _DARK, _LIGHT, LINES
from danelaw.core.picture.svg import as_svg
from fault_garden.damages import unsigned

SVG: Final = "{http://www.w3.org/2000/svg}"
ALL: Final = {**DOCUMENTED, **OTHERS}
NARROWEST: Final = 660.0


def parsed(drawn: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(as_svg(drawn))  # noqa: S314  # our own text, which must be well-formed


def texts(drawn: Picture) -> list[str]:
    return [text.text or "" for text in parsed(drawn).iter(f"{SVG}text")]


def titles(drawn: Picture) -> list[str]:
    return [title.text or "" for title in parsed(drawn).iter(f"{SVG}title")]


# What the documents show


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_documents_show_what_is_drawn_today(name: str) -> None:
    """``python tests/chain_pictures.py`` draws them anew."""
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == as_svg(DOCUMENTED[name]())


def test_the_documents_show_no_other_pictures() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(DOCUMENTED)


@pytest.mark.parametrize("name", ALL)
def test_the_same_picture_has_the_same_bytes(name: str) -> None:
    assert as_svg(ALL[name]()) == as_svg(ALL[name]())


# Whole in itself


@pytest.mark.parametrize("name", ALL)
def test_it_is_read_aloud(name: str) -> None:
    drawn = ALL[name]()
    root = parsed(drawn)
    assert root.get("role") == "img"
    title, desc = root[0], root[1]
    assert (title.tag, desc.tag) == (f"{SVG}title", f"{SVG}desc")
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert (title.text or "").endswith(f": {drawn.answer.state.value}")
    assert drawn.answer.proof is not None
    for zone in drawn.answer.proof.zones:
        assert zone.state.value in (desc.text or "")


@pytest.mark.parametrize("name", ALL)
def test_every_box_has_a_title_of_its_own(name: str) -> None:
    boxes = [group for group in parsed(ALL[name]()).iter(f"{SVG}g") if group.get("id")]
    assert boxes
    assert all(box[0].tag == f"{SVG}title" and box[0].text for box in boxes)


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_fetched_or_run(name: str) -> None:
    drawn = as_svg(ALL[name]())
    assert "script" not in drawn
    assert re.findall(r"(?:href|url|@import|https?://[^\"]*)", drawn) == ["http://www.w3.org/2000/svg"]


def test_light_dark_and_paper_have_their_rules() -> None:
    sheet = parsed(DOCUMENTED["alias"]()).find(f"{SVG}style")
    assert sheet is not None
    light, dark, paper = re.split(r"@media [^{]*\{", sheet.text or "")
    assert _LIGHT["panel"] in light
    assert _DARK["panel"] in dark
    assert _LIGHT["panel"] in paper


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", [_LIGHT, _DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "panel", "box", "tint"])
@pytest.mark.parametrize("ink", ["text", "mute", "secure", "insecure", "bogus", "indeterminate"])
def test_every_text_has_contrast_enough(palette: dict[str, str], ground: str, ink: str) -> None:
    darker, lighter = sorted((luminance(palette[ink]), luminance(palette[ground])))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


# Nothing on top of anything else


def inside(inner: Rect, outer: Rect) -> bool:
    return outer.x <= inner.x and inner.right <= outer.right and outer.y <= inner.y and inner.bottom <= outer.bottom


def apart(one: Rect, other: Rect) -> bool:
    return one.right <= other.x or other.right <= one.x or one.bottom <= other.y or other.bottom <= one.y


def placed(name: str) -> Layout:
    return lay_out(chart(ALL[name]()), NARROWEST)


@pytest.mark.parametrize("name", ALL)
def test_boxes_stand_apart_and_in_their_panels_beside_the_words(name: str) -> None:
    layout = placed(name)
    boxes = [(node, rect) for node, rect in layout.boxes.values() if node.shape is not Shape.CHIP]
    for (_, one), (_, other) in combinations(boxes, 2):
        assert apart(one, other)
    for (_, one), (_, other) in combinations(layout.panels, 2):
        assert apart(one, other)
    for _, rect in boxes:
        panels = [at for _, at in layout.panels if inside(rect, at)]
        assert len(panels) == 1
        assert rect.x >= panels[0].x + BESIDE - PAD


@pytest.mark.parametrize("name", ALL)
def test_words_fit_their_boxes(name: str) -> None:
    layout = placed(name)
    for node, rect in layout.boxes.values():
        assert widest(node.lines) <= rect.w - 2 * INSET + 0.01
        assert tall(node.lines) <= rect.h - INSET
    for panel, rect in layout.panels:
        assert all(widest(lines) <= BESIDE - 2 * PAD for _, lines in panel.side)
        assert side_height(panel) <= rect.h


@pytest.mark.parametrize("name", ALL)
def test_labels_of_arrows_stand_apart_from_boxes_and_each_other(name: str) -> None:
    graph = chart(ALL[name]())
    layout = lay_out(graph, NARROWEST)
    assert len(layout.labels) == sum(1 for edge in graph.edges if edge.label)
    heights = list(layout.labels.values())
    assert len(set(heights)) == len(heights)
    for index, y in layout.labels.items():
        source, target = (layout.boxes[id][1] for id in (graph.edges[index].source, graph.edges[index].target))
        assert source.bottom < y < target.y


def test_names_and_data_are_whole_in_the_titles_however_long_they_are() -> None:
    drawn = OTHERS["long"]()
    assert any(chain_pictures.LONG in title for title in titles(drawn))
    together = "".join(texts(drawn))
    assert chain_pictures.LONG in together


@pytest.mark.parametrize("text", ["x" * 300, "a.b." * 60, "word " * 50, "", "…", "漢字" * 80])
def test_wrapped_text_is_whole_and_fits(text: str) -> None:
    lines = wrap(text, Style.DATA, 100.0)
    assert "".join(line.text for line in lines).replace(" ", "") == text.replace(" ", "")
    assert all(text_width(line.text, line.style) <= 100.0 for line in lines)


# States


def test_states_differ_in_line_mark_and_word() -> None:
    assert len(set(LINES.values())) == len(Look)


CASES: Final = [
    ("secure-tlsa", Look.SECURE, set()),
    ("insecure", Look.INSECURE, {"INSECURE_DELEGATION"}),
    ("expired", Look.BOGUS, {"SIGNATURE_EXPIRED"}),
    ("ds-mismatch", Look.BOGUS, {"DS_MISMATCH"}),
]


@pytest.mark.parametrize(("name", "look", "codes"), CASES)
def test_each_state_is_said_in_words(name: str, look: Look, codes: set[str]) -> None:
    said = texts(ALL[name]())
    assert look.value.upper() in said
    assert codes <= set(said)
    assert (Look.BOGUS.value.upper() in said) == (look is Look.BOGUS)


@pytest.mark.parametrize(("name", "relation"), [("expired", Relation.SIGNS), ("ds-mismatch", Relation.DIGESTS)])
def test_the_broken_link_has_a_flag_with_its_code(name: str, relation: Relation) -> None:
    """One arrow is broken, and the flag on it says why."""
    graph = chart(ALL[name]())
    (broken,) = [edge for edge in graph.edges if edge.look is Look.BOGUS]
    assert broken.relation is relation
    flags = [path for path in parsed(ALL[name]()).iter(f"{SVG}path") if path.get("class") == "flag bogus"]
    assert len(flags) == 1
    assert broken.label in texts(ALL[name]())


def test_keys_without_a_signature_are_drawn_as_keys_that_do_not_sign_themselves() -> None:
    graph = chart(picture("www A", unsigned("example.net. DNSKEY")))
    (key,) = [node for node in nodes(graph.panels[0]) if node.loop is Look.BOGUS]
    assert [line.text for line in key.lines] == [
        "KSK 42549",
        "ECDSAP256SHA256",
        "flags 257, 256 bits",
        "SIGNATURE_MISSING",
    ]


def test_no_answer_is_drawn_as_not_known() -> None:
    reason = Reason("NO_ANSWER", "RFC 4035 §4.3", "x. A", "TIMEOUT")
    name = dns.name.from_text("x.")
    link = JudgedLink(name, 1, Security.INDETERMINATE, reasons=(reason,))
    silent = Validated(name, 1, Security.INDETERMINATE, reasons=(reason,), proof=Proof(chain_pictures.NOW, (), (link,)))
    said = texts(Picture(silent))
    assert {"INDETERMINATE", "NO_ANSWER", "x. A"} <= set(said)


def test_without_a_proof_the_reasons_are_drawn() -> None:
    reason = Reason("WORK_LIMIT", "RFC 4035 §5.4", "x. A")
    drawn = Picture(Validated(dns.name.from_text("x."), 1, Security.BOGUS, reasons=(reason,)))
    assert {"BOGUS", "WORK_LIMIT"} <= set(texts(drawn))


def test_keys_are_told_by_role_algorithm_size_and_tag() -> None:
    said = texts(DOCUMENTED["secure-tlsa"]())
    assert {"CSK 9588", "KSK 42549", "ZSK 57300", "ECDSAP256SHA256", "flags 256, 256 bits"} <= set(said)


def test_in_a_roll_two_digests_lead_to_two_keys_which_sign_themselves() -> None:
    graph = chart(OTHERS["rolled"]())
    keys = {node.id: node for node in nodes(graph.panels[0].delegated[0].below) if node.shape is Shape.KEY}
    assert [node.loop is not None for node in keys.values()].count(True) >= 1
    digests = [edge.target for edge in graph.edges if edge.relation is Relation.DIGESTS]
    assert len(digests) == len(set(digests)) == 4


def nodes(panel: Panel | None) -> list[Node]:
    """Every box of a panel and of those below it."""
    if panel is None:
        return []
    found = [node for tier in panel.tiers for node in tier]
    for column in (*panel.delegated, *panel.own):
        found += [node for row in column.rows for node in row] + nodes(column.below)
    return found


def test_an_alias_leads_to_what_it_names() -> None:
    graph = chart(DOCUMENTED["alias"]())
    (alias,) = [edge for edge in graph.edges if edge.relation is Relation.LEADS]
    assert "away.example.net. CNAME leads to www.safe.org." in alias.full


def test_a_certificate_that_does_not_match_is_told_in_words() -> None:
    drawn = DOCUMENTED["secure-tlsa"]()
    assert drawn.presented is not None
    other = replace(drawn.presented[1], matched=False, record="", depth=None, trouble="MISMATCH (RFC 6698 §2.1)")
    said = texts(replace(drawn, presented=(drawn.presented[0], other)))
    assert {"matches", "does not match", "NO MATCH", "no match"} <= set(said)
    assert Look.BOGUS.value.upper() not in said
    assert "bogus: the chain is broken" not in said


def test_servers_that_differ_are_told_beside_their_zone() -> None:
    said = texts(OTHERS["swept"]())
    assert {"its 2 servers differ:", "example.net. SOA", "not all of its servers answer:"} <= set(said)


# Hostile names


HOSTILE: Final = [
    Name((b"<script>alert(1)</script>", b"")),
    Name((b"\x00\x1b[31m\x07\xff", b"]]>&amp;", b"")),
    Name((b'"onload="x', b"'", b"")),
    dns.name.from_text("xn--fake--label."),
]


@pytest.mark.parametrize("name", HOSTILE, ids=str)
def test_a_hostile_name_is_text_and_nothing_else(name: Name) -> None:
    rrset = RRset(name, 16, 60, frozenset({b"\x08<b>&\x1b[2J"}))
    judged = JudgedRRset(name, rrset, Security.BOGUS)
    reason = Reason("SIGNATURE_MISSING", "RFC 4035 §5.3.1", name.to_text(), "\x1b]0;<\u202e\ud800")
    zone = JudgedZone(name, None, Security.SECURE)
    link = JudgedLink(name, 16, Security.BOGUS, name, judged, reasons=(reason,))
    proof = Proof(chain_pictures.NOW, (zone,), (link,))
    drawn = Picture(Validated(name, 16, Security.BOGUS, reasons=(reason,), notes=(reason,), proof=proof))
    root = parsed(drawn)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "g", "path", "text"}
    assert not any(key.startswith("on") for element in root.iter() for key in element.attrib)
    assert all(text.isprintable() for text in texts(drawn))


def test_a_name_in_u_labels_keeps_its_a_labels_beside_them() -> None:
    drawn = picture("xn--strae-oqa A")
    assert any("straße.example.net. (xn--strae-oqa.example.net.)" in text for text in titles(drawn))
