"""Reports as JSON: docs/reference/check-json.md describes every field that there is, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from danelaw.core.model import Chain, HandshakeFailure, Security, TargetEvidence, Unreachable
from danelaw.core.verdict import Verdict, check_json, judge_target, target_json
from danelaw.core.verdict.target import WORST_FIRST
from tlsa_chains import RENEWED
from verdict_evidence import (
    NS1,
    NS2,
    OTHER,
    PRESENT,
    SOUND,
    XMPP,
    above,
    presenting,
    probes,
    record,
    serial,
    serves,
    silent,
    swept,
    tlsa,
)
from verdict_targets import BEHIND_SRV, FIRST, ROOTS, TWO, WRONG, chat, mail, srv, web
from verdict_vectors_servers import TARGET

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "check-json.md"
SWEPT: Final = swept(
    serial(NS1, 8), serial(NS2, 7), serves(NS1, record("3 1 1")), silent(NS2, "TIMEOUT"), above(NS1, 0), evidence=TARGET
)
TARGETS: Final[dict[str, TargetEvidence]] = {
    "a host": web(SOUND),
    "an alias, with its name servers": web(SWEPT),
    "mail": mail(TWO, FIRST, WRONG, left_out=1),
    "SRV": chat(srv((5222, "chat.example.net.")), BEHIND_SRV),
    "failures": web(presenting(*probes(HandshakeFailure("TLS_ALERT"), rsa=Unreachable("TIMEOUT", "handshake")))),
    "what cannot be read": web(presenting(*probes(replace(PRESENT, chain=Chain((b"\x30\x00",)))))),
    "unsigned": web(replace(XMPP, tlsa=tlsa(record("3 1 1", RENEWED), state=Security.INSECURE), probes=probes(OTHER))),
}
CHILDREN: Final = {
    "Document": {"findings": "Finding", "targets": "Target"},
    "Target": {"findings": "Finding", "lookup": "Lookup", "endpoints": "Endpoint"},
    "Lookup": {"servers": "Server"},
    "Endpoint": {
        "tlsa": "Records",
        "answers": "Answer",
        "candidates": "Candidate",
        "nameServers": "Said",
        "addresses": "Address",
    },
    "Address": {"presented": "Presented", "clients": "Client"},
    "Presented": {"chain": "Certificate", "records": "Match"},
}
ALONE: Final = {"unreadable"}
"""What stands in a certificate's place."""


def rows() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Heading, fields, and what they are."""
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("| `"):
            _, fields, held, *_ = line.split("|")
            yield heading, tuple(re.findall(r"`([A-Za-z]+)`", fields)), held


def documented() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for heading, fields, _ in rows():
        found.setdefault(heading, set()).update(fields)
    found["Records"] |= found["Answer"]
    return found


def linked() -> dict[tuple[str, str], str]:
    """What the page says that a field holds."""
    links = ((heading, fields, re.search(r"\[([A-Za-z]+)\]\(#", held)) for heading, fields, held in rows())
    return {(heading, field): link[1] for heading, fields, link in links if link for field in fields}


def document(*targets: TargetEvidence) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(check_json(judge_target(target, ROOTS) for target in targets)))
    return read


def objects(kind: str, given: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a document, with the heading that describes it."""
    yield kind, given
    for field, child in CHILDREN.get(kind, {}).items():
        held = given[field]
        if child == "Client":
            held = list(held.values())
        for one in held if isinstance(held, list) else [held]:
            if one is not None:
                yield from objects(child, one)


def test_the_page_and_this_test_agree_on_what_holds_what() -> None:
    told = {(kind, field): child for kind, fields in CHILDREN.items() for field, child in fields.items()}
    del told["Address", "clients"]  # an object by kind of client, which the page says below the table
    assert linked() == told


@pytest.mark.parametrize("name", TARGETS)
def test_every_field_is_described_and_none_is_left_out(name: str) -> None:
    described = documented()
    for kind, given in objects("Document", document(TARGETS[name])):
        if kind == "Client":
            assert {"got"} <= set(given) <= described[kind]
        elif kind == "Certificate":
            assert set(given) in (described[kind] - ALONE, ALONE)
        else:
            assert set(given) == described[kind], kind


def test_every_kind_of_object_and_every_field_occurs() -> None:
    seen: dict[str, set[str]] = {}
    for kind, given in objects("Document", document(*TARGETS.values())):
        seen.setdefault(kind, set()).update(given)
    assert seen == documented()


def test_a_target_by_itself_is_the_same_with_its_schema() -> None:
    report = judge_target(TARGETS["mail"], ROOTS)
    assert target_json(report) == {"schema": "danelaw/check/1", **document(TARGETS["mail"])["targets"][0]}


def test_the_page_lists_the_verdicts_and_which_goes_before_which() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([a-z]+) \|", text, flags=re.MULTILINE)
    assert set(listed) - {"field", "verdict"} == {verdict.value for verdict in Verdict}
    assert f"*{', '.join(verdict.value for verdict in WORST_FIRST)}*" in text
