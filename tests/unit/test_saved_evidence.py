"""Saved evidence: what is written can be read, and judged to the same end; what is no evidence says where it is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from danelaw.core.model import (
    DanelawError,
    Handshake,
    TargetEvidence,
    read_target,
)
from danelaw.core.verdict import judge
from danelaw.core.verdict.saved import SCHEMA, from_json, from_text, to_json, to_line
from kept_evidence import EVERYTHING, LOOKED
from verdict_evidence import REFERENCE


def dialogues(evidence: TargetEvidence) -> list[tuple[str, ...]]:
    """They don't count where handshakes are compared."""
    return [
        probe.got.said
        for endpoint in evidence.endpoints
        for probe in endpoint.probes
        if isinstance(probe.got, Handshake)
    ]


def test_what_is_written_can_be_read() -> None:
    again = from_text(to_line(LOOKED))
    assert again == LOOKED
    assert dialogues(again) == dialogues(LOOKED)
    assert any(dialogues(again))


@pytest.mark.parametrize(
    "text",
    ["www.example.net", "www.example.net:8443", "imap:example.net", "imap:example.net:143", "www.example.net:853/udp"],
)
def test_a_target_stays_what_it_is(text: str) -> None:
    looked = replace(LOOKED, target=read_target(text))
    assert from_json(to_json(looked)).target == looked.target


def test_proofs_are_left_out_and_everything_else_judges_the_same() -> None:
    (again, _) = from_text(to_line(LOOKED)).endpoints
    assert judge(again, REFERENCE) == judge(EVERYTHING, REFERENCE)


def test_a_document_is_one_line_of_ascii_and_the_same_each_time() -> None:
    line = to_line(LOOKED)
    assert line.isascii()
    assert "\n" not in line
    assert to_line(from_text(line)) == line


def test_the_document_says_its_schema() -> None:
    assert to_json(LOOKED)["schema"] == SCHEMA == "danelaw/evidence/1"


Change = Callable[[Any], object]


def put(value: object, *path: str | int) -> Change:
    def change(document: Any) -> object:
        place = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        return document

    return change


FIRST: Final = ("endpoints", 0)
TLSA: Final = (*FIRST, "tlsa")
PROBE: Final = (*FIRST, "probes", 0)

DAMAGES: Final[list[tuple[Change, str]]] = [
    (lambda _: [], "$: a list where an object should be"),
    (lambda _: None, "$: null where an object should be"),
    (lambda _: {}, "$: the field 'schema' is missing"),
    (put("danelaw/evidence/2", "schema"), "$.schema: 'danelaw/evidence/2', and 'danelaw/evidence/1'"),
    (put("danelaw/check/1", "schema"), "$.schema: 'danelaw/check/1'"),
    (put(1, "weather"), "$: the field 'weather' is not known"),
    (put(-1, "leftOut"), "$.leftOut: not from 0"),
    (put(True, "leftOut"), "$.leftOut: true or false where a whole number should be"),
    (put(1.5, "leftOut"), "$.leftOut: a number where a whole number should be"),
    (put(1, "target", "searched"), "$.target.searched: a number where true or false should be"),
    (put("gopher", "target", "application"), "$.target.application: 'gopher' is none of https, "),
    (put(0, "target", "port"), "$.target.port: not from 1 to 65535"),
    (put("carrier pigeon", "target", "transport"), "$.target.transport: none of tcp, udp, sctp"),
    (put(".", "target", "name"), "$.target.name: the root of the DNS is no host"),
    (put("2026-11-23T12:00:00", "at"), "$.at: no instant: the offset from UTC is missing"),
    (put("0001-01-01T00:00:00+23:59", "at"), "$.at: no instant"),
    (put("9999-12-31T00:00:00Z", "at"), "$.at: not of the years 1970 to 8999"),
    (put("tomorrow", "at"), "$.at: no instant"),
    (put({}, "endpoints"), "$.endpoints: an object where a list should be"),
    (put([None] * 70_000, "endpoints"), "$.endpoints: more than 65536 items"),
    (put("www.example.net", *FIRST, "base"), "$.endpoints[0].base: a domain name that is not absolute"),
    (put("a..b.", *FIRST, "base"), "$.endpoints[0].base: no domain name"),
    (put("straße.example.", *FIRST, "base"), "$.endpoints[0].base: no domain name in ASCII"),
    (put("x" * 64 + ".", *FIRST, "base"), "$.endpoints[0].base: no domain name"),
    (put("a." * 200, *FIRST, "base"), "$.endpoints[0].base: no domain name"),
    (put("secured", *TLSA, "state"), "$.endpoints[0].tlsa.state: 'secured' is none of secure, "),
    (put(65536, *TLSA, "type"), "$.endpoints[0].tlsa.type: not from 0 to 65535"),
    (put(["zz"], *TLSA, "rrsets", 0, "rdatas"), "$.endpoints[0].tlsa.rrsets[0].rdatas[0]: not hexadecimal"),
    (put(["éé"], *TLSA, "rrsets", 0, "rdatas"), "$.endpoints[0].tlsa.rrsets[0].rdatas[0]: not hexadecimal"),
    (put(["00" * 65536], *TLSA, "rrsets", 0, "rdatas"), "rdatas[0]: more than 65535 octets"),
    (put("half \ud800 a pair", *TLSA, "reasons"), "$.endpoints[0].tlsa.reasons: a string where a list should be"),
    (put("half \ud800 a pair", *PROBE, "got", "handshake", "cipher"), "cipher: no text: half of a surrogate pair"),
    (put("x" * 70_000, *PROBE, "got", "handshake", "cipher"), "cipher: more than 65536 characters"),
    (put(["%%"], *PROBE, "got", "handshake", "chain"), "got.handshake.chain[0]: not in base64"),
    (put({}, *PROBE, "got"), "$.endpoints[0].probes[0].got: an object where an object with one field should be"),
    (put({"miracle": {}}, *PROBE, "got"), "$.endpoints[0].probes[0].got: 'miracle' is none of handshake, "),
    (put({"notOffered": {"why": ""}}, *PROBE, "got"), "got.notOffered: the field 'why' is not known"),
    (put("192.0.2.256", *PROBE, "address"), "$.endpoints[0].probes[0].address: no IP address"),
    (put("SSLv2", *PROBE, "hello", "version"), "hello.version: 'SSLv2' is none of TLSv1.2, TLSv1.3"),
]


@pytest.mark.parametrize(("damage", "where"), DAMAGES, ids=[where[:60] for _, where in DAMAGES])
def test_what_is_no_evidence_is_refused_with_where_it_is_not(damage: Change, where: str) -> None:
    document = damage(json.loads(to_line(LOOKED)))
    with pytest.raises(DanelawError) as caught:
        from_text(json.dumps(document))
    assert caught.value.code == "EVIDENCE_UNREADABLE"
    assert where in caught.value.evidence
    assert "--save" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        (to_line(LOOKED)[:-100], "no JSON"),
        (to_line(LOOKED) + "}", "no JSON"),
        ("[" * 100_000, "$: lists or objects too deep"),
        ("9" * 10_000, "no JSON"),
        ("NaN", "NaN is no number of JSON"),
        ('{"schema": 1, "schema": 2}', "a field twice"),
        ("\x1b[2J", "no JSON"),
        (" " * (1 << 26) + "1", "$: more than 67108864 characters"),
    ],
    ids=["empty", "begun", "cut", "too much", "deep", "a long number", "not a number", "twice", "control", "vast"],
)
def test_a_text_that_is_no_document_is_refused(text: str, why: str) -> None:
    with pytest.raises(DanelawError) as caught:
        from_text(text)
    assert caught.value.code == "EVIDENCE_UNREADABLE"
    assert why in caught.value.evidence


def test_an_error_quotes_no_more_than_a_line() -> None:
    """Of a hostile file."""
    document = put({"x" * 100_000: 1, "y": 2}, "target")(json.loads(to_line(LOOKED)))
    with pytest.raises(DanelawError) as caught:
        from_json(document)
    assert len(str(caught.value)) < 300
