"""``danelaw run``: every service is brought on as far as it may be now, once or for ever."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import click

from danelaw import wiring
from danelaw.app.config import Config
from danelaw.app.known import Known
from danelaw.core.model import DanelawError, Instant, SubjectName
from danelaw.core.rollover.actions import Failure
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.faces.cli import interruption, terminal
from danelaw.faces.cli.configured import chosen, found, of_configuration
from danelaw.faces.cli.run_heralding import heralded, tried
from danelaw.faces.cli.run_telling import Teller, Told
from danelaw.ports import LastingStore

_MOST_PASSES: Final = 200
"""Of one subject, in one run without ``--watch``: more than any change has steps."""
_TEND_EACH: Final = timedelta(hours=1)


@click.command()
@of_configuration
@click.option("--watch", is_flag=True, help="Go on until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.")
@click.option(
    "--wait",
    "patience",
    type=click.FloatRange(min=0, max=10**7),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to stay for what ends soon, such as the CA's work.",
)
@click.option("-q", "--quiet", is_flag=True, help="Tell of nothing but what is wrong.")
@click.option("--test-notifications", "trial", is_flag=True, help="Send a test to all who are told, and do no more.")
def run(
    service: str | None,
    named: Path | None,
    *,
    json_form: bool,
    watch: bool,
    patience: float,
    quiet: bool,
    trial: bool,
) -> None:
    """Bring every service, or SERVICE alone, on as far as it may be brought now.

    Looks at the name servers, the servers and the CA, takes each step that makes no client refuse, and ends when all
    that is left has to be waited for. Call it from cron or a systemd timer every few minutes ([limits] pass_interval
    says how often), or let it stay with --watch. It can be killed at any time: the next run goes on.

    Exit status: 0 all is settled, or waits for nothing but time; 1 something is wrong; 2 the configuration is; 3 it is
    not known, or another runner is at work; 130 interrupted.
    """
    terminal.need_output()
    path, config = found(named)
    if trial:
        raise click.exceptions.Exit(interruption.run(tried(config)))
    teller = Teller(quiet=quiet, json_form=json_form, limits=config.limits)
    mode = Mode(path, service, watch, timedelta(seconds=patience))
    raise click.exceptions.Exit(interruption.run(_run(mode, config, teller)))


@dataclass(frozen=True, slots=True)
class Mode:
    """How it was called."""

    path: Path
    service: str | None
    watch: bool
    patience: timedelta


async def _run(mode: Mode, config: Config, teller: Teller) -> int:
    """The exit status."""
    requests = Requests(reloads=mode.watch)
    with interruption.heard(requests.hear):
        while True:
            outcome = await _session(mode, config, teller, requests)
            if not requests.reload:
                break
            requests.reload = False
            try:
                _, config = found(mode.path)
                chosen(config, mode.service)
                teller.reloaded(mode.path, config.limits)
            except DanelawError as error:
                terminal.error(error)
                terminal.say("the configuration stays as it was")
    if requests.ended is not None and not (mode.watch and requests.ended is not signal.SIGINT):
        terminal.say("interrupted; the next run goes on")
        return 130
    return 0 if mode.watch else outcome


async def _session(mode: Mode, config: Config, teller: Teller, requests: Requests) -> int:
    """Until there is nothing to do any more, somebody asks for the end, or for another configuration."""
    names = chosen(config, mode.service)
    what = "danelaw run --watch" if mode.watch else "danelaw run"
    with wiring.only_runner(config, what):
        store = wiring.lasting_store(config, wiring.blocking())

        async def known(zone: SubjectName) -> Facts:
            facts, _ = await wired.engine.known.around(zone)
            return facts

        world = wiring.open_world(
            {zone.zone: Told(zone.zone, teller, partial(known, zone.subject)) for zone in config.zones}
        )
        try:
            wired = wiring.build(config, world, store)
            known_of = wired.engine.known
            async with heralded(config, wired.subjects, known_of, store, world.clock, stays=mode.watch) as herald:
                await wired.engine.begin()  # a store that cannot be read is told of here, and not of every subject
                stop = asyncio.Event()
                requests.bind(stop)
                at = _AtRest(names, None if mode.watch else world.clock.now() + mode.patience)

                def heard(progress: Progress) -> None:
                    teller(progress)
                    if progress.ended is not None:
                        herald(progress.ended)
                        if at.rest(progress.ended):
                            stop.set()

                tending = asyncio.create_task(_tending(store, known_of, world.clock.now)) if mode.watch else None
                try:
                    await wired.engine.watch(stop, heard, names)
                finally:
                    if tending is not None:
                        tending.cancel()
                        await asyncio.gather(tending, return_exceptions=True)
            await _tend(store, known_of, world.clock.now())
            return teller.close(at.last)
        finally:
            await store.close()


@dataclass(slots=True)
class _AtRest:
    """Whether a run that is not to stay has nothing left to do. ``until``: how long it stays for what ends soon."""

    subjects: tuple[SubjectName, ...]
    until: Instant | None
    last: dict[SubjectName, Pass] = field(default_factory=dict)
    passes: dict[SubjectName, int] = field(default_factory=dict)

    def rest(self, ended: Pass) -> bool:
        self.last[ended.subject] = ended
        self.passes[ended.subject] = self.passes.get(ended.subject, 0) + 1
        if self.until is None or len(self.last) < len(self.subjects):
            return False
        if all(isinstance(one.plan, Settled) for one in self.last.values()):
            return True
        if max(self.passes.values()) >= _MOST_PASSES and ended.at >= self.until:
            return True
        return not any(self._goes_on(one) for one in self.last.values())

    def _goes_on(self, one: Pass) -> bool:
        """Whether the subject has something to do before the run ends."""
        assert self.until is not None  # noqa: S101  # for the type checker: ``rest`` has looked
        if isinstance(one.plan, Settled):
            return False
        acted = not isinstance(one.plan, Wait) and not isinstance(one.outcome, Failure)
        return (acted and self.passes[one.subject] < _MOST_PASSES) or one.next_at <= self.until


@dataclass(slots=True)
class Requests:
    """What the process was asked for by signals. The first request to end lets the pass end; a second one does not.

    ``reloads``: whether SIGHUP asks for the configuration to be read again, as of daemons, and not for the end.
    """

    reloads: bool
    ended: signal.Signals | None = None
    reload: bool = False
    _stop: asyncio.Event | None = None
    _watched: Callable[[], None] | None = None

    def bind(self, stop: asyncio.Event) -> None:
        self._stop = stop
        if self.ended is not None or self.reload:
            stop.set()

    def hear(self, request: signal.Signals) -> bool:
        """Whether the request is to interrupt at once."""
        if self._stop is None or self.ended is not None:
            return True
        if request is signal.SIGHUP and self.reloads:
            self.reload = True
        else:
            self.ended = request
        self._stop.set()
        return False


async def _tending(store: LastingStore, known: Known, now: Callable[[], Instant]) -> None:
    """A daemon's store is put in order too; the store itself knows when."""
    while True:
        await asyncio.sleep(_TEND_EACH.total_seconds())
        await _tend(store, known, now())


async def _tend(store: LastingStore, known: Known, now: Instant) -> None:
    """A store that cannot be put in order now is so another time."""
    try:
        await store.tend(now, known.together)
    except DanelawError as error:
        terminal.error(error)
