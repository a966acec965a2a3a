"""In the states that the explorer meets, too, what the gate allows harms nobody as the independent oracle sees it.

The explorer has collapsed all caches into one map; here the oracle is told the whole course that led to a state, and
goes through every client, cache and server by itself. Not only what the planner proposes is asked for, but all that
might be done.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Final

import pytest
from stricter_than_oracle import STRICTER

from danelaw.core.model import Absence, Chain, GenerationId, RRset
from danelaw.core.rollover import answers as answers_room
from danelaw.core.rollover.actions import Action, DestroyKey, Publish, Switch
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Refused, judge, says
from danelaw.core.rollover.succession import Strategy
from danelaw.worlds.sim.explorer.faults import LOST_STORE, RETARGET
from danelaw.worlds.sim.explorer.knowledge import Knowledge
from danelaw.worlds.sim.explorer.scene import FOREIGN_KEY, LINEAGE, LOCAL, NOW, OWNER, TICK, TLSA, ZONE, Scene
from danelaw.worlds.sim.explorer.search import SmallWorld
from danelaw.worlds.sim.explorer.states import Authority, Content, World
from danelaw.worlds.sim.explorer.truth import Truth
from danelaw.worlds.sim.explorer.worlds import quick, small_world
from danelaw.worlds.sim.service import root_certificate
from oracle import harm
from oracle.clients import Records, Service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

EVERY: Final = int(os.environ.get("ORACLE_EVERY", "10"))
"""Of so many moments one is judged; ``make prove`` judges all."""
SECONDS: Final = int(TICK.total_seconds())
STEP: Final = SECONDS // 2
"""Two steps of the oracle are a tick: what befell the world, and what the runner then made of it."""

WORLDS: Final = [*quick(), small_world(Scene(elsewhere=True), 1, frozenset({RETARGET}))]


class Course:
    """All states of a small world, each with one course that leads there."""

    def __init__(self, world: SmallWorld) -> None:
        self.scene = world.scene
        self.truth = Truth(world.scene, world.faults, Knowledge(world.scene))
        self.start = self.truth.start(world.budget)
        self._came: dict[World, tuple[World, World] | None] = {self.start: None}

    def states(self) -> Iterator[tuple[World, Iterable[World]]]:
        """Each, and what it may be when the runner looks next, whatever befalls it."""
        queue = deque([self.start])
        while queue:
            state = queue.popleft()
            found: dict[World, None] = {}
            for step in self.truth.steps(state):
                found[step.befallen] = None
                if step.world not in self._came:
                    self._came[step.world] = (state, step.befallen)
                    queue.append(step.world)
            yield state, found

    def moments(self, every: int) -> Iterator[tuple[Facts, harm.Oracle, World]]:
        """What is known and what is true, when the runner has looked: each n-th of all such moments."""
        awake = ((state, one) for state, befallen in self.states() for one in befallen if not one.asleep)
        for state, befallen in islice(awake, 0, None, every):
            known = self.truth.knowledge.observed(befallen.known, self.truth.looks(befallen)).known
            yield self.truth.knowledge.facts(known), self._oracle(state, befallen), befallen

    def _oracle(self, state: World, befallen: World) -> harm.Oracle:
        """What was served and presented in each step up to now."""
        way = [befallen, state]
        came = self._came[state]
        while came is not None:
            before, between = came
            way += [between, before]
            came = self._came[before]
        way += [self.start] * 2
        way.reverse()
        scene = self.scene
        service = Service("www.example.net", (root_certificate(),))
        patience = harm.Patience(stretch=2, floor=0, delay=scene.lookup * SECONDS, lag=0, notice=SECONDS)
        begin = 1 - len(way)
        truth = harm.Truth(NOW, STEP, begin, service, patience, str(scene.ns[0]))
        for i, ip in enumerate(scene.ns):
            truth.authorities[str(ip)] = [self._zone(world, world.authorities[i]) for world in way]
        for i, ip in enumerate(scene.web):
            truth.servers[str(ip)] = [self.truth.cast.chains[world.servers[i].chain].ders for world in way]
        if befallen.flying is not None:
            action = self.truth.cast.actions[befallen.flying.action]
            if isinstance(action, Publish):
                truth.coming.append(harm.Coming(rdatas(action), action.replace.ttl, begin, 2))
        return harm.Oracle(truth, 0)

    def _zone(self, world: World, authority: Authority) -> harm.Zone:
        """A secondary whose zone has expired serves nothing: no more than the primary does."""
        served = list(self.truth.clients.served(world))
        content: Content = authority.content if authority.content in served else world.primary.content
        answer = self.truth.cast.answers[content.tlsa]
        records = answer.rdatas if isinstance(answer, RRset) else None
        sites = frozenset(str(self.scene.web[i]) for i in self.scene.site(content.site))
        return harm.Zone(authority.serial, records, answer.ttl, sites, self.scene.ttl * SECONDS)

    def actions(self, world: World) -> Iterator[Action]:
        """All that could be published, of three keys; every switch; every destruction."""
        there = self.truth.cast.answers[world.primary.content.tlsa]
        for bits in range(8):
            keys = [key for n, key in enumerate((1, 2, FOREIGN_KEY)) if bits >> n & 1]
            answer = self.scene.records(*keys) if keys else Absence(OWNER, TLSA, there.ttl)
            if answer != there:
                yield Publish(ZONE, there, answer)
        for number, (_, chain) in enumerate(world.generations, 1):
            if chain is not None:
                yield Switch(LINEAGE, LOCAL, GenerationId(number), self.truth.cast.chains[chain])
            yield DestroyKey(LINEAGE, GenerationId(number))

    def victim(self, oracle: harm.Oracle, action: Action, world: World) -> harm.Victim | None:
        match action:
            case Publish(replace=new):
                return oracle.publishing(rdatas(action), new.ttl)
            case Switch(chain=chain):
                return oracle.switching(chain.ders)
            case DestroyKey(generation=number):
                return oracle.destroying(self.scene.spki(world.generations[number - 1].key))
        raise AssertionError(action)


def rdatas(change: Publish) -> Records:
    return change.replace.rdatas if isinstance(change.replace, RRset) else None


def disagreements(world: SmallWorld, every: int, tally: Counter[str]) -> Iterator[str]:
    course = Course(world)
    scene = world.scene
    for facts, oracle, befallen in course.moments(every):
        tally["moments"] += 1
        for action in course.actions(befallen):
            judgement = judge(action, facts, scene.reach, NOW, scene.limits)
            victim = course.victim(oracle, action, befallen)
            if isinstance(judgement, Refused):
                tally.update({fault.code for fault in judgement.because} if victim is None else {"rightly refused"})
            else:
                tally["allowed"] += 1
                if victim is not None:
                    yield f"{named(action)} harms {victim}"


def named(action: Action) -> str:
    return says(action.replace) if isinstance(action, Publish) else f"{type(action).__name__} {action}"


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_what_is_allowed_in_an_explored_state_harms_nobody(world: SmallWorld) -> None:
    tally: Counter[str] = Counter()
    assert next(disagreements(world, EVERY, tally), None) is None
    assert tally.keys() <= STRICTER.keys() | {"moments", "allowed", "rightly refused"}
    assert min(tally["moments"], tally["allowed"], tally["rightly refused"]) > 30
    print("; ".join(f"{number} {what}" for what, number in tally.most_common()))


def test_it_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing of before the store was lost is thought to be cached, the oracle knows whom that harms."""
    monkeypatch.setattr(answers_room, "_unknown", lambda *_: None)
    world = small_world(Scene(strategy=Strategy.STAGED), 1, frozenset({LOST_STORE}))
    assert next(disagreements(world, 1, Counter()), None) is not None


def test_chains_are_told_as_they_are_presented() -> None:
    """The course's last step is what the runner finds: the oracle and the explorer speak of the same moment."""
    course = Course(small_world(Scene(), 0))
    _, oracle, befallen = next(course.moments(1))
    (chain,) = {course.truth.cast.chains[server.chain] for server in befallen.servers}
    assert isinstance(chain, Chain)
    assert {oracle.truth.presented(server, 0) for server in oracle.addresses} == {chain.ders}
    assert oracle.truth.origin - NOW == timedelta(0)
