"""Many rolls in worlds of chance, against an adversary of chance; and what came of them, counted.

The adversary keeps to what the safety model assumes: what is restored is seen by a pass or its absence exceeds what a
sight vouches for, and it restores nothing that refuses clients by itself. Where other hands do harm, whoever is refused
until all is at rest again is counted apart. The same seed always draws the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle, islice
from typing import Final

import msgspec

from danelaw.core.model import Limits
from danelaw.worlds.sim import adversary_dns as dns
from danelaw.worlds.sim import adversary_host as host
from danelaw.worlds.sim import adversary_service as service
from danelaw.worlds.sim.adversary import Event
from danelaw.worlds.sim.ending import Ending
from danelaw.worlds.sim.habits import OPERATORS
from danelaw.worlds.sim.hazards import CALLS
from danelaw.worlds.sim.lee import Rollover
from danelaw.worlds.sim.scenario import LIMITS, AnyEvent, Expect, Roll, Scenario, StrategyName, World
from danelaw.worlds.sim.scenario_play import Hire, play

STRATEGIES: Final[tuple[StrategyName, ...]] = ("naive", "standby", "staged", "pinned")
ROLLS: Final = 6
"""How many rolls are played in one world."""
LEAST, MOST = 2.0, 9.0
"""How long a fault lasts, in passes: it is seen by a pass, or lasts for longer than a sight vouches."""
PASS: Final = 1.0
"""Seconds between passes: faults last for one at the least."""
EACH: Final = 12.0
"""About how long a roll takes, in passes."""
A_ROLL: Final = 1500
"""About how many calls of ports a roll takes."""
FURTHEST: Final = 1800.0
"""Seconds by which a clock is set wrong at the most: signatures begin an hour before they are made."""
DEEDS: Final = ("publish", "withdraw", "make-key", "order", "switch", "destroy-key")
"""Around these a runner dies more often."""
REPLIES: Final = tuple(name for name in CALLS if name not in ("make-zone-keys", "sign-zone", "submit-ds"))
"""Of those calls that come in a roll."""
ANOTHER: Final = "198.51.100.81"
"""An address that no world has from the start."""
TOGETHER: Final = 3.0
"""Refusals that are no further apart than so many paces of clients are one outage."""


def draw(
    seed: int, strategy: StrategyName, rolls: int = ROLLS, faults: int | None = None, given: Scenario | None = None
) -> Scenario:
    """A world, some rolls and some faults. The world and the faults are the same for every strategy; who
    renews by hand has no runner that could be struck, and nobody meddles with him.

    ``given``: a world, limits and rolls that are not of chance; faults take as many passes there as they do elsewhere,
    and neither the runner's host nor other hands bring rollovers that were not asked for.
    """
    rng = random.Random(f"campaign {seed}")  # noqa: S311  # a simulation wants to be repeated
    world = World(
        lags=rng.choice([(0.0,), (0.7,), (3.0,), (0.5, 2.0)]),
        ttl=rng.choice([1, 2, 3]),
        most_delay=rng.choice([0.1, 0.5, 0.9]),
        clients=12,
        pace=1.0,
        seed=seed,
    )
    kinds: list[Roll] = ["renewal" if rng.random() < 0.75 else "request" for _ in range(rolls)]
    count = rng.randint(0, rolls) if faults is None else faults
    limits = {"pass_interval": PASS}
    if given is not None:
        world, limits = msgspec.structs.replace(given.world, seed=seed), given.limits
        kinds = list(islice(cycle(given.rolls), rolls))
    bounds = Scenario(title="", limits=limits).bounds
    events = [_fault(rng, len(world.lags) + 1, rolls, bounds) for _ in range(count)]
    if strategy != "naive" and given is None:
        events += _of_host(seed, rolls, bounds, count)
        events += _by_others(seed, rolls, bounds)
    if any(isinstance(event, service.DelaySwitch | service.AddAddress) for event in events):
        # What is restored while a switch is on its way would refuse those who meet the new chain, there or at an
        # address that is added with it.
        events = [event for event in events if not isinstance(event, dns.Restore)]
    events = _never_all_silent(events)
    return Scenario(
        title=f"campaign, seed {seed}" if given is None else given.title,
        source="" if given is None else given.source,
        strategy=strategy,
        rolls=tuple(kinds),
        habits=OPERATORS[seed % len(OPERATORS)] if strategy == "naive" else OPERATORS[0],
        world=world,
        tlsa=given.tlsa if given is not None else ("3 1 1",),
        limits=limits,
        event=tuple(events),
        expect=Expect(within=40 * _each(bounds) * max(rolls, 1), refused=0),
    )


def _never_all_silent(events: list[AnyEvent]) -> list[AnyEvent]:
    """Where no authority answers, nobody can connect, and no runner has anything to do with it."""
    silences = [event for event in events if isinstance(event, dns.Silence)]
    kept: list[dns.Silence] = []
    for one in silences:
        if not any(other.server != one.server and _overlap(one, other) for other in kept):
            kept.append(one)
    return [event for event in events if not isinstance(event, dns.Silence) or event in kept]


def _overlap(one: Event, other: Event) -> bool:
    ends = [(event.at or 0.0) + (event.lasts or 0.0) for event in (one, other)]
    return (one.at or 0.0) <= ends[1] and (other.at or 0.0) <= ends[0]


def _each(bounds: Limits) -> float:
    """About how long a roll takes, in seconds: faults are spread over that."""
    return EACH * bounds.pass_interval.total_seconds() + (bounds.linger - LIMITS.linger).total_seconds()


def _fault(rng: random.Random, servers: int, rolls: int, bounds: Limits) -> AnyEvent:
    unit = bounds.pass_interval.total_seconds()
    at, lasts = round(rng.uniform(0, _each(bounds) * rolls), 3), round(unit * rng.uniform(LEAST, MOST), 3)
    seconds = round(rng.uniform(0.1, 0.9 * bounds.in_flight.total_seconds()), 3)
    server, address = rng.randint(2, servers), rng.randint(1, 2)
    makers: list[Callable[[], AnyEvent]] = [
        lambda: dns.Silence(at=at, lasts=lasts, server=rng.randint(1, servers)),
        lambda: dns.Freeze(at=at, lasts=lasts, server=server),
        lambda: dns.Restore(at=at, lasts=lasts, server=server, harmless=True),
        lambda: dns.Lag(at=at, lasts=lasts, server=server, seconds=round(unit * rng.uniform(0, MOST), 3)),
        lambda: dns.IdleZoneReload(at=at, lasts=lasts),
        lambda: dns.LoseReply(at=at, lasts=lasts),
        lambda: dns.DelayUpdate(at=at, lasts=lasts, seconds=seconds),
        lambda: service.IdleReload(at=at, lasts=lasts),
        lambda: service.Stick(at=at, lasts=lasts, address=address),
        lambda: service.Deaf(at=at, lasts=lasts, address=address),
        lambda: service.DelaySwitch(at=at, lasts=lasts, seconds=seconds),
        lambda: service.RefuseOrders(at=at, lasts=lasts),
        lambda: service.Kill(at=at),
        lambda: service.Sleep(at=at, seconds=lasts),
        lambda: service.LoseStore(at=at),
    ]
    return rng.choice(makers)()


def _of_host(seed: int, rolls: int, bounds: Limits, most: int) -> list[AnyEvent]:
    """What befalls the runner's host: it is drawn apart, and so changes nothing of what else is drawn."""
    rng = random.Random(f"host {seed}")  # noqa: S311  # a simulation wants to be repeated
    return [_host_fault(rng, rolls, bounds) for _ in range(rng.randint(0, most))]


def _host_fault(rng: random.Random, rolls: int, bounds: Limits) -> AnyEvent:
    unit = bounds.pass_interval.total_seconds()
    at, lasts = round(rng.uniform(0, _each(bounds) * rolls), 3), round(unit * rng.uniform(LEAST, MOST), 3)
    kinds: list[Callable[[], AnyEvent]] = [
        lambda: host.Crash(at=at, calls=rng.randint(1, A_ROLL)),
        lambda: host.Crash(before=rng.choice(DEEDS), nth=rng.randint(1, rolls), calls=rng.randint(1, 6), optional=True),
        lambda: host.LoseAnswer(at=at, of=rng.choice(REPLIES)),
        lambda: host.DiskFull(at=at, lasts=lasts),
        lambda: host.LockStore(at=at, lasts=lasts),
        lambda: service.StepClock(at=at, lasts=lasts, seconds=round(rng.choice((-1, 1)) * FURTHEST ** rng.random(), 3)),
        lambda: service.RestoreStore(at=at + 2 * bounds.max_gap.total_seconds()),
    ]
    return rng.choice(kinds)()


def _by_others(seed: int, rolls: int, bounds: Limits) -> list[AnyEvent]:
    """What other hands do: to every other operator, once at the most."""
    rng = random.Random(f"others {seed}")  # noqa: S311  # a simulation wants to be repeated
    at = round(rng.uniform(0, _each(bounds) * rolls), 3)
    kinds: list[Callable[[], AnyEvent]] = [
        lambda: dns.Edit(at=at, add=("3 1 1 foreign",)),
        lambda: dns.Edit(at=at, remove_all=True, harms=True),
        lambda: dns.Edit(at=at, remove=("3 1 1 newest",), harms=True),
        lambda: dns.Edit(at=at, remove_all=True, add=("3 1 1 foreign",), harms=True),
        lambda: service.ForeignRenewal(at=at, publish=rng.random() < 0.5, harms=True),
        lambda: service.AddAddress(at=at, ip=ANOTHER),
        lambda: service.AddAddress(at=at, ip=ANOTHER, chain="foreign", harms=True),
        lambda: service.RemoveAddress(at=at),
    ]
    return [rng.choice(kinds)()] if rng.random() < 0.5 else []


@dataclass(frozen=True, slots=True)
class Tally:
    """``wrong`` and what follows it are Lee et al.'s, of rollovers; ``wrong_once`` and what follows that, of operators,
    who have a world each: who did so at least once. ``violations``: rollovers done wrongly, or in whose time somebody
    was refused. ``outage``: the longest, in seconds. ``took``: seconds of all rolls, each until all was at rest,
    and ``least``: what their waits alone come to, where nothing fails. ``refused_by_others``: connections that
    other hands are to blame for, and no part of ``refused``. ``unfinished``: worlds that never came to rest.
    """

    rollovers: int = 0
    keys: int = 0
    violations: int = 0
    wrong: int = 0
    late: int = 0
    missing: int = 0
    early: int = 0
    wrong_once: int = 0
    late_once: int = 0
    missing_once: int = 0
    early_once: int = 0
    connections: int = 0
    refused: int = 0
    outage: float = 0.0
    took: float = 0.0
    least: float = 0.0
    faults: int = 0
    refused_by_others: int = 0
    worlds: int = 0
    unfinished: int = 0

    def __add__(self, other: Tally) -> Tally:
        added = {name: getattr(self, name) + getattr(other, name) for name in self.__slots__}
        return Tally(**{**added, "outage": max(self.outage, other.outage)})

    def as_json(self) -> dict[str, int | float]:
        return {name: round(getattr(self, name), 3) for name in self.__slots__}


def tally(ending: Ending) -> Tally:
    """One world's."""
    rollovers, refused = _rollovers(ending), ending.refused
    begins = [r.at - timedelta(seconds=ending.ledger.every) for r in rollovers]  # it was not noticed before
    ends = [*begins[1:], None][: len(begins)]
    hit = [
        any(begin <= c.at and (end is None or c.at < end) for c in refused)
        for begin, end in zip(begins, ends, strict=True)
    ]
    before = any(not begins or c.at < begins[0] for c in refused)
    scenario = ending.scenario
    return Tally(
        rollovers=len(rollovers),
        keys=sum(r.key for r in rollovers),
        violations=sum(r.wrong or h for r, h in zip(rollovers, hit, strict=True)) + before,
        wrong=sum(r.wrong for r in rollovers),
        late=sum(r.late for r in rollovers),
        missing=sum(r.missing for r in rollovers),
        early=sum(r.early for r in rollovers),
        wrong_once=int(any(r.wrong for r in rollovers)),
        late_once=int(any(r.late for r in rollovers)),
        missing_once=int(any(r.missing for r in rollovers)),
        early_once=int(any(r.early for r in rollovers)),
        connections=len(ending.connections),
        refused=len(refused),
        outage=_longest_outage(ending),
        took=sum(ending.spent),
        least=sum(least(scenario, roll) for roll in scenario.rolls[: len(ending.spent)]),
        faults=sum(isinstance(told, Event) for _, told in ending.told),
        refused_by_others=ending.refused_by_others,
        worlds=1,
        unfinished=ending.took is None,
    )


def _rollovers(ending: Ending) -> list[Rollover]:
    """Every one; none is wrong of which other hands harmed the old chain or the new one."""
    every = ending.ledger.rollovers()
    begins = [ending.began, *(rollover.at for rollover in every[:-1])]
    ends = [*(rollover.at for rollover in every[1:]), None]
    return [
        Rollover(rollover.at, rollover.key)
        if any(begin <= until and (end is None or since < end) for since, until in ending.harmed)
        else rollover
        for rollover, begin, end in zip(every, begins, ends, strict=False)
    ]


def least(scenario: Scenario, roll: Roll) -> float:
    """The seconds that a roll takes where nothing fails and no step takes any time: its waits."""
    limits = scenario.bounds
    settling = max(scenario.world.lags, default=0.0) + limits.hold(scenario.world.ttl).total_seconds()
    linger = 0.0 if roll == "emergency" else limits.linger.total_seconds()
    match scenario.strategy, roll:
        case ("staged", _) | ("pinned", "request" | "emergency"):
            return settling + linger + settling
        case ("standby", "request" | "emergency"):
            return linger + settling
        case _:
            return 0.0


def _longest_outage(ending: Ending) -> float:
    longest, together = timedelta(0), timedelta(seconds=TOGETHER * ending.scenario.world.pace)
    first = last = None
    for connection in ending.refused:
        if first is None or last is None or connection.at - last > together:
            first = connection.at
        last = connection.at
        longest = max(longest, last - first)
    return longest.total_seconds()


def failed(ending: Ending) -> bool:
    """Whether a world of ours is not as it should be."""
    return ending.scenario.strategy != "naive" and bool(ending.unmet or tally(ending).wrong)


def shrink(scenario: Scenario, hire: Hire) -> Scenario:
    """A smaller scenario that fails too: without any event, roll or other circumstance that it can fail without."""

    def fails(candidate: Scenario) -> bool:
        return failed(play(candidate, hire))

    changed = True
    while changed:
        changed = False
        for candidate in _smaller(scenario):
            if fails(candidate):
                scenario, changed = candidate, True
                break
    return msgspec.structs.replace(scenario, title=f"{scenario.title}, as little of it as still fails")


def _smaller(scenario: Scenario) -> list[Scenario]:
    events, rolls = scenario.event, scenario.rolls
    without = [msgspec.structs.replace(scenario, event=events[:i] + events[i + 1 :]) for i in range(len(events))]
    fewer = [msgspec.structs.replace(scenario, rolls=rolls[:-1])] if len(rolls) > 1 else []
    middle = len(events) // 2
    halves = [msgspec.structs.replace(scenario, event=half) for half in (events[:middle], events[middle:])]
    return [*(halves if len(events) > 2 else []), *fewer, *without]


def campaign(strategy: StrategyName, seed: int, rolls: int, hire: Hire) -> tuple[Tally, Scenario | None]:
    """One world of a campaign, and its scenario where it failed."""
    ending = play(draw(seed, strategy, rolls), hire)
    return tally(ending), ending.scenario if failed(ending) else None
