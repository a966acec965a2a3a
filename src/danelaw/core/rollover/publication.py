"""Whether TLSA records, or responses to challenges, may be published or withdrawn.

For every endpoint reaching them, server s, c ∈ Ch(s), t ∈ H: refused(v', c, t) ⊆ refused(v, c, t).
"""

from __future__ import annotations

from collections.abc import Iterable

from danelaw.core.model import IP, Absence, Answer, Chain, HandshakeFailure, Instant, Limits, RRset
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.challenges import ACME_CHALLENGE, TXT, led_here, published, takes_others
from danelaw.core.rollover.comparison import compare, instants, presentable
from danelaw.core.rollover.conditions import (
    Counterexample,
    fault,
    hides,
    says,
    text,
    type_text,
    unfit,
    unknown_addresses,
    unseen,
)
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.judgement import Allowed, Judgement, Refused, refusal
from danelaw.core.rollover.lookups import TLSA, Found, Place, through, tlsa_answers
from danelaw.core.rollover.reach import Reach, Reached, Unprobed
from danelaw.core.tlsa import ClientKind, Fallback, client_kinds, combinations_of, refused, safe_match


def judge_publish(change: Publish, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement:
    owner = change.replace.owner
    if isinstance(change.expect, RRset) and change.expect.type != change.replace.type:
        return refusal("I1", "OWNER_IS_ALIAS", now, f"{text(owner)} is an alias, and can have no records beside it")
    hidden = tuple(fault for r in reach.endpoints for fault in hides(change, facts, r, now, limits))
    if change.replace.type != TLSA:
        if change.replace.type != TXT or not _of_challenges(change, facts):
            because = f"Danelaw does not yet change the {type_text(change.replace.type)} RRset of {text(owner)}"
            return refusal("I1", "NOT_JUDGED", now, because)
        return Refused(hidden, None) if hidden else Allowed()
    if isinstance(change.replace, RRset) and not change.replace.rdatas:
        return refusal("I1", "EMPTY_RRSET", now, f"there is nothing to publish at {text(owner)}")
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
        for ip, chain in presentable(facts, endpoint, now, limits):
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
            for at in instants(now, limits, endpoint, [(change.expect, chain), (change.replace, chain)]):
                worse, better = compare(change.replace, chain, change.expect, chain, at, endpoint, limits)
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
        for ip, chain in presentable(facts, further.seen, now, limits):
            if isinstance(chain, Unprobed):
                continue
            for held in further.possible.held:
                worse, _ = compare(held.answer, chain, change.expect, chain, now, further.seen, limits)
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


def _only_adds_to_present(old: Answer, new: Answer) -> bool:
    return (
        isinstance(old, RRset)
        and isinstance(new, RRset)
        and old.rdatas <= new.rdatas
        and combinations_of(new) <= combinations_of(old)
    )


def _chains_leave(faults: Iterable[Counterexample], now: Instant, limits: Limits) -> Instant | None:
    """A chain that was just left stays possible for the look-up delay; look again when that is over."""
    return now + limits.lookup_delay if all(fault.code == "CHAIN_UNMATCHED" for fault in faults) else None
