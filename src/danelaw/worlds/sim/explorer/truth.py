"""The truth of a small world: one tick from each state to all that may follow.

In a tick something happens to the world, or nothing; caches ask every authority; the runner looks, plans and acts; and
whatever the action makes refused that was not refused before is a hole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from danelaw.core.model import GenerationId, Issued, same_content
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    Conflict,
    DestroyKey,
    Failure,
    MakeKey,
    Outcome,
    Publish,
    Receipt,
    ReuseKey,
    Switch,
)
from danelaw.core.rollover.gate import says
from danelaw.core.rollover.planner import Settled
from danelaw.worlds.sim.explorer.clients import Clients
from danelaw.worlds.sim.explorer.faults import (
    DELAY,
    DELAYED_SWITCH,
    IDLE,
    LOST_REPLY,
    Befalling,
    Fate,
    Faults,
    serving,
)
from danelaw.worlds.sim.explorer.knowledge import Knowledge, Seen
from danelaw.worlds.sim.explorer.scene import Scene
from danelaw.worlds.sim.explorer.states import (
    SERIAL,
    Authority,
    Content,
    Flying,
    Former,
    Generation,
    Server,
    World,
)


class Step(NamedTuple):
    """``story``: what happened. ``hole``: who is refused by Danelaw's doing, else nothing.

    ``befallen``: as the runner finds it, before it acts.
    """

    story: str
    world: World
    hole: str
    settled: bool
    befallen: World


class Truth:
    """How worlds of one scene go on."""

    def __init__(self, scene: Scene, faults: Faults, knowledge: Knowledge) -> None:
        self.scene = scene
        self.faults = faults
        self.knowledge = knowledge
        self.cast = knowledge.cast
        self.clients = Clients(scene, self.cast)
        self._befalling = Befalling(scene, faults, self.cast, knowledge, self._landed)

    def start(self, budget: int) -> World:
        """All at rest for long, and the roll is asked for."""
        scene = self.scene
        content = Content(self.cast.answers.of(scene.records(1)))
        chain = self.cast.chains.of(scene.chain(1))
        world = World(
            authorities=(Authority(SERIAL, content),) * scene.authorities,
            servers=(Server(chain),) * len(scene.web),
            generations=(Generation(1, chain),),
            path=GenerationId(1),
            caches=(),
            sites=(),
            left=(),
            former=(),
            flying=None,
            asleep=0,
            copy=None,
            budget=budget,
            known=0,
        )
        world = self.clients.fetched(world)
        for _ in range(4 * (scene.retention + scene.hold + scene.settle + 4)):
            world = next(iter(self.steps(world))).world
        return world._replace(known=self.knowledge.told(world.known))

    def steps(self, world: World) -> Iterator[Step]:
        """All that may happen next. First of all: nothing bad, and what was bad is over."""
        for fate in self._befalling.fates(world):
            if fate.hole:
                yield Step(fate.story, fate.world, fate.hole, False, fate.world)
                continue
            for done, settled in self._runs(self.clients.fetched(fate.world)):
                told = fate.then(*done)
                after = self._aged(self.clients.fetched(told.world))
                yield Step(told.story, after, told.hole, settled, fate.world)

    # -- the runner ---------------------------------------------------------------------------------------------

    def looks(self, world: World) -> Seen:
        """What a pass sees."""
        said = tuple(None if a.silent else (a.serial, a.content) for a in world.authorities)
        presented = tuple(None if server.away else server.chain for server in world.servers)
        return Seen(said, presented, world.generations, world.path)

    def _runs(self, world: World) -> Iterator[tuple[Fate, bool]]:
        """One pass, which may take several steps that no client sees, and one that clients see."""
        if world.asleep:
            yield Fate("", world), False
            return
        for _ in range(8):
            known, planned, action = self.knowledge.observed(world.known, self.looks(world))
            world = world._replace(known=known)
            if action is None:
                yield Fate("", world), isinstance(planned, Settled)
                return
            if isinstance(action, Publish | Switch):
                for fate in self._acts(world, action):
                    yield fate, False
                return
            world = self._prepared(world, action)
        raise AssertionError("a pass does not end")

    def _prepared(self, world: World, action: Action) -> World:
        made = world.generations
        outcome: Outcome = Receipt()
        match action:
            case MakeKey():
                made = (*made, Generation(len({one.key for one in made}) + 1, None))
            case ReuseKey(_, generation):
                made = (*made, Generation(made[generation - 1].key, None))
            case AdvanceOrder(_, generation, order):
                key = made[generation - 1].key
                before = sum(one.key == key and one.chain is not None for one in made)
                chain = self.scene.chain(key, before + 1)
                issued = Generation(key, self.cast.chains.of(chain))
                made = (*made[: generation - 1], issued, *made[generation:])
                outcome = Issued(order, chain)
            case DestroyKey():
                pass
            case _:
                raise AssertionError(f"no service takes this action: {action}")
        return world._replace(generations=made, known=self.knowledge.acted(world.known, action, outcome))

    def _acts(self, world: World, action: Publish | Switch) -> Iterator[Fate]:
        name = self._name(action)
        done, outcome, hole = self._effect(world, action)
        yield Fate(name, self._told(done, action, outcome), hole)
        kinds = self.faults.kinds
        if not world.budget or hole:
            return
        world = world._replace(budget=world.budget - 1)
        done = done._replace(budget=world.budget)
        lost = Failure("TIMEOUT", "no reply")
        if isinstance(action, Publish) and LOST_REPLY in kinds:
            yield Fate(f"{name}, no reply", self._told(done, action, lost))
        delayed = DELAY if isinstance(action, Publish) else DELAYED_SWITCH
        if delayed in kinds and world.flying is None:
            flying = world._replace(flying=Flying(self.cast.actions.of(action), 0))
            yield Fate(f"{name}, on its way", self._told(flying, action, lost))
        if isinstance(action, Switch) and IDLE in kinds:
            idle = world._replace(path=action.generation)
            yield Fate(f"{name}, and the reload does nothing", self._told(idle, action, Receipt()))
            for i in range(len(world.servers)):
                if len(world.servers) > 1:
                    partly = serving(idle, [i], self.cast.chains.of(action.chain), self.scene.lookup)
                    story = f"{name}, and it reaches {self.scene.web[i]} alone"
                    yield Fate(story, self._told(partly, action, Receipt()))

    def _told(self, world: World, action: Action, outcome: Outcome) -> World:
        return world._replace(known=self.knowledge.acted(world.known, action, outcome))

    def _landed(self, world: World) -> Fate:
        assert world.flying is not None  # noqa: S101 - both callers looked
        action = self.cast.actions[world.flying.action]
        assert isinstance(action, Publish | Switch)  # noqa: S101 - nothing else flies
        after, _, hole = self._effect(world, action)  # until now caches asked at the end of the tick before
        return Fate(f"it lands: {self._name(action)}", after._replace(flying=None), hole)

    def _effect(self, world: World, action: Publish | Switch) -> tuple[World, Outcome, str]:
        """What an action does to the world, and who is refused by it that was not."""
        if isinstance(action, Switch):
            chain = self.cast.chains.of(action.chain)
            hole = self.clients.hurt_by_switch(world, chain)
            everywhere = range(len(world.servers))
            return (
                serving(world._replace(path=action.generation), everywhere, chain, self.scene.lookup),
                Receipt(),
                hole,
            )
        content = world.primary.content
        there = self.cast.answers[content.tlsa]
        if not same_content(there, action.expect):
            return world, Conflict(there), ""
        new = self.cast.answers.of(action.replace)
        hole = self.clients.hurt_by_publication(world, content.tlsa, new)
        written = world.written(content._replace(tlsa=new))
        return written, Receipt(written.primary.serial), hole

    # -- time ---------------------------------------------------------------------------------------------------

    def _aged(self, world: World) -> World:
        """A tick later."""
        flying = world.flying._replace(age=world.flying.age + 1) if world.flying is not None else None
        drift = world.primary.serial - SERIAL
        copy = world.copy
        if copy is not None:
            copy = copy._replace(known=self.knowledge.aged(copy.known, drift), age=copy.age + 1)
        return world._replace(
            authorities=tuple(a._replace(serial=a.serial - drift) for a in world.authorities),
            former=tuple(self._older(world, version, drift) for version in world.former),
            caches=tuple((answer, ticks - 1) for answer, ticks in world.caches if ticks),
            sites=tuple((site, ticks - 1) for site, ticks in world.sites if ticks),
            left=tuple((chain, ticks - 1) for chain, ticks in world.left if ticks > 1),
            flying=flying,
            copy=copy,
            known=self.knowledge.aged(world.known, drift),
        )

    def _older(self, world: World, version: Former, drift: int) -> Former:
        visible = not world.asleep and any(
            not a.silent and (a.serial, a.content) == version[:2] for a in world.authorities
        )
        age = 0 if visible else min(version.age + 1, self.scene.retention)
        return Former(version.serial - drift, version.content, age)

    def _name(self, action: Publish | Switch) -> str:
        if isinstance(action, Publish):
            return f"publishes {says(action.replace)}"
        return f"switches to generation {action.generation}"
