"""The article's play: five scenes in one world, before a crowd of DANE clients.

The lab holds no roll logic: it lets a runner go until something is reached, and tells what the crowd saw meanwhile. One
scene belongs to somebody else, the naive operator, and then the runner goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from danelaw.core.model import DanelawError, Instant, SubjectName
from danelaw.core.rollover.actions import Action, Publish, Receipt, Switch
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.ports import Clock, Runner
from danelaw.worlds.lab.crowd import Crowd, Tally
from danelaw.worlds.lab.real.oracles import Oracles, OracleTally
from danelaw.worlds.lab.world import World
from danelaw.worlds.naive import NaiveOperator

QUIET: Final = timedelta(seconds=1.5)
"""The naive scene ends when nobody has been refused for so long, and every client has connected again."""


@dataclass(frozen=True, slots=True)
class Scene:
    """``key`` names it in reports. ``run``: what is compared at the end, ``staged`` with ``naive`` and so on, or None.

    ``foreign``: it is another operator's, who refuses somebody.
    """

    key: str
    title: str
    run: str | None = None
    foreign: bool = False


DNSSEC: Final = Scene("dnssec", "DNSSEC: keys, a signed zone, the DS at the parent")
CERTIFICATE: Final = Scene("certificate", "A certificate from the CA, and the web server that presents it")
RECORDS: Final = Scene("tlsa", "The TLSA record, and a check from outside")
STAGED: Final = Scene("staged", "Re-issuance, staged: the roll of the Postscript", "staged")
NAIVE: Final = Scene("naive", "Re-issuance, naive: renew, reload, and then the record", "naive", True)
MEND: Final = Scene("mend", "Danelaw again: what the naive operator left behind")


@dataclass(frozen=True, slots=True)
class Step:
    """An action that was taken, and when, counted from the play's start."""

    scene: str
    at: timedelta
    action: Action
    ended: Pass


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something that was not Danelaw's doing: ``who`` is another operator, or a fault that began or ended."""

    at: timedelta
    did: str
    who: str = "by hand"


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a check from outside saw."""

    lines: tuple[str, ...]
    good: bool


Event: TypeAlias = Scene | Progress | Foreign | Transcript


class Check(Protocol):
    """A check of the service from outside: (transcript, whether all is good)."""

    def __call__(self) -> Awaitable[tuple[Sequence[str], bool]]: ...


@dataclass(frozen=True, slots=True)
class Story:
    """What happened."""

    steps: tuple[Step, ...]
    foreign: tuple[Foreign, ...]
    tallies: dict[str, Tally]
    durations: dict[str, timedelta]
    checks: tuple[Transcript, ...]
    scenes: tuple[Scene, ...]
    oracles: Mapping[str, tuple[OracleTally, ...]] = field(default_factory=dict)
    """By scene; none in a world where they cannot live."""

    @property
    def good(self) -> bool:
        """Nobody was refused but by other operators, each of whom refused somebody, and the check found all in order.

        The oracles neither refused; and each of them accepted, once there were TLSA records.
        """
        theirs = {scene.key for scene in self.scenes if scene.foreign}
        ours = [tally for key, tally in self.tallies.items() if key not in theirs]
        oracles = [tally for key, tallies in self.oracles.items() if key not in theirs for tally in tallies]
        return (
            all(tally.refused == 0 and tally.accepted > 0 for tally in ours)
            and all(self.tallies[key].refused > 0 for key in theirs)
            and all(check.good for check in self.checks)
            and all(tally.refused == 0 for tally in oracles)
            and all(tally.accepted > 0 for tally in self.oracles.get(STAGED.key, ()))
        )


@dataclass(slots=True)
class Play:
    """``zone`` and ``service``: the runner's subjects. ``limit``: how long one scene may take.

    ``request_roll``: asks the runner for a new key of the service, as soon as that is safe. ``beside``: plays more
    scenes once the article's are over, from a settled world to a settled world.
    """

    world: World
    crowd: Crowd
    runner: Runner
    naive: NaiveOperator
    check: Check
    clock: Clock
    zone: SubjectName
    service: SubjectName
    report: Callable[[Event], None]
    request_roll: Callable[[], Awaitable[None]]
    limit: timedelta = timedelta(seconds=180)
    oracles: Oracles | None = None
    beside: Callable[[Play], Awaitable[None]] | None = None
    _began: Instant | None = None
    _steps: list[Step] = field(default_factory=list)
    _foreign: list[Foreign] = field(default_factory=list)
    _checks: list[Transcript] = field(default_factory=list)
    _durations: dict[str, timedelta] = field(default_factory=dict)
    _scenes: list[Scene] = field(default_factory=list)
    _scene: Scene = DNSSEC
    _scene_began: Instant | None = None

    async def run(self) -> Story:
        """All scenes, in order. Raises ``DanelawError("SCENE_TIMEOUT")`` when one does not end."""
        self._began = self.clock.now()
        await self.enter(DNSSEC)
        await self.watch(self.all_settled({self.zone}), {self.zone})
        await self.crowd.rounds(2)
        await self.enter(CERTIFICATE)
        await self.watch(self.took(Switch))
        await self.crowd.rounds(2)
        await self.enter(RECORDS)
        await self.watch(self.all_settled({self.zone, self.service}))
        await self.checked()
        await self.crowd.rounds(2)
        await self.enter(STAGED)
        await self.call_for_renewal()
        await self.watch(self.settled_after(Switch))
        await self.checked()
        await self.enter(NAIVE)
        await self._naively()
        await self.enter(MEND)
        await self.watch(self.settled_after(Publish))
        await self.checked()
        await self.crowd.rounds(2)
        if self.beside is not None:
            await self.beside(self)
        await self.crowd.drain()
        self._close()
        return self._story()

    async def roll(self) -> None:
        """One staged re-issuance more."""
        await self.call_for_renewal()
        await self.watch(self.settled_after(Switch))

    async def call_for_renewal(self) -> None:
        """By the CA, where it has renewal information (RFC 9773); else the runner is asked, as an operator would."""
        if not self.world.suggest_renewal():
            await self.request_roll()

    # -- scenes -------------------------------------------------------------------------------------------------

    async def enter(self, scene: Scene) -> None:
        """End one scene, for everybody who watches, and begin the next."""
        if self.oracles is not None:
            await self.oracles.enter(scene.key)
        await self.crowd.enter(scene.key)
        self._close()
        self._scenes.append(scene)
        self._scene, self._scene_began = scene, self.clock.now()
        self.report(scene)

    def _close(self) -> None:
        if self._scene_began is not None:
            self._durations[self._scene.key] = self.clock.now() - self._scene_began

    async def _naively(self) -> None:
        await self.did("renews the certificate, with a new key, and reloads the web server", self.naive.renew)
        await self.did("appends the new TLSA record, signs the zone, reloads it", self.naive.append_record)
        await self.calm()

    async def calm(self) -> None:
        """Until nobody has been refused for a while, and every client and oracle has looked again."""
        deadline = self.clock.now() + self.limit
        while self._lately_refused():
            if self.clock.now() > deadline:
                raise self._overdue("clients are still being refused")
            await self.crowd.rounds(1)
            if self.oracles is not None:
                await self.oracles.rounds(1)

    def _lately_refused(self) -> bool:
        last = self.crowd.tally(self._scene.key).last_refusal
        if last is None:
            return True
        told = self.oracles.last_refusal(self._scene.key) if self.oracles is not None else None
        return self.clock.now() - max(last, told or last) < QUIET

    async def did(self, what: str, do: Callable[[], Awaitable[object]], who: str = "by hand") -> None:
        """Let somebody else do something, and tell it."""
        await do()
        foreign = Foreign(self._since(), what, who)
        self._foreign.append(foreign)
        self.report(foreign)

    async def checked(self) -> None:
        """Have the service checked from outside."""
        lines, good = await self.check()
        transcript = Transcript(tuple(lines), good)
        self._checks.append(transcript)
        self.report(transcript)

    # -- letting the runner go ----------------------------------------------------------------------------------

    async def watch(self, reached: Callable[[Progress], bool], subjects: Collection[SubjectName] | None = None) -> None:
        """Let the runner go until it is so. Raises ``DanelawError("SCENE_TIMEOUT")``."""
        stop = asyncio.Event()

        def listen(progress: Progress) -> None:
            self.report(progress)
            if progress.ended is not None and isinstance(progress.ended.plan, Action):
                self._steps.append(Step(self._scene.key, self._since(), progress.ended.plan, progress.ended))
            if progress.ended is not None and isinstance(progress.ended.plan, Wait):
                awaited[progress.subject] = progress.ended.plan.because
            else:
                awaited.pop(progress.subject, None)
            if reached(progress):
                stop.set()

        awaited: dict[SubjectName, str] = {}
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                await self.runner.watch(stop, listen, subjects)
        except TimeoutError:
            raise self._overdue("; ".join(awaited.values())) from None

    def _overdue(self, awaited: str) -> DanelawError:
        return DanelawError(
            "SCENE_TIMEOUT",
            f"the scene {self._scene.key!r} has not ended within {self.limit.total_seconds():g} s",
            evidence=awaited,
            hint="a machine that is too busy to look at each server in time starts the waits anew: try again",
        )

    def all_settled(self, subjects: Collection[SubjectName]) -> Callable[[Progress], bool]:
        """Each of these subjects was settled when it was last looked at."""
        settled: dict[SubjectName, bool] = dict.fromkeys(subjects, False)

        def reached(progress: Progress) -> bool:
            if progress.ended is not None:
                settled[progress.subject] = isinstance(progress.ended.plan, Settled)
            return all(settled.values())

        return reached

    def took(self, kind: type[Action]) -> Callable[[Progress], bool]:
        """Such an action has just succeeded."""

        def reached(progress: Progress) -> bool:
            ended = progress.ended
            return ended is not None and isinstance(ended.plan, kind) and isinstance(ended.outcome, Receipt)

        return reached

    def settled_after(self, kind: type[Action]) -> Callable[[Progress], bool]:
        """Everything settled, once the runner, or one before it, has begun such an action."""
        settled = self.all_settled({self.zone, self.service})
        happened = False

        def reached(progress: Progress) -> bool:
            nonlocal happened
            happened |= isinstance(progress.acting, kind)
            return settled(progress) and happened

        return reached

    def _since(self) -> timedelta:
        return self.clock.now() - (self._began or self.clock.now())

    def _story(self) -> Story:
        scenes = tuple(self._scenes)
        return Story(
            scenes=scenes,
            steps=tuple(self._steps),
            foreign=tuple(self._foreign),
            tallies={scene.key: self.crowd.tally(scene.key) for scene in scenes},
            durations=dict(self._durations),
            checks=tuple(self._checks),
            oracles={scene.key: self.oracles.tally(scene.key) for scene in scenes} if self.oracles else {},
        )
