"""The gate: the last thing evaluated before each action, on observations made after the plan was.

    publish v → v', and withdraw:   for every endpoint reaching it, server s, c ∈ Ch(s), t ∈ H:
                                        refused(v', c, t) ⊆ refused(v, c, t)
    switch to generation g at s:    for every a ∈ Ans, c ∈ Ch(s), t ∈ H:
                                        refused(a, g, t) ⊆ refused(a, c, t)
    hand over the DS:               every zone epoch that a cache or an authority may supply validates under it
    sign the zone:                  so do its keys and signatures with all that may be held, each with each

It says yes, or returns counterexamples: which answer, held until when, against which chain at which address, for which
kinds of client. Whoever is refused after an allowed action would have been refused anyway; so it never blocks a repair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, assert_never

from danelaw.core.model import (
    IP,
    Absence,
    Answer,
    Chain,
    HandshakeFailure,
    Instant,
    Limits,
    RRset,
)
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
from danelaw.core.rollover.answers import Held, Possible
from danelaw.core.rollover.chains import lying_chains, possible_chains
from danelaw.core.rollover.challenges import ACME_CHALLENGE, TXT, led_here, published, takes_others
from danelaw.core.rollover.clock import harmed, told, wrong
from danelaw.core.rollover.conditions import (
    Counterexample,
    another_key,
    belongs,
    fault,
    hides,
    records,
    says,
    text,
    type_text,
    unfit,
    unknown_addresses,
    unseen,
)
from danelaw.core.rollover.epochs import blocks_ds
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.history import in_order
from danelaw.core.rollover.lookups import (
    TLSA,
    Found,
    Place,
    counted_addresses,
    every_base,
    service_addresses,
    through,
    tlsa_answers,
)
from danelaw.core.rollover.reach import Reach, Reached, Unprobed
from danelaw.core.rollover.retirement import blocks_retirement
from danelaw.core.rollover.revocation import blocks_revocation, distrusted
from danelaw.core.rollover.words import Accepted, Waived
from danelaw.core.rollover.zone_changes import blocks_destruction, blocks_signing
from danelaw.core.tlsa import (
    CertificateUsage,
    ClientKind,
    Fallback,
    client_kinds,
    combinations_of,
    refused,
    safe_match,
    validity_changes,
)
from danelaw.core.tlsa.credential import associations, leaf_algorithm, leaf_spki

_NAMES_LEAF: Final = (CertificateUsage.PKIX_EE, CertificateUsage.DANE_EE)
"""Records of a CA go with no key of ours: they name every key that it certifies."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """``repair``: the action strictly helps somebody who is refused now.

    ``accepted``: who may be refused because of it, as the operator accepts by name. ``waived``: what would stand
    against it, were the operator's waivers not.
    """

    repair: bool = False
    accepted: tuple[Counterexample, ...] = ()
    waived: tuple[Counterexample, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """``earliest``: when the known holds end; None: only another observation or the operator can change it."""

    because: tuple[Counterexample, ...]
    earliest: Instant | None


Judgement: TypeAlias = Allowed | Refused
Presented: TypeAlias = Sequence[tuple[IP, Chain | HandshakeFailure | Unprobed]]
"""What each address may present."""


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
        return _no("I1", "CLOCK_WRONG", now, told(dated))
    match action:
        case Publish():
            return _judge_publish(action, facts, reach, now, limits)
        case Switch():
            return _judge_switch(action, facts, reach, now, limits)
        case SubmitDS() | SignZone() | DestroyZoneKey():
            return _judge_epoch(action, facts, now, limits)
        case DestroyKey():
            return _judge_destruction(action, facts, reach, now, limits)
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
        for ip, chain in _presented(facts, reached, now, limits):
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


# -- I1: TLSA ---------------------------------------------------------------------------------------------------------


def _judge_publish(change: Publish, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    owner = change.replace.owner
    if isinstance(change.expect, RRset) and change.expect.type != change.replace.type:
        return _no("I1", "OWNER_IS_ALIAS", now, f"{text(owner)} is an alias, and can have no records beside it")
    hidden = tuple(fault for r in reach.endpoints for fault in hides(change, facts, r, now, limits))
    if change.replace.type != TLSA:
        if change.replace.type != TXT or not _of_challenges(change, facts):
            because = f"Danelaw does not yet change the {type_text(change.replace.type)} RRset of {text(owner)}"
            return _no("I1", "NOT_JUDGED", now, because)
        return Refused(hidden, None) if hidden else Allowed()
    if isinstance(change.replace, RRset) and not change.replace.rdatas:
        return _no("I1", "EMPTY_RRSET", now, f"there is nothing to publish at {text(owner)}")
    found = through(facts, reach, change.zone, owner, now, limits)
    faults = [*hidden, *unfit(change, facts, [come.seen for come in found], now, limits)]
    if not found:
        faults.append(fault("I1", "UNREACHED", now, f"no service is known whose clients ask for {text(owner)}"))
    repair = False
    for come in found:
        endpoint = come.seen
        if isinstance(change.replace, Absence) and not come.last:
            faults.extend(_goes_on(change, come, facts, now, limits))
        faults.extend(unseen(facts, endpoint, now, limits))
        if not _only_adds_to_present(change.expect, change.replace):
            faults.extend(unknown_addresses(facts, endpoint, now, limits))
        for ip, chain in _presented(facts, endpoint, now, limits):
            if isinstance(chain, Unprobed):
                if not _only_adds_to_present(change.expect, change.replace):
                    because = f"nothing is known yet of what {ip} presents"
                    faults.append(Counterexample("I1", "UNPROBED", None, ip, chain, frozenset(), now, because))
                continue
            if isinstance(chain, HandshakeFailure) and isinstance(change.expect, Absence):
                because = f"{ip} gives no TLS handshake ({chain.code})"
                faults.append(Counterexample("I1", "NO_TLS", None, ip, chain, frozenset(), now, because))
                continue
            if isinstance(change.expect, Absence) and (
                unmatched := _first_unmatched(change.replace, ip, chain, now, endpoint, limits)
            ):
                faults.append(unmatched)
                continue
            for at in _instants(now, limits, endpoint, [(change.expect, chain), (change.replace, chain)]):
                worse, better = _compare(change.replace, chain, change.expect, chain, at, endpoint, limits)
                repair |= bool(better) and at == now
                if worse:
                    lost = _lost(change, ip, chain, worse, at)
                    if all((told.code, told.address, told.chain) != (lost.code, ip, chain) for told in faults):
                        faults.append(lost)
    return Refused(tuple(faults), _chains_leave(faults, now, limits)) if faults else Allowed(repair)


def _of_challenges(change: Publish, facts: Facts) -> bool:
    """Whether a change is of responses to challenges: at an owner of its own, or where such a one is an alias to.

    There others may have records of theirs, and keep them.
    """
    owner = change.replace.owner
    if owner.labels[0] == ACME_CHALLENGE:
        return True
    place = Place(change.zone, owner)
    return (led_here(facts, place) or bool(published(facts, place))) and not takes_others(facts, change)


def _goes_on(change: Publish, come: Found, facts: Facts, now: Instant, limits: Limits) -> Iterable[Counterexample]:
    """Who finds no records at an expanded alias any more goes on with the name that it is an alias of."""
    for further in (found for found in tlsa_answers(facts, come.reached, now, limits) if found.last):
        if (unknown := further.possible.unknown) is not None:
            yield Counterexample("I1", "HISTORY_UNKNOWN", unknown, None, None, frozenset(), now, unknown.because)
        for ip, chain in _presented(facts, further.seen, now, limits):
            if isinstance(chain, Unprobed):
                continue
            for held in further.possible.held:
                worse, _ = _compare(held.answer, chain, change.expect, chain, now, further.seen, limits)
                if worse:
                    because = f"clients go on to {text(further.place.owner)}, and {says(held.answer)} does not match"
                    yield Counterexample("I1", "CHAIN_UNMATCHED", held, ip, chain, worse, now, because)


def _lost(
    change: Publish, ip: IP, chain: Chain | HandshakeFailure, worse: frozenset[ClientKind], at: Instant
) -> Counterexample:
    """Those who are refused anew: some of them are by the very nature of a withdrawal."""
    left = combinations_of(change.replace)
    gone = combinations_of(change.expect) - left
    if gone and all(kind.fallback is Fallback.REFUSE and not kind.supported & left for kind in worse):
        known = ", ".join(map(str, sorted(gone)))
        because = f"clients that must have DANE and know nothing but {known} refuse {ip} then"
        return Counterexample("I1", "MANDATORY_CLIENTS", None, ip, chain, worse, at, because)
    if isinstance(change.replace, Absence):
        first = "first let it present a certificate of a CA that clients trust"
        because = f"{ip} may present a chain that clients without DANE refuse: {first}"
        return Counterexample("I1", "NO_FALLBACK", None, ip, chain, worse, at, because)
    because = f"{ip} may present a chain that {says(change.replace)} does not match"
    return Counterexample("I1", "CHAIN_UNMATCHED", None, ip, chain, worse, at, because)


def _first_unmatched(
    first: Answer, ip: IP, chain: Chain | HandshakeFailure, now: Instant, endpoint: Reached, limits: Limits
) -> Counterexample | None:
    """A first publication matches everywhere, also where clients without DANE refuse the chain already."""
    if safe_match(first, chain, now, endpoint.reference, limits.clock_skew):
        return None
    who = refused(first, chain, now, endpoint.reference, client_kinds(combinations_of(first)), limits.clock_skew)
    because = f"{ip} presents a chain that {says(first)} does not match"
    return Counterexample("I1", "CHAIN_UNMATCHED", None, ip, chain, who, now, because)


def _judge_switch(switch: Switch, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    faults: list[Counterexample] = []
    repair = False
    holding = facts.holding(switch.lineage)
    stored = next((g for g in holding.generations if g.generation == switch.generation), None) if holding else None
    if stored is None or stored.chain != switch.chain:
        because = f"generation {switch.generation} is not in the store with this chain"
        return _no("I1", "NOT_STORED", now, because)
    if not belongs(stored):
        return _no("I1", "KEY_MISMATCH", now, another_key(stored))
    if distrusted(switch, facts):
        because = f"the certificate of generation {switch.generation} is revoked, or is to be"
        return _no("I1", "CERTIFICATE_REVOKED", now, because)
    served = reach.served_by(switch.lineage, switch.host)
    if not served:
        return _no("I1", "UNREACHED", now, f"no service is known that {switch.host} serves with this credential")
    for endpoint in served:
        blind = tuple(unseen(facts, endpoint, now, limits))
        if not (_only_aliases(blind) and _keeps_key(switch.chain, facts, endpoint, now, limits)):
            faults.extend(blind)
        for come in tlsa_answers(facts, endpoint, now, limits):
            presented = _presented(facts, come.seen, now, limits) or _unseen(facts, endpoint, now, limits)
            for ip, chain in _replaced(switch.chain, presented):
                fault, helps = _judge_pair(switch.chain, chain, come.possible, come.seen, ip, now, limits)
                faults.extend(fault)
                repair |= helps
    return Refused(tuple(faults), _holds_end(faults)) if faults else Allowed(repair)


def _replaced(new: Chain, presented: Presented) -> Presented:
    """What a new chain comes in place of. Where a server has a key of the same kind already, whom it presents another
    kind to does not change; where it has none, the new one may come to anybody."""
    kind = leaf_algorithm(new)
    if kind is None:
        return presented
    having = {ip for ip, chain in presented if isinstance(chain, Chain) and leaf_algorithm(chain) is kind}
    return [
        (ip, chain)
        for ip, chain in presented
        if ip not in having or not isinstance(chain, Chain) or leaf_algorithm(chain) in (kind, None)
    ]


def _judge_pair(
    new: Chain,
    old: Chain | HandshakeFailure | Unprobed,
    answers: Possible,
    endpoint: Reached,
    ip: IP,
    now: Instant,
    limits: Limits,
) -> tuple[list[Counterexample], bool]:
    faults: list[Counterexample] = []
    helps = False
    if answers.unknown is not None and not _unknown_is_harmless(new, old, answers):
        because = f"{answers.unknown.because}; a switch to another key is not safe yet"
        faults.append(
            Counterexample("I1", "HISTORY_UNKNOWN", answers.unknown, ip, old, frozenset(), now, because),
        )
    chains: list[Chain | HandshakeFailure] = [new] if isinstance(old, Unprobed) else [new, old]
    for held in answers.held:
        for at in _instants(now, limits, endpoint, [(held.answer, chain) for chain in chains]):
            if isinstance(old, Unprobed):
                kinds = _undecided_kinds(held.answer)
                worse = refused(held.answer, new, at, endpoint.reference, kinds, limits.clock_skew)
            else:
                worse, better = _compare(held.answer, new, held.answer, old, at, endpoint, limits)
                helps |= bool(better) and at == now
            if worse:
                because = f"clients may hold {says(held.answer)}: {held.because}"
                faults.append(Counterexample("I1", "ANSWER_HELD", held, ip, old, worse, at, because))
                break
    return faults, helps


def _undecided_kinds(answer: Answer) -> frozenset[ClientKind]:
    """Without those that find nothing usable in the answer and so refuse whatever is presented."""
    present = combinations_of(answer)
    kinds = client_kinds(present)
    return frozenset(k for k in kinds if k.fallback is Fallback.PKIX or k.supported & present)


def _unknown_is_harmless(new: Chain, old: Chain | HandshakeFailure | Unprobed, answers: Possible) -> bool:
    """With an unknown history only the same key may be presented; a server that every client refuses loses nothing."""
    if isinstance(old, HandshakeFailure):
        return True
    named = {r.combination for held in answers.held for r in records(held.answer)}
    full = any(combination.selector == 0 for combination in named)
    if any(combination.usage not in _NAMES_LEAF for combination in named) and isinstance(old, Chain):
        full |= not set(old.ders[1:]) <= set(new.ders[1:])  # a CA that is not presented any more may be named
    return isinstance(old, Chain) and not full and leaf_spki(old) is not None and leaf_spki(old) == leaf_spki(new)


def _only_aliases(blind: Iterable[Counterexample]) -> bool:
    return all(found.code == "ALIAS_UNSEEN" for found in blind)


def _keeps_key(new: Chain, facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> bool:
    """Whether a switch is harmless, whatever clients find where nobody has looked: as with an unknown history."""
    seen = every_base(facts, endpoint, now, limits)
    held = (held for come in tlsa_answers(facts, endpoint, now, limits) for held in come.possible.held)
    answers = Possible(tuple(held), None)
    replaced = _replaced(new, _presented(facts, seen, now, limits))
    return all(_unknown_is_harmless(new, chain, answers) for _, chain in replaced)


def _judge_destruction(action: DestroyKey, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    holding = facts.holding(action.lineage)
    generation = next((g for g in holding.generations if g.generation == action.generation), None) if holding else None
    if holding is None or generation is None:
        return _no("I1", "NOT_STORED", now, f"generation {action.generation} is not in the store")
    if action.generation in holding.lying:
        return _no("I1", "KEY_IN_USE", now, f"generation {action.generation} lies on the serving path")
    faults: list[Counterexample] = []
    for endpoint in (r for r in reach.endpoints if action.lineage in r.lineages):
        for ip, chain in _presented(facts, every_base(facts, endpoint, now, limits), now, limits):
            if isinstance(chain, Unprobed) or (isinstance(chain, Chain) and leaf_spki(chain) == generation.spki):
                because = f"{ip} may still present the key"
                faults.append(Counterexample("I1", "KEY_IN_USE", None, ip, chain, frozenset(), now, because))
        for answers in (come.possible for come in tlsa_answers(facts, endpoint, now, limits)):
            if answers.unknown is not None:
                because = f"{answers.unknown.because}; they may name the key"
                faults.append(
                    Counterexample("I1", "HISTORY_UNKNOWN", answers.unknown, None, None, frozenset(), now, because)
                )
            for held in answers.held:
                named = records(held.answer)
                leaves = {r.combination for r in named if r.combination.usage in _NAMES_LEAF}
                if named & associations(leaves, generation.chain, generation.spki):
                    because = f"clients may hold {says(held.answer)}: {held.because}"
                    faults.append(Counterexample("I1", "KEY_PUBLISHED", held, None, None, frozenset(), now, because))
    return Refused(tuple(faults), _holds_end(faults)) if faults else Allowed()


# -- I2: zone epochs --------------------------------------------------------------------------------------------------


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
    return Refused(faults, _holds_end(faults)) if faults else Allowed()


# -- small things -----------------------------------------------------------------------------------------------------


def _presented(facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Presented:
    """What every address that counts may present, always in the same order."""

    def look() -> Presented:
        return tuple(
            (ip, chain)
            for ip in in_order(counted_addresses(facts, endpoint, now, limits))
            for chain in _in_order(possible_chains(facts, endpoint, ip, now, limits))
        )

    return facts.once((_presented, endpoint, now, limits), look)


def _unseen(facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Presented:
    """Where all addresses of a host are waived, what lies on its serving path is presented, as far as is known."""
    addresses = in_order(service_addresses(facts, endpoint, now, limits))
    return tuple(
        (ip, chain) for ip in addresses for chain in _in_order(lying_chains(facts, endpoint) or frozenset({Unprobed()}))
    )


def _in_order(
    chains: frozenset[Chain | HandshakeFailure | Unprobed],
) -> Iterable[Chain | HandshakeFailure | Unprobed]:
    return chains if len(chains) == 1 else sorted(chains, key=repr)


def _compare(
    new: Answer,
    new_chain: Chain | HandshakeFailure,
    old: Answer,
    old_chain: Chain | HandshakeFailure,
    at: Instant,
    endpoint: Reached,
    limits: Limits,
) -> tuple[frozenset[ClientKind], frozenset[ClientKind]]:
    """(kinds refused anew, kinds accepted anew)"""
    kinds = client_kinds(combinations_of(new) | combinations_of(old))
    after = refused(new, new_chain, at, endpoint.reference, kinds, limits.clock_skew)
    before = refused(old, old_chain, at, endpoint.reference, kinds, limits.clock_skew)
    return after - before, before - after


def _instants(
    now: Instant, limits: Limits, endpoint: Reached, pairs: Sequence[tuple[Answer, Chain | HandshakeFailure]]
) -> list[Instant]:
    """H: now, and every change of a certificate's validity before the longest hold has passed."""
    longest = max(int(limits.assumed_past_ttl.total_seconds()), *(answer.ttl for answer, _ in pairs))
    horizon = now + limits.hold(longest) + limits.pass_interval
    changes = {
        at
        for answer, chain in pairs
        for at in validity_changes(answer, chain, endpoint.reference, limits.clock_skew)
        if now < at <= horizon
    }
    return [now, *sorted(changes)]


def _only_adds_to_present(old: Answer, new: Answer) -> bool:
    return (
        isinstance(old, RRset)
        and isinstance(new, RRset)
        and old.rdatas <= new.rdatas
        and combinations_of(new) <= combinations_of(old)
    )


def _holds_end(faults: Iterable[Counterexample]) -> Instant | None:
    """When the last of the known holds ends; None if one of them has no known end."""
    ends = [fault.held.until if fault.held is not None else None for fault in faults]
    return None if None in ends else max((end for end in ends if end is not None), default=None)


def _chains_leave(faults: Iterable[Counterexample], now: Instant, limits: Limits) -> Instant | None:
    """A chain that was just left stays possible for the look-up delay; look again when that is over."""
    return now + limits.lookup_delay if all(fault.code == "CHAIN_UNMATCHED" for fault in faults) else None


def _no(rule: Literal["I1", "I2"], code: str, now: Instant, because: str) -> Refused:
    return Refused((fault(rule, code, now, because),), None)


__all__ = ["TLSA", "Allowed", "Counterexample", "Judgement", "Refused", "judge", "says", "violations"]
