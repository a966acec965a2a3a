"""A store whose user dies at chosen moments, so that a runner can be killed at every step and started again."""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from danelaw.core.model import RRset, SubjectName
from danelaw.core.rollover.actions import Action, Publish
from danelaw.core.rollover.facts import Done, Fact, Intended
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.leads import Overview
from danelaw.ports import Lease, Store


class Moment(enum.Enum):
    """When it is killed, seen from one action."""

    UNINTENDED = "before the intent is stored"
    INTENDED = "before the action is taken"
    UNDER_WAY = "while the action is taken, and it goes on behind the runner's back"
    UNTOLD = "before the outcome is stored"
    TOLD = "after the outcome is stored"


class Killed(BaseException):
    """The end of a runner. Nothing may catch it."""


def itself(action: Action) -> Hashable:
    return action


def kind(action: Action) -> Hashable:
    """What is done, whatever it is done to; publishing and withdrawing are two things."""
    grown = len(action.replace.rdatas) if isinstance(action, Publish) and isinstance(action.replace, RRset) else 0
    return type(action), grown


@dataclass(slots=True)
class Fate:
    """Kills once at each of these moments of each action, told apart by ``key``. ``deaths`` tells of them, in order."""

    moments: frozenset[Moment] = frozenset(Moment)
    key: Callable[[Action], Hashable] = itself
    deaths: list[tuple[Action, Moment]] = field(default_factory=list)

    def strikes(self, action: Action, moment: Moment) -> bool:
        past = {at for dead, at in self.deaths if self.key(dead) == self.key(action)}
        if moment not in self.moments or moment in past:
            return False
        if moment is Moment.UNDER_WAY and not past >= {Moment.UNINTENDED, Moment.INTENDED}:
            return False  # it has not come so far yet
        self.deaths.append((action, moment))
        return True


@dataclass(slots=True)
class MortalStore:
    """A store whose user dies before and after what is written about an action."""

    under: Store
    fate: Fate

    async def lease(self, subject: SubjectName) -> Lease:
        return await self.under.lease(subject)

    async def facts(self, *subjects: SubjectName) -> Facts:
        return await self.under.facts(*subjects)

    async def overview(self) -> Overview:
        return await self.under.overview()

    async def append(self, subject: SubjectName, lease: Lease, *facts: Fact) -> None:
        deeds = [fact for fact in facts if isinstance(fact, Intended | Done)]
        for deed in deeds:
            if self.fate.strikes(deed.action, Moment.UNINTENDED if isinstance(deed, Intended) else Moment.UNTOLD):
                raise Killed
        await self.under.append(subject, lease, *facts)
        for deed in deeds:
            if self.fate.strikes(deed.action, Moment.INTENDED if isinstance(deed, Intended) else Moment.TOLD):
                raise Killed
