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
from truth_worlds import CONTENTS, GENERATIONS, LIMITS, SHOWN, STEP, World, answer_of, worlds

from danelaw.core.model import IP, Instant, Limits, RRset
from danelaw.core.model.addresses import addresses_in
from danelaw.core.rollover import answers as answers_room
from danelaw.core.rollover import chains as chains_room
from danelaw.core.rollover import gate as gate_room
from danelaw.core.rollover.actions import Action, DestroyKey, Publish, Switch
from danelaw.core.rollover.answers import members, newest
from danelaw.core.rollover.facts import Facts
from danelaw.core.rollover.gate import Judgement, Refused, judge
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.tlsa import ClientKind, Combination, client_kinds
from oracle.clients import Records
from oracle.harm import Oracle, Truth, Victim
from rollover_history import LINEAGE, LOCAL, NS2, NS3, ZONE, A, at, reach

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EXAMPLES: Final = int(os.environ.get("ORACLE_EXAMPLES", "120"))
"""Worlds of the long test; ``make prove`` asks for more."""

STRICTER: Final = {
    "ADDRESSES_UNKNOWN": "the addresses of before the history began may be others than they were in truth",
    "ADDRESSES_UNSEEN": "no authority has answered yet",
    "ANSWER_HELD": "what was left behind is known to be so at the next sight only, and silence vouches for nothing",
    "CHAIN_UNMATCHED": "a first record has to match everywhere; and a chain is left when something else is seen",
    "FOREIGN_ASSOCIATION": "nothing is published that comes from no stored key, whomever it would serve",
    "HISTORY_UNKNOWN": "answers of before the history began, or of a silence, may be others than they were in truth",
    "KEY_IN_USE": "the key is on the serving path, or may be presented for what is known",
    "KEY_PUBLISHED": "clients hold a record of the key: there is no way back without it",
    "NO_ADDRESS": "no authority has answered yet",
    "NO_SHA256": "clients that know SHA-256 alone are not to be left out, also where they were before",
    "NO_TLS": "a first record is not published over a server that gives no handshake, though all refuse that already",
    "NOT_STORED": "the store has not been looked at yet",
    "UNPROBED": "nothing is known of what an address presents",
    "ZONE_NOT_SECURE": "the validator has not been asked for long",
}


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


def judged(world: World) -> Iterator[tuple[int, Action, Judgement, Victim | None]]:
    """The step, what was asked, and what gate and oracle say."""
    facts = Facts(LIMITS.max_gap)
    for step in range(world.end):
        facts = facts.add(*world.told(step))
        if world.known(step):
            oracle = Oracle(world.truth, step * STEP)
            for action in actions(world, step):
                judgement = judge(action, facts, through(world.truth), at(step * STEP), LIMITS)
                yield step, action, judgement, harm(oracle, action)


def disagreements(world: World, tally: Counter[str]) -> Iterator[str]:
    """What the gate allowed though it harms somebody, in words; ``tally`` gets why it refused what harms nobody."""
    for step, action, judgement, victim in judged(world):
        if isinstance(judgement, Refused):
            tally.update({fault.code for fault in judgement.because} if victim is None else {"rightly refused"})
        else:
            tally["allowed"] += 1
            if victim is not None:
                yield f"at {step * STEP}: {named(action)}\nharms {told(victim)}"


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


@settings(max_examples=EXAMPLES)
@given(worlds())
def test_what_the_gate_allows_harms_nobody_and_what_it_refuses_beyond_that_has_a_reason(world: World) -> None:
    tally: Counter[str] = Counter()
    assert next(disagreements(world, tally), None) is None
    assert tally.keys() <= STRICTER.keys() | {"allowed", "rightly refused"}


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

    return lambda patch: patch.setattr(gate_room, "client_kinds", some)


def without(room: object, name: str, instead: object) -> Callable[[pytest.MonkeyPatch], None]:
    """One of the gate's parts always says the same."""
    return lambda patch: patch.setattr(room, name, lambda *_: instead)


def primary_alone(facts: Facts, zone: Name, now: Instant, limits: Limits) -> frozenset[IP]:
    return members(facts, zone, now, limits) - {NS2, NS3}


def newest_addresses(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> frozenset[IP]:
    answer = newest(facts, reached.zone, reached.endpoint.host, A)
    return frozenset() if answer is None else addresses_in(answer)


PLANTED: Final[dict[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "caches keep an answer for its TTL once": with_limits(ttl_factor=1),
    "nobody takes time between look-up and handshake": with_limits(lookup_delay=timedelta(0)),
    "a sight vouches for ever": with_limits(gap_passes=1000),
    "nothing was cached before the history began": without(answers_room, "_unknown", None),
    "secondaries are as the primary": lambda patch: patch.setattr(answers_room, "members", primary_alone),
    "what has no outcome did not happen": without(answers_room, "_pending", ()),
    "what was handed over is not presented until it is seen": without(chains_room, "_handed", frozenset()),
    "nobody goes to an address of yesterday": lambda patch: patch.setattr(
        gate_room, "service_addresses", newest_addresses
    ),
    "nobody is agile": with_kinds(lambda kind, _: not kind.agility),
    "everybody is agile": with_kinds(lambda kind, _: kind.agility),
    "everybody knows all that is published": with_kinds(lambda kind, present: kind.supported == present),
    "everybody is strict": with_kinds(lambda kind, _: not kind.lenient),
}
