"""Whatever fault a chain of trust has, it can be told and drawn: every entry of the garden of faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Final
from xml.etree import ElementTree

import dns.name
import pytest

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.model import Security
from danelaw.core.picture.chart import chart
from danelaw.core.picture.graph import Look
from danelaw.core.picture.json_form import as_json
from danelaw.core.picture.layout import lay_out
from danelaw.core.picture.seen import Picture
from danelaw.core.picture.svg import as_svg
from danelaw.core.picture.tree import tree
from fault_garden.damages import Entry
from fault_garden.entries import GARDEN
from fault_garden.garden import plant

pytestmark = pytest.mark.slow  # every fault there is

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)


@cache
def drawn(entry: Entry) -> Picture:
    garden = plant(entry.layout, dns.name.root, NOW)
    entry.damage(garden)
    asked = garden.question(entry.asked)
    return Picture(drive(Validation(asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW), garden.answer))


@pytest.mark.parametrize("entry", GARDEN, ids=lambda entry: entry.name)
def test_it_is_drawn_told_and_given_to_programs(entry: Entry) -> None:
    picture = drawn(entry)
    text = as_svg(picture)
    ElementTree.fromstring(text)  # noqa: S314  # our own text, which must be well-formed
    told = "\n".join(line.text for line in tree(picture))
    given = json.loads(json.dumps(as_json(picture)))
    assert given["state"] == picture.answer.state.value
    assert picture.answer.state.value.upper() in told
    if picture.answer.state is not Security.SECURE:
        for reason in picture.answer.reasons:
            assert reason.code in told
            assert reason.code in text
            assert reason.code in {one["code"] for one in given["reasons"]}


@pytest.mark.parametrize("entry", GARDEN, ids=lambda entry: entry.name)
def test_every_arrow_has_its_boxes_and_every_box_its_place(entry: Entry) -> None:
    graph = chart(drawn(entry))
    layout = lay_out(graph, 600.0)
    for edge in graph.edges:
        assert {edge.source, edge.target} <= set(layout.boxes)
    assert len({edge.label for edge in graph.edges if edge.label}) <= len(layout.labels)


@pytest.mark.parametrize("entry", [e for e in GARDEN if e.state is Security.BOGUS], ids=lambda entry: entry.name)
def test_where_it_is_broken_something_is_drawn_so(entry: Entry) -> None:
    graph = chart(drawn(entry))
    layout = lay_out(graph, 600.0)
    looks = {edge.look for edge in graph.edges} | {node.look for node, _ in layout.boxes.values()}
    looks |= {look for panel in layout.panels for look, _ in panel[0].side if look is not None}
    assert Look.BOGUS in looks
