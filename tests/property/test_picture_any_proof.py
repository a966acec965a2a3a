"""Any proof whatever can be drawn and told: well-formed XML, printable text, plain JSON, boxes that stand apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Final
from xml.etree import ElementTree

import dns.name
import pytest
from dns.name import Name
from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.core.model import (
    JudgedDenial,
    JudgedDigest,
    JudgedKey,
    JudgedLink,
    JudgedRRset,
    JudgedSignature,
    JudgedZone,
    Outcome,
    Proof,
    Reason,
    RRset,
    Security,
    Validated,
)
from danelaw.core.picture.chart import chart
from danelaw.core.picture.graph import Shape
from danelaw.core.picture.json_form import as_json
from danelaw.core.picture.layout import lay_out
from danelaw.core.picture.seen import Picture
from danelaw.core.picture.svg import as_svg
from danelaw.core.picture.tree import tree

pytestmark = pytest.mark.slow

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)

names = st.lists(st.binary(min_size=1, max_size=12), max_size=3).map(lambda labels: Name((*labels, b"")))
states = st.sampled_from(Security)
texts = st.text(max_size=60)
reasons = st.builds(Reason, st.sampled_from(["NO_ANSWER", "DS_MISMATCH"]), texts, texts, texts)
instants = st.integers(-4000, 4000).map(lambda hours: NOW + timedelta(hours=hours))
types = st.sampled_from([1, 2, 5, 6, 16, 28, 39, 43, 47, 48, 50, 52, 65280])
tags, algorithms = st.integers(0, 3), st.sampled_from([8, 13, 250])
faults = st.none() | reasons
rdatas = st.frozensets(st.binary(max_size=80), min_size=1, max_size=8)
rrsets = st.builds(
    RRset, names, types, st.integers(0, 2**31 - 1), rdatas, st.frozensets(st.binary(max_size=4), max_size=1)
)
signatures = st.builds(
    JudgedSignature, types, algorithms, st.integers(0, 4), st.integers(0, 9999), instants, instants, tags, names,
    st.sampled_from(Outcome), faults,
)  # fmt: skip
few = st.lists
judged = st.builds(
    JudgedRRset, names, rrsets, states, few(signatures, max_size=3).map(tuple), st.none() | names,
    few(reasons, max_size=2).map(tuple), st.integers(0, 2),
)  # fmt: skip
denials = st.builds(JudgedDenial, texts, few(judged, max_size=3).map(tuple), st.booleans())
digests = st.builds(
    JudgedDigest, tags, algorithms, st.integers(0, 5), st.binary(max_size=48), st.sampled_from(Outcome), faults
)
keys = st.builds(
    JudgedKey, st.binary(max_size=60), st.sampled_from([0, 256, 257, 385]), algorithms, tags,
    st.none() | st.integers(0, 8192), st.booleans(), faults,
)  # fmt: skip


@st.composite
def zones(draw: st.DrawFn) -> tuple[JudgedZone, ...]:
    """A tree: each zone but the first lies under one before it, or under nothing."""
    apexes = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    found = []
    for index, apex in enumerate(apexes):
        parent = draw(st.none() | st.sampled_from(apexes[:index])) if index else None
        found.append(
            JudgedZone(
                apex,
                parent,
                draw(states),
                draw(st.none() | judged),
                draw(few(digests, max_size=3).map(tuple)),
                draw(st.none() | denials),
                draw(st.none() | judged),
                draw(few(keys, max_size=4).map(tuple)),
                draw(few(reasons, max_size=2).map(tuple)),
            )
        )
    return tuple(found)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    found = draw(zones())
    places = st.none() | st.sampled_from([zone.name for zone in found])
    links = draw(
        few(
            st.builds(
                JudgedLink, names, types, states, places, st.none() | judged, st.none() | denials, st.none() | rrsets,
                st.none() | names, few(reasons, max_size=2).map(tuple),
            ),
            max_size=3,
        )
    )  # fmt: skip
    proof = Proof(NOW, found, tuple(links))
    said = draw(few(reasons, max_size=2).map(tuple))
    return Picture(Validated(dns.name.from_text("x."), 1, draw(states), reasons=said, notes=said, proof=proof))


@settings(max_examples=60, deadline=None)
@given(pictures())
def test_the_svg_is_well_formed_and_the_same_every_time(picture: Picture) -> None:
    text = as_svg(picture)
    root = ElementTree.fromstring(text)  # noqa: S314  # our own text, which must be well-formed
    assert all((one.text or "").isprintable() for one in root.iter() if one.tag.endswith(("text", "title", "desc")))
    assert as_svg(picture) == text


def test_an_alias_back_to_a_link_that_was_there_leads_to_its_box() -> None:
    root = dns.name.root
    end, alias = JudgedLink(root, 1, Security.SECURE), JudgedLink(root, 1, Security.SECURE, onward=root)
    proof = Proof(NOW, (JudgedZone(root, None, Security.SECURE),), (end, alias, end))
    layout = lay_out(chart(Picture(Validated(root, 1, Security.SECURE, proof=proof))), 0.0)
    assert {"link 0", "link 1"} <= set(layout.boxes)


@settings(max_examples=60, deadline=None)
@given(pictures())
def test_boxes_stand_apart(picture: Picture) -> None:
    layout = lay_out(chart(picture), 0.0)
    boxes = [rect for node, rect in layout.boxes.values() if node.shape is not Shape.CHIP]
    for one, other in combinations(boxes, 2):
        assert one.right <= other.x or other.right <= one.x or one.bottom <= other.y or other.bottom <= one.y


@settings(max_examples=60, deadline=None)
@given(pictures(), st.booleans())
def test_the_tree_and_the_json_hold_nothing_that_a_terminal_obeys(picture: Picture, plain: bool) -> None:
    assert all(line.text.isprintable() for line in tree(picture, plain=plain))
    assert json.loads(json.dumps(as_json(picture)))["schema"] == "danelaw/chain/1"
