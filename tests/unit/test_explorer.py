"""Small worlds are explored to the end: no course of them has a hole, and every roll ends; planted bugs have one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from danelaw.core.model import IP, Instant, Limits
from danelaw.core.rollover import answers, history, plans, versions
from danelaw.core.rollover.actions import Action
from danelaw.core.rollover.conditions import fault
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, Judgement, Refused
from danelaw.core.rollover.reach import Reach
from danelaw.worlds.sim.explorer.faults import LOST_STORE, RESTORE, SILENCE
from danelaw.worlds.sim.explorer.scene import Scene
from danelaw.worlds.sim.explorer.search import Search, SmallWorld
from danelaw.worlds.sim.explorer.worlds import quick, small_world

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.slow
@pytest.mark.parametrize("world", list(quick()), ids=lambda world: world.name)
def test_no_course_of_a_small_world_has_a_hole_and_every_roll_ends(world: SmallWorld) -> None:
    verdict = Search(world).run()
    assert verdict.closed
    assert verdict.holds, verdict
    assert verdict.states > 150
    assert verdict.violated > 0, "other hands have clients refused, and it is noticed"


def test_a_staged_roll_without_faults_takes_as_long_as_its_waits() -> None:
    """Three ticks of hold after each of the two publications, linger and look-up, and a pass for each step."""
    verdict = Search(small_world(Scene(), 0)).run()
    assert (verdict.least, verdict.most) == (11, 11)


# -- it can fail ------------------------------------------------------------------------------------------------------


def _allow(action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    return Allowed()


def _refuse(action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    return Refused((fault("I1", "NO", now, "never"),), None)


def _a_tick_less(patch: pytest.MonkeyPatch) -> None:
    hold = Limits.hold
    patch.setattr(Limits, "hold", lambda limits, ttl: hold(limits, ttl) - limits.pass_interval)


def _unknown_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answers, "_unknown", lambda *_: None)


def _first_sight_counts(patch: pytest.MonkeyPatch) -> None:
    left = versions.left_at

    def ever_left(version: versions.Version, ip: IP, seen: history.Seen) -> object:
        spans = seen.spans[ip]
        for n in range(1, len(spans) + 1):
            found = left(version, ip, replace(seen, spans={ip: spans[:n]}))
            if found[0] is not None:
                return found
        return left(version, ip, seen)

    patch.setattr(versions, "left_at", ever_left)


def _one_address_trusted(patch: pytest.MonkeyPatch) -> None:
    members = history.members
    patch.setattr(history, "members", lambda *args: frozenset(sorted(members(*args))[:1]))


def _gap_ignored(patch: pytest.MonkeyPatch) -> None:
    left = versions.left_at

    def ever_vouched(version: versions.Version, ip: IP, seen: history.Seen) -> object:
        patient = replace(seen.limits, gap_passes=1000)
        return left(version, ip, replace(seen, silent=frozenset(), limits=patient))

    patch.setattr(versions, "left_at", ever_vouched)


PLANTED: list[tuple[Plant, frozenset[str], int]] = [
    (_a_tick_less, frozenset(), 0),
    (_unknown_forgotten, frozenset({LOST_STORE}), 1),
    (_first_sight_counts, frozenset({RESTORE}), 1),
    (_one_address_trusted, frozenset({RESTORE}), 1),
    (_gap_ignored, frozenset({SILENCE, RESTORE}), 2),
]


@pytest.mark.parametrize(("plant", "faults", "budget"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_bug_has_a_hole(
    plant: Plant, faults: frozenset[str], budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each world is part of one that holds, or of one that ``make prove`` explores to the end."""
    plant(monkeypatch)
    assert Search(small_world(Scene(), budget, faults)).run().hole


def test_without_the_gate_the_first_switch_is_a_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "judge", _allow)
    verdict = Search(small_world(Scene(), 0), gate=_allow).run()
    assert len(verdict.hole) == 3, "it publishes, switches, and clients that hold the old answer are refused"
    assert "switches to generation 2" in verdict.hole[1]


def test_a_roll_that_is_never_allowed_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is refused, and nothing moves: that is no safe gate either."""
    monkeypatch.setattr(plans, "judge", _refuse)
    verdict = Search(small_world(Scene(), 0), gate=_refuse).run()
    assert verdict.stuck
    assert not verdict.hole
