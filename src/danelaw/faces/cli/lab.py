"""``danelaw lab``: the article, start to end, in a private world on loopback."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeVar, get_args

import click

from danelaw import wiring
from danelaw.app.check import check
from danelaw.app.config import load
from danelaw.app.deploy_sections import LOCAL
from danelaw.core.model import DanelawError, Instant, SubjectName
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.progress import Progress
from danelaw.core.tlsa import Combination
from danelaw.core.verdict.transcript import transcript
from danelaw.faces.cli import interruption, terminal, words
from danelaw.faces.cli.terminal import Ink
from danelaw.ports import Runner, Store, Surroundings
from danelaw.worlds.lab import artifacts, configuration
from danelaw.worlds.lab.crowd import Crowd
from danelaw.worlds.lab.embedded import EmbeddedWorld
from danelaw.worlds.lab.play import MEND, STAGED, Event, Foreign, Play, Scene, Story, Transcript
from danelaw.worlds.lab.real import namespaces, programs
from danelaw.worlds.lab.real.scenes import Scenes
from danelaw.worlds.lab.real.world import Publishing, RealWorld
from danelaw.worlds.lab.world import World
from danelaw.worlds.naive import BlindOperator, NaiveOperator

CLIENTS: Final = 20


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Give the result as JSON on standard output.")
@click.option(
    "--artifacts",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files made are kept; a new folder for temporary files if not given.",
)
@click.option("--seed", default=0, show_default=True, help="What the clients' habits are drawn from.")
@click.option("--real", is_flag=True, help="On the servers that people run, in namespaces of their own.")
@click.option(
    "--publisher",
    type=click.Choice(get_args(Publishing)),
    default="zonefile",
    show_default=True,
    help="With --real: who signs the zone, Danelaw in a file or BIND by itself, taking updates.",
)
@click.option("--scenes", is_flag=True, help="With --real: play what else may happen to a roll, too.")
def lab(as_json: bool, folder: Path | None, seed: int, real: bool, publisher: Publishing, scenes: bool) -> None:
    """Play the article "Let's Encrypt with DANE" from start to end.

    In a private world on loopback: a signed root and net., an operator's zone on two authorities, a CA, a web server on
    two addresses, and a crowd of DANE clients that connect throughout. Takes about a minute, needs no privilege, and
    leaves nothing behind but the folder that it names.

    With --real the world is made of BIND, NSD, Unbound, Pebble and Apache on their real ports. It stands in namespaces
    of its own, so that nothing outside changes. With --scenes servers are then broken during a roll, the runner is
    killed at every step, and another operator stages a renewal without a look at the secondary: some minutes more.

    Exit status: 0 all went as it should; 1 it did not; 2 usage, or a program is missing; 130 interrupted.
    """
    if publisher != "zonefile" and not real:
        raise click.UsageError("--publisher needs --real: the embedded name servers take no updates")
    if scenes and not real:
        raise click.UsageError("--scenes needs --real: they break servers that people run")
    if as_json:
        terminal.need_output()
    if real and not namespaces.inside():
        options = ("--json",) * as_json + ("--scenes",) * scenes + (("--artifacts", str(folder)) if folder else ())
        options += ("--seed", str(seed), "--publisher", publisher)
        again = (sys.executable, "-m", "danelaw", "lab", "--real", *options)
        raise click.exceptions.Exit(namespaces.run(again, programs.find()))
    if real:
        namespaces.furnish(programs.find())
    world = real_world(publisher) if real else _embedded_world(seed)
    story, target = interruption.run(_play(world, folder, seed, quiet=as_json, scenes=scenes))
    if as_json:
        terminal.data(json.dumps(artifacts.summary(story, target), indent=2))
    raise click.exceptions.Exit(0 if story.good else 1)


async def _play(
    place: AbstractAsyncContextManager[World], folder: Path | None, seed: int, *, quiet: bool, scenes: bool
) -> tuple[Story, Path]:
    """What happened, and where the files are. Folders are made in here, where an interruption comes at an ``await``."""
    with artifacts.kept(folder) as target:
        if namespaces.inside() and target.resolve().is_relative_to(namespaces.RUN):
            raise DanelawError(
                "ARTIFACTS_UNWRITABLE",
                f"{target} is hidden by the world's own files",
                hint=f"name a folder outside of {namespaces.RUN} with --artifacts",
            )
        async with place as world:
            stage = wire(world)
            teller = Teller(stage, quiet)
            async with crowd(world, seed) as witnesses, world.oracles() or nullcontext() as oracles:
                play = Play(
                    world=world,
                    crowd=witnesses,
                    runner=stage.wired.engine,
                    naive=stage.naive(),
                    check=stage.check,
                    clock=stage.wired.tools.clock,
                    zone=stage.zone,
                    service=stage.service,
                    report=teller,
                    request_roll=stage.request_roll,
                    oracles=oracles,
                    beside=stage.scenes(world) if scenes and isinstance(world, RealWorld) else None,
                )
                teller.open(world)
                story = await play.run()
            facts = await stage.wired.engine.facts()
            files = artifacts.write(target, world, facts, story, stage.wired.engine.limits)
            teller.close(story, target, files)
            return story, target


@asynccontextmanager
async def _embedded_world(seed: int) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="danelaw-world-") as scratch:
        async with EmbeddedWorld(Path(scratch), seed=seed) as world:
            yield world


def real_world(publisher: Publishing = "zonefile", *, lag: float = 1.5) -> RealWorld:
    """The world on real servers; namespaces must be furnished."""
    return RealWorld(
        namespaces.RUN / "world",
        programs=programs.find(),
        commands=wiring.commands(),
        dialer=wiring.dialer(),
        publisher=publisher,
        lag=lag,
    )


Operator = TypeVar("Operator", bound=NaiveOperator)


@dataclass(frozen=True, slots=True)
class Stage:
    """A lab's configuration, plugged into its world."""

    wired: wiring.Wired
    zone: SubjectName
    service: SubjectName

    def naive(self) -> NaiveOperator:
        """The foreign operator, on the same ports."""
        return self._foreign(NaiveOperator)

    def scenes(self, world: RealWorld) -> Scenes:
        """What else may happen in this world."""

        def again(store: Callable[[Store], Store]) -> Runner:
            return wire(world, store=store(self.wired.store)).wired.engine

        return Scenes(world, self._foreign(BlindOperator), again)

    def _foreign(self, kind: type[Operator]) -> Operator:
        tools = self.wired.tools
        reached = self.wired.subjects.reach.endpoints[0]
        lineage = reached.lineages[0]
        return kind(
            clock=tools.clock,
            credentials=tools.credentials[lineage],
            issuer=tools.issuers[lineage],
            solver=tools.solvers[lineage],
            deployer=tools.deployers[lineage, LOCAL],
            publisher=tools.publishers[reached.zone],
            lineage=lineage,
            host=LOCAL,
            names=(reached.endpoint.host,),
            zone=reached.zone,
            owner=reached.owners[0],
            combination=Combination.from_text("3 1 1"),
            ttl=configuration.TLSA_TTL,
        )

    async def request_roll(self) -> None:
        """Ask the runner for a new key, as an operator would."""
        lineage = self.wired.subjects.reach.endpoints[0].lineages[0]
        lease = await self.wired.store.lease(self.service)
        await self.wired.store.append(
            self.service, lease, Requested(self.wired.tools.clock.now(), lineage, "the lab's operator")
        )

    async def check(self) -> tuple[Sequence[str], bool]:
        """The service as somebody outside sees it."""
        reached = self.wired.subjects.reach.endpoints[0]
        report = await check(reached.endpoint, self.wired.tools.eyes, reached.reference)
        return transcript(report), report.good


def wire(
    world: World, *, tlsa: tuple[str, ...] = ("3 1 1",), challenge: str = "http-01", store: Store | None = None
) -> Stage:
    """Write the operator's configuration into the world, read it, and plug it in. ``store``: another runner's."""
    config = load(configuration.write(world, tlsa=tlsa, challenge=challenge))
    surroundings = Surroundings(
        clock=wiring.clock(),
        dialer=world.dialer,
        blocking=wiring.blocking(),
        commands=world.commands,
        programs=wiring.programs(),
        parents=world.parents,
        trust_anchors=world.trust_anchors,
    )
    return Stage(wiring.build(config, surroundings, store), config.zones[0].subject, config.services[0].subject)


def crowd(world: World, seed: int = 0, size: int = CLIENTS) -> Crowd:
    """The witnesses. They know of the world what the Internet knows: its root servers, its trust anchor, its CA."""
    dialer = world.dialer
    return Crowd(
        host=world.host.to_text(),
        root_servers=[str(ip) for ip in world.root_servers],
        trust_anchor=world.trust_anchors,
        roots_pem=world.roots.read_bytes(),
        locate=lambda ip, port: dialer.locate(ip_address(ip), port),
        size=size,
        seed=seed,
        resolvers=[str(ip) for ip in world.client_resolvers],
    )


@dataclass(slots=True)
class Teller:
    """Tells what happens, as it happens."""

    stage: Stage
    quiet: bool
    _scenes: int = 0
    _began: float | None = None
    _waits: dict[SubjectName, tuple[str, bool]] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        if self.quiet:
            return
        match event:
            case Scene():
                self._scene(event)
            case Progress():
                self._progress(event)
            case Foreign(_, did, who):
                self._line(who, did, fg="yellow")
            case Transcript(lines, good):
                self._transcript(lines, good)

    def open(self, world: World) -> None:
        if self.quiet:
            return
        self._began = self.stage.wired.tools.clock.monotonic()
        terminal.say(Ink("Let's Encrypt with DANE", bold=True), " (Geoff Huston, 2016), on ", world.made_of)
        terminal.say()
        count = {2: "two", 4: "four"}[len(world.service_addresses)]
        caches = len(world.client_resolvers)
        behind = f"behind {caches} validating resolvers" if caches else "each with a validating cache of its own"
        terminal.paragraph(
            f"The zone {world.zone} is served by two authorities, the second late; {world.host} is a web server on"
            f" {count} addresses; {CLIENTS} DANE clients, {behind}, connect throughout."
        )
        limits = self.stage.wired.engine.limits
        terminal.paragraph(
            "Times are scaled to seconds: "
            f"a pass every {limits.pass_interval.total_seconds():g}, TTLs {configuration.TLSA_TTL}; an answer is held"
            f" for {limits.ttl_factor} TTLs and {limits.lookup_delay.total_seconds():g} more, an unknown past for"
            f" {limits.ttl_factor} times {limits.assumed_past_ttl.total_seconds():g}; old records linger for"
            f" {limits.linger.total_seconds():g}."
        )

    def close(self, story: Story, target: Path, files: Sequence[str]) -> None:
        if self.quiet:
            return
        terminal.say()
        for line in artifacts.table(story):
            terminal.say(line)
        terminal.say()
        staged = story.tallies[STAGED.key]
        told = [f"Staged by Danelaw: {staged.refused} of {staged.connections} connections refused."]
        for scene in story.scenes:
            if scene.run is not None and scene.foreign:
                tally = story.tallies[scene.key]
                reasons = ", ".join(f"{count} {reason}" for reason, count in tally.reasons.most_common())
                told.append(
                    f"{scene.run.capitalize()}: {tally.refused} of {tally.connections} refused, "
                    f"over {tally.seconds_refused:.1f} s ({reasons})."
                )
        terminal.paragraph(" ".join(told))
        terminal.say()
        terminal.say("Files made, in ", Ink(str(target), bold=True), ":")
        for name in files:
            terminal.say(f"  {name}")
        terminal.say()
        if story.good:
            terminal.say(Ink("All as it should be.", fg="green", bold=True))
        else:
            terminal.say(Ink("Not as it should be: see report.json.", fg="red", bold=True))

    def _scene(self, scene: Scene) -> None:
        self._scenes += 1
        self._waits.clear()
        terminal.say()
        terminal.say(Ink(f"{self._scenes}  {scene.title}", bold=True))
        if scene.foreign:
            terminal.say("   (a foreign operator, without Danelaw)")
        if scene is MEND:
            terminal.say("   (an old record is still published)")

    def _progress(self, progress: Progress) -> None:
        ended = progress.ended
        if progress.acting is not None:
            return
        if ended is None or isinstance(ended.plan, Settled):
            self._waits.pop(progress.subject, None)
            return
        if isinstance(ended.plan, Wait):
            self._wait(progress.subject, ended.plan, progress.at)
            return
        self._waits.pop(progress.subject, None)
        self._line(words.verb(ended.plan), words.particulars(ended.plan, ended.outcome))

    def _transcript(self, lines: Sequence[str], good: bool) -> None:
        self._line("check", "from outside" if good else "from outside: something is wrong", fg=None if good else "red")
        if self._scenes == 3:
            terminal.say()
            for line in lines:
                terminal.say(line)

    def _wait(self, subject: SubjectName, wait: Wait, now: Instant) -> None:
        """Each thing that is awaited gets a line; a terminal also shows how it goes on."""
        text = words.waiting(wait, now)
        if terminal.interactive():
            terminal.wait(f"{self._clock()}  {'wait':<12} {text}")
        elif self._waits.get(subject) != (phase := (wait.code, words.ends_soon(wait, now))):
            self._line("wait", text)
            self._waits[subject] = phase

    def _line(self, verb: str, rest: str, fg: str | None = None) -> None:
        terminal.hanging((f"{self._clock()}  ", Ink(f"{verb:<12}", fg=fg, bold=True), " "), rest)

    def _clock(self) -> str:
        elapsed = self.stage.wired.tools.clock.monotonic() - (self._began or 0.0)
        return f"{elapsed:6.1f}"
