"""What may befall a small world: faults begin, last for a while, and are over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple

from danelaw.core.model import RRset
from danelaw.worlds.sim.explorer.cast import Cast
from danelaw.worlds.sim.explorer.knowledge import Knowledge
from danelaw.worlds.sim.explorer.scene import FOREIGN_KEY, Scene
from danelaw.worlds.sim.explorer.states import Authority, Copy, World

LAG, SILENCE, RESTORE, SLEEP = "lag", "silence", "restore", "sleeping runner"
LOST_REPLY, DELAY, IDLE, DELAYED_SWITCH = "lost reply", "delayed update", "idle reload", "delayed switch"
LOST_STORE, OLD_STORE, FAILING_PROBES = "lost store", "old store", "failing probes"
FOREIGN_EDIT, FOREIGN_RENEWAL, FOREIGN_RESTART = "foreign edit", "foreign renewal", "foreign restart"
RETARGET, ASKED_AGAIN = "retargeting operator", "asked again"
FOREIGN: Final = frozenset({FOREIGN_EDIT, FOREIGN_RENEWAL, FOREIGN_RESTART, RETARGET, ASKED_AGAIN})
ALL_FAULTS: Final = FOREIGN | {
    *(LAG, SILENCE, RESTORE, SLEEP, LOST_STORE, OLD_STORE),
    *(LOST_REPLY, DELAY, IDLE, DELAYED_SWITCH, FAILING_PROBES),
}


@dataclass(frozen=True)
class Faults:
    """Which may happen, and for how many ticks one that lasts may last."""

    kinds: frozenset[str]
    longest: int = 3


class Fate(NamedTuple):
    """``story``: what has happened. ``hole``: who is refused by it, and Danelaw's doing; else nothing."""

    story: str
    world: World
    hole: str = ""

    def then(self, story: str, world: World, hole: str = "") -> Fate:
        return Fate(", ".join(filter(None, (self.story, story))), world, hole)


@dataclass(frozen=True)
class Befalling:
    """``land``: what becomes of a world when the action that is on its way arrives."""

    scene: Scene
    faults: Faults
    cast: Cast
    knowledge: Knowledge
    land: Callable[[World], Fate]

    def fates(self, world: World) -> Iterator[Fate]:
        """All that may happen before the runner looks. First of all: nothing bad, and what was bad is over."""
        calm = self._followed(world, frozenset(), frozenset())
        landed = self.land(calm) if calm.flying is not None else Fate("", calm)
        yield landed._replace(world=landed.world._replace(asleep=0, copy=None))
        for stuck, unseen in product(self._still_away(world), self._still_unseen(world)):
            for fate in self._flown(self._stayed(world, stuck, unseen)):
                if fate.hole:
                    yield fate
                else:
                    for restored in self._restored(fate):
                        yield from self._beset(restored, world.asleep)

    def _beset(self, fate: Fate, asleep: int) -> Iterator[Fate]:
        awake = fate.world._replace(asleep=0)
        yield fate._replace(world=awake)
        if 0 < asleep < self.faults.longest:
            yield fate.then("asleep", fate.world._replace(asleep=asleep + 1))
        if awake.budget:
            for story, spoilt in self._spoilt(awake):
                yield fate.then(story, spoilt._replace(budget=awake.budget - 1))

    # -- what goes on -------------------------------------------------------------------------------------------

    def _still_away(self, world: World) -> Iterator[frozenset[int]]:
        """Which of the authorities that are away stay away: those that have been for too long come back."""
        longest = self.faults.longest
        return _subsets([i for i, a in enumerate(world.authorities) if (a.silent or a.stuck) and a.away < longest])

    def _still_unseen(self, world: World) -> Iterator[frozenset[int]]:
        return _subsets([i for i, server in enumerate(world.servers) if 0 < server.away < self.faults.longest])

    def _stayed(self, world: World, stuck: frozenset[int], unseen: frozenset[int]) -> Fate:
        names = [f"{self.scene.ns[i]} still away" for i in sorted(stuck)]
        names += [f"{self.scene.web[i]} still out of reach" for i in sorted(unseen)]
        return Fate(", ".join(names), self._followed(world, stuck, unseen))

    def _flown(self, fate: Fate) -> Iterator[Fate]:
        """What is on its way lands, or flies on, or, in the end, is lost."""
        world = fate.world
        if world.flying is None:
            yield fate
            return
        landed = self.land(world)
        yield fate.then(*landed)
        if world.flying.age < self.scene.in_flight:
            yield fate
        else:
            yield fate.then("an action is lost", world._replace(flying=None))

    def _restored(self, fate: Fate) -> Iterator[Fate]:
        """A copy of the store is put back, or kept for a while. None that is younger than a gap: see ADR 0011."""
        world = fate.world
        if world.copy is None:
            yield fate
            return
        kept = world.copy if world.copy.age < max(self.faults.longest, self.scene.gap) else None
        yield fate._replace(world=world._replace(copy=kept))
        if world.copy.age >= self.scene.gap:
            told = f"the store of {world.copy.age} ticks ago is put back"
            yield fate.then(told, world._replace(copy=None, known=world.copy.known))

    def _followed(self, world: World, staying: frozenset[int], unseen: frozenset[int]) -> World:
        """Secondaries take over what the primary has, except those that stay away.

        A primary that was restored gets a serial above all others', by its operator: no secondary would follow it else.
        """
        primary = world.primary
        if primary.stuck and 0 not in staying and any(a.serial >= primary.serial for a in world.authorities[1:]):
            ahead = max(a.serial for a in world.authorities)
            world = world.written(primary.content, ahead + 1)
            primary = world.primary
        found: list[Authority] = []
        for i, it in enumerate(world.authorities):
            if i in staying:
                found.append(it._replace(away=it.away + 1))
            elif i and primary.serial > it.serial:
                found.append(Authority(primary.serial, primary.content))
            else:
                found.append(Authority(it.serial, it.content))
        servers = tuple(s._replace(away=s.away + 1 if i in unseen else 0) for i, s in enumerate(world.servers))
        return world._replace(authorities=tuple(found), servers=servers)

    # -- what begins --------------------------------------------------------------------------------------------

    def _spoilt(self, world: World) -> Iterator[tuple[str, World]]:
        """Every fault that may begin now."""
        kinds = self.faults.kinds
        yield from self._authority_spoilt(world)
        if SLEEP in kinds:
            yield "the runner falls asleep", world._replace(asleep=1)
        if LOST_STORE in kinds:
            yield "the store is lost", world._replace(known=self.knowledge.told(0))
        if OLD_STORE in kinds and world.copy is None:
            yield "the store is copied", world._replace(copy=Copy(world.known, 0))
        if ASKED_AGAIN in kinds:
            yield "another key is asked for", world._replace(known=self.knowledge.asked_again(world.known))
        if FOREIGN_EDIT in kinds:
            yield from self._edited(world)
        if RETARGET in kinds and self.scene.elsewhere:
            yield from self._retargeted(world)
        for i in self.scene.site(world.primary.content.site):
            server = world.servers[i]
            if FAILING_PROBES in kinds and not server.away:
                yield f"{self.scene.web[i]} is out of reach", world.with_server(i, server._replace(away=1))
            foreign = self.cast.chains.of(self.scene.chain(FOREIGN_KEY))
            for kind, other in {FOREIGN_RENEWAL: foreign, FOREIGN_RESTART: world.on_path}.items():
                if kind in kinds and other is not None and other != server.chain:
                    yield f"{kind} at {self.scene.web[i]}", serving(world, [i], other, self.scene.lookup)

    def _authority_spoilt(self, world: World) -> Iterator[tuple[str, World]]:
        kinds = self.faults.kinds
        for i, it in enumerate(world.authorities):
            name = self.scene.ns[i]
            if LAG in kinds and i and not it.stuck:
                yield f"{name} lags", world.with_authority(i, it._replace(stuck=True))
            if SILENCE in kinds and not it.silent:
                yield f"{name} falls silent", world.with_authority(i, it._replace(silent=True, stuck=it.stuck or i > 0))
            if RESTORE in kinds:
                for serial, content, _ in world.former:
                    if serial < it.serial:
                        old = it._replace(serial=serial, content=content, stuck=it.stuck or i == 0)
                        yield f"{name} is restored to {serial}", world.with_authority(i, old)

    def _edited(self, world: World) -> Iterator[tuple[str, World]]:
        content = world.primary.content
        answer = self.cast.answers[content.tlsa]
        foreign = self.scene.records(FOREIGN_KEY)
        there = answer.rdatas if isinstance(answer, RRset) else frozenset[bytes]()
        for story, rdatas in (("adds a record", there | foreign.rdatas), ("replaces all", foreign.rdatas)):
            if rdatas != there:
                edited = self.cast.answers.of(RRset(foreign.owner, foreign.type, foreign.ttl, rdatas))
                yield f"another hand {story}", world.written(content._replace(tlsa=edited))

    def _retargeted(self, world: World) -> Iterator[tuple[str, World]]:
        """The service's addresses lead elsewhere from now on, where something else is presented, or back again."""
        content = world.primary.content
        moved = world.written(content._replace(site=1 - content.site))
        if content.site:
            yield "the service moves back", moved
            return
        first, foreign = self.scene.chain(1), self.scene.chain(FOREIGN_KEY)
        (elsewhere,) = self.scene.site(1)
        for story, chain in (("as it was once", first), ("with a foreign chain", foreign)):
            there = serving(moved, [elsewhere], self.cast.chains.of(chain), self.scene.lookup)
            yield f"the service moves to {self.scene.web[elsewhere]}, {story}", there


def serving(world: World, indexes: Iterable[int], chain: int, lookup: int) -> World:
    """These servers present a chain; what they presented before is being checked for so many ticks."""
    servers, left = list(world.servers), dict(world.left)
    for i in indexes:
        if servers[i].chain != chain:
            left[servers[i].chain] = lookup
            servers[i] = servers[i]._replace(chain=chain)
    return world._replace(servers=tuple(servers), left=tuple(sorted(left.items())))


def _subsets(items: list[int]) -> Iterator[frozenset[int]]:
    for bits in range(1 << len(items)):
        yield frozenset(i for n, i in enumerate(items) if bits >> n & 1)
