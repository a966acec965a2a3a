"""Whether a host may go over to another generation of a credential, and whether an old key may be destroyed.

A switch to g at s: for every a ∈ Ans, c ∈ Ch(s), t ∈ H: refused(a, g, t) ⊆ refused(a, c, t).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import IP, Answer, Chain, HandshakeFailure, Instant, Limits
from danelaw.core.rollover.actions import DestroyKey, Switch
from danelaw.core.rollover.answers import Possible
from danelaw.core.rollover.comparison import Presented, as_it_lies, compare, instants, presentable
from danelaw.core.rollover.conditions import Counterexample, another_key, belongs, records, says, unseen
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.judgement import Allowed, Judgement, Refused, holds_end, refusal
from danelaw.core.rollover.lookups import every_base, tlsa_answers
from danelaw.core.rollover.reach import Reach, Reached, Unprobed
from danelaw.core.rollover.revocation import distrusted
from danelaw.core.tlsa import CertificateUsage, ClientKind, Fallback, client_kinds, combinations_of, refused
from danelaw.core.tlsa.credential import associations, leaf_algorithm, leaf_spki

_NAMES_LEAF: Final = (CertificateUsage.PKIX_EE, CertificateUsage.DANE_EE)
"""Records of a CA go with no key of ours: they name every key that it certifies."""


def judge_switch(switch: Switch, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    faults: list[Counterexample] = []
    repair = False
    holding = facts.holding(switch.lineage)
    stored = next((g for g in holding.generations if g.generation == switch.generation), None) if holding else None
    if stored is None or stored.chain != switch.chain:
        because = f"generation {switch.generation} is not in the store with this chain"
        return refusal("I1", "NOT_STORED", now, because)
    if not belongs(stored):
        return refusal("I1", "KEY_MISMATCH", now, another_key(stored))
    if distrusted(switch, facts):
        because = f"the certificate of generation {switch.generation} is revoked, or is to be"
        return refusal("I1", "CERTIFICATE_REVOKED", now, because)
    served = reach.served_by(switch.lineage, switch.host)
    if not served:
        return refusal("I1", "UNREACHED", now, f"no service is known that {switch.host} serves with this credential")
    for endpoint in served:
        blind = tuple(unseen(facts, endpoint, now, limits))
        if not (_only_aliases(blind) and _keeps_key(switch.chain, facts, endpoint, now, limits)):
            faults.extend(blind)
        for come in tlsa_answers(facts, endpoint, now, limits):
            presented = presentable(facts, come.seen, now, limits) or as_it_lies(facts, endpoint, now, limits)
            for ip, chain in _replaced(switch.chain, presented):
                fault, helps = _judge_pair(switch.chain, chain, come.possible, come.seen, ip, now, limits)
                faults.extend(fault)
                repair |= helps
    return Refused(tuple(faults), holds_end(faults)) if faults else Allowed(repair)


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
        for at in instants(now, limits, endpoint, [(held.answer, chain) for chain in chains]):
            if isinstance(old, Unprobed):
                kinds = _undecided_kinds(held.answer)
                worse = refused(held.answer, new, at, endpoint.reference, kinds, limits.clock_skew)
            else:
                worse, better = compare(held.answer, new, held.answer, old, at, endpoint, limits)
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
    replaced = _replaced(new, presentable(facts, seen, now, limits))
    return all(_unknown_is_harmless(new, chain, answers) for _, chain in replaced)


def judge_destruction(action: DestroyKey, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    holding = facts.holding(action.lineage)
    generation = next((g for g in holding.generations if g.generation == action.generation), None) if holding else None
    if holding is None or generation is None:
        return refusal("I1", "NOT_STORED", now, f"generation {action.generation} is not in the store")
    if action.generation in holding.lying:
        return refusal("I1", "KEY_IN_USE", now, f"generation {action.generation} lies on the serving path")
    faults: list[Counterexample] = []
    for endpoint in (r for r in reach.endpoints if action.lineage in r.lineages):
        for ip, chain in presentable(facts, every_base(facts, endpoint, now, limits), now, limits):
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
    return Refused(tuple(faults), holds_end(faults)) if faults else Allowed()
