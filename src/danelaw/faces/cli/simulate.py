"""``danelaw simulate``: rollovers in virtual time, against an adversary, counted as Lee et al. counted the field's."""

from __future__ import annotations

import json
import os
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final, NoReturn, cast

import click
import msgspec
from click.core import ParameterSource

from danelaw.core.model import DanelawError
from danelaw.core.model.counting import counted
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.progress import Progress
from danelaw.faces.cli import terminal, words
from danelaw.faces.cli.simulate_config import configured
from danelaw.faces.cli.simulate_jobs import played
from danelaw.faces.cli.simulate_table import span, table
from danelaw.faces.cli.simulation import SimulatedCompany
from danelaw.faces.cli.terminal import Ink
from danelaw.worlds.sim.adversary import Event
from danelaw.worlds.sim.campaign import ROLLS, STRATEGIES, Tally, campaign, draw, shrink, tally
from danelaw.worlds.sim.ending import Ending
from danelaw.worlds.sim.scenario import Scenario, StrategyName, read, write
from danelaw.worlds.sim.scenario_play import play

SCHEMA: Final = "danelaw/simulate/1"
OWN: Final = 2
"""How many rolls of a configuration are played: each takes as long as it takes."""
LONGEST: Final = 1 << 20
"""Octets of a scenario file, at the most."""


@click.command()
@click.argument("service", required=False)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Play this configuration: SERVICE, or its only one, with its waits, TTLs, records and strategy.",
)
@click.option(
    "--secondaries",
    type=click.IntRange(0, 12),
    default=2,
    show_default=True,
    help="With --config: how many name servers follow the primary.",
)
@click.option(
    "--addresses",
    type=click.IntRange(1, 16),
    default=2,
    show_default=True,
    help="With --config: how many the service has.",
)
@click.option("--scenario", metavar="NAME|FILE", help="Play this scenario, and show what happens.")
@click.option(
    "--rollovers",
    type=click.IntRange(1, 10_000_000),
    help="How many for each strategy, in worlds and with faults of chance: 60 if not given; 2 with --config.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="What chance is drawn from.")
@click.option(
    "--strategy", "strategies", type=click.Choice(STRATEGIES), multiple=True, help="Only these; may be repeated."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes at work; as many as processors if not given.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="Where a scenario that fails is written to; here if not given.",
)
@click.option("--json", "as_json", is_flag=True, help="Give the result as JSON on standard output.")
def simulate(
    service: str | None,
    config_file: Path | None,
    secondaries: int,
    addresses: int,
    scenario: str | None,
    rollovers: int | None,
    seed: int,
    strategies: tuple[str, ...],
    jobs: int | None,
    keep: Path,
    as_json: bool,
) -> None:
    """Play rollovers in virtual time, against an adversary.

    The runner, its gate and its planner are the real ones. Servers, caches and clients are simulated: servers lag, fall
    silent and return with old zones, replies are lost, the runner dies, sleeps and forgets. What comes of it is counted
    as Lee et al. counted it for the mail servers of the Internet (2022): for operators who renew by hand and never ask
    (naive), in the proportions of that paper, and for each strategy.

    With --config the world is that of one service of yours, in a network that is made up, and time is as long as it is
    there: what happens is shown, and then counted.

    The same seed always plays the same way. If a strategy ever refuses a client, the faults that did it are reduced to
    as few as still do, and written to a scenario file that plays it again.

    Exit status: 0 good; 1 a strategy of Danelaw's refused a client, or a scenario did not end as it says; 2 usage or
    configuration; 130 interrupted.
    """
    if as_json:
        terminal.need_output()
    chosen = cast(tuple[StrategyName, ...], strategies)
    if config_file is not None:
        if scenario is not None:
            raise click.UsageError("--config and --scenario: the one or the other says what is played")
        given = configured(config_file, service, secondaries=secondaries, addresses=addresses)
        names = chosen or tuple(dict.fromkeys(("naive", given.strategy)))
        _exit(_scenes([draw(seed, name, rollovers or OWN, given=given) for name in names]), as_json, counted=True)
    if service is not None:
        raise click.UsageError(f"{service}: a service is one of a configuration; name that with --config")
    source = click.get_current_context().get_parameter_source
    for name in ("secondaries", "addresses"):
        if source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name}: worlds of chance have what they have; it goes with --config")
    if scenario is not None:
        found = _load(scenario)
        _exit(_scenes([msgspec.structs.replace(found, strategy=s) for s in chosen or (found.strategy,)]), as_json)
    tallies, culprits = _campaigns(
        chosen or STRATEGIES, rollovers or 60, seed, jobs or os.cpu_count() or 1, quiet=as_json
    )
    kept = [_keep(culprit, keep) for culprit in culprits]
    good = not culprits
    if as_json:
        counted = {strategy: counts.as_json() for strategy, counts in tallies.items()}
        result = {"schema": SCHEMA, "good": good, "seed": seed, "strategies": counted, "failed": [str(p) for p in kept]}
        terminal.data(json.dumps(result, indent=2))
    else:
        for line in table(tallies):
            terminal.data(line)
    for path in kept:
        terminal.say(Ink("failed: ", fg="red", bold=True), f"danelaw simulate --scenario {path} plays it again")
    raise click.exceptions.Exit(0 if good else 1)


# -- campaigns --------------------------------------------------------------------------------------------------------


def _campaigns(
    strategies: Sequence[StrategyName], rollovers: int, seed: int, jobs: int, *, quiet: bool
) -> tuple[dict[str, Tally], list[Scenario]]:
    """What each strategy came to, and for each that failed the first scenario in which it did, as small as can be."""
    worlds = -(-rollovers // ROLLS)
    seeds = range(seed * 1_000_000, seed * 1_000_000 + worlds)
    tallies: dict[str, Tally] = {}
    culprits: list[Scenario] = []
    for strategy in strategies:
        total = Tally()
        first: Scenario | None = None
        for done, (counts, culprit) in enumerate(played(partial(_one, strategy), seeds, jobs), 1):
            total += counts
            first = first or culprit
            if not quiet and terminal.interactive():
                terminal.wait(f"{strategy}: {total.rollovers} rollovers, in {done} of {worlds} worlds")
        tallies[strategy] = total
        if first is not None:
            culprits.append(shrink(first, SimulatedCompany))
    return tallies, culprits


def _one(strategy: StrategyName, seed: int) -> tuple[Tally, Scenario | None]:
    return campaign(strategy, seed, ROLLS, SimulatedCompany)


def _keep(culprit: Scenario, folder: Path) -> Path:
    path = folder / f"failed-{culprit.strategy}-{culprit.world.seed}.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(write(culprit), encoding="utf-8")
    except OSError as error:
        raise DanelawError(
            "OUTPUT_UNWRITABLE",
            f"cannot write {path}",
            evidence=error.strerror or "",
            hint="name a folder with --keep",
        ) from error
    return path


# -- scenarios --------------------------------------------------------------------------------------------------------


def _load(named: str) -> Scenario:
    """A scenario that comes along, by its name, or a file. Raises ``DanelawError("SCENARIO_UNREADABLE")``."""
    shipped = files("danelaw.worlds.sim") / "scenarios"
    known = sorted(entry.name.removesuffix(".toml") for entry in shipped.iterdir())
    if named in known:
        return read((shipped / f"{named}.toml").read_text(encoding="utf-8"), named)
    try:
        with Path(named).open(encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise ValueError(f"it has more than {LONGEST} characters")
    except (OSError, ValueError) as error:
        raise DanelawError(
            "SCENARIO_UNREADABLE",
            f"there is no scenario {named!r}, and no file that can be read",
            evidence=str(error),
            hint=f"name a file, or one of {', '.join(known)}",
        ) from error
    return read(text, named)


def _scenes(scenarios: Sequence[Scenario]) -> list[Ending]:
    found: list[Ending] = []
    for scenario in scenarios:
        if terminal.interactive():
            terminal.wait(f"{scenario.strategy}: playing {counted(len(scenario.rolls), 'roll')}")
        found.append(play(scenario, SimulatedCompany))
    return found


def _exit(endings: Sequence[Ending], as_json: bool, *, counted: bool = False) -> NoReturn:
    """Shows what happened, ``counted`` in a table too, and ends the command. The naive operator is no failure of ours
    where nothing is expected of him."""
    good = all(not ending.unmet or (counted and ending.scenario.strategy == "naive") for ending in endings)
    if as_json:
        terminal.data(json.dumps({"schema": SCHEMA, "good": good, **_told(endings)}, indent=2))
        raise click.exceptions.Exit(0 if good else 1)
    for ending in endings:
        if not counted or ending.scenario.strategy != "naive":
            _tell(ending)
    if counted:
        for line in table({ending.scenario.strategy: tally(ending) for ending in endings}):
            terminal.data(line)
    raise click.exceptions.Exit(0 if good else 1)


def _told(endings: Sequence[Ending]) -> dict[str, object]:
    return {
        "scenario": endings[0].scenario.title,
        "strategies": {
            ending.scenario.strategy: {
                **tally(ending).as_json(),
                "reasons": Counter(c.reason for c in ending.refused),
                "waits": sorted(ending.waits),
                "actions": [words.verb(action) for action in ending.actions],
                "unmet": list(ending.unmet),
                "good": not ending.unmet,
            }
            for ending in endings
        },
    }


def _tell(ending: Ending) -> None:
    """The timeline, and how it ended."""
    scenario = ending.scenario
    terminal.show(Ink(scenario.title, bold=True), f" ({scenario.strategy})")
    if scenario.source:
        terminal.show(scenario.source)
    terminal.show()
    for clock, verb, text in timeline(ending):
        indent = len(clock) + len(verb.text)
        first, *more = textwrap.wrap(text, max(20, terminal.width() - indent), break_on_hyphens=False) or [""]
        terminal.show(clock, verb, first)
        for line in more:
            terminal.show(" " * indent, line)
    counts = tally(ending)
    terminal.show()
    took = "it never came to rest" if ending.took is None else f"at rest after {span(ending.took)}"
    terminal.show(
        f"{counts.rollovers} rollovers, {took}; {counts.refused} of {counts.connections} connections refused"
        + (f", over {span(counts.outage)} at the longest" if counts.refused else "")
    )
    for sentence in ending.unmet:
        terminal.show(Ink("not as expected: ", fg="red", bold=True), sentence)
    if not ending.unmet:
        terminal.show(Ink("as expected", fg="green", bold=True))
    terminal.show()


def timeline(ending: Ending) -> Iterator[tuple[str, Ink, str]]:
    """What happened and what was done, each thing that was waited for once, and where clients were refused."""
    refused = sorted(ending.refused, key=lambda c: c.at)
    waits: dict[str, str] = {}
    shown = 0
    for at, what in ending.told:
        clock = f"{_clock(ending, (at - ending.began).total_seconds())}  "
        crowd = [c for c in refused[shown:] if c.at <= at]
        if crowd:
            shown += len(crowd)
            reasons = ", ".join(f"{n} {reason}" for reason, n in Counter(c.reason for c in crowd).most_common())
            yield clock, Ink(f"{'refused':14}", fg="red", bold=True), f"{counted(len(crowd), 'connection')}: {reasons}"
        if isinstance(what, Event):
            yield clock, Ink(f"{'! ' + str(what.__struct_config__.tag):14}", fg="yellow", bold=True), _particulars(what)
        elif (line := _progress(what, waits)) is not None:
            yield clock, Ink(f"{line[0]:14}", bold=True), line[1]
    rest = refused[shown:]
    if rest:
        reasons = ", ".join(f"{n} {reason}" for reason, n in Counter(c.reason for c in rest).most_common())
        first = (rest[0].at - ending.began).total_seconds()
        yield (
            f"{_clock(ending, first)}  ",
            Ink(f"{'refused':14}", fg="red", bold=True),
            f"{counted(len(rest), 'connection')}: {reasons}",
        )


def _clock(ending: Ending, seconds: float) -> str:
    """Seconds; where a pass takes a minute or more, days and the time of day."""
    if ending.scenario.bounds.pass_interval < timedelta(minutes=1):
        return f"{seconds:8.2f}"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 1440:3}d {minutes // 60 % 24:02}:{minutes % 60:02}:{rest:02}"


def _progress(progress: Progress, waits: dict[str, str]) -> tuple[str, str] | None:
    ended = progress.ended
    if ended is None:
        return None
    if isinstance(ended.plan, Settled):
        told = waits.get(ended.subject) != "at rest"
        waits[ended.subject] = "at rest"
        return ("at rest", str(ended.subject)) if told else None
    if isinstance(ended.plan, Wait):
        told = waits.get(ended.subject) != ended.plan.code
        waits[ended.subject] = ended.plan.code
        return ("wait", f"{ended.plan.code}: {ended.plan.because}") if told else None
    waits.pop(ended.subject, None)
    return words.verb(ended.plan), words.particulars(ended.plan, ended.outcome)


def _particulars(event: Event) -> str:
    when = {"at", "before", "after", "waiting", "nth", "later", "optional", "harms"}
    given = {f.name: getattr(event, f.name) for f in msgspec.structs.fields(event) if f.name not in when}
    return ", ".join(f"{key} {value}" for key, value in given.items() if value not in (None, (), False))
