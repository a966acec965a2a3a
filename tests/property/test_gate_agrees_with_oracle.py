"""What the gate allows harms nobody, as an independent oracle sees it who knows the whole truth.

Worlds are drawn event by event; at every moment at which nothing foreign has just happened, the gate is asked for many
actions, knowing only what a runner saw. Where it refuses though the oracle sees no harm, the reason is in ``STRICTER``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from dns.name import Name
from hypothesis import given, settings
from stricter_than_oracle import STRICTER
from truth_worlds import CONTENTS, GENERATIONS, LIMITS, SHOWN, STEP, Event, World, answer_of, build, worlds

from danelaw.core.model import IP, Instant, Limits, RRset
from danelaw.core.model.addresses import addresses_in
from danelaw.core.rollover import answers as answers_room
from danelaw.core.rollover import chains as chains_room
from danelaw.core.rollover import comparison as comparison_room
from danelaw.core.rollover import gate as gate_room
from danelaw.core.rollover import history as history_room
from danelaw.core.rollover import publication as publication_room
from danelaw.core.rollover import switching as switching_room
from danelaw.core.rollover.actions import Action, DestroyKey, Publish, Switch
from danelaw.core.rollover.answers import members, newest, possible_answers
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Judgement, Refused, judge
from danelaw.core.rollover.lookups import service_addresses
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.tlsa import ClientKind, Combination, client_kinds
from oracle.certificates import read
from oracle.clients import Records
from oracle.harm import Oracle, Truth, Victim
from rollover_history import HOST, LINEAGE, LOCAL, NS2, NS3, OWNER, TLSA, ZONE, A, at, reach

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

EXAMPLES: Final = int(os.environ.get("ORACLE_EXAMPLES", "150"))
"""Worlds of the long test; ``make prove`` asks for more."""


def actions(world: World, step: int) -> Iterator[Action]:
    """Some of all that might be done now; which, depends on the step."""
    now = world.truth.zone(world.truth.primary, step * STEP)
    for number, content in enumerate(CONTENTS):
        if content != now.tlsa and (number + step) % 4 == 0:
            yield Publish(ZONE, answer_of(now.tlsa, now.ttl), answer_of(content, now.ttl))
    for generation in GENERATIONS:
        if (generation.generation + step) % 3 == 0 and generation.chain is not None:
            yield Switch(LINEAGE, LOCAL, generation.generation, generation.chain)
        elif (generation.generation + step) % 3 == 1:
            yield DestroyKey(LINEAGE, generation.generation)


def harm(oracle: Oracle, action: Action) -> Victim | None:
    match action:
        case Publish(replace=new):
            return oracle.publishing(new.rdatas if isinstance(new, RRset) else None, new.ttl)
        case Switch(chain=chain):
            return oracle.switching(chain.ders)
        case DestroyKey(generation=number):
            (spki,) = (g.spki for g in GENERATIONS if g.generation == number)
            return oracle.destroying(spki)
    raise AssertionError(action)


def through(truth: Truth) -> Reach:
    return reach(truth.service.roots, truth.service.opportunistic)


def moments(world: World) -> Iterator[tuple[int, Facts, Oracle]]:
    """Each step at which nothing foreign has just happened, with what is known then, and what is true."""
    facts = Facts(LIMITS.max_gap)
    for step in range(world.end):
        facts = facts.add(*world.told(step))
        if world.known(step):
            yield step, facts, Oracle(world.truth, step * STEP)


def uncovered(facts: Facts, oracle: Oracle) -> Iterator[str]:
    """What some client may hold, and the possible answers do not say, or not for as long."""
    now = at(oracle.now)
    possible = possible_answers(facts, ZONE, OWNER, TLSA, now, LIMITS)
    ends = {h.answer.rdatas if isinstance(h.answer, RRset) else None: h.until for h in possible.held}
    for cached in oracle.answers:
        until = now + timedelta(seconds=1) if cached.served else at(cached.until)
        if not (
            (cached.answer in ends and _lasts(ends[cached.answer], until))
            or (possible.unknown is not None and _lasts(possible.unknown.until, until))
        ):
            yield f"at {oracle.now}: {content(cached.answer)} of {cached.source} is held until {cached.until}"
    (reached,) = through(oracle.truth).endpoints
    known = {str(ip) for ip in service_addresses(facts, reached, now, LIMITS)}
    if possible_answers(facts, ZONE, HOST, A, now, LIMITS).unknown is None:
        yield from (f"at {oracle.now}: {address} is not known" for address in {*oracle.addresses} - known)


def _lasts(end: Instant | None, until: Instant) -> bool:
    return end is None or end >= until


def disagreements(world: World, tally: Counter[str]) -> Iterator[str]:
    """What was not foreseen, or was allowed though it harms somebody, in words.

    ``tally`` gets the codes by which the gate refused what harms nobody.
    """
    for step, facts, oracle in moments(world):
        yield from uncovered(facts, oracle)
        for action in actions(world, step):
            judgement, victim = (
                judge(action, facts, through(world.truth), at(step * STEP), LIMITS),
                harm(oracle, action),
            )
            if isinstance(judgement, Refused):
                tally.update({fault.code for fault in judgement.because} if victim is None else {"rightly refused"})
            else:
                tally["allowed"] += 1
                if victim is not None and not of_the_unknown(victim, facts, oracle.now):
                    yield f"at {step * STEP}: {named(action)}\nharms {told(victim)}"


def of_the_unknown(victim: Victim, facts: Facts, now: int) -> bool:
    """What ADR 0008 leaves open: with an unknown history, another certificate of the same key may be presented."""
    possible = possible_answers(facts, ZONE, OWNER, TLSA, at(now), LIMITS)
    known = {h.answer.rdatas if isinstance(h.answer, RRset) else None for h in possible.held}
    chains = (victim.was_presented, victim.is_presented)
    keys = {read(chain[0]).spki for chain in chains if chain is not None}
    return possible.unknown is not None and victim.before not in known and None not in chains and len(keys) == 1


def named(action: Action) -> str:
    match action:
        case Publish(expect=old, replace=new):
            return " -> ".join(content(a.rdatas if isinstance(a, RRset) else None) for a in (old, new))
        case Switch(generation=number) | DestroyKey(generation=number):
            return f"{type(action).__name__} {number}"
    return repr(action)


def content(records: Records) -> str:
    return f"content {CONTENTS.index(records)}"


def told(victim: Victim) -> str:
    return (
        f"{victim.client} at {victim.server} at {victim.at}: {content(victim.before)} with chain "
        f"{SHOWN.index(victim.was_presented)}, then {content(victim.after)} with chain "
        f"{SHOWN.index(victim.is_presented)} ({victim.source})"
    )


def test_what_the_gate_allows_harms_nobody_and_what_it_refuses_beyond_that_has_a_reason() -> None:
    tally: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES)
    @given(worlds())
    def agree(world: World) -> None:
        tally["worlds"] += 1
        assert next(disagreements(world, tally), None) is None
        assert tally.keys() <= STRICTER.keys() | {"worlds", "allowed", "rightly refused"}

    agree()
    print("; ".join(f"{number} {what}" for what, number in tally.most_common()))


# -- planted faults ----------------------------------------------------------------------------------------------------


def with_limits(**others: timedelta | int) -> Callable[[pytest.MonkeyPatch], None]:
    """The gate reckons with other limits than the world keeps to."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        wrong = replace(LIMITS, **others)  # type: ignore[arg-type] # the fields are named in the table below

        def misled(action: Action, facts: Facts, reach: Reach, now: Instant, _: Limits) -> Judgement:
            return gate_room.judge(action, facts, reach, now, wrong)

        patch.setitem(globals(), "judge", misled)

    return plant


def with_kinds(keep: Callable[[ClientKind, frozenset[Combination]], bool]) -> Callable[[pytest.MonkeyPatch], None]:
    """The gate knows these kinds of client alone."""

    def some(combinations: frozenset[Combination]) -> frozenset[ClientKind]:
        return frozenset(kind for kind in client_kinds(combinations) if keep(kind, combinations))

    def plant(patch: pytest.MonkeyPatch) -> None:
        for room in (comparison_room, publication_room, switching_room):
            patch.setattr(room, "client_kinds", some)

    return plant


def without(room: object, name: str, instead: object) -> Callable[[pytest.MonkeyPatch], None]:
    """One of the gate's parts always says the same."""
    return lambda patch: patch.setattr(room, name, lambda *_: instead)


def primary_alone(facts: Facts, zone: Name, now: Instant, limits: Limits) -> frozenset[IP]:
    return members(facts, zone, now, limits) - {NS2, NS3}


def listed_addresses(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> frozenset[IP]:
    """Those that are in the DNS now, and not what is cached."""
    answer = newest(facts, reached.zone, reached.endpoint.host, A)
    return frozenset() if answer is None else addresses_in(answer)


PLANTED: Final[dict[str, tuple[Callable[[pytest.MonkeyPatch], None], World]]] = {
    "caches keep an answer for its TTL once": (
        with_limits(ttl_factor=1),
        build(1, 46, [Event(42, "edit", 63, 6)], 0, 5, 2, opportunistic=True),
    ),
    "nobody takes time between look-up and handshake": (
        with_limits(lookup_delay=timedelta(0)),
        build(1, 45, [Event(42, "edit", 63, 6)], 0, 5, 2, opportunistic=True),
    ),
    "a sight vouches for ever": (
        with_limits(gap_passes=1000),
        build(
            2, 24, [Event(6, "publish", 3, 8), Event(11, "sleep", 47, 8), Event(22, "relapse", 6, 3)], 0, 20, 2, True
        ),
    ),
    "a question without an answer says nothing": (
        without(Facts, "unanswered", frozenset()),
        build(2, 17, [Event(5, "publish", 2, 6), Event(16, "restore", 2, 9), Event(16, "hide", 53, 6)], 6, 0, 0),
    ),
    "nothing was cached before the history began": (
        without(answers_room, "_unknown", None),
        build(1, 8, [Event(-1, "edit", 1, 3)], 0, 20, 0),
    ),
    "secondaries are as the primary": (
        lambda patch: patch.setattr(history_room, "members", primary_alone),
        build(2, 31, [Event(4, "publish", 61, 4), Event(29, "restore", 53, 7)], 1, 20, 1, opportunistic=True),
    ),
    "what has no outcome did not happen": (
        without(answers_room, "_pending", ()),
        build(1, 36, [Event(34, "publish", 16, 5)], 1, 5, 0),
    ),
    "what was handed over is not presented until it is seen": (
        without(chains_room, "_handed", frozenset()),
        build(1, 18, [Event(-1, "edit", 58, 1), Event(17, "switch", 22, 3)], 12, 5, 4),
    ),
    "nobody goes to an address of yesterday": (
        lambda patch: patch.setattr(comparison_room, "counted_addresses", listed_addresses),
        build(1, 26, [Event(15, "switch", 33, 1), Event(20, "move", 1, 1)], 1, 20, 0),
    ),
    "nobody is agile": (with_kinds(lambda kind, _: not kind.agility), build(1, 13, [], 12, 5, 4)),
    "everybody knows all that is published": (
        with_kinds(lambda kind, present: kind.supported == present),
        build(1, 12, [], 6, 20, 0),
    ),
    "everybody is strict": (with_kinds(lambda kind, _: not kind.lenient), build(1, 13, [], 13, 5, 5)),
}
"""Each with a small world in which it harms somebody. Drawn at random, each shows within 130 worlds."""


def harmed(world: World) -> list[str]:
    return [found for found in disagreements(world, Counter()) if "harms" in found]


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_harms_somebody(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, world = PLANTED[fault]
    assert harmed(world) == []
    plant(monkeypatch)
    assert harmed(world) != []
