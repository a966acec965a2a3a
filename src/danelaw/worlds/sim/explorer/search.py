"""Breadth-first search over worlds: the shortest way to a hole is found first; and every roll must end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from time import process_time

from danelaw.core.rollover.gate import judge
from danelaw.worlds.sim.explorer.faults import Faults
from danelaw.worlds.sim.explorer.knowledge import Gate, Knowledge
from danelaw.worlds.sim.explorer.scene import Scene
from danelaw.worlds.sim.explorer.states import World
from danelaw.worlds.sim.explorer.truth import Truth

MOST_TICKS = 400
"""A roll that takes longer without any fault never ends."""


@dataclass(frozen=True)
class SmallWorld:
    """What is explored: a scene, its faults, and how many of them there may be in one course."""

    name: str
    scene: Scene
    faults: Faults
    budget: int


@dataclass
class Verdict:
    """``hole``: the story that leads to it, tick by tick. ``stuck``: the same, to where no roll ends any more.

    ``least``: ticks of a roll without faults; ``most``: what is left of one, once its faults are over, at the most.
    ``closed``: whether every state was looked at.
    """

    world: SmallWorld
    states: int = 0
    facts: int = 0
    violated: int = 0
    least: int = 0
    most: int = 0
    closed: bool = False
    seconds: float = 0.0
    hole: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.hole and not self.stuck

    def __str__(self) -> str:
        found = "no hole" if not self.hole else "HOLE"
        found += ", every roll ends" if not self.stuck else ", A ROLL DOES NOT END"
        closed = "all" if self.closed else "not all"
        return (
            f"{self.world.name}: {self.states} states ({closed}), {self.facts} of knowledge, "
            f"{self.violated} with clients refused by others' doing, {found}; a roll takes {self.least} ticks, "
            f"after faults {self.most - self.least:+d} at the most; {self.seconds:.1f} s"
        )


@dataclass
class Search:
    world: SmallWorld
    gate: Gate = judge
    most_states: int | None = None
    most_seconds: float | None = None
    truth: Truth = field(init=False)
    _came: dict[World, tuple[World, str] | None] = field(init=False, default_factory=dict)
    _ends: dict[World, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        knowledge = Knowledge(self.world.scene, self.gate)
        self.truth = Truth(self.world.scene, self.world.faults, knowledge)

    def run(self) -> Verdict:
        begun = process_time()
        verdict = Verdict(self.world)
        start = self.truth.start(self.world.budget)
        self._came[start] = None
        queue = deque([start])
        while queue:
            state = queue.popleft()
            verdict.states += 1
            verdict.violated += self.truth.clients.violated(state)
            for step in self.truth.steps(state):
                if step.hole:
                    verdict.hole = (*self._story(state, step.story), step.hole)
                    break
                if step.world not in self._came:
                    self._came[step.world] = (state, step.story)
                    if step.settled and step.world.left_alone:
                        self._ends[step.world] = 0  # the planner asks for nothing, and nothing will ever happen
                    else:
                        queue.append(step.world)
            verdict.seconds = process_time() - begun
            if verdict.hole or self._enough(verdict):
                break
        verdict.closed = not queue and not verdict.hole
        if not verdict.hole:
            self._liveness(verdict, start)
        verdict.facts = len(self.truth.knowledge)
        verdict.seconds = process_time() - begun
        return verdict

    def _enough(self, verdict: Verdict) -> bool:
        return (self.most_states is not None and verdict.states >= self.most_states) or (
            self.most_seconds is not None and verdict.seconds >= self.most_seconds
        )

    def _liveness(self, verdict: Verdict, start: World) -> None:
        """From every state, with nothing bad any more, the roll ends."""
        for state in list(self._came):
            left = self._ticks_left(state)
            if left is None:
                verdict.stuck = (*self._story(state), "and from here on nothing moves any more")
                return
            verdict.most = max(verdict.most, left)
        verdict.least = self._ends[start]

    def _ticks_left(self, state: World) -> int | None:
        way: list[World] = []
        while state not in self._ends:
            way.append(state)
            if len(way) > MOST_TICKS:
                return None
            step = next(self.truth.steps(state))
            if step.settled:
                self._ends[state] = 0
                way.pop()
                break
            state = step.world
        ticks = self._ends[state]
        for before in reversed(way):
            ticks += 1
            self._ends[before] = ticks
        return ticks

    def _story(self, state: World, *then: str) -> tuple[str, ...]:
        """How a state came about, tick by tick, and what happened next."""
        told = list(then)
        came = self._came.get(state)
        while came is not None:
            told.append(came[1])
            came = self._came[came[0]]
        return tuple(f"tick {n}: {story}" for n, story in enumerate(reversed(told), 1) if story)
