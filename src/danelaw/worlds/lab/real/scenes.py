"""Scenes beside the article's: a fault begins before a roll or in its midst, the runner waits, the fault ends, the roll
ends. Then the runner is killed at every step; and another operator stages a renewal without a look at the secondary.

Each scene begins and ends in a settled world, so that one world does for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from danelaw.core.model import Instant
from danelaw.core.rollover.actions import MakeKey, Publish
from danelaw.core.rollover.planner import Wait
from danelaw.core.rollover.progress import Progress
from danelaw.ports import Runner, Store
from danelaw.worlds.lab.mortal import Fate, Killed, Moment, MortalStore, kind
from danelaw.worlds.lab.play import Play, Scene
from danelaw.worlds.lab.real import addresses
from danelaw.worlds.lab.real.world import RealWorld
from danelaw.worlds.naive import BlindOperator

HELD: Final = timedelta(seconds=10)
"""How long a fault goes on once the runner waits for its end, or another operator no longer does: longer than any
wait that ends by itself."""
LIMIT: Final = timedelta(seconds=240)
SECONDARY: Final = tuple(str(ip) for ip in addresses.SECONDARY)

BLIND: Final = Scene("blind", "Staged but blind, secondary frozen", "blind", True)
BLIND_AFTER: Final = Scene("blind-after", "Danelaw, after the blind one")
KILLED: Final = Scene("killed", "The runner is killed at each step")

Deed = Callable[[RealWorld], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """``named``: every wait on its account says one of these.

    ``midway``: it begins when the new record is everywhere, and clients may still hold the old one; else before the
    roll.
    """

    scene: Scene
    began: str
    begin: Deed
    ended: str
    end: Deed
    named: tuple[str, ...]
    midway: bool = False


async def _freeze(world: RealWorld) -> None:
    """What a cache holds would hang on whom it happens to ask: so one asks the late secondary, and one does not."""
    await world.part_caches()
    await world.freeze()


async def _thaw(world: RealWorld) -> None:
    await world.thaw()
    await world.join_caches()


async def _deafen_zone(world: RealWorld) -> None:
    world.ignore_reload("zone")


async def _cure_zone(world: RealWorld) -> None:
    world.obey_reload("zone")


async def _deafen_web(world: RealWorld) -> None:
    world.ignore_reload("web2")


async def _cure_web(world: RealWorld) -> None:
    world.obey_reload("web2")


async def _blind_ca(world: RealWorld) -> None:
    await world.roads.cut(addresses.CA_RESOLVER)


async def _cure_ca(world: RealWorld) -> None:
    await world.roads.mend(addresses.CA_RESOLVER)


FROZEN: Final = Fault(
    Scene("frozen", "The secondary is frozen"),
    "the secondary is cut off, and one cache asks it alone",
    _freeze,
    "the secondary hears again",
    _thaw,
    SECONDARY,
)
DEAF_ZONE: Final = Fault(
    Scene("deaf-zone", "The zone's reload does nothing"),
    "the reload of the zone claims success and does nothing",
    _deafen_zone,
    "the reload works again",
    _cure_zone,
    ("no authority of", *(str(ip) for ip in addresses.PRIMARY)),
)
DEAF_WEB: Final = Fault(
    Scene("deaf-web", "One web server keeps the old chain"),
    "the second web server ignores reloads",
    _deafen_web,
    "the second web server heeds them again",
    _cure_web,
    tuple(str(ip) for ip in addresses.WEB[1]),
)
BLIND_CA: Final = Fault(
    Scene("ca", "The CA refuses"),
    "the CA cannot resolve any more, and refuses",
    _blind_ca,
    "the CA resolves again",
    _cure_ca,
    ("the CA",),
)
FAULTS: Final = (FROZEN, DEAF_ZONE, DEAF_WEB, BLIND_CA)


@dataclass(frozen=True, slots=True)
class Scenes:
    """``again``: another runner on the same history, as the given function lets it see it; such as one that dies."""

    world: RealWorld
    blind: BlindOperator
    again: Callable[[Callable[[Store], Store]], Runner]

    async def __call__(self, play: Play) -> None:
        """All of them. A primary that takes updates is told of them and needs no reload, so none can fail."""
        play.limit = LIMIT
        for fault in FAULTS:
            if fault is not DEAF_ZONE or self.world.update_key is None:
                await self._faulty(play, fault)
        await self._faulty(play, await self._backup())
        await self._killed(play)
        await self._blindly(play)

    async def _backup(self) -> Fault:
        """The secondary comes back with what it has now, when that has become old."""
        held = await self.world.secondary_zone()

        async def restore(world: RealWorld) -> None:
            await world.restore_secondary(held)

        return Fault(
            Scene("restored", "The secondary returns, outdated"),
            "the secondary dies and comes back from a backup",
            restore,
            "the secondary hears again",
            _thaw,
            SECONDARY,
            midway=True,
        )

    async def _faulty(self, play: Play, fault: Fault) -> None:
        await play.enter(fault.scene)
        done = play.settled_after(MakeKey)
        if not fault.midway:
            await play.did(fault.began, lambda: fault.begin(self.world), "fault")
        await play.call_for_renewal()
        if fault.midway:
            await play.watch(_counting(done))
            await play.did(fault.began, lambda: fault.begin(self.world), "fault")
        await play.watch(_waiting_for(fault, done))
        await play.did(fault.ended, lambda: fault.end(self.world), "healed")
        await play.watch(done)
        await play.checked()

    async def _killed(self, play: Play) -> None:
        """Each kind of action once before and after its intent is stored, and before and after its outcome is."""
        await play.enter(KILLED)
        living, done = play.runner, play.settled_after(MakeKey)
        fate = Fate(frozenset(Moment) - {Moment.UNDER_WAY}, kind)
        await play.call_for_renewal()
        ended = False
        while not ended:
            play.runner = self.again(lambda store: MortalStore(store, fate))
            try:
                await play.watch(done)
                ended = True
            except Killed:
                continue
        play.runner = living
        await play.did(f"{len(fate.deaths)} times, and each time another took over", play.checked, "killed")

    async def _blindly(self, play: Play) -> None:
        """What ``FROZEN`` is to Danelaw."""
        await play.enter(BLIND)
        await play.did(FROZEN.began, lambda: FROZEN.begin(self.world), "fault")
        await play.did("gets a certificate for a new key", self.blind.obtain)
        await play.did("adds the new TLSA record beside the old one", self.blind.append_record)
        await play.did("waits two TTLs, counted from the primary", self.blind.wait)
        await play.did("has the web servers present the new chain", self.blind.switch)
        switched = play.clock.now()
        await play.did("withdraws the old TLSA record", self.blind.withdraw)
        await play.clock.sleep_until(switched + HELD)
        await play.did(FROZEN.ended, lambda: FROZEN.end(self.world), "healed")
        await play.calm()
        await play.enter(BLIND_AFTER)
        await play.watch(play.all_settled({play.zone, play.service}))
        await play.checked()
        await play.crowd.rounds(2)


def _counting(done: Callable[[Progress], bool]) -> Callable[[Progress], bool]:
    """The new record has been published, every authority was seen to have it, and the caches' time is being counted."""
    published = False

    def reached(progress: Progress) -> bool:
        nonlocal published
        done(progress)
        ended = progress.ended
        published |= isinstance(progress.acting, Publish)
        return published and ended is not None and isinstance(ended.plan, Wait) and ended.plan.until is not None

    return reached


def _waiting_for(fault: Fault, done: Callable[[Progress], bool]) -> Callable[[Progress], bool]:
    """The runner has waited on the fault's account, and on no other, for as long as the fault is to go on."""
    since: Instant | None = None

    def reached(progress: Progress) -> bool:
        nonlocal since
        done(progress)
        ended = progress.ended
        if ended is None or not isinstance(ended.plan, Wait):
            return False
        named = any(name in ended.plan.because for name in fault.named)
        since = (since or ended.at) if named else None
        return since is not None and ended.at - since >= HELD

    return reached
