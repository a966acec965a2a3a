"""The runner is killed at every step and started again: the roll ends, and nobody is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from living_lab import LivingLab, living_lab

from danelaw.core.rollover.actions import Action, AdvanceOrder, DestroyKey, MakeKey, Publish, SubmitDS, Switch
from danelaw.core.rollover.progress import Progress
from danelaw.faces.cli.lab import wire
from danelaw.ports import Store
from danelaw.worlds.lab.crowd import Outcome
from danelaw.worlds.lab.mortal import Fate, Killed, Moment, MortalStore, kind

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


async def until_settled(
    lab: LivingLab, store: Callable[[], Store], fate: Fate, after: type[Action] | None = None
) -> None:
    """Runner after runner, each on ``store()``, until one finds all settled."""
    taken = False

    def report(progress: Progress) -> None:
        nonlocal taken
        taken = taken or (after is not None and isinstance(progress.acting, after))
        if progress.acting is not None and fate.strikes(progress.acting, Moment.UNDER_WAY):
            living.cancel()

    while True:
        lab.stage = wire(lab.world, store=store())
        living: asyncio.Task[None] = asyncio.create_task(lab.settle(report, None if taken else after))
        await asyncio.wait({living})
        if not living.cancelled() and not isinstance(living.exception(), Killed):
            return living.result()


def kinds(deaths: list[tuple[Action, Moment]], moment: Moment) -> set[type[Action]]:
    return {type(action) for action, at in deaths if at is moment}


def test_killed_at_every_step_from_the_first_key_to_the_end_of_a_roll_nobody_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with living_lab(tmp_path / "lab", lag=1.0) as lab:
            scene = await lab.enter()
            first = Fate()
            memory = lab.stage.wired.store
            await until_settled(lab, lambda: MortalStore(memory, first), first)
            assert kinds(first.deaths, Moment.UNDER_WAY) >= {SubmitDS, MakeKey, AdvanceOrder, Switch, Publish}
            before = await lab.published()
            lab.world.suggest_renewal()
            roll = Fate(frozenset({Moment.UNINTENDED, Moment.INTENDED, Moment.UNTOLD, Moment.TOLD}))
            await until_settled(lab, lambda: MortalStore(memory, roll), roll, after=MakeKey)
            for moment in (Moment.UNINTENDED, Moment.INTENDED, Moment.UNTOLD):
                assert kinds(roll.deaths, moment) >= {MakeKey, AdvanceOrder, Switch, Publish, DestroyKey}, moment
            after = await lab.published()
            assert len(after.rdatas) == 1
            assert after.rdatas.isdisjoint(before.rdatas)
            await lab.witnesses.rounds(2)
            assert lab.connections(scene, Outcome.REFUSED) == []
            assert lab.connections(scene, Outcome.ACCEPTED)
            assert (await lab.stage.check())[1]

    asyncio.run(story())


def test_killed_with_the_history_lost_in_the_middle_of_a_roll_nobody_is_refused(tmp_path: Path) -> None:
    """Each runner starts without any memory, whatever the last one was about: an order, a publication, a switch."""

    async def story() -> None:
        async with living_lab(tmp_path / "lab", lag=1.0) as lab:
            await lab.settle()
            before = await lab.published()
            scene = await lab.enter()
            lab.world.suggest_renewal()
            fate = Fate(frozenset({Moment.UNTOLD}), kind)

            def forgotten() -> Store:
                return MortalStore(wire(lab.world).wired.store, fate)

            await until_settled(lab, forgotten, fate, after=MakeKey)
            assert kinds(fate.deaths, Moment.UNTOLD) >= {MakeKey, AdvanceOrder, Switch, Publish, DestroyKey}
            after = await lab.published()
            assert len(after.rdatas) == 1
            assert after.rdatas.isdisjoint(before.rdatas)
            await lab.witnesses.rounds(2)
            assert lab.connections(scene, Outcome.REFUSED) == []
            assert (await lab.stage.check())[1]

    asyncio.run(story())
