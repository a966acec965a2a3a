"""The chain of trust as JSON: docs/reference/chain-json.md describes every field that there is, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from chain_pictures import DOCUMENTED, OTHERS, expired, picture
from danelaw.core.picture.json_form import SCHEMA, as_json
from danelaw.core.picture.seen import Picture

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "chain-json.md"
ALL: Final = {**DOCUMENTED, **OTHERS}
CHILDREN: Final = {
    "Document": {
        "zones": "Zone",
        "links": "Link",
        "reasons": "Reason",
        "notes": "Reason",
        "servers": "Servers",
        "presented": "Presented",
    },
    "Zone": {
        "ds": "RRset",
        "digests": "Digest",
        "denial": "Denial",
        "dnskey": "RRset",
        "keys": "Key",
        "reasons": "Reason",
    },
    "Link": {"rrset": "RRset", "denial": "Denial", "synthesized": "Records", "reasons": "Reason"},
    "RRset": {"signatures": "Signature", "reasons": "Reason"},
    "Signature": {"fault": "Reason"},
    "Digest": {"fault": "Reason"},
    "Key": {"fault": "Reason"},
    "Denial": {"records": "RRset"},
    "Servers": {"asked": "Asked"},
    "Asked": {"said": "Said"},
}


def documented() -> dict[str, set[str]]:
    """Fields by heading."""
    found: dict[str, set[str]] = {}
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
            found[heading] = set()
        elif line.startswith("| `"):
            found[heading] |= set(re.findall(r"`([A-Za-z]+)`", line.split("|")[1]))
    found["RRset"] |= found["Records"]
    return found


def linked() -> dict[tuple[str, str], str]:
    """What the page says that a field holds."""
    found: dict[tuple[str, str], str] = {}
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("| `") and (link := re.search(r"\[([A-Za-z]+)\]\(#", line.split("|")[2])):
            found |= {(heading, name): link[1] for name in re.findall(r"`([A-Za-z]+)`", line.split("|")[1])}
    return found


def objects(kind: str, given: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a document, with the heading that describes it."""
    yield kind, given
    for field, child in CHILDREN.get(kind, {}).items():
        held = given[field]
        for one in held if isinstance(held, list) else [held]:
            if one is not None:
                yield from objects(child, one)


def test_the_page_and_this_test_agree_on_what_holds_what() -> None:
    assert {(kind, field): child for kind, fields in CHILDREN.items() for field, child in fields.items()} == linked()


@pytest.mark.parametrize("name", ALL)
def test_every_field_is_described_and_none_is_left_out(name: str) -> None:
    described = documented()
    for kind, given in objects("Document", as_json(ALL[name]())):
        assert set(given) == described[kind], kind


def test_every_kind_of_object_occurs() -> None:
    seen = {kind for draw in ALL.values() for kind, _ in objects("Document", as_json(draw()))}
    seen |= {kind for kind, _ in objects("Document", as_json(picture("host.old TXT")))}
    assert seen == set(documented())


@pytest.mark.parametrize("name", ALL)
def test_it_is_json_of_this_schema(name: str) -> None:
    given = as_json(ALL[name]())
    assert given["schema"] == SCHEMA == "danelaw/chain/1"
    assert json.loads(json.dumps(given, allow_nan=False)) == given


def test_a_reason_has_its_code_its_section_its_record_and_what_to_do() -> None:
    given: Any = as_json(picture("www A", expired))
    (reason,) = given["reasons"]
    assert (reason["code"], reason["section"], reason["blamed"]) == (
        "SIGNATURE_EXPIRED",
        "RFC 4035 §5.3.1",
        "www.example.net. A",
    )
    assert reason["hint"]


def test_what_nobody_looked_at_is_null() -> None:
    given = as_json(picture("www A"))
    assert (given["servers"], given["presented"]) == (None, None)


def test_what_each_server_said_is_there() -> None:
    given: Any = as_json(OTHERS["swept"]())
    soa = next(asked for zone in given["servers"] for asked in zone["asked"] if asked["type"] == "SOA")
    assert soa["differ"]
    assert [(said["address"], said["serial"]) for said in soa["said"]] == [("192.0.2.11", 7), ("192.0.2.12", 6)]
    ds = next(asked for zone in given["servers"] for asked in zone["asked"] if asked["type"] == "DS")
    assert (ds["differ"], ds["said"][0]["silence"]) == (True, "TIMEOUT")


def test_an_answer_without_a_proof_has_its_reasons() -> None:
    answer = picture("www A").answer
    bare = Picture(type(answer)(answer.name, answer.type, answer.state))
    given = as_json(bare)
    assert (given["now"], given["zones"], given["links"]) == (None, [], [])
