"""How people renew by hand, what comes of it, and that their proportions are those that Lee et al. measured."""

from __future__ import annotations

import pytest

from danelaw.faces.cli.simulation import SimulatedCompany
from danelaw.worlds.sim.campaign import draw, tally
from danelaw.worlds.sim.ending import Ending
from danelaw.worlds.sim.habits import LEE, OPERATORS, Habit
from danelaw.worlds.sim.scenario import Expect, Roll, Scenario, World
from danelaw.worlds.sim.scenario_play import play


def renewed(*habits: Habit, rolls: int = 2) -> Ending:
    """In a world in which nothing else goes wrong."""
    each: Roll = "renewal"
    scenario = Scenario(
        title="by hand",
        strategy="naive",
        rolls=(each,) * rolls,
        habits=habits,
        world=World(clients=12, pace=1.0),
        expect=Expect(refused="any"),
    )
    return play(scenario, SimulatedCompany)


@pytest.mark.parametrize(
    ("habit", "late", "missing", "early"),
    [
        ("append", True, False, False),
        ("one-record", True, False, False),
        ("forget", False, True, False),
        ("record-first", False, False, True),
        ("staged", False, False, False),
    ],
)
def test_each_habit_is_wrong_in_its_own_way_and_clients_are_refused(
    habit: Habit, late: bool, missing: bool, early: bool
) -> None:
    ending = renewed(habit)
    assert [(r.late, r.missing, r.early) for r in ending.ledger.rollovers()] == [(late, missing, early)] * 2
    assert bool(ending.refused) == (late or missing or early)


def test_habits_take_turns() -> None:
    found = [(r.late, r.missing) for r in renewed("append", "forget", rolls=3).ledger.rollovers()]
    assert found == [(True, False), (False, True), (True, False)]


def test_twenty_operators_do_it_wrongly_as_often_as_those_that_were_watched() -> None:
    """Lee et al., USENIX Security 2022; what is a habit's own is told above."""
    ways = {"append": "late", "one-record": "late", "forget": "missing", "record-first": "early"}
    wrong = [{ways[h] for h in habits if h in ways} for habits in OPERATORS]
    several = [found for found in wrong if found]
    parts = {"wrong": 100 * len(several) / len(OPERATORS)}
    parts |= {way: 100 * sum(way in found for found in several) / len(several) for way in ("late", "missing", "early")}
    for name, (least, most) in LEE.items():
        assert least <= parts[name] <= most, name


def test_every_seed_draws_the_operator_whose_turn_it_is() -> None:
    assert [draw(seed, "naive").habits for seed in range(40)] == [*OPERATORS, *OPERATORS]


def test_who_did_so_at_least_once_is_counted_once() -> None:
    counts = tally(renewed("append", "forget", rolls=3))
    assert (counts.wrong, counts.late, counts.missing, counts.early) == (3, 2, 1, 0)
    assert (counts.wrong_once, counts.late_once, counts.missing_once, counts.early_once) == (1, 1, 1, 0)
    both = counts + tally(renewed("staged"))
    assert (both.worlds, both.wrong_once) == (2, 1)
