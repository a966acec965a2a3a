"""``danelaw zone roll`` as an operator types it: what it tells beforehand, and what is wrong with what was given."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command_said import Said
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS
from zone_operator import Operator

pytestmark = pytest.mark.slow


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Operator:
    """One who has a CSK, and has signed the zone."""
    found = Operator.at(tmp_path, monkeypatch, capfd)
    found.make_keys(KSK_FLAGS)
    assert found.sign().status == 0
    return found


def roll(operator: Operator, *words: str, reload: tuple[str, ...] = ("--reload", "true")) -> Said:
    return operator.run("zone", "roll", "example.net", *words, "--file", "zone", "--keys", "keys", *reload)


def test_what_would_be_done_is_told_and_nothing_is(operator: Operator) -> None:
    before = operator.files()
    said = roll(operator, "--csk", "--plan")
    assert (said.status, said.err) == (0, "")
    text = said.out.replace(str(operator.tags[0]), "TAG")
    assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "INSTANT", re.sub(r"\d\d:\d\d:\d\d", "NOW", text)) == (
        "example.net.: another CSK, by double signatures (RFC 6781 §4.1.2)\n"
        "  from  CSK TAG (ECDSAP256SHA256)\n"
        "  to    a new CSK\n"
        "  step              at the earliest       published    signing      DS\n"
        "  publish and sign  NOW              old and new  old and new  old\n"
        "  delegate          INSTANT UTC  old and new  old and new  new\n"
        "  withdraw          INSTANT UTC  new          new          new\n"
        "  destroy old       INSTANT UTC\n"
    )
    assert max(map(len, said.out.splitlines())) <= 80
    assert operator.files() == before


def test_json_tells_the_same(operator: Operator) -> None:
    told = json.loads(roll(operator, "--algorithm", "ed25519", "--plan", "--json").out)
    assert (told["schema"], told["zone"], told["kind"]) == ("danelaw/zone-roll/1", "example.net.", "algorithm")
    assert told["old"] == [{"tag": operator.tags[0], "flags": 257, "algorithm": 13}]
    assert [(step["step"], step["published"]) for step in told["steps"]] == [
        ("sign", "old"), ("publish", "old and new"), ("delegate", "old and new"), ("withdraw keys", "new"),
        ("withdraw signatures", "new"),
    ]  # fmt: skip
    assert sorted(step["earliest"] for step in told["steps"]) == [step["earliest"] for step in told["steps"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--zsk",), "[KEY_ROLE]"),
        ((), "--zsk, --ksk or --csk"),
        (("--csk", "--algorithm", "ed25519"), "--zsk, --ksk or --csk"),
        (("--ksk", "--zsk"), "--zsk, --ksk or --csk"),
        (("--algorithm", "rsasha1"), "RFC 9905"),
        (("--csk", "--server", "nobody"), "BAD_SERVER"),
        (("--csk", "--resolver", "nobody"), "BAD_RESOLVER"),
        (("--csk", "--config", "danelaw.toml"), "--file and --config"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_done(operator: Operator, words: tuple[str, ...], said: str) -> None:
    before = operator.files()
    ended = roll(operator, *words)
    assert ended.status == 2
    assert said in " ".join(ended.err.split())
    assert operator.files() == before


def test_without_a_reload_nothing_that_is_signed_would_ever_be_served(operator: Operator) -> None:
    ended = roll(operator, "--csk", reload=())
    assert (ended.status, "--reload" in ended.err) == (2, True)


def test_a_zone_that_is_not_signed_has_nothing_to_roll(operator: Operator) -> None:
    (operator.folder / "zone.signed").unlink()
    ended = roll(operator, "--csk")
    assert ended.status == 2
    assert "[ZONE_NOT_SIGNED]" in ended.err
    assert "danelaw zone sign example.net" in ended.err


def test_a_ksk_beside_a_zsk_is_no_csk(operator: Operator) -> None:
    operator.make_keys(ZSK_FLAGS)
    operator.sign()
    ended = roll(operator, "--csk", "--plan")
    assert (ended.status, "ask for --zsk or --ksk" in ended.err) == (2, True)


def test_where_every_key_is_as_wanted_none_is_told_to_go(operator: Operator) -> None:
    said = roll(operator, "--algorithm", "ecdsap256sha256", "--plan")
    assert (said.status, said.err) == (0, "")
    assert said.out == (
        "example.net.: every key is of ECDSAP256SHA256, so none is to go\n"
        f"  in use  CSK {operator.tags[0]} (ECDSAP256SHA256)\n"
    )
    assert json.loads(roll(operator, "--algorithm", "13", "--plan", "--json").out)["steps"] == []
