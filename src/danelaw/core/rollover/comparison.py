"""What servers may present, and who refuses one answer with one chain and not another with another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from danelaw.core.model import IP, Answer, Chain, HandshakeFailure, Instant, Limits
from danelaw.core.rollover.chains import lying_chains, possible_chains
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.history import in_order
from danelaw.core.rollover.lookups import counted_addresses, service_addresses
from danelaw.core.rollover.reach import Reached, Unprobed
from danelaw.core.tlsa import ClientKind, client_kinds, combinations_of, refused, validity_changes

Presented: TypeAlias = Sequence[tuple[IP, Chain | HandshakeFailure | Unprobed]]
"""What each address may present."""


def presentable(facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Presented:
    """What every address that counts may present, always in the same order."""

    def look() -> Presented:
        return tuple(
            (ip, chain)
            for ip in in_order(counted_addresses(facts, endpoint, now, limits))
            for chain in _in_order(possible_chains(facts, endpoint, ip, now, limits))
        )

    return facts.once((presentable, endpoint, now, limits), look)


def as_it_lies(facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Presented:
    """Where all addresses of a host are waived, what lies on its serving path is presented, as far as is known."""
    addresses = in_order(service_addresses(facts, endpoint, now, limits))
    return tuple(
        (ip, chain) for ip in addresses for chain in _in_order(lying_chains(facts, endpoint) or frozenset({Unprobed()}))
    )


def _in_order(
    chains: frozenset[Chain | HandshakeFailure | Unprobed],
) -> Iterable[Chain | HandshakeFailure | Unprobed]:
    return chains if len(chains) == 1 else sorted(chains, key=repr)


def compare(
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


def instants(
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
