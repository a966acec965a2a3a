"""The truth of a small world, and what may befall it: one tick from each state to all that may follow.

In a tick something happens to the world, or nothing; caches ask every authority; the runner looks, plans and acts; and
whatever the action makes refused that was not refused before is a hole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from danelaw.core.model import Answer, Chain, GenerationId, Issued, RRset, same_content
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
from danelaw.core.tlsa import ClientKind, Fallback, client_kinds, combinations_of, refused
from danelaw.worlds.sim.explorer.knowledge import Knowledge, Seen
from danelaw.worlds.sim.explorer.scene import FOREIGN_KEY, NOW, Scene

MOST_FORMER: Final = 3
"""So many versions of the past may come back."""
SERIAL: Final = 100
"""What the primary's serial is taken to be: all others are moved by as much."""


class Authority(NamedTuple):
    """``silent``: the runner gets no reply. ``stuck``: it picks up nothing. ``away``: for how many ticks by now."""

    serial: int
    answer: Answer
    silent: bool = False
    stuck: bool = False
    away: int = 0


class Flying(NamedTuple):
    """An action that is on its way; nobody got a reply."""

    action: Action
    age: int


class Former(NamedTuple):
    """A version of the zone that was replaced. ``age``: for how many ticks it has not been visible anywhere."""

    serial: int
    answer: Answer
    age: int = 0


class World(NamedTuple):
    """``caches``: each answer, and for how many ticks a client may still act on it. ``left``: chains that servers have
    just left, likewise. ``path``: the generation on the serving path. ``former``: what the zone has been.
    """

    authorities: tuple[Authority, ...]
    servers: tuple[Chain, ...]
    generations: tuple[tuple[bytes, Chain | None], ...]
    path: int
    caches: tuple[tuple[Answer, int], ...]
    left: tuple[tuple[Chain, int], ...]
    former: tuple[Former, ...]
    flying: Flying | None
    asleep: int
    budget: int
    known: int


class Step(NamedTuple):
    """``story``: what happened. ``hole``: who is refused by Danelaw's doing, else nothing."""

    story: str
    world: World
    hole: str
    settled: bool


@dataclass(frozen=True)
class Faults:
    """Which may happen, and for how many ticks one that lasts may last."""

    kinds: frozenset[str]
    longest: int = 3


LAG, SILENCE, RESTORE, SLEEP = "lag", "silence", "restore", "sleeping runner"
LOST_REPLY, DELAY, IDLE, DELAYED_SWITCH = "lost reply", "delayed update", "idle reload", "delayed switch"
LOST_STORE, FOREIGN_EDIT, FOREIGN_RENEWAL = "lost store", "foreign edit", "foreign renewal"
FOREIGN_RESTART = "foreign restart"
FOREIGN: Final = frozenset({FOREIGN_EDIT, FOREIGN_RENEWAL, FOREIGN_RESTART})
ALL_FAULTS: Final = FOREIGN | {
    *(LAG, SILENCE, RESTORE, SLEEP, LOST_STORE),
    *(LOST_REPLY, DELAY, IDLE, DELAYED_SWITCH),
}


class Truth:
    """How worlds of one scene go on."""

    def __init__(self, scene: Scene, faults: Faults, knowledge: Knowledge) -> None:
        self.scene = scene
        self.faults = faults
        self.knowledge = knowledge
        self._kinds = client_kinds(frozenset(scene.combinations))
        self._refused: dict[tuple[Answer, Chain], frozenset[ClientKind]] = {}
        self._answers: dict[Answer, Answer] = {}

    def start(self, budget: int) -> World:
        """All at rest for long, and the roll is asked for."""
        scene = self.scene
        answer = self._one(scene.records(1))
        chain = scene.chain(1)
        servers = (chain,) * scene.servers
        authorities = (Authority(SERIAL, answer),) * scene.authorities
        world = World(authorities, servers, ((scene.spki(1), chain),), 1, (), (), (), None, 0, budget, 0)
        world = self._fetched(world)
        for _ in range(4 * (scene.retention + scene.hold + scene.settle + 4)):
            world = self._benign(world)
        return world._replace(known=self.knowledge.told(world.known))

    def _benign(self, world: World) -> World:
        return next(iter(self.steps(world))).world

    # -- one tick -----------------------------------------------------------------------------------------------

    def steps(self, world: World) -> Iterator[Step]:
        """All that may happen next. First of all: nothing bad, and what was bad is over."""
        for story, befallen, hole in self._befalls(world):
            if hole:
                yield Step(story, befallen, hole, False)
                continue
            for done, after, holed, settled in self._runs(self._fetched(befallen)):
                told = ", ".join(filter(None, (story, done)))
                yield Step(told, self._aged(self._fetched(after)), holed, settled)

    def _befalls(self, world: World) -> Iterator[tuple[str, World, str]]:
        best = self._followed(world, frozenset())
        landed = [self._landed(best)] if best.flying is not None else [("", best, "")]
        story, calm, hole = landed[0]
        yield story, calm._replace(asleep=0), hole
        for stuck in self._ways_to_stay(world):
            base = self._followed(world, stuck)
            still = "".join(f"{self.scene.ns[i]} still away, " for i in sorted(stuck)).rstrip(", ")
            flights = [("", base, "")]
            if base.flying is not None:
                flights = [self._landed(base)]
                if base.flying.age < self.scene.in_flight:
                    flights.append(("", base, ""))
                else:
                    flights.append(("an action is lost", base._replace(flying=None), ""))
            for flown, after, found in flights:
                told = ", ".join(filter(None, (still, flown)))
                if found:
                    yield told, after, found
                    continue
                yield told, after._replace(asleep=0), ""
                if 0 < world.asleep < self.faults.longest:
                    yield told or "asleep", after._replace(asleep=world.asleep + 1), ""
                if world.budget:
                    for fault, spoilt in self._spoilt(after._replace(asleep=0)):
                        yield ", ".join(filter(None, (told, fault))), spoilt._replace(budget=world.budget - 1), ""

    def _ways_to_stay(self, world: World) -> Iterable[frozenset[int]]:
        """Which of the authorities that are away stay away: those that have been for too long come back."""
        away = [i for i, a in enumerate(world.authorities) if (a.silent or a.stuck) and a.away < self.faults.longest]
        for bits in range(1 << len(away)):
            yield frozenset(i for n, i in enumerate(away) if bits >> n & 1)

    def _followed(self, world: World, staying: frozenset[int]) -> World:
        """Secondaries take over what the primary has, except those that stay away.

        A primary that was restored gets a serial above all others', by its operator: no secondary would follow it else.
        """
        primary = world.authorities[0]
        if primary.stuck and 0 not in staying and any(a.serial >= primary.serial for a in world.authorities[1:]):
            ahead = max(a.serial for a in world.authorities)
            world = self._written(world, primary.answer, ahead + 1)
            primary = world.authorities[0]
        found: list[Authority] = []
        for i, it in enumerate(world.authorities):
            if i in staying:
                found.append(it._replace(away=it.away + 1))
            elif i and primary.serial > it.serial:
                found.append(Authority(primary.serial, primary.answer))
            else:
                found.append(Authority(it.serial, it.answer))
        return world._replace(authorities=tuple(found))

    def _spoilt(self, world: World) -> Iterator[tuple[str, World]]:
        """Every fault that may begin now."""
        kinds = self.faults.kinds
        for i, it in enumerate(world.authorities):
            name = self.scene.ns[i]
            if LAG in kinds and i and not it.stuck:
                yield f"{name} lags", self._with(world, i, it._replace(stuck=True))
            if SILENCE in kinds and not it.silent:
                yield f"{name} falls silent", self._with(world, i, it._replace(silent=True, stuck=it.stuck or i > 0))
            if RESTORE in kinds:
                for serial, answer, _ in world.former:
                    if serial < it.serial:
                        old = it._replace(serial=serial, answer=answer, stuck=it.stuck or i == 0)
                        yield f"{name} is restored to {serial}", self._with(world, i, old)
        if SLEEP in kinds:
            yield "the runner falls asleep", world._replace(asleep=1)
        if LOST_STORE in kinds:
            yield "the store is lost", world._replace(known=self.knowledge.told(0))
        if FOREIGN_EDIT in kinds:
            yield from self._edited(world)
        for i, chain in enumerate(world.servers):
            on_path = world.generations[world.path - 1][1]
            others = {FOREIGN_RENEWAL: self.scene.chain(FOREIGN_KEY), FOREIGN_RESTART: on_path}
            for kind, other in others.items():
                if kind in kinds and other is not None and other != chain:
                    yield f"{kind} at {self.scene.web[i]}", self._serving(world, [i], other)

    def _edited(self, world: World) -> Iterator[tuple[str, World]]:
        primary = world.authorities[0]
        foreign = self.scene.records(FOREIGN_KEY)
        there = primary.answer.rdatas if isinstance(primary.answer, RRset) else frozenset[bytes]()
        for story, rdatas in (("adds a record", there | foreign.rdatas), ("replaces all", foreign.rdatas)):
            if rdatas != there:
                answer = self._one(RRset(foreign.owner, foreign.type, foreign.ttl, rdatas))
                yield f"another hand {story}", self._written(world, answer)

    # -- the runner ---------------------------------------------------------------------------------------------

    def _runs(self, world: World) -> Iterator[tuple[str, World, str, bool]]:
        """One pass, which may take several steps that no client sees, and one that clients see."""
        if world.asleep:
            yield "", world, "", False
            return
        for _ in range(8):
            said = tuple(None if a.silent else (a.serial, a.answer) for a in world.authorities)
            seen = Seen(said, world.servers, world.generations, GenerationId(world.path))
            known, planned, action = self.knowledge.observed(world.known, seen)
            world = world._replace(known=known)
            if action is None:
                yield "", world, "", isinstance(planned, Settled)
                return
            if isinstance(action, Publish | Switch):
                yield from self._acts(world, action)
                return
            world = self._prepared(world, action)
        raise AssertionError("a pass does not end")

    def _prepared(self, world: World, action: Action) -> World:
        made = world.generations
        outcome: Outcome = Receipt()
        match action:
            case MakeKey():
                made = (*made, (self.scene.spki(len({spki for spki, _ in made}) + 1), None))
            case ReuseKey(_, generation):
                made = (*made, (made[generation - 1][0], None))
            case AdvanceOrder(_, generation, order):
                chain = self._issued(made, generation)
                made = (*made[: generation - 1], (made[generation - 1][0], chain), *made[generation:])
                outcome = Issued(order, chain)
            case DestroyKey():
                pass
            case _:
                raise AssertionError(f"no service takes this action: {action}")
        return world._replace(generations=made, known=self.knowledge.acted(world.known, action, outcome))

    def _issued(self, made: tuple[tuple[bytes, Chain | None], ...], generation: int) -> Chain:
        spki = made[generation - 1][0]
        keys = list(dict.fromkeys(key for key, _ in made))
        before = sum(1 for key, chain in made if key == spki and chain is not None)
        return self.scene.chain(keys.index(spki) + 1, before + 1)

    def _acts(self, world: World, action: Publish | Switch) -> Iterator[tuple[str, World, str, bool]]:
        name = self._name(action)
        done, outcome, hole = self._effect(world, action)
        yield name, self._told(done, action, outcome), hole, False
        kinds = self.faults.kinds
        if not world.budget or hole:
            return
        world = world._replace(budget=world.budget - 1)
        done = done._replace(budget=world.budget)
        lost = Failure("TIMEOUT", "no reply")
        if isinstance(action, Publish) and LOST_REPLY in kinds:
            yield f"{name}, no reply", self._told(done, action, lost), hole, False
        delayed = DELAY if isinstance(action, Publish) else DELAYED_SWITCH
        if delayed in kinds and world.flying is None:
            yield f"{name}, on its way", self._told(world._replace(flying=Flying(action, 0)), action, lost), "", False
        if isinstance(action, Switch) and IDLE in kinds:
            idle = world._replace(path=int(action.generation))
            yield f"{name}, and the reload does nothing", self._told(idle, action, Receipt()), "", False
            for i in range(len(world.servers)):
                if len(world.servers) > 1:
                    partly = self._serving(idle, [i], action.chain)
                    story = f"{name}, and it reaches {self.scene.web[i]} alone"
                    yield story, self._told(partly, action, Receipt()), "", False

    def _told(self, world: World, action: Action, outcome: Outcome) -> World:
        return world._replace(known=self.knowledge.acted(world.known, action, outcome))

    def _landed(self, world: World) -> tuple[str, World, str]:
        assert world.flying is not None  # noqa: S101 - both callers looked
        action = world.flying.action
        assert isinstance(action, Publish | Switch)  # noqa: S101 - nothing else flies
        after, _, hole = self._effect(world, action)  # until now caches asked at the end of the tick before
        return f"it lands: {self._name(action)}", after._replace(flying=None), hole

    def _effect(self, world: World, action: Publish | Switch) -> tuple[World, Outcome, str]:
        """What an action does to the world, and who is refused by it that was not."""
        if isinstance(action, Switch):
            hole = self._switch_hole(world, action)
            everywhere = range(len(world.servers))
            return self._serving(world._replace(path=int(action.generation)), everywhere, action.chain), Receipt(), hole
        there = world.authorities[0].answer
        if not same_content(there, action.expect):
            return world, Conflict(there), ""
        new = self._one(action.replace)
        hole = self._publish_hole(world, there, new)
        written = self._written(world, new)
        return written, Receipt(written.authorities[0].serial), hole

    # -- clients ------------------------------------------------------------------------------------------------

    def _publish_hole(self, world: World, old: Answer, new: Answer) -> str:
        on_path = world.generations[world.path - 1][1]
        chains = {*world.servers, *(chain for chain, _ in world.left), *((on_path,) if on_path else ())}
        for chain in chains:
            if worse := self.refused(new, chain) - self.refused(old, chain):
                return f"{says(new)} is published, and {self._chain(chain)} is presented: {len(worse)} kinds"
        return ""

    def _switch_hole(self, world: World, switch: Switch) -> str:
        answers = {*(answer for answer, _ in world.caches), *self._served(world)}
        for chain in set(world.servers):
            for answer in answers:
                if worse := self.refused(answer, switch.chain) - self.refused(answer, chain):
                    return f"clients hold {says(answer)}, and it switches from {self._chain(chain)}: {len(worse)} kinds"
        return ""

    def refused(self, answer: Answer, chain: Chain) -> frozenset[ClientKind]:
        """The kinds of client that refuse a chain with an answer in their hands."""
        key = (answer, chain)
        if key not in self._refused:
            kinds = self._kinds | client_kinds(combinations_of(answer))
            reference, skew = self.scene.reference, self.scene.limits.clock_skew
            self._refused[key] = frozenset(refused(answer, chain, NOW, reference, kinds, skew))
        return self._refused[key]

    def violated(self, world: World) -> bool:
        """Whether some client is refused now, by whatever cause."""
        answers = {*(answer for answer, _ in world.caches), *self._served(world)}
        return any(
            kind.fallback is Fallback.PKIX
            for answer in answers
            for chain in world.servers
            for kind in self.refused(answer, chain)
        )

    # -- small things -------------------------------------------------------------------------------------------

    def _one(self, answer: Answer) -> Answer:
        """The same object for equal answers, to compare them quickly."""
        return self._answers.setdefault(answer, answer)

    def _with(self, world: World, index: int, authority: Authority) -> World:
        return world._replace(authorities=(*world.authorities[:index], authority, *world.authorities[index + 1 :]))

    def _written(self, world: World, answer: Answer, serial: int | None = None) -> World:
        primary = world.authorities[0]
        serial = primary.serial + 1 if serial is None else serial
        others = (version for version in world.former if version.serial != primary.serial)
        former = (*others, Former(primary.serial, primary.answer))[-MOST_FORMER:]
        return self._with(world, 0, primary._replace(serial=serial, answer=answer))._replace(former=former)

    def _serving(self, world: World, indexes: Iterable[int], chain: Chain) -> World:
        servers, left = list(world.servers), dict(world.left)
        for i in indexes:
            if servers[i] != chain:
                left[servers[i]] = self.scene.lookup
                servers[i] = chain
        return world._replace(servers=tuple(servers), left=tuple(left.items()))

    def _served(self, world: World) -> Iterator[Answer]:
        """What clients get from the authorities.

        A secondary serves nothing that was replaced longer ago than the retention (SOA EXPIRE), unless it is seen to.
        """
        ages = {version[:2]: version.age for version in world.former}
        for i, it in enumerate(world.authorities):
            unseen = world.asleep or it.silent
            if i == 0 or not unseen or ages.get((it.serial, it.answer), 0) < self.scene.retention:
                yield it.answer

    def _fetched(self, world: World) -> World:
        """Caches ask every authority."""
        caches = dict(world.caches) | dict.fromkeys(self._served(world), self.scene.hold)
        return world._replace(caches=tuple(sorted(caches.items(), key=_content)))

    def _aged(self, world: World) -> World:
        """A tick later."""
        caches = tuple((answer, ticks - 1) for answer, ticks in world.caches if ticks)
        left = tuple((chain, ticks - 1) for chain, ticks in world.left if ticks > 1)
        flying = world.flying._replace(age=world.flying.age + 1) if world.flying is not None else None
        drift = world.authorities[0].serial - SERIAL
        return world._replace(
            authorities=tuple(a._replace(serial=a.serial - drift) for a in world.authorities),
            former=tuple(self._older(world, version, drift) for version in world.former),
            caches=caches,
            left=left,
            flying=flying,
            known=self.knowledge.aged(world.known, drift),
        )

    def _older(self, world: World, version: Former, drift: int) -> Former:
        visible = not world.asleep and any(
            not a.silent and (a.serial, a.answer) == version[:2] for a in world.authorities
        )
        age = 0 if visible else min(version.age + 1, self.scene.retention)
        return Former(version.serial - drift, version.answer, age)

    def _name(self, action: Publish | Switch) -> str:
        if isinstance(action, Publish):
            return f"publishes {says(action.replace)}"
        return f"switches to generation {action.generation}"

    def _chain(self, chain: Chain) -> str:
        for key in (*range(1, 7), FOREIGN_KEY):
            if chain in (self.scene.chain(key, n) for n in range(1, 4)):
                return "a foreign chain" if key == FOREIGN_KEY else f"a chain of key {key}"
        return "a chain"


def _content(cached: tuple[Answer, int]) -> list[bytes]:
    return sorted(cached[0].rdatas) if isinstance(cached[0], RRset) else []
