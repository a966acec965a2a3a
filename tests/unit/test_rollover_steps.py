"""The table of steps: every action, wait and refusal has its one place in the mould."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from danelaw.core.rollover import actions
from danelaw.core.rollover.steps import RENEWAL, STEPS, Step, step_of
from danelaw.core.rollover.succession import Strategy

ROLLOVER = Path(actions.__file__).parent
REPORTED_ONLY = {"VIOLATION", "VIOLATION_WAIVED"}
"""What the gate reports, and refuses nothing for."""

WAITING = {"Wait", "wait", "Unasked"}
REFUSING = {"fault", "Counterexample", "Block", "refusal"}


def codes(*makers: str) -> Iterator[str]:
    """The codes that calls of these names are given, in any module of the room."""
    for path in sorted(ROLLOVER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in makers:
                yield from (
                    a.value
                    for a in node.args
                    if isinstance(a, ast.Constant)
                    and isinstance(a.value, str)
                    and a.value.isupper()
                    and a.value not in ("I1", "I2")
                )


def test_the_reader_of_codes_sees_them() -> None:
    assert {"UNOBSERVED", "LINGERING", "NOT_LOADED", "CDS_INVALID"} <= set(codes(*WAITING))
    assert {"ANSWER_HELD", "ZONE_NOT_SECURE", "KEYS_HELD", "DS_MISMATCH", "NOT_JUDGED"} <= set(codes(*REFUSING))


def test_every_wait_of_the_planner_belongs_to_a_step() -> None:
    assert set(codes(*WAITING)) - {code for row in STEPS for code in row.waits} == set()


def test_every_refusal_of_the_gate_belongs_to_a_step() -> None:
    table = {code for row in STEPS for code in (*row.refusals, *row.waits)}
    assert set(codes(*REFUSING)) - REPORTED_ONLY - table == set()


def test_no_code_stands_in_the_table_that_nobody_gives() -> None:
    assert {code for row in STEPS for code in row.waits} <= set(codes(*WAITING))
    assert {code for row in STEPS for code in row.refusals} <= set(codes(*REFUSING))


def test_a_code_belongs_to_one_step() -> None:
    counted = Counter(code for row in STEPS for code in (*row.waits, *row.refusals))
    assert [code for code, times in counted.items() if times > 1] == []


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("CA_FAILED", Step.PREPARE),
        ("NOT_LOADED", Step.PUBLISH),
        ("ANSWER_HELD", Step.SETTLE),
        ("NOT_CONFIRMED", Step.CONFIRM),
        ("LINGERING", Step.WITHDRAW),
        ("KEY_KEPT", Step.SETTLED_AGAIN),
        ("NONSENSE", None),
    ],
)
def test_a_wait_names_its_step(code: str, step: Step | None) -> None:
    assert step_of(code) is step


def test_the_steps_stand_in_their_order_each_once() -> None:
    assert [row.step for row in STEPS] == list(Step)


def test_every_action_belongs_to_a_step() -> None:
    """A publication is made twice: to add, and to take away."""
    done = [action for row in STEPS for action in (*row.does, *row.zone)]
    assert set(done) == set(get_args(actions.Action))
    assert {action.__name__ for action, times in Counter(done).items() if times > 1} == {"Publish", "SignZone"}


def test_every_strategy_has_its_path() -> None:
    assert set(RENEWAL) == set(Strategy)
    for path in RENEWAL.values():
        assert list(path) == [step for step in Step if step in path]


def test_only_where_the_key_changes_does_a_renewal_wait_for_caches() -> None:
    assert {s for s, path in RENEWAL.items() if Step.SETTLE in path} == {Strategy.STAGED}
