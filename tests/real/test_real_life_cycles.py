"""Whole lives of services on servers that people run, each in a world of its own: enrolled, rolled to a standby key and
by stages, rolled in an emergency, withdrawn; and nobody is refused. What a renewal by hand does is seen too."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from life_cycle import MORE, STACKS, find

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(600)]

CYCLE: Final = Path(__file__).with_name("life_cycle.py")
LIMIT: Final = 540.0
OURS: Final = ("enrolled", "standby", "staged", "standby-again", "emergency", "withdrawn")
"""The parts of a life that are Danelaw's."""
PROTECTED: Final = ("standby", "staged", "standby-again", "emergency")
"""Those during which TLSA records are there all the time."""
ROLLS: Final = ("standby", "staged", "emergency")
STEPS: Final[dict[str, set[str]]] = {
    "enrolled": {"MakeKey", "AdvanceOrder", "Switch", "SubmitDS", "Publish"},
    "standby": {"AdvanceOrder", "Switch", "MakeKey", "Publish", "DestroyKey"},
    "staged": {"AdvanceOrder", "Publish", "Switch", "DestroyKey"},
    "standby-again": {"MakeKey", "Publish"},
    "emergency": {"AdvanceOrder", "Switch", "Publish", "Revoke", "DestroyKey"},
    "withdrawn": {"Publish", "DestroyKey"},
}
"""What is done in each part, at least."""
LEAST: Final = 500
"""Connections of a crowd in one life."""

Life = dict[str, Any]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Life]]:
    """All of them at once: they wait for most of their time."""
    _possible()
    folder = tmp_path_factory.mktemp("lives")
    playing = {}
    for stack in STACKS:
        with (folder / f"{stack}.err").open("w") as err, (folder / f"{stack}.json").open("w") as out:
            argv = (sys.executable, str(CYCLE), stack)
            playing[stack] = subprocess.Popen(  # noqa: S603  # a script of these tests
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    def told(stack: str) -> Life:
        status = playing[stack].wait(timeout=LIMIT)
        assert status == 0, (folder / f"{stack}.err").read_text("utf-8")
        life: Life = json.loads((folder / f"{stack}.json").read_text("utf-8"))
        return life

    try:
        yield told
    finally:
        for process in playing.values():
            process.kill()
            process.wait()


def _possible() -> None:
    """Skip where there can be no such world."""
    try:
        namespaces.run(("true",), find())
    except DanelawError as error:
        if error.code not in {"NAMESPACES_FORBIDDEN", "PROGRAM_MISSING"}:
            raise
        pytest.skip(f"{error}: {error.evidence}")
    if not namespaces.may_change_user():
        pytest.skip("these servers change their users, which takes root")


@pytest.mark.parametrize("program", MORE)
def test_what_the_worlds_are_made_of_is_listed(program: str, require_program: Callable[..., str]) -> None:
    require_program(program, package=MORE[program])


@pytest.mark.parametrize("stack", STACKS)
def test_a_whole_life_refuses_nobody(lives: Callable[[str], Life], stack: str) -> None:
    life = lives(stack)
    for part in OURS:
        told = life[part]
        assert (told["refused"], told["examples"]) == (0, []), f"{part}: {told['examples']}"
        assert told["connections"] > 0, part
        assert {name: said["refused"] for name, said in told["oracles"].items() if said["refused"]} == {}, told
        assert STEPS[part] <= set(told["actions"]), (part, told["actions"])
        assert told["failed"] == [], part
    for part in PROTECTED:
        told = life[part]
        assert set(told["over"]) == {"dane"}, (part, told["over"])
        assert told["violations"] == [], part
        for name, said in told["oracles"].items():
            assert (said["accepted"] > 0, said["undecided"]) == (True, 0), (part, name, said)
        for ended in told["mail"]:
            assert set(ended) == {"sent Verified"}, (part, ended)
    assert sum(life[part]["connections"] for part in OURS) > LEAST


@pytest.mark.parametrize("stack", STACKS)
def test_each_roll_changes_the_records_of_every_port_and_what_every_client_is_shown(
    lives: Callable[[str], Life], stack: str
) -> None:
    life = lives(stack)
    seen = [(life[part]["records"], life[part]["presented"]) for part in ("enrolled", *ROLLS)]
    for (records, presented), (later, shown) in itertools.pairwise(seen):
        assert records.keys() == later.keys()
        assert all(records[port] != later[port] for port in records), (records, later)
        assert all(one != other for one, other in zip(presented, shown, strict=True)), (presented, shown)
    assert life["standby-again"]["presented"] == life["staged"]["presented"], "it is published, and does not serve"


@pytest.mark.parametrize("stack", STACKS)
def test_withdrawn_it_has_no_record_and_clients_go_on_without(lives: Callable[[str], Life], stack: str) -> None:
    told = lives(stack)["withdrawn"]
    assert set(map(tuple, told["records"].values())) == {()}
    assert told["over"]["pkix"] > 0
    assert [any(ended == "sent Untrusted" for ended in mail) for mail in told["mail"]] == [True] * len(told["mail"])


@pytest.mark.parametrize("stack", STACKS)
def test_in_an_emergency_the_old_certificate_is_revoked(lives: Callable[[str], Life], stack: str) -> None:
    revoked = lives(stack)["emergency"]["revoked"]
    assert revoked
    assert all(revoked)


@pytest.mark.parametrize("stack", STACKS)
def test_a_renewal_by_hand_refuses_in_the_same_world(lives: Callable[[str], Life], stack: str) -> None:
    naive = lives(stack)["naive"]
    assert naive["refused"] > 0
    assert sum(said["refused"] for said in naive["oracles"].values()) > 0
    assert all(any(not how.startswith("sent") for how in ended) for ended in naive["mail"])
