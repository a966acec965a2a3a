"""What may happen to the runner's host. One class for each thing, as scenario files name it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec

from danelaw.worlds.sim.adversary import Event, Stage, Undo
from danelaw.worlds.sim.hazards import CALLS, Call


class Crash(Event, tag="crash", frozen=True):
    """The runner dies after so many more calls to the outside, whatever they are, and another starts."""

    calls: Annotated[int, msgspec.Meta(ge=1)]

    def strike(self, stage: Stage) -> None:
        stage.world.hazards.death = stage.world.hazards.calls + self.calls


class LoseAnswer(Event, tag="lose-answer", frozen=True):
    """The next call ``of`` this kind does what it is to do, and its reply is lost."""

    of: Call

    def strike(self, stage: Stage) -> Undo:
        call, lost = CALLS[self.of], stage.world.hazards.lost
        lost.add(call)
        return partial(lost.discard, call)


class DiskFull(Event, tag="disk-full", frozen=True):
    """Nothing can be written on the runner's host: no fact, no key, no certificate, no zone."""

    def strike(self, stage: Stage) -> Undo:
        stage.world.hazards.full = True
        return partial(setattr, stage.world.hazards, "full", False)


class LockStore(Event, tag="lock-store", frozen=True):
    """Another program holds the runner's store, and nothing can be recorded."""

    def strike(self, stage: Stage) -> Undo:
        stage.world.hazards.locked = True
        return partial(setattr, stage.world.hazards, "locked", False)
