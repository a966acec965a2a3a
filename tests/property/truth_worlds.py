"""Worlds for the oracle: what really happened, drawn event by event, and what a runner saw of it.

A world lives in steps of five seconds; the runner looks every second step, from step 0 on. What the model assumes is
kept to: whatever is served is seen by a pass, or lies in an absence that is longer than a sight vouches for; nobody
serves what was last current longer ago than the retention; what a server presents is seen, or was handed to it by us.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Final, TypeVar

from hypothesis import strategies as st

from danelaw.core.model import (
    Absence,
    Answer,
    Chain,
    CredentialFacts,
    GenerationId,
    HandshakeFailure,
    Limits,
    RRset,
    Security,
    Unreachable,
)
from danelaw.core.rollover.actions import Conflict, Failure, Outcome, Publish, Receipt, Switch
from danelaw.core.rollover.facts import Done, Fact, Holding, Intended, Judged, Presented, Roster, Sight
from oracle.clients import Presented as Shown
from oracle.clients import Records, Service
from oracle.harm import Coming, Patience, Truth, Zone
from rollover_history import (
    AAAA,
    ENDPOINT,
    HOST,
    LINEAGE,
    LOCAL,
    NEW,
    NS1,
    NS2,
    NS3,
    OLD,
    OWNER,
    PLAIN,
    SOA,
    TLSA,
    WEB1,
    WEB2,
    ZONE,
    A,
    at,
    chain_of,
    record,
)
from tlsa_chains import INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, Issued, issue

T = TypeVar("T")

STEP: Final = 5
LOOK: Final = 2
"""The runner looks every second step."""
BEFORE: Final = 16
"""Steps that nobody watched."""
MOST: Final = 70
LIMITS: Final = Limits(
    pass_interval=timedelta(seconds=LOOK * STEP),
    hold_floor=timedelta(0),
    lookup_delay=timedelta(seconds=10),
    assumed_past_ttl=timedelta(seconds=20),
    retention=timedelta(seconds=150),
    in_flight=timedelta(seconds=15),
    linger=timedelta(0),
    clock_skew=timedelta(seconds=10),
)
PATIENCE: Final = Patience(stretch=2, floor=0, delay=10, lag=0, notice=10)
ASKED: Final = ((OWNER, TLSA), (HOST, A), (HOST, AAAA))
GAP: Final = LIMITS.max_gap // timedelta(seconds=STEP)
RETAINED: Final = LIMITS.retention // timedelta(seconds=STEP)
IN_FLIGHT: Final = LIMITS.in_flight // timedelta(seconds=STEP)

NAME: Final = "www.example.net"
SAME: Final = issue("leaf", INTERMEDIATE, names=(NAME,), key=LEAF.key)
SHORT: Final = issue("short", INTERMEDIATE, names=(NAME,), end=NOW + timedelta(seconds=200))
OWN: Final = issue("own", names=(NAME,))
BARE: Final = issue("bare")
FOREIGN: Final = chain_of(issue("foreign", names=(NAME,)))


def alone(issued: Issued) -> Chain:
    return Chain((issued.der,))


GENERATIONS: Final = tuple(
    CredentialFacts(GenerationId(number), LINEAGE, issued.spki, chain, NOW - timedelta(days=1))
    for number, (issued, chain) in enumerate(
        [
            (LEAF, OLD),
            (RENEWED, NEW),
            (SAME, chain_of(SAME)),
            (SHORT, chain_of(SHORT)),
            (OWN, alone(OWN)),
            (BARE, alone(BARE)),
        ],
        1,
    )
)
CHAINS: Final[tuple[Chain, ...]] = tuple(g.chain for g in GENERATIONS if g.chain is not None)
SHOWN: Final[tuple[Shown, ...]] = (*(chain.ders for chain in CHAINS), FOREIGN.ders, None)


def said(*texts: tuple[Chain, str]) -> frozenset[bytes]:
    return frozenset(record(chain, combination).to_rdata() for chain, combination in texts)


CONTENTS: Final[tuple[Records, ...]] = (
    said((OLD, "3 1 1")),
    said((OLD, "3 1 1"), (NEW, "3 1 1")),
    said((NEW, "3 1 1")),
    None,
    said((OLD, "3 0 1")),
    said((OLD, "3 0 1"), (NEW, "3 0 1")),
    said((OLD, "3 1 1"), (OLD, "3 1 2")),
    said((NEW, "3 1 1"), (OLD, "3 1 2")),
    said((CHAINS[4], "3 1 1"), (NEW, "3 1 2")),
    said((CHAINS[3], "3 1 1")),
    said((CHAINS[3], "1 1 1")),
    said((OLD, "1 1 1"), (CHAINS[3], "1 1 1")),
    said((CHAINS[4], "3 1 1")),
    said((CHAINS[5], "3 1 1")),
    said((CHAINS[5], "3 1 1"), (NEW, "3 1 1")),
    said((Chain((INTERMEDIATE.der,)), "3 1 1")),  # matches nothing that is presented
)
AGREEING: Final = (
    (0, 0),
    (1, 0),
    (1, 1),
    (2, 1),
    (3, 0),
    (4, 0),
    (6, 0),
    (9, 3),
    (10, 3),
    (11, 0),
    (11, 3),
    (12, 4),
    (13, 5),
    (0, 2),
    (7, 0),
)
"""Where worlds begin: a content, and a chain."""
TTLS: Final = (20, 5, 0)
SITES: Final = (frozenset({"198.51.100.1", "198.51.100.2"}), frozenset({"198.51.100.1"}), frozenset({"198.51.100.2"}))
NAMES: Final = {str(ip): ip for ip in (NS1, NS2, NS3, WEB1, WEB2)}

KINDS: Final = (
    "edit",
    "edit",
    "move",
    "lag",
    "restore",
    "relapse",
    "undo",
    "hide",
    "sleep",
    "present",
    "present",
    "away",
    "publish",
    "publish",
    "switch",
    "switch",
    "restart",
)


@dataclass(frozen=True, slots=True)
class Event:
    at: int
    kind: str
    which: int
    long: int


@dataclass(repr=False)
class World:
    """A truth, and the facts that a runner has of it at each step."""

    truth: Truth
    events: tuple[Event, ...]
    end: int
    made_by: str
    """What to call ``build`` with for the same world."""
    seen: dict[str, list[bool]]
    """For each authority and server, for each step from ``-BEFORE`` on, whether a pass saw it."""
    path: list[int]
    """For each step the generation on the serving path."""
    log: list[tuple[int, Fact]] = field(default_factory=list)
    own: set[Zone] = field(default_factory=set)

    def told(self, step: int) -> Iterator[Fact]:
        """What the runner learns at a step."""
        yield from (fact for when, fact in self.log if when == step)
        index = step + BEFORE
        looked = [name for name, seen in self.seen.items() if seen[index]]
        if not looked and not self.awake(step):
            return
        now = at(step * STEP)
        yield Roster(now, ZONE, frozenset(NAMES[name] for name in self.truth.authorities), NAMES[self.truth.primary])
        yield Judged(now, ZONE, SOA, Security.SECURE)
        yield Holding(now, LINEAGE, GENERATIONS, GenerationId(self.path[index]))
        for name in looked:
            if name in self.truth.authorities:
                zone = self.truth.authorities[name][index]
                for answer in answers(zone):
                    yield Sight(now, ZONE, NAMES[name], zone.serial, answer.owner, answer.type, answer)
            else:
                yield Presented(now, ENDPOINT, NAMES[name], PLAIN, shown(self.truth.servers[name][index]))
        for name in self.truth.authorities.keys() - set(looked):
            yield from (Sight(now, ZONE, NAMES[name], None, owner, type, None) for owner, type in ASKED)
        for name in self.truth.servers.keys() - set(looked):
            yield Presented(now, ENDPOINT, NAMES[name], PLAIN, Unreachable("TIMEOUT"))

    def awake(self, step: int) -> bool:
        return step >= 0 and step % LOOK == 0 and not asleep(self.events, step)

    def known(self, step: int) -> bool:
        """Whether nothing foreign has happened since each was last seen: who acts within that race cannot win it."""
        for name, timeline in (self.truth.authorities | self.truth.servers).items():
            last = self._last_seen(name, step)
            if last is None:
                continue
            if name in self.truth.servers:
                handed = {GENERATIONS[n - 1].chain for n in self.path[last + BEFORE : step + BEFORE + 1]}
                now = timeline[step + BEFORE]
                if now != timeline[last + BEFORE] and now not in {c.ders for c in handed if c is not None}:
                    return False
            elif step - last <= GAP and not any(self.awake(s) for s in range(last + 1, step + 1)):
                since = set(timeline[last + BEFORE + 1 : step + BEFORE + 1]) - {timeline[last + BEFORE]}
                if since - (self.own if name == self.truth.primary else set()):
                    return False
        return True

    def _last_seen(self, name: str, step: int) -> int | None:
        return next((s for s in range(step, -1, -1) if self.seen[name][s + BEFORE]), None)

    def __repr__(self) -> str:
        lines = [f"build({self.made_by})"]
        for name, timeline in (self.truth.authorities | self.truth.servers).items():
            parts, before = [], object()
            for index, item in enumerate(timeline):
                mark = "" if self.seen[name][index] else "?" if (index - BEFORE) % LOOK == 0 else ""
                if item != before or mark:
                    parts.append(f"{(index - BEFORE) * STEP}:{brief(item) if item != before else ''}{mark}")
                before = item
            lines.append(f"{name} {' '.join(parts)}")
        lines += [f"{fact.at - NOW} {type(fact).__name__}" for _, fact in self.log]
        return "\n".join(lines)


def brief(item: Zone | Shown) -> str:
    if isinstance(item, Zone):
        place = CONTENTS.index(item.tlsa)
        return f"{item.serial}/{place}/{item.ttl}/{len(item.addresses)}"
    return f"chain{SHOWN.index(item)}"


def answers(zone: Zone) -> tuple[Answer, ...]:
    packed = frozenset(ip_address(address).packed for address in zone.addresses)
    return (
        answer_of(zone.tlsa, zone.ttl),
        RRset(HOST, A, zone.address_ttl, packed),
        Absence(HOST, AAAA, zone.address_ttl),
    )


def answer_of(records: Records, ttl: int) -> Answer:
    return Absence(OWNER, TLSA, ttl) if records is None else RRset(OWNER, TLSA, ttl, records)


def shown(presented: Shown) -> Chain | HandshakeFailure:
    return HandshakeFailure("TLS_ALERT") if presented is None else Chain(presented)


def lasting(events: Sequence[Event], kind: str, step: int, which: int | None = None, among: int = 1) -> bool:
    return any(
        e.kind == kind and e.at <= step < e.at + 2 * e.long and (which is None or e.which % among == which)
        for e in events
    )


def asleep(events: Sequence[Event], step: int) -> bool:
    return lasting(events, "sleep", step)


@st.composite
def worlds(draw: st.DrawFn, kinds: Sequence[str] = KINDS) -> World:
    count = draw(st.integers(1, 3))
    end = draw(st.integers(12, MOST))
    event = st.builds(
        Event, st.integers(-BEFORE, end - 1), st.sampled_from(kinds), st.integers(0, 63), st.integers(1, 9)
    )
    events = tuple(sorted(draw(st.lists(event, max_size=7)), key=lambda e: e.at))
    first, chain = draw(st.sampled_from(AGREEING))
    return build(count, end, events, first, draw(st.sampled_from(TTLS)), chain, draw(st.booleans()))


def build(
    count: int, end: int, events: Sequence[Event], first: int, ttl: int, chain: int, opportunistic: bool = False
) -> World:
    """So many authorities and steps. What all serve and present at first is told by its place in the tables."""
    service = Service(NAME, (ROOT.der,), opportunistic)
    truth = Truth(NOW, STEP, -BEFORE, service, PATIENCE, str(NS1))
    names = [str(ns) for ns in (NS1, NS2, NS3)][:count]
    sites = [str(WEB1), str(WEB2)]
    steps = range(-BEFORE, end)
    looks = [step >= 0 and step % LOOK == 0 and not asleep(events, step) for step in steps]
    seen = {name: list(looks) for name in (*names, *sites)}
    for kind, group in (("hide", names), ("relapse", names[1:]), ("away", sites)):
        for n, name in enumerate(group):
            hidden = [lasting(events, kind, step, n, len(group)) for step in steps]
            seen[name] = [seen and not gone for seen, gone in zip(seen[name], hidden, strict=True)]
    told = ", ".join(f"Event({e.at}, {e.kind!r}, {e.which}, {e.long})" for e in events)
    made_by = f"{count}, {end}, [{told}], {first}, {ttl}, {chain}, {opportunistic}"
    world = World(truth, tuple(events), end, made_by, seen, [])
    _tell_primary(world, Zone(1, CONTENTS[first], ttl, SITES[0], 20))
    for n, name in enumerate(names[1:]):
        _tell_secondary(world, name, n, count - 1)
    _tell_servers(world, sites, chain)
    return world


@dataclass(frozen=True, slots=True)
class Update:
    """One of ours on its way to the primary. ``replied``: its reply comes back, and at once."""

    action: Publish
    content: Records
    arrives: int | None
    replied: bool


def _tell_primary(world: World, first: Zone) -> None:
    current, history, timeline = first, [first], []
    updates: list[Update] = []
    for step in range(-BEFORE, world.end):
        for event in (e for e in world.events if e.at == step):
            match event.kind:
                case "edit":
                    content = CONTENTS[event.which % len(CONTENTS)]
                    current = replace(current, serial=current.serial + 1, tlsa=content, ttl=TTLS[event.long % 3])
                case "move":
                    current = replace(current, serial=current.serial + 1, addresses=SITES[event.which % 3])
                case "undo":
                    current = history[max(0, len(history) - 2 - event.which % 3)]
        ours = [e for e in world.events if e.at == step and e.kind == "publish" and step >= 0]
        updates += [_send(world, event, current) for event in ours]
        for update in [u for u in updates if u.arrives == step]:
            current = _land(world, update, current, step)
        if current != history[-1]:
            history.append(current)
        timeline.append(current)
    world.truth.authorities[world.truth.primary] = _repaired(world, world.truth.primary, timeline, world.own)


def _send(world: World, event: Event, current: Zone) -> Update:
    """It arrives at once or later or never, and the reply does or does not."""
    content = CONTENTS[event.which % len(CONTENTS)]
    action = Publish(ZONE, answer_of(current.tlsa, current.ttl), answer_of(content, current.ttl))
    arrives = None if event.long == 9 else event.at + event.long % 3
    world.log.append((event.at, Intended(at(event.at * STEP), action)))
    if arrives == event.at:
        return Update(action, content, arrives, replied=True)
    world.log.append((event.at, Done(at(event.at * STEP), action, Failure("NO_REPLY", "no reply"))))
    latest = event.at + IN_FLIGHT - 1 if arrives is None else arrives
    world.truth.coming.append(Coming(content, current.ttl, event.at, latest))
    return Update(action, content, arrives, replied=False)


def _land(world: World, update: Update, current: Zone, step: int) -> Zone:
    """By compare-and-swap: not on anything else than was expected."""
    fits = answer_of(current.tlsa, current.ttl) == update.action.expect
    if fits:
        current = replace(current, serial=current.serial + 1, tlsa=update.content)
        world.own.add(current)
    if update.replied:
        outcome = Receipt(current.serial) if fits else Conflict(answer_of(current.tlsa, current.ttl))
        world.log.append((step, Done(at(step * STEP), update.action, outcome)))
    return current


def _tell_secondary(world: World, name: str, which: int, among: int) -> None:
    primary = world.truth.authorities[world.truth.primary]
    held, timeline = primary[0], []
    was_current: dict[Zone, int] = {}
    stuck_until = -BEFORE
    for step in range(-BEFORE, world.end):
        current = primary[step + BEFORE]
        was_current[current] = step
        for event in (e for e in world.events if e.at == step and e.which % among == which):
            if event.kind == "lag":
                stuck_until = step + event.long * 2
            if event.kind in ("restore", "relapse"):
                older = [zone for zone, last in was_current.items() if step - last < RETAINED]
                held = older[max(0, len(older) - 2 - event.which // 4 % 3)]
                stuck_until = step + event.long * (2 if event.kind == "relapse" else 1)
        if held not in was_current or step - was_current[held] >= RETAINED:
            stuck_until = step
            held = current
        if step >= stuck_until and current.serial > held.serial:
            held = current
        timeline.append(held)
    world.truth.authorities[name] = _repaired(world, name, timeline, set())


def _tell_servers(world: World, sites: Sequence[str], chain: int) -> None:
    presents: dict[str, Shown] = dict.fromkeys(sites, SHOWN[chain])
    path, raw = chain + 1, {site: list[Shown]() for site in sites}
    due: list[tuple[int, str, Shown]] = []
    handed: set[Shown] = set()
    for step in range(-BEFORE, world.end):
        for event in (e for e in world.events if e.at == step):
            site = sites[event.which // 8 % 2]
            if event.kind == "present":
                presents[site] = SHOWN[event.which % 8]
            elif event.kind == "restart":
                presents[site] = SHOWN[path - 1]
            elif event.kind == "switch" and step >= 0:
                path = 1 + event.which % 8 % len(GENERATIONS)
                handed.add(SHOWN[path - 1])
                due += _hand(world, step, event, path, sites)
        presents |= {site: what for when, site, what in due if when == step}
        world.path.append(path)
        for site in sites:
            raw[site].append(presents[site])
    for site in sites:
        world.truth.servers[site] = _repaired(world, site, raw[site], handed)


def _hand(
    world: World, step: int, event: Event, generation: int, sites: Sequence[str]
) -> Iterator[tuple[int, str, Shown]]:
    """A switch of ours: each server follows at once, within the time in flight, or not before it is restarted."""
    chain = GENERATIONS[generation - 1].chain
    assert chain is not None
    action = Switch(LINEAGE, LOCAL, GenerationId(generation), chain)
    lost = event.long % 2 == 0
    outcome: Outcome = Failure("NO_REPLY", "no reply") if lost else Receipt()
    world.log += [(step, Intended(at(step * STEP), action)), (step, Done(at(step * STEP), action, outcome))]
    for n, site in enumerate(sites):
        if not event.which & (16 << n):
            yield step + (event.long % 3 if lost else 0), site, chain.ders


def _repaired(world: World, name: str, timeline: list[T], known: set[T]) -> list[T]:
    """The same without what no pass saw, unless it lies in a long absence, or is known from our own doing."""
    found: list[T] = list(timeline)
    start = 0
    while start < len(found):
        stop = next((i for i in range(start, len(found)) if found[i] != found[start]), len(found))
        if start > BEFORE and stop < len(found) and found[start] not in known and not any(world.seen[name][start:stop]):
            before = max((i for i in range(start) if world.seen[name][i]), default=BEFORE - 1)
            after = min((i for i in range(stop, len(found)) if world.seen[name][i]), default=len(found))
            if name in world.truth.servers or after - before <= GAP:
                found[start:stop] = [found[start - 1]] * (stop - start)
        start = stop
    return found
