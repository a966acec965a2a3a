"""The gate: the last thing evaluated before each action, on observations made after the plan was.

    publish v → v', and withdraw:   for every endpoint reaching it, server s, c ∈ Ch(s), t ∈ H:
                                        refused(v', c, t) ⊆ refused(v, c, t)
    switch to generation g at s:    for every a ∈ Ans, c ∈ Ch(s), t ∈ H:
                                        refused(a, g, t) ⊆ refused(a, c, t)
    hand over the DS:               every zone epoch that a cache or an authority may supply validates under it
    sign the zone:                  so do its keys and signatures with all that may be held, each with each

It says yes, or returns counterexamples: which answer, held until when, against which chain at which address, for which
kinds of client. Whoever is refused after an allowed action would have been refused anyway; so it never blocks a repair.

The rules of TLSA records are in ``publication``, those of credentials in ``switching``, ``retirement`` and
``revocation``, those of zones in ``epochs`` and ``zone_changes``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from danelaw.core.model import Absence, Instant, Limits
from danelaw.core.rollover.acceptance import overridden
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    ClearChallenge,
    DestroyKey,
    DestroyZoneKey,
    MakeKey,
    MakeZoneKey,
    MakeZoneKeys,
    PlaceChallenge,
    Publish,
    Retire,
    ReuseKey,
    Revoke,
    SignZone,
    SubmitDS,
    Switch,
)
from danelaw.core.rollover.answers import Held
from danelaw.core.rollover.chains import lying_chains
from danelaw.core.rollover.clock import harmed, told, wrong
from danelaw.core.rollover.comparison import presentable
from danelaw.core.rollover.conditions import Counterexample, says
from danelaw.core.rollover.epochs import blocks_ds
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.judgement import Allowed, Judgement, Refused, holds_end, refusal
from danelaw.core.rollover.lookups import tlsa_answers
from danelaw.core.rollover.publication import judge_publish
from danelaw.core.rollover.reach import Reach, Unprobed
from danelaw.core.rollover.retirement import blocks_retirement
from danelaw.core.rollover.revocation import blocks_revocation
from danelaw.core.rollover.switching import judge_destruction, judge_switch
from danelaw.core.rollover.words import Accepted, Waived
from danelaw.core.rollover.zone_changes import blocks_destruction, blocks_signing
from danelaw.core.tlsa import Fallback, client_kinds, combinations_of, refused


def judge(action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    """Whether the action makes no kind of client refuse what it would not have refused anyway."""
    judgement = _judge(action, facts, reach, now, limits)
    if not any(isinstance(word, Accepted | Waived) and word.at <= now < word.until for word in facts.words):
        return judgement
    because = judgement.because if isinstance(judgement, Refused) else ()

    def alone(some: Reach) -> tuple[Counterexample, ...]:
        found = _judge(action, facts, some, now, limits)
        return found.because if isinstance(found, Refused) else ()

    if because and not overridden(because, action, facts, reach, now, alone):
        return judgement
    without = _judge(action, _unspoken(facts), reach, now, limits)
    waived = tuple(found for found in without.because if found not in because) if isinstance(without, Refused) else ()
    return Allowed(isinstance(judgement, Allowed) and judgement.repair, because, waived)


def _unspoken(facts: Facts) -> Facts:
    return facts.once(_unspoken, facts.without_words)


def _judge(action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    if (dated := wrong(facts, limits)) is not None and harmed(action, facts):
        return refusal("I1", "CLOCK_WRONG", now, told(dated))
    match action:
        case Publish():
            return judge_publish(action, facts, reach, now, limits)
        case Switch():
            return judge_switch(action, facts, reach, now, limits)
        case SubmitDS() | SignZone() | DestroyZoneKey():
            return _judge_epoch(action, facts, now, limits)
        case DestroyKey():
            return judge_destruction(action, facts, reach, now, limits)
        case Retire():
            kept = blocks_retirement(action, facts, reach, now, limits)
            return Refused(kept, None) if kept else Allowed()
        case Revoke():
            used = blocks_revocation(action, facts, reach, now, limits)
            return Refused(used, None) if used else Allowed()
        case (
            MakeZoneKeys()
            | MakeZoneKey()
            | MakeKey()
            | ReuseKey()
            | AdvanceOrder()
            | PlaceChallenge()
            | ClearChallenge()
        ):
            return Allowed()  # nothing that a client sees changes
        case _ as unreachable:
            assert_never(unreachable)


def violations(facts: Facts, reach: Reach, now: Instant, limits: Limits) -> tuple[Counterexample, ...]:
    """Clients that are refused as things stand. Reported and alarmed; no input to the gate.

    What only a waiver hides is told too.
    """
    found = _violations(facts, reach, now, limits)
    if not any(isinstance(word, Waived) and now < word.until for word in facts.words):
        return found
    told = {_who(one) for one in found}
    hidden = (one for one in _violations(_unspoken(facts), reach, now, limits) if _who(one) not in told)
    return (*found, *(replace(one, code="VIOLATION_WAIVED", because=f"{one.because}; waived") for one in hidden))


def _who(violation: Counterexample) -> tuple[object, ...]:
    """Whoever holds this, and is presented that: until when he may hold it, and because of whom, is no matter."""
    held = violation.held.answer if isinstance(violation.held, Held) else None
    return violation.address, violation.chain, held


def _violations(facts: Facts, reach: Reach, now: Instant, limits: Limits) -> tuple[Counterexample, ...]:
    found: list[Counterexample] = []
    for come in (found for r in reach.endpoints for found in tlsa_answers(facts, r, now, limits)):
        reached = come.seen
        ours = bool(lying_chains(facts, reached))
        for ip, chain in presentable(facts, reached, now, limits):
            if isinstance(chain, Unprobed):
                continue
            for held in come.possible.held:
                if isinstance(held.answer, Absence) and not come.last:
                    continue  # clients look elsewhere, and what they find there is looked at too
                if isinstance(held.answer, Absence) and not ours:
                    continue  # neither a record nor a credential of ours: a service that is not there yet
                kinds = client_kinds(combinations_of(held.answer))
                kinds = frozenset(kind for kind in kinds if kind.fallback is Fallback.PKIX)
                if who := refused(held.answer, chain, now, reached.reference, kinds, limits.clock_skew):
                    because = f"clients that hold {says(held.answer)} refuse what {ip} presents"
                    found.append(Counterexample("I1", "VIOLATION", held, ip, chain, who, now, because))
    return tuple(found)


def _judge_epoch(action: SubmitDS | SignZone | DestroyZoneKey, facts: Facts, now: Instant, limits: Limits) -> Judgement:
    match action:
        case SubmitDS(zone, expect, replace):
            found = blocks_ds(zone, expect, replace, facts, now, limits)
        case SignZone():
            found = blocks_signing(action, facts, now, limits)
        case DestroyZoneKey():
            found = blocks_destruction(action, facts, now, limits)
        case _ as unreachable:
            assert_never(unreachable)
    faults = tuple(
        Counterexample("I2", block.code, block.held, None, None, frozenset(), now, block.because) for block in found
    )
    return Refused(faults, holds_end(faults)) if faults else Allowed()


__all__ = ["Allowed", "Counterexample", "Judgement", "Refused", "judge", "says", "violations"]
